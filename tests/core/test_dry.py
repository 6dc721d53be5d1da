"""A dry run: what would be made, from what, and the refusal that the real run would meet; nothing is written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.__main__ import main
from jobs.core.errors import Exit

Dry = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty rows, and a run that has `prepare`."""
    folder = tmp_path_factory.mktemp("乾 run")
    rows = [{"prompt": f"What is {n} and {n}?", "completion": f"It is {2 * n}, said number {n}."} for n in range(60)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = [f"run.folder={folder}", "run.name=記事", f"prepare.files=['{folder}/rows.jsonl']", "model=qwen3_0_6b"]
    assert main(["prepare", *words]) == Exit.PASSED
    return folder


@pytest.fixture
def dry(folder: Path, capsys: pytest.CaptureFixture[str]) -> Dry:
    def told(stage: str, *more: str, name: str = "記事") -> tuple[int, str]:
        words = [
            f"run.folder={folder}",
            f"run.name={name}",
            f"prepare.files=['{folder}/rows.jsonl']",
            "model=qwen3_0_6b",
        ]
        before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
        code = main([stage, *words, *more, "dry=true"])
        assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
        return code, capsys.readouterr().err

    return told


def row(said: str, stage: str) -> str:
    """What the table says of a stage."""
    return " ".join(re.findall(rf"^ +{stage} +(.*)$", said, re.MULTILINE)[0].split())


def test_a_run_that_is_new_is_told_stage_by_stage(dry: Dry) -> None:
    code, said = dry("train", name="new")
    assert code == Exit.PASSED
    assert row(said, "prepare") == "to make from rows.jsonl: JSON Lines, 8 rows looked at"
    assert row(said, "fetch").startswith("to make from Qwen/Qwen3-0.6B at ")
    assert row(said, "train") == "to make from fetch, preflight"
    assert "nothing was run; this makes prepare, fetch, preflight, train:" in said
    assert "-m jobs train" in said


def test_what_is_made_is_not_made_again(dry: Dry) -> None:
    code, said = dry("fetch")
    assert code == Exit.PASSED
    assert row(said, "fetch").startswith("to make")
    code, said = dry("prepare")
    assert (code, row(said, "prepare")) == (Exit.PASSED, "made passed, nothing to do")
    assert "there is nothing to make" in said
    code, said = dry("prepare", "redo=true")
    assert (code, row(said, "prepare").startswith("to make again, from")) == (Exit.PASSED, True)


def test_a_limit_that_no_longer_holds_is_told(dry: Dry) -> None:
    code, said = dry("preflight", "prepare.limits.min_rows=1000")
    assert code == Exit.GATE_FAILED
    assert row(said, "prepare") == "failed DAT004 too-few-rows"
    assert row(said, "preflight") == "- not reached"


@pytest.mark.parametrize(
    ("stage", "words", "said"),
    [
        ("preflight", ["prepare.split.val_fraction=0.3"], "prepare.split.val_fraction is 0.3, it was made with 0.2"),
        ("prepare", ["prepare.colums={}"], "prepare.colums: unknown key"),
    ],
)
def test_the_refusal_is_the_real_runs(dry: Dry, folder: Path, capsys: pytest.CaptureFixture[str], stage: str,
                                      words: list[str], said: str) -> None:  # fmt: skip
    code, told = dry(stage, *words)
    assert (code, said in told) == (Exit.REFUSED, True)


def test_columns_that_are_not_there_are_refused(dry: Dry) -> None:
    code, said = dry("all", "prepare.columns={prompt:質問,completion:回答}", name="new")
    assert code == Exit.REFUSED
    assert "no row has `質問`" in said
