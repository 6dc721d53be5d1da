"""Tell what happened, and certify it if every link of the chain holds.

Reads every stage's record, whatever is there and whatever its verdict; makes `report.html`, `README.md` (the model
card), `Modelfile`, `certificate.json`, `SHA256SUMS`, and the GGUFs that ship, hard-linked: the folder can be sent as
it is. A run that is not certified is told of just as fully.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from jobs.checks.report import GATE, ReportFacts, ReportLimits
from jobs.checks.retelling import Told, card_of, ggufs, page_of, plain_facts, told
from jobs.core import certificate, chain, pipeline
from jobs.core.artifact import Inputs, file_problem, hash_files
from jobs.core.compose import compose
from jobs.core.model import StageConfig
from jobs.core.provenance import ROOT, file_digest
from jobs.core.stage import stage_main
from jobs.logic.pages import card, modelfile
from jobs.logic.pages.curves import read_log

PIN = "vendor/llama.cpp/PIN"
TALKER = "vendor/llama.cpp/build/bin/llama-completion"
LINK_ERRORS = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP}


class ReportConfig(StageConfig):
    title: str = Field(min_length=1, max_length=200)
    num_samples: int = Field(ge=0)
    """Held-out rows shown with every model's answer."""
    languages: list[str]
    """ISO 639-1 codes for the model card; empty where they are not known."""
    license: str = Field(min_length=1)
    """For the model card: an identifier that hubs know, or `unknown`."""
    judged_by: dict[str, dict[str, Any]]
    """Stage to its limits: shown beside what was measured, and part of the certificate."""
    limits: ReportLimits


def make(cfg: ReportConfig, inputs: Inputs, out: Path) -> None:
    """Write the folder: the GGUFs, then the pages, then the certificate over all of them."""
    from jobs.engines.pages import render

    run = retold(cfg, inputs)
    for name in ggufs(run).values():
        link_or_copy(inputs["quantize"].root / name, out / name)
    draft = certificate.build(
        title=cfg.title,
        base_model=base_model(run),
        llama_cpp=llama_cpp(inputs),
        artifacts=inputs,
        judged={name: certificate.Judged(limits=one.limits, status=one.status_today) for name, one in run.items()},
        shipped=hash_files(out),
        defaults=default_limits(),
    )
    page = page_of(run, draft, read_log(intact(inputs, "train", "log.jsonl")), cfg.num_samples)
    front = card.front_matter(hub_id(run), cfg.license, cfg.languages, draft.certified)
    texts = {"report.html": render.html(page), "README.md": render.card(card_of(run, draft), front)}
    if ggufs(run):
        texts["Modelfile"] = ollama(run, draft)
    for name, text in texts.items():
        (out / name).write_text(text, encoding="utf-8")
    final = certificate.sealed(draft, hash_files(out))
    (out / certificate.NAME).write_text(certificate.text(final), encoding="utf-8")
    digests = {name: entry.sha256 for name, entry in hash_files(out).items()}
    (out / certificate.SUMS).write_text(certificate.sums(digests), encoding="utf-8")


def measure(cfg: ReportConfig, inputs: Inputs, out: Path) -> ReportFacts:
    """Check the folder against its certificate, as whoever receives it does, and the certificate against the run."""
    shipped = sorted(path.name for path in out.glob("*.gguf"))
    try:
        found = certificate.read(out)
    except ValueError as error:
        return unreadable(str(error), shipped)
    links = found.links
    folder = [*certificate.integrity_problems(found, out), *certificate.ship_problems(links, found.shipped)]
    digests = {name: link.digest for name, link in links.items()}
    folder += [f"certificate.json: {name} is not the one in the run" for name in differing(digests, inputs)]
    certified = found.certified and not folder
    gguf = next(iter(ggufs(retold(cfg, inputs)).values()), "")
    return ReportFacts(
        certified=certified,
        num_stages=len(links),
        missing=certificate.missing(links),
        failed=certificate.failed(links),
        stale=certificate.stale(links),
        changed=certificate.changed(links),
        misjudged=certificate.misjudged(links),
        folder=folder,
        waivers=found.waivers,
        changed_limits=found.changed_limits,
        shipped=shipped,
        chain_digest=found.chain_digest,
        closing=closing(gguf) if certified else [],
    )


def run(cfg: ReportConfig, inputs: Inputs, out: Path) -> ReportFacts:
    make(cfg, inputs, out)
    return measure(cfg, inputs, out)


def retold(cfg: ReportConfig, inputs: Inputs) -> dict[str, Told]:
    """Every stage that is there, in the order of the chain, with its gate and the limits it is judged by."""
    found = {}
    for stage in pipeline.CHAIN:
        if stage.name in inputs:
            record = inputs[stage.name].record
            gate = chain.load(stage.name).gate
            found[stage.name] = told(record, gate, cfg.judged_by[stage.name], certificate.waived(record.verdict))
    return found


def default_limits() -> dict[str, dict[str, Any]]:
    """Stage to its limits where nothing is changed: what `judged_by` is without an experiment and without overrides."""
    found: dict[str, dict[str, Any]] = compose(())["report"]["judged_by"]
    return found


def unreadable(problem: str, shipped: list[str]) -> ReportFacts:
    """Facts of a folder whose certificate says nothing."""
    return ReportFacts(
        certified=False, num_stages=0, missing=certificate.missing({}), failed={}, stale={}, changed=[], misjudged=[],
        folder=[problem], waivers={}, changed_limits={}, shipped=shipped, chain_digest="", closing=[],
    )  # fmt: skip


def differing(digests: Mapping[str, str], inputs: Inputs) -> list[str]:
    """Stages whose digest in the certificate is not the run's."""
    return sorted(name for name in digests.keys() | inputs.keys() if digests.get(name) != digest_of(inputs, name))


def digest_of(inputs: Inputs, name: str) -> str | None:
    return inputs[name].digest if name in inputs else None


def intact(inputs: Inputs, stage: str, name: str) -> str:
    """A file's text; empty where it is not there or not what was recorded, which the certificate says."""
    entry = inputs[stage].record.files.get(name) if stage in inputs else None
    if entry is None or file_problem(inputs[stage].root / name, entry):
        return ""
    return (inputs[stage].root / name).read_text(encoding="utf-8")


def link_or_copy(source: Path, target: Path) -> None:
    """A hard link, or a copy across file systems; nothing where the source is gone, which the certificate says."""
    if not source.exists():
        return
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in LINK_ERRORS:
            raise
        shutil.copyfile(source, target)


def base_model(run: Mapping[str, Told]) -> dict[str, str]:
    """What was fine-tuned, as `fetch` found it."""
    facts = plain_facts(run).get("fetch", {})
    found = {
        "id": facts.get("id"),
        "revision": facts.get("revision"),
        "commit": facts.get("commit"),
        "licence": facts.get("licence"),
    }
    return {name: str(value) for name, value in found.items() if value}


def hub_id(run: Mapping[str, Told]) -> str | None:
    """The base model's id where it is one on a hub."""
    facts = plain_facts(run).get("fetch", {})
    return str(facts["id"]) if facts.get("source") == "hub" else None


def llama_cpp(inputs: Inputs) -> dict[str, str]:
    """The pin that `convert` was made with; only its digest where it is not the one of today."""
    recorded = inputs["convert"].record.key.outside.get(PIN) if "convert" in inputs else None
    if recorded is None:
        return {}
    if file_digest(ROOT / PIN) != recorded:
        return {"pin": f"SHA-256 {recorded}"}
    pin = tomllib.loads((ROOT / PIN).read_text())
    return {"commit": pin["commit"], "source": f"{pin['sdist']} {pin['version']}", "source SHA-256": pin["sha256"]}


def ollama(run: Mapping[str, Told], written: certificate.Certificate) -> str:
    """The Modelfile for the first GGUF."""
    preflight = plain_facts(run).get("preflight", {})
    gguf = next(iter(ggufs(run).values()))
    said = "certified" if written.certified else "NOT CERTIFIED, see README.md"
    notes = [
        f"{written.title}: {said}; chain {written.chain_digest}",
        "Checked as a Go template, never in Ollama itself.",
    ]
    return modelfile.modelfile(gguf, preflight.get("thinking_block") == "empty", preflight.get("max_length"), notes)


def closing(gguf: str) -> list[str]:
    """What the chain says last; it puts the run's folder in the place of `{run}`."""
    path = f"{{run}}/report/{gguf}"
    return [f"certified: {path}", f"talk to it: {card.talk(path, TALKER)}"]


main = stage_main("report", ReportConfig, run, GATE)

if __name__ == "__main__":
    sys.exit(main())
