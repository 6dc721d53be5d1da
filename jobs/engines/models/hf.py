"""Hugging Face models in full precision: load, score teacher-forced, generate greedily.

This is the reference that every other artefact is compared with, so nothing here saves precision: float32 weights,
no TF32, and an adapter that stays beside its base.
"""

from __future__ import annotations

import gc
import os

os.environ["HF_HUB_OFFLINE"] = "1"

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, DynamicCache
from transformers.utils import logging as transformers_logging

from jobs.core.errors import EnvironmentProblem
from jobs.core.room import reserve
from jobs.core.terminal import size
from jobs.engines.gguf.llama import Scores
from jobs.logic.parity.divergence import label_nll, token_kl

Floats = NDArray[np.float32]
Progress = Callable[[int], None]
"""Called with how many rows are done."""

POSITIONS_PER_PASS = 1024
"""Logits of this many positions are in memory at a time: 0.6 GB at 151,936 entries."""
HEADROOM = 1.15
"""Weights times this must be free on a GPU: the rest is activations and the KV cache."""

transformers_logging.disable_progress_bar()
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False


@dataclass(frozen=True)
class Generation:
    """One greedy answer: its ids without the token that stopped it."""

    ids: list[int]
    stopped: bool


def load(model_folder: Path, adapter_folder: Path | None, dtype: str = "float32", device: str = "auto") -> Any:
    """The model of a folder, for inference; with an adapter, the PEFT model around it, not merged.

    Raises EnvironmentProblem where `device` is not here or its memory is too small.
    """
    target = resolve_device(device)
    size = torch.empty(0, dtype=getattr(torch, dtype)).element_size()
    _require_memory(model_folder, size, target)
    model: Any = AutoModelForCausalLM.from_pretrained(
        str(model_folder), dtype=getattr(torch, dtype), local_files_only=True, attn_implementation="sdpa"
    )
    if adapter_folder is not None:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, str(adapter_folder), is_trainable=False)
    return model.to(target).eval()


def resolve_device(device: str) -> str:
    """`auto` is CUDA where there is one, else the CPU."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise EnvironmentProblem(f"device {device}: no CUDA device is visible; set device=cpu for this stage")
    return device


@contextmanager
def without_adapter(model: Any) -> Iterator[None]:
    """Within it, a model that was loaded with an adapter is its base, layers saved whole with the adapter included."""
    with model.disable_adapter():
        yield


@contextmanager
def attention(model: Any, implementation: str) -> Iterator[None]:
    """Within it, attention is computed another way, `eager` or `sdpa`: the same function, rounded differently."""
    inner = _inner(model)
    before = inner.config._attn_implementation
    inner.set_attn_implementation(implementation)
    try:
        yield
    finally:
        inner.set_attn_implementation(before)


def score(
    model: Any, rows: Sequence[Sequence[int]], positions: Sequence[Sequence[int]], batch_size: int
) -> Iterator[tuple[int, Floats]]:
    """Yield (row number, logits `[len(positions[row]), vocabulary]`) for every row, in no particular order.

    The logits at place `p` predict `rows[row][p + 1]`. The vocabulary matrix is applied at the wanted places only.
    Rows of similar length share a batch and are padded on the right, which a causal model cannot see.
    """
    inner = _inner(model)
    decoder, head = inner.get_decoder(), inner.get_output_embeddings()
    device = inner.device
    for batch in _batches([len(row) for row in rows], [len(places) for places in positions], batch_size):
        ids = torch.zeros((len(batch), max(len(rows[number]) for number in batch)), dtype=torch.long)
        for place, number in enumerate(batch):
            ids[place, : len(rows[number])] = torch.tensor(rows[number])
        where = [(place, position) for place, number in enumerate(batch) for position in positions[number]]
        with torch.inference_mode(), _memory_watched():
            hidden = decoder(input_ids=ids.to(device), use_cache=False).last_hidden_state
            picked = hidden[[place for place, _ in where], [position for _, position in where]]
            logits = head(picked).float().cpu().numpy()
        start = 0
        for number in batch:
            yield number, logits[start : start + len(positions[number])]
            start += len(positions[number])


def write_logits(
    model: Any,
    rows: Sequence[Sequence[int]],
    positions: Sequence[Sequence[int]],
    out: Path,
    batch_size: int,
    progress: Progress,
) -> None:
    """Write all logits to `out`, a float32 `.npy` file `[total positions, vocabulary]` in the order of the rows."""
    starts = offsets(positions)
    width = _inner(model).get_output_embeddings().weight.shape[0]
    file = np.lib.format.open_memmap(out, mode="w+", dtype=np.float32, shape=(starts[-1], width))
    reserve(out)
    for done, (number, logits) in enumerate(score(model, rows, positions, batch_size), start=1):
        file[starts[number] : starts[number + 1]] = logits
        progress(done)
    file.flush()


def compare(
    model: Any,
    rows: Sequence[Sequence[int]],
    positions: Sequence[Sequence[int]],
    reference: Path,
    batch_size: int,
    progress: Progress,
) -> Scores:
    """Hold the model's logits against those in `reference`, as `write_logits` wrote them, without keeping them.

    The reference may go on after these rows. The label at place `p` is `rows[row][p + 1]`.
    """
    starts = offsets(positions)
    found = np.load(reference, mmap_mode="r")
    kl, nll = np.empty(starts[-1], np.float64), np.empty(starts[-1], np.float64)
    same_top = np.empty(starts[-1], np.bool_)
    for done, (number, logits) in enumerate(score(model, rows, positions, batch_size), start=1):
        here = slice(starts[number], starts[number + 1])
        labels = np.array([rows[number][place + 1] for place in positions[number]], np.int64)
        kl[here], same_top[here] = token_kl(found[here], logits)
        nll[here] = label_nll(logits, labels)
        progress(done)
    return Scores(kl, same_top, nll)


def label_losses(
    rows: Sequence[Sequence[int]], positions: Sequence[Sequence[int]], reference: Path
) -> NDArray[np.float64]:
    """The reference's own loss on each label, nats, from what `write_logits` wrote."""
    labels = [row[place + 1] for row, places in zip(rows, positions, strict=True) for place in places]
    return label_nll(np.load(reference, mmap_mode="r"), np.array(labels, np.int64))


def offsets(positions: Sequence[Sequence[int]]) -> list[int]:
    """Where each row's logits begin when all are laid end to end, and where the last one ends."""
    return [0, *np.cumsum([len(places) for places in positions]).tolist()]


def generate(
    model: Any,
    prompts_ids: Sequence[Sequence[int]],
    max_new_tokens: int,
    stop_ids: Collection[int],
    pad_id: int,
    batch_size: int,
    progress: Progress,
) -> list[Generation]:
    """Answer each prompt greedily until one of `stop_ids` or `max_new_tokens`; results in the order of the prompts.

    Prompts of similar length share a batch, padded on the left and masked there, with places counted from the first
    real token.
    """
    if not all(prompts_ids):
        raise ValueError(f"prompt {[bool(ids) for ids in prompts_ids].index(False)} is empty")
    answers: dict[int, Generation] = {}
    for batch in _batches([len(ids) for ids in prompts_ids], [1] * len(prompts_ids), batch_size):
        with torch.inference_mode(), _memory_watched():
            found = _answer(model, [prompts_ids[number] for number in batch], max_new_tokens, stop_ids, pad_id)
        answers.update(zip(batch, found, strict=True))
        progress(len(answers))
    return [answers[number] for number in range(len(prompts_ids))]


def _answer(
    model: Any, prompts: Sequence[Sequence[int]], max_new_tokens: int, stop_ids: Collection[int], pad_id: int
) -> list[Generation]:
    """One batch. An answer that has stopped leaves it, so that a long one does not keep the others computing."""
    inner = _inner(model)
    decoder, head = inner.get_decoder(), inner.get_output_embeddings()
    longest = max(len(prompt) for prompt in prompts)
    left = [longest - len(prompt) for prompt in prompts]
    ids = torch.tensor([[pad_id] * gap + list(prompt) for gap, prompt in zip(left, prompts, strict=True)])
    mask = torch.tensor([[0] * gap + [1] * (longest - gap) for gap in left], device=inner.device)
    step_ids, places = ids.to(inner.device), (mask.cumsum(-1) - 1).clamp(min=0)
    cache = DynamicCache(config=inner.config)
    answers: list[list[int]] = [[] for _ in prompts]
    running = list(range(len(prompts)))
    for _ in range(max_new_tokens):
        hidden = decoder(
            input_ids=step_ids, attention_mask=mask, position_ids=places, past_key_values=cache, use_cache=True
        ).last_hidden_state[:, -1]
        best = head(hidden).argmax(-1)
        tokens = best.tolist()
        keep = [place for place, token in enumerate(tokens) if token not in stop_ids]
        for place in keep:
            answers[running[place]].append(tokens[place])
        if len(keep) < len(running):
            running = [running[place] for place in keep]
            if not running:
                break
            cache.batch_select_indices(torch.tensor(keep, device=inner.device))
            best, mask, places = best[keep], mask[keep], places[keep]
        mask = torch.cat([mask, mask.new_ones(len(running), 1)], -1)
        step_ids, places = best[:, None], places[:, -1:] + 1
    return [Generation(ids, number not in running) for number, ids in enumerate(answers)]


def texts(tokenizer_folder: Path, answers: Sequence[Sequence[int]]) -> list[str]:
    """The text of each list of ids, control tokens included: what leaks must be seen."""
    tokenizer = Tokenizer.from_file(str(tokenizer_folder / "tokenizer.json"))
    decoded: list[str] = tokenizer.decode_batch([list(ids) for ids in answers], skip_special_tokens=False)
    return decoded


def _batches(lengths: Sequence[int], num_positions: Sequence[int], batch_size: int) -> Iterator[list[int]]:
    """Row numbers, longest first so that what does not fit in memory shows at once, similar lengths together."""
    batch: list[int] = []
    for number in sorted(range(len(lengths)), key=lambda number: (-lengths[number], number)):
        wanted = sum(num_positions[other] for other in batch) + num_positions[number]
        if batch and (len(batch) == batch_size or wanted > POSITIONS_PER_PASS):
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


def _inner(model: Any) -> Any:
    """The transformers model, out of PEFT's wrapper; the adapter works inside its layers."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _require_memory(folder: Path, element_size: int, device: str) -> None:
    if not device.startswith("cuda"):
        return
    gc.collect()  # a model that was let go of a moment ago may still hold its memory
    torch.cuda.empty_cache()
    needed = int(_num_weights(folder) * element_size * HEADROOM)
    free, _ = torch.cuda.mem_get_info(device)
    if free < needed:
        raise EnvironmentProblem(
            f"the float32 reference needs {size(needed)} on the GPU and {size(free)} are free; "
            "set device=cpu for this stage, or use a larger GPU"
        )


def _num_weights(folder: Path) -> int:
    from safetensors import safe_open

    total = 0
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="np") as file:
            names = file.keys()
            total += sum(int(np.prod(file.get_slice(name).get_shape())) for name in names)
    return total


@contextmanager
def _memory_watched() -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise EnvironmentProblem(
            f"the GPU's memory is too small for this batch ({str(error).splitlines()[0]}); lower batch_size"
        ) from None
