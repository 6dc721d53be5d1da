"""The line that a "no" ends in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobs.core import memory, offers, way_out
from jobs.core.endings import ending
from jobs.core.errors import EnvironmentProblem, Refusal
from jobs.core.way_out import Typed

SECRET = "hf_" + "A1b2C3d4E5f6G7h8I9j0"


@pytest.fixture(autouse=True)
def natively(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a folder with a Makefile, called by nobody."""
    for name in ("MAKELEVEL", "KIWAME_MAKE_WORDS", way_out.TYPED):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "Makefile").touch()
    monkeypatch.chdir(tmp_path)


def words_of(line: str) -> str:
    return line.partition(" -m jobs ")[2]


@pytest.mark.parametrize(
    ("words", "refusal", "line"),
    [
        (["a=1"], Refusal("x", words=["redo=true"]), "-> all a=1 redo=true"),
        (["a=1", "b=2"], Refusal("x", words=["a=3"], without=["a=1"]), "-> all b=2 a=3"),
        (["a=1", "b=2"], Refusal("x", without=["a"]), "-> all b=2"),
        (["a.b=1", "a.c=2"], Refusal("x", words=["a={b:3}"]), "-> all 'a={b:3}'"),
        (["a=1"], Refusal("x"), "then -> all a=1"),
        (["a=1", "b=2"], Refusal("x", words=["a=1"]), "then -> all a=1 b=2"),
        (["prepare.files=[my", "rows.jsonl]"], Refusal("x"), "then -> all 'prepare.files=[my rows.jsonl]'"),
        (["a=1", f"b={SECRET}"], Refusal("x"), "then -> all a=1"),
        ([], EnvironmentProblem("port 8080 is taken", words=["port=8081"]), "-> all port=8081"),
        (["redo=false"], Refusal("say redo=true"), "-> all redo=true"),
        ([], Refusal("rows differ; `prepare.turns.same_role=join` joins them"), "-> all prepare.turns.same_role=join"),
        ([], Refusal("never prepare.turns.same_role=nonsense"), "then -> all"),
        ([], Refusal("set prepare.files=value, or HF_TOKEN=x, or run.nmae=x"), "then -> all"),
    ],
)
def test_it_holds_what_was_typed_and_what_mends_it(words: list[str], refusal: Exception, line: str) -> None:
    found = way_out.line(Typed("all", tuple(words)), refusal)
    assert found.partition("-> ")[0] + "-> " + words_of(found) == line


def test_what_the_run_remembers_is_not_said_again(tmp_path: Path) -> None:
    root = tmp_path / "runs" / "mine"
    root.mkdir(parents=True)
    memory.keep(root, ["experiment=demo", "prepare.files=[a.jsonl]", "train.lora.rank=4"])
    words = ("run.name=mine", "run.folder=runs", "experiment=demo", "prepare.files=[a.jsonl]", "train.lora.rank=8")
    expected = "run.name=mine run.folder=runs experiment=demo train.lora.rank=8 redo=true"
    assert words_of(way_out.line(Typed("train", words), Refusal("x", words=["redo=true"]))) == f"train {expected}"
    whole = way_out.line(Typed("train", words, known=()), Refusal("x", words=["redo=true"]))
    assert "'prepare.files=[a.jsonl]'" in whole


def test_a_stage_says_the_command_that_it_is_a_part_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(way_out.TYPED, Typed("all", ("run.name=mine", f"x={SECRET}"), known=()).as_variable())
    assert SECRET not in json.dumps(way_out.os.environ[way_out.TYPED])

    def refuse() -> int:
        raise Refusal("there is no such file")

    assert ending("prepare", refuse, ["run.name=mine", "a=1"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "prepare: refused: there is no such file"
    assert said[1].startswith("then -> ")
    assert words_of(said[1]) == "all run.name=mine"
    assert ending("prepare", refuse) == 2
    assert capsys.readouterr().err.splitlines() == said[:1]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("say `prepare.pairs=preferred`, or x", ["prepare.pairs=preferred"]),
        ("set prepare.columns='{prompt:質問,completion:回答}'.", ["prepare.columns={prompt:質問,completion:回答}"]),
        ("prepare.clean.allow=[markup-tag, label] keeps them", ["prepare.clean.allow=[markup-tag, label]"]),
        ("a list of one is prepare.files=[a.jsonl].", ["prepare.files=[a.jsonl]"]),
        ("expected key=value; write prepare.field=NAME or a=...", []),
        ("say them with prepare.columns='{prompt:question}' or the like; for example `run.name=first`", []),
        ("https://x.y/?a.b=c and --a.b=c", []),
    ],
)
def test_words_are_found_in_a_text(text: str, named: list[str]) -> None:
    assert offers.named(text) == named
