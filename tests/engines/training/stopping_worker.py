"""A process that trains, as `jobs.engines.training.worker`; the second of them asks all to stop in an evaluation."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from jobs.engines.training import processes, worker
from tests.engines.training.passes import passes


def main(job: Path) -> int:
    """Ends as the worker does, and leaves how many passes of each kind there were."""
    rank = os.environ["RANK"]
    at = ("eval", 3) if rank == "1" else None  # the first batch of the second evaluation
    with passes(at, do=(job.parent / processes.STOP).touch) as counted:
        code = worker.main([str(job)])
    (job.parent / f"passes-{rank}.json").write_text(json.dumps(counted))
    return code


if __name__ == "__main__":
    worker.leave(main(Path(sys.argv[1])))
