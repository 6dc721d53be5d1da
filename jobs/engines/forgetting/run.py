"""Both models asked every item of the suite, and the divergence of their next tokens along the base's answers.

Each is asked with the chat template of its own GGUF; a base that has none is lent the tune's. Prompts are rendered and
tokenized by llama-server, answers are greedy. Where the template has a switch for thinking it is set, off unless asked.

Drift, item by item: the base's prompt and the first PLACES tokens of its answer, fed to both GGUFs; at each place that
predicts one of these tokens, KL(base ‖ tuned) over the whole vocabulary, in nats; the mean over the places.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jobs.core import process, terminal
from jobs.core.artifact import write_whole
from jobs.core.errors import Interrupted, Refusal
from jobs.core.provenance import data_digest
from jobs.core.room import require_space
from jobs.engines.answering.asking import as_tokens, ask
from jobs.engines.answering.gguf_files import model_key
from jobs.engines.answering.prompts import Prompt, Said
from jobs.engines.answering.store import AnswerStore
from jobs.engines.gguf import file as gguf_file, llama
from jobs.engines.gguf.llama import LlamaFailed
from jobs.logic.forgetting.counting import Answered
from jobs.logic.forgetting.plain import opens_thoughts, within_thoughts
from jobs.logic.forgetting.suite import Item

CONTEXT = 2048
MAX_TOKENS = 96
"""Of an answer; the longest that is asked for has about forty."""
PLACES = 16
"""Of an answer's beginning, whose distributions are compared: what an answer will be is decided there."""
PART_BYTES = 1 << 30
"""Of logits on disk at once: 16 places of 100 items are 1 GB with Qwen3's vocabulary."""
END = 16
"""Tokens of a prompt's end, more than what a template writes to open thoughts, or to close them at once."""
DRIFT = "drift"
KV: llama.Kv = "f16"
SWITCH = b"enable_thinking"


def run(
    store: AnswerStore,
    base: Path,
    tuned: Path,
    *,
    items: Sequence[Item],
    think: bool = False,
    max_tokens: int = MAX_TOKENS,
    gpu_layers: int = -1,
) -> list[Answered]:
    """What both said to each item; what the store has is not asked again.

    Raises Refusal where a GGUF cannot be read or loaded, EnvironmentProblem, Interrupted.
    """
    files = {path: _file(path) for path in {base, tuned}}
    headers = {path: gguf_file.describe(file) for path, file in files.items()}
    prompts, said = {}, {}
    for name, gguf in (("base", base), ("tuned", tuned)):
        template = headers[gguf].chat_template
        lent = headers[tuned].chat_template if template is None else None
        switch = {"enable_thinking": think} if SWITCH in (template or lent or b"") else None
        extra = {"chat_template_kwargs": switch} if switch else {}
        asked = [Prompt(item.id, messages=item.messages, extra=extra) for item in items]
        context = min(CONTEXT, headers[gguf].context_length or CONTEXT)
        tokens = as_tokens(store, gguf, asked, context=context, label=f"{name}: prompts", template=lent)
        prompts[name] = tokens
        said[name] = ask(
            store, gguf, tokens, max_tokens=max_tokens, context=context, label=f"{name}: answers", gpu_layers=gpu_layers
        )
    tokens_of = [files[path].metadata.get("tokenizer.ggml.tokens") for path in (base, tuned)]
    texts = {
        name: [
            _whole(prompt.ids or (), one.text, tokens or ())
            for prompt, one in zip(prompts[name], said[name], strict=True)
        ]
        for name, tokens in zip(("base", "tuned"), tokens_of, strict=True)
    }
    drift: dict[str, dict[str, Any]] = {}
    if tokens_of[0] == tokens_of[1]:
        width = len(tokens_of[0] or ())
        drift = _drift(store, base, tuned, items, prompts["base"], said["base"], width, gpu_layers)
    return [
        Answered(
            id=item.id, base=texts["base"][place], tuned=texts["tuned"][place],
            base_outcome=one.outcome, tuned_outcome=other.outcome,
            **drift.get(item.id, {"kl": None, "num_places": 0, "num_same_top": 0}),
        )
        for place, (item, one, other) in enumerate(zip(items, said["base"], said["tuned"], strict=True))
    ]  # fmt: skip


def write(path: Path, answered: Sequence[Answered]) -> None:
    """`forgetting.jsonl`: a line for each item."""
    lines = "".join(f"{json.dumps(asdict(one), ensure_ascii=False)}\n" for one in answered)
    write_whole(path, lines.encode("utf-8", "surrogatepass"))


def read(path: Path) -> list[Answered]:
    """What `write` wrote; only a newline ends a line, which an answer's U+2028 or U+0085 does not."""
    lines = path.read_bytes().decode("utf-8", "surrogatepass").split("\n")
    return [Answered(**json.loads(line)) for line in lines if line]


def _whole(prompt: Sequence[int], text: str, tokens: Sequence[str]) -> str:
    """What was said; where the template opened thoughts, behind their opening, so that a cut one is seen as what it
    is."""
    end = "".join(tokens[id] for id in prompt[-END:] if id < len(tokens))
    return within_thoughts(text) if opens_thoughts(end) else text


def _file(gguf: Path) -> gguf_file.GgufFile:
    try:
        return gguf_file.read(gguf)
    except (gguf_file.BrokenGguf, FileNotFoundError) as broken:
        raise Refusal(str(broken)) from None


def _drift(
    store: AnswerStore,
    base: Path,
    tuned: Path,
    items: Sequence[Item],
    prompts: Sequence[Prompt],
    said: Sequence[Said],
    width: int,
    gpu_layers: int,
) -> dict[str, dict[str, Any]]:
    """Item to the mean divergence at its places, over `width` tokens; a prompt that the context had no room for has
    none."""
    rows = {
        item.id: _row(prompt.ids or (), one.ids)
        for item, prompt, one in zip(items, prompts, said, strict=True)
        if one.outcome != "no room"
    }
    pair = [model_key(base), model_key(tuned)]
    keys = {id: data_digest([DRIFT, *pair, KV, list(row.input_ids), list(row.positions)]) for id, row in rows.items()}
    found = {id: store.get(key) for id, key in keys.items()}
    missing = [id for id, value in found.items() if value is None]
    with terminal.progress("drift", len(missing)) as advance:
        for part in _parts(missing, rows, width) if missing else []:
            for id, value in _divergence(base, tuned, {id: rows[id] for id in part}, width, gpu_layers).items():
                found[id] = value
                store.keep(keys[id], DRIFT, {"item": id, "ids": list(rows[id].input_ids)}, value)
            advance(sum(found[id] is not None for id in missing))
    return {id: {**value, "kl": math.nan if value["kl"] is None else value["kl"]} for id, value in found.items()}


def _row(prompt: Sequence[int], answer: Sequence[int]) -> llama.Row:
    """The places that predict the first tokens of the answer; behind a short one, the place of its end too. The last
    id is a label that nothing is read of."""
    taken = list(answer[: PLACES - 1])
    first = len(prompt) - 1
    return llama.Row([*prompt, *taken, 0], range(first, first + len(taken) + 1))


def _parts(ids: Sequence[str], rows: dict[str, llama.Row], width: int) -> list[list[str]]:
    """Items whose logits are on disk together."""
    parts: list[list[str]] = [[]]
    num_bytes = 0
    for id in ids:
        more = len(rows[id].positions) * width * 4
        if parts[-1] and num_bytes + more > PART_BYTES:
            parts.append([])
            num_bytes = 0
        parts[-1].append(id)
        num_bytes += more
    return parts


def _divergence(
    base: Path, tuned: Path, rows: dict[str, llama.Row], width: int, gpu_layers: int
) -> dict[str, dict[str, Any]]:
    threads = os.cpu_count() or 1
    places = [len(row.positions) for row in rows.values()]
    if process.stop_requested():
        raise Interrupted("stopped between two parts of the drift")
    with tempfile.TemporaryDirectory() as folder:
        require_space(Path(folder), sum(places) * width * 4, "TMPDIR")
        reference = Path(folder) / "base.npy"
        try:
            llama.write_logits(base, list(rows.values()), reference, kv=KV, num_threads=threads, gpu_layers=gpu_layers)
            scores = llama.score(
                tuned, list(rows.values()), reference, kv=KV, num_threads=threads, gpu_layers=gpu_layers
            )
        except LlamaFailed as failed:
            raise Refusal(str(failed)) from None
    found, begin = {}, 0
    for id, count in zip(rows, places, strict=True):
        kl = float(scores.kl[begin : begin + count].mean())
        found[id] = {
            "kl": kl if math.isfinite(kl) else None,
            "num_places": count,
            "num_same_top": int(scores.same_top[begin : begin + count].sum()),
        }
        begin += count
    return found
