"""The data in the report: what was read, dropped and why, put right, kept, split, how long, in which language.

`facts` is stage to facts as plain data; a page is plain data for the template, with figures as finished SVG.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jobs.logic.pages import belonging, figures
from jobs.logic.pages.amounts import by_count, part, size
from jobs.logic.pages.figures import Segment, Side
from jobs.logic.pages.funnel import groups
from jobs.logic.row import shown

Facts = Mapping[str, Mapping[str, Any]]
Prepare = Mapping[str, Any]
Page = dict[str, Any]
NOTE = "What was read, what was dropped and why, what was put right, and what was trained on and held out."
GROUP_NOTES = {
    "not a conversation": "Broken or incomplete: there is no conversation to learn from.",
    "unfit": "Spoiled: nobody would want the model to learn it.",
    "departs from the set": "Sound by itself, but not like the rest of the set in form, length or language.",
    "duplicate": "Says what an earlier row says, word for word or nearly.",
    "in evaluation": "Overlaps with a row that the model is to be judged by.",
}
MAX_LANGUAGES, MAX_LABELS, MAX_FILES = 8, 12, 20
DIGEST = 12
"""Characters of a digest that tell files apart for people."""


def page(facts: Facts) -> Page | None:
    """The whole section; None where there is nothing to tell of."""
    prepare, figure = facts.get("prepare"), tokens(facts)
    if prepare is None:
        return {"note": NOTE, "rows": None, "figures": [figure]} if figure else None
    drawn = [one for one in (answers(prepare), figure) if one]
    return {"note": f"{NOTE} {belonging.of_rows(prepare['belonging'])}", "rows": rows(prepare), "figures": drawn}


def rows(prepare: Prepare) -> Page:
    """Everything but the figures."""
    kept = prepare["num_train"] + prepare["num_val"]
    return {
        "funnel": funnel(prepare),
        "dropped": dropped(prepare),
        "changed": counted(prepare["changed"], prepare["num_read"]),
        "seen": counted(prepare["seen"], kept),
        "languages": languages(prepare),
        "split": split(prepare),
        "files": files(prepare),
        "evaluation": [{"label": label, "count": f"{n:,}"} for label, n in sorted(prepare["evaluation"].items())],
    }


def funnel(prepare: Prepare) -> list[Page]:
    """Rows read; each group taken off the end of what was left; rows kept, on both sides of the split."""
    read, train, val = prepare["num_read"], prepare["num_train"], prepare["num_val"]
    left = read
    lines = [_line("read", "rows read", read, read, [Segment("rest", 0, read)])]
    for group in groups(prepare["dropped"]):
        left -= group.count
        bar = [Segment("left", 0, left), Segment("dropped", left, left + group.count)]
        lines.append(_line("dropped", group.label, group.count, read, bar))
    train_side, val_side = Segment("train", 0, train), Segment("val", train, train + val)
    return [
        *lines,
        _line("kept", "rows kept", train + val, read, [train_side, val_side]),
        _line("side", "train", train, read, [train_side]),
        _line("side", "validation", val, read, [val_side]),
    ]


def _line(kind: str, label: str, count: int, whole: int, bar: Sequence[Segment]) -> Page:
    """One line with a bar: `whole` is the full width of the bar and what the share is of."""
    return {"kind": kind, "label": label, "count": f"{count:,}", "share": part(count, whole),
            "bar": figures.strip(bar, whole)}  # fmt: skip


def dropped(prepare: Prepare) -> list[Page]:
    """Each group with its reasons, and of each reason a few rows as they were found."""
    found = groups(prepare["dropped"])
    most = max((count for group in found for _, count in group.reasons), default=0)
    examples: dict[str, list[Page]] = {}
    for one in prepare["examples"]:
        place = f"{one['file']}:{one['line']}"
        examples.setdefault(one["reason"], []).append(
            {"id": one["id"] if one["id"] != place else "", "place": place, "evidence": one["evidence"]}
        )
    return [
        {
            "label": group.label, "note": GROUP_NOTES.get(group.label, ""), "count": f"{group.count:,}",
            "reasons": [
                {
                    "label": reason, "count": f"{count:,}", "share": part(count, prepare["num_read"]),
                    "bar": figures.strip([Segment("dropped", 0, count)], most),
                    "examples": examples.get(reason, []),
                }
                for reason, count in group.reasons
            ],
        }
        for group in found
    ]  # fmt: skip


def counted(counts: Mapping[str, int], whole: int) -> list[Page]:
    """Words with their rows, the most first."""
    return [{"label": label, "count": f"{count:,}", "share": part(count, whole)} for label, count in by_count(counts)]


def languages(prepare: Prepare) -> list[Page]:
    """Rows by language, the most first; the rare ones together."""
    ranked, total = by_count(prepare["languages"]), sum(prepare["languages"].values())
    rest = ranked[MAX_LANGUAGES:]
    most = ranked[:MAX_LANGUAGES] + ([(f"{len(rest)} more", sum(n for _, n in rest))] if rest else [])
    own = prepare["set_language"]
    return [_line("own" if code == own else "", code, n, total, [Segment("train", 0, n)]) for code, n in most]


def split(prepare: Prepare) -> Page:
    """Each label's rows on both sides where rows carry labels, those with the most rows first."""
    ranked = sorted(prepare["labels"].items(), key=lambda item: (-sum(item[1]), item[0]))
    rest = [counts for _, counts in ranked[MAX_LABELS:]]
    lines = [("all rows", [prepare["num_train"], prepare["num_val"]]), *ranked[:MAX_LABELS]] if ranked else []
    if rest:
        lines.append((f"{len(rest)} more labels", [sum(side) for side in zip(*rest, strict=True)]))
    return {"sides": [_sides(shown(label), *counts) for label, counts in lines], "digest": prepare["split_digest"]}


def _sides(label: str, train: int, val: int) -> Page:
    both = train + val
    bar = figures.strip([Segment("train", 0, train), Segment("val", train, both)], both)
    return {"label": label, "train": f"{train:,}", "val": f"{val:,}", "share": part(val, both), "bar": bar}


def files(prepare: Prepare) -> Page:
    """What was read, and what was noticed about the files themselves."""
    most = prepare["files"][:MAX_FILES]
    ignored = [(label, ", ".join(names)) for label, names in prepare["ignored_columns"].items() if names]
    return {
        "rows": [
            {
                "label": one["label"], "format": one["format"], "shape": one["shape"], "count": f"{one['num_rows']:,}",
                "size": size(one["num_bytes"]), "digest": one["sha256"][:DIGEST],
            }
            for one in most
        ],
        "more": len(prepare["files"]) - len(most),
        "notes": [
            *((f"columns not read in {label}", names) for label, names in ignored),
            *(("byte-order mark at the beginning of", label) for label in prepare["byte_order_marks"]),
            *(("lines that end in lone carriage returns in", label) for label in prepare["lone_returns"]),
        ],
    }  # fmt: skip


def answers(prepare: Prepare) -> Page | None:
    """Lengths of the answers on both sides of the split."""
    found, quantiles = prepare["answer_lengths"], prepare["lengths"].get("assistant")
    sides = [Side("train", "train", found["train"]), Side("validation", "val", found["val"])]
    svg = figures.compared(found["edges"], sides, "characters an answer")
    if not svg:
        return None
    said = f" Half have at most {quantiles[2]:,}, the longest has {quantiles[4]:,}." if quantiles else ""
    note = f"on a scale where equal steps are equal factors; the area of a side is all of its rows.{said}"
    return {"svg": svg, "title": "Answer lengths:", "note": note}


def tokens(facts: Facts) -> Page | None:
    """Row lengths in tokens against the limit."""
    preflight = facts.get("preflight")
    if preflight is None or not preflight["lengths"]["bins"]:
        return None
    found, limit = preflight["lengths"], preflight["max_length"]
    edges = [float(i * found["bin_width"]) for i in range(len(found["bins"]) + 1)]
    svg = figures.bars(edges, found["bins"], float(limit), "tokens a row", f"limit {limit:,}")
    beyond = "" if limit <= edges[-1] else f" The limit is {limit:,}."
    note = f"half of the rows have at most {found['p50']:,} tokens, the longest has {found['longest']:,}.{beyond}"
    return {"svg": svg, "title": "Row lengths:", "note": note}


def summary(facts: Facts) -> str:
    """The data in a paragraph, for the model card; empty where `prepare` was not made."""
    prepare = facts.get("prepare")
    if prepare is None:
        return ""
    read, train, val = prepare["num_read"], prepare["num_train"], prepare["num_val"]
    found = groups(prepare["dropped"])
    why = [f"{group.label} {group.count:,} ({_listed(group.reasons)})" for group in found]
    spoken = [f"{row['label']} {row['share']}" for row in languages(prepare)]
    said = [
        f"{read:,} rows were read and {train + val:,} kept: {train:,} to train on, {val:,} held out.",
        f"Dropped were {sum(group.count for group in found):,}: {'; '.join(why)}." if why else "None was dropped.",
        f"Languages of the answers: {', '.join(spoken)}." if spoken else "",
        f"Put right and kept: {_listed(by_count(prepare['changed']))}." if any(prepare["changed"].values()) else "",
    ]
    return " ".join(sentence for sentence in said if sentence)


def _listed(counts: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{label} {count:,}" for label, count in counts)
