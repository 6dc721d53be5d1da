"""What is wrong with a chain: pure functions of its links, the same when it is certified and when that is checked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from json import dumps
from typing import Any

from jobs.core import pipeline
from jobs.core.artifact import FileEntry, Record
from jobs.core.compose import flatten
from jobs.core.model import StrictModel
from jobs.core.rule import Verdict

SHIPS = "quantize"
"""The stage whose GGUFs are shipped."""
LOG_STAGE, LOG = "train", "log.jsonl"
"""Shipped too: `report.html` draws its curves from it, so whoever checks the page needs it."""
SHIPPED_LOG = "training-log.jsonl"


class Link(StrictModel):
    """One stage of the chain as it was when the certificate was written."""

    digest: str
    record: Record
    """`artifact.json`."""
    changed: list[str]
    """Files that were not the recorded ones any more."""
    misjudged: list[str]
    """Where the recorded verdict is not what the limits in the certificate make of the recorded facts."""

    @property
    def stage(self) -> str:
        return self.record.stage


Links = Mapping[str, Link]


def waived(verdict: Verdict) -> dict[str, str]:
    """Rule code to the reason given, of the rules that failed and were waived."""
    return {
        finding.code: finding.messages[-1].removeprefix("waived: ")
        for finding in verdict.findings
        if finding.status == "waived" and finding.messages
    }


def changed_limits(
    limits: Mapping[str, Mapping[str, Any]], defaults: Mapping[str, Mapping[str, Any]], stages: Collection[str]
) -> dict[str, str]:
    """The limits of these stages that differ from their defaults: config key to `0.05, by default 0.01`."""
    found = {}
    for stage in stages:
        now, usual = (flatten(dict(one.get(stage, {}))) for one in (limits, defaults))
        for key in sorted(now.keys() | usual.keys()):
            if key and now.get(key) != usual.get(key):
                found[f"{stage}.limits.{key}"] = f"{_limit(now, key)}, by default {_limit(usual, key)}"
    return found


def _limit(limits: Mapping[str, Any], key: str) -> str:
    return dumps(limits[key], ensure_ascii=False) if key in limits else "none"


def missing(links: Links) -> list[str]:
    """Stages that were not made, of those that every chain has and those that something here was made from."""
    taken = {name for link in links.values() for name in link.record.key.inputs}
    return [
        stage.name
        for stage in pipeline.CHAIN
        if stage.name not in links and (not stage.optional or stage.name in taken)
    ]


def failed(links: Links) -> dict[str, list[str]]:
    """Stages whose verdict is not a pass, or cannot be one by its own findings: stage to failing rules."""
    found = {}
    for name, link in links.items():
        verdict = link.record.verdict
        codes = [f"{finding.code} {finding.name}" for finding in verdict.failing]
        asked = any(finding.status != "skip" for finding in verdict.findings)
        if codes or verdict.status != "pass" or not asked:
            found[name] = codes or ["its gate asked nothing" if not asked else "its verdict is not a pass"]
    return found


def stale(links: Links) -> dict[str, list[str]]:
    """Stages that were not made from what is there now: stage to the ancestors that differ."""
    found = {}
    for name, link in links.items():
        made_from = link.record.key.inputs
        needed = pipeline.stage(name).needed(made_from)
        off = [a for a in needed if a not in links or made_from.get(a) != links[a].digest]
        if off:
            found[name] = off
    return found


def changed(links: Links) -> list[str]:
    """Files that are not the recorded ones, as stage/file: what is wrong."""
    return [f"{name}/{problem}" for name, link in links.items() for problem in link.changed]


def misjudged(links: Links) -> list[str]:
    """Verdicts that are not what the limits beside them make of the facts."""
    return [f"{name}: {problem}" for name, link in links.items() for problem in link.misjudged]


def chain_problems(links: Links) -> list[str]:
    """Everything that keeps a chain from being certified, in words."""
    found = [f"{name}: was not made" for name in missing(links)]
    found += [f"{name}: did not pass ({', '.join(codes)})" for name, codes in failed(links).items()]
    found += [f"{name}: was not made from the {', '.join(names)} that is there" for name, names in stale(links).items()]
    found += changed(links) + misjudged(links)
    prepare = links.get("prepare")
    if prepare is not None and not prepare.record.key.outside:
        found.append("prepare: its record names no data file")
    return found


def to_ship(links: Links, ggufs: Collection[str]) -> dict[str, tuple[str, FileEntry | None]]:
    """What the chain made that the folder must have: name there to the stage and its recorded file."""
    found = {name: (SHIPS, links[SHIPS].record.files.get(name)) for name in ggufs}
    entry = links[LOG_STAGE].record.files.get(LOG) if LOG_STAGE in links else None
    return found | ({SHIPPED_LOG: (LOG_STAGE, entry)} if entry else {})


def ship_problems(links: Links, shipped: Mapping[str, FileEntry], ggufs: Collection[str]) -> list[str]:
    """What of the chain is not in the folder, or not as the chain made it; `ggufs` are the names that ship."""
    found = []
    for name, (stage, entry) in to_ship(links, ggufs).items():
        if name not in shipped:
            found.append(f"{name}: is not in the folder")
        elif shipped[name] != entry:
            found.append(f"{name}: is not the file that {stage} made")
    return found + (["no GGUF is in the folder"] if SHIPS in links and not ggufs else [])
