"""The order of the chain: rows are looked at before anything is downloaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.core import pipeline
from jobs.core.errors import Exit
from tests import whole_run


def test_rows_come_first_and_need_nothing() -> None:
    assert pipeline.NAMES[:2] == ("prepare", "fetch")
    assert not pipeline.stage("prepare").needs
    assert [stage.name for stage in pipeline.up_to("preflight", lambda name: ())] == ["prepare", "fetch", "preflight"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [(None, "there is no such file"), ('{"甲": "a", "乙": "b"}\n', "甲")],
)  # fmt: skip
def test_a_file_or_a_column_that_is_not_there_is_told_before_a_model_is_asked_for(
    tmp_path: Path, rows: str | None, said: str
) -> None:
    if rows is not None:
        (tmp_path / "rows.jsonl").write_text(rows, encoding="utf-8")
    words = ["model=qwen3_0_6b", f"prepare.files=['{tmp_path}/rows.jsonl']", f"run.folder={tmp_path}/runs"]
    done = whole_run.command("all", *words, "run.name=mine")
    assert done.returncode == Exit.REFUSED, done.stderr
    assert said in done.stderr
    assert "fetch" not in done.stderr.partition("prepare: refused")[0]
    assert not (tmp_path / "runs" / "mine" / "fetch").exists()
