"""Tell what happened, and certify it if every link of the chain holds.

Reads every stage's record, whatever is there and whatever its verdict; makes `report.html`, `README.md` (the model
card), `Modelfile`, `certificate.json`, `SHA256SUMS`, where it is asked for `certificate.sig`, and hard-links of the
GGUFs that ship and of the training log that the page draws: the folder can be sent as it is. A run that is not
certified is told of just as fully. `check_command` checks such a folder, wherever it came from.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from jobs.checks.certifying import Told, certificate_of, gguf_files, ggufs, plain_facts, run_of
from jobs.checks.offline import Checked, checked_folder, signature_problems
from jobs.checks.report import GATE, ReportFacts, ReportLimits
from jobs.checks.retelling import card_of, context, page_of
from jobs.core import certificate, links as chain_links, terminal
from jobs.core.artifact import (
    RECORD,
    SCHEMA,
    Artifact,
    FileEntry,
    Inputs,
    Key,
    Record,
    hash_files,
    kind,
    reads_fingerprint,
    record_text,
)
from jobs.core.errors import Exit, Refusal
from jobs.core.linking import link_or_copy
from jobs.core.model import StageConfig
from jobs.core.provenance import commit, file_digest, maker
from jobs.core.stage import as_read_back, stage_main
from jobs.logic.pages import card, modelfile, story
from jobs.logic.parity import quant_files

SIGNING_KEY = "signing key"


class ReportConfig(StageConfig):
    beside_key: ClassVar[frozenset[str]] = frozenset({"limits", "sign_with", "with_made_rows"})

    run: str
    """Its name, for the line to paste."""
    title: str = Field(min_length=1, max_length=200)
    num_samples: int = Field(ge=0)
    """Held-out rows shown with every model's answer."""
    languages: list[str]
    """ISO 639-1 codes for the model card; empty where they are not known."""
    license: str = Field(min_length=1)
    """For the model card: an identifier that hubs know, or `unknown`."""
    with_made_rows: bool
    """Whether `synth` is part of the chain, which the record's inputs say."""
    sign_with: str | None
    """A file with an ed25519 private key, or the name of an environment variable that holds one."""
    judged_by: dict[str, dict[str, Any]]
    """Stage to its limits: shown beside what was measured, and part of the certificate."""
    limits: ReportLimits

    def takes(self) -> frozenset[str]:
        return frozenset({"synth"} if self.with_made_rows else ())


def make(cfg: ReportConfig, inputs: Inputs, out: Path) -> None:
    """Write the folder: what the chain made, then the pages, then the certificate over all of them."""
    settings = settings_of(cfg)
    records = {name: artifact.record for name, artifact in inputs.items()}
    changed = changed_files(inputs)
    run = run_of(records, settings.limits)
    for name in gguf_files(run):
        link_or_copy(inputs[chain_links.SHIPS].root / name, out / name)
    log = inputs[chain_links.LOG_STAGE].root / chain_links.LOG if chain_links.LOG_STAGE in inputs else None
    if log and not any(said.startswith(f"{chain_links.LOG}:") for said in changed[chain_links.LOG_STAGE]):
        link_or_copy(log, out / chain_links.SHIPPED_LOG)
    draft = certificate_of(settings, records, changed, hash_files(out))
    shipped_log = out / chain_links.SHIPPED_LOG
    for name, text in pages(draft, run, shipped_log.read_text("utf-8") if shipped_log.exists() else "").items():
        (out / name).write_text(text, encoding="utf-8")
    final = certificate.sealed(draft, hash_files(out))
    (out / certificate.NAME).write_text(certificate.text(final), encoding="utf-8")
    digests = {name: entry.sha256 for name, entry in hash_files(out).items()}
    (out / certificate.SUMS).write_text(certificate.sums(digests), encoding="utf-8")
    if cfg.sign_with:
        from jobs.engines.pages import signature

        (out / certificate.SIGNATURE).write_bytes(signature.sign(cfg.sign_with, final.digest))


def measure(cfg: ReportConfig, inputs: Inputs, out: Path) -> ReportFacts:
    """Check the folder against its certificate, as whoever receives it does, and the certificate against the run."""
    try:
        found = certificate.read(out)
    except ValueError as error:
        return unreadable(str(error), sorted(path.name for path in out.glob("*.gguf")))
    result = checked(found, out)
    again = result.again or found
    run = run_of({name: link.record for name, link in again.links.items()}, cfg.judged_by)
    folder = [*result.altered, *chain_links.ship_problems(again.links, found.shipped, gguf_files(run))]
    digests = {name: link.digest for name, link in found.links.items()}
    folder += [f"{certificate.NAME}: {name} is not the one in the run" for name in differing(digests, inputs)]
    if found.settings != settings_of(cfg):
        folder.append(f"{certificate.NAME}: its settings are not those of the run")
    return facts_of(again, run, folder)


def run(cfg: ReportConfig, inputs: Inputs, out: Path) -> ReportFacts:
    make(cfg, inputs, out)
    return measure(cfg, inputs, out)


def outside(cfg: ReportConfig) -> dict[str, str]:
    """The version that writes the pages, and the public half of the key that signs: another one makes them again."""
    if not cfg.sign_with:
        return outside_of(maker()["commit"], "")
    from jobs.engines.pages import signature

    return outside_of(maker()["commit"], signature.public_of(cfg.sign_with))


def outside_of(version: str, key: str) -> dict[str, str]:
    return {"kiwame": version} | ({SIGNING_KEY: key} if key else {})


def settings_of(cfg: ReportConfig) -> certificate.Settings:
    """What the certificate is told beside the records, with keys in the order that it is read back in."""
    plain = cfg.model_dump(mode="json")
    return certificate.Settings(
        run=cfg.run,
        title=cfg.title,
        num_samples=cfg.num_samples,
        languages=cfg.languages,
        license=cfg.license,
        limits=json.loads(json.dumps(plain["judged_by"], sort_keys=True)),
        signed_by=outside(cfg).get(SIGNING_KEY, ""),
        made_by=maker(),
    )


def changed_files(inputs: Inputs) -> dict[str, list[str]]:
    """Stage to its files that are not the recorded ones; every file of the chain is read and hashed."""
    found = {}
    with terminal.progress("certificate: hash every file of the chain", len(inputs)) as progress:
        for done, (name, artifact) in enumerate(inputs.items(), start=1):
            found[name] = artifact.problems(whole=True)
            progress(done, name)
    return found


def pages(written: certificate.Certificate, run: Mapping[str, Told], log: str) -> dict[str, str]:
    """Name to text of every page: they follow from the certificate and the training log."""
    from jobs.engines.pages import render
    from jobs.logic.pages.curves import read_log

    settings = written.settings
    front = card.front_matter(hub_id(run), settings.license, settings.languages, written.certified)
    texts = {
        "report.html": render.html(page_of(run, written, read_log(log))),
        "README.md": render.card(card_of(run, written), front),
    }
    return texts | ({"Modelfile": ollama(run, written)} if ggufs(run) else {})


def facts_of(written: certificate.Certificate, run: Mapping[str, Told], folder: list[str]) -> ReportFacts:
    """What a certificate says, as facts; `folder` has what was found against its folder."""
    links = written.links
    certified = written.certified and not folder
    gguf = next(iter(ggufs(run).values()), "")
    return ReportFacts(
        certified=certified,
        num_stages=len(links),
        missing=chain_links.missing(links),
        failed=chain_links.failed(links),
        stale=chain_links.stale(links),
        changed=chain_links.changed(links),
        misjudged=chain_links.misjudged(links),
        folder=folder,
        waivers=written.waivers,
        changed_limits=written.changed_limits,
        shipped=sorted(name for name in written.shipped if name.endswith(".gguf")),
        chain_digest=written.chain_digest,
        closing=[*closing(gguf), *advice_of(run)] if certified else [],
    )


def advice_of(run: Mapping[str, Told]) -> list[str]:
    """The recommended type in a line, where several ship."""
    said = story.advised(plain_facts(run), {name: one.limits for name, one in run.items()})
    return [str(said["sentence"])] if said else []


def unreadable(problem: str, shipped: list[str]) -> ReportFacts:
    """Facts of a folder whose certificate says nothing."""
    return ReportFacts(
        certified=False, num_stages=0, missing=chain_links.missing({}), failed={}, stale={}, changed=[], misjudged=[],
        folder=[problem], waivers={}, changed_limits={}, shipped=shipped, chain_digest="", closing=[],
    )  # fmt: skip


def differing(digests: Mapping[str, str], inputs: Inputs) -> list[str]:
    """Stages whose digest in the certificate is not the run's."""
    return sorted(name for name in digests.keys() | inputs.keys() if digests.get(name) != digest_of(inputs, name))


def digest_of(inputs: Inputs, name: str) -> str | None:
    return inputs[name].digest if name in inputs else None


def hub_id(run: Mapping[str, Told]) -> str | None:
    """The base model's id where it is one on a hub."""
    facts = plain_facts(run).get("fetch", {})
    return str(facts["id"]) if facts.get("source") == "hub" else None


def ollama(run: Mapping[str, Told], written: certificate.Certificate) -> str:
    """The Modelfile for the first GGUF."""
    preflight = plain_facts(run).get("preflight", {})
    quant, gguf = next(iter(ggufs(run).items()))
    num_ctx, why = context(run, quant)
    one = quant_files.merged(gguf)
    said = "certified" if written.certified else "NOT CERTIFIED, see README.md"
    notes = [
        f"{written.title}: {said}; chain {written.chain_digest}",
        "Checked as a Go template, never in Ollama itself.",
        *([f"Ollama takes one file: llama-gguf-split --merge {gguf} {one}"] if one != gguf else []),
        *([f"num_ctx is {why}."] if why else []),
    ]
    opening = modelfile.opening(preflight.get("thinking_block"), preflight.get("opening", ""))
    return modelfile.modelfile(one, opening, num_ctx, notes)


def closing(gguf: str) -> list[str]:
    """What the chain says last; it puts the run's folder in the place of `{run}`, commands in that of `{chat}`..."""
    return [f"certified: {{run}}/report/{gguf}", "talk to it: {chat}", "serve it: {serve}"]


def checked(found: certificate.Certificate, folder: Path) -> Checked:
    """What is against the folder of this certificate, pages and signature included."""

    def holds(data: bytes, key: str, digest: str) -> bool:
        from jobs.engines.pages import signature

        return signature.holds(data, key, digest)

    return checked_folder(found, folder, pages, holds)


def check(folder: Path, key: str = "") -> tuple[certificate.Certificate | None, list[str]]:
    """The certificate of a folder, and why the folder is not certified; reads nothing outside it.

    `key`, a public key as a line of OpenSSH, must have signed it.
    """
    try:
        found = certificate.read(folder)
    except ValueError as error:
        return None, [str(error)]
    result = checked(found, folder)
    problems = result.problems
    if key and key != found.settings.signed_by:
        from jobs.engines.pages import signature

        problems += signature_problems(found, folder, key, signature.holds)
    if not problems and result.again is not None:
        problems += record_problems(result.again, folder)
    return found, problems


def record_problems(found: certificate.Certificate, folder: Path) -> list[str]:
    """The run's own record of the report, where it was sent too: it follows from the certificate to the last byte."""
    path = folder / RECORD
    if kind(path) == "nothing":
        return []
    if kind(path) != "a file":
        return [f"{RECORD}: is {kind(path)}, not a plain file"]
    names = [certificate.NAME, certificate.SUMS]
    signed = [certificate.SIGNATURE] if kind(folder / certificate.SIGNATURE) == "a file" else []
    texts = [record_text(record_of(found, folder, [*names, *more])) for more in ([], signed)]
    same = path.stat().st_size <= max(map(len, texts)) and path.read_bytes() in texts
    return [] if same else [f"{RECORD}: is not the record of this folder; it need not be sent: remove it"]


def record_of(found: certificate.Certificate, folder: Path, names: Sequence[str]) -> Record:
    """The record under which the run published this folder; `names` are its files beside the certified ones."""
    settings, records = found.settings, {name: link.record for name, link in found.links.items()}
    stored = as_read_back(facts_of(found, run_of(records, settings.limits), []))
    asked = {"run", "title", "num_samples", "languages", "license"}
    beside = {n: FileEntry(sha256=file_digest(folder / n), bytes=(folder / n).stat().st_size) for n in names}
    return Record(
        schema_version=SCHEMA,
        stage=main.stage.name,
        key=Key(
            config=settings.model_dump(mode="json", include=asked) | {"judged_by": settings.limits},
            inputs={name: reads_fingerprint(Artifact(folder, record)) for name, record in records.items()},
            outside=outside_of(str(settings.made_by.get("commit")), settings.signed_by),
        ),
        files=found.shipped | beside,
        facts=stored,
        verdict=GATE.judge(ReportFacts.model_validate(stored, strict=False), ReportLimits(), {}),
        made_by=settings.made_by,
    )


def check_command(words: Sequence[str]) -> int:
    """`python -m jobs certificate FOLDER [key=FILE]`: says CERTIFIED or why not; returns the exit code."""
    keys = [word.removeprefix("key=") for word in words if word.startswith("key=")]
    folders = [Path(word) for word in words if not word.startswith("key=")]
    if len(folders) != 1 or len(keys) > 1:
        raise Refusal("expected one folder: python -m jobs certificate runs/mine/report [key=PUBLIC_KEY_FILE]")
    if not folders[0].is_dir():
        raise Refusal(f"{folders[0]}: is not a folder")
    key = ""
    if keys:
        from jobs.engines.pages import signature

        key = signature.written(signature.public_key(Path(keys[0])))
    found, problems = check(folders[0], key)
    if problems:
        print("NOT CERTIFIED")
    elif found is not None:
        print(f"CERTIFIED: {', '.join(name for name in found.shipped if name.endswith('.gguf'))}")
    for line in [*problems, *(said_of(found, folders[0], key, bool(problems)) if found is not None else [])]:
        print(f"  {printable(line)}")
    return Exit.GATE_FAILED if problems else Exit.PASSED


def said_of(found: certificate.Certificate, folder: Path, key: str, is_against: bool) -> list[str]:
    """What to know beside the verdict: versions, what was let pass, and what only a person can tell."""
    measured = sorted({str(link.record.made_by.get("commit", "unknown")) for link in found.chain})
    versions = f"measured by kiwame {', '.join(measured) or 'unknown'}, checked by kiwame {commit()}"
    if is_against:
        others = {*measured, str(found.settings.made_by.get("commit", "unknown"))} - {commit()}
        hint = ": another version may judge and write otherwise, and that reads like a change"
        return [versions + (hint if others else "")]
    lines = [
        f"all {len(found.chain)} stages were judged again: facts, limits, verdicts, pages and files agree",
        versions,
        *(f"waived: {code}: {reason}" for code, reason in found.waivers.items()),
        *(f"limit changed: {name}: {text}" for name, text in found.changed_limits.items()),
        f"digest {found.digest}",
    ]
    if key:
        return [*lines, f"signed: by {key}, over this digest: all that is said here is that key's word"]
    signed = found.settings.signed_by
    if signed:
        lines.append(f"signed by {signed}: whether that is the maker's key, give key=FILE to tell")
    elif kind(folder / certificate.SIGNATURE) == "a file":
        lines.append(f"{certificate.SIGNATURE} was not looked at: give key=FILE to check it")
    return [
        *lines,
        "the digest covers all that is said here and every file; what was measured is the maker's word: whoever makes "
        "up other facts, with the verdicts and pages that follow, makes another certificate with another digest. "
        "Compare it with the one the maker gave, or check their signature with key=FILE",
    ]


def printable(message: str) -> str:
    """Control characters made visible: a certificate from elsewhere must not write to the terminal by itself."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in message)


main = stage_main("report", ReportConfig, run, GATE, outside)

if __name__ == "__main__":
    sys.exit(main())
