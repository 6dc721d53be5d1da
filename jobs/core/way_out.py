"""The line that a "no" ends in: a command to paste, with all the words it needs, that is answered otherwise."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.core import command_line, memory
from jobs.core.errors import MissingValue, Refusal
from jobs.core.words import is_secret, key, whole, with_words

TYPED = "KIWAME_TYPED"
"""Set for the process of a stage: what was typed, of which it is a part."""
WORD = re.compile(
    r"""(?<![\w.=/-])(?P<key>[a-z]\w*(?:\.\w+)*)=(?P<value>"[^"\s][^"]*"|'[^'\s][^']*'|[\[{][^\]}]*[\]}]|[^\s`;,)("'=]+)"""
)
"""A word in a text for people; in the shell's quotes, where it needs them."""
PLACEHOLDER = re.compile(r"\.\.\.|…|value|[A-Z]+|.*\b(FOLDER|COMMIT|NAME|FILE|KEY)\b.*")


@dataclass(frozen=True)
class Typed:
    """A command line as it was given."""

    command: str
    words: tuple[str, ...]
    known: tuple[str, ...] | None = None
    """What its run remembered when it began; None: what it remembers now."""

    def as_variable(self) -> str:
        """For the environment of a stage's process."""
        return json.dumps([self.command, [word for word in self.words if not is_secret(word)], self.known])


def typed(command: str, words: Sequence[str]) -> Typed:
    """What a person typed: this, or what this process is a part of."""
    outer = os.environ.get(TYPED)
    if outer:
        command, words, known = json.loads(outer)
        return Typed(command, tuple(words), None if known is None else tuple(known))
    return Typed(command, tuple(words))


def line(asked: Typed, problem: Refusal | Exception | None = None) -> str:
    """The last line of a command that was refused; without a value that is known, the same command once more."""
    words, without = getattr(problem, "words", ()), getattr(problem, "without", ())
    found = list(words) if words or without else next(found_in(str(problem or ""), asked), [])
    return arrow(asked, found, without)


def arrow(asked: Typed, new: Sequence[str], without: Sequence[str] = ()) -> str:
    """`-> make all ARGS="run.name=mine ..."`: what was typed and is not remembered, changed by `new` and `without`."""
    given = whole(asked.words)
    known = memory.read(memory.folder(given)) if asked.known is None else asked.known
    needed = [word for word in given if word not in known or key(word) in (*memory.RUN, "experiment")]
    kept = [word for word in needed if word not in without and key(word) not in without]
    told = with_words(kept, new)
    before = "-> " if set(told) != set(needed) else "then -> "
    return before + command_line.line(asked.command, told)


def found_in(text: str, asked: Typed) -> Iterator[list[str]]:
    """The words that a text names as a way out and that the config takes; each alone."""
    given = whole(asked.words)
    candidates = [word for word in named(text) if word not in given]
    if not candidates:
        return
    try:
        before = _config(given)
    except MissingValue:
        before = {}
    except Refusal:
        return
    for word in candidates:
        try:
            if _config(with_words(given, [word])) != before:
                yield [word]
        except Refusal:
            continue


def named(text: str) -> list[str]:
    """The words `key=value` in a text, as a config takes them."""
    found = []
    for match in WORD.finditer(text):
        value = match["value"].rstrip(".:")
        if value[:1] in "'\"" and value[-1:] == value[:1] and value[1:2] in ("{", "["):
            value = value[1:-1]
        if value and not PLACEHOLDER.fullmatch(value):
            found.append(f"{match['key']}={value}")
    return found


def _config(words: Sequence[str]) -> Mapping[str, Any]:
    """What words compose to, the slices of all stages checked; raises Refusal."""
    from jobs.core import chain, pipeline
    from jobs.core.compose import compose

    composed = compose(memory.recall(words).words)
    for name in pipeline.NAMES:
        try:
            chain.load(name).slice(composed)
        except MissingValue:
            continue
    return composed
