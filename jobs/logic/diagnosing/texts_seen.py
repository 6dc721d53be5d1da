"""Rows that are whole texts, as scripts render them before they tokenize: what stands around their turns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from jobs.logic.chat.chatml import IM_END, IM_START
from jobs.logic.diagnosing.layout import HEADER

DOUBLED = re.compile(r"(<\|[^|<>]{1,40}\|>)\1")
OTHERS = ("### Instruction", "### Response", "[INST]", "<start_of_turn>", "<|start_header_id|>", "USER:", "Human:",
          "<|user|>", "<|assistant|>", "\nAssistant:")  # fmt: skip
"""What other templates than ChatML write around turns."""
NUM_EXAMPLES = 5


@dataclass(frozen=True)
class TextsSeen:
    """Counts over rows."""

    file: str
    num_rows: int
    num_of_another_template: int
    """Rows with the marks of another template and none of ChatML's."""
    num_cut: int
    """Rows whose last answer has no `<|im_end|>`."""
    num_header_odd: int
    num_doubled: int
    """Rows that begin with the same control token twice."""
    num_same_system: int
    """Rows that begin with the commonest system message."""
    system: str
    examples: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass
class TextTally:
    """Rows as they come."""

    num_rows: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    systems: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[int]] = field(default_factory=dict)

    def add(self, text: str) -> None:
        self.num_rows += 1
        for name in oddities(text):
            self.counts[name] += 1
            rows = self.examples.setdefault(name, [])
            if len(rows) < NUM_EXAMPLES:
                rows.append(self.num_rows)
        start = f"{IM_START}system\n"
        if text.startswith(start) and len(self.systems) < 1000:
            self.systems[text[len(start) :].partition(IM_END)[0]] += 1

    def seen(self, file: str) -> TextsSeen | None:
        """None where the rows are no turns of any template."""
        if self.counts["chatml"] + self.counts["another"] < 0.5 * self.num_rows or not self.num_rows:
            return None
        system, num = self.systems.most_common(1)[0] if self.systems else ("", 0)
        return TextsSeen(
            file, self.num_rows, self.counts["another"], self.counts["cut"], self.counts["header_odd"],
            self.counts["doubled"], num, system, {name: tuple(rows) for name, rows in sorted(self.examples.items())},
        )  # fmt: skip


def oddities(text: str) -> Iterator[str]:
    """Names of what a text has."""
    if IM_START not in text:
        if any(mark in text for mark in OTHERS):
            yield "another"
        return
    yield "chatml"
    if DOUBLED.match(text):
        yield "doubled"
    headers = [len(found[2]) for found in HEADER.finditer(text) if found[1] == "assistant"]
    if headers and any(num != 1 for num in headers):
        yield "header_odd"
    _, answer, behind = text.rpartition(f"{IM_START}assistant")
    if answer and IM_END not in behind:
        yield "cut"
