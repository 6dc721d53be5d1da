"""Rules about the thoughts that rows bring: are they taught where they should be, and nowhere else lost unsaid?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jobs.core.model import StrictModel
from jobs.logic.chat.brought import Brought
from jobs.logic.pages.amounts import count, number

if TYPE_CHECKING:
    from jobs.checks.preflight import PreflightLimits
    from jobs.checks.preflight_facts import PreflightFacts


class BroughtFacts(StrictModel):
    """Counts of `train` and `val` together: rows, but for the last."""

    num_rows: int
    thoughts: int
    """With thoughts before their last answer, in a field or in a block."""
    kept: int
    """Whose last answer has them in the row that is trained on."""
    earlier: int
    """With thoughts before an earlier answer, which the rows leave out as Qwen3's template does."""
    unlearnt: int
    """Answers that are marked not to be learnt: no token of them is graded."""

    @classmethod
    def of(cls, num_rows: int, *splits: Brought) -> BroughtFacts:
        thoughts, kept, earlier, unlearnt = (sum(column) for column in zip(*splits, strict=True))
        return cls(num_rows=num_rows, thoughts=thoughts, kept=kept, earlier=earlier, unlearnt=unlearnt)

    def lines(self) -> list[tuple[str, str]]:
        """What there is of it."""
        thoughts = (
            f"{count(self.thoughts)} of {count(self.num_rows, 'row')} bring them, {count(self.kept)} are taught them"
        )
        if self.earlier:
            thoughts += (
                f"; before earlier answers of {count(self.earlier, 'row')} they are left out, as the template does"
            )
        marked = f"{count(self.unlearnt, 'answer')} marked so, none of them graded"
        return [
            *([("thoughts", thoughts)] if self.thoughts or self.earlier else []),
            *([("not to be learnt", marked)] if self.unlearnt else []),
        ]


def thoughts_not_taught(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """Rows bring thoughts, and this chat teaches nothing of them.

    Why: what was collected to teach thinking trains answers that come without it.
    Fix: set `chat=thinking` to teach them; if answers alone are wanted, nothing needs to be done.
    """
    brought = facts.brought
    found = max(brought.thoughts, brought.earlier)
    if facts.thinking_block != "keep" and found:
        taught = f"0 are taught with thinking_block={facts.thinking_block}; to teach them set chat=thinking"
        yield f"{count(found)} of {count(brought.num_rows, 'row')} bring thoughts, {taught}"


def no_thoughts(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """The chat teaches thinking, and no row has a thought.

    Why: every answer would open with an empty block, and the model be taught not to think.
    Fix: name the column that has the thoughts, `prepare.columns='{thoughts:COLUMN}'`; or set `chat=no_thinking`.
    """
    if facts.thinking_block == "keep" and facts.brought.num_rows and not facts.brought.kept:
        found = (
            f"0 of {count(facts.brought.num_rows, 'row')} have thoughts before their last answer, at least 1 is needed"
        )
        yield f"{found}; name their column with prepare.columns='{{thoughts:COLUMN}}', or set chat=no_thinking"


def thoughts_missing(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """The chat teaches thinking, and some rows have no thoughts.

    Why: their answers open with an empty block, so the model learns to think at times and at times not to.
    Fix: add the thoughts, or take those rows out; leave them in where the model is to choose.
    """
    missing = facts.brought.num_rows - facts.brought.kept
    if facts.thinking_block == "keep" and facts.brought.kept and missing:
        found = f"{count(missing)} of {count(facts.brought.num_rows, 'row')} have no thoughts before their last answer"
        yield f"{found}, at most 0 are advised"


def marked_answers_weighed(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """Answers that are marked not to be learnt would count in the loss as prompts do.

    Why: with a weight for prompts the loss has every token before the last graded one, a marked draft among them.
    Fix: set `train.prompt_loss_weight=0`, or take the marked turns out of the rows.
    """
    weight = facts.update.prompt_loss_weight if facts.update else 0.0
    if facts.brought.unlearnt and weight:
        marked = count(facts.brought.unlearnt, "answer")
        yield f"{marked} marked not to be learnt, each token at weight {number(weight)}; set train.prompt_loss_weight=0"
