"""Do generated answers agree with their own references better than with those of other rows.

A model that has learnt the form and ignores its prompts agrees with all references alike. The test is a permutation
test. Whether it could have shown anything is asked of the same references: with a model that gets all of them right,
and with one that gets some right and gives answers to other rows for the rest.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from jobs.logic.text import pairing
from jobs.logic.text.similarity import tidy

Measure = Literal["classes", "short answers", "texts"]
CLASS_ROWS = 3
"""Rows that a reference has on average, from which on references are the names of classes."""
SHORT = 40
"""Characters at the median, up to which answers are short: single letters and whole answers tell there."""
WHOLE = "="
"""In front of a whole answer among its pieces, which have no more than three letters."""
MOST_LETTERS = 5000
POWER_DRAWS, POWER_ORDERS = 40, 199


class Belonging(NamedTuple):
    """What was found out."""

    measure: Measure
    own: float
    """Mean agreement with the row's own reference, 0 to 1."""
    other: float
    """With the references in another order."""
    z: float
    p: float
    least_p: float
    """Of a model that gets every reference right."""
    power: float
    """How often a model that gets only some right would have had `max_p`, 0 to 1."""


class Test(NamedTuple):
    """How it is asked."""

    num_permutations: int
    max_p: float
    some: float
    """Share of rows that a model must get right for `power`."""


def measured(answers: Sequence[str], references: Sequence[str], test: Test, seed: int) -> Belonging:
    """Of one model under one prompt; the sequences run along its rows."""
    answers, references = [tidy(one) for one in answers], [tidy(one) for one in references]
    measure = kind(references)
    if not references:
        return Belonging(measure, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0)
    given, right = agreements(answers, references, measure), agreements(references, references, measure)
    groups = [pairing.script(reference) for reference in references]
    permutations = pairing.orders(groups, test.num_permutations, seed)
    found = pairing.compared(given, permutations)
    least = pairing.compared(right, permutations).p
    power = _power(given, right, groups, test, seed) if least <= test.max_p else 0.0
    return Belonging(measure, found.own, found.other, found.z, found.p, least, power)


def kind(references: Sequence[str]) -> Measure:
    """By which measure answers are compared; code is text."""
    if len({one.casefold() for one in references}) * CLASS_ROWS <= len(references):
        return "classes"
    return "short answers" if statistics.median(map(len, references)) <= SHORT else "texts"


def agreements(answers: Sequence[str], references: Sequence[str], measure: Measure) -> pairing.Matrix:
    """[answers, references] 0 to 1. Classes: whether they are equal. Else twice the pieces that two texts share over
    all that they have (Dice 1945), each weighted by how few references have it."""
    if measure == "classes":
        return np.equal.outer([one.casefold() for one in answers], [one.casefold() for one in references]).astype(float)
    return pairing.dice([_pieces(one, measure) for one in answers], [_pieces(one, measure) for one in references])


def _pieces(text: str, measure: Measure) -> frozenset[str]:
    sizes = (1, 2, 3) if measure == "short answers" else (3,)
    return pairing.grams(text[:MOST_LETTERS], sizes) | ({WHOLE + text.casefold()} if text else set())


def _power(given: pairing.Matrix, right: pairing.Matrix, groups: Sequence[str], test: Test, seed: int) -> float:
    """Share of draws in which a model would be seen that gets `test.some` of the rows right."""
    random = np.random.Generator(np.random.PCG64(seed))
    others = pairing.orders(groups, POWER_DRAWS, seed + 1)
    permutations = pairing.orders(groups, POWER_ORDERS, seed + 2)
    num_right, seen = max(1, round(test.some * len(right))), 0
    for order in others:
        mixed = given[order]
        chosen = random.choice(len(right), num_right, replace=False)
        mixed[chosen] = right[chosen]
        seen += pairing.compared(mixed, permutations).p <= test.max_p
    return seen / POWER_DRAWS
