"""The made rows in the report and on the card: how many, by what, what each check took, and what picking seeds gained.

`synth` is the stage's facts as plain data; a page is plain data for the template, with figures as finished SVG.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobs.logic.pages import figures
from jobs.logic.pages.amounts import Say, by_count, count, mark, part, percent, score, signed, usd
from jobs.logic.pages.figures import Segment

Synth = Mapping[str, Any]
Page = dict[str, Any]
NAMES = {
    "self_instruct": "Self-Instruct",
    "evol_instruct": "Evol-Instruct",
    "craft": "CRAFT",
    "cot_self_instruct": "CoT-Self-Instruct",
}
ARMS = {"best": "the best seeds by score", "random": "seeds drawn at random"}
DIFFERENCES: dict[str, tuple[str, Say]] = {
    "acceptance": ("share taken", percent),
    "mean_score": ("mean score", mark),
    "novelty": ("novelty", score),
}
UNKNOWN = "unknown"


def page(synth: Synth | None) -> Page | None:
    """The whole section; None where no rows were made."""
    if synth is None:
        return None
    made, joined = synth["rows"]["num_rows"], synth["rows"]["num_joined"]
    note = f"{count(made, 'row')} of the {count(joined)} trained on are synthetic: written by {writer(synth)}."
    return {
        "note": f"{note} {apart(synth)}",
        "funnel": funnel(synth),
        "dropped": dropped(synth),
        "set": joined_set(synth),
        "arms": [arm(one) for one in synth["arms"]],
        "differences": [difference(one) for one in synth["differences"] if one["mean"] is not None],
        "varied": varied(synth),
        "costs": costs(synth),
        "models": models(synth),
        "examples": [one for one in synth["examples"] if not one["reason"]],
        "marks": marks(synth),
    }


def writer(synth: Synth) -> str:
    """The model that wrote, and how it was asked."""
    methods = [NAMES.get(name, name) for name in dict.fromkeys(one["method"] for one in synth["taken"])]
    return (
        f"{synth['making']['generator']['name']} with {', '.join(methods)}"
        if methods
        else str(synth["making"]["generator"]["name"])
    )


def apart(synth: Synth) -> str:
    """How made rows stand to those that are held out, as it was counted."""
    seeds, near = synth["rows"]["held_out_parents"], synth["rows"]["near_held_out"]
    if not seeds and not near:
        return "None was made from a held-out row or is near one."
    return f"{count(seeds)} of them were made from held-out rows and {count(near)} are near one."


def totals(synth: Synth) -> tuple[int, int, dict[str, int]]:
    """Candidates tried, accepted, and dropped by reason."""
    reasons: dict[str, int] = {}
    for one in synth["taken"]:
        for reason, num in one["dropped"].items():
            reasons[reason] = reasons.get(reason, 0) + num
    return sum(one["tried"] for one in synth["taken"]), sum(one["accepted"] for one in synth["taken"]), reasons


def funnel(synth: Synth) -> list[Page]:
    """Candidates tried; each reason taken off the end of what was left; rows made, by method."""
    tried, accepted, reasons = totals(synth)
    left = tried
    lines = [_line("read", "candidates tried", tried, tried, [Segment("rest", 0, tried)])]
    for reason, num in by_count(reasons):
        left -= num
        bar = [Segment("left", 0, left), Segment("dropped", left, left + num)]
        lines.append(_line("dropped", reason, num, tried, bar))
    lines.append(_line("kept", "rows made", accepted, tried, [Segment("train", 0, accepted)]))
    by_method: dict[str, int] = {}
    for one in synth["taken"]:
        by_method[one["method"]] = by_method.get(one["method"], 0) + one["accepted"]
    if len(by_method) > 1:
        named = [(NAMES.get(name, name), num) for name, num in by_count(by_method)]
        lines += [_line("side", name, num, tried, [Segment("train", 0, num)]) for name, num in named]
    return lines


def dropped(synth: Synth) -> list[Page]:
    """Each reason with a few candidates that went for it."""
    tried, _, reasons = totals(synth)
    ranked = by_count(reasons)
    most = max((num for _, num in ranked), default=0)
    return [
        {
            "label": reason, "count": f"{num:,}", "share": part(num, tried),
            "bar": figures.strip([Segment("dropped", 0, num)], most),
            "examples": [one for one in synth["examples"] if one["reason"] == reason],
        }
        for reason, num in ranked
    ]  # fmt: skip


def joined_set(synth: Synth) -> list[Page]:
    """What is trained on: rows that were brought, and made ones."""
    before, made, joined = synth["num_before"], synth["rows"]["num_rows"], synth["rows"]["num_joined"]
    both = [("brought", before, Segment("val", 0, before)), ("made", made, Segment("train", before, before + made))]
    return [_line("side", label, num, joined, [bar]) for label, num, bar in both]


def arm(one: Mapping[str, Any]) -> Page:
    """Seeds of one kind, and what came of them."""
    return {
        "label": ARMS[one["arm"]],
        "seeds": count(one["num_seeds"]),
        "accepted": f"{count(one['accepted'])} of {count(one['tried'])}",
        "share": percent(one["acceptance"]) if one["acceptance"] is not None else "",
        "score": mark(one["mean_score"]) if one["mean_score"] is not None else "not scored",
        "novelty": score(one["novelty"]) if one["novelty"] is not None else "",
    }


def difference(one: Mapping[str, Any]) -> str:
    """What picking seeds gained, in words."""
    what, say = DIFFERENCES[one["measure"]]
    told = f"{what} {signed(one['mean'], say)}"
    if one["low"] is None or one["high"] is None:
        return f"{told}, too few rows for an interval"
    return f"{told} ({signed(one['low'], say)} to {signed(one['high'], say)})"


def varied(synth: Synth) -> list[tuple[str, ...]]:
    """(what, of the rows that were there, of the made ones)."""
    both = (synth["before"], synth["made"])
    lengths = [" / ".join(count(found) for found in one["answer_lengths"]) or "-" for one in both]
    return [
        ("different pairs of characters or words", *(_or_none(one["distinct_2"], percent) for one in both)),
        ("answer lengths, short / middle / long", *lengths),
        ("distance to the nearest other row", *(_or_none(one["nearest"], score) for one in both)),
    ]  # fmt: skip


def costs(synth: Synth) -> list[tuple[str, str, str]]:
    """(what, estimated before, in the end)."""
    calls = sum(one["calls"] for one in synth["making"]["asked"])
    tokens = sum(one["prompt_tokens"] + one["completion_tokens"] for one in synth["making"]["asked"])
    estimated = synth["making"]["estimated_tokens"]
    return [
        ("calls", count(synth["making"]["estimated_calls"]), count(calls)),
        ("tokens", UNKNOWN if estimated is None else count(estimated), count(tokens)),
        ("cost", usd(synth["making"]["estimated_usd"]), usd(synth["making"]["usd"])),
    ]


def models(synth: Synth) -> list[tuple[str, str]]:
    """(what, which model): who wrote and who scored."""
    scorer = synth["making"]["scorer"]
    same = f"; {synth['making']['same_model']}" if synth["making"]["same_model"] else ""
    return [
        ("written by", _named(synth["making"]["generator"])),
        ("scored by", f"{_named(scorer)}, by the rubric {synth['making']['rubric']}{same}" if scorer else "nobody"),
    ]


def marks(synth: Synth) -> list[Page]:
    """How the rows that were there before were scored."""
    found, total = synth["making"]["scores_before"], sum(synth["making"]["scores_before"].values())
    return [_line("", label, num, total, [Segment("train", 0, num)]) for label, num in sorted(found.items())]


def summary(synth: Synth | None) -> str:
    """The made rows in a paragraph, for the model card; empty where none were made."""
    if synth is None:
        return ""
    made, joined = synth["rows"]["num_rows"], synth["rows"]["num_joined"]
    tried, _, _ = totals(synth)
    scorer = synth["making"]["scorer"]
    judged = (
        f" They were scored by {scorer['name']}, at least {mark(synth['making']['min_score'])} of 5." if scorer else ""
    )
    return (
        f"{count(made)} of the {count(joined, 'row')} trained on are synthetic, {part(made, joined)}: written by "
        f"{writer(synth)} from the others, {count(made)} of {count(tried, 'candidate')} kept.{judged} {apart(synth)}"
    )


def _named(model: Mapping[str, Any]) -> str:
    served = "served from a GGUF on the same machine" if model["served"] == "embedded" else "a server, by its own word"
    digest = f", SHA-256 {model['file_sha256'][:12]}" if model["file_sha256"] else ""
    return f"{model['name']} ({served}{digest})"


def _or_none(value: float | None, say: Say) -> str:
    return "-" if value is None else say(value)


def _line(kind: str, label: str, num: int, whole: int, bar: list[Segment]) -> Page:
    return {"kind": kind, "label": label, "count": f"{num:,}", "share": part(num, whole),
            "bar": figures.strip(bar, whole)}  # fmt: skip
