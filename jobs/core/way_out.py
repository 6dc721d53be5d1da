"""The line that a "no" ends in: a command to paste, with all the words it needs, that is answered otherwise."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.core import command_line, memory
from jobs.core.errors import No
from jobs.core.words import is_secret, key, whole, with_words

TYPED = "KIWAME_TYPED"
"""Set for the process of a stage: what was typed, of which it is a part."""
KEPT = (*memory.RUN, "experiment")
"""Said in every line: they say which run it is."""
TALKS = ("chat", "serve", "forgetting")
FIRST = re.compile(r"run `make (\w+)` first")
"""How a message says that another command comes before."""


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


def line(asked: Typed, problem: No | None = None) -> str:
    """The last line of a command that was refused; without a value that is known, the same command once more."""
    if problem is None:
        return arrow(asked, [])
    given, found = whole(asked.words), list(problem.words)
    command = problem.command or next(iter(FIRST.findall(str(problem))), "")
    if command:
        own = asked.command in TALKS  # words of no other command
        kept = [word for word in _needed(asked) if not own or key(word) in KEPT]
        return "-> " + command_line.line(command, with_words(kept, found))
    if problem.instead:
        old, new = problem.instead
        meant = [word for word in given if old in word.partition("=")[2]] or [
            word for word in _known(asked) if old in word.partition("=")[2]
        ]
        found += [word.replace(old, new) for word in meant]
    if not found and not problem.without:
        with contextlib.suppress(ImportError):  # a host that only starts a container has no config to ask
            from jobs.core.offers import taken

            found = next(taken(str(problem), asked.words), [])
    return arrow(asked, found, problem.without)


def _known(asked: Typed) -> Sequence[str]:
    return memory.read(memory.folder(whole(asked.words))) if asked.known is None else asked.known


def _needed(asked: Typed) -> list[str]:
    """What was typed and is not remembered."""
    known = _known(asked)
    return [word for word in whole(asked.words) if word not in known or key(word) in KEPT]


def arrow(asked: Typed, new: Sequence[str], without: Sequence[str] = ()) -> str:
    """`-> make all ARGS="run.name=mine ..."`: what was typed and is not remembered, changed by `new` and `without`."""
    needed = _needed(asked)
    kept = [word for word in needed if word not in without and key(word) not in without]
    told = with_words(kept, new)
    before = "-> " if set(told) != set(needed) else "then -> "
    return before + command_line.line(asked.command, told)
