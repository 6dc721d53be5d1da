"""How varied rows are: different pairs of units, the spread of lengths, how far each is from the nearest other."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from jobs.logic.synth.candidate import Seed
from jobs.logic.synth.overlap import Texts, distances, units

SHARES = (0.1, 0.5, 0.9)
MOST = 300
"""Texts whose nearest other is looked for: to the nearest there is no short cut, and the mean of so many is near."""


def diversity(
    before: Sequence[Seed], made: Sequence[Seed], by_characters: bool, telling: Callable[[str], str]
) -> dict[str, Any]:
    """Of the set before, of what was made, and of both together.

    distinct-2 falls as a text grows, so it is counted in as many pairs as the smaller of the two has. The distance is
    one less ROUGE-L of what the prompt says for itself (`telling`): of a made row to the nearest row of the set, of a
    row of the set to the nearest other.
    """
    ours, theirs = [telling(row.prompt) for row in before], [telling(row.prompt) for row in made]
    texts = [f"{row.prompt}\n{row.answer}" for row in before], [f"{row.prompt}\n{row.answer}" for row in made]
    most = min(_num_pairs(one, by_characters) for one in texts if one) if before or made else 0
    both = [*before, *made]
    nearest = distances(_some(theirs), Texts(ours, by_characters)) if ours else []
    return {
        "before": {**_lengths(before, by_characters), "distinct_2": distinct_2(texts[0], by_characters, most)},
        "made": {**_lengths(made, by_characters), "distinct_2": distinct_2(texts[1], by_characters, most)},
        "together": {
            **_lengths(both, by_characters),
            "distinct_2": distinct_2([*texts[0], *texts[1]], by_characters, most),
        },
        "pairs": most,
        "distance": {"before": _mean(_to_others(ours, by_characters)), "made": _mean(nearest)},
    }


def distinct_2(texts: Sequence[str], by_characters: bool, most: int) -> float | None:
    """Different pairs of units over all (Li et al. 2016), of the first `most` of the texts in an order of their own."""
    seen, number = set(), 0
    for text in sorted(texts, key=_lot):
        for pair in pairwise(units(text, by_characters)):
            if number == most:
                break
            seen.add(pair)
            number += 1
    return len(seen) / number if number else None


def _lengths(rows: Sequence[Seed], by_characters: bool) -> dict[str, list[int]]:
    """The lengths of the tenth, middle and ninetieth of a hundred prompts and answers."""
    found = {}
    for name, texts in (("prompt", [row.prompt for row in rows]), ("answer", [row.answer for row in rows])):
        sizes = sorted(len(units(text, by_characters)) for text in texts)
        found[name] = [sizes[round(share * (len(sizes) - 1))] for share in SHARES] if sizes else []
    return found


def _to_others(texts: Sequence[str], by_characters: bool) -> list[float]:
    """The distance of some to the nearest other than itself."""
    found = []
    chosen = set(_some(list(dict.fromkeys(texts))))
    among = Texts(texts, by_characters)
    for place, text in enumerate(texts):
        if text in chosen and len(texts) > 1:
            nearest = among.nearest(text, apart_from=place)
            found.append(1 - nearest.similarity if nearest else 1.0)
    return found


def _some(texts: Sequence[str]) -> list[str]:
    return sorted(texts, key=_lot)[:MOST]


def _lot(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _num_pairs(texts: Sequence[str], by_characters: bool) -> int:
    return sum(max(0, len(units(text, by_characters)) - 1) for text in texts)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
