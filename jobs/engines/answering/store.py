"""What was asked of GGUFs and answered, in one SQLite file beside the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class AnswerStore:
    """The answers of a folder; one process at a time."""


@contextmanager
def open_answers(folder: Path) -> Iterator[AnswerStore]:
    """The store of `folder`, made where there is none.

    Raises EnvironmentProblem where another process has it, or the disk is full; Damaged where the file is no store.
    """
    raise NotImplementedError
