"""What a judge was asked and said, on disk: one line a call, with the judge's own words, and back again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jobs.logic.endpoints.answers import Spoken, judged as judged_answer
from jobs.logic.endpoints.calls import CALL_FAILED, Call, Sampling
from jobs.logic.judging.pairs import Choice, Judged, Pair, Verdict, chosen
from jobs.logic.judging.wording import JudgesWording
from jobs.logic.synth.scores import Scored


def write_lines(path: Path, objects: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON lines."""
    with path.open("w", encoding="utf-8", errors="surrogatepass") as file:
        for one in objects:
            file.write(json.dumps(one, ensure_ascii=False, allow_nan=False) + "\n")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines."""
    with path.open(encoding="utf-8", errors="surrogatepass", newline="\n") as file:
        return [json.loads(line) for line in file]


def calls_of(found: Mapping[str, Sequence[Judged]]) -> Iterable[dict[str, Any]]:
    """A line for every call of every list of pairs, by the list's name."""
    for name, judged in found.items():
        for one in judged:
            yield from ({"of": name, **asdict(call)} for call in one.verdicts)


def scores_of(found: Sequence[tuple[str, str, Scored]]) -> Iterable[dict[str, Any]]:
    """A line for every answer that was scored."""
    for row, which, scored in found:
        yield {"id": row, "which": which, **scored.as_dict(), "failure": scored.failure}


@dataclass(frozen=True)
class Read:
    """What the lines say of some pairs."""

    judged: list[Judged]
    unaccounted: int
    """Pairs without their calls, calls of no pair or out of turn, choices that the words beside them do not say."""


def read_calls(
    lines: Sequence[Mapping[str, Any]], pairs: Sequence[Pair], wording: JudgesWording, tries: int, asks_equal: bool
) -> Read:
    """Put verdicts together again, pair by pair; what a judge chose is read out of its own words once more."""
    by_pair: dict[str, list[Verdict]] = {pair.id: [] for pair in pairs}
    unaccounted = 0
    for line in lines:
        call = Verdict(**{name: value for name, value in line.items() if name != "of"})
        if call.pair not in by_pair:
            unaccounted += 1
            continue
        unaccounted += call.choice != said(call, wording)
        by_pair[call.pair].append(call)
    judged = []
    for pair in pairs:
        calls = by_pair[pair.id]
        if pair.first == pair.second and not asks_equal:
            unaccounted += bool(calls)
            judged.append(Judged(pair.id, ("tie", "tie")))
            continue
        orders = [[call for call in calls if call.order == order] for order in (0, 1)]
        unaccounted += any(not _in_turn(one, tries) for one in orders)
        ends: list[Choice | None] = [one[-1].choice if one else None for one in orders]
        judged.append(Judged(pair.id, (ends[0], ends[1]), tuple(calls)))
    return Read(judged, unaccounted)


def said(call: Verdict, wording: JudgesWording) -> Choice | None:
    """What the words of a call choose."""
    if call.failure == CALL_FAILED:
        return None
    if call.failure is not None and call.failure not in ("unparsable", "schema"):
        return None  # cut or declined: what its words would say was not finished
    asked = Call((), Sampling(0.0, 1.0, 1, 0), wording.schema)
    answer = judged_answer(asked, call.call_id, Spoken(call.raw, "stop"))
    return None if answer.failure is not None else chosen(answer.value["verdict"], call.order)


def grounds_of(judged: Judged, wording: JudgesWording) -> str:
    """Why, in the judge's words, of the first call that could be read."""
    for call in judged.verdicts:
        if call.choice is not None:
            return str(json.loads(call.raw).get("grounds", ""))
    return ""


def _in_turn(calls: Sequence[Verdict], tries: int) -> bool:
    """Whether tries are numbered, end with the first that was read, and end for no other reason but their number."""
    if not calls or [call.number for call in calls] != list(range(len(calls))):
        return False
    return all(call.choice is None for call in calls[:-1]) and (calls[-1].choice is not None or len(calls) == tries)
