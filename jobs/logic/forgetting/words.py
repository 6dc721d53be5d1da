"""What was found, in words and as a table."""

from __future__ import annotations

import math
from collections.abc import Iterator

from jobs.logic.forgetting.counting import ALL, BOTH, CANNOT_SAY, MOST_UNFINISHED, Forgotten, Group
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
    """The verdict, with its reason where it says nothing, and how many answers were cut."""
    if group.verdict == CANNOT_SAY and max(group.unfinished_base, group.unfinished_tuned) > most_cut(group):
        return f"cannot say: {cut(group)}, and no more than {percent(MOST_UNFINISHED)} of either may be"
    told = f"; {cut(group)}" if group.unfinished_base or group.unfinished_tuned else ""
    if group.verdict != CANNOT_SAY:
        return f"{group.verdict}{told}"
    if group.least_lost > group.num_concepts:
        return f"cannot say: {nothing(group)}{told}"
    has = f"{group.base_right} right"
    if group.base_concepts != group.base_right:
        has = f"{group.base_concepts} questions right in one language or both"
    return f"cannot say: the base has {has}, and {group.least_lost} lost are the fewest that show{told}"


def most_cut(group: Group) -> float:
    """More of a model's answers cut than that leave nothing to compare."""
    return MOST_UNFINISHED * group.num_items


def cut(group: Group) -> str:
    """How many answers of each did not end by themselves."""
    return f"cut were {group.unfinished_base} of the base's answers and {group.unfinished_tuned} of the tune's"


def nothing(group: Group) -> str:
    """Why so few show nothing."""
    return f"{group.num_concepts} questions show nothing, however many are lost: {group.least_lost} would have to be"


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
    families = (
        (found.groups[1], "of a category"),
        (found.groups[-1], "of a category in one language"),
        (found.groups[0], "in all"),
    )
    yield (
        "An exact paired test compares base and tune on the same items: in one language McNemar's, over both a sign "
        "test to which an item and its translation are one question. Holm's method corrects for the five categories, "
        "and for the ten of category and language."
    )
    for group, where in families:
        if group.least_lost > group.num_concepts:
            yield f"{where.capitalize()}, {nothing(group)}."
        else:
            yield (
                f"Of {group.num_concepts} questions {where}, {group.least_lost} lost and none won are the fewest that "
                "show."
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
