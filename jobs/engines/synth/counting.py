"""What is in the files that `synth` wrote: read again, with nothing remembered of how they were made."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from jobs.engines.synth import vetting
from jobs.engines.synth.vetting import VettingOptions
from jobs.logic.row import Message, shown
from jobs.logic.rows.reasons import DUPLICATE, NEAR_DUPLICATE
from jobs.logic.synth import diversity as varied, funnel, seeds
from jobs.logic.synth.candidate import ARMS, Made, Plan, Seed, Settled
from jobs.logic.synth.forms import Forms
from jobs.logic.synth.overlap import counts_characters
from jobs.logic.text import private

SHOWN_ROWS, SHOWN_DROPPED = 10, 3
"""Made rows in the report, and candidates of each reason."""
LONGEST_SHOWN = 600
"""Characters of a prompt or an answer in the report."""
HELD_OUT = ("near-held-out", "in-evaluation")
NEAR = (DUPLICATE, NEAR_DUPLICATE)

Entry = Mapping[str, Any]


def counted(out: Path, prepared: Path, options: VettingOptions, scratch: Path, num_candidates: int) -> dict[str, Any]:
    """The part of the stage's facts that follows from its files and those of `prepare`."""
    rows, dropped = list(_entries(out / "rows.jsonl")), list(_entries(out / "dropped.jsonl"))
    before = list(_entries(prepared / "train.jsonl"))
    ends = [_settled(entry) for entry in (*rows, *dropped)]
    found = funnel.funnel(ends) if _each_once(ends) else {"methods": {}}
    there, made = [_seed(entry) for entry in before], [_seed(entry) for entry in rows]
    by_characters = counts_characters([text for row in there for text in (row.prompt, row.answer)])
    novelty = [one.novelty for one in ends if one.row is not None and one.novelty is not None]
    arms = seeds.arms(ends)
    return {
        "taken": [
            {"method": method, "arm": arm, **counts}
            for method, by_arm in found["methods"].items()
            for arm, counts in by_arm.items()
        ],
        "arms": [{"arm": arm, **arms[arm]} for arm in ARMS if arms[arm]["tried"]],
        "differences": [
            {"measure": name, **values} for name, values in arms["difference"].items() if values["mean"] is not None
        ],
        "rows": made_rows(rows, dropped, before, _entries(out / "train.jsonl"), num_candidates)
        | again(out / "rows.jsonl", prepared, options, scratch)
        | {"held_out_parents": _held_out_parents(rows, prepared / "val.jsonl")},
        **_varied(there, made, by_characters),
        "novelty": statistics.median(novelty) if novelty else None,
        "unparsable": funnel.unparsable(ends)["samples"],
        "examples": [*examples(rows, SHOWN_ROWS), *examples(dropped, SHOWN_DROPPED)],
    }


def made_rows(
    rows: Sequence[Entry], dropped: Sequence[Entry], before: Sequence[Entry], joined: Iterator[Entry], candidates: int
) -> dict[str, Any]:
    """Whether rows are where they belong and are what they say."""
    sources = {str(row["id"]): row.get("source") for row in (*before, *rows)}
    ids = Counter(str(entry["id"]) for entry in (*rows, *dropped))
    twice = sum(count - 1 for count in ids.values())
    expected = [*map(_as_trained, before), *map(_as_trained, rows)]
    trained = [_as_trained(row) for row in joined]
    parents = [entry["made"]["parents"] for entry in rows]
    return {
        "num_rows": len(rows),
        "num_joined": len(trained),
        "not_joined": sum(one != other for one, other in zip(expected, trained, strict=False)),
        "unknown_parents": sum(not named or any(one not in sources for one in named) for named in parents),
        "other_sources": sum(
            bool(named) and sources.get(named[0], row["source"]) != row["source"]
            for named, row in zip(parents, rows, strict=True)
        ),
        "unaccounted": twice + abs(candidates - len(ids)),
    }


def again(rows: Path, prepared: Path, options: VettingOptions, scratch: Path) -> dict[str, Any]:
    """The row checks, asked again of every made row."""
    found = vetting.measure(rows, prepared, options, scratch).faults
    return {
        "unclean": {reason: num for reason, num in found.items() if reason not in (*HELD_OUT, *NEAR)},
        "near_held_out": sum(found.get(reason, 0) for reason in HELD_OUT),
        "near_others": sum(found.get(reason, 0) for reason in NEAR),
    }


def examples(entries: Sequence[Entry], most: int) -> list[dict[str, Any]]:
    """Some from all over the entries: of made rows `most`, of dropped ones `most` of each reason."""
    by_reason: dict[str, list[Entry]] = {}
    for entry in entries:
        by_reason.setdefault(str(entry.get("reason", "")), []).append(entry)
    found = []
    for reason, some in sorted(by_reason.items()):
        step = max(1, len(some) // most)
        found += [_example(entry, reason) for entry in some[::step][:most]]
    return found


def _example(entry: Entry, reason: str) -> dict[str, Any]:
    said = {one["role"]: str(one["content"]) for one in entry.get("messages", ())}
    text = str(entry.get("evidence") or "") or shown(str(entry.get("raw", "")))
    return {
        "id": str(entry["id"]), "method": entry["made"]["method"], "reason": reason,
        "prompt": _cut(said.get("user", "")), "answer": _cut(said.get("assistant", "")),
        "evidence": private.masked(text), "score": entry["made"]["scores"].get("mean"),
    }  # fmt: skip


def _cut(text: str) -> str:
    masked = private.masked(text)
    return masked if len(masked) <= LONGEST_SHOWN else f"{masked[: LONGEST_SHOWN - 1]}…"


def _varied(there: Sequence[Seed], made: Sequence[Seed], by_characters: bool) -> dict[str, Any]:
    telling = _telling(there)
    found = varied.diversity(there, made, by_characters, telling)
    return {
        "before": _of_set(found["before"], found["distance"]["before"]),
        "made": _of_set(found["made"], found["distance"]["made"]),
    }


def _of_set(found: Mapping[str, Any], nearest: float | None) -> dict[str, Any]:
    return {"distinct_2": found["distinct_2"], "answer_lengths": found["answer"], "nearest": nearest}


def _telling(rows: Sequence[Seed]) -> Callable[[str], str]:
    forms = Forms([row.prompt for row in rows])
    return lambda prompt: forms.parts(prompt).telling


def _held_out_parents(rows: Sequence[Entry], held_out: Path) -> int:
    ids = {str(row["id"]) for row in _entries(held_out)}
    return sum(any(one in ids for one in row["made"]["parents"]) for row in rows)


def _each_once(ends: Sequence[Settled]) -> bool:
    numbers = [one.made.plan.number for one in ends]
    return len(numbers) == len(set(numbers))


def _settled(entry: Entry) -> Settled:
    """A candidate's end as the files have it."""
    how = entry["made"]
    plan = Plan(how["number"], how["method"], how["arm"], tuple(how["parents"]), entry.get("source"), 0, None)
    reason, mean = entry.get("reason"), how["scores"].get("mean")
    raw = str(entry.get("raw", ""))
    row = None if reason else Seed(entry["id"], entry["source"], _messages(entry), mean)
    made = Made(plan, _messages(entry) or None, reason, str(entry.get("evidence", "")), raw, tuple(how["calls"]))
    return Settled(made, reason, str(entry.get("evidence", "")), row, how["novelty"])


def read_rows(path: Path) -> list[Seed]:
    """The rows of a finished file as seeds; thoughts are left out."""
    return [_seed(entry) for entry in _entries(path)]


def _seed(entry: Entry) -> Seed:
    return Seed(str(entry["id"]), entry.get("source"), _messages(entry))


def _messages(entry: Entry) -> tuple[Message, ...]:
    return tuple(Message(one["role"], str(one["content"])) for one in entry.get("messages", ()))


def _as_trained(row: Entry) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "made"}


def _entries(path: Path) -> Iterator[Entry]:
    with path.open("rb") as file:
        yield from (orjson.loads(line) for line in file if line.strip())
