"""Runs that no rows could make fit are refused by `make all` and by what launchers ask."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobs.__main__ import main
from jobs.engines.estimating import fitting, machine
from jobs.engines.estimating.machine import Here


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    (tmp_path / "rows.jsonl").write_text("not read\n", encoding="utf-8")
    return ["all", f"run.folder={tmp_path}/runs", f"prepare.files=[{tmp_path}/rows.jsonl]", "model=qwen3_32b"]


def test_a_run_that_cannot_fit_is_not_begun(
    tmp_path: Path, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = Here(cores=4, ram=32 << 30, gpu="a card", gpu_bytes=24 << 30)
    monkeypatch.setattr(fitting.machine, "here", lambda: small)
    assert main(words) == 4
    told = capsys.readouterr().err
    assert "a GPU of 24 GB" in told
    assert "estimate.refuse=false" in told
    assert not (tmp_path / "runs").exists()
    assert main([*words, "estimate.refuse=false"]) == 2  # begun: `prepare` says what its rows are
    assert "prepare: clean" in capsys.readouterr().err


def test_the_words_that_make_it_fit_stand_in_the_line_to_paste(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fitting.machine, "here", lambda: Here(8, 256 << 30, "a card", 24 << 30))
    assert main([*words[:-1], "model=qwen3_8b"]) == 4
    assert "train.dtype=bfloat16" in capsys.readouterr().err.splitlines()[-1]


def test_launchers_are_told_the_least(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fits", "model=qwen3_32b", "estimate.cards=[24,80]"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ram_bytes"]["gpu"] > 4 * 32.7e9
    assert list(found["words"]) == ["80"]
    assert main(["fits", "model=qwen3_32b", "estimate.refuse=false"]) == 0
    assert json.loads(capsys.readouterr().out) is None


def test_this_machine_is_seen() -> None:
    found = machine.here()
    assert found.cores >= 1
    assert found.ram > 1e9
