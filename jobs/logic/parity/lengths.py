"""Prompts longer than any that was trained: other documents in front, the row's own prompt last."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import cycle

GAP = "\n\n"
"""Between paragraphs, and between documents."""
SENTENCE = re.compile(r"[^。．.!?！？\n]*(?:[。．.!?！？]+[」』）)\"']*\s*|\n+|$)")


def documents(texts: Sequence[str]) -> list[str]:
    """What is left of each text without the paragraphs that another one has too: those are the task's words.

    A text that is made of nothing else is taken whole.
    """
    parts = [[part.strip() for part in text.split(GAP) if part.strip()] for text in texts]
    shared = Counter(part for some in parts for part in set(some))
    own = [[part for part in some if shared[part] == 1] for some in parts]
    return [GAP.join(kept or some) for kept, some in zip(own, parts, strict=True)]


def sentences(text: str) -> list[str]:
    """The text in pieces that end where a sentence or a line does; together they are the text."""
    return [piece for piece in SENTENCE.findall(text) if piece]


def front(texts: Sequence[str], room: int, count: Callable[[str], int]) -> str:
    """Documents that fill `room` tokens before a prompt, the first of `texts` next to it.

    They are whole but for the one that comes first in the end, of which the last sentences that fit are taken. `texts`
    are taken again where they are too few; nothing fits where the result is empty. `count` counts tokens.
    """
    chosen: list[str] = []
    for text in cycle(texts):
        size = count(text + GAP)
        if size > room:
            end = _ending(text, room - count(GAP), count)
            return GAP.join([*([end] if end else []), *reversed(chosen)])
        room -= size
        chosen.append(text)
    return ""


def _ending(text: str, room: int, count: Callable[[str], int]) -> str:
    """The last sentences of a text that fit."""
    kept: list[str] = []
    for piece in reversed(sentences(text)):
        room -= count(piece)
        if room < 0:
            break
        kept.append(piece)
    return "".join(reversed(kept)).strip()


def others_in_order(number: int, how_many: int, seed: int) -> list[int]:
    """All numbers below `how_many` but this one, in an order of its own."""
    order = [other for other in range(how_many) if other != number]
    random.Random(f"{seed} {number}").shuffle(order)
    return order


def times_within(times: Sequence[int], longest: int, budget: int, most: int) -> list[int]:
    """Of the multiples of the longest row, those that leave room for an answer of `budget` tokens below `most`."""
    return [one for one in times if one * longest + budget <= most]


def rows_within(num_rows: int, longest: int, max_tokens: int) -> int:
    """How many prompts of `longest` tokens are asked: `num_rows`, fewer where they would be more than `max_tokens`."""
    return min(num_rows, max(1, max_tokens // max(longest, 1)))
