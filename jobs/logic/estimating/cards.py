"""Common cards by their memory, and what a run makes of each: it fits, it fits with other words, or it does not."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

from jobs.logic.estimating import memory, plan as planning
from jobs.logic.estimating.durations import Speed
from jobs.logic.estimating.plan import Plan
from jobs.logic.estimating.recipe import Recipe

GIB = 1 << 30
CONTEXT = 0.6e9
"""Bytes that CUDA's context and its libraries take. Not measured here."""
USABLE = 0.95
"""Of a card's memory: what the driver keeps, and what the allocator cannot use between blocks. Not measured here."""
REACHED = 0.35
"""Of a card's published speed, in products of the sizes that a training has. A guess."""
PUBLISHED = {
    12: ("RTX 3080 12 GB", 30.6e12, 61e12, 912e9),
    16: ("RTX A4000", 19.2e12, 77e12, 448e9),
    24: ("RTX 4090", 82.6e12, 165e12, 1008e9),
    48: ("RTX A6000", 38.7e12, 155e12, 768e9),
    80: ("A100 80 GB", 19.5e12, 312e12, 1935e9),
}
"""GB to a card that has it: operations a second in float32 and, dense, in bfloat16; bytes a second of its memory. As
NVIDIA publishes them."""
NOT_DONE = "4-bit base weights, in which kiwame does not train"
NO_CHECKPOINTING = "gradient checkpointing, which kiwame does not do"
REFERENCES = ("smoke", "merge", "convert", "verify")
"""Stages with the float32 model."""
Changed = tuple[tuple[str, ...], Recipe]
"""Words, and the recipe with them."""


@dataclass(frozen=True)
class Verdict:
    """What a card makes of a run."""

    gib: int
    fits: bool
    words: tuple[str, ...]
    """With which it fits; none where it does without, or cannot."""
    peak: float
    """The most GPU memory of a stage, in bytes, with the words."""
    stage: str
    """That has it."""
    why: str
    """What else it would take, where no words do; empty where it fits."""


def usable(gib: int) -> float:
    """Bytes of a card that a run may take."""
    return gib * GIB * USABLE - CONTEXT


def speed(gib: int) -> Speed:
    """Of the card that stands for the smallest with so much memory."""
    found = max((size for size in PUBLISHED if size <= gib), default=min(PUBLISHED))
    name, float32, bfloat16, num_bytes = PUBLISHED[found]
    flops = {"float32": float32 * REACHED, "bfloat16": bfloat16 * REACHED, "float16": bfloat16 * REACHED}
    return Speed(name, flops, num_bytes * 0.6)


def judged(recipe: Recipe, gib: int) -> Verdict:
    """The verdict, with the words that make the run fit: first those that change no result, smaller passes, then
    weights in bfloat16, then the float32 reference on the CPU."""
    room = usable(gib)
    words, changed = _with_training(recipe, room)
    for stage in REFERENCES:
        more, changed = _with_reference(changed, stage, room)
        words += more
    peak, stage = _peak(changed)
    if peak <= room:
        return Verdict(gib, True, words, peak, stage, "")
    return Verdict(gib, False, (), peak, stage, _lacking(changed, room))


def _with_training(recipe: Recipe, room: float) -> Changed:
    """The first that fits, else the smallest."""
    dtypes = ["float32", "bfloat16"] if recipe.training.dtype == "float32" else [recipe.training.dtype]
    smallest: Changed = (), recipe
    for dtype in dtypes:
        said = () if dtype == recipe.training.dtype else (f"train.dtype={dtype}",)
        for words, changed in _smaller_passes(recipe.trained_with(dtype=dtype)):
            smallest = (*said, *words), changed
            if _bytes(changed, "train") <= room:
                return smallest
    return smallest


def _smaller_passes(recipe: Recipe) -> Iterator[Changed]:
    """As it is, then with ever fewer tokens in a pass, down to one row; the steps stay what they are."""
    training = recipe.training
    yield (), recipe
    tried: list[Changed] = []
    if training.pads:
        for batch in _halves(training.batch_size):
            rows = training.batch_size * training.gradient_accumulation // batch
            both = (f"train.schedule.batch_size={batch}", f"train.schedule.gradient_accumulation={rows}")
            tried.append((both, recipe.trained_with(batch_size=batch, gradient_accumulation=rows)))
    else:
        most, longest = _planned(recipe).most_tokens, max(1, recipe.rows.longest)
        for part in (6, 4, 2):
            tokens = most * part // 8
            if tokens > longest:
                word = f"train.schedule.max_tokens_per_batch={tokens}"
                tried.append(((word,), recipe.trained_with(max_tokens_per_batch=tokens)))
        word = f"train.schedule.max_tokens_per_batch={longest}"
        tried.append(((word,), recipe.trained_with(max_tokens_per_batch=longest)))
    yield from tried
    for batch in _halves(training.eval_batch_size):  # what is scored afterwards may be the larger part
        said, changed = tried[-1] if tried else ((), recipe)
        yield (*said, f"train.schedule.eval_batch_size={batch}"), changed.trained_with(eval_batch_size=batch)


def _with_reference(recipe: Recipe, stage: str, room: float) -> Changed:
    """One of the stages behind training: with smaller batches, else on the CPU."""
    batches = {"smoke": recipe.measuring.smoke_batch, "verify": recipe.measuring.verify_batch}
    if _bytes(recipe, stage) <= room:
        return (), recipe
    for batch in _halves(batches.get(stage, 1)):
        changed = recipe.measured_with(**{f"{stage}_batch": batch})
        if _bytes(changed, stage) <= room:
            return (f"{stage}.batch_size={batch}",), changed
    return (f"{stage}.device=cpu",), recipe.measured_with(**{f"{stage}_device": "cpu"})


def _halves(number: int) -> list[int]:
    found = []
    while number > 1:
        number //= 2
        found.append(number)
    return found


def _planned(recipe: Recipe) -> Plan:
    return planning.planned(recipe.rows, recipe.training, on_cpu=False)


@functools.lru_cache(maxsize=1024)
def _bytes(recipe: Recipe, stage: str) -> float:
    return next(one.gpu_bytes for one in memory.needed(recipe, _planned(recipe), True) if one.stage == stage)


def _peak(recipe: Recipe) -> tuple[float, str]:
    most = max(memory.needed(recipe, _planned(recipe), True), key=lambda one: one.gpu_bytes)
    return most.gpu_bytes, most.stage


def _lacking(recipe: Recipe, room: float) -> str:
    """What training would need, where not even one row at a time in bfloat16 fits."""
    parts = memory.training_parts(recipe, _planned(recipe), is_on_gpu=True)
    held = sum(part.num_bytes for part in parts if part.name not in ("activations", "loss"))
    a_layer = sum(part.num_bytes for part in parts if part.name == "activations") / recipe.shape.layers
    return NO_CHECKPOINTING if held + 3 * a_layer <= room else NOT_DONE
