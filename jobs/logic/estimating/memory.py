"""Memory of every stage, part by part, in bytes: on the GPU where it computes on one, else in RAM.

Weights are counted by the shape, activations by the passes that training will make, the float32 reference of the
stages behind it as `engines/models/hf.py` loads it, which asks for some headroom before it begins.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from jobs.logic.estimating.activations import ELEMENT, FLOAT32, head_bytes, layers_bytes, working_bytes
from jobs.logic.estimating.plan import Pass, Plan
from jobs.logic.estimating.recipe import Recipe, on_gpu

ADAM = 2 * FLOAT32
"""Two moments for each weight of the adapter."""
POSITIONS = 1024
"""Logits of so many places are in memory at a time where a model is scored: as in engines/models/hf.py."""
HEADROOM = 0.15
"""Beside a scored model's weights, which must be free before it is loaded: `HEADROOM` there."""
LLAMA_BATCH = 512
TRAINING_LIBRARIES, LIBRARIES = 520e6, 350e6
"""Bytes of a process with PyTorch and transformers, the first with PEFT and TRL, before it has a model: on a CPU."""
PLAIN = 100e6
"""Of one without them, as `prepare` is: 95 MB measured on the demo's 418 rows."""


@dataclass(frozen=True)
class Part:
    """What a stage has in memory at its largest moment."""

    name: str
    num_bytes: float


@dataclass(frozen=True)
class Needed:
    """A stage's memory."""

    stage: str
    on_gpu: bool
    gpu: tuple[Part, ...]
    ram: tuple[Part, ...]
    mapped: float = 0.0
    """Bytes of weights' files whose pages are in memory too while there is room, and count as the process's."""

    @property
    def gpu_bytes(self) -> float:
        return sum(part.num_bytes for part in self.gpu)

    @property
    def ram_bytes(self) -> float:
        return sum(part.num_bytes for part in self.ram)

    @property
    def resident_bytes(self) -> float:
        """What the process's peak is where nothing else wants the memory."""
        return self.ram_bytes + self.mapped


def needed(recipe: Recipe, plan: Plan, has_gpu: bool) -> list[Needed]:
    """Every stage that takes more than a process does, in the order of the chain."""
    measured = recipe.measuring
    return [
        _placed("prepare", False, [], [Part("program and rows", PLAIN)]),
        replace(_placed("train", *_training(recipe, plan, has_gpu)), mapped=recipe.base_file_bytes),
        _reference("smoke", recipe, on_gpu(measured.smoke_device, has_gpu), _answering(recipe)),
        _reference("merge", recipe, on_gpu(measured.merge_device, has_gpu), _merging(recipe)),
        _reference("convert", recipe, on_gpu(measured.convert_device, has_gpu), _logits(recipe, POSITIONS)),
        _placed("quantize", False, [], _quantizing(recipe)),
        _verifying(recipe, on_gpu(measured.verify_device, has_gpu), has_gpu),
    ]


def _placed(stage: str, is_on_gpu: bool, parts: list[Part], beside: list[Part]) -> Needed:
    """`parts` are on the GPU, or with `beside` in RAM."""
    return Needed(stage, is_on_gpu, tuple(parts) if is_on_gpu else (), tuple(beside if is_on_gpu else beside + parts))


def training_parts(recipe: Recipe, plan: Plan, is_on_gpu: bool) -> list[Part]:
    """Weights, adapter, gradients, Adam's moments, and the activations of the pass that has the most."""
    shape, training = recipe.shape, recipe.training
    adapter = 0 if training.adopts else shape.lora_weights(training.rank, training.targets)
    a_token = layers_bytes(shape, training.dtype, training.rank, training.targets, training.dropout)

    def kept(one: Pass) -> float:
        return one.tokens * a_token + head_bytes(shape, training.dtype, one.graded, is_on_gpu)

    largest = max(plan.passes, key=kept, default=Pass(0, 0))
    layers = largest.tokens * a_token + working_bytes(shape, training.dtype, largest.tokens)
    return [
        Part("base weights", shape.num_weights * ELEMENT[training.dtype]),
        Part("adapter", adapter * FLOAT32),
        Part("gradients", adapter * FLOAT32),
        Part("Adam", adapter * ADAM),
        Part("activations", layers),
        Part("loss", head_bytes(shape, training.dtype, largest.graded, is_on_gpu)),
    ]


def _training(recipe: Recipe, plan: Plan, has_gpu: bool) -> tuple[bool, list[Part], list[Part]]:
    """While it trains, or while it scores what it has saved: whichever is more."""
    training, there = recipe.training, on_gpu(recipe.training.device, has_gpu)
    loading = [Part("libraries", TRAINING_LIBRARIES)]
    if there:  # transformers loads into RAM before the model is moved
        loading.append(Part("weights while loading", recipe.shape.num_weights * ELEMENT[training.dtype]))
    trained = [] if training.adopts else training_parts(recipe, plan, there)
    scored = _scored(recipe, training.dtype, training.eval_batch_size, there)
    return there, max(trained, scored, key=_sum), loading


def _scored(recipe: Recipe, dtype: str, batch: int, is_on_gpu: bool) -> list[Part]:
    """A model with its adapter whose logits are computed at graded places."""
    shape, rows, element = recipe.shape, recipe.rows, ELEMENT[dtype]
    adapter = shape.lora_weights(recipe.training.rank, recipe.training.targets) * FLOAT32
    positions = max(POSITIONS, rows.longest_answer) if rows.held_out else 0
    logits = positions * shape.vocabulary * (element if element == FLOAT32 else element + FLOAT32)
    working = working_bytes(shape, dtype, batch * rows.longest)
    headroom = HEADROOM * shape.file_weights * element if is_on_gpu else 0
    lacking = max(0.0, headroom - adapter - logits - working)
    parts = [
        Part("base weights", shape.num_weights * element),
        Part("adapter", adapter),
        Part("logits", logits),
        Part("activations", working),
    ]
    return [*parts, Part("headroom", lacking)] if lacking else parts


def _reference(stage: str, recipe: Recipe, is_on_gpu: bool, beside: list[Part]) -> Needed:
    """A float32 model with what is at work in it; in RAM it stands at least while it is loaded."""
    shape = recipe.shape
    weights = Part("float32 weights", shape.num_weights * FLOAT32)
    asked = HEADROOM * shape.file_weights * FLOAT32 if is_on_gpu else 0
    lacking = max(0.0, asked - _sum(beside))
    parts = [weights, *beside, *([Part("headroom", lacking)] if lacking else [])]
    loading = Part("weights while loading", weights.num_bytes)
    mapped = recipe.base_file_bytes if stage in ("smoke", "merge") else weights.num_bytes
    found = _placed(stage, is_on_gpu, parts, [Part("libraries", LIBRARIES), *([loading] if is_on_gpu else [])])
    return replace(found, mapped=mapped)


def _answering(recipe: Recipe) -> list[Part]:
    """The KV cache of the prompts that are answered side by side, one layer of it twice while it grows."""
    shape, measured, rows = recipe.shape, recipe.measuring, recipe.rows
    batch = min(measured.smoke_batch, max(1, len(rows.held_out)))
    places = batch * (rows.longest + recipe.answer_budget)
    cache = places * shape.kv_bytes(FLOAT32) * (1 + 1 / shape.layers)
    return [
        _adapter(recipe),
        Part("KV cache", cache),
        Part("logits", batch * shape.vocabulary * FLOAT32),
        Part("activations", working_bytes(shape, "float32", batch * rows.longest)),
    ]


def _merging(recipe: Recipe) -> list[Part]:
    """The reference's logits of all rows stay while the merged model is scored; before that, three of the largest."""
    rows, shape = recipe.rows, recipe.shape
    kept = recipe.measuring.merge_rows * rows.longest_answer * shape.vocabulary * FLOAT32
    tensors = 3 * shape.largest_matrix * FLOAT32 - shape.num_weights * FLOAT32
    return [_adapter(recipe), *_logits(recipe, rows.longest_answer), Part("kept logits", max(kept, tensors, 0))]


def _logits(recipe: Recipe, positions: int) -> list[Part]:
    rows = recipe.rows
    most = max(positions, rows.longest_answer)
    return [
        Part("logits", most * recipe.shape.vocabulary * FLOAT32),
        Part("activations", working_bytes(recipe.shape, "float32", rows.longest)),
    ]


def _quantizing(recipe: Recipe) -> list[Part]:
    """Two float32 copies of the largest tensor, and the block that the quantizer works on."""
    return [Part("libraries", LIBRARIES), Part("largest tensor", 3 * recipe.shape.largest_matrix * FLOAT32)]


def _verifying(recipe: Recipe, is_on_gpu: bool, has_gpu: bool) -> Needed:
    """Hugging Face's model, then llama.cpp with the F16 file, whose pages are mapped; the larger one counts."""
    shape, measured, rows = recipe.shape, recipe.measuring, recipe.rows
    scores = 2 * shape.heads * rows.longest**2 * FLOAT32  # attention the second way, with its scores in memory
    beside = [
        _adapter(recipe),
        Part("logits", max(POSITIONS, rows.longest_answer) * shape.vocabulary * FLOAT32),
        Part("activations", working_bytes(shape, "float32", measured.verify_batch * rows.longest) + scores),
    ]
    found = _reference("verify", recipe, is_on_gpu, beside)
    there = has_gpu and measured.gpu_layers != 0
    longest = rows.longest + recipe.answer_budget
    times = max(measured.length_times, default=1)
    places = max(measured.verify_parallel * longest, max(1, measured.verify_parallel // times) * times * longest)
    answering = [
        Part("F16 GGUF", shape.num_weights * ELEMENT["float16"]),
        Part("KV cache", places * shape.kv_bytes(ELEMENT["float16"])),
        Part("batch", LLAMA_BATCH * (shape.vocabulary + 8 * shape.inner) * FLOAT32),
    ]
    in_ram = [Part("libraries", LIBRARIES), *answering]
    on_the_gpu = max(found.gpu, tuple(answering) if there else (), key=_sum)
    most = max(found.ram, tuple(in_ram), key=_sum)
    return Needed("verify", found.on_gpu or there, on_the_gpu, most, found.mapped)


def _adapter(recipe: Recipe) -> Part:
    training = recipe.training
    return Part("adapter", recipe.shape.lora_weights(training.rank, training.targets) * FLOAT32)


def _sum(parts: Iterable[Part]) -> float:
    return sum(part.num_bytes for part in parts)
