"""Do answers belong to their prompts: those of the rows, and those that a model generates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from jobs.core.model import StrictModel
from jobs.core.rule import Skip


class RowsBelonging(StrictModel):
    """What the letters that answers share with prompts say."""

    word: Literal["belong", "do not belong", "cannot say"]
    num_rows: int
    own: float
    """Mean share of an answer's rare letters (pieces of three) that stand in its own prompt."""
    other: float
    """The same with the answers in another order."""
    z: float
    p: float
    num_displaced: int
    """Rows whose answer looks like that of another row's prompt, and not of its own."""
    shift: int
    """How many rows further the prompts are that answers match instead of their own; 0 for none."""

    def __str__(self) -> str:
        return (
            f"{self.own:.1%} of an answer's rare letters stand in its own prompt, {self.other:.1%} in another's "
            f"(z {self.z:.1f}, p {self.p:.3f}, {self.num_rows:,} rows)"
        )


def answers_of_other_prompts(facts: Any, limits: Any) -> Iterator[str]:
    """Answers do not belong to their prompts.

    Why: a sorted column, a join by place or a row lost in one of two files moves answers to other prompts. Training on
    them goes well by its loss, and teaches to answer in the right form, whatever is asked.
    Fix: join prompts and answers again, by an id; look whether a line is missing in one of the files.
    """
    found = facts.belonging
    if found.word != "do not belong":
        return
    if found.shift:
        where = f"{abs(found.shift)} row{'s' if abs(found.shift) > 1 else ''} {'below' if found.shift > 0 else 'above'}"
        yield f"answers match the prompts {where} their own, 0 rows off is expected: {found}"
    else:
        yield (
            f"{found}; {found.num_displaced} of {found.num_rows} answers look like another prompt's and not like "
            "their own, the most is what chance gives"
        )


def belonging_not_shown(facts: Any, limits: Any) -> Iterator[str]:
    """The rows do not show whether answers belong to their prompts.

    Why: labels, translations and numbers share no letters with what is asked, so rows in the wrong order look alike.
    Fix: nothing where that is the task; `smoke` decides by what the model answers. Look at a few rows of train.jsonl.
    """
    found = facts.belonging
    if not found.num_rows:
        raise Skip("there are no rows")
    if found.word == "cannot say":
        yield f"cannot say: {found}"
