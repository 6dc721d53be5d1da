"""Lines of bytes to conversations: what was read, what could not be, and what a person is told of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from jobs.logic.row import Dropped, Row
from jobs.logic.rows import conversation
from jobs.logic.rows.conversation import BadRow
from jobs.logic.rows.strict_json import decoded

COLUMNS = ("id", "source", "messages")
SHOWN = 3
"""Bad rows that a message names."""


class Reading:
    """Takes line after line; `rows` and `bad` are what came of them."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.bad: list[Dropped] = []
        self.ignored_columns: Counter[str] = Counter()
        self._lines: dict[str, str] = {}

    def add(self, label: str, number: int, data: bytes, offset: int, last: bool) -> None:
        """One line, which begins at byte `offset` of its file; `last`: no line end follows it."""
        text = ""
        try:
            text = decoded(data, offset)
            parsed = conversation.parse_line(text, last)
            row = conversation.conversation(parsed, label, number)
            self._claim(row)
        except BadRow as bad:
            self._refuse(label, number, conversation.quoted_id(text), bad)
            return
        self.rows.append(row)
        if len(parsed) > len(COLUMNS) or not parsed.keys() <= set(COLUMNS):
            self.ignored_columns.update(parsed.keys() - set(COLUMNS))

    def add_too_large(self, label: str, number: int, num_bytes: int, most: int) -> None:
        """A line that was not kept for its length."""
        self._refuse(label, number, None, BadRow("too-large", f"{num_bytes:,} bytes, the most is {most:,}"))

    def _claim(self, row: Row) -> None:
        place = f"{row.file}:{row.line}"
        first = self._lines.setdefault(row.id, place)
        if first != place:
            raise BadRow("duplicate-id", f"{first} has this id as well")

    def _refuse(self, label: str, number: int, identity: str | None, bad: BadRow) -> None:
        self.bad.append(Dropped(identity or f"{label}:{number}", label, number, bad.reason, bad.evidence))


def named(bad: Sequence[Dropped]) -> str:
    """The first few bad rows, each with its place, id, reason and what was seen, and how many more there are."""
    told = []
    for row in bad[:SHOWN]:
        place = f"{row.file}:{row.line}"
        identity = f" (id {row.id})" if row.id != place else ""
        told.append(f"{place}{identity}: {row.reason}: {row.evidence}")
    rest = len(bad) - len(told)
    return "; ".join(told) + (f"; and {rest} more" if rest else "")
