"""A certified folder of small files, and what somebody with this program does to one: everything made to fit again."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from jobs import report
from jobs.checks.certifying import certificate_of, run_of
from jobs.checks.report import ReportLimits
from jobs.core import certificate
from jobs.core.artifact import FileEntry, Record, record_text, write_record
from jobs.core.links import SHIPPED_LOG
from jobs.core.provenance import file_digest
from tests.stages import records

Data = dict[str, Any]
GGUF = "model-Q4_K_M.gguf"
WAIVER = {"MRG009": "kept for the archive"}
WAIVED = {"merge": {"adapter_files": ["adapter_config.json"]}}
PAGES = ("report.html", "README.md", "Modelfile")


def config(**changed: Any) -> report.ReportConfig:
    values: Data = {
        "run": "試験", "title": "試験 ünïcode", "num_samples": 8, "languages": ["ja"], "license": "apache-2.0",
        "sign_with": None, "with_made_rows": False, "with_judge": False,
        "judged_by": records.limits(), "limits": ReportLimits(),
    }  # fmt: skip
    return report.ReportConfig(**values | changed)


def publish(root: Path, cfg: report.ReportConfig, **built: Any) -> Path:
    """A run of small files below `root` and its report, with its record as a run leaves it; the report's folder."""
    inputs, out = records.build(root, **built), root / "report"
    out.mkdir()
    report.run(cfg, inputs, out)
    settle(out, with_record=True)
    return out


def settle(folder: Path, with_record: bool) -> None:
    """Make the sums, and the record where there is one, fit the folder's certificate."""
    found = certificate.read(folder)
    digests = {name: entry.sha256 for name, entry in found.shipped.items()}
    sums = digests | {certificate.NAME: file_digest(folder / certificate.NAME)}
    (folder / certificate.SUMS).write_text(certificate.sums(sums))
    if with_record:
        signed = [certificate.SIGNATURE] if (folder / certificate.SIGNATURE).exists() else []
        write_record(folder, report.record_of(found, folder, [certificate.NAME, certificate.SUMS, *signed]))


def edit(folder: Path, change: Callable[[Data], Any], pages: bool = False, links: bool = True) -> None:
    """Change the certificate and make every digest fit; with `pages` they are rendered from what it says now.

    Without `links` the digests of the records, and of the chain, stay the maker's.
    """
    data: Data = json.loads((folder / certificate.NAME).read_text())
    change(data)
    if links:
        refit(data)
    found = certificate.Certificate.model_validate_json(json.dumps(data), strict=False)
    if pages:
        run = run_of({link.stage: link.record for link in found.chain}, found.settings.limits)
        texts = report.pages(in_order(found), run, (folder / SHIPPED_LOG).read_text())
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        found = certificate.sealed(found, found.shipped | {name: entry(folder / name) for name in texts})
    found = certificate.sealed(found, found.shipped)
    (folder / certificate.NAME).write_text(certificate.text(found), encoding="utf-8")
    (folder / "artifact.json").unlink(missing_ok=True)
    settle(folder, with_record=False)


def in_order(found: certificate.Certificate) -> certificate.Certificate:
    """The same, with what follows from its records in the order that they give it: a file has its keys sorted."""
    records_, changed = ({link.stage: getattr(link, name) for link in found.chain} for name in ("record", "changed"))
    again = certificate_of(found.settings, records_, changed, found.shipped)
    given = {name: getattr(again, name) for name in ("base_model", "llama_cpp", "waivers", "changed_limits")}
    return found.model_copy(update={name: value for name, value in given.items() if value == getattr(found, name)})


def refit(data: Data) -> None:
    """The digests of records, their links, and the chain's."""
    new: dict[str, str] = {}
    for link in data["chain"]:
        inputs = link["record"]["key"]["inputs"]
        inputs.update({name: new[name] for name in inputs if name in new})
        record = Record.model_validate(link["record"], strict=False)
        link["digest"] = new[record.stage] = record.digest
    data["chain_digest"] = certificate.chain_digest(new)


def replace(folder: Path, name: str, text: str) -> None:
    """Another file in the place of one, listed as certified."""
    (folder / name).unlink(missing_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    edit(folder, lambda data: data["shipped"].update({name: entry(folder / name).model_dump()}))


def entry(path: Path) -> FileEntry:
    return FileEntry(sha256=file_digest(path), bytes=path.stat().st_size)


def record(data: Data, stage: str) -> Data:
    found: Data = next(one["record"] for one in data["chain"] if one["record"]["stage"] == stage)
    return found


def finding(data: Data, stage: str, code: str) -> Data:
    found: Data = next(one for one in record(data, stage)["verdict"]["findings"] if one["code"] == code)
    return found


def rewrite_record(folder: Path, change: Callable[[Data], Any]) -> None:
    """Change `artifact.json` and make its own digests fit."""
    data: Data = json.loads((folder / "artifact.json").read_text())
    data.pop("digest"), data.pop("seal")
    change(data)
    (folder / "artifact.json").write_bytes(record_text(Record.model_validate(data, strict=False)))


def said(folder: Path, capsys: pytest.CaptureFixture[str], code: int = 3, words: Sequence[str] = ()) -> str:
    """What the command prints, after it ended with `code`."""
    assert report.check_command([str(folder), *words]) == code
    out = capsys.readouterr().out
    assert out.startswith("CERTIFIED: " if code == 0 else "NOT CERTIFIED\n")
    return out


def loose() -> dict[str, dict[str, Any]]:
    """Limits of which one is not the default."""
    limits = records.limits()
    limits["smoke"]["min_agreement_gain"] = 0.1
    return limits
