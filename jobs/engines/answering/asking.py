"""Prompts in, answers out: from the store where it has them, else from a server that is started for them.

with open_answers(run / "answers") as store:
    said = ask(store, gguf, prompts, max_tokens=256, context=2048, label="base")
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jobs.engines.answering.prompts import Prompt, Said
from jobs.engines.answering.store import AnswerStore


def ask(
    store: AnswerStore,
    gguf: Path,
    prompts: Sequence[Prompt],
    *,
    max_tokens: int,
    stop_ids: Sequence[int] = (),
    temperature: float = 0.0,
    seed: int = 0,
    context: int,
    label: str,
    gpu_layers: int = -1,
    template: Path | None = None,
) -> list[Said]:
    """The answers of `gguf` in the order of the prompts; each is in the store as soon as it has come.

    `gguf` is the first part of a split one. `stop_ids` end an answer beside the tokens that the GGUF says. `template`
    is a chat template that stands in for the GGUF's own. A server runs only while something is missing.

    Raises Refusal where llama.cpp cannot load the file, EnvironmentProblem where the server died or the machine cannot,
    Interrupted on a stop, within seconds; what was answered is kept each time.
    """
    raise NotImplementedError
