"""Seconds of every stage, from what it computes, moves and writes and how fast a machine does that.

All of it is a guess until runs were seen on the machine: then each stage's guess is multiplied by what measured over
guessed was there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jobs.logic.estimating.activations import ELEMENT, FLOAT32
from jobs.logic.estimating.plan import Plan
from jobs.logic.estimating.recipe import Recipe, on_gpu
from jobs.logic.estimating.shapes import Shape

KL_PASSES = 12
"""Times that a comparison of two rows of logits goes over the vocabulary, in float64."""
STARTING = 6.0
"""Seconds until a process has PyTorch and transformers."""


@dataclass(frozen=True)
class Speed:
    """A device: what it computes and how fast it reads its own memory, a second."""

    name: str
    flops: Mapping[str, float]
    """Of matrix products that it gets to, by dtype."""
    bytes: float


@dataclass(frozen=True)
class Machine:
    """Where a run is made; `gpu` is None where there is none."""

    cpu: Speed
    gpu: Speed | None
    disk: float = 400e6
    """Bytes a second, written and read again."""
    network: float = 50e6

    def of(self, is_on_gpu: bool) -> Speed:
        return self.gpu if is_on_gpu and self.gpu is not None else self.cpu


def forward(shape: Shape, tokens: float, positions: float, length: float) -> float:
    """Operations of a forward pass: two a weight and token, the head at `positions`, attention over half of a row."""
    layers = shape.layers * (shape.layer_weights + shape.query_width * length)
    return 2 * tokens * layers + 2 * positions * shape.embedding_weights


def seconds(recipe: Recipe, plan: Plan, machine: Machine) -> dict[str, float]:
    """Stage to seconds; early stopping can make training shorter."""
    rows, weights = recipe.rows, recipe.shape.num_weights
    has_gpu = machine.gpu is not None
    read = 2.0 + rows.num_bytes / 10e6  # 1,000,000 rows of 900 bytes in 85 s on two cores
    merging = (2 + 4 + 4 + 2 + 2 * 4) * weights / machine.disk  # read, written, proven, and two models loaded
    cores_work = weights / 60e6
    measured = recipe.measuring
    merge_on, verify_on = (on_gpu(one, has_gpu) for one in (measured.merge_device, measured.verify_device))
    few = _scoring(recipe, measured.merge_rows, machine.of(merge_on))
    few_again = _scoring(recipe, measured.convert_rows, machine.of(on_gpu(measured.convert_device, has_gpu)))
    return {
        "prepare": read,
        "fetch": 2.0 + (2 * recipe.shape.file_weights / machine.network if recipe.fetched else 0.0) + weights / 1e9,
        "preflight": 8.0 + (rows.num_train + rows.num_held_out) * 0.012,
        "train": STARTING + _training(recipe, plan, machine),
        "smoke": STARTING + _smoking(recipe, machine),
        "merge": STARTING + merging + 2 * few,
        "convert": 2 * STARTING
        + 22 * weights / machine.disk
        + few_again
        + _scoring(recipe, measured.convert_rows, machine.cpu),
        "quantize": STARTING + len(measured.quants) * (cores_work + 4 * weights / machine.disk),
        "verify": STARTING + _verifying(recipe, machine, verify_on),
        "report": 4.0,
    }


def _training(recipe: Recipe, plan: Plan, machine: Machine) -> float:
    """Forward and backward of every step, the backward as much again: no base weight has a gradient."""
    training, rows, shape = recipe.training, recipe.rows, recipe.shape
    speed = machine.of(on_gpu(training.device, machine.gpu is not None))
    rate = speed.flops[training.dtype]
    mean = _mean_length(recipe)
    val_tokens, val_graded = rows.held_out_tokens()
    scored = forward(shape, val_tokens, val_graded, mean)
    tokens, graded = rows.train_tokens()
    gap = training.gap_rows / max(1, rows.num_train)
    again = scored * (2 if training.adopts else 1) + forward(shape, tokens * min(1, gap), graded * min(1, gap), mean)
    if training.adopts:
        return again / rate
    share = graded / tokens if tokens else 0.0
    computed = plan.tokens_computed
    adapter = 6 * computed * shape.lora_weights(training.rank, training.targets)
    trained = 2 * forward(shape, computed, computed * share, mean) + adapter
    evaluated = plan.num_evals * scored
    shared = max(1, training.num_processes)
    return (trained + evaluated) / rate / shared + again / rate


def _smoking(recipe: Recipe, machine: Machine) -> float:
    """Base and tune answer each prompt: the prompt at once, then a token of all answers at a time."""
    measured, rows = recipe.measuring, recipe.rows
    speed = machine.of(on_gpu(measured.smoke_device, machine.gpu is not None))
    number = min(measured.smoke_rows, rows.num_held_out)
    return 2 * measured.num_prompts * _answering(recipe, number, measured.smoke_batch, "float32", speed)


def _answering(recipe: Recipe, number: int, batch: int, dtype: str, speed: Speed, times: int = 1) -> float:
    """`number` answers, `batch` side by side, of which the longest decides; prompts `times` as long as they are."""
    rows, shape = recipe.rows, recipe.shape
    tokens, graded = rows.held_out_tokens(number)
    prompts = times * max(0.0, tokens - graded)
    batches = -(-number // batch) if number else 0
    steps = batches * rows.longest_answer
    a_step = max(
        shape.num_weights * ELEMENT[dtype] / speed.bytes,
        forward(shape, batch, batch, rows.longest) / speed.flops[dtype],
    )
    return forward(shape, prompts, number, times * rows.longest) / speed.flops[dtype] + steps * a_step


def _scoring(recipe: Recipe, number: int, speed: Speed) -> float:
    """The float32 model over `number` held-out rows, with a comparison of their logits."""
    tokens, graded = recipe.rows.held_out_tokens(number)
    passes = forward(recipe.shape, tokens, graded, _mean_length(recipe)) / speed.flops["float32"]
    return passes + recipe.shape.num_weights * FLOAT32 / speed.bytes


def _verifying(recipe: Recipe, machine: Machine, is_on_gpu: bool) -> float:
    """Four passes of Hugging Face's model; of each GGUF its logits, its answers and those to long prompts."""
    measured, rows, shape = recipe.measuring, recipe.rows, recipe.shape
    compared = int(rows.num_held_out * min(1.0, measured.verify_tokens / max(1.0, rows.held_out_tokens()[1])))
    files = 1 + len(set(measured.quants) - {"F16"})
    positions = min(measured.verify_tokens, rows.held_out_tokens()[1])
    speed = machine.of(measured.gpu_layers != 0)
    of_logits = positions * shape.vocabulary * KL_PASSES * 8 / machine.cpu.bytes
    answered = min(measured.smoke_rows, rows.num_held_out)
    a_file = (
        _scoring(recipe, compared, speed)
        + of_logits
        + measured.num_prompts * _answering(recipe, answered, measured.verify_parallel, "float16", speed)
        + sum(
            _answering(recipe, measured.length_rows, max(1, measured.verify_parallel // times), "float16", speed, times)
            for times in measured.length_times
        )
    )
    return 4 * _scoring(recipe, compared, machine.of(is_on_gpu)) + 3 * of_logits + files * a_file


def _mean_length(recipe: Recipe) -> float:
    rows = [*recipe.rows.train, *recipe.rows.held_out]
    return sum(row.tokens for row in rows) / len(rows) if rows else 0.0


def cpu(num_cores: int) -> Speed:
    """So many cores of an ordinary server."""
    flops = 25e9 * num_cores
    return Speed(
        f"{num_cores} CPU cores",
        {"float32": flops, "bfloat16": flops / 4, "float16": flops},
        min(5e9 * num_cores, 50e9),
    )


def total(found: Mapping[str, float], stages: Iterable[str] | None = None) -> float:
    """Of all stages, or of some."""
    return sum(found[stage] for stage in (found if stages is None else stages))
