"""The one boundary between readers and a diagnosis: whatever a reader stumbles over costs its own file one line."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from jobs.core.errors import No
from jobs.logic.diagnosing import kinds

if TYPE_CHECKING:
    from jobs.engines.diagnosing.looking import Looked

Seen = TypeVar("Seen")
MOST_SAID = 300
"""Characters of a reason."""
FORMS = {
    kinds.ROWS: "rows", kinds.HELD_OUT: "rows", kinds.TOKEN_ROWS: "rows with input_ids and labels",
    kinds.TOKENIZER: "a tokenizer's files", kinds.BASE_TOKENIZER: "a tokenizer's files", kinds.LOG: "a log of losses",
    kinds.SETTINGS: "a trainer's settings", kinds.BASE: "a model's config.json and weights",
    kinds.MERGED: "a model's config.json and weights", kinds.ADAPTER: "an adapter of PEFT", kinds.GGUF: "a GGUF",
    kinds.MODELFILE: "a Modelfile", kinds.ANSWERS: "sample answers", kinds.RECORD: "a record of a run of ours",
}  # fmt: skip
"""Kind to what was expected of a file of it."""


class Unreadable(ValueError):
    """Why a file cannot be read, in one line that is told as it stands."""


STUMBLED = (
    OSError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError, RecursionError, struct.error, No,
)  # fmt: skip
"""What a reader raises over a file that is not what it was taken for."""


def why(error: Exception, form: str) -> str:
    """One of `STUMBLED` in plain words, `form` being what was expected: never Python's own text about its objects."""
    if isinstance(error, Unreadable | No):
        return " ".join(str(error).split())[:MOST_SAID]
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, UnicodeDecodeError):
        return f"is not UTF-8 ({error.reason} at byte {error.start})"
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    return f"does not have the form of {form} ({type(error).__name__})"


@dataclass
class Reading:
    """What was looked at, while it is read."""

    looked: Looked
    """As given, but that files which turned out to be unreadable are said to be so."""

    @contextmanager
    def of(self, kind: str, path: Path) -> Iterator[None]:
        """Reading `path`, taken for `kind`: where it cannot be read, that is its line, and no other is lost."""
        try:
            yield
        except STUMBLED as error:
            self.looked = self.looked.unreadable(path, kind, why(error, FORMS[kind]))

    def each(self, kind: str, reader: Callable[[Path], Seen]) -> Iterator[Seen]:
        """What the reader makes of each path of a kind, without those that it cannot read."""
        for path in self.looked.of(kind):
            with self.of(kind, path):
                yield reader(path)

    def first(self, kind: str, reader: Callable[[Path], Seen]) -> Seen | None:
        """What the reader makes of the first path of a kind that it can read."""
        return next(self.each(kind, reader), None)
