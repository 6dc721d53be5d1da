"""What llama.cpp makes of a GGUF: its tokens, its logits, its text.

Every call loads the file in a child process (`llama_worker.py`), since a damaged file can abort the process that loads
it. Whatever goes wrong there, death by signal included, is a `LlamaFailed` that names the file.

`gpu_layers` is how many layers a CUDA build puts on the GPU: 0 computes everything on the CPU, -1 puts all there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jobs.core import process, room
from jobs.core.errors import EnvironmentProblem
from jobs.core.provenance import ROOT
from jobs.engines.gguf.llama_tools import ENDED, child_environment, how_it_ended, telling_lines, tree

Kv = Literal["f32", "f16"]
"""Type of the KV cache: f32 to compare with a float32 reference, f16 is what llama.cpp's users run."""
Progress = Callable[[int, int], None]
"""Called with how many are done and how many there are."""


class LlamaFailed(Exception):
    """llama.cpp refused the file, could not run it, or died; the message names the file and has its last lines."""


@dataclass(frozen=True)
class Vocabulary:
    """Special tokens as llama.cpp sees them, which is by token text as much as by metadata."""

    num_tokens: int
    eog: frozenset[int]
    """Ids at which llama.cpp's programs stop generating."""
    eos: int | None
    bos: int | None
    """llama.cpp's own default (11) if the file names none; it matters only with `add_bos`."""
    add_bos: bool


@dataclass(frozen=True)
class Row:
    """One sequence `[length]` and the places in it whose logits are wanted, ascending.

    The logits at `p` predict `input_ids[p + 1]`, so the last place has no label and cannot be scored.
    """

    input_ids: Sequence[int]
    positions: Sequence[int]


@dataclass(frozen=True)
class Scores:
    """One value for each wanted position, in the order of rows and positions."""

    kl: NDArray[np.float64]
    """KL(reference ‖ this), nats; NaN where a logit on either side is not finite."""
    same_top: NDArray[np.bool_]
    nll: NDArray[np.float64]
    """Negative log likelihood of the label, nats; NaN where a logit of this model is not finite."""


@dataclass(frozen=True)
class Generation:
    """One greedy answer."""

    ids: list[int]
    """Without the token that stopped it."""
    stop_id: int | None
    """The token of `stop_ids` that ended it, None if it ran to the limit or broke."""
    other_eog: list[int]
    """Tokens in `ids` at which llama.cpp's own programs would have stopped."""
    finite: bool
    """False if the logits were not finite; then the answer ends there."""

    @property
    def stopped(self) -> bool:
        return self.stop_id is not None


def vocabulary(gguf: Path) -> Vocabulary:
    """Load the vocabulary only."""
    found = _call(gguf, "vocabulary")
    return Vocabulary(found["num_tokens"], frozenset(found["eog"]), found["eos"], found["bos"], found["add_bos"])


def eog_tokens(gguf: Path) -> set[int]:
    """The ids at which llama.cpp's programs stop generating."""
    return set(vocabulary(gguf).eog)


def tokenize(gguf: Path, texts: Sequence[str], parse_special: bool) -> list[list[int]]:
    """The ids of each text, nothing added in front or behind; control strings are control tokens if `parse_special`."""
    ids: list[list[int]] = _call(gguf, "tokenize", texts=list(texts), parse_special=parse_special)
    return ids


def score(
    gguf: Path,
    rows: Sequence[Row],
    reference: Path,
    *,
    kv: Kv,
    num_threads: int,
    gpu_layers: int = 0,
    progress: Progress | None = None,
) -> Scores:
    """Compare teacher-forced logits with the reference's, without keeping them.

    `reference` is a float32 `.npy` file `[total positions, vocabulary]` of logits, in the order of rows and positions.
    `progress` counts rows. Raises ValueError for impossible positions and LlamaFailed if the vocabularies differ.
    """
    for number, row in enumerate(rows):
        _check_positions(number, row, len(row.input_ids) - 1)
    found = _call(
        gguf,
        "score",
        progress,
        rows=_plain(rows),
        reference=str(reference.resolve()),
        kv=kv,
        num_threads=num_threads,
        gpu_layers=gpu_layers,
    )
    return Scores(np.array(found["kl"]), np.array(found["same_top"], np.bool_), np.array(found["nll"]))


def write_logits(
    gguf: Path,
    rows: Sequence[Row],
    out: Path,
    *,
    kv: Kv,
    num_threads: int,
    gpu_layers: int = 0,
    progress: Progress | None = None,
) -> None:
    """Write the logits at the wanted positions to `out`, a float32 `.npy` file `[total positions, vocabulary]`."""
    for number, row in enumerate(rows):
        _check_positions(number, row, len(row.input_ids))
    _call(
        gguf,
        "write_logits",
        progress,
        rows=_plain(rows),
        out=str(out.resolve()),
        kv=kv,
        num_threads=num_threads,
        gpu_layers=gpu_layers,
    )


def generate(
    gguf: Path,
    prompts_ids: Sequence[Sequence[int]],
    max_new_tokens: int,
    stop_ids: Collection[int],
    *,
    kv: Kv,
    num_threads: int,
    num_parallel: int = 8,
    gpu_layers: int = 0,
    progress: Progress | None = None,
) -> list[Generation]:
    """Answer each prompt greedily until one of `stop_ids` or `max_new_tokens`; `progress` counts answers.

    `num_parallel` answers are decoded side by side, each with its own part of the KV cache.
    """
    if not all(prompts_ids):
        raise ValueError(f"prompt {[bool(ids) for ids in prompts_ids].index(False)} is empty")
    found = _call(
        gguf,
        "generate",
        progress,
        prompts=[list(ids) for ids in prompts_ids],
        max_new_tokens=max_new_tokens,
        stop_ids=sorted(stop_ids),
        num_parallel=num_parallel,
        kv=kv,
        num_threads=num_threads,
        gpu_layers=gpu_layers,
    )
    return [Generation(**answer) for answer in found]


def _check_positions(number: int, row: Row, limit: int) -> None:
    places = row.positions
    if any(not 0 <= place < limit for place in places) or any(a >= b for a, b in pairwise(places)):
        raise ValueError(f"row {number}: positions must ascend within 0..{limit - 1}, they are {list(places)[:8]}")


def _plain(rows: Sequence[Row]) -> list[tuple[list[int], list[int]]]:
    return [([int(i) for i in row.input_ids], [int(p) for p in row.positions]) for row in rows]


def _call(gguf: Path, verb: str, progress: Progress | None = None, **job: Any) -> Any:
    """Run one job in a child: the job as JSON on its stdin, progress and the result as JSON lines on its stdout."""
    if not gguf.is_file():
        raise LlamaFailed(f"{gguf}: no such file")
    build = tree()
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = child_environment() | {"LLAMA_CPP_LIB_PATH": str(build.bin), "PYTHONPATH": paths}
    dynamic = build.flags.get("GGML_BACKEND_DL") == "ON"
    job |= {"verb": verb, "gguf": str(gguf.resolve()), "backends": str(build.bin) if dynamic else None}
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "jobs.engines.gguf.llama_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            text=True,
            preexec_fn=process.end_at_once_with_parent,
        )
        try:
            answer = _converse(child, json.dumps(job), progress)
        finally:
            child.kill()  # does nothing to one that has ended
            child.wait()
        if child.returncode == 0 and "result" in answer:
            return answer["result"]
        if "lacking" in answer:
            raise EnvironmentProblem(answer["lacking"])
        error = answer.get("error") or f"llama.cpp {how_it_ended(child.returncode)}"
        log.seek(0)
        lines = log.readlines()
        lacking = ENDED.get(-child.returncode) or room.told_of_output(f"{error}\n{''.join(lines)}", None)
        if lacking:
            raise EnvironmentProblem(f"llama.cpp with {gguf}: {lacking}")
        raise LlamaFailed(f"{gguf}: {error}:{telling_lines(lines)}")


def _converse(child: subprocess.Popen[str], job: str, progress: Progress | None) -> dict[str, Any]:
    """Send the job, follow the progress, wait; the last thing that the child said."""
    assert child.stdin is not None
    assert child.stdout is not None
    with suppress(BrokenPipeError), child.stdin:
        child.stdin.write(job)
    answer: dict[str, Any] = {}
    for line in child.stdout:
        with suppress(json.JSONDecodeError):  # a child that died in the middle of a line
            answer = json.loads(line)
        if progress is not None and "done" in answer:
            progress(answer["done"], answer["of"])
    child.wait()
    return answer
