"""Work is done in order by any number of processes, and none of them outlives the parent."""

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs.core.errors import EnvironmentProblem
from jobs.engines.rows.workers import Workers, num_cores

ROOT = Path(__file__).resolve().parents[3]
PARENT = """
import os
import time
from jobs.engines.rows.workers import Workers

def own_id(number):
    return os.getpid()

if __name__ == "__main__":
    with Workers(2) as workers:
        print(*sorted({*workers.map(own_id, range(8))}), flush=True)
        time.sleep(60)
"""


@pytest.mark.parametrize("num", [1, 2])
def test_results_come_in_order(num: int) -> None:
    with Workers(num) as workers:
        assert list(workers.map(math.factorial, iter(range(50)))) == [math.factorial(number) for number in range(50)]
        assert list(workers.map(math.factorial, [])) == []


def test_not_all_work_is_taken_at_once() -> None:
    taken: list[int] = []

    def work() -> object:
        for number in range(1000):
            taken.append(number)
            yield number

    with Workers(2) as workers:
        results = workers.map(math.factorial, work())  # type: ignore[arg-type]
        next(results)
        assert len(taken) < 20
        results.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("num", [1, 2])
def test_an_error_of_the_work_is_raised(num: int) -> None:
    with Workers(num) as workers, pytest.raises(ValueError, match="negative"):
        list(workers.map(math.factorial, [3, 2, 1, 0, -1, -2]))


def test_a_process_that_is_ended_is_told() -> None:
    with Workers(2) as workers, pytest.raises(EnvironmentProblem, match=r"prepare\.workers"):
        list(workers.map(signal.raise_signal, [signal.SIGKILL] * 10))


def test_cores() -> None:
    assert 1 <= num_cores() <= (os.cpu_count() or 1)


def test_no_process_outlives_its_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT, encoding="utf-8")
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert parent.stdout is not None
    children = [int(word) for word in parent.stdout.readline().split()]
    assert children
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    until = time.monotonic() + 10
    while any(_runs(child) for child in children) and time.monotonic() < until:
        time.sleep(0.05)
    assert not [child for child in children if _runs(child)]


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
