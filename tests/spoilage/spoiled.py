"""What a kind of spoilage is, and when a spoiled row counts as handled."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from tests.spoilage.clean_rows import TASKS, CleanRow
from tests.spoilage.grammar import vocabulary

PLAIN = ("title", "question", "label", "summary")
"""Tasks whose clean answers have no markup and no JSON."""
PROSE = ("question", "summary")
EDGE = 8
"""Characters of the clean answer that a trace takes in, so that it is found nowhere else."""
QUOTES = str.maketrans("’‘“”", "''\"\"")


@dataclass(frozen=True)
class Spoiled:
    """A spoiled row, and what must be gone from it if it is kept."""

    row: CleanRow
    traces: tuple[str, ...] = ()
    """None of them may stand in what is kept."""
    original: CleanRow | None = None
    """Where given, what is kept must read like this row: a half mended one is not mended."""

    def is_handled(self, kept: Sequence[Mapping[str, str]] | None) -> bool:
        """Whether the row was dropped (None), or is kept without what was spoiled, and still has an answer."""
        if kept is None:
            return True
        texts = [squeezed(message["content"]) for message in kept]
        if self.original is not None:
            return texts == [squeezed(content) for _, content in self.original.turns]
        traces = [trace for trace in map(squeezed, self.traces) if trace]
        return bool(texts[-1]) and not any(trace in text for trace in traces for text in texts)


Spoil = Callable[[CleanRow, Random], Spoiled]


@dataclass(frozen=True)
class Kind:
    """One kind of spoilage: a clean row in, a spoiled row out, in one of its dresses."""

    name: str
    spoil: Spoil
    tasks: tuple[str, ...] = TASKS
    """Tasks whose rows it can be told apart in."""
    beside: bool = False
    """The spoiled row stands behind the clean one instead of replacing it."""


def squeezed(text: str) -> str:
    """Without white space, composed, quotes straight: what tidying may change is not compared."""
    return "".join(unicodedata.normalize("NFC", text).translate(QUOTES).split())


def of_answer(row: CleanRow, answer: str) -> Spoiled:
    """The row with an answer that must not be kept as it is."""
    return Spoiled(row.answered(answer), (answer,))


def dresses(kind: str, language: str, file: str = "dresses") -> list[str]:
    """The patterns of dresses.toml, or of another file, for rows of one language."""
    table = vocabulary(file)[kind]
    return [*table.get("both", ()), *table.get(language, ())]


def dressed(kind: str, file: str = "dresses") -> Spoil:
    """Spoils by putting the answer into one of the patterns of `kind`."""

    def spoil(row: CleanRow, rng: Random) -> Spoiled:
        return wrapped(row, rng.choice(dresses(kind, row.language, file)), rng, kind == "json")

    return spoil


def wrapped(row: CleanRow, pattern: str, rng: Random, escape: bool = False) -> Spoiled:
    """The row's answer in a pattern; the traces are what stands around it, with the edges of the answer."""
    question = rng.choice(vocabulary(row.language)["tasks"]["question"]["questions"])
    answer = json.dumps(row.answer, ensure_ascii=False)[1:-1] if escape else row.answer
    fills = {"{q}": row.scene.fill(question), "{tag}": tag(row, rng), "{x}": answer}
    fills |= {f"{{{letter}}}": word for letter, word in zip("abcd", tags(row, rng), strict=True)}
    before, has_answer, after = pattern.partition("{x}")
    traces = [before + answer[:EDGE]] if before.strip() and has_answer else []
    traces += [answer[-EDGE:] + after] if after.strip() and has_answer else []
    for name, text in fills.items():
        pattern = pattern.replace(name, text)
        traces = [trace.replace(name, text) for trace in traces]
    return Spoiled(row.answered(pattern), tuple(traces or [pattern]))


def tag(row: CleanRow, rng: Random) -> str:
    """One word, as a hashtag has it."""
    return row.scene.fill(rng.choice(("{thing}", "{aspect2}", "{town2}", "{season}"))).replace(" ", "").replace("-", "")


def tags(row: CleanRow, rng: Random) -> list[str]:
    """Four different ones."""
    found: dict[str, None] = {}
    while len(found) < 4:
        found[tag(row, rng)] = None
    return list(found)
