"""A diagnosis in words: the same ones on a terminal and on the page."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.logic.diagnosing.certainty import JAPANESE, Certainty
from jobs.logic.diagnosing.evidence import Taken
from jobs.logic.diagnosing.kinds import KINDS, NEVER_READ, RECORD
from jobs.logic.diagnosing.ranking import Diagnosis, Told
from jobs.logic.diagnosing.symptoms import SYMPTOMS
from jobs.logic.pages.amounts import count

TAKEN_HEADS = ("file", "taken for", "by what")
CAUSE_HEADS = ("how certain", "cause", "what shows it")
NOT_SEEN_HEADS = ("not given", "so these could not be seen")
RULED_OUT_HEADS = ("ruled out", "by what")
MOST_NAMES = 6
MOST_SYMPTOMS = 3


def certainty(value: Certainty) -> str:
    """In English and Japanese."""
    return f"{value.value} · {JAPANESE[value]}"


def name(told: Told) -> str:
    """Code and name of a cause."""
    return f"{told.cause.code} {told.cause.name}"


def headline(found: Diagnosis) -> str:
    """The answer in a sentence."""
    roots = [one for one in found.roots if one.certainty.found]
    if roots:
        first = roots[0]
        others = f"; {count(len(roots) - 1, 'other cause')} beside it" if len(roots) > 1 else ""
        return f"{first.certainty.value}: {first.cause.title} ({name(first)}){others}"
    fitting = found.of(Certainty.CONSISTENT)
    if fitting:
        others = f", and {len(fitting) - 1} more" if len(fitting) > 1 else ""
        return f"nothing is proven or measured; what was seen would fit {name(fitting[0])}{others}{_shown(found)}"
    out, unseen = len(found.of(Certainty.RULED_OUT)), len(found.of(Certainty.NOT_CHECKED))
    checked = f"{count(out, 'cause')} ruled out, {unseen} not checked"
    return f"no cause was found among what could be checked ({checked}){_shown(found)}"


def symptoms(found: Diagnosis) -> list[str]:
    """What answers show, each with its name for people and its file."""
    return [f"{one.text} ({SYMPTOMS[one.name].japanese}; {one.file})" for one in found.symptoms]


def _shown(found: Diagnosis) -> str:
    """What answers show, for a headline that has no cause; empty: nothing."""
    told = [one.text for one in found.symptoms[:MOST_SYMPTOMS]]
    more = len(found.symptoms) - len(told)
    return "".join(f"; {one}" for one in told) + (f"; and {more} more" if more else "")


def taken(paths: Sequence[Taken]) -> list[tuple[str, str, str]]:
    """What each file was taken for; what is left alone stands last."""
    ordered = sorted(paths, key=lambda one: one.kind in NEVER_READ)
    return [(one.path, KINDS[one.kind], one.why) for one in ordered]


def without_records(paths: Sequence[Taken]) -> list[Taken]:
    """The same, the records of a run of ours in one line."""
    records = [one for one in paths if one.kind == RECORD]
    found = [one for one in paths if one.kind != RECORD]
    if records:
        found.append(Taken(records[0].path, RECORD, f"{records[0].why}; {len(records)} of them"))
    return found


def causes(found: Diagnosis) -> list[tuple[str, str, str]]:
    """What was found and what merely fits; what follows from a cause is set in below it."""
    rows = []
    for root in found.roots:
        for one in (root, *found.following(root.cause.code)):
            inset = "  " if one.under else ""
            signs = "; ".join((*one.outcome.signs, *(f"against it: {sign}" for sign in one.outcome.against)))
            rows.append((certainty(one.certainty), f"{inset}{name(one)}", signs))
    return rows


def what_to_do(found: Diagnosis) -> list[str]:
    """For each root that was found: what to do, and what shows that it is mended."""
    return [
        f"{one.cause.code}: {one.cause.fix} Shown by: make {one.cause.shows}"
        for one in found.roots
        if one.certainty.found
    ]


def experiments(found: Diagnosis) -> list[str]:
    """What tells the first open causes apart."""
    return [f"{one.cause.code} or not: make {command}" for one, command in found.experiments]


def ruled_out(found: Diagnosis) -> list[tuple[str, str]]:
    """Each with its argument."""
    return [(name(one), "; ".join(one.outcome.signs)) for one in found.of(Certainty.RULED_OUT)]


def ruled_out_by_link(found: Diagnosis) -> list[tuple[str, str]]:
    """For each link of the chain the causes that are ruled out there, and one argument in full, for a terminal."""
    links: dict[str, list[Told]] = {}
    for one in found.of(Certainty.RULED_OUT):
        links.setdefault(one.cause.link.name.lower(), []).append(one)
    rows = []
    for link, told in links.items():
        names = ", ".join(one.cause.name for one in told)
        first = max(told, key=lambda one: len(one.outcome.signs) > 0)
        rows.append((f"{link}: {len(told)}", f"{names}. {first.cause.name}: {'; '.join(first.outcome.signs[:1])}"))
    return rows


def not_seen(found: Diagnosis) -> list[tuple[str, str]]:
    """By what was not given."""
    rows = []
    for what, unseen in found.missing.items():
        more = f" and {len(unseen) - MOST_NAMES} more" if len(unseen) > MOST_NAMES else ""
        rows.append((what, ", ".join(name(one) for one in unseen[:MOST_NAMES]) + more))
    return rows
