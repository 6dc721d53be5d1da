"""Rows of a batch laid end to end, and the attention that never crosses from one to another.

Nothing is padded, and what rows of one run begin with in common (a system prompt, a document that is asked about
several times) is computed once, forward and backward. Without dropout it is the same sum as row by row; dropout falls
once on what is computed once. The attention is scaled dot-product attention, segment by segment: on a CPU and on CUDA
alike, in the model's dtype, with torch's own kernels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from jobs.engines.training.batches import FILLERS, WEIGHTS, Row
from jobs.logic.training import layout

NAME = "kiwame_rows"
"""Of the attention function, as transformers knows it."""
IGNORED = -100
HELD = "held"
"""What a batch has beside its tensors."""


class Spans:
    """The segments of one run, with the masks of those that stand on others; made once, used in every layer."""

    def __init__(self, found: Sequence[layout.Segment], like: torch.Tensor) -> None:
        """`like`: a tensor of the model's dtype, on its device."""
        self.places: list[tuple[int, int]] = []
        at = 0
        for segment in found:
            self.places.append((at, at + segment.num_tokens))
            at += segment.num_tokens
        self.before = [self._before(found, number) for number in range(len(found))]
        self.masks = [
            _mask(end - start, sum(b - a for a, b in before), like) if before else None
            for (start, end), before in zip(self.places, self.before, strict=True)
        ]

    def _before(self, found: Sequence[layout.Segment], number: int) -> list[tuple[int, int]]:
        parents = []
        parent = found[number].parent
        while parent is not None:
            parents.append(self.places[parent])
            parent = found[parent].parent
        return parents[::-1]


def _mask(num_queries: int, num_before: int, like: torch.Tensor) -> torch.Tensor:
    """[queries, before + queries], added to scores: all of what stands before, and itself up to its own place."""
    keys = torch.arange(num_before + num_queries, device=like.device)
    queries = torch.arange(num_queries, device=like.device)[:, None]
    hidden = keys[None, :] > queries + num_before
    return torch.zeros_like(hidden, dtype=like.dtype).masked_fill(hidden, float("-inf"))


def attend(
    module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attention_mask: torch.Tensor | None,
    scaling: float | None = None, dropout: float = 0.0, spans: Spans | None = None, **rest: Any,
) -> tuple[torch.Tensor, None]:  # fmt: skip
    """Attention in transformers' form: [1, heads, tokens, width] to [1, tokens, heads, width]."""
    if spans is None:
        found: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, dropout=dropout, **rest
        )
        return found
    key, value = (repeat_kv(states, module.num_key_value_groups) for states in (key, value))
    parts = []
    for (start, end), before, mask in zip(spans.places, spans.before, spans.masks, strict=True):
        pieces = [*before, (start, end)]
        keys, values = (_joined(states, pieces) for states in (key, value))
        parts.append(
            scaled_dot_product_attention(
                query[:, :, start:end], keys, values, attn_mask=mask, dropout_p=dropout,
                is_causal=mask is None and end - start > 1, scale=scaling,
            )
        )  # fmt: skip
    return torch.cat(parts, dim=2).transpose(1, 2).contiguous(), None


def _joined(states: torch.Tensor, pieces: Sequence[tuple[int, int]]) -> torch.Tensor:
    found = [states[:, :, start:end] for start, end in pieces]
    return found[0] if len(found) == 1 else torch.cat(found, dim=2)


def _no_mask(*args: Any, attention_mask: torch.Tensor | None = None, **kwargs: Any) -> torch.Tensor | None:
    """Rows that are laid out need none; padded ones have transformers' own."""
    if attention_mask is None:
        return None
    found: torch.Tensor | None = sdpa_mask(*args, attention_mask=attention_mask, **kwargs)
    return found


def install() -> None:
    """Make the attention known to transformers."""
    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, _no_mask)


@dataclass(frozen=True)
class Run:
    """One run of rows as tensors [1, tokens], what each token belongs to, and how many tokens it stands for."""

    inputs: dict[str, torch.Tensor]
    row: torch.Tensor
    """Which of the rows each token is of; of those that share it, the first."""
    segments: tuple[layout.Segment, ...]
    num_tokens: int
    """Of the rows as they are."""

    def spans(self, like: torch.Tensor) -> Spans:
        """What `attend` needs, for a model whose dtype and device are those of `like`."""
        return Spans(self.segments, like)

    def batch(self) -> dict[str, Any]:
        """As the trainer's own methods take it."""
        return {**self.inputs, HELD: Held((), self)}


def run_of(rows: Sequence[Row]) -> Run:
    """Lay `rows` out. A row's first token is nobody's prediction, so it counts for nothing."""
    ids = [row["input_ids"] for row in rows]
    found = layout.segments(ids, [_shareable(row) for row in rows])
    columns: dict[str, list[Any]] = {"input_ids": [], "position_ids": []}
    columns |= {name: [] for name in FILLERS if name in rows[0]}
    of_row: list[int] = []
    for segment in found:
        row, part = rows[segment.row], slice(segment.start, segment.end)
        columns["position_ids"] += range(segment.start, segment.end)
        of_row += [segment.row] * segment.num_tokens
        for name in columns.keys() - {"position_ids"}:
            values = list(row[name][part])
            if segment.start == 0 and name in FILLERS:
                values[0] = FILLERS[name]
            columns[name] += values
    inputs = {name: torch.tensor([values]) for name, values in columns.items()}
    return Run(inputs, torch.tensor([of_row]), tuple(found), sum(map(len, ids)))


def _shareable(row: Row) -> int:
    """Tokens before the one that the first which counts is predicted from."""
    counts = row.get(WEIGHTS)
    for place, label in enumerate(row["labels"]):
        if place and (label != IGNORED or (counts is not None and counts[place] != 0)):
            return place - 1
    return len(row["input_ids"]) - 1


@dataclass(frozen=True)
class Held:
    """A batch's rows beside its tensors; a class of its own, so that nobody who moves tensors walks through them."""

    rows: tuple[Row, ...]
    run: Run


class LaidOut:
    """Batches in which nothing is padded: all rows in one run, which is what the trainer counts on, and the rows."""

    def __call__(self, rows: list[Row]) -> dict[str, Any]:
        run = run_of(rows)
        return {**run.inputs, HELD: Held(tuple(rows), run)}


def runs(held: Held, num_parts: int) -> list[Run]:
    """The rows of a batch in `num_parts` runs of about as many tokens."""
    if num_parts == 1:
        return [held.run]
    sizes = [len(row["input_ids"]) for row in held.rows]
    return [run_of([held.rows[number] for number in part]) for part in layout.parted(sizes, num_parts) if part]
