"""What the answers of two models to the same items say: paired counts with exact tests, and drift with its interval."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jobs.logic.forgetting.suite import CATEGORIES, LANGUAGES, Item
from jobs.logic.stats.exact import mcnemar
from jobs.logic.stats.means import clustered_mean

ALPHA = 0.05
BOTH, ALL = "both", "all"
"""Of languages, and of categories."""
NUM_RESAMPLES, SEED = 5000, 0
NO_SIGNAL, WORSE, BETTER, NOT_SHOWN, CANNOT_SAY = "no signal", "worse", "better", "no difference shown", "cannot say"
STOPPED = "stopped"


@dataclass(frozen=True)
class Answered:
    """What both models said to one item, as `forgetting.jsonl` has it."""

    id: str
    base: str
    tuned: str
    base_outcome: str
    """stopped, cut or no room."""
    tuned_outcome: str
    kl: float | None
    """Mean of KL(base ‖ tuned) over `num_places` places of the base's answer, nats; None where it was not measured."""
    num_places: int
    num_same_top: int
    """Of them, how many have the same token on top in both."""


@dataclass(frozen=True)
class Group:
    """The items of a category and a language, or of all."""

    category: str
    language: str
    num_items: int
    base_right: int
    tuned_right: int
    only_base: int
    only_tuned: int
    p: float | None
    """McNemar's exact test, two-sided; None where no item is right in one and wrong in the other."""
    p_holm: float | None
    """The same, corrected by Holm over the groups of its family: the categories, or categories by language."""
    least_lost: int
    """So many lost and none won are the fewest that the corrected test would call a difference."""
    verdict: str


@dataclass(frozen=True)
class Drift:
    """KL(base ‖ tuned), nats a token, over the first places of the base's answers; each item counts alike."""

    num_items: int
    num_places: int
    kl_mean: float
    low: float
    high: float
    same_top: float


@dataclass(frozen=True)
class Forgotten:
    """What the suite found."""

    groups: tuple[Group, ...]
    """All items; each category; each category by language."""
    num_unfinished_base: int
    """Answers that did not end by themselves."""
    num_unfinished_tuned: int
    drift: Drift | None


def counted(items: Sequence[Item], answered: Sequence[Answered]) -> Forgotten:
    """The facts of a suite that was asked. Raises KeyError where an item has no answer."""
    found = {one.id: one for one in answered}
    right = {item.id: (item.is_right(found[item.id].base), item.is_right(found[item.id].tuned)) for item in items}
    families = (
        [(ALL, BOTH)],
        [(category, BOTH) for category in CATEGORIES],
        [(category, language) for category in CATEGORIES for language in LANGUAGES],
    )
    groups = tuple(group for family in families for group in _family(family, items, right))
    return Forgotten(
        groups=groups,
        num_unfinished_base=sum(one.base_outcome != STOPPED for one in answered),
        num_unfinished_tuned=sum(one.tuned_outcome != STOPPED for one in answered),
        drift=_drift(answered),
    )


def holm(values: Sequence[float]) -> list[float]:
    """p-values corrected for being several (Holm 1979, Scandinavian Journal of Statistics 6), in their order.

    The smallest is multiplied by how many there are, the next by one less, and none falls below one before it.
    """
    found, least = [0.0] * len(values), 0.0
    for place, number in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        least = max(least, min(1.0, values[number] * (len(values) - place)))
        found[number] = least
    return found


def least_lost(num_tests: int, alpha: float = ALPHA) -> int:
    """How many lost items, with none won, the exact test of one among `num_tests` calls a difference: the least k with
    num_tests x 2 x 0.5^k <= alpha."""
    return math.ceil(math.log2(2 * num_tests / alpha))


def _family(
    family: Sequence[tuple[str, str]], items: Sequence[Item], right: Mapping[str, tuple[bool, bool]]
) -> list[Group]:
    counts = [_counts(category, language, items, right) for category, language in family]
    values = [mcnemar(only_base, only_tuned) for *_, only_base, only_tuned in counts]
    corrected = holm([1.0 if math.isnan(value) else value for value in values])
    least = least_lost(len(family))
    return [
        Group(
            category=category,
            language=language,
            num_items=num_items,
            base_right=base,
            tuned_right=tuned,
            only_base=only_base,
            only_tuned=only_tuned,
            p=None if math.isnan(p) else p,
            p_holm=None if math.isnan(p) else p_holm,
            least_lost=least,
            verdict=_verdict(base, tuned, only_base - only_tuned, p_holm, least),
        )
        for (category, language), (num_items, base, tuned, only_base, only_tuned), p, p_holm in zip(
            family, counts, values, corrected, strict=True
        )
    ]


def _counts(
    category: str, language: str, items: Sequence[Item], right: Mapping[str, tuple[bool, bool]]
) -> tuple[int, int, int, int, int]:
    """Items, those that the base has right, the tune, only the one, only the other."""
    pairs = [right[item.id] for item in items if category in (ALL, item.category) and language in (BOTH, item.language)]
    base, tuned, both = (
        sum(values) for values in ([a for a, _ in pairs], [b for _, b in pairs], [a and b for a, b in pairs])
    )
    return len(pairs), base, tuned, base - both, tuned - both


def _verdict(base: int, tuned: int, lost: int, p_holm: float, least: int) -> str:
    if base == tuned == 0:
        return NO_SIGNAL
    if p_holm <= ALPHA:
        return WORSE if lost > 0 else BETTER
    return CANNOT_SAY if base < least else NOT_SHOWN


def _drift(answered: Sequence[Answered]) -> Drift | None:
    """None where it was not measured; NaN where a divergence is."""
    measured = [(one.kl, one.num_places, one.num_same_top) for one in answered if one.kl is not None]
    if not measured:
        return None
    values = [kl for kl, _, _ in measured]
    num_places = sum(places for _, places, _ in measured)
    if not all(math.isfinite(value) for value in values):
        return Drift(len(values), num_places, math.nan, math.nan, math.nan, 0.0)
    if not any(values):  # one distribution everywhere, as of a model beside itself
        return Drift(len(values), num_places, 0.0, 0.0, 0.0, _share(measured))
    found = clustered_mean(values, [None] * len(values), num_resamples=NUM_RESAMPLES, seed=SEED, bounds=None)
    return Drift(
        num_items=len(values),
        num_places=num_places,
        kl_mean=found.value,
        low=max(0.0, found.low),  # no divergence is below it, which the bootstrap does not know
        high=found.high,
        same_top=_share(measured),
    )


def _share(measured: Sequence[tuple[float, int, int]]) -> float:
    """Of the places, those with the same token on top."""
    return sum(same for _, _, same in measured) / sum(places for _, places, _ in measured)
