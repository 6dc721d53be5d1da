"""A shipped folder is certified, or says why not; whatever was changed in it is found."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.core import certificate, pipeline
from jobs.core.artifact import Artifact, hash_files
from jobs.core.errors import Refusal
from jobs.core.provenance import ROOT, data_digest, file_digest
from tests.stages import records

GGUF = "model-Q4_K_M.gguf"


def ship(made: dict[str, Artifact], folder: Path) -> Path:
    """The smallest folder that can be certified: the GGUF, a page, the certificate, the sums."""
    folder.mkdir()
    if "quantize" in made:
        (folder / GGUF).write_bytes((made["quantize"].root / GGUF).read_bytes())
    (folder / "README.md").write_text("a card\n")
    limits = records.limits()
    judged = {
        name: certificate.Judged(limits=limits[name], status=artifact.record.verdict.status)
        for name, artifact in made.items()
    }
    found = certificate.build(
        "test", {"id": "Qwen/Qwen3-0.6B"}, {"commit": "abc"}, made, judged, hash_files(folder), limits
    )
    (folder / certificate.NAME).write_text(certificate.text(found), encoding="utf-8")
    write_sums(folder)
    return folder


def write_sums(folder: Path) -> None:
    (folder / certificate.SUMS).unlink(missing_ok=True)
    digests = {name: entry.sha256 for name, entry in hash_files(folder).items()}
    (folder / certificate.SUMS).write_text(certificate.sums(digests))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return ship(records.build(tmp_path / "run"), tmp_path / "shipped")


def content(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / certificate.NAME).read_text())
    return found


def edit(folder: Path, change: Callable[[dict[str, Any]], Any], seal: bool = True) -> None:
    """Change the certificate; with `seal` its own digest and the sums are made to fit, as a careful forger would."""
    data = content(folder)
    change(data)
    if seal:
        data["digest"] = data_digest({key: value for key, value in data.items() if key != "digest"})
    (folder / certificate.NAME).write_text(
        json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8"
    )
    if seal:
        write_sums(folder)


def link(data: dict[str, Any], stage: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in data["chain"] if one["record"]["stage"] == stage)
    return found


def test_whole_folder_is_certified(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert certificate.check(folder) == []
    assert certificate.check_command([str(folder)]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"CERTIFIED: {GGUF}\n")
    assert "not a signature" in said


def test_it_has_the_digests_from_the_data_to_the_gguf(folder: Path) -> None:
    data = content(folder)
    assert [one["record"]["stage"] for one in data["chain"]] == [stage.name for stage in pipeline.CHAIN]
    assert link(data, "prepare")["record"]["key"]["outside"] == records.OUTSIDE["prepare"]
    assert link(data, "preflight")["record"]["key"]["inputs"]["prepare"] == link(data, "prepare")["digest"]
    assert link(data, "quantize")["record"]["files"][GGUF]["sha256"] == file_digest(folder / GGUF)
    assert "seconds" not in link(data, "train")["record"]["made_by"]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def drop_train(data: dict[str, Any]) -> None:
    data["chain"] = [one for one in data["chain"] if one["record"]["stage"] != "train"]


def fail_smoke(data: dict[str, Any]) -> None:
    link(data, "smoke")["record"]["verdict"]["findings"][0]["status"] = "fail"


FORGED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "byte flipped in the GGUF": (lambda f: flip(f / GGUF), f"{GGUF}: its bytes are not the ones"),
    "GGUF cut short": (lambda f: (f / GGUF).write_bytes((f / GGUF).read_bytes()[:-1]), f"{GGUF}: its bytes"),
    "GGUF missing": (lambda f: (f / GGUF).unlink(), f"{GGUF}: is missing"),
    "page missing": (lambda f: (f / "README.md").unlink(), "README.md: is missing"),
    "page edited": (lambda f: (f / "README.md").write_text("better"), "README.md: its bytes"),
    "GGUF added": (lambda f: (f / "other.gguf").write_text("x"), "other.gguf: is not in the certificate"),
    "hidden GGUF added": (lambda f: (f / ".git.gguf").write_text("x"), ".git.gguf: is not in the certificate"),
    "sums edited": (lambda f: (f / "SHA256SUMS").write_text(""), "SHA256SUMS: does not list"),
    "certificate missing": (lambda f: (f / certificate.NAME).unlink(), "certificate.json: cannot be read"),
    "certificate cut short": (lambda f: (f / certificate.NAME).write_text("{"), "certificate.json: is damaged"),
    "certificate deep": (lambda f: (f / certificate.NAME).write_text("[" * 100_000), "certificate.json: is damaged"),
    "certificate binary": (lambda f: (f / certificate.NAME).write_bytes(b"\xff\x00"), "certificate.json: is damaged"),
    "space added": (
        lambda f: (f / certificate.NAME).write_text((f / certificate.NAME).read_text() + " "),
        "was edited after it was written",
    ),
    "title edited": (lambda f: edit(f, lambda d: d.update(title="mine"), seal=False), "its own digest differs"),
    "unknown field": (lambda f: edit(f, lambda d: d.update(more=1)), "certificate.json: is damaged"),
    "stage twice": (lambda f: edit(f, lambda d: d["chain"].append(d["chain"][0])), "each once"),
    "unknown stage": (lambda f: edit(f, lambda d: link(d, "merge")["record"].update(stage="mrege")), "each once"),
    "stage taken out": (lambda f: edit(f, drop_train), "train: was not made"),
    "facts edited": (
        lambda f: edit(f, lambda d: link(d, "smoke")["record"]["facts"].update(num_rows=201)),
        "smoke: its digest is not the one of the record",
    ),
    "other input": (
        lambda f: edit(f, lambda d: link(d, "merge")["record"]["key"]["inputs"].update(train="0" * 64)),
        "merge: was not made from the train that is there",
    ),
    "failing rule": (lambda f: edit(f, fail_smoke), "smoke: did not pass"),
    "verdict said to fail": (
        lambda f: edit(f, lambda d: link(d, "merge")["record"]["verdict"].update(status="fail")),
        "merge: did not pass",
    ),
    "nothing asked": (
        lambda f: edit(f, lambda d: link(d, "merge")["record"]["verdict"].update(findings=[])),
        "its gate asked nothing",
    ),
    "no data file": (
        lambda f: edit(f, lambda d: link(d, "prepare")["record"]["key"].update(outside={})),
        "names no data file",
    ),
    "not certified by itself": (
        lambda f: edit(f, lambda d: d.update(certified=False)),
        "does not follow from the records",
    ),
    "chain digest": (lambda f: edit(f, lambda d: d.update(chain_digest="0" * 64)), "the digest of the chain differs"),
    "path out of the folder": (
        lambda f: edit(f, lambda d: d["shipped"].update({"../run/fetch/artifact.json": d["shipped"]["README.md"]})),
        "is not the name of a file in the folder",
    ),
    "another GGUF, all digests made to fit": (
        lambda f: ((f / GGUF).write_text("mine"), edit(f, lambda d: d["shipped"].update({GGUF: entry(f / GGUF)}))),
        f"{GGUF}: is not the file that quantize made",
    ),
}


def entry(path: Path) -> dict[str, Any]:
    return {"sha256": file_digest(path), "bytes": path.stat().st_size}


@pytest.mark.parametrize("how", FORGED)
def test_what_was_changed_is_found(how: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    forge, expected = FORGED[how]
    forge(folder)
    problems = certificate.check(folder)
    assert any(expected in problem for problem in problems), problems
    assert certificate.check_command([str(folder)]) == 3
    assert capsys.readouterr().out.startswith("NOT CERTIFIED\n")


def test_files_that_a_hub_adds_are_not_held_against_it(folder: Path) -> None:
    (folder / ".gitattributes").write_text("*.gguf filter=lfs\n")
    (folder / ".cache" / "huggingface").mkdir(parents=True)
    (folder / ".cache" / "huggingface" / "README.md.metadata").write_text("x")
    assert certificate.check(folder) == []


def test_incomplete_chain_says_why(tmp_path: Path) -> None:
    folder = ship(records.build(tmp_path / "run", until="train"), tmp_path / "shipped")
    assert certificate.check(folder) == [
        f"{name}: was not made" for name in ("smoke", "merge", "convert", "quantize", "verify")
    ]


def test_changed_file_of_an_ancestor_is_in_the_certificate(tmp_path: Path) -> None:
    made = records.build(tmp_path / "run")
    flip(tmp_path / "run" / "fetch" / "model" / "model.safetensors")
    folder = ship(made, tmp_path / "shipped")
    assert any(problem.startswith("fetch/model/model.safetensors: ") for problem in certificate.check(folder))


def test_sums_are_what_sha256sum_reads(folder: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "-c", certificate.SUMS], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(line.partition(":")[0] for line in done.stdout.splitlines()) == sorted(
        [GGUF, "README.md", certificate.NAME]
    )


@pytest.mark.parametrize("words", [[], ["a", "b"], ["nowhere"], [str(ROOT / "pyproject.toml")]])
def test_command_refuses_what_is_no_folder(words: list[str]) -> None:
    with pytest.raises(Refusal):
        certificate.check_command(words)


@pytest.mark.parametrize("module", [["jobs.core.certificate"], ["jobs", "certificate"]])
def test_it_is_a_command_without_heavy_imports(module: list[str], folder: Path) -> None:
    words = [sys.executable, "-X", "importtime", "-m", *module, str(folder)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split(":")[0]) == (0, "CERTIFIED"), done.stderr[-2000:]
    assert not any(f"| {name}\n" in done.stderr for name in ("torch", "jinja2", "numpy"))


def test_terminal_is_safe_from_what_a_certificate_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder, lambda data: link(data, "merge")["changed"].append("\x1b[2J\x07: gone"))
    assert certificate.check_command([str(folder)]) == 3
    assert "\x1b" not in capsys.readouterr().out
