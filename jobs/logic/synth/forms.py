"""How the prompts of a set are put together: what all of them say, and what each says for itself.

A set of titles says the same line above every article; a set of questions has `Question: ` below every passage. What is
fixed is never left to a model: it writes what goes into the slots, in the order and layout of the row that leads.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

LEAST, LEAST_SHARE = 4, 0.05
"""Prompts, and their share of all, that must say a thing for it to be fixed."""
OPENING_LINE = re.compile(r"[^\n:：]{2,200}(?:[:：]\s*|\n+)")
"""A first line, or what stands before its colon."""
LAST_LINE = re.compile(r"(?<!\n)(\n++)([^\n]{1,200}+)\Z")
LINE_LABEL = re.compile(r"[^\n:：]{1,40}[:：][^\S\n]*")
BREAK = re.compile(r"\n+")
LONGEST_INSTRUCTION = 300
"""Characters of a first paragraph that is an instruction, with its material below."""
LEAST_LABELLED, MOST_LABELS, LABEL_SHARE, LONGEST_LABEL = 12, 12, 0.9, 40
"""Answers from which on, different ones up to which, the share that they must cover, and the characters of one: then
the answers of a form are labels."""


class Form(NamedTuple):
    """How a prompt is put together: fixed, slot, fixed, slot ... fixed."""

    fixed: tuple[str, ...]
    slots: tuple[str, ...]

    def fill(self, values: Sequence[str]) -> str:
        """The prompt with these values in the slots."""
        pairs = zip(self.fixed, (*values, ""), strict=True)
        return "".join(piece for pair in pairs for piece in pair)

    def frame(self) -> str:
        """The prompt with the names of the slots in it, for a model to see."""
        return self.fill([f"[{slot}]" for slot in self.slots])

    @property
    def is_fixed(self) -> bool:
        """Whether the instruction is the same for all: it is not for a model to write or to change."""
        return any(piece.strip() for piece in self.fixed)


FREE = Form(("", ""), ("prompt",))


class Parts(NamedTuple):
    """A prompt by its form."""

    form: Form
    values: tuple[str, ...]

    @property
    def telling(self) -> str:
        """What the prompt says for itself: two prompts are compared by this."""
        return "\n".join(self.values)


class Forms:
    """The forms of a set's prompts."""

    def __init__(self, prompts: Sequence[str]) -> None:
        least = max(LEAST, round(LEAST_SHARE * len(prompts)))
        self._heads = _heads(prompts, least)
        lasts, labels = Counter[str](), Counter[str]()
        for prompt in prompts:
            found = LAST_LINE.search(prompt[len(self._head(prompt)) :])
            label = LINE_LABEL.match(found[2]) if found else None
            lasts.update([found[0]] if found else [])
            labels.update([f"{found[1]}{label[0]}"] if found and label else [])
        self._lasts = {last for last, number in lasts.items() if number >= least}
        self._labels = {label for label, number in labels.items() if number >= least}

    def parts(self, prompt: str) -> Parts:
        """The prompt taken apart; `form.fill(values)` is the prompt again."""
        head = self._head(prompt)
        body = prompt[len(head) :]
        found = LAST_LINE.search(body)
        label = LINE_LABEL.match(found[2]) if found else None
        if found and found.start() and found[0] in self._lasts:
            return Parts(Form((head, found[0]), ("material",)), (body[: found.start()],))
        if found and found.start() and label and f"{found[1]}{label[0]}" in self._labels:
            above, below = body[: found.start()], found[2][label.end() :]
            if below:
                return Parts(Form((head, f"{found[1]}{label[0]}", ""), ("material", "request")), (above, below))
        if head:
            return Parts(Form((head, ""), ("material",)), (body,))
        gap = BREAK.search(prompt)
        if gap and 0 < gap.start() <= LONGEST_INSTRUCTION and gap.end() < len(prompt):
            values = prompt[: gap.start()], prompt[gap.end() :]
            return Parts(Form(("", gap[0], ""), ("instruction", "material")), values)
        return Parts(FREE, (prompt,))

    def _head(self, prompt: str) -> str:
        found = OPENING_LINE.match(prompt)
        head = self._heads.get(found[0], "") if found else ""
        return head if prompt.startswith(head) and len(head) < len(prompt) else ""


def labels_of(answers: Sequence[str]) -> tuple[str, ...]:
    """The labels that answers are, the most frequent first; none where they are no labels."""
    counts = Counter(answers)
    first = counts.most_common(MOST_LABELS)
    covered = sum(number for _, number in first if number > 1)
    if len(answers) < LEAST_LABELLED or covered < LABEL_SHARE * len(answers):
        return ()
    return tuple(label for label, number in first if number > 1 and len(label) <= LONGEST_LABEL)


def _heads(prompts: Sequence[str], least: int) -> dict[str, str]:
    """What prompts that begin alike have in common, up to the end of a line or a label, by their beginning."""
    groups: dict[str, list[str]] = defaultdict(list)
    for prompt in prompts:
        found = OPENING_LINE.match(prompt)
        if found:
            groups[found[0]].append(prompt)
    heads = {}
    for beginning, group in groups.items():
        if len(group) >= least and len(set(group)) > 1:
            common = _common(min(group), max(group))
            cuts = [cut.end() for cut in re.finditer(r"[:：]\s*|\n+", common)]
            heads[beginning] = common[: max([len(beginning), *cuts])]
    return heads


def _common(first: str, last: str) -> str:
    """What two texts begin with alike; of the first and the last of many in order, what all of them do."""
    for place, (one, other) in enumerate(zip(first, last, strict=False)):
        if one != other:
            return first[:place]
    return first[: len(last)]
