"""Sample answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AnswersSeen:
    """Answers of one model to some prompts."""

    file: str
    of: str
    """`hf`, `f16`, `quant`, `base` or `unknown`."""
    num: int
    num_empty: int
    num_loops: int
    """Repeat a piece without end."""
    num_punctuation: int
    """Of nothing but a few signs: `、、、、`, `GGGG`."""
    num_unended: int | None
    """Did not stop by themselves; None where the file does not say."""
    num_control: int
    """With control tokens in their text."""
    num_think_leaks: int
    num_tags: int
    """In the form of tag rows that training rows had."""
    num_copies: int | None
    """Verbatim answers of training rows to other prompts; None without rows."""
    num_other_language: int
    num_refusals: int
    agreement: float | None
    """Mean agreement with references, by characters, where the file or the rows have them."""
    examples: tuple[tuple[int, str], ...]
    num_think_tags: int = 0
    """With a tag of thoughts in the answer itself: a block that was left open, or stands behind its beginning."""
