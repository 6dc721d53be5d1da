"""Rows as numbers of tokens, before there is a model: with a tokenizer that is here already, else by their bytes."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from jobs.logic.estimating.recipe import Rows, RowSize

MOST_COUNTED = 4000
"""Rows of each side whose tokens are counted; of more, as many drawn from all."""
TURN = 5
"""Tokens around a message: `<|im_start|>`, the role, a newline, `<|im_end|>`, a newline."""
EMPTY_BLOCK = 4
"""`<think>`, an empty line, `</think>`, an empty line."""
BYTES_PER_TOKEN = 3.25
"""Of UTF-8, by Qwen3's tokenizer: 3.25 in GSM8K's sums, 3.68 and 3.80 in JaQuAD's passages, 4.27 in Self-Instruct's
tasks, 3.86 and 4.02 in the rows of data/. The fewest, so that a guess is rather too long."""
VOCABULARY = "models/ggml-vocab-qwen2.gguf"
Count = Callable[[Sequence[str]], list[int]]
"""Texts to their tokens."""


@dataclass(frozen=True)
class Counted:
    """The rows, and how their tokens were found."""

    rows: Rows
    said: str
    is_exact: bool
    """Whether the lengths are those that training will have, but for a token or two of the template."""


@dataclass(frozen=True)
class Layout:
    """What of a conversation is tokens beside its text, and which rows are left out."""

    empty_block: bool
    most_tokens: int | None
    """Of a row that is kept; None: all are."""
    seed: int


def counter(folder: Path | None, source_tree: Path | None) -> tuple[Count, str, bool]:
    """How tokens are counted, in words, and whether that is exact: by the tokenizer of `folder`, a model's; by Qwen3's
    own, of the pinned llama.cpp; or where neither is here, by bytes."""
    if folder is not None and (folder / "tokenizer.json").is_file():
        from tokenizers import Tokenizer

        return _encoded(Tokenizer.from_file(str(folder / "tokenizer.json"))), f"the tokenizer of {folder}", True
    if source_tree is not None and (source_tree / VOCABULARY).is_file():
        from jobs.engines.demo.tokenizer import vocabulary

        return _encoded(vocabulary(source_tree / VOCABULARY)), "Qwen3's tokenizer", True
    return _by_bytes, f"{BYTES_PER_TOKEN:g} bytes a token, a guess: no tokenizer is here", False


def _encoded(tokenizer: Any) -> Count:
    return lambda texts: [len(one.ids) for one in tokenizer.encode_batch(list(texts), add_special_tokens=False)]


def _by_bytes(texts: Sequence[str]) -> list[int]:
    return [round(len(text.encode("utf-8", "surrogatepass")) / BYTES_PER_TOKEN) for text in texts]


def kept(folder: Path, num_bytes: int, count: Count, layout: Layout) -> Rows:
    """Rows that `prepare` left in a folder."""
    sides = [_side(_conversations(folder / name), count, layout) for name in ("train.jsonl", "val.jsonl")]
    (train, num_train), (held_out, num_held_out) = sides
    return Rows(tuple(train), tuple(held_out), num_train, num_held_out, num_bytes)


def tokenized(folder: Path, num_bytes: int) -> Rows:
    """Rows as `preflight` made them: every token counted."""
    sides = [[_token_row(row) for row in _lines(folder / name)] for name in ("train.jsonl", "val.jsonl")]
    return Rows(tuple(sides[0]), tuple(sides[1]), len(sides[0]), len(sides[1]), num_bytes)


def sampled(
    conversations: Sequence[Sequence[Mapping[str, Any]]], num_bytes: int, val_fraction: float, count: Count,
    layout: Layout,
) -> Rows:  # fmt: skip
    """The first rows of files that are too large to be cleaned for an estimate, standing for all of them."""
    sizes = _sizes(conversations, count, layout)
    text_bytes = sum(
        len(str(turn["content"]).encode("utf-8", "surrogatepass")) for one in conversations for turn in one
    )
    total = round(len(sizes) * num_bytes / max(1, text_bytes))
    held_out = max(1, round(total * val_fraction))
    border = max(1, round(len(sizes) * val_fraction))
    return Rows(tuple(sizes[border:]), tuple(sizes[:border]), total - held_out, held_out, num_bytes)


def _side(conversations: Iterable[list[dict[str, Any]]], count: Count, layout: Layout) -> tuple[list[RowSize], int]:
    """Of all, or of MOST_COUNTED that are drawn; with the number that there are, without those that are too long."""
    drawn, number, draw = list[list[dict[str, Any]]](), 0, random.Random(layout.seed)
    for one in conversations:
        number += 1
        if len(drawn) < MOST_COUNTED:
            drawn.append(one)
        elif (place := draw.randrange(number)) < MOST_COUNTED:
            drawn[place] = one
    found = _sizes(drawn, count, layout)
    return found, round(number * len(found) / len(drawn)) if drawn else 0


def _sizes(conversations: Sequence[Sequence[Mapping[str, Any]]], count: Count, layout: Layout) -> list[RowSize]:
    texts = [f"{turn.get('reasoning_content') or ''}{turn['content']}" for one in conversations for turn in one]
    lengths = iter(count(texts))
    block = EMPTY_BLOCK if layout.empty_block else 0
    found = []
    for one in conversations:
        turns = list(islice(lengths, len(one)))
        found.append(RowSize(sum(turns) + TURN * len(turns) + block, turns[-1] + block + 1))
    return [row for row in found if layout.most_tokens is None or row.tokens <= layout.most_tokens]


def _conversations(path: Path) -> Iterator[list[dict[str, Any]]]:
    for row in _lines(path):
        yield row["messages"]


def _token_row(row: Mapping[str, Any]) -> RowSize:
    return RowSize(len(row["input_ids"]), sum(label != -100 for label in row["labels"][1:]))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            yield json.loads(line)
