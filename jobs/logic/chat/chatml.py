"""ChatML rows as pieces of text: what a row is made of, and which of it the loss grades.

A turn is `<|im_start|>role\\n` content `<|im_end|>\\n`. Of an assistant turn the content and `<|im_end|>` are graded,
the thinking block before the content where the settings say so, and never what the generation prompt already has of
it, nor anything after the stop token: the newline behind it is written by the template, not by the model.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, takewhile
from typing import Any, Literal

IM_START = "<|im_start|>"
IM_END = "<|im_end|>"
END_OF_TEXT = "<|endoftext|>"
THINK_OPEN = "<think>"
THINK_CLOSE = "</think>"
NOT_GRADED = -100
"""What the cross entropy of PyTorch leaves out (its default `ignore_index`)."""

Kind = Literal["control", "template", "content"]
Message = Mapping[str, Any]
"""`role` and `content`; where a row has them `reasoning_content`, the thoughts before an answer, and `weight`, 0 for an
answer that is not to be learnt."""

# Newlines at the start of an answer fuse with the newline of the header into one token ("\n\n" is one), and the answer
# would no longer begin where a token does. Indentation of the first line with text is kept.
LEADING_BLANK_LINES = re.compile(r"\A\s*[\r\n]")
OWN_THOUGHTS = re.compile(rf"\A\s*{THINK_OPEN}(.*?){THINK_CLOSE}", re.DOTALL)


@dataclass(frozen=True)
class Chat:
    """How conversations become rows."""

    thinking_block: Literal["empty", "none", "keep"]
    grade_thinking_block: bool
    graded_turns: Literal["all", "last"]
    grade_end_of_turn: bool = True
    """Without it a model is not taught to stop."""
    opening: str = ""
    """What the default generation prompt has after an answer's header: `<think>\\n` where it opens the block."""


@dataclass(frozen=True)
class Piece:
    """A stretch of a row. `control` is one control token by its string, never text that somebody typed."""

    text: str
    kind: Kind
    graded: bool


@dataclass(frozen=True)
class Turn:
    """One message as it is laid out in the row."""

    role: str
    content: str
    thoughts: str | None
    """Inside the thinking block; None where the turn has no block."""
    graded: bool
    block_graded: bool
    end_graded: bool = True
    """Whether the token that ends a graded turn is graded too."""
    given: str = ""
    """The prompt's part of the answer, after the header: never graded."""

    @property
    def block(self) -> list[Piece]:
        """The thinking block, with the empty line after it."""
        if self.thoughts is None:
            return []
        graded = self.block_graded
        inner = [
            Piece("\n", "template", graded),
            Piece(self.thoughts, "content", graded),
            Piece("\n", "template", graded),
        ]
        whole = [
            Piece(THINK_OPEN, "control", graded),
            *inner,
            Piece(THINK_CLOSE, "control", graded),
            Piece("\n\n", "template", graded),
        ]
        return without_grading(whole, self.given)

    @property
    def pieces(self) -> list[Piece]:
        """Everything from `<|im_start|>` to the newline after `<|im_end|>`."""
        return [
            Piece(IM_START, "control", False),
            Piece(f"{self.role}\n", "template", False),
            *self.block,
            Piece(self.content, "content", self.graded),
            Piece(IM_END, "control", self.graded and self.end_graded),
            Piece("\n", "template", False),
        ]

    @property
    def graded_text(self) -> str:
        """What the loss grades, as one string."""
        return "".join(piece.text for piece in self.pieces if piece.graded)

    @property
    def opening(self) -> str:
        """What stands between `<|im_start|>` and the first graded token."""
        return "".join(piece.text for piece in takewhile(lambda piece: not piece.graded, self.pieces[1:]))


def without_grading(pieces: Sequence[Piece], given: str) -> list[Piece]:
    """The pieces, those that `given` ends in or after not graded; all as they are where they do not begin with it."""
    starts = [sum(len(piece.text) for piece in pieces[:place]) for place in range(len(pieces))]
    if not "".join(piece.text for piece in pieces).startswith(given):
        return list(pieces)
    return [
        replace(piece, graded=piece.graded and start >= len(given)) for start, piece in zip(starts, pieces, strict=True)
    ]


def turns(messages: Sequence[Message], chat: Chat) -> list[Turn]:
    """The turns of a conversation that ends with an assistant's answer, its text in NFC."""
    last = len(messages) - 1
    last_user = max((place for place, message in enumerate(messages) if message["role"] == "user"), default=last)
    laid_out = []
    for place, message in enumerate(messages):
        content = unicodedata.normalize("NFC", message["content"])
        if message["role"] != "assistant":
            laid_out.append(Turn(message["role"], content, None, False, False))
            continue
        thoughts, answer = own_thoughts(message, content) if chat.thinking_block == "keep" else (None, content)
        if place < last_user or chat.thinking_block == "none":
            thoughts = None
        elif place == last:
            thoughts = thoughts or ""
        graded = (place == last or chat.graded_turns == "all") and is_learnt(message)
        block_graded = graded and chat.grade_thinking_block and thoughts is not None
        answer = without_leading_blank_lines(answer)
        laid_out.append(Turn("assistant", answer, thoughts, graded, block_graded, chat.grade_end_of_turn, chat.opening))
    return laid_out


def is_learnt(message: Message) -> bool:
    """Whether an answer is to be learnt, as far as its row says."""
    return bool(message.get("weight", 1))


def own_thoughts(message: Message, content: str) -> tuple[str | None, str]:
    """The thoughts of an answer, from their own field or from the block in its `content`, and the answer after them."""
    field = message.get("reasoning_content")
    if not field:
        return split_thoughts(content)
    return without_leading_blank_lines(unicodedata.normalize("NFC", field)).strip("\n"), content


def split_thoughts(content: str) -> tuple[str | None, str]:
    """The text inside an answer's own `<think>` block, or None, and the answer after it.

    An answer whose tags are not one pair at its start is left as it is: `think_tags` counts it.
    """
    found = OWN_THOUGHTS.match(content)
    if found is None or not well_formed_thoughts(content):
        return None, content
    return without_leading_blank_lines(found.group(1)).strip("\n"), content[found.end() :]


def well_formed_thoughts(content: str) -> bool:
    """Whether the think tags of an answer are none, or one pair with nothing before it."""
    counts = (content.count(THINK_OPEN), content.count(THINK_CLOSE))
    return counts == (0, 0) or (counts == (1, 1) and OWN_THOUGHTS.match(content) is not None)


def without_leading_blank_lines(text: str) -> str:
    """`text` from its first line that is not blank."""
    return LEADING_BLANK_LINES.sub("", text)


def template_messages(laid_out: Sequence[Turn], shielded: Callable[[str], str]) -> list[dict[str, str]]:
    """The turns as messages for a chat template, every text passed through `shielded`.

    An empty block is left to the template; a block with thoughts goes in as text, the way the rows bring it.
    """
    messages = []
    for turn in laid_out:
        block = f"{THINK_OPEN}\n{shielded(turn.thoughts)}\n{THINK_CLOSE}\n\n" if turn.thoughts else ""
        messages.append({"role": turn.role, "content": block + shielded(turn.content)})
    return messages


def row_pieces(laid_out: Sequence[Turn]) -> list[Piece]:
    """The pieces of a whole row, empty ones left out."""
    return [piece for turn in laid_out for piece in turn.pieces if piece.text]


@dataclass(frozen=True)
class Encoded:
    """Token ids of a text, and the characters `[start, end)` that each token stands for."""

    ids: Sequence[int]
    offsets: Sequence[tuple[int, int]]


Encode = Callable[[Sequence[str]], Sequence[Encoded]]
"""Encodes plain text: no string in it ever becomes a control or added token."""


@dataclass(frozen=True)
class TokenRow:
    """A row as training sees it; the three sequences have one entry per token."""

    ids: list[int]
    labels: list[int]
    kinds: str
    """`p` not graded, `t` graded token of the template, `c` graded token of the content."""


def tokenize(rows: Sequence[Sequence[Piece]], control: Mapping[str, int], encode: Encode) -> list[TokenRow]:
    """Rows of pieces as tokens. The text between two control tokens is encoded as one string, as a template's is.

    Raises KeyError for a control token that the tokenizer does not have.
    """
    texts = dict.fromkeys(text for pieces in rows for stretch in stretches(pieces) if (text := joined(stretch)))
    encoded = dict(zip(texts, encode(list(texts)), strict=True))
    return [_token_row(pieces, control, encoded) for pieces in rows]


def stretches(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Neighbouring pieces of text together, each control token alone."""
    for is_control, group in groupby(pieces, key=lambda piece: piece.kind == "control"):
        if is_control:
            yield from ([piece] for piece in group)
        else:
            yield list(group)


def joined(stretch: Sequence[Piece]) -> str:
    """The text of a stretch; empty for a control token, which is never encoded."""
    return "" if stretch[0].kind == "control" else "".join(piece.text for piece in stretch)


def _token_row(pieces: Sequence[Piece], control: Mapping[str, int], encoded: Mapping[str, Encoded]) -> TokenRow:
    ids: list[int] = []
    kinds: list[str] = []
    for stretch in stretches(pieces):
        if stretch[0].kind == "control":
            ids.append(control[stretch[0].text])
            kinds.append("t" if stretch[0].graded else "p")
        else:
            tokens = encoded[joined(stretch)]
            ids.extend(tokens.ids)
            kinds.extend(_letters(stretch, tokens))
    labels = [number if kind != "p" else NOT_GRADED for number, kind in zip(ids, kinds, strict=True)]
    return TokenRow(ids, labels, "".join(kinds))


def _letters(stretch: Sequence[Piece], tokens: Encoded) -> str:
    """One letter per token. A token that reaches over a border of what is graded is not graded; it is an offence that
    is found again when the row is audited, for then the graded text is not the answer."""
    if not any(piece.graded for piece in stretch):
        return "p" * len(tokens.ids)
    borders, start = [], 0
    for piece in stretch:
        borders.append((start, start + len(piece.text), piece))
        start += len(piece.text)
    letters = []
    for token_start, token_end in tokens.offsets:
        touched = [piece for begin, end, piece in borders if begin < token_end and token_start < end]
        graded = bool(touched) and all(piece.graded for piece in touched)
        content = any(piece.kind == "content" for piece in touched)
        letters.append("p" if not graded else "c" if content else "t")
    return "".join(letters)
