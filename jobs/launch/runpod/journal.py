"""What this machine has asked RunPod for and not seen answered: a file per pod name, so that a kill loses no pod."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.core.errors import EnvironmentProblem


class Journal:
    """Of one pod name. Held by one submission at a time."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / f"{name}.json"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Raises EnvironmentProblem where another submission on this machine holds it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                busy = f"{self.path.stem}: another submission of this run is under way here"
                raise EnvironmentProblem(busy) from None
            yield
        finally:
            os.close(descriptor)

    def pending(self) -> set[str] | None:
        """The jobs whose creates no answer was seen of; None where there are none, empty where it cannot be read."""
        try:
            return {str(job) for job in json.loads(self.path.read_text())}
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            return set()

    def write(self, jobs: Iterable[str]) -> None:
        """On disk before a create is sent."""
        new = self.path.with_suffix(".new")
        with new.open("w") as file:
            json.dump(sorted(jobs), file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)

    def clear(self) -> None:
        self.path.unlink(missing_ok=True)
