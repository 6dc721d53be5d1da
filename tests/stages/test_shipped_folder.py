"""In a shipped folder only the certified files may lie, plain ones, bit by bit; nothing else is opened."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs import report
from jobs.core import certificate
from tests.stages import records
from tests.stages.forging import GGUF, Data, config, rewrite_record, said

Forge = Callable[[Path], Any]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


FILES = ["README.md", "Modelfile", "report.html", "training-log.jsonl", GGUF, "SHA256SUMS", "certificate.json",
         "artifact.json"]  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_is_found(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sorted(FILES) == sorted(path.name for path in folder.iterdir())
    flip(folder / name)
    assert f"  {name}: " in said(folder, capsys)


RECORD_CHANGES: dict[str, Callable[[Data], Any]] = {
    "schema": lambda data: data.update(schema_version=2),
    "stage": lambda data: data.update(stage="verify"),
    "config": lambda data: data["key"]["config"].update(title="mine"),
    "inputs": lambda data: data["key"]["inputs"].pop("train"),
    "outside": lambda data: data["key"]["outside"].update(x="y"),
    "files": lambda data: data["files"].pop("README.md"),
    "facts": lambda data: data["facts"].update(waivers={"TRN001": "x"}),
    "verdict": lambda data: data["verdict"]["notes"].append("good"),
    "maker": lambda data: data["made_by"].update(commit="feed"),
}


@pytest.mark.parametrize("what", RECORD_CHANGES)
def test_a_changed_record_is_found(what: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite_record(folder, RECORD_CHANGES[what])
    assert "artifact.json: is not the record of this folder" in said(folder, capsys)


def swap(path: Path, make: Callable[[Path], Any]) -> None:
    path.unlink(missing_ok=True)
    make(path)


ADDED: dict[str, tuple[Forge, str]] = {
    "GGUF": (lambda f: (f / "other.gguf").write_text("x"), "other.gguf: is a file that is not in the certificate"),
    ".gitattributes": (lambda f: (f / ".gitattributes").write_text("x"), ".gitattributes: is a file that is not"),
    ".git": (lambda f: (f / ".git" / "refs").mkdir(parents=True), ".git: is a folder that is not in the certificate"),
    ".cache": (lambda f: (f / ".cache").mkdir(), ".cache: is a folder that is not in the certificate; git and clients"),
    "empty folder": (lambda f: (f / "more").mkdir(), "more: is a folder that is not"),
    "link to a folder": (lambda f: (f / "more").symlink_to(f.parent), "more: is a link that is not"),
    "dangling link": (lambda f: (f / "more").symlink_to("nowhere"), "more: is a link that is not"),
    "FIFO": (lambda f: os.mkfifo(f / "more"), "more: is a FIFO that is not"),
    "link for a GGUF": (lambda f: swap(f / GGUF, lambda p: p.symlink_to("/dev/zero")), f"{GGUF}: is a link, not a"),
    "FIFO for a page": (lambda f: swap(f / "README.md", os.mkfifo), "README.md: is a FIFO, not a plain file"),
    "FIFO for the certificate": (
        lambda f: swap(f / "certificate.json", os.mkfifo), "certificate.json: is a FIFO, not a plain file",
    ),
    "FIFO for the sums": (lambda f: swap(f / "SHA256SUMS", os.mkfifo), "SHA256SUMS: is a FIFO, not a plain file"),
    "FIFO for the record": (lambda f: swap(f / "artifact.json", os.mkfifo), "artifact.json: is a FIFO, not a plain"),
    "FIFO for the log": (lambda f: swap(f / "training-log.jsonl", os.mkfifo), "training-log.jsonl: is a FIFO, not a"),
    "link for the signature": (lambda f: (f / "certificate.sig").symlink_to("/dev/zero"), "certificate.sig: is no sig"),
    "folder for a page": (lambda f: swap(f / "README.md", Path.mkdir), "README.md: is a folder, not a plain file"),
    "page missing": (lambda f: (f / "README.md").unlink(), "README.md: is missing"),
    "sums missing": (lambda f: (f / "SHA256SUMS").unlink(), "SHA256SUMS: is missing"),
    "certificate missing": (lambda f: (f / "certificate.json").unlink(), "certificate.json: is missing"),
    "certificate cut short": (lambda f: (f / "certificate.json").write_text("{"), "certificate.json: is damaged"),
    "certificate deep": (lambda f: (f / "certificate.json").write_text("[" * 100_000), "certificate.json: is damaged"),
    "certificate binary": (lambda f: (f / "certificate.json").write_bytes(b"\xff\x00"), "certificate.json: is damaged"),
}  # fmt: skip


@pytest.mark.parametrize("what", ADDED)
def test_only_the_certified_files_may_be_there(what: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change, expected = ADDED[what]
    change(folder)
    assert expected in said(folder, capsys)


def test_changed_file_of_an_ancestor_is_in_the_certificate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inputs, out = records.build(tmp_path), tmp_path / "report"
    flip(tmp_path / "fetch" / "model" / "model.safetensors")
    out.mkdir()
    report.run(config(), inputs, out)
    assert "  fetch/model/model.safetensors: " in said(out, capsys)


def test_sums_are_what_sha256sum_reads(folder: Path) -> None:
    words = ["sha256sum", "-c", certificate.SUMS]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    listed = sorted(line.partition(":")[0] for line in done.stdout.splitlines())
    assert listed == sorted(set(FILES) - {"SHA256SUMS", "artifact.json"})
