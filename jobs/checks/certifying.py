"""A certificate follows from records and limits alone: every gate asked again, and everything it says made from that.

The same when a run is certified and when a folder from elsewhere is checked.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobs.core import chain, pipeline
from jobs.core.artifact import FileEntry, Record
from jobs.core.certificate import ABOUT, SCHEMA, Certificate, Settings, chain_digest, sealed
from jobs.core.compose import compose
from jobs.core.config import checked
from jobs.core.links import Link, chain_problems, changed_limits, ship_problems, waived
from jobs.core.model import Facts
from jobs.core.provenance import ROOT, file_digest
from jobs.core.rule import Gate, Rule, Verdict
from jobs.logic.parity import quant_files

AnyGate = Gate[Any, Any]
PIN = "vendor/llama.cpp/PIN"
UNUSED_WAIVER = re.compile(r"the waiver for (\S+) matches nothing")


@dataclass(frozen=True)
class Told:
    """One stage that was made."""

    record: Record
    gate: AnyGate
    limits: dict[str, Any]
    facts: Facts | None
    """None where the record's facts are not what the gate knows today."""
    misjudged: list[str]
    """Where the recorded verdict is not what the limits make of the facts."""

    @property
    def name(self) -> str:
        return self.record.stage

    @property
    def rules(self) -> dict[str, Rule[Any, Any]]:
        return {rule.code: rule for rule in self.gate.rules}


def told(record: Record, gate: AnyGate, limits: Mapping[str, Any]) -> Told:
    """Judge the recorded facts again; raises Refusal where the limits are not the gate's."""
    judged_by = checked(gate.limits, dict(limits), f"{record.stage}.limits")
    try:
        facts = gate.facts.model_validate(record.facts, strict=False)
    except ValueError:
        by = record.made_by.get("commit", "unknown")
        said = f"its facts were measured by another version of this program (commit {by}), which alone can judge them"
        return Told(record, gate, dict(limits), None, [said])
    again = gate.judge(facts, judged_by, waivers_of(record.verdict))
    blank = [code for code, reason in waived(record.verdict).items() if not reason.strip()]
    misjudged = differences(record.verdict, again) + [f"{code}: is waived without a reason" for code in blank]
    return Told(record, gate, dict(limits), facts, misjudged)


def waivers_of(verdict: Verdict) -> dict[str, str]:
    """The waivers that a verdict was given under: used, with their reasons, and unused."""
    unused = {match[1]: "" for note in verdict.notes if (match := UNUSED_WAIVER.match(note))}
    return unused | waived(verdict)


def differences(recorded: Verdict, again: Verdict) -> list[str]:
    """What a verdict says that its facts and limits do not, in words."""
    if recorded == again:
        return []
    before = {finding.code: finding for finding in recorded.findings}
    now = {finding.code: finding for finding in again.findings}
    found = []
    if recorded.status != again.status:
        found.append(f"its verdict is {recorded.status}, the limits beside it give {again.status}")
    for code in [*now, *(code for code in before if code not in now)]:
        one, other = before.get(code), now.get(code)
        if one is None or other is None:
            found.append(f"{code}: " + ("is not in its verdict" if one is None else "is no rule of its gate"))
        elif one.status != other.status:
            found.append(f"{code}: is {one.status} in its verdict, the facts and limits beside it give {other.status}")
        elif one != other:
            found.append(f"{code}: its verdict's words are not what the facts and limits beside it give")
    return found or ["its verdict's notes or their order are not what the facts and limits beside it give"]


def plain_facts(run: Mapping[str, Told]) -> dict[str, dict[str, Any]]:
    """Stage to its facts as plain data, with NaN as a number."""
    return {name: one.facts.model_dump() for name, one in run.items() if one.facts is not None}


def ggufs(run: Mapping[str, Told]) -> dict[str, str]:
    """Quantization to the file that each GGUF that ships is loaded from, the first asked for first."""
    one = run.get("quantize")
    if one is None or one.facts is None:
        return {}
    quants = plain_facts(run)["quantize"]["quants"]
    return {quant["type"]: quant["file"] for quant in quants if one.record.files.keys() >= quant["files"].keys()}


def gguf_files(run: Mapping[str, Told]) -> list[str]:
    """Every file of the GGUFs that ship: of a split one all parts."""
    return [name for first in ggufs(run).values() for name in quant_files.parts(first)]


def run_of(records: Mapping[str, Record], limits: Mapping[str, Mapping[str, Any]]) -> dict[str, Told]:
    """Every stage that is there, in the order of the chain; raises Refusal where limits are not their gate's."""
    return {
        stage.name: told(records[stage.name], chain.load(stage.name).gate, limits.get(stage.name, {}))
        for stage in pipeline.CHAIN
        if stage.name in records
    }


def certificate_of(
    settings: Settings,
    records: Mapping[str, Record],
    changed: Mapping[str, list[str]],
    shipped: Mapping[str, FileEntry],
) -> Certificate:
    """What a certificate of these records says; `changed` has each stage's files that were not the recorded ones."""
    run = run_of(records, settings.limits)
    chain_ = [
        Link(digest=one.record.digest, record=one.record, changed=changed[name], misjudged=one.misjudged)
        for name, one in run.items()
    ]
    links = {link.stage: link for link in chain_}
    reasons = [*chain_problems(links), *ship_problems(links, shipped, gguf_files(run))]
    parts: dict[str, Any] = {
        "schema_version": SCHEMA,
        "about": ABOUT,
        "settings": settings,
        "certified": not reasons,
        "reasons": reasons,
        "waivers": {code: reason for link in chain_ for code, reason in waived(link.record.verdict).items()},
        "changed_limits": changed_limits(settings.limits, default_limits(), links),
        "base_model": base_model(run),
        "llama_cpp": llama_cpp(records),
        "shipped": dict(shipped),
        "chain_digest": chain_digest({name: link.digest for name, link in links.items()}),
        "chain": chain_,
    }
    return sealed(Certificate(**parts, digest=""), shipped)


def default_limits() -> dict[str, dict[str, Any]]:
    """Stage to its limits where nothing is changed: what `judged_by` is without an experiment and without overrides."""
    found: dict[str, dict[str, Any]] = compose(())["report"]["judged_by"]
    return found


def base_model(run: Mapping[str, Told]) -> dict[str, str]:
    """What was fine-tuned, as `fetch` found it."""
    facts = plain_facts(run).get("fetch", {})
    found = {name: facts.get(name) for name in ("id", "revision", "commit", "licence")}
    found |= {"weights SHA-256": facts.get("weights")}
    nothing = {"revision"} if facts.get("source") == "local" else set()
    return {name: str(value) for name, value in found.items() if value and name not in nothing}


def llama_cpp(records: Mapping[str, Record]) -> dict[str, str]:
    """The pin that `convert` was made with; only its digest where it is not the one of today."""
    recorded = records["convert"].key.outside.get(PIN) if "convert" in records else None
    if recorded is None:
        return {}
    if file_digest(ROOT / PIN) != recorded:
        return {"pin": f"SHA-256 {recorded}"}
    pin = tomllib.loads((ROOT / PIN).read_text())
    return {"commit": pin["commit"], "source": f"{pin['sdist']} {pin['version']}", "source SHA-256": pin["sha256"]}
