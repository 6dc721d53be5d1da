"""A shipped folder is certified, or says why not; what was changed in it is found, however well it was made to fit."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs import report
from jobs.core import certificate, pipeline
from jobs.core.errors import Refusal
from jobs.core.provenance import ROOT, file_digest
from tests.stages import records
from tests.stages.forging import (
    GGUF,
    Data,
    config,
    edit,
    finding,
    publish,
    record,
    replace,
    said,
)

Forge = Callable[[Path], Any]


def test_whole_folder_is_certified(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(folder, capsys, 0)
    assert out.startswith(f"CERTIFIED: {GGUF}\n")
    assert f"  digest {certificate.read(folder).digest}\n" in out
    assert "what was measured is the maker's word" in out


def test_what_was_let_pass_is_said(copy: Callable[[str], Path], capsys: pytest.CaptureFixture[str]) -> None:
    out = said(copy("let pass"), capsys, 0)
    usual = records.limits()["smoke"]["min_agreement_gain"]
    assert "  waived: MRG009: kept for the archive\n" in out
    assert f"  limit changed: smoke.limits.min_agreement_gain: 0.1, by default {usual}\n" in out


def test_only_the_record_of_the_run_need_not_be_sent(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "artifact.json").unlink()
    said(folder, capsys, 0)


def test_not_a_number_and_words_of_any_script_can_be_certified(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    behaviours = records.smoke()["behaviours"]
    behaviours[0]["overlap"] = float("nan")
    cfg = config(title='🌾 "試験" & <b>ünï</b> \u202eabc', license="другое")
    out = publish(tmp_path / "run", cfg, changed={"smoke": {"behaviours": behaviours}})
    assert '"overlap": NaN' in (out / certificate.NAME).read_text()
    said(out, capsys, 0)


def test_it_has_the_digests_from_the_data_to_the_gguf(folder: Path) -> None:
    data = json.loads((folder / certificate.NAME).read_text())
    digests = {one["record"]["stage"]: one["digest"] for one in data["chain"]}
    assert list(digests) == list(pipeline.USUAL[:-1])
    assert record(data, "prepare")["key"]["outside"] == records.OUTSIDE["prepare"]
    assert record(data, "preflight")["key"]["inputs"]["prepare"] == digests["prepare"]
    assert record(data, "quantize")["files"][GGUF]["sha256"] == file_digest(folder / GGUF)


def passed(data: Data, stage: str, code: str) -> None:
    finding(data, stage, code).update(status="pass", messages=[])


def unwaive(data: Data) -> None:
    data["waivers"] = {}
    passed(data, "merge", "MRG009")


def pass_train(data: Data) -> None:
    passed(data, "train", "TRN005")
    record(data, "train")["verdict"]["status"] = "pass"
    data.update(certified=True, reasons=[])


def without_a_reason(data: Data) -> None:
    finding(data, "merge", "MRG009")["messages"][-1] = "waived: "
    data["waivers"] = {"MRG009": ""}


def take_out(data: Data) -> None:
    verdict = record(data, "merge")["verdict"]
    verdict["findings"] = [one for one in verdict["findings"] if one["code"] != "MRG009"]
    data["waivers"] = {}


def limit(stage: str, key: str, value: float) -> Callable[[Data], Any]:
    return lambda data: data["settings"]["limits"][stage].update({key: value})


def default_again(data: Data) -> None:
    data["settings"]["limits"] = records.limits()


def without_train(data: Data) -> None:
    data["chain"] = [one for one in data["chain"] if one["record"]["stage"] != "train"]


def page(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    replace(folder, name, text.replace(old, new))


def smoke_facts(**changed: Any) -> Callable[[Data], Any]:
    return lambda data: record(data, "smoke")["facts"].update(changed)


# Everything is made to fit, pages included, by somebody who has this program.
FORGED: dict[str, tuple[str, Forge, str]] = {
    "waivers emptied": ("let pass", lambda f: edit(f, lambda d: d.update(waivers={}), True), "waivers: says nothing"),
    "waiver's reason emptied": (
        "let pass", lambda f: edit(f, without_a_reason, True), "MRG009: is waived without a reason",
    ),
    "waived rule said to pass": ("let pass", lambda f: edit(f, unwaive, True), "MRG009: is pass in its verdict"),
    "waived rule taken out": ("let pass", lambda f: edit(f, take_out, True), "merge: MRG009: is not in its verdict"),
    "failed rule said to pass": ("failed", lambda f: edit(f, pass_train, True), "TRN005: is pass in its verdict"),
    "called certified": (
        "failed", lambda f: edit(f, lambda d: d.update(certified=True, reasons=[]), True), "certified: says True",
    ),
    "message edited": (
        "let pass", lambda f: edit(f, lambda d: finding(d, "merge", "MRG009").update(fix="none"), True),
        "merge: MRG009: its verdict's words are not",
    ),
    "rule made up": (
        "plain",
        lambda f: edit(f, lambda d: record(d, "merge")["verdict"]["findings"].append(
            finding(d, "merge", "MRG009") | {"code": "MRG999"}), True),
        "merge: MRG999: is no rule of its gate",
    ),
    "nothing asked": (
        "plain", lambda f: edit(f, lambda d: record(d, "merge")["verdict"].update(findings=[]), True),
        "its gate asked nothing",
    ),
    "verdict said to fail": (
        "plain", lambda f: edit(f, lambda d: record(d, "merge")["verdict"].update(status="fail")),
        "merge: did not pass",
    ),
    "limit tightened beside a kept verdict": (
        "plain", lambda f: edit(f, limit("smoke", "min_agreement_gain", 0.99), True),
        "smoke: its verdict is pass, the limits beside it give fail",
    ),
    "limits said to be the defaults": (
        "let pass", lambda f: edit(f, lambda d: d.update(changed_limits={}), True), "changed_limits: says nothing",
    ),
    "limits made the defaults": ("let pass", lambda f: edit(f, default_again, True), "changed_limits: says {'smoke"),
    "limits of a stage gone": (
        "plain", lambda f: edit(f, lambda d: d["settings"]["limits"].pop("smoke")), "settings.limits are not those",
    ),
    "base model replaced": (
        "plain", lambda f: edit(f, lambda d: d["base_model"].update(id="Qwen/Qwen3-8B"), True), "base_model: says",
    ),
    "llama.cpp's commit replaced": (
        "plain", lambda f: edit(f, lambda d: d["llama_cpp"].update(commit="0" * 40), True), "llama_cpp: says",
    ),
    "title replaced": (
        "plain", lambda f: edit(f, lambda d: d["settings"].update(title="mine")), "report.html: does not say",
    ),
    "licence replaced": (
        "plain", lambda f: edit(f, lambda d: d["settings"].update(license="mit")), "README.md: does not say",
    ),
    "licence replaced in the card": (
        "plain", lambda f: page(f, "README.md", "license: apache-2.0", "license: mit"), "README.md: does not say",
    ),
    "maker's commit replaced": (
        "plain", lambda f: edit(f, lambda d: record(d, "train")["made_by"].update(commit="feed")),
        "report.html: does not say",
    ),
    "report replaced": ("plain", lambda f: replace(f, "report.html", "<h1>Certified</h1>"), "report.html: does not"),
    "a number in the report": ("plain", lambda f: page(f, "report.html", "97.3%", "99.3%"), "report.html: does not"),
    "card replaced": ("plain", lambda f: replace(f, "README.md", "the best"), "README.md: does not say"),
    "Modelfile replaced": ("plain", lambda f: replace(f, "Modelfile", "FROM x"), "Modelfile: does not say"),
    "training log replaced": (
        "plain", lambda f: replace(f, "training-log.jsonl", "{}\n"), "training-log.jsonl: is not the file that train",
    ),
    "page added": ("plain", lambda f: replace(f, "more.html", "x"), "more.html: is neither a page nor a file of"),
    "GGUF replaced": ("plain", lambda f: replace(f, GGUF, "mine"), f"{GGUF}: is not the file that quantize made"),
    "GGUF taken out": (
        "plain", lambda f: ((f / GGUF).unlink(), edit(f, lambda d: d["shipped"].pop(GGUF), True)),
        f"{GGUF}: is not in the folder",
    ),
    "page taken out": (
        "plain", lambda f: ((f / "README.md").unlink(), edit(f, lambda d: d["shipped"].pop("README.md"))),
        "README.md: is missing",
    ),
    "stage taken out": ("plain", lambda f: edit(f, without_train), "train: was not made"),
    "facts edited": (
        "plain", lambda f: edit(f, smoke_facts(num_rows=201), True, links=False),
        "smoke: its digest is not the one of the record",
    ),
    "facts made to fit, verdict kept": (
        "plain", lambda f: edit(f, smoke_facts(num_missing=3), True), "in its verdict, the facts and limits beside",
    ),
    "facts of another version": (
        "plain", lambda f: edit(f, lambda d: record(d, "smoke").update(facts={"old": 1}), True),
        "smoke: its facts were measured by another version of this program (commit abc123)",
    ),
    "facts that break a page": (
        "plain", lambda f: edit(f, lambda d: record(d, "train").update(made_by={})), "cannot be told again (KeyError",
    ),
    "other input": (
        "plain",
        lambda f: edit(f, lambda d: record(d, "merge")["key"]["inputs"].update(train="0" * 64), links=False),
        "merge: was not made from the train that is there",
    ),
    "no data file": (
        "plain", lambda f: edit(f, lambda d: record(d, "prepare")["key"].update(outside={})), "names no data file",
    ),
    "chain digest": (
        "plain", lambda f: edit(f, lambda d: d.update(chain_digest="0" * 64), True, links=False), "chain_digest: says",
    ),
    "said to be signed": (
        "plain", lambda f: edit(f, lambda d: d["settings"].update(signed_by="ssh-ed25519 AAAA")),
        "certificate.sig: is missing",
    ),
    "path out of the folder": (
        "plain",
        lambda f: edit(f, lambda d: d["shipped"].update({"../plain/artifact.json": d["shipped"]["README.md"]})),
        "is not the name of a file in the folder",
    ),
    "unknown stage": ("plain", lambda f: raw(f, '"stage": "merge"', '"stage": "mrege"'), "each once"),
    "unknown field": ("plain", lambda f: raw(f, '"about"', '"more": 1, "about"'), "certificate.json: is damaged"),
    "own digest": ("plain", lambda f: raw(f, '"title": "', '"title": "x'), "its own digest differs"),
    "certificate of an older version": (
        "plain", lambda f: (f / certificate.NAME).write_text('{"schema_version": 2, "about": ""}'),
        "has schema 2, this program reads 4",
    ),
}  # fmt: skip


def raw(folder: Path, old: str, new: str) -> None:
    text = (folder / certificate.NAME).read_text()
    assert old in text
    (folder / certificate.NAME).write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("how", FORGED)
def test_forged(how: str, copy: Callable[[str], Path], capsys: pytest.CaptureFixture[str]) -> None:
    which, forge, expected = FORGED[how]
    folder = copy(which)
    forge(folder)
    assert expected in said(folder, capsys)


def test_a_new_certificate_has_a_new_digest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What only comparing the digest, or a signature, can tell: a title that was changed in every place."""
    before = certificate.read(folder).digest
    edit(folder, lambda data: data["settings"].update(title="mine"), pages=True)
    out = said(folder, capsys, 0)
    assert before not in out
    assert f"digest {certificate.read(folder).digest}\n" in out


@pytest.mark.parametrize("words", [[], ["a", "b"], ["nowhere"], [str(ROOT / "pyproject.toml")], [".", "key=nowhere"]])
def test_command_refuses_what_is_no_folder_or_key(words: list[str]) -> None:
    with pytest.raises(Refusal):
        report.check_command(words)


def test_it_is_a_command_that_loads_no_model(folder: Path) -> None:
    words = [sys.executable, "-X", "importtime", "-m", "jobs", "certificate", str(folder)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split(":")[0]) == (0, "CERTIFIED"), done.stderr[-2000:]
    assert not any(f"| {name}\n" in done.stderr for name in ("torch", "transformers", "cryptography"))


def test_terminal_is_safe_from_what_a_certificate_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder, lambda data: data["chain"][5]["changed"].append("\x1b[2J\x07: gone"))
    assert "\x1b" not in said(folder, capsys)
