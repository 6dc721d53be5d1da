"""Evidence that bears on several causes: whether answers stop, what a gate's record says, how many rows are meant."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.logic.diagnosing.cause import Outcome, Place, measured
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.texts_seen import TextsSeen
from jobs.logic.diagnosing.tokens_seen import LabelsSeen, TokenizerSeen
from jobs.logic.pages.amounts import count, part

FEW_ANSWERS = 5
"""Fewer say nothing about what a model does."""
LEAST_UNENDED, LEAST_SHARE = 2, 0.2
"""Answers that do not stop: of a healthy model one in a hundred may run into the limit."""
MOST_SHOWN = 3
"""Messages of a gate that are told again."""


def stops(evidence: Evidence, of_base: bool = False) -> tuple[int, int] | None:
    """(answers of tuned models, those that did not stop by themselves); None where nothing says it."""
    known = [one for one in evidence.answers if (one.of == "base") == of_base and one.num_unended is not None]
    if not known:
        return None
    return sum(one.num for one in known), sum(one.num_unended or 0 for one in known)


def runs_on(evidence: Evidence) -> str:
    """That answers do not stop, as a sentence; empty where nearly all do, the base's do not either, or nobody knows."""
    found, base = stops(evidence), stops(evidence, of_base=True)
    if found is None or found[1] < LEAST_UNENDED or found[1] < LEAST_SHARE * found[0]:
        return ""
    if base is not None and base[1] * found[0] >= found[1] * base[0]:
        return ""
    beside = f", of the base's {base[1]:,} of {base[0]:,}" if base is not None else ""
    return f"{found[1]:,} of {count(found[0], 'answer')} did not stop by themselves{beside}"


def all_stop(evidence: Evidence) -> str:
    """That every answer stops, as a sentence; empty where not, or where there are too few."""
    found = stops(evidence)
    if found is None or found[0] < FEW_ANSWERS or found[1]:
        return ""
    return f"all of {count(found[0], 'answer')} stopped by themselves"


def by_record(evidence: Evidence, *codes: str) -> Outcome | None:
    """What a gate measured and did not pass, waived or not; None where it said nothing."""
    said = [one for one in evidence.said(*codes) if one.status in ("fail", "waived", "warn")]
    if not said:
        return None
    told = [(one, [text for text in one.messages if not text.startswith("waived:")][:MOST_SHOWN]) for one in said]
    signs = [f"{one.code} {one.name}: {text}" for one, texts in told for text in texts]
    return measured(*(signs or [f"{one.code} {one.name} ({one.status})" for one in said]))


Rows = LabelsSeen | TextsSeen


def of_rows(rows: Rows, num: int, what: str) -> str:
    """`12 of 312 rows of tokens (3.8%) ...`."""
    form = "tokens" if isinstance(rows, LabelsSeen) else "text"
    return f"{num:,} of {count(rows.num_rows, 'row')} of {form} ({part(num, rows.num_rows)}) {what}"


def tokenizers(evidence: Evidence) -> list[TokenizerSeen]:
    """Of what was trained and of what ships, the latter first; without those of models that merely lie beside it."""
    first, *others = (evidence.tokenizer, *evidence.other_tokenizers)
    ours = {one.folder for one in (evidence.adapter, evidence.merged) if one is not None}
    digests = {one.digest for one in (first, evidence.base_tokenizer) if one is not None and one.digest}
    related = [one for one in others if one is not None and (not ours or one.folder in ours or one.digest in digests)]
    return [*([first] if first is not None else []), *related]


def places(labels: Rows, name: str) -> tuple[Place, ...]:
    """Some of the rows that have it."""
    return tuple(Place(labels.file, row=row) for row in labels.examples.get(name, ()))


def shown(text: str) -> str:
    """A piece of a template with its line ends visible."""
    return repr(text)


def joined(names: Sequence[str]) -> str:
    return ", ".join(names)
