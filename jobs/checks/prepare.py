"""What is wrong with the rows that `prepare` read and those that it kept."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.checks.belonging import answers_of_other_prompts, belonging_not_shown, some_of_other_prompts
from jobs.checks.prepare_facts import LEAKS, DataFile, Example, Histogram, PrepareFacts, counts
from jobs.checks.topics import Topic, topic_dropped
from jobs.checks.ways_out import accepted, kept_by, least_odd_share
from jobs.core.model import Limits
from jobs.core.rule import Gate, Measured, Skip
from jobs.logic.pages.amounts import beside, count, number, percent, share as share_of
from jobs.logic.pages.funnel import DEPARTURES
from jobs.logic.row import shown
from jobs.logic.rows.reasons import BETWEEN_SIDES, PERSONAL, REASONS, SECRET

__all__ = ["GATE", "DataFile", "Example", "Histogram", "PrepareFacts", "PrepareLimits", "Topic"]


class PrepareLimits(Limits):
    """Shares are of the rows read, but for those of held-out rows and answers, which are of the rows kept."""

    max_bad_share: float
    min_rows: int
    advised_rows: int
    min_val_share: float
    max_val_share: float
    enough_val_rows: int
    max_spoiled_share: float
    max_departing_share: float
    max_topic_share: float
    max_lost_share: float
    max_personal_share: float
    max_mojibake_share: float
    max_placeholder_share: float
    min_distinct_answers: int
    min_distinct_share: float
    max_contradictory_share: float
    max_alone_share: float


GATE = Gate("prepare", "DAT", PrepareFacts, PrepareLimits)


def above(found: int, rows: int, most: float, what: str = "", then: str = "") -> Iterator[str]:
    """One message where `found` are a larger share of the rows than `most`; `then` is said last."""
    share = share_of(found, rows)
    if not share <= most:
        shown, limit = beside(share, most, percent)
        of = f"{what or count(found)} {'in' if what else 'of'} {count(rows, 'row')}"
        yield Measured(f"{of} ({shown}), the most is {limit}{then}", share, most, worst=1.0)


@GATE.rule("001", "held-out-row-in-train")
def held_out_row_in_train(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """A held-out row is also in the training rows, or nearly.

    Why: every later measure is taken on held-out rows; what was trained on is recalled, so failure looks like success.
    Fix: do not edit train.jsonl or val.jsonl; make `prepare` again with redo=true; give rows of one text one `source`.
    """
    for kind, found in facts.leaks.items():
        if found:
            yield f"{count(found)} of {count(facts.num_val, 'held-out row')} {LEAKS[kind]}, the most is 0"


@GATE.rule("002", "bad-rows-over-limit", explains=("DAT004", "DAT006"))
def bad_rows_over_limit(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """Too many lines are not conversations.

    Why: broken lines come in bulk, from a cut download or a wrong export; what is left is not the set that was meant.
    Fix: mend the lines that dropped.jsonl names; or allow for them with prepare.max_bad_fraction.
    """
    yield from above(facts.num_bad, facts.num_read, limits.max_bad_share)


@GATE.rule("003", "rows-unaccounted")
def rows_unaccounted(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """Rows read are not the rows kept and dropped.

    Why: a row that vanished or came twice means that the files were cut or changed after they were written.
    Fix: make `prepare` again with redo=true; if it happens again, report it as a bug.
    """
    num_dropped = sum(facts.dropped.values())
    found = facts.num_kept + num_dropped
    if found != facts.num_read:
        made = f"{count(facts.num_kept, 'row')} kept and {count(num_dropped)} dropped make {count(found)}"
        yield f"{made}, {count(facts.num_read)} were read"


@GATE.rule("004", "too-few-rows", explains=("DAT006", "TRN008", "GEN006", "GEN010"))
def too_few_rows(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """There are not enough rows to train on.

    Why: a handful of rows is learnt by heart, and held-out measures on one or two rows say nothing.
    Fix: add rows; the reasons in dropped.jsonl may show how to save some.
    """
    if facts.num_kept < limits.min_rows:
        text = f"{count(facts.num_kept, 'row')} kept, the least is {count(limits.min_rows)}"
        yield Measured(text, facts.num_kept, limits.min_rows, worst=0.0)


@GATE.rule("005", "few-rows", level="warn", explains=("TRN008", "GEN014"))
def few_rows(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """There are fewer rows than a fine-tune should have.

    Why: with so few rows the measures on held-out rows are rough and overfitting comes quickly.
    Fix: add rows of the same kind, or expect wide confidence intervals in `verify`.
    """
    if facts.num_kept < limits.min_rows:
        raise Skip("there are too few rows anyway")
    if facts.num_kept < limits.advised_rows:
        found = f"{count(facts.num_kept, 'row')} kept, at least {count(limits.advised_rows)} are advised"
        yield f"{found}{accepted('advised_rows', facts.num_kept, 'more rows, or')}"


@GATE.rule("006", "side-without-rows")
def side_without_rows(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """There are no training rows, or no held-out rows.

    Why: without the one there is nothing to learn, without the other nothing can be judged.
    Fix: add rows of other sources, or change prepare.val_fraction.
    """
    for name, found in (("training", facts.num_train), ("held-out", facts.num_val)):
        if found < 1:
            yield f"{count(found, f'{name} row')}, the least is 1"


@GATE.rule("007", "held-out-share-off", level="warn")
def held_out_share_off(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """The held-out share of the rows is far from what is advised.

    Why: groups stay whole, so a few large sources can make one side too small to learn from or to judge by.
    Fix: change prepare.val_fraction, or split large sources where their rows are really independent.
    """
    share = share_of(facts.num_val, facts.num_kept)
    is_enough = facts.num_val >= limits.enough_val_rows
    if not (limits.min_val_share <= share or is_enough) or not share <= limits.max_val_share:
        broken = limits.max_val_share if share > limits.max_val_share else limits.min_val_share
        found, _ = beside(share, broken, percent)
        middle = number((limits.min_val_share + limits.max_val_share) / 2)
        yield (
            f"{count(facts.num_val)} of {count(facts.num_kept, 'row')} are held out ({found}), "
            f"advised are {percent(limits.min_val_share)} to {percent(limits.max_val_share)}; "
            f"to draw anew: prepare.split.val_fraction={middle}"
        )


@GATE.rule("008", "unclean-row-kept", explains=("GEN002", "GEN003", "GEN005"))
def unclean_row_kept(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """A row that should have been dropped is in train or validation.

    Why: what stands in the answers is what the model learns to write, tags and repeated signs included.
    Fix: do not edit train.jsonl or val.jsonl; make `prepare` again with redo=true.
    """
    for reason, found in facts.unclean.items():
        yield f"{count(found)} of {count(facts.num_kept, 'kept row')}: {reason}, the most is 0"


@GATE.rule("009", "spoiled-rows", level="warn", explains=("DAT020", "GEN003", "GEN005"))
def spoiled_rows(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """Many rows were unfit to learn from and were dropped.

    Why: contaminated data is the first cause of failed fine-tunes, and there may be more of it that no pattern knows.
    Fix: read dropped.jsonl, mend where the rows come from, and look at a sample of what was kept. Where the task is to
    write such things, keep them with the words that the message ends in.
    """
    found = {reason: facts.dropped[reason] for reason in REASONS if reason in facts.dropped}
    then = f": {counts(found)}{kept_by(found, facts.allowed)}"
    yield from above(facts.num_spoiled, facts.num_read, limits.max_spoiled_share, then=then)


@GATE.rule("010", "mojibake")
def mojibake(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """Many rows were decoded with the wrong encoding before they came here.

    Why: where some rows show it others hide it, such as names with a letter lost.
    Fix: export the data again in UTF-8; changed.jsonl and dropped.jsonl name the rows. If the mended ones are all
    right, allow for them with prepare.limits.max_mojibake_share.
    """
    then = accepted(
        "max_mojibake_share", share_of(facts.num_mojibake, facts.num_read), "once all mended ones are right:"
    )
    yield from above(facts.num_mojibake, facts.num_read, limits.max_mojibake_share, then=then)


@GATE.rule("011", "one-answer-only", explains=("TRN009", "GEN006"))
def one_answer_only(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """All rows have the same answer.

    Why: a model learns to say it whatever it is asked, and every measure looks perfect.
    Fix: check the export: the answer column may be the wrong one.
    """
    if facts.num_distinct_answers < limits.min_distinct_answers:
        found = count(facts.num_distinct_answers, "different answer")
        yield f"{found}, the least is {count(limits.min_distinct_answers)}"


@GATE.rule("012", "few-different-answers", level="warn")
def few_different_answers(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """Few of the answers differ.

    Why: right for labels to choose from; for free text it means copies that the duplicate search could not see.
    Fix: look at the most frequent answers; for a classification task lower limits.min_distinct_share.
    """
    if facts.num_distinct_answers < limits.min_distinct_answers:
        raise Skip("there is one answer only anyway")
    share = share_of(facts.num_distinct_answers, facts.num_kept)
    if not share >= limits.min_distinct_share:
        shown, least = beside(share, limits.min_distinct_share, percent)
        found, rows = count(facts.num_distinct_answers, "different answer"), count(facts.num_kept, "row")
        then = accepted("min_distinct_share", share, "for labels to choose from:")
        yield f"{found} in {rows} ({shown}), the least is {least}{then}"


@GATE.rule("013", "contradictory-answers", level="warn", explains=("GEN007",))
def contradictory_answers(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """One prompt has several answers.

    Why: the model learns a mixture of them, and on such prompts no measure of agreement can be met.
    Fix: keep one answer to a prompt, or put what decides between them into the prompt.
    """
    share = share_of(facts.num_contradictory, facts.num_kept)
    then = accepted("max_contradictory_share", share, "where several answers are right:")
    yield from above(facts.num_contradictory, facts.num_kept, limits.max_contradictory_share, then=then)


@GATE.rule("014", "evaluation-row-kept")
def evaluation_row_kept(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """Rows ask or say what the model is to be judged by.

    Why: on what it was trained on a model is judged too well, and the comparison with others is worth nothing.
    Fix: leave prepare.evaluation.overlap at drop; or take the rows out of the evaluation files.
    """
    if not facts.evaluation:
        raise Skip("no evaluation files were given")
    for label, found in facts.evaluation.items():
        if found:
            yield f"{count(found)} of {count(facts.num_kept, 'kept row')} overlap with {label}, the most is 0"


@GATE.rule("015", "secret-kept")
def secret_kept(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """Rows hold keys, tokens or passwords.

    Why: a model recites them to whoever asks the right way, and the file that ships cannot be called back.
    Fix: set prepare.clean.secrets to drop or redact, and have the secrets changed where they are used.
    """
    found = facts.seen.get(SECRET, 0)
    if found:
        yield f"{count(found)} of {count(facts.num_kept, 'kept row')}, the most is 0; prepare.clean.secrets=redact"


@GATE.rule("016", "personal-data-kept", level="warn")
def personal_data_kept(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """Rows hold addresses or numbers of people.

    Why: what stands in rows may come out of the model; whether that is allowed is not for a program to say.
    Fix: set prepare.clean.personal to redact or drop; or keep them, if those people know.
    """
    found = {kind: facts.seen[kind] for kind in PERSONAL if facts.seen.get(kind)}
    then = "; prepare.clean.personal=redact"
    yield from above(sum(found.values()), facts.num_kept, limits.max_personal_share, what=counts(found), then=then)


@GATE.rule("017", "departing-rows", level="warn", explains=("DAT020", "GEN005"))
def departing_rows(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """Many answers departed from the rest of the set and were dropped.

    Why: in bulk they are a second source, another task, or a contamination that no pattern lists.
    Fix: read them in dropped.jsonl; if they belong, keep them with the words that the message ends in.
    """
    found = {reason: facts.dropped[reason] for reason in DEPARTURES if reason in facts.dropped}
    then = f": {counts(found)}{kept_by(found, facts.allowed)}"
    yield from above(facts.num_departing, facts.num_read, limits.max_departing_share, then=then)


@GATE.rule("018", "label-without-held-out-rows", level="warn")
def label_without_held_out_rows(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """A label has no held-out rows, or none to train on.

    Why: what is not held out is not judged, and what is not trained on is not learnt; the means hide both.
    Fix: add rows with that label of other sources.
    """
    if not facts.labels:
        raise Skip("rows carry no label")
    for label, (train, val) in facts.labels.items():
        if not train or not val:
            sides = f"{count(train, 'training row')} and {count(val, 'held-out row')}"
            yield f"{shown(label)}: {sides}, the least is 1 of each; more sources, or prepare.split.val_fraction=0.3"


@GATE.rule("019", "two-forms-in-one-set", level="warn", explains=("GEN007",))
def two_forms_in_one_set(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """A large part of the answers has a form that the others do not have.

    Why: the model learns both and picks one by chance; no program can say which of them was meant.
    Fix: put into the prompt what decides between them, or take out the rows of the form that is not wanted.
    """
    for form, found in facts.mixed_forms.items():
        of = f"{count(found)} of {count(facts.num_kept, 'kept answer')}"
        then = f"to drop the smaller part: prepare.set.max_odd_share={least_odd_share(found, facts.num_kept)}"
        yield f"{of} {form}, the others do not: at most 0 in two forms are advised; {then}"


@GATE.rule("020", "mostly-dropped", explains=("DAT004", "DAT006"))
def mostly_dropped(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """Most rows were unfit or departed from the rest.

    Why: what is left is not the set that was meant; with so much gone nobody can say which part was the right one.
    Fix: mend the rows where they come from; dropped.jsonl has each with its reason.
    """
    found = [reason for reason in (*REASONS, *DEPARTURES) if facts.dropped.get(reason)]
    then = kept_by(found, facts.allowed)
    yield from above(facts.num_spoiled + facts.num_departing, facts.num_read, limits.max_lost_share, then=then)


GATE.rule("021", "answers-of-other-prompts", explains=("GEN007", "GEN015"))(answers_of_other_prompts)
GATE.rule("022", "belonging-not-shown", level="info")(belonging_not_shown)
GATE.rule("036", "some-answers-of-other-prompts", level="warn", explains=("GEN007",))(some_of_other_prompts)


@GATE.rule("023", "placeholders-unfilled", level="warn", explains=("GEN007",))
def placeholders_unfilled(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """Answers have places that a template left to be filled, as `{{name}}`, `<NAME>`, `[Your Name]` or `${x}`.

    Why: the model learns to write them, and says `I am {{name}}` to a user.
    Fix: fill them where the rows come from, or take those rows out; a prompt that asks for a template explains them.
    """
    found = facts.seen.get("placeholder", 0)
    then = accepted("max_placeholder_share", share_of(found, facts.num_kept), "where templates are the task:")
    yield from above(found, facts.num_kept, limits.max_placeholder_share, then=then)


GATE.rule("030", "topic-dropped", level="warn", explains=("GEN007",))(topic_dropped)


@GATE.rule("032", "rows-between-sides", level="info")
def rows_between_sides(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """Rows were left out because they are like training rows and like held-out rows.

    Why: near copies that tie the sources of a set together would all have to be held out, or none; the chain is cut.
    Fix: give rows of one text one `source`, and take near copies out of other sources; dropped.jsonl names them.
    """
    found = facts.dropped.get(BETWEEN_SIDES, 0)
    if found:
        yield f"{count(found)} of {count(facts.num_read, 'row')} ({percent(share_of(found, facts.num_read))})"
