"""Asks a GGUF `count` prompts, for tests that stop and kill it: python asking_process.py GGUF FOLDER COUNT.

Prints a line for each answer that is kept, then how many it asked, and the answers as one line of JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobs.core import process
from jobs.core.endings import ending
from jobs.engines.answering.asking import ask
from jobs.engines.answering.prompts import Prompt, Said
from jobs.engines.answering.store import AnswerStore, open_answers
from jobs.logic.row import Message

MOST_TOKENS, CONTEXT = 12, 256
KEPT = "kept"


class Telling(AnswerStore):
    """Says when an answer is on disk."""

    def keep(self, key: str, what: str, asked: Mapping[str, Any], value: Any) -> None:
        super().keep(key, what, asked, value)
        print(KEPT, flush=True)


def prompts(count: int) -> list[Prompt]:
    """Half of them tokens, half messages."""
    return [
        Prompt(f"ids {number}", ids=(number + 100, 9707, 11))
        if number % 2
        else Prompt(f"messages {number}", messages=(Message("user", f"Say {number}."),))
        for number in range(count)
    ]


def answers(store: AnswerStore, gguf: Path, count: int) -> list[Said]:
    return ask(store, gguf, prompts(count), max_tokens=MOST_TOKENS, context=CONTEXT, label="asking", gpu_layers=0)


def main() -> int:
    gguf, folder, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    with open_answers(folder) as store:
        found = answers(Telling(store.sql, store.path), gguf, count)
    print(sum(said.seconds is not None for said in found))
    print(json.dumps([[said.id, said.text, said.ids, said.outcome, said.num_tokens] for said in found]))
    return 0


if __name__ == "__main__":
    process.install_stop_handlers()
    sys.exit(ending("asking", main))
