"""A command whose reader went away ends without a word; any other broken pipe is what it is."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from jobs.core.endings import ending
from jobs.core.errors import Exit
from jobs.core.provenance import ROOT


@pytest.mark.parametrize(("words", "stream"), [(["rules"], "stdout"), ([], "stderr"), (["nosuch"], "stderr")])
def test_a_reader_that_went_away_is_no_bug(words: list[str], stream: str) -> None:
    read, write = os.pipe()
    os.close(read)
    kept = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: write}
    command = [sys.executable, "-m", "jobs", *words]
    done = subprocess.run(command, **kept, cwd=ROOT, text=True, check=False)  # type: ignore[call-overload]
    os.close(write)
    assert (done.returncode, done.stdout or "", done.stderr or "") == (Exit.NOBODY_READS, "", "")


def test_a_pipe_to_somebody_else_that_broke_is_a_crash(capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        raise BrokenPipeError(32, "Broken pipe")

    assert ending("toy", work) == Exit.CRASHED
    assert "this is a bug" in capfd.readouterr().err
