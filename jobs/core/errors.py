"""The ways a command can end, and the exit code of each.

The same codes hold for a stage, the chain, a pod and a Kubernetes Job.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum


class Exit(IntEnum):
    """Process exit codes. Anything that is not listed is the system's own (137: killed).

    141 is what a shell says of a program whose reader went away, as in `| head -1`: 128 and the number of SIGPIPE.
    """

    PASSED = 0
    CRASHED = 1
    REFUSED = 2
    GATE_FAILED = 3
    ENVIRONMENT = 4
    INTERRUPTED = 75
    NOBODY_READS = 141


class No(Exception):
    """What a command ends with where it cannot go on, and what is known of the command line that could.

    The message is one line that names the key, file or row, what was expected, and the way out. `words` are those of a
    command line that would be answered otherwise, `without` the words, or keys of words, that go: the line to paste.
    `command`: it is another one that helps, about the same run. `instead`: a piece of a word, and what was meant by it.
    """

    def __init__(
        self, message: str, *, words: Sequence[str] = (), without: Sequence[str] = (), command: str = "",
        instead: tuple[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.words, self.without, self.command, self.instead = tuple(words), tuple(without), command, instead


class Refusal(No):
    """Bad usage, config or input, or a missing ancestor: nothing was done. Exit 2."""

    exit = Exit.REFUSED


class MissingValue(Refusal):
    """A config value that has no default and was not given."""


class Damaged(Refusal):
    """An artifact on disk is not the one that was recorded, or this version cannot read it; redo makes it again."""


class EnvironmentProblem(No):
    """The machine cannot do it: no GPU, no disk, no memory, no build, run locked by another. Exit 4."""

    exit = Exit.ENVIRONMENT


class Interrupted(BaseException):
    """Asked to stop (SIGTERM or Ctrl-C): the state is saved and the same command goes on from it. Exit 75.

    A BaseException, so that no `except Exception` on the way takes it for a crash.
    """

    exit = Exit.INTERRUPTED
