"""From preflight's rows to what the trainer is given: columns, and batches that are padded on the right."""

from __future__ import annotations

from typing import Any

import torch
from datasets import Dataset

from jobs.logic.training.prompts import prompt_places

Row = dict[str, Any]
WEIGHTS = "weights"
"""The column of what each token counts for in the loss; there is none where graded tokens alone count."""
NUMBER = "number"
"""The column that says of every token which held-out row it is of; rows that train have none."""
FILLERS = {"labels": -100, "template": 0, WEIGHTS: 0.0, NUMBER: 0}


class Collator:
    """Pads rows to the longest of the batch, on the right."""

    def __init__(self, pad_id: int) -> None:
        self.pad_id = pad_id

    def __call__(self, rows: list[Row]) -> dict[str, torch.Tensor]:
        longest = max(len(row["input_ids"]) for row in rows)

        def padded(name: str, filler: float) -> torch.Tensor:
            return torch.tensor([list(row[name]) + [filler] * (longest - len(row[name])) for row in rows])

        lengths = torch.tensor([len(row["input_ids"]) for row in rows])
        return {
            "input_ids": padded("input_ids", self.pad_id),
            **{name: padded(name, filler) for name, filler in FILLERS.items() if name in rows[0]},
            "attention_mask": (torch.arange(longest)[None, :] < lengths[:, None]).long(),
        }


def dataset(rows: list[Row], prompt_loss_weight: float = 0.0) -> Dataset:
    """The trainer's columns from preflight's rows: `input_ids`, `labels`, and which graded tokens are template.

    With a weight for prompts also `weights`: 1 for graded tokens, the weight for those of prompts, else 0.
    """
    columns: dict[str, Any] = {
        "input_ids": [row["input_ids"] for row in rows],
        "labels": [row["labels"] for row in rows],
        "template": [[int(kind == "t") for kind in row["kinds"]] for row in rows],
    }
    if prompt_loss_weight:
        columns[WEIGHTS] = [weights(row["kinds"], prompt_loss_weight) for row in rows]
    return Dataset.from_dict(columns)


def held_out(rows: list[Row]) -> Dataset:
    """The same columns, and of every token its row's number."""
    return dataset(rows).add_column(NUMBER, [[place] * len(row["input_ids"]) for place, row in enumerate(rows)])


def weights(kinds: str, prompt_loss_weight: float) -> list[float]:
    """What each token of a row counts for."""
    found = [float(kind != "p") for kind in kinds]
    for place in prompt_places(kinds):
        found[place] = prompt_loss_weight
    return found
