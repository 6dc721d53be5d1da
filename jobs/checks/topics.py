"""Topics that one reason takes most rows of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from jobs.checks.ways_out import kept_by
from jobs.core.model import StrictModel
from jobs.core.rule import Measured
from jobs.logic.form.topics import Kind, Taken
from jobs.logic.pages.amounts import beside, count, percent, share
from jobs.logic.row import shown


class Topic(StrictModel):
    """Rows that have something in common, and how many of them one reason took."""

    reason: str
    kind: Kind
    """What has the text: the prompt, as a word or two of it."""
    text: str
    dropped: int
    kept: int

    @classmethod
    def of(cls, taken: Taken) -> Self:
        """As it was found."""
        reason, (kind, text), dropped, kept = taken
        return cls(reason=reason, kind=kind, text=text, dropped=dropped, kept=kept)


def topic_dropped(facts: Any, limits: Any) -> Iterator[str]:
    """One reason took most rows of a topic.

    Why: what is right for one task looks like spoilage in another: tags where the question is about tags, declines
    where they are the answer. The model then never learns that topic.
    Fix: read those rows in dropped.jsonl; where they are right, keep them with the words that the message ends in.
    """
    for topic in facts.topics:
        total = topic.dropped + topic.kept
        part = share(topic.dropped, total)
        if not part <= limits.max_topic_share:
            found, most = beside(part, limits.max_topic_share, percent)
            what = f"whose prompt has `{topic.text}`" if topic.kind == "prompt" else f"of {topic.kind} {topic.text}"
            text = (
                f"{count(topic.dropped)} of {count(total, 'row')} {shown(what)} ({found}) went as {topic.reason}, "
                f"the most is {most}{kept_by([topic.reason], facts.allowed)}"
            )
            yield Measured(text, part, limits.max_topic_share, worst=1.0)
