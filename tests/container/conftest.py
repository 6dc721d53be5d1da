"""The image and the demo in it, made once for all of the ring; at the end, what each took."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.container import ring


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What `make image` said."""
    lacking = ring.missing()
    if lacking:
        pytest.fail(f"the container ring needs {', '.join(lacking)}: apt-get install {' '.join(ring.TOOLS)}")
    return ring.build(tmp_path_factory.mktemp("pip"))


@pytest.fixture(scope="session")
def contained(built: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo, from nothing to its certificate, in the container; the run's folder."""
    volume = tmp_path_factory.mktemp("contained") / "workspace"
    with ring.timed("the demo in the container"):
        done = ring.call([*ring.locked_down(volume), "all", "experiment=demo", "run.folder=/workspace/runs"])
    assert done.returncode == 0, done.stderr[-6000:]
    return volume / "runs" / "demo"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Sizes and times, whatever the verdict."""
    for note in ring.NOTES:
        terminalreporter.write_line(f"ring: {note}")
