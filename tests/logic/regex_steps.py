"""How many steps a regular expression takes on a text, counted instead of timed.

`re` tells no counts, so a pattern is parsed by `re`'s own parser and followed here by the same rules: alternatives from
left to right, repeats from the longest (lazy ones from the shortest), back on failure. A step is a character looked at
or a place gone back to. `finditer` and `match` must find what `re` finds, or they raise: the count is of the same
search. `re` is faster where it looks ahead by a literal, never slower by more than a constant.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from re import _compiler, _constants as c, _parser  # type: ignore[attr-defined]  # the parser of `re` has no stubs
from typing import Any

Go = Callable[[int], bool]
"""What is to be matched from a place on."""
Node = Callable[[int, Go], bool]
"""A part of a pattern: whether it matches from a place on, and what comes after it does too."""
SINGLE = (c.LITERAL, c.NOT_LITERAL, c.IN, c.ANY)
REPEATS = (c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT)


class Enough(Exception):
    """The steps are more than were asked for."""


class Counter:
    """A pattern that counts."""

    def __init__(self, pattern: re.Pattern[Any]) -> None:
        self.pattern = pattern
        self.tree = _parser.parse(pattern.pattern, pattern.flags)
        self.is_bytes = isinstance(pattern.pattern, bytes)
        self.steps, self.most = 0, 0
        self._text = ""
        self._groups: dict[int, tuple[int, int]] = {}
        self._runs: dict[int, list[int]] = {}
        self._root = self._sequence(list(self.tree), pattern.flags)

    def finditer(self, text: str, most: int) -> int:
        """Steps to all matches. Raises Enough above `most`."""
        self._begin(text, most)
        found: list[tuple[int, int]] = []
        place, must_advance = 0, False
        while place <= len(text):
            self._took(1)
            end = self._end(place, beyond=place if must_advance else -1)
            if end is None:
                place, must_advance = place + 1, False
                continue
            found.append((place, end))
            must_advance, place = end == place, end
        real = [one.span() for one in self.pattern.finditer(self._real(text))]
        assert found == real, (self.pattern.pattern, text[:80], found[:4], real[:4])
        return self.steps

    def match(self, text: str, most: int) -> int:
        """Steps to a match at the beginning. Raises Enough above `most`."""
        self._begin(text, most)
        end, real = self._end(0), self.pattern.match(self._real(text))
        assert end == (real.end() if real else None), (self.pattern.pattern, text[:80], end, real)
        return self.steps

    def _begin(self, text: str, most: int) -> None:
        self._text, self.steps, self.most = text, 0, most
        self._groups.clear()
        self._runs.clear()

    def _real(self, text: str) -> str | bytes:
        return text.encode("latin-1") if self.is_bytes else text

    def _took(self, steps: int) -> None:
        self.steps += steps
        if self.steps > self.most:
            raise Enough

    def _end(self, place: int, node: Node | None = None, beyond: int = -1) -> int | None:
        """Where the first match from `place` on ends, if it must end behind `beyond`."""
        ends: list[int] = []

        def ended(end: int) -> bool:
            if end > beyond:
                ends.append(end)
            return bool(ends)

        (node or self._root)(place, ended)
        return ends[0] if ends else None

    def _sequence(self, parts: list[Any], flags: int) -> Node:
        nodes = [self._node(code, value, flags) for code, value in parts]
        if not nodes:
            return lambda place, go: go(place)
        whole = nodes.pop()
        while nodes:
            whole = _behind(nodes.pop(), whole)
        return whole

    def _node(self, code: Any, value: Any, flags: int) -> Node:
        if code in SINGLE:
            return self._single(self.allows(code, value, flags))
        if code in REPEATS:
            return self._repeat(code, *value, flags)
        if code is c.SUBPATTERN:
            number, added, taken, inside = value
            return self._group(number, self._sequence(list(inside), (flags | added) & ~taken))
        if code is c.ATOMIC_GROUP:
            return self._atomic(self._sequence(list(value), flags))
        if code is c.BRANCH:
            return self._branch([self._sequence(list(one), flags) for one in value[1]])
        if code in (c.ASSERT, c.ASSERT_NOT):
            return self._assert(code is c.ASSERT, *value, flags)
        if code is c.AT:
            return self._at(value, flags)
        if code is c.GROUPREF:
            return self._again(value)
        raise NotImplementedError(f"{code}: teach the counter what it does")

    def allows(self, code: Any, value: Any, flags: int) -> Callable[[str], bool]:
        """Whether a character fits a literal or a class, by `re`'s own word."""
        tree = _parser.SubPattern(self.tree.state, [(code, value)])
        one, known = _compiler.compile(tree, flags & ~re.DEBUG), dict[str, bool]()

        def fits(sign: str) -> bool:
            if sign not in known:
                known[sign] = one.fullmatch(self._real(sign)) is not None
            return known[sign]

        return fits

    def _single(self, fits: Callable[[str], bool]) -> Node:
        def node(place: int, go: Go) -> bool:
            self._took(1)
            return place < len(self._text) and fits(self._text[place]) and go(place + 1)

        return node

    def _repeat(self, code: Any, least: int, most: int, inside: Any, flags: int) -> Node:
        parts = list(inside)
        if len(parts) == 1 and parts[0][0] in SINGLE:
            return self._run(code, least, most, self.allows(*parts[0], flags))
        body = self._sequence(parts, flags)
        if code is c.POSSESSIVE_REPEAT:
            return self._possessive(body, least, most)

        def from_here(place: int, times: int, go: Go) -> bool:
            self._took(1)

            def on(end: int) -> bool:
                return (end > place or times < least) and from_here(end, times + 1, go)

            if code is c.MAX_REPEAT:
                return (times < most and body(place, on)) or (times >= least and go(place))
            return (times >= least and go(place)) or (times < most and body(place, on))

        return lambda place, go: from_here(place, 0, go)

    def _possessive(self, body: Node, least: int, most: int) -> Node:
        def node(place: int, go: Go) -> bool:
            times = 0
            while times < most:
                self._took(1)
                end = self._end(place, body)
                if end is None:
                    break
                times += 1
                if end == place:
                    times = max(times, least)
                    break
                place = end
            return times >= least and go(place)

        return node

    def _run(self, code: Any, least: int, most: int, fits: Callable[[str], bool]) -> Node:
        """A repeat of one character: its characters are looked at one by one, here by a table."""

        def node(place: int, go: Go) -> bool:
            ends = self._runs.get(id(node)) or self._runs.setdefault(id(node), self._ends(fits))
            longest = min(ends[place] - place, most)
            if code is c.MIN_REPEAT:
                self._took(min(least, longest) + 1)
                for length in range(least, longest + 1):
                    self._took(1)
                    if go(place + length):
                        return True
                return False
            self._took(longest + 1)
            if longest < least:
                return False
            if code is c.POSSESSIVE_REPEAT:
                return go(place + longest)
            for length in range(longest, least - 1, -1):
                self._took(1)
                if go(place + length):
                    return True
            return False

        return node

    def _ends(self, fits: Callable[[str], bool]) -> list[int]:
        """For each place, where the run of characters that fit ends."""
        ends = [len(self._text)] * (len(self._text) + 1)
        for place in range(len(self._text) - 1, -1, -1):
            ends[place] = ends[place + 1] if fits(self._text[place]) else place
        return ends

    def _group(self, number: int | None, inside: Node) -> Node:
        if number is None:
            return inside

        def node(place: int, go: Go) -> bool:
            def on(end: int) -> bool:
                before = self._groups.get(number)
                self._groups[number] = (place, end)
                if go(end):
                    return True
                if before is None:
                    del self._groups[number]
                else:
                    self._groups[number] = before
                return False

            return inside(place, on)

        return node

    def _atomic(self, inside: Node) -> Node:
        def node(place: int, go: Go) -> bool:
            end = self._end(place, inside)
            return end is not None and go(end)

        return node

    def _branch(self, ways: list[Node]) -> Node:
        def node(place: int, go: Go) -> bool:
            for way in ways:
                self._took(1)
                if way(place, go):
                    return True
            return False

        return node

    def _assert(self, wanted: bool, direction: int, inside: Any, flags: int) -> Node:
        body, back = self._sequence(list(inside), flags), inside.getwidth()[0] if direction < 0 else 0

        def node(place: int, go: Go) -> bool:
            self._took(1)
            found = place >= back and self._end(place - back, body) is not None
            return found is wanted and go(place)

        return node

    def _at(self, where: Any, flags: int) -> Node:
        sign = {
            c.AT_BEGINNING: "^", c.AT_BEGINNING_STRING: r"\A", c.AT_END: "$", c.AT_END_STRING: r"\Z",
            c.AT_BOUNDARY: r"\b", c.AT_NON_BOUNDARY: r"\B",
        }[where]  # fmt: skip
        wanted = flags & (re.MULTILINE | re.ASCII)
        one = re.compile(sign.encode() if self.is_bytes else sign, wanted)

        def node(place: int, go: Go) -> bool:
            self._took(1)
            return one.match(self._real(self._text), place) is not None and go(place)

        return node

    def _again(self, number: int) -> Node:
        def node(place: int, go: Go) -> bool:
            if number not in self._groups:
                return False
            start, end = self._groups[number]
            self._took(end - start + 1)
            return self._text.startswith(self._text[start:end], place) and go(place + end - start)

        return node


def _behind(first: Node, second: Node) -> Node:
    return lambda place, go: first(place, lambda middle: second(middle, go))
