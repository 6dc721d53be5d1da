"""Held-out prompts with other held-out documents in front of the last user turn, as token ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from jobs.engines.models.tokenizer import without_added_tokens
from jobs.logic.chat.chatml import IM_END, IM_START
from jobs.logic.parity.lengths import GAP, documents, front, others_in_order


class Stretcher:
    """Makes the held-out prompts of a run longer; `rows` are those of prompts.jsonl, of which each gives a document."""

    def __init__(self, tokenizer_folder: Path, rows: Sequence[dict[str, Any]], seed: int) -> None:
        tokenizer = Tokenizer.from_file(str(tokenizer_folder / "tokenizer.json"))
        self.start, self.end = tokenizer.token_to_id(IM_START), tokenizer.token_to_id(IM_END)
        self.plain, self.seed = without_added_tokens(tokenizer), seed
        asked = [row for row in rows if row["messages"] and row["messages"][-1]["role"] == "user"]
        self.rows = {row["id"]: (number, row) for number, row in enumerate(asked)}
        self.documents = documents([row["messages"][-1]["content"] for row in asked])

    def prompt(self, name: str, length: int) -> list[int] | None:
        """The row's prompt with documents in front of what the user says last, at most `length` tokens.

        None where nothing can be put there: the row does not end in a user's turn, its template writes the turn
        otherwise than it was said, or there is no other document.
        """
        number, row = self.rows.get(name, (0, None))
        place = self._turn(row["prompt_ids"], row["messages"][-1]["content"]) if row else None
        if row is None or place is None:
            return None
        ids, said = row["prompt_ids"], row["messages"][-1]["content"]
        others = [self.documents[other] for other in others_in_order(number, len(self.documents), self.seed)]
        before = front(others, length - len(ids), lambda text: len(self._ids(text)))
        if not before:
            return None
        return [*ids[: place.start], *self._ids(f"{before}{GAP}{said}"), *ids[place.stop :]]

    def _turn(self, ids: list[int], said: str) -> range | None:
        """Where the last user turn's text stands in a prompt; None where it is not what was said."""
        head, text = [self.start, *self._ids("user\n")], self._ids(said)
        for start in range(len(ids) - len(head), -1, -1):
            if ids[start : start + len(head)] == head:
                place = range(start + len(head), start + len(head) + len(text))
                same = ids[place.start : place.stop] == text and ids[place.stop : place.stop + 1] == [self.end]
                return place if same else None
        return None

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.plain.encode(text, add_special_tokens=False).ids
        return ids


def stretched(
    tokenizer_folder: Path, rows: Sequence[dict[str, Any]], names: Sequence[str], sizes: Mapping[int, int], seed: int
) -> dict[int, dict[str, list[int]]]:
    """Times to row to prompt, of the rows `names`; `sizes` has the tokens of each length. What cannot be is left."""
    stretcher = Stretcher(tokenizer_folder, rows, seed)
    made = {times: {name: stretcher.prompt(name, size) for name in names} for times, size in sizes.items()}
    return {times: {name: ids for name, ids in found.items() if ids is not None} for times, found in made.items()}
