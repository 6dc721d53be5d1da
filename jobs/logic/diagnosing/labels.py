"""What is odd in rows of token ids and labels, row by row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from jobs.logic.chat.chatml import IM_END, IM_START, NOT_GRADED, THINK_OPEN
from jobs.logic.diagnosing.tokens_seen import LabelsSeen

__all__ = ["IM_END", "IM_START", "ROLES", "THINK_OPEN", "Alphabet", "Shape", "Tally"]

ROLES = ("system", "user", "assistant", "tool")
NUM_EXAMPLES = 5
GOOD = ("end_of_turn", "end_of_turn_graded")
"""What a row should have."""


@dataclass(frozen=True)
class Alphabet:
    """Ids that rows of ChatML are made of; -1 for what the tokenizer does not have."""

    start: int
    end: int
    newline: int
    newlines: frozenset[int]
    """Tokens of nothing but white space with a newline in it."""
    roles: Mapping[str, int]
    think: int
    special: frozenset[int]


@dataclass(frozen=True)
class Shape:
    """What a conversation is made of."""

    roles: tuple[str, ...]
    spells_control: bool


@dataclass(frozen=True)
class Span:
    """One turn: where its `<|im_start|>` is, where its text begins, where its `<|im_end|>` is, or None."""

    role: str
    start: int
    text: int
    end: int | None
    header_odd: bool


def spans(ids: Sequence[int], alphabet: Alphabet) -> list[Span]:
    """The turns of a row, as far as its ids show them."""
    by_id = {number: role for role, number in alphabet.roles.items()}
    starts = [place for place, number in enumerate(ids) if number == alphabet.start]
    found = []
    for place, following in pairwise([*starts, len(ids)]):
        role = by_id.get(ids[place + 1], "") if place + 1 < following else ""
        header = place + 2
        odd = bool(role) and not (header < following and ids[header] == alphabet.newline)
        odd = odd or (header + 1 < following and role == "assistant" and ids[header + 1] in alphabet.newlines)
        text = min(header + (header < following and ids[header] in alphabet.newlines), following)
        end = next((at for at in range(following - 1, text - 1, -1) if ids[at] == alphabet.end), None)
        found.append(Span(role, place, text, end, odd))
    return found


@dataclass
class Tally:
    """Counts over rows."""

    alphabet: Alphabet
    num_rows: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[int]] = field(default_factory=dict)
    num_tokens: int = 0
    num_graded: int = 0
    lengths: Counter[int] = field(default_factory=Counter)
    cut_lengths: Counter[int] = field(default_factory=Counter)

    def add(self, ids: Sequence[int], labels: Sequence[int], shape: Shape | None) -> None:
        """Count one row; `shape` is what its conversation is made of, where that is known."""
        self.num_rows += 1
        self.num_tokens += len(ids)
        self.num_graded += sum(label != NOT_GRADED for label in labels)
        self.lengths[len(ids)] += 1
        for name in sorted(set(oddities(ids, labels, shape, self.alphabet))):
            self.cut_lengths[len(ids)] += name == "cut"
            self.counts[name] += 1
            rows = self.examples.setdefault(name, [])
            if len(rows) < NUM_EXAMPLES:
                rows.append(self.num_rows)

    def seen(self, file: str, with_conversations: bool) -> LabelsSeen:
        """What was counted."""
        count = self.counts
        return LabelsSeen(
            file=file,
            num_rows=self.num_rows,
            num_without_graded=count["without_graded"],
            num_end_of_turn_graded=count["end_of_turn_graded"],
            num_end_of_turn=count["end_of_turn"],
            num_cut=count["cut"],
            num_prompt_graded=count["prompt_graded"],
            num_shifted=count["shifted"],
            num_header_odd=count["header_odd"],
            num_system_added=count["system_added"],
            num_doubled_bos=count["doubled_bos"],
            num_control_from_content=count["control_from_content"],
            think_graded=(count["think_graded"], count["think_not_graded"]),
            share_graded=self.num_graded / self.num_tokens,
            num_inverted=count["inverted"],
            num_without_turns=count["without_turns"],
            num_cut_at_longest=self.cut_lengths[max(self.lengths)],
            num_tokens_longest=max(self.lengths),
            examples={name: tuple(rows) for name, rows in sorted(self.examples.items()) if name not in GOOD},
            with_conversations=with_conversations,
        )


def oddities(
    ids: Sequence[int], labels: Sequence[int], shape: Shape | None, alphabet: Alphabet
) -> Iterator[str]:  # fmt: skip
    """Names of what a row has, good and bad."""
    turns = spans(ids, alphabet)
    graded = [place for place, label in enumerate(labels) if label != NOT_GRADED]
    if not graded:
        yield "without_graded"
    if len(ids) > 1 and ids[0] == ids[1] and ids[0] in alphabet.special:
        yield "doubled_bos"
    if any(turn.header_odd for turn in turns if turn.role == "assistant") or (
        turns and all(turn.header_odd for turn in turns)
    ):
        yield "header_odd"
    answers = [turn for turn in turns if turn.role == "assistant"]
    if not answers:
        yield "without_turns"
        return
    if any(not turn.role for turn in turns):
        yield "control_from_content"
    if shape is not None:
        yield from _against(shape, turns)
    yield from _of_answers(ids, labels, answers, graded, alphabet)


def _against(shape: Shape, turns: Sequence[Span]) -> Iterator[str]:
    """What a row has that its conversation has not."""
    has_system = bool(turns) and turns[0].role == "system"
    if has_system and "system" not in shape.roles:
        yield "system_added"
    expected = len(shape.roles) + (has_system and "system" not in shape.roles)
    if len(turns) > expected and shape.spells_control:
        yield "control_from_content"


def _of_answers(
    ids: Sequence[int], labels: Sequence[int], answers: Sequence[Span], graded: Sequence[int], alphabet: Alphabet
) -> Iterator[str]:
    last = answers[-1]
    if last.end is None:
        yield "cut"
    else:
        yield "end_of_turn"
        yield "end_of_turn_graded" if labels[last.end] == alphabet.end else "end_of_turn_ungraded"
    inside = {at for turn in answers for at in range(turn.text, (len(ids) if turn.end is None else turn.end) + 1)}
    # The newline behind the end of a turn is the template's: TRL grades it, and it harms nothing.
    beside = {turn.end + 1 for turn in answers if turn.end is not None}
    outside = [at for at in graded if at not in inside and at not in beside]
    shifted = _is_shifted(ids, labels, answers, graded, alphabet)
    if shifted:
        yield "shifted"
    elif outside and not any(at in inside for at in graded):
        yield "inverted"
    elif outside:
        yield "prompt_graded"
    thinks = [at for at in range(last.text, min(last.text + 4, len(ids))) if ids[at] == alphabet.think]
    if thinks:
        yield "think_graded" if labels[thinks[0]] != NOT_GRADED else "think_not_graded"


def _is_shifted(
    ids: Sequence[int], labels: Sequence[int], answers: Sequence[Span], graded: Sequence[int], alphabet: Alphabet
) -> bool:
    """Whether labels stand one token beside their ids, or the graded span one token beside the answer."""
    if any(labels[at] != ids[at] for at in graded):
        for by in (-1, 1):
            pairs = [(at, at + by) for at in graded if 0 <= at + by < len(ids)]
            if pairs and all(labels[at] == ids[other] for at, other in pairs):
                return True
        return False
    last = answers[-1]
    of_last = [at for at in graded if at >= last.start]
    if not of_last or last.end is None:
        return False
    before = of_last[0] == last.text - 1 and of_last[-1] == last.end - 1
    behind = of_last[0] == last.text + 1 and of_last[-1] == last.end + 1 and ids[last.text] != alphabet.think
    return before or behind
