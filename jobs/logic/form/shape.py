"""What the answers of a set are like as far as form goes: short or long, laid out, labels, titles of their prompts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.logic.form import endings as ends, features
from jobs.logic.form.features import EXPLAINED
from jobs.logic.text import language

Forms = NDArray[np.void]
Mask = NDArray[np.bool_]

RICH_SHARE = 0.05
"""Of the other rows; where so many are laid out in Markdown or code, its marks are the set's own."""
SHORT_ANSWERS = 60
"""Characters; in a set whose median is no more, answers are titles, names and labels."""
LONG_ANSWER, LONG_WIDE, LONG_SHARE = 100, 60, 0.1
"""Characters, the same of kana and Han, and the share of longer answers from which on a set has room for lists,
whatever its median."""
CLOSED_SHARE, OF_PROMPT_SHARE = 0.15, 0.7
"""Of the answers: more closed sentences are no titles and names, and fewer that share a word with their prompts are not
about what these are about."""
FEW_ANSWERS = 0.2
"""Distinct answers a row; in a set with fewer, answers are labels."""
FRAMES = frozenset(features.FRAMES)
LIST, JSON, MARKED = map(features.layout_code, ("list", "json", "marked"))


@dataclass(frozen=True)
class SetShape:
    """What decides whether a trait is the set's own."""

    num_rows: int
    num_plain: int
    """Rows without any trait."""
    median: float
    """Characters."""
    long_share: float
    """Of the answers that are no lists."""
    rich_share: float
    diversity: float
    """Distinct answers a row."""
    closed_share: float
    """Of the rows: answers of some length that end with a mark."""
    of_prompt_share: float
    """Of the rows: answers that share a word with their prompts."""
    prompt_marks: dict[str, float]
    """Share of all prompts that have each of `features.NOTED_MARKS`."""

    def without(self, num: int, rich: int) -> SetShape:
        """The shape of the rows without `num` of them, of which `rich` are laid out, as far as layout goes."""
        others = max(1, self.num_rows - num)
        return replace(self, rich_share=(self.rich_share * self.num_rows - rich) / others)

    @property
    def is_short(self) -> bool:
        return self.median <= SHORT_ANSWERS

    @property
    def is_of_names(self) -> bool:
        """Whether answers are titles and names of what the prompts are about, and no sentences."""
        return self.is_short and self.closed_share <= CLOSED_SHARE and self.of_prompt_share >= OF_PROMPT_SHARE

    @property
    def is_rich(self) -> bool:
        return self.rich_share >= RICH_SHARE

    @property
    def is_labels(self) -> bool:
        return self.diversity < FEW_ANSWERS


def shape_of(forms: Forms) -> SetShape:
    """The shape of a set."""
    num_rows = len(forms)
    if not num_rows:
        return SetShape(0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, {})
    noted = (forms["flags"] & features.NOTED) > 0
    marks = forms["marks"][noted]
    of_prompt = forms["flags"][noted] & features.OF_PROMPT
    others = forms[~((forms["traits"] & ~EXPLAINED) == LIST).any(axis=1)]
    long = others["length"] > np.where(np.isin(others["script"], (language.KANA, language.HAN)), LONG_WIDE, LONG_ANSWER)
    return SetShape(
        num_rows,
        int(is_plain(forms).sum()),
        float(np.median(forms["length"])),
        float(long.mean()) if len(others) else 0.0,
        float(((forms["flags"] & features.RICH) > 0).mean()),
        len(distinct(forms["core"])) / num_rows,
        float((forms["ending"] % ends.SEVERAL == ends.CLOSED).mean()),
        float((of_prompt > 0).mean()) if len(of_prompt) else 0.0,
        {
            mark: float(((marks >> place) & 1).mean()) if len(marks) else 0.0
            for place, mark in enumerate(features.NOTED_MARKS)
        },
    )


def is_plain(forms: Forms) -> Mask:
    """Rows without a trait, whatever their parts have of their prompts."""
    return np.asarray(np.isin(forms["traits"] & ~EXPLAINED, [0, *FRAMES]).all(axis=1))


def distinct(values: NDArray[Any]) -> NDArray[Any]:
    """The different values, sorted; several times as fast as `np.unique`, which hashes."""
    ordered = np.sort(values)
    is_new = np.concatenate((np.ones(min(1, len(ordered)), bool), ordered[1:] != ordered[:-1]))
    return np.asarray(ordered[is_new])
