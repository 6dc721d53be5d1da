"""Rows, as a diagnosis looks at them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LABEL_CHARS, ROWS_OF_A_LABEL = 40, 5
"""The longest label (95 %), and the fewest rows that one has on average."""
Example = tuple[str, int, str]
"""(file, line, counted from 1, a short piece of it with secrets masked)."""


@dataclass(frozen=True)
class RowsSeen:
    """One side of a set, or all of it where nothing says that it was parted."""

    files: tuple[str, ...]
    num_rows: int
    num_unreadable: int
    dropped: Mapping[str, int]
    """Reason of `prepare` to how many of these rows it would drop."""
    examples: Mapping[str, tuple[Example, ...]]
    """Reason to some of its rows."""
    mojibake: int
    """Rows that were decoded wrongly, those that could be put right too."""
    departing: int
    """Rows unlike the rest of the set."""
    num_exact_duplicates: int
    num_near_duplicates: int
    num_contradicting: int
    """Rows whose prompt stands in another row with an answer that is unlike this one's."""
    belonging_p: float | None
    """Of the test whether answers belong to their prompts; small: they do. None: cannot say."""
    belonging_says: str
    """`belong`, `do not belong`, `cannot say`."""
    num_in_other_side: int | None
    """Rows that stand in the other side too, exactly or nearly; None without another side."""
    languages: Mapping[str, int]
    """Language of the answer to its rows."""
    num_refusals: int
    num_cut: int
    """Answers that stop in the middle of a sentence where the set's do not."""
    num_thoughts: int
    """Rows whose answer has a think block."""
    answer_chars: tuple[int, int, int]
    """Length of answers: 5 %, median, 95 %."""
    num_tokens_longest: int | None
    """Of the longest rendered row, where a tokenizer was there."""
    num_above: Mapping[int, int]
    """Rows longer than so many tokens, for the lengths that settings name."""
    num_distinct_answers: int | None = None
    """Answers that differ; None: not counted."""
    num_counted: int = 0
    """Rows whose tokens were counted, the longest ones."""

    @property
    def answers_are_labels(self) -> bool:
        """Whether answers are short and from a small set, so that one prompt has one right answer."""
        return (
            self.num_distinct_answers is not None
            and self.answer_chars[2] <= LABEL_CHARS
            and self.num_distinct_answers * ROWS_OF_A_LABEL <= self.num_rows
        )
