"""`estimate` from the command line: what it says of rows, cards and machines, and how it ends."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jobs.__main__ import main
from jobs.checks import estimate as checked
from jobs.core import compose
from jobs.engines.estimating import row_sizes
from jobs.engines.estimating.row_sizes import Layout
from jobs.logic.estimating import cards
from tests.logic.estimating.recipes import rows

ROOT = Path(__file__).resolve().parents[3]
SUBJECTS = "garden tea sea snow rain lamp bread train clock river paper stone bird glass".split()  # noqa: SIM905


@pytest.fixture
def files(tmp_path: Path) -> str:
    path = tmp_path / "rows.jsonl"
    lines = [
        {"messages": [
            {"role": "user", "content": f"Give a title to this note, number {place}: the {one} and the {other} met."},
            {"role": "assistant", "content": f"How the {one} met the {other}"},
        ]}
        for place, (one, other) in enumerate((a, b) for a in SUBJECTS for b in SUBJECTS if a < b)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return f"prepare.files=[{path}]"


def said(tmp_path: Path, *words: str) -> tuple[int, dict[str, Any]]:
    code = main(["estimate", f"run.folder={tmp_path}/runs", *words])
    return code, json.loads((tmp_path / "runs" / "first" / "estimate" / "estimate.json").read_bytes())


def test_it_says_rows_stages_and_cards(tmp_path: Path, files: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = said(tmp_path, "model=qwen3_8b", files, "estimate.card=24", "estimate.usd_per_hour=2")
    assert code == 4  # not as it is: the float32 weights alone are 33 GB
    assert found["weights"] == 8_190_735_360
    assert found["rows"]["train"] + found["rows"]["held_out"] > 50
    assert found["stages"]["merge"]["gpu_bytes"] > 4 * 8.19e9
    assert [one["gib"] for one in found["cards"]] == [12, 16, 24, 48, 80]
    assert found["usd"] == pytest.approx(2 * sum(one["seconds"] for one in found["stages"].values()) / 3600, rel=0.01)
    told = capsys.readouterr().err
    assert "time is a guess" in told
    assert "train.dtype=bfloat16" in next(line for line in told.splitlines() if line.startswith("-> "))
    assert not (tmp_path / "runs" / "first" / "fetch").exists()


def test_the_line_to_paste_fits(tmp_path: Path, files: str, capsys: pytest.CaptureFixture[str]) -> None:
    said(tmp_path, "model=qwen3_8b", files, "estimate.card=24")
    line = next(line for line in capsys.readouterr().err.splitlines() if line.startswith("-> "))
    words = [word for word in shlex.split(line) if "=" in word and not word.startswith(("run.folder", "prepare.files"))]
    code, _ = said(tmp_path, *words, files, "estimate.card=24")
    assert code == 0


@pytest.mark.parametrize("model", ["qwen3_0_6b", "qwen3_1_7b", "qwen3_4b", "qwen3_8b", "qwen3_14b", "qwen3_32b"])
@pytest.mark.parametrize("train", ["default", "unsloth"])
def test_every_words_that_are_told_fit_as_the_config_reads_them(model: str, train: str) -> None:
    for of in (rows(150, 30), rows(700, 100), rows(1800, 300)):
        given = [f"model={model}", f"train={train}", "prepare.files=[x]"]
        for gib in (12, 16, 24, 48, 80):
            verdict = cards.judged(checked.recipe(compose.compose(given), of), gib)
            if verdict.words:
                again = cards.judged(checked.recipe(compose.compose([*given, *verdict.words]), of), gib)
                assert (again.fits, again.words) == (True, ()), (gib, verdict.words)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["model.id=somebody/Large"], "its name says none of the known sizes"),
        (["fetch=local", "fetch.source.folder=nowhere"], "nowhere/config.json: No such file"),
        (["estimate.usd_per_hour=-1"], "estimate.usd_per_hour"),
        (["prepare.files=[hf://datasets/a/b@main/c.jsonl]"], "nothing is downloaded for an estimate"),
        (["prepare.files=[nowhere.jsonl]"], "nowhere.jsonl"),
    ],
)
def test_what_cannot_be_estimated_is_refused(
    tmp_path: Path, files: str, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [files, *words] if not words[0].startswith("prepare.files") else words
    assert main(["estimate", f"run.folder={tmp_path}/runs", *given]) == 2
    assert told in capsys.readouterr().err


def test_a_folder_says_its_own_shape(tmp_path: Path, files: str) -> None:
    config = {**checked.shapes.KNOWN["1.7B"].as_config(), "tie_word_embeddings": True}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    _, found = said(tmp_path, files, "fetch=local", f"fetch.source.folder={tmp_path}")
    assert found["weights"] == checked.shapes.KNOWN["1.7B"].num_weights
    assert found["stages"]["fetch"]["disk_bytes"] == 0


def test_by_bytes_where_no_tokenizer_is_here() -> None:
    count, told, is_exact = row_sizes.counter(None, None)
    assert (count(["x" * 325, "記事" * 10]), is_exact) == ([100, 18], False)
    assert "a guess" in told


def test_a_sample_stands_for_its_file() -> None:
    count, _, _ = row_sizes.counter(None, None)
    turns = [{"role": "user", "content": "x" * 650}, {"role": "assistant", "content": "x" * 325}]
    found = row_sizes.sampled([turns] * 50, 975_000, 0.2, count, Layout(True, None, 0))
    assert (found.num_train, found.num_held_out) == (800, 200)
    assert set(found.train) == {(200 + 100 + 2 * 5 + 4, 100 + 4 + 1)}


def test_it_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from jobs.__main__ import main\n"
        f"main(['estimate', 'prepare.files=[{ROOT}/data/noteai/rows.jsonl]', 'estimate.out={tmp_path}'])\n"
        "print(sorted(set(sys.modules) & {'torch', 'transformers', 'trl', 'peft', 'datasets'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stdout.strip().endswith("[]"), done.stderr
