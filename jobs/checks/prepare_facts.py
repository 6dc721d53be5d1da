"""What `prepare` measures, and the words for it."""

from __future__ import annotations

from collections.abc import Mapping

from jobs.checks.belonging import RowsBelonging
from jobs.checks.topics import Topic
from jobs.core.model import Facts, StrictModel
from jobs.core.stage import shortened
from jobs.logic.pages import funnel
from jobs.logic.pages.amounts import by_count, count, part as share_in
from jobs.logic.pages.funnel import DEPARTURES
from jobs.logic.rows.reasons import BAD_REASONS, REASONS

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
    format: str
    """As found in the file, with its compression: `jsonl`, `parquet`, `csv gzip` ..."""
    shape: str
    """As found in its rows: `messages`, `alpaca` ..."""
    sha256: str
    num_bytes: int
    num_rows: int


class Example(StrictModel):
    """A row that was dropped."""

    reason: str
    id: str
    file: str
    line: int
    evidence: str


class Histogram(StrictModel):
    """Answers by their characters; a bin goes from its edge up to, not including, the next."""

    edges: list[int]
    train: list[int]
    val: list[int]


class PrepareFacts(Facts):
    """Counted in the files of the folder, after they were written. Lengths are characters."""

    files: list[DataFile]
    num_read: int
    dropped: dict[str, int]
    """Reason to rows."""
    topics: list[Topic]
    """Of which a reason took many rows, the largest first."""
    allowed: list[str]
    """Reasons that rows are kept for all the same."""
    changed: dict[str, int]
    """What was put right to rows: `nfc`, `mojibake`, `line-ends` ..."""
    seen: dict[str, int]
    """What is in kept rows and was left there: kinds of personal data, invisible characters ..., to rows."""
    ignored_columns: dict[str, list[str]]
    """File to columns that were not read."""
    byte_order_marks: list[str]
    """Files that begin with one."""
    lone_returns: list[str]
    """Files whose lines end in a lone carriage return, as on old Macs."""
    left_aside: list[str]
    """Files of folders that have no name of a data file, and columns that JSON has no value for."""
    num_train: int
    num_val: int
    split_digest: str
    """Of the ids on both sides."""
    labels: dict[str, list[int]]
    """Label to [training rows, held-out rows], where rows carry one."""
    unclean: dict[str, int]
    """Reason to rows that are in train or validation and should have been dropped."""
    leaks: dict[str, int]
    """What held-out rows share with training rows: `id`, `conversation`, `prompt`, `near`, `source`."""
    evaluation: dict[str, int]
    """Evaluation file to kept rows that ask or say what is in it."""
    num_near: int
    """Pairs of kept rows that are near each other; they stand on one side."""
    num_distinct_answers: int
    num_contradictory: int
    """Rows whose prompt other rows answer otherwise."""
    lengths: dict[str, list[int]]
    """Role to shortest, 5 %, median, 95 % and longest."""
    answer_lengths: Histogram
    languages: dict[str, int]
    """Language of the answer to rows."""
    set_language: str | None
    """The language that nearly all answers have."""
    mixed_forms: dict[str, int]
    """What the two forms of a set that has two are told by, to rows."""
    belonging: RowsBelonging
    examples: list[Example]
    """Of dropped rows, a few for each reason."""

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
    def num_departing(self) -> int:
        """Rows that went because the rest of the set is otherwise."""
        return sum(self.dropped.get(reason, 0) for reason in DEPARTURES if reason not in REASONS)

    @property
    def num_mojibake(self) -> int:
        """Rows that were decoded wrongly, mended ones too."""
        return self.dropped.get("mojibake", 0) + self.changed.get("mojibake", 0)

    def drawing(self, columns: int, plain: bool) -> list[str]:
        """The funnel from rows read to rows kept."""
        return funnel.lines(self.model_dump(), columns, plain)

    def lines(self) -> list[tuple[str, str]]:
        read = [f"{file.label} ({file.format}, {file.shape}, {count(file.num_rows, 'row')})" for file in self.files]
        return [
            ("read", "; ".join(shortened(read))),
            (
                "train / validation",
                f"{count(self.num_train)} / {count(self.num_val)} ({share_in(self.num_val, self.num_kept) or '-'})",
            ),
            ("held out and in train", ", ".join(f"{kind} {self.leaks.get(kind, 0)}" for kind in LEAKS)),
            ("put right", counts(self.changed)),
            *((what, counts(found)) for what, found in (("seen and kept", self.seen),) if found),
            *((f"{role} turns", _lengths(found)) for role, found in self.lengths.items()),
            ("language of answers", counts(self.languages)),
            ("answers and prompts", f"{self.belonging.word}; {self.belonging}"),
            ("different answers", part(self.num_distinct_answers, self.num_kept)),
            *((what, ", ".join(names)) for what, names in self._notes() if names),
        ]

    def _notes(self) -> list[tuple[str, list[str]]]:
        return [
            ("columns not read", sorted({name for names in self.ignored_columns.values() for name in names})),
            ("byte-order mark in", self.byte_order_marks),
            ("lone carriage returns in", self.lone_returns),
            ("left aside", self.left_aside),
        ]


def part(found: int, whole: int) -> str:
    """A count and its share."""
    return f"{count(found)} ({share_in(found, whole)})" if whole else count(found)


def counts(found: Mapping[str, int]) -> str:
    """The most frequent first."""
    return ", ".join(f"{name} {count(num)}" for name, num in by_count(found)) or "nothing"


def _lengths(found: list[int]) -> str:
    low, median, high, longest = map(count, found[1:])
    return f"{median} characters at the median, nine in ten {low} to {high}, longest {longest}"
