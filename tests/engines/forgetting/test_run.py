"""The suite asked of GGUFs: what is compared, what is measured, what is written, and how else it can end."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from jobs.core.endings import ending
from jobs.core.errors import Refusal
from jobs.engines.answering.store import open_answers
from jobs.engines.forgetting import command, suite_files
from jobs.engines.forgetting.run import _whole, read, run, write
from jobs.engines.gguf import llama
from jobs.logic.forgetting.counting import Answered, counted
from jobs.logic.forgetting.suite import Item, items
from jobs.logic.parity.divergence import token_kl
from tests import gguf_tamper

LINES = {
    "ja": ['{"id": "ja 1", "category": "arithmetic", "prompt": "1 + 1?", "checks": [{"rule": "number", "is": 2}], '
           '"right": ["2"], "wrong": ["3"]}'],
    "en": ['{"id": "en 1", "category": "refusal", "system": "Say no.", "prompt": "Well?", "checks": [{"rule": "exact", '
           '"is": ["no"]}], "right": ["No."], "wrong": ["Yes."]}',
           '{"id": "en 2", "category": "facts", "prompt": "Who?", "checks": [{"rule": "without", "signs": ["~~~"]}], '
           '"right": ["I"], "wrong": ["~~~"]}'],
}  # fmt: skip


@pytest.fixture
def short_suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Item]:
    """Three items in place of two hundred."""
    folder = tmp_path / "suite"
    folder.mkdir()
    for language, lines in LINES.items():
        (folder / f"{language}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setattr(suite_files, "FOLDER", folder)
    return suite_files.suite()


def asked(folder: Path, base: Path, tuned: Path, suite: list[Item]) -> list[Answered]:
    with open_answers(folder / "answers") as store:
        return run(store, base, tuned, items=suite, max_tokens=4, gpu_layers=0)


def test_a_model_against_itself_is_no_difference(short_suite: list[Item], q4_gguf: Path, tmp_path: Path) -> None:
    said = asked(tmp_path, q4_gguf, q4_gguf, short_suite)
    found = counted(short_suite, said)

    assert [one.base for one in said] == [one.tuned for one in said]
    assert [(one.kl, one.num_places, one.num_same_top) for one in said] == [(0.0, 5, 5)] * 3
    assert {group.verdict for group in found.groups} <= {"no signal", "cannot say"}
    assert (found.num_unfinished_base, found.num_unfinished_tuned) == (3, 3)
    assert found.drift is not None
    assert (found.drift.kl_mean, found.drift.high, found.drift.same_top) == (0.0, 0.0, 1.0)


def test_drift_is_what_it_says(short_suite: list[Item], f16_gguf: Path, q4_gguf: Path, tmp_path: Path) -> None:
    said = asked(tmp_path, f16_gguf, q4_gguf, short_suite)
    with open_answers(tmp_path / "answers") as store:
        questions = [store.asked(key) for key in store.keys("drift")]
    ids = {question["item"]: question["ids"] for question in questions if question}

    assert all(one.kl is not None and one.kl > 0 for one in said)
    assert {one.num_places for one in said} == {5}
    for one in said[1:2]:
        row = llama.Row(ids[one.id], range(len(ids[one.id]) - 1 - one.num_places, len(ids[one.id]) - 1))
        for gguf in (f16_gguf, q4_gguf):
            llama.write_logits(gguf, [row], tmp_path / f"{gguf.stem}.npy", kv="f16", num_threads=2)
        kl, same = token_kl(np.load(tmp_path / f"{f16_gguf.stem}.npy"), np.load(tmp_path / f"{q4_gguf.stem}.npy"))
        assert one.kl == pytest.approx(kl.mean(), rel=1e-6)
        assert one.num_same_top == same.sum()


def test_other_tokens_have_no_drift(short_suite: list[Item], q4_gguf: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.gguf"
    shutil.copyfile(q4_gguf, other)
    gguf_tamper.replace_text(other, b"<|fim_pad|>", b"<|fim_pax|>")
    said = asked(tmp_path, q4_gguf, other, short_suite)

    assert [one.kl for one in said] == [None] * 3
    assert counted(short_suite, said).drift is None


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    said = [
        Answered("a", "東京\n", "", "stopped", "cut", 0.25, 3, 2),
        Answered("b", "", "x", "no room", "cut", None, 0, 0),
        Answered("c", "a\u2028b\u2029c\x85d\x0be\x1cf\r\ng", "half a pair: \ud83d", "stopped", "stopped", 0.0, 1, 1),
    ]
    write(tmp_path / "forgetting.jsonl", said)

    assert read(tmp_path / "forgetting.jsonl") == said
    assert [path.name for path in tmp_path.iterdir()] == ["forgetting.jsonl"]


@pytest.mark.parametrize(
    ("tokens", "said", "expected"),
    [
        (["hi", "<think>", "Ċ"], "4, or", "<think>\n4, or"),
        (["hi", "<", "think", ">", "Ċ"], "so 4</think>4", "<think>\nso 4</think>4"),
        (["<think>", "Ċ", "</think>", "Ċ"], "4", "4"),
        (["say", "<think>", *["x"] * 20], "4", "4"),
    ],
)
def test_thoughts_that_the_template_opened_are_thoughts(tokens: list[str], said: str, expected: str) -> None:
    assert _whole(range(len(tokens)), said, tokens) == expected


def test_the_command_writes_the_same_bytes_again(
    short_suite: list[Item], q4_gguf: Path, tmp_path: Path, capsys
) -> None:
    words = [f"run.folder={tmp_path / 'runs'}", f"forgetting.base={q4_gguf}", f"forgetting.tuned={q4_gguf}",
             "forgetting.max_tokens=3", "gpu_layers=0"]  # fmt: skip
    written = []
    for _ in range(2):
        assert ending("forgetting", lambda: command.forgetting(words)) == 0
        [folder] = (tmp_path / "runs").iterdir()
        written.append({path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()})
    said = capsys.readouterr().err

    assert sorted(written[0]) == ["forgetting.html", "forgetting.json", "forgetting.jsonl"]
    assert written[0] == written[1]
    data = json.loads(written[0]["forgetting.json"])
    assert data["base"] == data["tuned"]
    assert str(tmp_path) not in json.dumps(data)
    assert data["drift"]["kl_mean"] == 0
    page = written[0]["forgetting.html"].decode()
    assert "no signal" in page
    assert "<script" not in page
    assert "en 2" in page
    assert said.count("base: answers: 3/3") == 1
    assert "arithmetic" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["forgeting.base=x"], r"unknown word; did you mean forgetting\.base"),
        (["forgetting.base=x"], r"forgetting\.base: stands beside forgetting\.tuned=FILE"),
        (["forgetting.base=x", "forgetting.tuned=y"], r"forgetting\.base: x: is not there; expected a GGUF file"),
        (["forgetting.max_tokens=none"], r"forgetting\.max_tokens=none: expected a whole number"),
        (["forgetting.think=maybe"], "expected true or false"),
        (["run.name=never"], r"run\.name: there is no run"),
    ],
)
def test_what_cannot_be_asked_is_refused(words: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=message):
        command.forgetting([f"run.folder={tmp_path}", *words])


def test_a_file_that_is_no_gguf_is_refused(short_suite: list[Item], q4_gguf: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(b"GGUF" + bytes(60))
    with pytest.raises(Refusal, match=r"damaged\.gguf"):
        asked(tmp_path, q4_gguf, damaged, short_suite)


def test_a_line_that_is_no_item_is_an_error() -> None:
    with pytest.raises(KeyError):
        items(['{"id": "x"}'], "en")
