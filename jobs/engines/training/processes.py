"""One training run in processes of its own: one, or several under torch's elastic launcher.

`fit` is called by the stage. It writes the job to `processes/` in the stage's partial folder and starts a child: the
process that trains alone (`worker`), or the launcher that starts and watches several. A stop reaches all of them as
a file, which they look for between batches: as a signal it would reach the launcher, which gives its processes 30
seconds and kills them.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.core import process
from jobs.core.artifact import write_whole
from jobs.core.errors import EnvironmentProblem, Interrupted, Refusal

if TYPE_CHECKING:  # this file is imported where Unsloth has to come before transformers
    from jobs.engines.training.run import Outcome, Places, Settings

JOB, STOP, OUTCOME = "job.json", "stop", "outcome.json"


def fit(settings: Settings, places: Places, row_files: Sequence[Path]) -> Outcome:
    """As `run.fit`, in `settings.num_processes` processes of each node, none of them this one; `row_files` are
    what it trains on and what it is validated on.

    Raises Interrupted after a stop, with the state saved, and what one of the processes raised.
    """
    from jobs.engines.training.run import Outcome

    folder = places.out / "processes"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    job = {"settings": asdict(settings), "places": asdict(places), "row_files": list(row_files)}
    write_whole(folder / JOB, json.dumps(job, default=str).encode())  # another node waits for it
    starter = ["processes", str(settings.num_processes)] if several(settings.num_processes) else ["worker"]
    words = [sys.executable, "-m", f"jobs.engines.training.{starter[0]}", *starter[1:], str(folder / JOB)]
    code = process.run_child(words, environment(settings.num_processes), asked=(folder / STOP).touch, waiting=waiting)
    _raise(folder, code)
    outcome = Outcome(**json.loads((folder / OUTCOME).read_text()))
    shutil.rmtree(folder)
    return outcome


def waiting() -> str:
    """What a stop waits for."""
    return "train: stop asked for; saving after the batch in hand ..."


def several(num_processes: int) -> bool:
    """Whether more than this process trains: others beside it, or on other nodes, as PET_NNODES says to torchrun."""
    return num_processes > 1 or os.environ.get("PET_NNODES", "1") != "1"


def environment(num_processes: int) -> dict[str, str]:
    """Threads shared out among the processes; on one machine they meet at the loopback address, which has no name."""
    cores = len(os.sched_getaffinity(0))
    found = process.environment(OMP_NUM_THREADS=os.environ.get("OMP_NUM_THREADS", str(max(1, cores // num_processes))))
    if "PET_NNODES" not in found:
        found.setdefault("GLOO_SOCKET_IFNAME", "lo")
    return found


def ending(folder: Path, rank: int, kind: str, text: str) -> None:
    """What a process leaves where it did not end as planned."""
    with contextlib.suppress(OSError):  # a full disk: then the exit code is all there is
        (folder / f"ending-{rank}.json").write_text(json.dumps({"kind": kind, "text": text}))


def _read(path: Path) -> dict[str, Any] | None:
    """What a process left; None where there was no room for it."""
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except ValueError:
        return None
    return found


def _raise(folder: Path, code: int) -> None:
    """Raise the first process's reason; one that others had because of it comes later in the order of kinds."""
    endings = [found for path in sorted(folder.glob("ending-*.json")) if (found := _read(path)) is not None]
    by_kind = {each["kind"]: each["text"] for each in reversed(endings)}
    if "refused" in by_kind:
        raise Refusal(by_kind["refused"])
    if "environment" in by_kind:
        raise EnvironmentProblem(by_kind["environment"])
    if "crashed" in by_kind:
        raise RuntimeError(f"a training process crashed:\n{by_kind['crashed']}")
    if "interrupted" in by_kind:
        raise Interrupted(by_kind["interrupted"])
    if code or not (folder / OUTCOME).exists():
        raise EnvironmentProblem(
            "a training process was ended from outside, often for lack of memory or disk; run the command again"
        )


def main(words: Sequence[str]) -> int:
    """The launcher's process: torchrun's own arguments, PET_... variables included, and its own meeting point."""
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    process.end_with_parent(at_once=True)
    here = [] if "PET_NNODES" in os.environ else ["--local-addr=127.0.0.1"]
    try:
        run.run(
            run.parse_args(
                [
                    f"--nproc-per-node={words[0]}",
                    "--max-restarts=0",
                    *here,
                    "-m",
                    "jobs.engines.training.worker",
                    words[1],
                ]
            )
        )
    except ChildFailedError:
        return 1  # the process that failed has left its reason
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
