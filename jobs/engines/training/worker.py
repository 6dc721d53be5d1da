"""A process that trains, alone or as one of several; `processes` starts it with the job's file."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jobs.core import process, room
from jobs.core.errors import EnvironmentProblem, Interrupted, Refusal
from jobs.engines.training.processes import OUTCOME, STOP, ending


def main(words: Sequence[str]) -> int:
    """Train; the first process writes the outcome. Ends with 0 where all went as planned or a stop was asked for."""
    process.end_with_parent(at_once=True)
    file, rank = Path(words[0]), int(os.environ.get("RANK", "0"))
    if rank:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 - one process talks, until the end
    try:
        outcome = train(json.loads(file.read_text()), file.parent)
    except Refusal as refusal:
        ending(file.parent, rank, "refused", str(refusal))
    except EnvironmentProblem as problem:
        ending(file.parent, rank, "environment", str(problem))
    except Interrupted as stop:
        ending(file.parent, rank, "interrupted", str(stop))
        return 0
    except Exception as error:
        lacking = room.told(error)
        ending(file.parent, rank, "environment" if lacking else "crashed", lacking or traceback.format_exc())
    else:
        if outcome is not None:
            (file.parent / OUTCOME).write_text(json.dumps(outcome))
        return 0
    return 1


def train(job: dict[str, Any], folder: Path) -> dict[str, Any] | None:
    """The outcome, in the first process; None in the others."""
    if job["settings"]["backend"] == "unsloth":
        # It writes code there, reads it again and runs it: a folder of this process alone.
        os.environ["UNSLOTH_COMPILE_LOCATION"] = str(folder / f"unsloth-{os.environ.get('RANK', '0')}")
        from jobs.engines.training import unsloth  # noqa: F401 - replaces parts of transformers, so it comes first
    import torch

    from jobs.engines.training import run as sft_run, sft

    plain = job["settings"] | {"num_processes": int(os.environ.get("WORLD_SIZE", "1"))}  # of all nodes
    lora, schedule = sft.Lora(**plain.pop("lora")), sft.Schedule(**plain.pop("schedule"))
    settings = sft_run.Settings(lora=lora, schedule=schedule, **plain)
    if "LOCAL_RANK" in os.environ and sft.resolve_device(settings.device) == "cuda":
        own, there = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if own >= there:
            raise EnvironmentProblem(f"train.num_processes={os.environ['LOCAL_WORLD_SIZE']}: {there} GPUs are visible")
        torch.cuda.set_device(own)
    places = sft_run.Places(**{name: Path(path) for name, path in job["places"].items()})
    train_rows, val_rows = (
        [json.loads(line) for line in Path(file).read_text(encoding="utf-8").split("\n") if line]
        for file in job["row_files"]
    )
    try:
        return asdict(sft_run.fit(settings, places, train_rows, val_rows, stop_file=folder / STOP))
    except sft_run.NotFirst:
        return None


def leave(code: int) -> None:
    """End here and now, with what was written kept: torch's threads can abort a process that Python takes down.

    Seen with gloo: "terminate called without an active exception" in a process whose work was done (exit -6).
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
