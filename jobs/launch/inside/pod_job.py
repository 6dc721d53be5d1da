"""What a submission tells the pod: one job, in environment variables that both sides read. Standard library only."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

COMMAND = "python -m jobs.launch.inside.command"
"""What every pod runs; RunPod splits it at spaces."""
PREFIX = "KIWAME_JOB_"
ENDED = re.compile(r"kiwame job (?P<job>[0-9a-f]+) ended with exit code (?P<code>\d+)")


@dataclass(frozen=True)
class PodJob:
    """One job of one pod. A new submission is a new job, also of a run that is already there and goes on."""

    id: str
    """Random hex: the name of the job's folder on the volume, and how a pod is known to be of this submission."""
    asked: str
    """Every key of runpod.yaml with a digest of its value: two submissions of one run are the same only where this is
    equal."""
    run: str
    stage: str
    folder: str
    """Where runs live, on the volume."""
    words: tuple[str, ...]
    """`key=value` words for `python -m jobs <stage>`."""
    gpu: str
    usd_per_hour: float
    """By the catalog when the pod was asked for."""
    max_hours: float
    grace_minutes: float
    boot_minutes: float
    max_starts: int
    log_seconds: float

    def environment(self) -> dict[str, str]:
        """As variables: text as it is, everything else as JSON."""
        return {
            PREFIX + name.upper(): value if isinstance(value, str) else json.dumps(value)
            for name, value in asdict(self).items()
        }

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> PodJob:
        """The inverse of `environment()`; raises ValueError naming the variable that is missing or makes no sense."""
        values: dict[str, Any] = {}
        for field in fields(cls):
            name = PREFIX + field.name.upper()
            if name not in environment:
                raise ValueError(f"{name} is not set")
            text = environment[name]
            try:
                values[field.name] = text if field.type == "str" else json.loads(text)
            except ValueError:
                raise ValueError(f"{name} is not JSON") from None
        return cls(**(values | {"words": tuple(values["words"])}))

    @property
    def command(self) -> tuple[str, ...]:
        """What follows `python -m jobs`."""
        return (self.stage, f"run.name={self.run}", f"run.folder={self.folder}", *self.words)


def ending_line(job: str, code: int, why: str) -> str:
    """The last line a job writes: whoever follows the log reads the exit code from it."""
    return f"kiwame job {job} ended with exit code {code} ({why})"


def ended_code(job: str, line: str) -> int | None:
    """The exit code where `line` is the ending line of `job`."""
    match = ENDED.search(line)
    return int(match["code"]) if match and match["job"] == job else None
