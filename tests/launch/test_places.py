"""What can be said of paths and rows from here, before anything is rented."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jobs.core.errors import Exit, Refusal
from jobs.launch import places

ROOT = Path(__file__).resolve().parents[2]
ROW = '{"問い": "刀とは", "答え": "武器です"}\n'
WITHOUT = "import sys; sys.modules['{}'] = None; from jobs.__main__ import main; sys.exit(main(sys.argv[1:]))"


def test_first_rows_are_read_as_prepare_reads_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "記事, その1.jsonl"
    file.write_text(ROW * 20, encoding="utf-8")
    places.look(["model=qwen3_0_6b", "prepare.columns={prompt:問い,completion:答え}"], [file])
    assert capsys.readouterr().err == "  記事, その1.jsonl: JSON Lines, 8 rows looked at\n"
    with pytest.raises(Refusal, match="no row has `質問`"):
        places.look(["prepare.columns={prompt:質問,completion:答え}"], [file])
    with pytest.raises(Refusal, match="there is no such file"):
        places.look([], [tmp_path / "無い.jsonl"])


@pytest.mark.parametrize("package", ["numpy", "orjson"])
def test_without_the_readers_that_is_said(tmp_path: Path, package: str) -> None:
    (tmp_path / "x.jsonl").write_text(ROW, encoding="utf-8")
    words = ["look", f"prepare.files=['{tmp_path}/x.jsonl']"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(package), *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == Exit.ENVIRONMENT, done.stderr
    assert f"rows are not looked at: {package} is not installed here" in done.stderr


@pytest.mark.parametrize(
    ("names", "word"),
    [
        (["a.jsonl"], "prepare.files=[a.jsonl]"),
        (["記 事.jsonl", "b c"], "prepare.files=[記 事.jsonl,b c]"),
        (["a,b.jsonl", "it's"], "prepare.files=['a,b.jsonl','it\\'s']"),
    ],
)
def test_files_are_named_as_the_config_reads_them(names: list[str], word: str) -> None:
    from jobs.core import compose

    assert places.listed("prepare.files", names) == word
    assert compose.compose([word])["prepare"]["files"] == names
