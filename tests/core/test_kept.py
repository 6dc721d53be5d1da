"""What is kept in the cache is made once, whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs.core.kept import once

SLOW = """
import sys, time
from pathlib import Path
from jobs.core.kept import once

def make(path):
    path.write_text("half")
    with open(sys.argv[2], "a") as made:
        made.write("x")
    while not Path(sys.argv[3]).exists():
        time.sleep(0.01)
    path.write_text("whole")

print(once(Path(sys.argv[1]), make).read_text())
"""


def maker(kept: Path) -> subprocess.Popen[str]:
    """Makes it until there is a file `go`."""
    return subprocess.Popen(
        [sys.executable, "-c", SLOW, kept, kept.with_name("count"), kept.with_name("go")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def started(count: Path) -> None:
    deadline = time.monotonic() + 60
    while not count.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert count.exists()


def test_it_is_made_once_and_then_taken(tmp_path: Path) -> None:
    made = []

    def make(path: Path) -> None:
        made.append(path)
        path.mkdir()
        (path / "file").write_text("whole")

    for _ in range(2):
        assert (once(tmp_path / "cache" / "kept", make) / "file").read_text() == "whole"
    assert len(made) == 1
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["kept", "kept.lock"]


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    def make(path: Path) -> None:
        path.write_text("half")
        path.with_name(f"{path.name}-wide").write_text("on the way")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        once(tmp_path / "kept", make)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.lock"]


def test_what_a_killed_one_left_is_made_again(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with maker(kept) as killed:
        started(tmp_path / "count")
        os.kill(killed.pid, signal.SIGKILL)
    assert (tmp_path / "kept.making").exists()

    def make(path: Path) -> None:
        path.write_text("whole")

    assert once(kept, make).read_text() == "whole"
    assert not (tmp_path / "kept.making").exists()


def test_two_at_once_make_one(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with maker(kept) as first:
        started(tmp_path / "count")
        with maker(kept) as second:
            assert second.stderr
            assert "another command makes it" in second.stderr.readline()
            (tmp_path / "go").touch()
            assert [each.communicate(timeout=60)[0] for each in (first, second)] == ["whole\n", "whole\n"]
    assert (tmp_path / "count").read_text() == "x"
