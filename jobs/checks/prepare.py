"""What `prepare` measured of the rows, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from jobs.core.model import Facts, Limits, StrictModel
from jobs.core.rule import Gate, Skip
from jobs.logic.clean import REASONS
from jobs.logic.rows import BAD_REASONS, DUPLICATE, NEAR_DUPLICATE

LEAKS = {
    "id": "have the id of a training row",
    "conversation": "say the same as a training row",
    "prompt": "ask the same as a training row",
    "near": "are near duplicates of a training row",
    "source": "have the source of a training row",
}


class DataFile(StrictModel):
    """One file that rows were read from."""

    label: str
    sha256: str
    num_bytes: int
    num_rows: int


class PrepareFacts(Facts):
    """Counted in the files of the folder, after they were written. Lengths are characters."""

    files: list[DataFile]
    num_read: int
    dropped: dict[str, int]
    """Reason to rows."""
    changed: dict[str, int]
    """What was put right to rows: `nfc`, `mojibake`, `line-ends` ..."""
    ignored_columns: list[str]
    byte_order_marks: list[str]
    """Files that begin with one."""
    lone_returns: list[str]
    """Files whose lines end in a lone carriage return, as on old Macs."""
    num_train: int
    num_val: int
    split_digest: str
    """Of the ids on both sides."""
    unclean: dict[str, int]
    """Reason to rows that are in train or validation and should have been dropped."""
    leaks: dict[str, int]
    """What held-out rows share with training rows: `id`, `conversation`, `prompt`, `near`, `source`."""
    num_near: int
    """Pairs of kept rows that are near each other; they stand on one side."""
    num_distinct_answers: int
    num_contradictory: int
    """Rows whose prompt other rows answer otherwise."""
    lengths: dict[str, list[int]]
    """Role to shortest, 5 %, median, 95 % and longest."""
    scripts: dict[str, int]
    """Script to rows."""

    @property
    def num_kept(self) -> int:
        return self.num_train + self.num_val

    @property
    def num_bad(self) -> int:
        """Lines that are no conversation."""
        return sum(self.dropped.get(reason, 0) for reason in BAD_REASONS)

    @property
    def num_spoiled(self) -> int:
        """Conversations that are unfit to learn from."""
        return sum(self.dropped.get(reason, 0) for reason in REASONS)

    @property
    def num_mojibake(self) -> int:
        """Rows that were decoded wrongly, mended ones too."""
        return self.dropped.get("mojibake", 0) + self.changed.get("mojibake", 0)

    def lines(self) -> list[tuple[str, str]]:
        kept = [
            ("kept", _part(self.num_kept, self.num_read)),
            ("train", _part(self.num_train, self.num_kept)),
            ("validation", _part(self.num_val, self.num_kept)),
        ]
        return [
            ("rows read", f"{self.num_read:,} from {', '.join(file.label for file in self.files)}"),
            *((f"  - {reason}", _part(count, self.num_read)) for reason, count in self._funnel()),
            *kept,
            ("held out and in train", ", ".join(f"{kind} {self.leaks.get(kind, 0)}" for kind in LEAKS)),
            ("put right", _counts(self.changed)),
            *((f"{role} turns", _lengths(found)) for role, found in self.lengths.items()),
            ("script", _counts(self.scripts)),
            ("different answers", _part(self.num_distinct_answers, self.num_kept)),
            *((what, ", ".join(names)) for what, names in self._notes() if names),
        ]

    def _notes(self) -> list[tuple[str, list[str]]]:
        return [
            ("columns not read", self.ignored_columns),
            ("byte-order mark in", self.byte_order_marks),
            ("lone carriage returns in", self.lone_returns),
        ]

    def _funnel(self) -> list[tuple[str, int]]:
        order = {reason: place for place, reason in enumerate((*BAD_REASONS, *REASONS, DUPLICATE, NEAR_DUPLICATE))}
        return sorted(self.dropped.items(), key=lambda item: order.get(item[0], len(order)))


class PrepareLimits(Limits):
    """Shares are of the rows read, but for those of held-out rows and answers, which are of the rows kept."""

    max_bad_share: float
    min_rows: int
    advised_rows: int
    min_val_share: float
    max_val_share: float
    max_spoiled_share: float
    max_mojibake_share: float
    min_distinct_answers: int
    min_distinct_share: float
    max_contradictory_share: float


GATE = Gate("prepare", "DAT", PrepareFacts, PrepareLimits)


@GATE.rule("001", "held-out-row-in-train")
def held_out_row_in_train(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """A held-out row is also in the training rows, or nearly.

    Why: every later measure is taken on held-out rows; what was trained on is recalled, so failure looks like success.
    Fix: do not edit train.jsonl or val.jsonl; make `prepare` again with redo=true; give rows of one text one `source`.
    """
    for kind, count in facts.leaks.items():
        if count:
            yield f"{count} of {facts.num_val} held-out rows {LEAKS[kind]}, the most is 0"


@GATE.rule("002", "bad-rows-over-limit")
def bad_rows_over_limit(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """Too many lines are not conversations.

    Why: broken lines come in bulk, from a cut download or a wrong export; what is left is not the set that was meant.
    Fix: mend the lines that dropped.jsonl names; or allow for them with prepare.max_bad_fraction.
    """
    share = _share(facts.num_bad, facts.num_read)
    if not share <= limits.max_bad_share:
        yield f"{facts.num_bad} of {facts.num_read} rows ({share:.2%}), the most is {limits.max_bad_share:.2%}"


@GATE.rule("003", "rows-unaccounted")
def rows_unaccounted(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """Rows read are not the rows kept and dropped.

    Why: a row that vanished or came twice means that the files were cut or changed after they were written.
    Fix: make `prepare` again with redo=true; if it happens again, report it as a bug.
    """
    num_dropped = sum(facts.dropped.values())
    found = facts.num_kept + num_dropped
    if found != facts.num_read:
        yield f"{facts.num_kept} rows kept and {num_dropped} dropped make {found}, {facts.num_read} were read"


@GATE.rule("004", "too-few-rows", explains=("TRN008", "GEN006", "GEN010"))
def too_few_rows(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """There are not enough rows to train on.

    Why: a handful of rows is learnt by heart, and held-out measures on one or two rows say nothing.
    Fix: add rows; the reasons in dropped.jsonl may show how to save some.
    """
    if facts.num_kept < limits.min_rows:
        yield f"{facts.num_kept} rows kept, the least is {limits.min_rows}"


@GATE.rule("005", "few-rows", level="warn", explains=("TRN008", "GEN014"))
def few_rows(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """There are fewer rows than a fine-tune should have.

    Why: with so few rows the measures on held-out rows are rough and overfitting comes quickly.
    Fix: add rows of the same kind, or expect wide confidence intervals in `verify`.
    """
    if facts.num_kept < limits.min_rows:
        raise Skip("there are too few rows anyway")
    if facts.num_kept < limits.advised_rows:
        yield f"{facts.num_kept} rows kept, at least {limits.advised_rows} are advised"


@GATE.rule("006", "side-without-rows")
def side_without_rows(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """There are no training rows, or no held-out rows.

    Why: without the one there is nothing to learn, without the other nothing can be judged.
    Fix: add rows of other sources, or change prepare.val_fraction.
    """
    for name, count in (("training", facts.num_train), ("held-out", facts.num_val)):
        if count < 1:
            yield f"{count} {name} rows, the least is 1"


@GATE.rule("007", "held-out-share-off", level="warn")
def held_out_share_off(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """The held-out share of the rows is far from what is advised.

    Why: groups stay whole, so a few large sources can make one side too small to learn from or to judge by.
    Fix: change prepare.val_fraction, or split large sources where their rows are really independent.
    """
    share = _share(facts.num_val, facts.num_kept)
    if not limits.min_val_share <= share <= limits.max_val_share:
        yield (
            f"{facts.num_val} of {facts.num_kept} rows are held out ({share:.1%}), "
            f"advised are {limits.min_val_share:.0%} to {limits.max_val_share:.0%}"
        )


@GATE.rule("008", "unclean-row-kept", explains=("GEN002", "GEN003", "GEN005"))
def unclean_row_kept(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """A row that should have been dropped is in train or validation.

    Why: what stands in the answers is what the model learns to write, tags and repeated signs included.
    Fix: do not edit train.jsonl or val.jsonl; make `prepare` again with redo=true.
    """
    for reason, count in facts.unclean.items():
        yield f"{count} of {facts.num_kept} kept rows: {reason}, the most is 0"


@GATE.rule("009", "spoiled-rows", level="warn", explains=("GEN003", "GEN005"))
def spoiled_rows(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """Many rows were unfit to learn from and were dropped.

    Why: contaminated data is the first cause of failed fine-tunes, and there may be more of it that no pattern knows.
    Fix: read dropped.jsonl, mend where the rows come from, and look at a sample of what was kept.
    """
    share = _share(facts.num_spoiled, facts.num_read)
    if not share <= limits.max_spoiled_share:
        found = _counts({reason: facts.dropped[reason] for reason in REASONS if reason in facts.dropped})
        yield (
            f"{facts.num_spoiled} of {facts.num_read} rows ({share:.1%}), "
            f"the most is {limits.max_spoiled_share:.1%}: {found}"
        )


@GATE.rule("010", "mojibake", level="warn")
def mojibake(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """Many rows were decoded with the wrong encoding before they came here.

    Why: where some rows show it others hide it, such as names with a letter lost.
    Fix: export the data again in UTF-8; changed.jsonl and dropped.jsonl name the rows.
    """
    share = _share(facts.num_mojibake, facts.num_read)
    if not share <= limits.max_mojibake_share:
        yield (
            f"{facts.num_mojibake} of {facts.num_read} rows ({share:.1%}), the most is {limits.max_mojibake_share:.1%}"
        )


@GATE.rule("011", "one-answer-only", explains=("TRN009", "GEN006"))
def one_answer_only(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """All rows have the same answer.

    Why: a model learns to say it whatever it is asked, and every measure looks perfect.
    Fix: check the export: the answer column may be the wrong one.
    """
    if facts.num_distinct_answers < limits.min_distinct_answers:
        yield f"{facts.num_distinct_answers} different answers, the least is {limits.min_distinct_answers}"


@GATE.rule("012", "few-different-answers", level="warn")
def few_different_answers(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """Few of the answers differ.

    Why: right for labels to choose from; for free text it means copies that the duplicate search could not see.
    Fix: look at the most frequent answers; for a classification task lower limits.min_distinct_share.
    """
    if facts.num_distinct_answers < limits.min_distinct_answers:
        raise Skip("there is one answer only anyway")
    share = _share(facts.num_distinct_answers, facts.num_kept)
    if not share >= limits.min_distinct_share:
        yield (
            f"{facts.num_distinct_answers} different answers in {facts.num_kept} rows ({share:.1%}), "
            f"the least is {limits.min_distinct_share:.1%}"
        )


@GATE.rule("013", "contradictory-answers", level="warn", explains=("GEN007",))
def contradictory_answers(facts: PrepareFacts, limits: PrepareLimits) -> Iterator[str]:
    """One prompt has several answers.

    Why: the model learns a mixture of them, and on such prompts no measure of agreement can be met.
    Fix: keep one answer to a prompt, or put what decides between them into the prompt.
    """
    share = _share(facts.num_contradictory, facts.num_kept)
    if not share <= limits.max_contradictory_share:
        yield (
            f"{facts.num_contradictory} of {facts.num_kept} rows ({share:.1%}), "
            f"the most is {limits.max_contradictory_share:.1%}"
        )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def _part(count: int, whole: int) -> str:
    return f"{count:,} ({_share(count, whole):.1%})" if whole else f"{count:,}"


def _counts(counts: Mapping[str, int]) -> str:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count:,}" for name, count in ranked) or "nothing"


def _lengths(found: list[int]) -> str:
    return f"{found[2]:,} characters at the median, 90 % are {found[1]:,} to {found[3]:,}, longest {found[4]:,}"
