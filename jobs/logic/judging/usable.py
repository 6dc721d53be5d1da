"""Whether a judge may be listened to: what it was shown to do, and what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.logic.pages.amounts import beside, count, p_value, percent

if TYPE_CHECKING:
    from jobs.logic.judging.conduct import Conduct

SELF, GOLD, PADDED, INJECTED = "self", "gold", "padded", "injected"
PAIRS, HUGGING_FACE = "pairs", "hugging face"
"""What it is asked once it is qualified: the answers of the GGUF, and those of Hugging Face."""
CHECKS = {
    GOLD: "a right answer against another row's",
    SELF: "a text against itself",
    PADDED: "an answer with words that say nothing against the answer",
    INJECTED: 'an answer with "choose me" in it against the answer',
}
"""What a judge is qualified by, in the order in which it is asked."""
OVER = {
    GOLD: "right against wrong answers",
    PAIRS: "the pairs themselves",
    HUGGING_FACE: "the answers in Hugging Face",
}
"""Where places, flips and what is no verdict have limits; what is unread has one everywhere."""


@dataclass(frozen=True)
class Wanted:
    """What is asked of a judge; shares of pairs, but for `max_unparsable_share`, of calls."""

    min_pairs: int
    min_gold_share: float
    max_self_gain: float
    max_padded_gain: float
    max_injected_gain: float
    max_flip_share: float
    max_position_gap: float
    max_position_p: float
    max_unparsable_share: float
    max_unread_share: float


def why_not(found: Mapping[str, Conduct], wanted: Wanted) -> list[str]:
    """Why the judge is not usable, in sentences; none where it is. `found`: by the names above."""
    asked = {name: one for name, one in found.items() if name != HUGGING_FACE}
    return [
        *unanswered(asked, wanted),
        *(said for name in OVER if name in asked for said in _conduct(OVER[name], asked[name], wanted)),
        *(said for name, one in asked.items() for said in _unread(_what(name), one, wanted)),
        *_unparsable("its qualification", [asked[name] for name in CHECKS if name in asked], wanted),
        *_unparsable(OVER[PAIRS], [asked[name] for name in (PAIRS,) if name in asked], wanted),
        *_qualified(asked, wanted),
    ]


def why_no_blame(found: Mapping[str, Conduct], wanted: Wanted) -> list[str]:
    """Why a judge that is usable says nothing of the answers in Hugging Face, in sentences."""
    one, what = found.get(HUGGING_FACE), OVER[HUGGING_FACE]
    if one is None:
        return []
    return [
        *unanswered({HUGGING_FACE: one}, wanted),
        *_conduct(what, one, wanted),
        *_unread(what, one, wanted),
        *_unparsable(what, [one], wanted),
    ]


def unanswered(found: Mapping[str, Conduct], wanted: Wanted) -> list[str]:
    """Of what too little was answered by the servers to say anything, in sentences; the judge is not at fault."""
    told = []
    for name, one in found.items():
        if one.num_pairs and not one.unanswered / one.num_pairs <= wanted.max_unread_share:
            share, most = beside(one.unanswered / one.num_pairs, wanted.max_unread_share, percent)
            pairs = count(one.num_pairs, "pair")
            told.append(f"its server did not answer: {_what(name)}: {share} of {pairs}; the most is {most}")
    return told


def _what(name: str) -> str:
    return OVER.get(name) or CHECKS[name]


def _conduct(what: str, one: Conduct, wanted: Wanted) -> Iterator[str]:
    if not one.num_pairs:
        return
    gap = one.position_gap
    if abs(gap) > wanted.max_position_gap and one.position_p < wanted.max_position_p:
        place = "first" if gap > 0 else "second"
        found, most = beside(abs(gap), wanted.max_position_gap, percent)
        yield (
            f"it likes the {place} place: {what}: that place won {found} more of {count(one.num_pairs, 'pair')} than "
            f"the other, whatever stood there (p {p_value(one.position_p)}); the most is {most}"
        )
    share = one.flips / one.num_pairs
    if not share <= wanted.max_flip_share:
        found, most = beside(share, wanted.max_flip_share, percent)
        pairs = count(one.num_pairs, "pair")
        yield f"it changes its verdict with the order: {what}: in {found} of {pairs}; the most is {most}"


def _unread(what: str, one: Conduct, wanted: Wanted) -> Iterator[str]:
    if one.num_pairs and not (one.unread - one.unanswered) / one.num_pairs <= wanted.max_unread_share:
        found, most = beside((one.unread - one.unanswered) / one.num_pairs, wanted.max_unread_share, percent)
        pairs = count(one.num_pairs, "pair")
        yield f"its verdict cannot be read after every try: {what}: in {found} of {pairs}; the most is {most}"


def _unparsable(what: str, some: Sequence[Conduct], wanted: Wanted) -> Iterator[str]:
    calls, broken = sum(one.calls for one in some), sum(one.unparsable for one in some)
    if calls and not broken / calls <= wanted.max_unparsable_share:
        found, most = beside(broken / calls, wanted.max_unparsable_share, percent)
        yield f"its answers are no verdicts: {what}: {found} of {count(calls, 'call')}; the most is {most}"


def _qualified(found: Mapping[str, Conduct], wanted: Wanted) -> Iterator[str]:
    gold = found.get(GOLD)
    if gold is None or gold.num_pairs < wanted.min_pairs:
        pairs = count(gold.num_pairs if gold else 0, "pair")
        yield f"it cannot be qualified: {pairs} of right and wrong answers, the least is {count(wanted.min_pairs)}"
    elif gold.num_pairs > gold.unanswered:
        answered = gold.num_pairs - gold.unanswered
        if not gold.wins / answered >= wanted.min_gold_share:
            share, least = beside(gold.wins / answered, wanted.min_gold_share, percent)
            yield (
                f"it does not tell a right answer from another row's: it chose {share} of {count(answered)} in both "
                f"orders, the least is {least}"
            )
    for name, most, said in (
        (SELF, wanted.max_self_gain, "a text wins over itself or loses to it"),
        (PADDED, wanted.max_padded_gain, "an answer gains by words that say nothing"),
        (INJECTED, wanted.max_injected_gain, "an answer gains by saying that it is to be chosen"),
    ):
        one = found.get(name)
        if one is None or not one.num_read:
            continue  # pairs of which none was read are told as such
        net = abs(one.net) if name == SELF else one.net
        if not net <= most:
            gain, limit = beside(net, most, percent)
            yield f"{said}: net wins {gain} of {count(one.num_read, 'pair')}, the most is {limit}"
