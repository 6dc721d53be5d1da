"""Do answers belong to their prompts: those of the rows, and those that a model generates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from jobs.core.model import StrictModel
from jobs.core.rule import Measured, Skip
from jobs.logic.pages.amounts import beside, count, number, p_value, percent, score
from jobs.logic.rows.shifted import LEAST_SHIFTED


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
    num_alone: int
    """Rows whose answer matches one other prompt, which matches no other answer as well, and hardly any third."""
    shift: int
    """How many rows further the prompts are that answers match instead of their own; 0 for none."""

    def __str__(self) -> str:
        return (
            f"{percent(self.own)} of an answer's rare letters stand in its prompt, {percent(self.other)} in others' "
            f"(z {number(self.z)}, p {p_value(self.p)}, {count(self.num_rows, 'row')})"
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
        where = f"{count(abs(found.shift), 'row')} {'below' if found.shift > 0 else 'above'}"
        yield f"answers match the prompts {where} their own, 0 rows off is expected: {found}"
    else:
        yield (
            f"{found}; {count(found.num_displaced)} of {count(found.num_rows, 'answer')} look like another row's "
            f"prompt and not like their own, {count(found.num_alone)} like one and no other; at most a few do by chance"
        )


def some_of_other_prompts(facts: Any, limits: Any) -> Iterator[str]:
    """Some answers look like those of other rows' prompts, where most belong to their own.

    Why: two files of which one was joined wrongly, or a part that was sorted by itself, teach for these rows to answer
    something else; most rows hide it from every mean.
    Fix: join prompts and answers of that part again, by an id; nothing where rows are about one text and say the same.
    """
    found = facts.belonging
    if found.word != "belong":
        raise Skip("a rule of its own says what is wrong, or that nothing can be said")
    share = found.num_alone / found.num_rows
    if found.num_alone >= LEAST_SHIFTED and not share <= limits.max_alone_share:
        shown, most = beside(share, limits.max_alone_share, percent)
        yield (
            f"{count(found.num_alone)} of {count(found.num_rows, 'answer')} match another row's prompt and no other as "
            f"well, {shown}, the most is {most}"
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
        yield f"cannot say: {found}; by more rows: prepare.belonging.num_rows={4 * found.num_rows}"


class AnswersBelonging(StrictModel):
    """Whether the answers of one model under one prompt go with their own references or with any."""

    measure: Literal["classes", "short answers", "texts"]
    """What is compared: equal names of classes; short answers by single letters and as a whole; texts, and code, by
    pieces of three letters. What is rare counts for more."""
    own: float
    """Mean agreement with the row's own reference, 0 to 1."""
    other: float
    """With the references in another order."""
    z: float
    p: float
    least_p: float
    """What a model would have that gets every reference right."""
    some: float
    power: float
    """How often a model would be seen that gets the share `some` of the rows right."""

    def __str__(self) -> str:
        return f"own references {score(self.own)}, others' {score(self.other)} (p {p_value(self.p)}, {self.measure})"


def answers_ignore_prompts(facts: Any, limits: Any) -> Iterator[str]:
    """Answers go with their own held-out references no better than with those of other rows.

    Why: a model that has learnt the form of the answers and not what is asked passes every other test of its text.
    Fix: see that every training answer belongs to its prompt (`prepare` says what it can); train longer, or on more
    rows; where only a quant does it, take a larger type.
    """
    for one in _judged(facts):
        found = one.belonging
        if _has_power(found, limits) and not found.p <= limits.max_p:
            p, most = beside(found.p, limits.max_p, p_value)
            text = (
                f"{one.label}: agreement {score(found.own)} with their own references, {score(found.other)} with those "
                f"of other rows (by {found.measure}, {count(one.num_rows, 'row')}): p {p}, the most is {most}"
            )
            yield Measured(text, found.p, limits.max_p, worst=1.0)


def prompts_not_shown_to_matter(facts: Any, limits: Any) -> Iterator[str]:
    """The held-out rows cannot show whether answers go with their prompts.

    Why: where references are equal, or few, any order of them does as well: a model that ignores what it is asked would
    not be found.
    Fix: hold out more rows in `prepare`, or raise smoke.num_rows.
    """
    for one in _judged(facts):
        found = one.belonging
        if not _has_power(found, limits) and not found.p <= limits.max_p:
            yield (
                f"{one.label}: {count(one.num_rows, 'row')} are too few to say: p {p_value(found.p)}, where a model "
                f"that gets all right would have {p_value(found.least_p)} and the most is {p_value(limits.max_p)}; one "
                f"that gets {percent(found.some)} right would be seen {percent(found.power)} of the time, the least is "
                f"{percent(limits.min_power)}"
            )


def _judged(facts: Any) -> Any:
    if not facts.judged:
        raise Skip("no answers were generated")
    return facts.judged


def _has_power(found: AnswersBelonging, limits: Any) -> bool:
    return bool(found.least_p <= limits.max_p and found.power >= limits.min_power)
