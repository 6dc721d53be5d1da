"""Rows of a diagnosis, through `prepare`'s own reading and checks: what it would drop of them, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.engines.diagnosing.boundary import FORMS, STUMBLED, why
from jobs.engines.diagnosing.looking import Looked
from jobs.logic.diagnosing import kinds
from jobs.logic.diagnosing.rows_seen import RowsSeen
from jobs.logic.pages.funnel import DEPARTURES
from jobs.logic.row import Row
from jobs.logic.rows.reasons import BAD_REASONS, DUPLICATE, NEAR_DUPLICATE

Survey = Callable[[Sequence[Path], Sequence[Path]], Mapping[str, Any]]
"""Files of rows, and files that are held against them: the facts of `prepare` on them, as its record has them."""
FirstRows = Callable[[Sequence[Path], int], Sequence[Row]]
"""Files of rows, and a number, to so many first rows of each as `prepare` reads them."""
NUM_FIRST = 20_000
"""Rows of each file that answers are held against."""
FILES_KEY = "prepare.files"
"""What `prepare` calls them, and nobody wrote here."""


@dataclass(frozen=True)
class RowFilesSeen:
    """What the rows are, and what became of their files."""

    looked: Looked
    train_rows: RowsSeen | None
    held_out_rows: RowsSeen | None


def read(looked: Looked, survey: Survey) -> RowFilesSeen:
    """Both sides. A file that cannot be read is a line in `looked`, and the others are read without it."""
    looked, of_held_out = _side(looked, kinds.HELD_OUT, looked.of(kinds.HELD_OUT), (), survey)
    looked, of_train = _side(looked, kinds.ROWS, looked.of(kinds.ROWS), looked.of(kinds.HELD_OUT), survey)
    return RowFilesSeen(looked, of_train, of_held_out)


def _side(
    looked: Looked, kind: str, paths: Sequence[Path], others: Sequence[Path], survey: Survey
) -> tuple[Looked, RowsSeen | None]:
    if not paths:
        return looked, None
    facts = _surveyed(paths, others, survey)
    if not isinstance(facts, str):
        return looked, seen(paths, facts, bool(others))
    if len(paths) == 1:
        return looked.unreadable(paths[0], kind, facts), None
    why = {path: alone for path in paths if isinstance(alone := _surveyed([path], others, survey), str)}
    for path, alone in (why or {paths[0]: facts}).items():
        looked = looked.unreadable(path, kind, alone)
    left = [path for path in paths if path not in (why or paths)]
    return _side(looked, kind, left, others, survey)


def _surveyed(paths: Sequence[Path], others: Sequence[Path], survey: Survey) -> Mapping[str, Any] | str:
    """The facts, or why there are none."""
    try:
        return survey(paths, others)
    except STUMBLED as error:
        return why(error, FORMS[kinds.ROWS]).removeprefix(f"{FILES_KEY}: ")


def seen(paths: Sequence[Path], facts: Mapping[str, Any], has_other_side: bool) -> RowsSeen:
    """From the facts of `prepare` on these rows alone; files are called as they were given."""
    dropped: dict[str, int] = dict(facts["dropped"])
    examples: dict[str, list[tuple[str, int, str]]] = {}
    labels = [one["label"] for one in facts["files"]]
    given = dict(zip(labels, map(str, paths), strict=False)) if len(labels) == len(paths) else {}
    for one in facts["examples"]:
        file = given.get(one["file"], one["file"])
        examples.setdefault(one["reason"], []).append((file, one["line"], one["evidence"]))
    belonging = facts["belonging"]
    lengths = facts["lengths"].get("assistant", [0] * 5)
    return RowsSeen(
        files=tuple(map(str, paths)),
        num_rows=facts["num_read"],
        num_unreadable=sum(dropped.get(reason, 0) for reason in BAD_REASONS),
        dropped=dropped,
        examples={reason: tuple(found) for reason, found in examples.items()},
        mojibake=dropped.get("mojibake", 0) + facts["changed"].get("mojibake", 0),
        departing=sum(dropped.get(reason, 0) for reason in DEPARTURES),
        num_exact_duplicates=dropped.get(DUPLICATE, 0),
        num_near_duplicates=dropped.get(NEAR_DUPLICATE, 0),
        num_contradicting=facts["num_contradictory"],
        belonging_p=belonging.get("p"),
        belonging_says=belonging["word"],
        num_in_other_side=sum(facts["evaluation"].values()) if has_other_side else None,
        languages=facts["languages"],
        num_refusals=dropped.get("refusal", 0),
        num_cut=dropped.get("cut-off", 0),
        num_thoughts=facts["seen"].get("thoughts", 0),
        answer_chars=(lengths[1], lengths[2], lengths[3]),
        num_tokens_longest=None,
        num_above={},
        num_distinct_answers=facts["num_distinct_answers"],
    )


def first_rows(looked: Looked, first: FirstRows) -> Sequence[Row]:
    """Rows that were trained on, the first of each file; none where they cannot be read again."""
    paths = looked.of(kinds.ROWS)
    if not paths:
        return ()
    try:
        return first(paths, NUM_FIRST)
    except STUMBLED:  # of files that `read` could read one by one, and says so where it could not
        return ()
