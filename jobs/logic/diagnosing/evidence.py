"""What was seen, as causes look at it: every part is there or None, and says which file it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jobs.logic.diagnosing.answers_seen import AnswersSeen
from jobs.logic.diagnosing.log_seen import LogSeen
from jobs.logic.diagnosing.model_seen import AdapterSeen, GgufSeen, ModelfileSeen, ModelSeen, WeightsSeen
from jobs.logic.diagnosing.rows_seen import RowsSeen
from jobs.logic.diagnosing.settings_seen import SettingsSeen
from jobs.logic.diagnosing.texts_seen import TextsSeen
from jobs.logic.diagnosing.tokens_seen import LabelsSeen, TokenizerSeen


@dataclass(frozen=True)
class Taken:
    """What one path was taken for."""

    path: str
    """As it was given, or below what was given."""
    kind: str
    """A name in `kinds.py`; `unknown` where nothing fits, `unreadable` where it cannot be read."""
    why: str
    """By what it was known, or why it cannot be read: one line."""


@dataclass(frozen=True)
class FindingSeen:
    """What a gate of ours said in a record."""

    stage: str
    code: str
    name: str
    status: str
    """fail, warn, waived, crashed, pass or skip."""
    messages: tuple[str, ...]


@dataclass(frozen=True)
class Evidence:
    """All of it."""

    taken: tuple[Taken, ...] = ()
    findings: tuple[FindingSeen, ...] = ()
    """Of a run of ours, in the order of the chain; empty for a stranger's files."""
    facts: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Stage to its recorded facts, of a run of ours."""
    train_rows: RowsSeen | None = None
    held_out_rows: RowsSeen | None = None
    settings: SettingsSeen | None = None
    log: LogSeen | None = None
    base_tokenizer: TokenizerSeen | None = None
    """Of the base model's folder."""
    tokenizer: TokenizerSeen | None = None
    """Of what was trained or ships."""
    other_tokenizers: tuple[TokenizerSeen, ...] = ()
    """Of other folders than those: above all the adapter's, which is what was trained with."""
    labels: LabelsSeen | None = None
    texts: TextsSeen | None = None
    """Rows that are whole texts."""
    base: ModelSeen | None = None
    adapter: AdapterSeen | None = None
    merged: ModelSeen | None = None
    weights: WeightsSeen | None = None
    """Base, adapter and merged weights held against each other."""
    ggufs: tuple[GgufSeen, ...] = ()
    modelfile: ModelfileSeen | None = None
    answers: tuple[AnswersSeen, ...] = ()
    """One for each set of answers: of the Hugging Face model, of F16, of a quant, or of nobody knows what."""

    def said(self, *codes: str) -> list[FindingSeen]:
        """What gates said under these codes that was not a pass."""
        return [found for found in self.findings if found.code in codes and found.status not in ("pass", "skip")]

    def passed(self, *codes: str) -> bool:
        """Whether each of these was asked and passed."""
        good = {found.code for found in self.findings if found.status == "pass"}
        return bool(codes) and good.issuperset(codes)
