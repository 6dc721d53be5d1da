"""Rows on their way through a tokenizer: made, written, read back and held against the chat template."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jobs.core import terminal
from jobs.core.errors import Refusal
from jobs.engines.models.tokenizer import ChatTokenizer, default_opening, expected_rows, opening, prompt_ids
from jobs.logic.chat import chatml
from jobs.logic.chat.preview import Shown, chosen, chunks
from jobs.logic.chat.split_audit import Rules, SplitAudit, audit_split, differing_lines
from jobs.logic.chat.token_rows import (
    Conversation,
    answer_line,
    conversation,
    from_data,
    json_line,
    prompt_line,
    to_data,
)


@dataclass(frozen=True)
class Made:
    """A row that was made, with what it was made from."""

    id: str
    turns: list[chatml.Turn]
    row: chatml.TokenRow
    source: str


def conversations(path: Path) -> list[Conversation]:
    """The rows of `prepare`; raises Refusal for one that is no conversation."""
    try:
        return [conversation(data) for data in load(path)]
    except ValueError as error:
        raise Refusal(f"{path}: {error}; run `make prepare` with redo=true") from None


def layout(tokenizer: ChatTokenizer, chat: chatml.Chat) -> chatml.Chat:
    """How rows are laid out under the tokenizer's template: what its prompt opens is not for the model to write."""
    return replace(chat, opening=default_opening(tokenizer))


def made_rows(
    tokenizer: ChatTokenizer, rows: Sequence[Conversation], chat: chatml.Chat, most_tokens: int | None
) -> list[Made]:
    """The rows of a split as tokens, those of more than `most_tokens` left out; None: all."""
    turns = [chatml.turns(row.messages, chat) for row in rows]
    made = chatml.tokenize([chatml.row_pieces(one) for one in turns], tokenizer.added, tokenizer.encode)
    return [
        Made(asked.id, laid_out, row, asked.source)
        for asked, laid_out, row in zip(rows, turns, made, strict=True)
        if most_tokens is None or len(row.ids) <= most_tokens
    ]


def write(tokenizer: ChatTokenizer, stops: Mapping[str, object], train: list[Made], val: list[Made], out: Path) -> None:
    """The rows, what later stages ask and compare with, and where answers stop."""
    (out / "stops.json").write_text(json.dumps(stops, indent=1) + "\n", encoding="utf-8")
    save(out / "train.jsonl", (to_data(made.id, made.row) for made in train))
    save(out / "val.jsonl", (to_data(made.id, made.row, made.source) for made in val))
    save(out / "answers.jsonl", (answer_line(made.id, made.turns) for made in train))
    prompts = prompt_ids(tokenizer, [made.turns for made in val])
    save(
        out / "prompts.jsonl",
        (asked_line(tokenizer, made.id, made.turns, ids) for made, ids in zip(val, prompts, strict=True)),
    )


def asked_line(
    tokenizer: ChatTokenizer, name: str, turns: Sequence[chatml.Turn], prompts: Sequence[Sequence[int]]
) -> dict[str, Any]:
    """A row's line of `prompts.jsonl`."""
    return prompt_line(name, turns, prompts, [opening(tokenizer, ids) for ids in prompts])


def audited(tokenizer: ChatTokenizer, rows: Sequence[Conversation], path: Path, rules: Rules) -> SplitAudit:
    """The rows in `path` held against the conversations."""
    written = [from_data(data) for data in load(path)]
    expected = expected_rows(tokenizer, [chatml.turns(row.messages, rules.chat) for row in rows])
    with terminal.progress(f"preflight: {path.stem} rows looked at", len(written)) as advance:
        return audit_split(rows, expected, written, rules, tokenizer.decode, advance)


def differing_side_files(
    tokenizer: ChatTokenizer, stops: Mapping[str, object], train: SplitAudit, val: SplitAudit, out: Path
) -> list[str]:
    """Where prompts.jsonl, answers.jsonl and stops.json are not what the rows say: `file:row`."""
    prompts = {
        name: asked_line(tokenizer, name, one.turns, one.prompts)
        for name, one in val.expected.items()
        if name in val.rows
    }
    answers = {name: answer_line(name, one.turns) for name, one in train.expected.items() if name in train.rows}
    same = json.loads((out / "stops.json").read_text(encoding="utf-8")) == stops
    return [
        *(f"prompts.jsonl:{one}" for one in differing_lines(load(out / "prompts.jsonl"), prompts)),
        *(f"answers.jsonl:{one}" for one in differing_lines(load(out / "answers.jsonl"), answers)),
        *([] if same else ["stops.json"]),
    ]


def shown_rows(tokenizer: ChatTokenizer, made: Sequence[Made], num_random: int, seed: int) -> list[Shown]:
    """The rows that a person is shown."""
    by_id = {one.id: one for one in made}
    picked = chosen({one.id: len(one.row.ids) for one in made}, num_random, seed)
    prompts = prompt_ids(tokenizer, [by_id[name].turns for name, _ in picked])
    return [
        Shown(name, why, chunks(by_id[name].row, tokenizer.added, tokenizer.decode), [len(ids) for ids in some])
        for (name, why), some in zip(picked, prompts, strict=True)
    ]


def save(path: Path, objects: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON lines."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(map(json_line, objects))


def load(path: Path) -> list[dict[str, Any]]:
    """The objects of JSON lines."""
    with path.open(encoding="utf-8", newline="\n") as file:
        return [json.loads(one) for one in file]
