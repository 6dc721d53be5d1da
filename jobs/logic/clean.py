"""What makes a conversation unfit to learn from, and what can be put right without a doubt."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from typing import NamedTuple

from jobs.logic import markup, mojibake
from jobs.logic.repetition import RepetitionLimits, repeated_character, repeated_phrase
from jobs.logic.rows import Message, Row, shown

TAG_REASONS = ("template-header", "hashtags", "label", "role-label", "bracket-tag", "markup-tag")
REASONS = (
    "empty-answer",
    "empty-prompt",
    "control-token",
    "think-tag",
    "mojibake",
    *TAG_REASONS,
    "repeated-character",
    "repeated-phrase",
)
"""Every word a row can be dropped for here."""


class Fault(NamedTuple):
    """Why a row is dropped: one of REASONS, and a short piece of what was seen."""

    reason: str
    evidence: str


def tidied(row: Row, mend: bool) -> None:
    """Put the text of `row` into the form that is trained on, and note in `row.changes` what that altered.

    Line ends become `\\n`, white space around a turn goes, text becomes NFC (Qwen's tokenizer does that too, but
    llama.cpp does not); with `mend`, mojibake is turned back where that is possible without loss.
    """
    row.messages = [Message(role, _tidied(content, mend, row.changes)) for role, content in row.messages]
    if row.source is not None:
        row.source = unicodedata.normalize("NFC", row.source)


def _tidied(text: str, mend: bool, changes: dict[str, str]) -> str:
    if "\r" in text:
        changes["line-ends"] = "carriage returns"
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if mend and mojibake.is_mojibake(text):
        meant = mojibake.mended(text)
        if meant is not None:
            changes["mojibake"] = shown(text)
            text = meant
    if not unicodedata.is_normalized("NFC", text):
        changes["nfc"] = shown(text)
        text = unicodedata.normalize("NFC", text)
    stripped = text.strip()
    if stripped != text:
        changes["outer-space"] = shown(text)
    return stripped


def is_tidy(messages: Sequence[Message]) -> bool:
    """Whether the text is in the form that `tidied` gives."""
    return all(
        text == text.strip() and "\r" not in text and unicodedata.is_normalized("NFC", text) for _, text in messages
    )


def fault(messages: Sequence[Message], limits: RepetitionLimits, allow: Collection[str]) -> Fault | None:
    """The first thing that makes the conversation unfit, or None; reasons in `allow` do not count."""
    for role, content in messages:
        found = _fault_of_turn(role, content, limits, allow)
        if found is not None:
            return Fault(found.reason, shown(f"{role}: {found.evidence}"))
    return None


def _fault_of_turn(role: str, text: str, limits: RepetitionLimits, allow: Collection[str]) -> Fault | None:
    answers = role == "assistant"
    said = markup.THOUGHT.sub("", text, count=1).strip() if answers and "<think>" in text else text
    if not _says_something(said):
        return Fault("empty-answer" if answers else "empty-prompt", text or "nothing")
    token = markup.control_token(text)
    if token is not None:
        return Fault("control-token", token)
    tag = markup.stray_think_tag(text, answers) if "hink" in text.lower() else None
    if tag is not None:
        return Fault("think-tag", tag)
    if "mojibake" not in allow and mojibake.is_mojibake(text):
        return Fault("mojibake", text)
    return _fault_of_answer(said, limits, allow) if answers else None


def _fault_of_answer(text: str, limits: RepetitionLimits, allow: Collection[str]) -> Fault | None:
    for reason, evidence in markup.tag_forms(text):
        if reason not in allow:
            return Fault(reason, evidence)
    for reason, search in (("repeated-character", repeated_character), ("repeated-phrase", repeated_phrase)):
        found = search(text, limits) if reason not in allow else None
        if found is not None:
            return Fault(reason, found)
    return None


def _says_something(text: str) -> bool:
    """Whether there is more than white space and invisible characters."""
    return bool(text.strip()) and bool(markup.INVISIBLE.sub("", text).strip() if not text.isascii() else text)
