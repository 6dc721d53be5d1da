"""Where rows end in a file that comes in chunk by chunk; each byte is looked at once, and no row is parsed.

All signs that matter are ASCII, so that UTF-8 is cut as bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from jobs.engines.rows.streams import Chunk

MAX_DEPTH = 100_000
"""A row nested a thousandth of this is refused by itself; a gigabyte of brackets need not be read to its end."""
QUOTE, BACKSLASH = ord('"'), ord("\\")
PAST_STRINGS = rb'|"[^"\\]*(?:\\.[^"\\]*)*")*'
WITHIN_ROW = re.compile(rb'(?:[^"\[\]{}]+' + PAST_STRINGS, re.DOTALL)
BETWEEN_ROWS = re.compile(rb'(?:[^"\[\]{},]+' + PAST_STRINGS, re.DOTALL)
IN_STRING = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL)


class Broken(Exception):
    """Rows cannot be told apart from `place` on, which stands on `line`."""

    def __init__(self, place: int, text: str, line: int = 1) -> None:
        super().__init__(text)
        self.place, self.line = place, line


class Cuts(Protocol):
    """Takes chunk after chunk of one file."""

    def ends(self, data: bytes) -> list[int]:
        """The places in the chunk after a row; the first and the last are always among them. May raise Broken."""

    def unfinished(self) -> str | None:
        """What is still open where the file ends."""


class Piece(NamedTuple):
    """Whole rows, or one row that was too large to be kept."""

    first_line: int
    first_offset: int
    data: bytes
    ends: list[int]
    """Places in `data` after each row, as far as the cuts gave them."""
    num_thrown: int
    """Bytes of the row that was not kept."""
    ended: bool
    """Whether the last row has its end; false for the last piece of a file without a final line end."""
    num_read: int
    """Bytes of the file on disk that were read until the end of the piece."""


def cut(chunks: Iterator[Chunk], cuts: Cuts, line_end: bytes, max_row_bytes: int) -> Iterator[Piece]:
    """A file in pieces that end where a row ends; no more is held than a chunk and one row of `max_row_bytes`.

    Raises Broken, with a place in the text of all chunks.
    """
    rest, num_read = _Rest(1, 0), 0
    for data, num_read in chunks:
        try:
            ends = cuts.ends(data)
        except Broken as broken:
            line = rest.line + rest.num_lines + data.count(line_end, 0, broken.place)
            raise Broken(rest.offset + rest.num_bytes + broken.place, str(broken), line) from None
        if ends and rest.num_bytes > max_row_bytes:
            first = ends[0]
            yield Piece(rest.line, rest.offset, b"", [], rest.num_bytes + first, True, num_read)
            rest = rest.after(data[:first], line_end)
            data, ends = data[first:], [end - first for end in ends if end > first]
        if ends:
            last, before = ends[-1], rest.num_bytes
            whole = b"".join([*rest.held, data[:last]])
            yield Piece(rest.line, rest.offset, whole, [before + end for end in ends], 0, True, num_read)
            rest, data = rest.after(data[:last], line_end), data[last:]
        rest.add(data, line_end, max_row_bytes)
    unfinished = cuts.unfinished()
    if unfinished:
        whole = b"".join(rest.held)
        blank = whole[: len(whole) - len(whole.lstrip())]
        raise Broken(rest.offset + len(blank), unfinished, rest.line + blank.count(line_end))
    if rest.num_bytes > max_row_bytes:
        yield Piece(rest.line, rest.offset, b"", [], rest.num_bytes, False, num_read)
    elif rest.num_bytes:
        yield Piece(rest.line, rest.offset, b"".join(rest.held), [rest.num_bytes], 0, False, num_read)


class _Rest:
    """What stands after the last end: the beginning of a row."""

    def __init__(self, line: int, offset: int) -> None:
        self.line, self.offset = line, offset
        self.held: list[bytes] = []
        self.num_bytes = 0
        self.num_lines = 0

    def add(self, data: bytes, line_end: bytes, max_row_bytes: int) -> None:
        """More of the row; all of it is thrown away once it is too large."""
        self.num_bytes += len(data)
        self.num_lines += data.count(line_end)
        self.held = [] if self.num_bytes > max_row_bytes else [*self.held, data]

    def after(self, data: bytes, line_end: bytes) -> _Rest:
        """Nothing yet, after `data` that ends the row."""
        line = self.line + self.num_lines + data.count(line_end)
        return _Rest(line, self.offset + self.num_bytes + len(data))


class LineCuts:
    """A row a line. Only the first and the last end of a chunk are given: a worker finds the others."""

    def __init__(self, line_end: bytes) -> None:
        self._line_end = line_end

    def ends(self, data: bytes) -> list[int]:
        last = data.rfind(self._line_end) + 1
        return [data.find(self._line_end) + 1, last] if last else []

    def unfinished(self) -> str | None:
        return None


class CsvCuts:
    """A row ends at a line end that is not in quotes; a quote opens only where a field begins, as in RFC 4180."""

    def __init__(self, delimiter: bytes, line_end: bytes) -> None:
        self._next = re.compile(rb'["%b]' % line_end)
        self._before = delimiter + line_end
        self._field_begins = True
        self._quoted = False
        self._may_close = False
        """The last byte was a quote in quotes: another one after it is text."""

    def ends(self, data: bytes) -> list[int]:
        found, place = [], self._first(data)
        while place < len(data):
            if not self._quoted:
                match = self._next.search(data, place)
                if match is None:
                    break
                place = match.end()
                if data[place - 1] != QUOTE:
                    found.append(place)
                elif place > 1:
                    self._quoted = data[place - 2] in self._before
                continue
            place = data.find(b'"', place) + 1
            if not place:
                break
            self._may_close = place == len(data)
            if not self._may_close:
                self._quoted = data[place] == QUOTE
                place += self._quoted
        self._field_begins = data[-1] in self._before
        return found

    def unfinished(self) -> str | None:
        open_quote = self._quoted and not self._may_close
        return "the row that begins here has a quote that is never closed" if open_quote else None

    def _first(self, data: bytes) -> int:
        """Settle what the last chunk left open; where to go on."""
        if self._may_close:
            self._may_close, self._quoted = False, data[0] == QUOTE
            return int(self._quoted)
        if not self._quoted and self._field_begins and data[0] == QUOTE:
            self._quoted = True
            return 1
        return 0


class JsonCuts:
    """Objects one after another, or (`in_array`) the elements of one array whose `[` was already taken off.

    An element ends after its comma, the last one after the `]`; with `closing` `}` they are the members of an object.
    """

    def __init__(self, in_array: bool, closing: bytes = b"]") -> None:
        self._in_array = in_array
        self._closing = closing
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._closed = False

    def ends(self, data: bytes) -> list[int]:
        found: list[int] = []
        place = self._string_end(data, 0) if self._in_string else 0
        while place < len(data):
            if self._closed:
                self._require_blank(data, place)
                break
            skip = BETWEEN_ROWS if self._in_array and not self._depth else WITHIN_ROW
            place = skip.match(data, place).end()  # type: ignore[union-attr]  # it matches nothing at all as well
            if place < len(data):
                place = self._step(data, place, found)
        return found

    def unfinished(self) -> str | None:
        if self._in_string or self._depth:
            return "the row that begins here is never closed: an unfinished download, or a quote or bracket missing"
        return "the array is never closed: an unfinished download?" if self._in_array and not self._closed else None

    def _step(self, data: bytes, place: int, found: list[int]) -> int:
        """Past the sign at `place`: a bracket, a comma between rows, or the quote of a string that the chunk cuts."""
        sign, after = data[place : place + 1], place + 1
        if sign == b'"':
            self._in_string = True
            return self._string_end(data, after)
        if sign in b"[{":
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise Broken(place, f"it is nested more than {MAX_DEPTH:,} levels, so no row is to be expected")
        elif sign == b",":
            found.append(after)
        elif self._depth:
            self._depth -= 1
            if not self._depth and not self._in_array:
                found.append(after)
        elif self._in_array and sign == self._closing:
            self._closed = True
            found.append(after)
        else:
            raise Broken(place, f"`{sign.decode()}` closes nothing")
        return after

    def _string_end(self, data: bytes, place: int) -> int:
        """The place after the string, or the end of the chunk."""
        if self._escaped:
            self._escaped, place = False, place + 1
        place = IN_STRING.match(data, place).end()  # type: ignore[union-attr]  # as above
        if place == len(data):
            return place
        self._in_string = self._escaped = data[place] == BACKSLASH
        return place + 1

    @staticmethod
    def _require_blank(data: bytes, place: int) -> None:
        rest = data[place:].lstrip()
        if rest:
            raise Broken(len(data) - len(rest), "there is text after the end of the array")
