"""The certificate of a shipped folder: what was made from what, what was said of it, and whether it still is that.

`certificate.json` embeds the record of every stage, so that every digest can be computed again, from the data files to
each GGUF, by anybody who has the folder and nothing else. It is not a signature: it shows that a file is not the one
that was certified, not who certified it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from json import dumps
from pathlib import Path
from typing import Any

from jobs.core import pipeline, terminal
from jobs.core.artifact import Artifact, FileEntry, Record, listing
from jobs.core.compose import flatten
from jobs.core.endings import ending
from jobs.core.errors import Exit, Refusal
from jobs.core.model import StrictModel
from jobs.core.provenance import data_digest, file_digest
from jobs.core.rule import Verdict

NAME, SUMS = "certificate.json", "SHA256SUMS"
SCHEMA = 2
ABOUT = (
    "The records of every stage of a kiwame run and the SHA-256 of every file beside this one. It proves integrity, "
    "not authorship: it is not a signature. Check it with `python -m jobs certificate FOLDER`."
)
SHIPS = "quantize"
"""The stage whose GGUFs are shipped."""
VERSIONS = ("packages", "python", "commit")
PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


class Judged(StrictModel):
    """What a stage's verdict was given under."""

    limits: dict[str, Any]
    status: str
    """What these limits make of the recorded facts today."""


class Link(StrictModel):
    """One stage of the chain as it was when the certificate was written."""

    digest: str
    record: Record
    """`artifact.json`; of `made_by` only the versions."""
    limits: dict[str, Any]
    judged_again: str
    changed: list[str]
    """Files that were not the recorded ones any more."""

    @property
    def stage(self) -> str:
        return self.record.stage


class Certificate(StrictModel):
    """`certificate.json`."""

    schema_version: int
    about: str
    title: str
    certified: bool
    reasons: list[str]
    """Why not, where it is not certified."""
    waivers: dict[str, str]
    changed_limits: dict[str, str]
    """Config keys of limits that are not the defaults, to the value and the default."""
    base_model: dict[str, str]
    llama_cpp: dict[str, str]
    shipped: dict[str, FileEntry]
    chain_digest: str
    """Stands for the chain alone: equal runs give equal values, whatever the pages beside it look like."""
    chain: list[Link]
    digest: str
    """The SHA-256 of everything above as JSON with sorted keys and no spaces."""

    @property
    def links(self) -> dict[str, Link]:
        return {link.stage: link for link in self.chain}


def build(
    title: str,
    base_model: Mapping[str, str],
    llama_cpp: Mapping[str, str],
    artifacts: Mapping[str, Artifact],
    judged: Mapping[str, Judged],
    shipped: Mapping[str, FileEntry],
    defaults: Mapping[str, Mapping[str, Any]],
) -> Certificate:
    """The certificate of what is on disk now; every file of every artifact is read and hashed again.

    `defaults` has the limits of each stage as they are where nobody changes them.
    """
    chain = []
    with terminal.progress("certificate: hash every file of the chain", len(artifacts)) as progress:
        for done, stage in enumerate((s.name for s in pipeline.CHAIN if s.name in artifacts), start=1):
            chain.append(_link(artifacts[stage], judged[stage]))
            progress(done, stage)
    links = {link.stage: link for link in chain}
    reasons = [*chain_problems(links), *ship_problems(links, shipped)]
    parts: dict[str, Any] = {
        "schema_version": SCHEMA,
        "about": ABOUT,
        "title": title,
        "certified": not reasons,
        "reasons": reasons,
        "waivers": {code: reason for link in chain for code, reason in waived(link.record.verdict).items()},
        "changed_limits": {key: text for link in chain for key, text in changed_limits(link, defaults).items()},
        "base_model": dict(base_model),
        "llama_cpp": dict(llama_cpp),
        "shipped": dict(shipped),
        "chain_digest": chain_digest({link.stage: link.digest for link in chain}),
        "chain": chain,
    }
    return sealed(Certificate(**parts, digest=""), shipped)


def changed_limits(link: Link, defaults: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The limits of a stage that differ from their defaults: config key to `0.05, by default 0.01`."""
    now, usual = (flatten(dict(limits)) for limits in (link.limits, defaults.get(link.stage, {})))
    return {
        f"{link.stage}.limits.{key}": f"{_limit(now, key)}, by default {_limit(usual, key)}"
        for key in sorted(now.keys() | usual.keys())
        if key and now.get(key) != usual.get(key)
    }


def _limit(limits: Mapping[str, Any], key: str) -> str:
    return dumps(limits[key]) if key in limits else "none"


def sealed(certificate: Certificate, shipped: Mapping[str, FileEntry]) -> Certificate:
    """The certificate over these files, with its own digest."""
    over = certificate.model_copy(update={"shipped": dict(sorted(shipped.items()))})
    return over.model_copy(update={"digest": own_digest(over)})


def _link(artifact: Artifact, judged: Judged) -> Link:
    record = artifact.record
    versions = {name: record.made_by[name] for name in VERSIONS if name in record.made_by}
    return Link(
        digest=artifact.digest,
        record=record.model_copy(update={"made_by": versions}),
        limits=judged.limits,
        judged_again=judged.status,
        changed=artifact.problems(whole=True),
    )


def chain_digest(digests: Mapping[str, str]) -> str:
    """Of stage to artifact digest."""
    return data_digest(dict(digests))


def own_digest(certificate: Certificate) -> str:
    """What `certificate.digest` has to be."""
    return data_digest(certificate.model_dump(mode="json", exclude={"digest"}))


def text(certificate: Certificate) -> str:
    """The file's text; there is only one way to write it."""
    return dumps(certificate.model_dump(mode="json"), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def sums(shipped: Mapping[str, str]) -> str:
    """`SHA256SUMS`, name to SHA-256, as `sha256sum -c` reads it: every shipped file and the certificate."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(shipped.items()))


def waived(verdict: Verdict) -> dict[str, str]:
    """Rule code to the reason given, of the rules that failed and were waived."""
    return {
        finding.code: finding.messages[-1].removeprefix("waived: ")
        for finding in verdict.findings
        if finding.status == "waived" and finding.messages
    }


# What is wrong with a chain: pure functions of the links, the same when it is written and when it is checked.


def missing(links: Mapping[str, Link]) -> list[str]:
    """Stages that were not made."""
    return [stage.name for stage in pipeline.CHAIN if stage.name not in links]


def failed(links: Mapping[str, Link]) -> dict[str, list[str]]:
    """Stages whose verdict is not a pass, or cannot be one by its own findings: stage to failing rules."""
    found = {}
    for name, link in links.items():
        verdict = link.record.verdict
        codes = [f"{finding.code} {finding.name}" for finding in verdict.failing]
        asked = any(finding.status != "skip" for finding in verdict.findings)
        if codes or verdict.status != "pass" or not asked:
            found[name] = codes or ["its gate asked nothing" if not asked else "its verdict is not a pass"]
    return found


def stale(links: Mapping[str, Link]) -> dict[str, list[str]]:
    """Stages that were not made from what is there now: stage to the ancestors that differ."""
    found = {}
    for name, link in links.items():
        made_from = link.record.key.inputs
        off = [a for a in pipeline.stage(name).needs if a not in links or made_from.get(a) != links[a].digest]
        if off:
            found[name] = off
    return found


def changed(links: Mapping[str, Link]) -> list[str]:
    """Files that are not the recorded ones, as stage/file: what is wrong."""
    return [f"{name}/{problem}" for name, link in links.items() for problem in link.changed]


def misjudged(links: Mapping[str, Link]) -> list[str]:
    """Verdicts that are not what the limits beside them make of the facts."""
    return [
        f"{name}: its verdict is {link.record.verdict.status}, the limits beside it give {link.judged_again}"
        for name, link in links.items()
        if link.judged_again != link.record.verdict.status
    ]


def chain_problems(links: Mapping[str, Link]) -> list[str]:
    """Everything that keeps a chain from being certified, in words."""
    found = [f"{name}: was not made" for name in missing(links)]
    found += [f"{name}: did not pass ({', '.join(codes)})" for name, codes in failed(links).items()]
    found += [f"{name}: was not made from the {', '.join(names)} that is there" for name, names in stale(links).items()]
    found += changed(links) + misjudged(links)
    prepare = links.get("prepare")
    if prepare is not None and not prepare.record.key.outside:
        found.append("prepare: its record names no data file")
    return found


def ship_problems(links: Mapping[str, Link], shipped: Mapping[str, FileEntry]) -> list[str]:
    """GGUFs that are not the ones the chain made."""
    made = links[SHIPS].record.files if SHIPS in links else {}
    ggufs = [name for name in shipped if name.endswith(".gguf")]
    found = [f"{name}: is not the file that {SHIPS} made" for name in ggufs if made.get(name) != shipped[name]]
    return found + (["no GGUF is in the folder"] if made and not ggufs else [])


# Checking a folder that came from somewhere: nothing in it is trusted.


def read(folder: Path) -> Certificate:
    """The certificate of `folder`; raises ValueError, in words, where there is none or it is damaged."""
    path = folder / NAME
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{NAME}: cannot be read ({error.strerror})") from None
    try:
        certificate = Certificate.model_validate_json(raw, strict=False)
    except ValueError as error:
        raise ValueError(f"{NAME}: is damaged ({' '.join(str(error).split())[:160]})") from None
    if certificate.schema_version != SCHEMA:
        raise ValueError(f"{NAME}: has schema {certificate.schema_version}, this program reads {SCHEMA}")
    stages = [link.stage for link in certificate.chain]
    if stages != [stage.name for stage in pipeline.CHAIN if stage.name in stages]:
        raise ValueError(f"{NAME}: is damaged (its stages are not those of the chain, in order, each once)")
    if raw != text(certificate).encode():
        raise ValueError(f"{NAME}: was edited after it was written (its bytes are not in the one order they have)")
    return certificate


def check(folder: Path) -> list[str]:
    """Why the folder is not certified, in words; empty where it is. Reads nothing outside it."""
    try:
        certificate = read(folder)
    except ValueError as error:
        return [str(error)]
    links = certificate.links
    return [
        *integrity_problems(certificate, folder),
        *chain_problems(links),
        *ship_problems(links, certificate.shipped),
    ]


def integrity_problems(certificate: Certificate, folder: Path) -> list[str]:
    """What was changed since the certificate was written: in it, in the files beside it, or in what is there."""
    found = []
    if own_digest(certificate) != certificate.digest:
        found.append(f"{NAME}: was edited after it was written (its own digest differs)")
    for link in certificate.chain:
        if link.record.digest != link.digest:
            found.append(f"{NAME}: {link.stage}: its digest is not the one of the record beside it")
    digests = {link.stage: link.digest for link in certificate.chain}
    if chain_digest(digests) != certificate.chain_digest:
        found.append(f"{NAME}: the digest of the chain differs")
    reasons = [*chain_problems(certificate.links), *ship_problems(certificate.links, certificate.shipped)]
    if certificate.reasons != reasons or certificate.certified != (not reasons):
        found.append(f"{NAME}: what it says of itself does not follow from the records in it")
    return found + _file_problems(certificate, folder)


def _file_problems(certificate: Certificate, folder: Path) -> list[str]:
    found, actual = [], {NAME: file_digest(folder / NAME)}
    for name, entry in certificate.shipped.items():
        path = folder / name
        if not PLAIN_NAME.fullmatch(name):
            found.append(f"{name!r}: is not the name of a file in the folder")
        elif not path.is_file():
            found.append(f"{name}: is missing")
        else:
            actual[name] = file_digest(path)
            if actual[name] != entry.sha256:
                found.append(f"{name}: its bytes are not the ones that were certified (SHA-256 differs)")
    expected = {NAME: actual[NAME]} | {name: entry.sha256 for name, entry in certificate.shipped.items()}
    sums_file = folder / SUMS
    if not sums_file.is_file() or sums_file.read_bytes() != sums(expected).encode():
        found.append(f"{SUMS}: does not list what the certificate lists")
    added = [name for name in listing(folder) if name not in expected and name != SUMS]
    return found + [f"{name}: is not in the certificate" for name in added if not _of_a_hub(name)]


def _of_a_hub(name: str) -> bool:
    """Files that a download from a hub puts beside what it fetched; never weights."""
    return name.startswith((".git", ".cache/")) and not name.endswith((".gguf", ".safetensors", ".bin"))


def check_command(words: Sequence[str]) -> int:
    """`python -m jobs certificate FOLDER`: says CERTIFIED or why not; returns the exit code."""
    if len(words) != 1:
        raise Refusal("expected one folder: python -m jobs certificate runs/demo/report")
    folder = Path(words[0])
    if not folder.is_dir():
        raise Refusal(f"{folder}: is not a folder")
    problems = check(folder)
    if problems:
        print("NOT CERTIFIED")
        for problem in problems:
            print(f"  {printable(problem)}")
        return Exit.GATE_FAILED
    certificate = read(folder)
    ggufs = ", ".join(name for name in certificate.shipped if name.endswith(".gguf"))
    print(f"CERTIFIED: {ggufs}")
    print(f"  all {len(certificate.chain)} stages passed, every digest matches; chain {certificate.chain_digest}")
    for code, reason in certificate.waivers.items():
        print(f"  waived: {code}: {printable(reason)}")
    for key, text in certificate.changed_limits.items():
        print(f"  limit changed: {printable(f'{key}: {text}')}")
    print("  integrity only, this is not a signature: ask who made it for the chain digest above and compare")
    return Exit.PASSED


def printable(message: str) -> str:
    """Control characters made visible: a certificate from elsewhere must not write to the terminal by itself."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in message)


if __name__ == "__main__":
    sys.exit(ending("certificate", lambda: check_command(sys.argv[1:])))
