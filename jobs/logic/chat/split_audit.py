"""A tokenized split against the conversations it was made from: which rows are missing, foreign or wrong, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jobs.logic.chat import brought
from jobs.logic.chat.brought import Brought
from jobs.logic.chat.chatml import NOT_GRADED, THINK_CLOSE, THINK_OPEN, Chat, TokenRow, well_formed_thoughts
from jobs.logic.chat.row_audit import Decode, Expected, audit
from jobs.logic.chat.token_rows import Conversation

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Rules:
    """What rows are held against."""

    chat: Chat
    max_length: int
    drops_long_rows: bool
    added: Mapping[str, int]
    """Every added token of the tokenizer: string to id."""
    has_control_text: Callable[[str], bool]


@dataclass(frozen=True)
class SplitAudit:
    """What was found."""

    offences: list[tuple[str, str]]
    """(name of the offence, id of the row)."""
    num_rows_in: int
    rows: dict[str, TokenRow]
    """Those that `prepare` knows, by id."""
    expected: dict[str, Expected]
    """Of every conversation, also where its row is missing."""
    brought: Brought
    """By the conversations whose rows are there."""

    @property
    def lengths(self) -> list[int]:
        """Of every conversation, in tokens; of a missing row as the template renders it."""
        return [
            len(self.rows[name].ids) if name in self.rows else len(expected.ids)
            for name, expected in self.expected.items()
        ]

    def num_graded(self, kinds: str) -> int:
        """Graded tokens of these kinds."""
        return sum(row.kinds.count(kind) for row in self.rows.values() for kind in kinds)

    def num_turns(self, with_block: bool) -> int:
        """Graded turns that open with a thinking block, or that do not."""
        return sum(
            turn.graded and (turn.thoughts is not None) == with_block
            for name in self.rows
            for turn in self.expected[name].turns
        )


def audit_split(
    conversations: Sequence[Conversation],
    expected: Sequence[Expected],
    written: Sequence[tuple[str, TokenRow]],
    rules: Rules,
    decode: Decode,
    progress: Progress,
) -> SplitAudit:
    """Hold `written` rows against the conversations; `expected` runs along `conversations`."""
    by_id = {row.id: one for row, one in zip(conversations, expected, strict=True)}
    offences: list[tuple[str, str]] = []
    rows: dict[str, TokenRow] = {}
    for place, (name, row) in enumerate(written):
        if name not in by_id or name in rows:
            offences.append(("unknown", name))
            continue
        rows[name] = row
        offences += [(offence, name) for offence in _audit_row(row, by_id[name], rules, decode)]
        progress(place + 1)
    for conversation in conversations:
        if conversation.id not in rows:
            too_long = rules.drops_long_rows and len(by_id[conversation.id].ids) > rules.max_length
            offences.append(("dropped" if too_long else "lost", conversation.id))
        offences += [(offence, conversation.id) for offence in audit_text(conversation, rules)]
    here = ((conversation, by_id[conversation.id].turns) for conversation in conversations if conversation.id in rows)
    return SplitAudit(offences, len(conversations), rows, by_id, brought.counted(here))


def _audit_row(row: TokenRow, expected: Expected, rules: Rules, decode: Decode) -> Iterator[str]:
    # Rows that bring thoughts cannot begin with the prompt that rules thinking out.
    if rules.chat.thinking_block == "keep":
        expected = replace(expected, prompts=expected.prompts[:1])
    yield from audit(row, expected, rules.added, decode)
    if len(row.ids) > rules.max_length:
        yield "too_long"


def audit_text(conversation: Conversation, rules: Rules) -> Iterator[str]:
    """Offences in what people wrote."""
    said = [message for message in conversation.messages if message["role"] == "assistant"]
    thoughts = [message.get("reasoning_content", "") for message in said]
    answers = [message["content"] for message in said]
    asked = [message["content"] for message in conversation.messages if message["role"] != "assistant"]
    if not all(_think_tags_as_configured(answer, rules.chat) for answer in answers) or _tags_twice(thoughts, answers):
        yield "think_tags"
    plain = [*thoughts, *answers]
    plain = [answer.replace(THINK_OPEN, "").replace(THINK_CLOSE, "") for answer in plain]
    if any(map(rules.has_control_text, plain)):
        yield "control_text_in_answer"
    if any(map(rules.has_control_text, asked)):
        yield "control_text_in_prompt"


def _think_tags_as_configured(answer: str, chat: Chat) -> bool:
    if chat.thinking_block == "keep":
        return well_formed_thoughts(answer)
    return THINK_OPEN not in answer and THINK_CLOSE not in answer


def _tags_twice(thoughts: Sequence[str], answers: Sequence[str]) -> bool:
    """Whether there are think tags where the thoughts stand in a field of their own."""
    return any(
        tag in text
        for inner, answer in zip(thoughts, answers, strict=True)
        for text in (inner, answer)
        for tag in (THINK_OPEN, THINK_CLOSE)
        if inner
    )


def graded_tokens_beyond(rows: Sequence[TokenRow], length: int) -> int:
    """Graded tokens that a cut at `length` would lose."""
    return sum(label != NOT_GRADED for row in rows for label in row.labels[length:])


def differing_lines(lines: Sequence[Mapping[str, Any]], expected: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The ids whose line is missing, foreign or another than expected, sorted."""
    by_id = {line["id"]: line for line in lines}
    return [name for name in sorted(by_id.keys() | expected.keys()) if by_id.get(name) != expected.get(name)]
