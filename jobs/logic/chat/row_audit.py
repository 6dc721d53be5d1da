"""Is a tokenized row what its conversation and the chat template say it must be?

Every answer here is read off the row itself and off what the template renders, never off the code that made the row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from jobs.logic.chat.chatml import IM_END, IM_START, NOT_GRADED, THINK_CLOSE, TokenRow, Turn, row_pieces

Decode = Callable[[Sequence[int]], str]


@dataclass(frozen=True)
class Expected:
    """What the row of a conversation must be."""

    turns: list[Turn]
    text: str
    """As the chat template renders it."""
    ids: list[int]
    """Of `text`."""
    prompts: list[list[int]]
    """Generation prompts of the last answer: what a server feeds before the model goes on."""


def audit(row: TokenRow, expected: Expected, added: Mapping[str, int], decode: Decode) -> Iterator[str]:
    """The names of the row's offences; `added` is every added token of the tokenizer by its string."""
    if not consistent(row):
        yield "labels_differ"
        return
    control = [added[piece.text] for piece in row_pieces(expected.turns) if piece.kind == "control"]
    numbers = set(added.values())
    if [number for number in row.ids if number in numbers] != control:
        yield "control_token_from_content"
    if decode(row.ids) != expected.text:
        yield "template_differs"
    elif row.ids != expected.ids:
        yield "encoding_differs"
    if any(row.ids[: len(prompt)] != prompt for prompt in expected.prompts):
        yield "prompt_not_prefix"
    elif any(_grades_prompt(row, prompt, added[IM_START]) for prompt in expected.prompts[:1]):
        yield "graded_elsewhere"
    yield from _audit_labels(row, expected, added, decode)


def consistent(row: TokenRow) -> bool:
    """Whether the three sequences agree: each label is its token or none, each letter says so too."""
    return len(row.ids) == len(row.labels) == len(row.kinds) and all(
        label == NOT_GRADED if kind == "p" else (kind in "tc" and label == number)
        for number, label, kind in zip(row.ids, row.labels, row.kinds, strict=True)
    )


def _grades_prompt(row: TokenRow, prompt: Sequence[int], im_start: int) -> bool:
    """Whether a token of the last answer that its generation prompt brings is graded: nobody asks the model for it."""
    header = max((place for place, number in enumerate(prompt) if number == im_start), default=0)
    return any(label != NOT_GRADED for label in row.labels[header : len(prompt)])


def _audit_labels(row: TokenRow, expected: Expected, added: Mapping[str, int], decode: Decode) -> Iterator[str]:
    starts = [place for place, number in enumerate(row.ids) if number == added[IM_START]]
    graded = [place for place, label in enumerate(row.labels) if label != NOT_GRADED]
    if len(starts) != len(expected.turns):
        if not graded:
            yield "no_graded_tokens"
        elif row.ids[graded[-1]] != added[IM_END]:
            yield "end_of_turn_not_graded"
        return
    found = {"graded_elsewhere"} if graded and graded[0] < starts[0] else set()
    for start, end, turn in zip(starts, [*starts[1:], len(row.ids)], expected.turns, strict=True):
        places = [place for place in graded if start <= place < end]
        if turn.graded:
            found.update(_audit_turn(row, start, places, turn, added, decode))
        elif places:
            found.add("graded_elsewhere")
    yield from sorted(found)


def _audit_turn(
    row: TokenRow, start: int, graded: Sequence[int], turn: Turn, added: Mapping[str, int], decode: Decode
) -> Iterator[str]:
    """`start` is where `<|im_start|>` stands, `graded` the places of the turn that are graded."""
    content = [place for place in graded if row.kinds[place] == "c"]
    if not content:
        yield "no_graded_tokens"
    ids = [row.ids[place] for place in graded]
    if not ids:
        return
    if added[IM_END] not in ids:
        yield "end_of_turn_not_graded"
    if decode(row.ids[start + 1 : graded[0]]) != turn.opening:
        yield "border_not_at_token"
    text = decode(ids)
    if text not in (turn.graded_text, turn.graded_text.removesuffix(IM_END)):
        yield "graded_elsewhere" if turn.graded_text in text else "answer_not_graded"
    if turn.block_graded and added[THINK_CLOSE] in ids:
        content = [place for place in content if place > row.ids.index(added[THINK_CLOSE], start)]
    if decode([row.ids[place] for place in content]) != turn.content:
        yield "answer_not_graded"
