"""Causes in the rows (CAU0xx): what `prepare` would have dropped or refused, found in what was trained on."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.logic.diagnosing.cause import (
    Link,
    Outcome,
    Place,
    cause,
    consistent,
    measured,
    not_checked,
    proven,
    ruled_out,
)
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.rows_seen import RowsSeen
from jobs.logic.pages.amounts import count, p_value, part
from jobs.logic.rows.reasons import TAG_REASONS

ROWS, HELD_OUT = "the rows that were trained on", "the rows that were held out"
CONTAMINATION = (
    *TAG_REASONS, "control-token", "think-tag", "invisible", "empty-answer", "empty-prompt", "repeated-character",
    "repeated-phrase", "odd-form", "placeholder",
)  # fmt: skip
"""Reasons for which a row teaches a form that nobody wants."""
MANY, FEW = 0.05, 0.01
"""Share of the rows from which on a fault is the set's, and below which it is what `prepare` finds in good sets."""
TOO_FEW = 50
MOST_PLACES = 5


def share(rows: RowsSeen, reasons: Sequence[str]) -> tuple[int, list[str]]:
    """How many rows have one of these reasons, and the reasons, the most frequent first."""
    found = sorted(((rows.dropped.get(name, 0), name) for name in reasons), reverse=True)
    return sum(num for num, _ in found), [f"{name} {num:,}" for num, name in found if num]


def places(rows: RowsSeen, reasons: Sequence[str]) -> list[Place]:
    """Some of the rows that have one of these reasons."""
    found = [(file, line) for name in reasons for file, line, _ in rows.examples.get(name, ())]
    return [Place(file, row=line) for file, line in found[:MOST_PLACES]]


def judged(rows: RowsSeen | None, reasons: Sequence[str], what: str, relative: Sequence[str] = ()) -> Outcome:
    """By the share of rows that have one of these reasons: proven, merely consistent, or ruled out.

    `relative` are those that a row has beside the rest of its set alone: they prove nothing of a set of many tasks.
    """
    if rows is None or not rows.num_rows:
        return not_checked(ROWS)
    num, names = share(rows, reasons)
    text = f"{num:,} of {count(rows.num_rows, 'row')} ({part(num, rows.num_rows)}) {what}"
    if num - share(rows, relative)[0] >= MANY * rows.num_rows:
        return proven(f"{text}: {', '.join(names[:4])}", places=places(rows, reasons))
    if num > FEW * rows.num_rows:
        return consistent(f"{text}: {', '.join(names[:4])}", decides=("training on the others alone",))
    return ruled_out(text)


@cause(
    "001", "contaminated-rows", Link.ROWS, symptoms=("tags-in-answers", "loops", "punctuation", "wrong-format"),
    shows="prepare", separates="smoke", rules=("DAT008", "DAT009", "DAT023"),
)  # fmt: skip
def contaminated_rows(evidence: Evidence) -> Outcome:
    """A part of the rows has tags, unfilled forms, repeated signs or markup where an answer should be.

    Why: a model learns every form that its rows have; in v1 28 % were rows of tags, and answers fell into them and
        into repeated signs.
    Fix: let `make prepare` drop them, and look at its funnel for what went; mend where they were written.
    Seen in: the post-mortem of noteAI v1; made in tests/faults.
    """
    return judged(evidence.train_rows, CONTAMINATION, "are spoiled", relative=("odd-form",))


@cause(
    "002", "wrongly-decoded-rows", Link.ROWS, symptoms=("garbage",), shows="prepare", separates="smoke",
    rules=("DAT010",),
)  # fmt: skip
def wrongly_decoded_rows(evidence: Evidence) -> Outcome:
    """Rows were decoded with the wrong encoding, so that their letters are others.

    Why: the model learns to write what no reader can read.
    Fix: read the source again with its own encoding (prepare.encoding=...); what lost bytes cannot be put right.
    Seen in: made in tests/faults.
    """
    rows = evidence.train_rows
    if rows is None or not rows.num_rows:
        return not_checked(ROWS)
    text = f"{rows.mojibake:,} of {count(rows.num_rows, 'row')} ({part(rows.mojibake, rows.num_rows)}) are mojibake"
    if rows.mojibake >= MANY * rows.num_rows:
        return proven(text, places=places(rows, ("mojibake",)))
    if rows.mojibake > FEW * rows.num_rows:
        return consistent(text, decides=("training on the others alone",))
    return ruled_out(text)


@cause(
    "003", "answers-of-other-prompts", Link.ROWS, symptoms=("nothing-learnt", "wrong-format"), shows="prepare",
    separates="prepare", rules=("DAT021", "DAT036", "GEN015"), explains=("CAU004",),
)  # fmt: skip
def answers_of_other_prompts(evidence: Evidence) -> Outcome:
    """Answers stand beside prompts that are not theirs.

    Why: a sorted column or a row lost in one of two files moves answers to other prompts. Form is learnt and nothing
        else, and the training loss falls all the same: curves never acquit data.
    Fix: join prompts and answers again, by an id.
    Seen in: trainproof's measurement (shuffled labels lowered the training loss by 62 %); made in tests/faults.
    """
    rows = evidence.train_rows
    if rows is None or not rows.num_rows:
        return not_checked(ROWS)
    p = "" if rows.belonging_p is None else f" (permutation test, p {p_value(rows.belonging_p)})"
    if rows.belonging_says == "do not belong":
        return measured(f"answers share rare letters with other prompts and not with their own{p}")
    if rows.belonging_says == "belong":
        return ruled_out(f"answers share rare letters with their own prompts more than with others{p}")
    return not_checked("rows whose answers share letters with their prompts", "generated answers beside references")


@cause(
    "004", "contradictory-answers", Link.ROWS, symptoms=("nothing-learnt", "garbage"), shows="prepare",
    separates="prepare", rules=("DAT013",),
)  # fmt: skip
def contradictory_answers(evidence: Evidence) -> Outcome:
    """The same prompt has answers that differ.

    Why: the model learns a mixture of both, and the loss cannot fall below it. Sets of several good answers to a prompt
        are meant so; labels and facts are not.
    Fix: keep one answer a prompt, or say in the prompt what tells them apart.
    Seen in: made in tests/faults.
    """
    rows = evidence.train_rows
    if rows is None or not rows.num_rows:
        return not_checked(ROWS)
    num = rows.num_contradicting
    text = f"{num:,} of {count(rows.num_rows, 'row')} ({part(num, rows.num_rows)}) ask what other rows answer otherwise"
    if num >= 2 * MANY * rows.num_rows and rows.answers_are_labels:
        return proven(f"{text}; answers are {count(rows.num_distinct_answers or 0, 'label')}")
    if num >= MANY * rows.num_rows:
        return consistent(text, decides=("whether several answers are meant",))
    return ruled_out(text)


@cause(
    "005", "leak-across-split", Link.ROWS, symptoms=("memorised", "loss-suspiciously-low"), shows="prepare",
    separates="prepare", rules=("DAT001",),
)  # fmt: skip
def leak_across_split(evidence: Evidence) -> Outcome:
    """Held-out rows stand among the training rows, exactly or nearly.

    Why: validation then rewards learning by heart, early stopping comes too late, and every figure is too good.
    Fix: split by source and by likeness, as `make prepare` does, before anything else.
    Seen in: made in tests/faults.
    """
    train, held_out = evidence.train_rows, evidence.held_out_rows
    if train is None or not train.num_rows:
        return not_checked(ROWS, *([] if held_out else [HELD_OUT]))
    if held_out is None or not held_out.num_rows or train.num_in_other_side is None:
        return not_checked(HELD_OUT)
    num, of = train.num_in_other_side, held_out.num_rows
    if num:
        text = f"{count(num, 'training row')} ask what held-out rows ask, of which there are {of:,} ({part(num, of)})"
        return proven(text) if num >= max(2, MANY * of) else measured(text)
    if unread := train.num_unreadable + held_out.num_unreadable:
        return not_checked(f"{count(unread, 'row')} of either side that cannot be read")
    return ruled_out(f"none of {count(train.num_rows, 'training row')} asks what one of {of:,} held-out rows asks")


@cause(
    "006", "two-languages", Link.ROWS, symptoms=("wrong-language",), shows="prepare", separates="smoke",
    rules=("DAT017",),
)  # fmt: skip
def two_languages(evidence: Evidence) -> Outcome:
    """A part of the answers is in another language than the rest, where their prompts do not ask for it.

    Why: the model answers in either, by chance.
    Fix: drop those rows (`make prepare` does), or ask for the language in their prompts.
    Seen in: made in tests/faults.
    """
    return judged(evidence.train_rows, ("other-language",), "answer in another language than the set")


@cause(
    "007", "refusals-in-rows", Link.ROWS, symptoms=("refusals",), shows="prepare", separates="smoke", rules=("DAT008",),
)  # fmt: skip
def refusals_in_rows(evidence: Evidence) -> Outcome:
    """A part of the answers declines what was asked.

    Why: refusals are short, alike and cheap to learn, so they spread to what should be answered.
    Fix: drop them (`make prepare` does); keep those that state a rule and another way.
    Seen in: made in tests/faults.
    """
    return judged(evidence.train_rows, ("refusal",), "decline")


@cause(
    "008", "cut-answers-in-rows", Link.ROWS, symptoms=("cut-answers", "does-not-stop"), shows="prepare",
    separates="preflight", rules=("DAT008",),
)  # fmt: skip
def cut_answers_in_rows(evidence: Evidence) -> Outcome:
    """A part of the answers breaks off in the middle of a sentence.

    Why: what wrote them ran into a limit of tokens; the model learns to stop there too.
    Fix: write them again with a higher limit, or let `make prepare` drop them.
    Seen in: made in tests/faults.
    """
    return judged(evidence.train_rows, ("cut-off",), "break off")


@cause(
    "009", "too-few-rows", Link.ROWS, symptoms=("nothing-learnt", "memorised"), shows="prepare", separates="prepare",
    rules=("DAT004", "DAT005"),
)  # fmt: skip
def too_few_rows(evidence: Evidence) -> Outcome:
    """There are too few rows to learn a task from, or to see whether it was learnt.

    Why: below some fifty rows, held-out ones included, neither a form nor its exceptions are shown often enough.
    Fix: more rows; `make synth` makes them from those there are.
    Seen in: made in tests/faults.
    """
    rows = evidence.train_rows
    if rows is None:
        return not_checked(ROWS)
    good = rows.num_rows - sum(rows.dropped.values())
    text = f"{count(good, 'row')} can be learnt from"
    return consistent(text, decides=("training on more rows",)) if good < TOO_FEW else ruled_out(text)
