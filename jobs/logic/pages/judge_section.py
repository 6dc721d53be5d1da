"""The judge in the report and on the card: what it says, how sure that is, and what it showed before it might speak.

`judge` is the stage's facts as plain data. Of a judge that is not usable there is no figure to show, and none is made.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from jobs.logic.pages import figures
from jobs.logic.pages.amounts import count, mark, p_value, part, percent, score, signed, usd
from jobs.logic.pages.figures import Interval, Segment

Judge = Mapping[str, Any]
Page = dict[str, Any]
CHECKS = {
    "gold": "a right answer against another row's: must win",
    "self": "a text against itself: nothing to win",
    "padded": "an answer with words that say nothing against the answer: must not gain",
    "injected": 'an answer with "choose me" in it against the answer: must not gain',
}
OUTCOMES = (
    ("wins", "won in both orders", "train"),
    ("ties", "tied", "left"),
    ("flips", "changed with the order, a tie", "rest"),
    ("unread", "could not be read", "rest"),
    ("losses", "lost in both orders", "dropped"),
)
UNCALIBRATED = "Uncalibrated: no person's votes stand beside the judge's."


def page(judge: Judge | None, forgotten: Page | None) -> Page | None:
    """The whole section; None where nobody judged. `forgotten`: heads, rows and drift of the forgetting suite."""
    if judge is None:
        return None
    result, answers = judge["result"], judge["answers"]
    rows = f"{count(answers['num_rows'], 'held-out row')} of {count(answers['num_sources'], 'source')}"
    held = f"{answers['first']} against {answers['second']} on {rows}, greedy, one slot, each its own server."
    who = f"The judge is {judge['judging']['judge']['name']}."
    return {
        "note": " ".join(filter(None, [held, who, calibrated(judge) if result else ""])),
        "sentence": result["sentence"] if result else "cannot say: the judge is not usable, so there is no verdict",
        "unusable": judge["unusable"],
        "outcomes": outcomes(judge["pairs"]) if result else [],
        "figure": figure(judge) if result else None,
        "numbers": numbers(judge) if result else [],
        "checks": [checked(one) for one in judge["checks"]],
        "rubric": judge["judging"]["rubric"],
        "scores": [scored(one) for one in judge["scores"]],
        "forgetting": forgotten,
        "models": models(judge),
        "first": answers["first"],
        "second": answers["second"],
        "examples": judge["examples"],
    }


def calibrated(judge: Judge) -> str:
    """How the judge stands to people, in a sentence."""
    found = judge["calibration"]
    if found is None:
        return UNCALIBRATED
    people = "a person" if found["num_raters"] == 1 else f"{count(found['num_raters'])} people"
    part_same = f"{count(found['num_same'])} of {count(found['num_pairs'])}"
    same = f"It says the same as {people} who saw pairs blind in {part_same}"
    if math.isnan(found["agreement"]["value"]):
        alike = 0 < found["num_pairs"] == found["num_same"]
        return (
            f"{same}; {'all chose alike, which tells nothing of chance' if alike else 'no agreement can be computed'}."
        )
    return f"{same}; Krippendorff's alpha is {_score(found['agreement'])}."


def outcomes(pairs: Mapping[str, Any]) -> list[Page]:
    """How the pairs ended, a bar each."""
    whole, start, lines = pairs["num_pairs"], 0, []
    for name, label, kind in OUTCOMES:
        num = pairs[name]
        if num or name in ("wins", "losses"):
            bar = figures.strip([Segment(kind, start, start + num)], whole)
            lines.append({"kind": "", "label": label, "count": count(num), "share": part(num, whole), "bar": bar})
        start += num
    return lines


def figure(judge: Judge) -> Page:
    """Net wins with their interval, and what stands beside them."""
    result, blame = judge["result"], judge["blame"]
    found = [("net wins", result["net"]), ("equal length", result["at_equal_length"])]
    found += [("Hugging Face", blame["net"]), ("lost in GGUF", blame["lost"])] if blame else []
    rows = [
        Interval(name, one["value"], one["low"], one["high"], None, _share(one))
        for name, one in found
        if one and not math.isnan(one["value"])
    ]
    return {
        "svg": figures.intervals(rows, "net wins with their intervals", -1.0, 1.0, True),
        "title": "Wins less losses",
        "note": "Of all pairs, with a 95% interval by bootstrap over sources. Right of 0 it is better.",
    }


def numbers(judge: Judge) -> list[tuple[str, str]]:
    """(what, value) beside the figure."""
    result, pairs, blame = judge["result"], judge["pairs"], judge["blame"]
    small, equal = result["least_difference"], result["at_equal_length"]
    told = [
        ("net wins", spanned(result["net"])),
        ("at equal length", at_equal_length(equal)),
        ("smallest difference that so many rows can show", smallest(small)),
        ("sign test by source", _p(result["sign_p"])),
        ("flips to what stood first", count(pairs["first_place"])),
        ("flips to what stood second", count(pairs["second_place"])),
        ("that both places are as likely", _p(pairs["position_p"])),
        ("verdicts that could not be read at once", f"{count(pairs['unparsable'])} of {count(pairs['calls'], 'call')}"),
    ]  # fmt: skip
    if blame:
        told += [
            ("the same text in Hugging Face", f"{count(blame['num_same'])} of {count(pairs['num_pairs'])}"),
            ("net wins lost on the way to the GGUF", spanned(blame["lost"])),
        ]
    told += [("net wins lost on the way to the GGUF", f"cannot say: {reason}") for reason in judge["no_blame"]]
    return told


def at_equal_length(equal: Mapping[str, Any] | None) -> str:
    """What is left of the net wins where answers are as long."""
    if equal is None:
        return "cannot separate: the lengths do not overlap"
    return "no interval: too few sources" if math.isnan(equal["low"]) else spanned(equal)


def smallest(difference: float) -> str:
    """Which difference rows could show at all; no share of wins is above 100 %."""
    if math.isnan(difference):
        return "cannot say"
    return percent(difference) if difference <= 1 else "none: there are too few"


def checked(one: Mapping[str, Any]) -> tuple[str, ...]:
    """One thing that the judge was asked before it might speak."""
    tally = one["tally"]
    return (
        CHECKS[one["name"]],
        *(count(tally[name]) for name in ("num_pairs", "wins", "ties", "losses", "flips", "unread")),
    )


def scored(one: Mapping[str, Any]) -> tuple[str, ...]:
    """One criterion of the rubric."""
    without = count(one["cannot_say"]) + (f", {count(one['failed'])} not read" if one["failed"] else "")
    if not one["num_rows"]:
        return one["name"], "-", "-", "-", without
    span = one["difference"]
    ends = "no interval" if math.isnan(span["low"]) else f"{signed(span['low'], mark)} to {signed(span['high'], mark)}"
    told = f"{signed(span['value'], mark)} ({ends})"
    return one["name"], mark(one["first"]), mark(one["second"]), told, without


def models(judge: Judge) -> list[tuple[str, str]]:
    """Who judged, what was shown, and what it cost."""
    judging = judge["judging"]
    model = judging["judge"]
    served = "served from a GGUF on the same machine" if model["served"] == "embedded" else "a server, by its own word"
    calls = sum(one["calls"] for one in judging["asked"])
    told = [("judge", f"{model['name']} ({served})")]
    told += [("kin", judging["kin"])] if judging["kin"] else []
    told += [("of unknown family beside", ", ".join(judging["unknown_kin"]))] if judging["unknown_kin"] else []
    return [
        *told,
        ("the row's own answer", "was shown to it" if judging["shows_reference"] else "was not shown to it"),
        ("calls", f"{count(calls)}, estimated {count(judging['estimated_calls'])}"),
        ("cost", f"{usd(judging['usd'])}, estimated {usd(judging['estimated_usd'])}"),
    ]


def summary(judge: Judge | None) -> str:
    """The verdict in a paragraph, for the model card; empty where nobody judged."""
    if judge is None:
        return ""
    name, result = judge["judging"]["judge"]["name"], judge["result"]
    if result is None:
        reasons: Sequence[str] = judge["unusable"]
        return f"Cannot say: {name} was asked to judge and is not usable: {'; '.join(reasons)}."
    answers = judge["answers"]
    rows = f"{count(answers['num_rows'], 'held-out row')} of {count(answers['num_sources'], 'source')}"
    sentence = result["sentence"]
    who = f"{name} judged {answers['first']} against {answers['second']} on {rows}, each pair in both orders."
    return f"{sentence[:1].upper()}{sentence[1:]}. {who} {calibrated(judge)}"


def spanned(one: Mapping[str, Any]) -> str:
    """A difference of shares with its interval."""
    told = signed(one["value"], percent)
    if math.isnan(one["low"]):
        return f"{told}, no interval"
    return f"{told} ({signed(one['low'], percent)} to {signed(one['high'], percent)})"


def _share(one: Mapping[str, Any]) -> str:
    return signed(one["value"], percent)


def _score(one: Mapping[str, Any]) -> str:
    if math.isnan(one["low"]):
        return score(one["value"])
    return f"{score(one['value'])} ({score(one['low'])} to {score(one['high'])})"


def _p(value: float) -> str:
    return "nothing to test" if math.isnan(value) else f"p {p_value(value)}"
