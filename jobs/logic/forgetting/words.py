"""What was found, in words and as a table."""

from __future__ import annotations

import math
from collections.abc import Iterator

from jobs.logic.forgetting.counting import ALL, BOTH, CANNOT_SAY, Forgotten, Group
from jobs.logic.pages.amounts import nats, p_value, percent

HEADS = ("", "items", "base right", "tuned right", "only base", "only tuned", "p", "p (Holm)", "")
NAMES = {
    ALL: "all items",
    "instruction": "plain instructions",
    "arithmetic": "arithmetic",
    "facts": "facts in the prompt",
    "format": "form of the answer",
    "refusal": "what cannot be known or told",
}
LANGUAGES = {"ja": "Japanese", "en": "English"}


def rows(found: Forgotten) -> list[tuple[str, ...]]:
    """A row a group, under HEADS: each category, then its languages."""
    order = list(NAMES)
    groups = sorted(found.groups, key=lambda group: (order.index(group.category), group.language != BOTH))
    return [
        (
            name(group),
            str(group.num_items),
            str(group.base_right),
            str(group.tuned_right),
            str(group.only_base),
            str(group.only_tuned),
            "-" if group.p is None else p_value(group.p),
            "-" if group.p_holm is None else p_value(group.p_holm),
            verdict(group),
        )
        for group in groups
    ]


def name(group: Group) -> str:
    """The category, or the language where it is of one."""
    return NAMES[group.category] if group.language == BOTH else f"  {LANGUAGES[group.language]}"


def verdict(group: Group) -> str:
    """The verdict, with its reason where it says nothing."""
    if group.verdict == CANNOT_SAY:
        return (
            f"cannot say: the base has {group.base_right} right, and {group.least_lost} lost are the fewest that show"
        )
    return group.verdict


def lines(found: Forgotten) -> Iterator[tuple[str, str]]:
    """What a person is shown beside a stage's facts."""
    for group in found.groups:
        if group.language == BOTH:
            counts = f"{group.base_right} of {group.num_items} right before, {group.tuned_right} after"
            yield f"forgetting, {name(group)}", f"{counts}: {verdict(group)}"
    yield "drift", drift(found)


def drift(found: Forgotten) -> str:
    """How far the answers' distributions are apart."""
    one = found.drift
    if one is None:
        return "not measured: the two GGUFs do not have the same tokens"
    interval = "" if math.isnan(one.high) else f", 95 % interval {nats(one.low)} to {nats(one.high)}"
    return (
        f"KL(base ‖ tuned) {nats(one.kl_mean)} nats a token{interval}, over "
        f"{one.num_places:,} places of the base's answers to {one.num_items} items; same token on top in "
        f"{percent(one.same_top)}"
    )


def reading(found: Forgotten) -> Iterator[str]:
    """How the table is to be read, plainly."""
    shown = {group.verdict for group in found.groups if group.language == BOTH}
    whole, first = found.groups[0], found.groups[1]
    yield (
        f"An exact paired test (McNemar) compares base and tune on the same items. Of {first.num_items} items in a "
        f"category {first.least_lost} lost and none won are the fewest that show, after Holm's correction for the five "
        f"categories; by language, of 20, {found.groups[-1].least_lost}; of all {whole.num_items}, {whole.least_lost}."
    )
    if "no signal" in shown:
        yield (
            "No signal: neither model has an item of the category right, so nothing was there to forget, or to see it "
            "by. That is not the same as nothing forgotten."
        )
    unfinished = max(found.num_unfinished_base, found.num_unfinished_tuned)
    if unfinished:
        yield (
            f"Answers that did not end by themselves: {found.num_unfinished_base} of the base, "
            f"{found.num_unfinished_tuned} of the tune; forgetting.max_tokens gives more room."
        )
