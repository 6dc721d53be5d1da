"""What the answers of two models to the same items say: paired counts with exact tests, and drift with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.logic.forgetting.suite import CATEGORIES, LANGUAGES, Item

ALPHA = 0.05
BOTH, ALL = "both", "all"
"""Of languages, and of categories."""
NUM_RESAMPLES, SEED = 5000, 0
NO_SIGNAL, WORSE, BETTER, NOT_SHOWN, CANNOT_SAY = "no signal", "worse", "better", "no difference shown", "cannot say"
STOPPED = "stopped"
MOST_UNFINISHED = 0.1
"""Share of a model's answers that may have been cut: what more would have said is not known, and counts as wrong."""


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
    num_concepts: int
    """Items that are one question in several languages count once."""
    base_concepts: int
    """Of them, those that the base has right in any language."""
    unfinished_base: int
    """Answers that did not end by themselves."""
    unfinished_tuned: int
    p: float | None
    """Exact sign test over concepts, two-sided: of one language McNemar's. None where no concept was lost or won."""
    p_holm: float | None
    """The same, corrected by Holm over the groups of its family: the categories, or categories by language."""
    least_lost: int
    """So many concepts lost and none won are the fewest that the corrected test would call a difference."""
    verdict: str


@dataclass(frozen=True)
class Drift:
    """KL(base ‖ tuned), nats a token, over the first places of the base's answers; each item counts alike, and the
    interval is by concept."""

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
    pairs = [_pair(item, found[item.id]) for item in items]
    families = (
        [(ALL, BOTH)],
        [(category, BOTH) for category in CATEGORIES],
        [(category, language) for category in CATEGORIES for language in LANGUAGES],
    )
    groups = tuple(group for family in families for group in _family(family, pairs))
    return Forgotten(
        groups=groups,
        num_unfinished_base=sum(one.base_outcome != STOPPED for one in answered),
        num_unfinished_tuned=sum(one.tuned_outcome != STOPPED for one in answered),
        drift=_drift([found[item.id] for item in items], [item.concept for item in items]),
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


@dataclass(frozen=True)
class _Pair:
    """One item, as both answered it."""

    item: Item
    base: bool
    tuned: bool
    base_ended: bool
    tuned_ended: bool


def _pair(item: Item, said: Answered) -> _Pair:
    ended = (said.base_outcome == STOPPED, said.tuned_outcome == STOPPED)
    return _Pair(item, item.is_right(said.base), item.is_right(said.tuned), *ended)


def _family(family: Sequence[tuple[str, str]], pairs: Sequence[_Pair]) -> list[Group]:
    from jobs.logic.stats.exact import sign_test  # numpy, which judging facts needs not

    members = [
        [pair for pair in pairs if category in (ALL, pair.item.category) and language in (BOTH, pair.item.language)]
        for category, language in family
    ]
    values = [
        sign_test([one.tuned - one.base for one in group], [one.item.concept for one in group]) for group in members
    ]
    corrected = holm([1.0 if math.isnan(value) else value for value in values])
    return [
        _group(name, group, p, p_holm, least_lost(len(family)))
        for name, group, p, p_holm in zip(family, members, values, corrected, strict=True)
    ]


def _group(name: tuple[str, str], pairs: Sequence[_Pair], p: float, p_holm: float, least: int) -> Group:
    from jobs.logic.stats.clusters import cluster_sums

    concepts = [one.item.concept for one in pairs]
    won = cluster_sums([one.tuned - one.base for one in pairs], concepts).sums
    base_concepts = len({one.item.concept for one in pairs if one.base})
    base, tuned = sum(one.base for one in pairs), sum(one.tuned for one in pairs)
    both = sum(one.base and one.tuned for one in pairs)
    unfinished = (sum(not one.base_ended for one in pairs), sum(not one.tuned_ended for one in pairs))
    if max(unfinished) > MOST_UNFINISHED * len(pairs):
        verdict = CANNOT_SAY
    elif base == tuned == 0:
        verdict = NO_SIGNAL
    elif p_holm <= ALPHA:
        verdict = WORSE if (won < 0).sum() > (won > 0).sum() else BETTER
    else:
        verdict = CANNOT_SAY if base_concepts < least else NOT_SHOWN
    return Group(
        category=name[0],
        language=name[1],
        num_items=len(pairs),
        base_right=base,
        tuned_right=tuned,
        only_base=base - both,
        only_tuned=tuned - both,
        num_concepts=len(set(concepts)),
        base_concepts=base_concepts,
        unfinished_base=unfinished[0],
        unfinished_tuned=unfinished[1],
        p=None if math.isnan(p) else p,
        p_holm=None if math.isnan(p) else p_holm,
        least_lost=least,
        verdict=verdict,
    )


def _drift(answered: Sequence[Answered], concepts: Sequence[str]) -> Drift | None:
    """None where it was not measured; NaN where a divergence is."""
    from jobs.logic.stats.means import clustered_mean

    measured = [(one.kl, one.num_places, one.num_same_top) for one in answered if one.kl is not None]
    clusters = [concept for one, concept in zip(answered, concepts, strict=True) if one.kl is not None]
    if not measured:
        return None
    values = [kl for kl, _, _ in measured]
    num_places = sum(places for _, places, _ in measured)
    if not all(math.isfinite(value) for value in values):
        return Drift(len(values), num_places, math.nan, math.nan, math.nan, 0.0)
    if not any(values):  # one distribution everywhere, as of a model beside itself
        return Drift(len(values), num_places, 0.0, 0.0, 0.0, _share(measured))
    found = clustered_mean(values, clusters, num_resamples=NUM_RESAMPLES, seed=SEED, bounds=None)
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
