"""Fine-tune a LoRA adapter on exactly the tokens that preflight made and judged, or adopt one that exists.

Reads `fetch` (the base) and `preflight` (token rows, tokenizer); makes `adapter/` in PEFT's format, `log.jsonl` with
a line per step and evaluation, `row_losses.jsonl` with what each held-out row cost at each evaluation, and
`outcome.json`. With `train=adopt` nothing is trained: `adapter/` has the files of the folder that is named, and beside
it is `adopted.json` alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from jobs.checks import overfitting
from jobs.checks.adopted import Adopted
from jobs.checks.train import GATE, TrainFacts, TrainLimits
from jobs.checks.train_recipe import Recipe
from jobs.core import process, room, terminal
from jobs.core.artifact import Inputs, sync, write_whole
from jobs.core.errors import Interrupted
from jobs.core.model import StageConfig, StrictModel
from jobs.core.provenance import file_digest
from jobs.core.run_dir import remove
from jobs.core.stage import stage_main
from jobs.logic.training import prompts, schedules, sizes, targets

OUTCOME, ADOPTED, ROW_LOSSES = "outcome.json", "adopted.json", "row_losses.jsonl"
OF_A_LOG = (
    "planned_steps", "num_steps", "steps_per_epoch", "chosen_step", "restored_step", "last_eval_loss",
    "first_train_loss", "last_train_loss", "best_content_loss", "best_template_loss", "nonfinite_step", "max_grad_norm",
    "configured_scale", "learning_rate", "effective_batch", "graded_tokens_an_epoch", "learning",
    "recipe",
)  # fmt: skip
"""Facts that only a training that was watched can tell."""
Fraction = Annotated[float, Field(ge=0, lt=1)]


class LoraConfig(StrictModel):
    rank: int = Field(ge=1, le=1024)
    alpha: float = Field(gt=0)
    dropout: Fraction
    rslora: bool
    target_modules: Annotated[list[targets.Target], Field(min_length=1), BeforeValidator(targets.resolved)]


class ScheduleConfig(StrictModel):
    kind: schedules.Kind
    learning_rate: float = Field(gt=0, le=0.1)
    warmup_fraction: Fraction
    weight_decay: Fraction
    max_grad_norm: float = Field(gt=0)
    num_epochs: float = Field(gt=0, le=100)
    batch_size: int = Field(ge=1)
    gradient_accumulation: int = Field(ge=1)
    padding: bool
    max_tokens_per_batch: int | None = Field(ge=1)
    eval_batch_size: int = Field(ge=1)
    evals_per_epoch: int = Field(ge=1)
    patience: int = Field(ge=0)
    checkpoint_every_steps: int = Field(ge=1)
    keep_checkpoints: int = Field(ge=1)


class TrainConfig(StageConfig):
    beside_key: ClassVar[frozenset[str]] = frozenset({"limits", "tracker", "adapter"})
    of_training: ClassVar[frozenset[str]] = frozenset(
        {"backend", "num_processes", "lora", "schedule", "neftune_alpha", "prompt_loss_weight"}
    )
    """Not looked at where an adapter is adopted."""
    adopts: bool
    """The adapter exists and is taken as it is: nothing is trained."""
    adapter: str | None
    """Its folder, as PEFT saves it."""
    backend: Literal["hf", "unsloth"]
    device: Literal["auto", "cpu", "cuda"]
    dtype: Literal["float32", "bfloat16"]
    """Of the base weights; the adapter is fp32."""
    seed: int = Field(ge=0)
    num_processes: int = Field(ge=1, le=64)
    """Under torchrun, one a GPU; together they take the same steps as one."""
    lora: LoraConfig
    schedule: ScheduleConfig
    neftune_alpha: float = Field(ge=0, le=100)
    prompt_loss_weight: float = Field(ge=0, le=1)
    tracker: Literal["trackio", "wandb", "tensorboard", "none"]
    gap_rows: int = Field(ge=2)
    """Rows of each side that the generalisation gap is measured on."""
    limits: TrainLimits

    def beside(self) -> frozenset[str]:
        return self.beside_key | (self.of_training if self.adopts else frozenset())

    @model_validator(mode="after")
    def _adopts_or_trains(self) -> TrainConfig:
        if self.adopts and self.adapter is None:
            raise ValueError("adapter has no value; set it with train.adapter=FOLDER")
        if self.adapter is not None and not self.adopts:
            raise ValueError("adapter is what train=adopt takes; say train=adopt too, or leave it out")
        return self

    @model_validator(mode="after")
    def _no_contradiction(self) -> TrainConfig:
        if self.device == "cpu" and self.backend == "unsloth":
            raise ValueError("backend=unsloth runs on CUDA and device=cpu is asked for; say train.backend=hf")
        if self.device == "cuda" and self.backend == "unsloth" and self.dtype == "float32":
            raise ValueError("backend=unsloth computes in bfloat16 on CUDA; say train.dtype=bfloat16")
        if self.device == "cpu" and self.dtype == "bfloat16":
            raise ValueError("dtype=bfloat16 only rounds on device=cpu; say train.dtype=float32")
        return self

    @model_validator(mode="after")
    def _in_the_backends_power(self) -> TrainConfig:
        if self.backend == "unsloth" and self.prompt_loss_weight:
            raise ValueError(
                f"prompt_loss_weight={self.prompt_loss_weight:g}: backend=unsloth has a loss of its own, in which "
                "tokens have no weights; say train.backend=hf, or train.prompt_loss_weight=0"
            )
        if self.backend == "unsloth" and self.neftune_alpha:
            raise ValueError(
                f"neftune_alpha={self.neftune_alpha:g}: backend=unsloth adds the noise itself, beside the trainer's; "
                "say train.backend=hf, or train.neftune_alpha=0"
            )
        return self

    @model_validator(mode="after")
    def _same_steps(self) -> TrainConfig:
        rows = self.schedule.batch_size * self.schedule.gradient_accumulation
        if rows % self.num_processes:
            raise ValueError(
                f"num_processes={self.num_processes} cannot share out the {rows} rows of a step "
                "(schedule.batch_size x schedule.gradient_accumulation)"
            )
        return self


def make(cfg: TrainConfig, inputs: Inputs, out: Path) -> None:
    """Train and write the best adapter, or adopt one."""
    if cfg.adapter is not None:
        adopt(Path(cfg.adapter), inputs, out)
        return
    from jobs.engines.models import model_config
    from jobs.engines.training import processes, run as sft_run, sft

    preflight = inputs["preflight"]
    places = sft_run.Places(inputs["fetch"].folder("model"), preflight.folder("tokenizer"), out, out.parent / "tracker")
    settings = sft_run.Settings(
        backend=cfg.backend,
        lora=sft.Lora(**cfg.lora.model_dump()),
        schedule=sft.Schedule(**cfg.schedule.model_dump()),
        dtype=cfg.dtype,
        device=cfg.device,
        seed=cfg.seed,
        tracker=cfg.tracker,
        run_name=out.parent.name,
        base_id=base_id(inputs),
        num_processes=cfg.num_processes,
        neftune_alpha=cfg.neftune_alpha,
        prompt_loss_weight=cfg.prompt_loss_weight,
    )
    files = [preflight.file(name) for name in ("train.jsonl", "val.jsonl")]
    if had_ended(out):
        terminal.say("train: had ended before it was interrupted; goes on with measuring")
    else:
        base = model_config.values(inputs["fetch"].folder("model"), str(inputs["fetch"].root))
        num_weights = sizes.lora_weights(base, cfg.lora.rank, cfg.lora.target_modules)
        needed = sizes.training_bytes(num_weights, cfg.schedule.keep_checkpoints)
        room.require_space(out, max(0, needed - room.num_bytes_in(out)))
        # Unsloth changes transformers where it is imported: in a process of its own, never where `measure` is.
        if cfg.backend == "unsloth" or processes.several(cfg.num_processes):
            outcome = processes.fit(settings, places, files)
        else:
            outcome = sft_run.fit(settings, places, token_rows(files[0]), token_rows(files[1]))
        kept = {path.relative_to(out).as_posix(): file_digest(path) for path in outputs(out)}
        for path in outputs(out):
            sync(path)
        write_whole(out / OUTCOME, (json.dumps(asdict(outcome) | {"files": kept}, indent=1) + "\n").encode())
    if process.stop_requested():
        raise Interrupted("training has ended, measuring is left")


def adopt(folder: Path, inputs: Inputs, out: Path) -> None:
    """Take an adapter that exists, and note what was taken."""
    from jobs.engines.models import adapter_files, adopting

    remove(out / "adapter")  # of an attempt that was interrupted
    terminal.say("train: adopts the adapter as it is; train.lora and train.schedule are not looked at")
    adopting.adopt(folder, inputs["fetch"].folder("model"), base_id(inputs), out / "adapter")
    files = {name: file_digest(out / "adapter" / name) for name in (adapter_files.CONFIG, adapter_files.WEIGHTS)}
    write_whole(out / ADOPTED, (json.dumps({"base_id": base_id(inputs), "files": files}, indent=1) + "\n").encode())


def base_id(inputs: Inputs) -> str:
    """The base model's id, as `fetch` knows it."""
    return str(json.loads(inputs["fetch"].file("model.json").read_text(encoding="utf-8"))["id"])


def outputs(out: Path) -> list[Path]:
    """What training leaves, beside its outcome."""
    return [
        out / "log.jsonl",
        out / ROW_LOSSES,
        *sorted(path for path in (out / "adapter").rglob("*") if path.is_file()),
    ]


def had_ended(out: Path) -> bool:
    """Whether a former attempt trained to the end, and adapter and log are as it left them.

    Where they are not, training goes on from its checkpoints, which stay until everything was measured.
    """
    if not (out / OUTCOME).exists():
        return False
    try:
        kept = dict(json.loads((out / OUTCOME).read_bytes())["files"])
        whole = bool(kept) and all(file_digest(out / name) == digest for name, digest in kept.items())
    except (OSError, ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        terminal.say(
            "train: had ended before it was interrupted; what it left is damaged, so it goes on from checkpoints"
        )
    return whole


def measure(cfg: TrainConfig, inputs: Inputs, out: Path) -> TrainFacts:
    """Facts from the adapter, the log and the outcome as they are on disk; the adapter is loaded and evaluated anew."""
    from jobs.engines.models import adapter, model_config
    from jobs.engines.training import adapter_losses
    from jobs.logic.pages import curves

    found = adapter.inspect(out / "adapter")
    train, val = (token_rows(inputs["preflight"].file(name)) for name in ("train.jsonl", "val.jsonl"))
    terminal.say("train: evaluating the adapter that was saved")

    def losses(rows: list[dict[str, Any]], tuned: Path | None) -> list[Any]:
        size = cfg.schedule.eval_batch_size
        return adapter_losses.measure(inputs["fetch"].folder("model"), tuned, rows, cfg.dtype, cfg.device, size)

    on_train, on_val = (losses(rows, out / "adapter") for rows in (adapter_losses.spread(train, cfg.gap_rows), val))
    loss = adapter_losses.mean(on_val)
    gap: dict[str, Any] = curves.gap(
        adapter_losses.content(on_train), adapter_losses.content(adapter_losses.spread(on_val, cfg.gap_rows)), cfg.seed
    )
    if cfg.adopts:
        how = adopted_facts(out, found.scales, found.layers_by_target)
        how |= {"first_eval_loss": adapter_losses.mean(losses(val, None)), "best_eval_loss": loss}
    else:
        how = trained_facts(cfg, train, out, found.layers_by_target)
    return TrainFacts(
        dtype=cfg.dtype,
        num_embeddings=model_config.values(inputs["fetch"].folder("model"), str(inputs["fetch"].root))["vocab_size"],
        restored_eval_loss=loss,
        graded_tokens_expected=sum(label != -100 for row in train for label in row["labels"][1:]),
        num_train_rows=len(train),
        num_val_rows=len(val),
        zero_modules=found.zero_modules,
        adapter_norm=found.norm,
        adapter_nonfinite=found.nonfinite,
        num_adapter_weights=found.num_weights,
        effective_scale=found.scale,
        **gap,
        **how,
    )


def trained_facts(
    cfg: TrainConfig, train: Sequence[dict[str, Any]], out: Path, layers_by_target: dict[str, int]
) -> dict[str, Any]:
    """What config, log and outcome of a training say."""
    from jobs.logic.pages import curves

    outcome = json.loads((out / OUTCOME).read_text())
    del outcome["base_id"], outcome["files"]
    log = curves.read_log((out / "log.jsonl").read_text())
    return {
        "adopted": None,
        "backend": cfg.backend,
        "graded_tokens_an_epoch": curves.first_epoch_tokens(log, outcome["steps_per_epoch"]),
        "target_modules": {name: layers_by_target.get(name, 0) for name in cfg.lora.target_modules},
        "configured_scale": cfg.lora.alpha / (cfg.lora.rank**0.5 if cfg.lora.rslora else cfg.lora.rank),
        "learning_rate": cfg.schedule.learning_rate,
        "effective_batch": cfg.schedule.batch_size * cfg.schedule.gradient_accumulation,
        "learning": overfitting.measured((out / ROW_LOSSES).read_text(encoding="utf-8"), cfg.seed),
        "recipe": recipe(cfg, train, log, outcome),
        **curves.summary(log, outcome["chosen_step"]),
        **outcome,
    }


def adopted_facts(out: Path, scales: dict[str, float], layers_by_target: dict[str, int]) -> dict[str, Any]:
    """What the files of an adopted adapter say; of its training nothing is known."""
    taken = json.loads((out / ADOPTED).read_text())
    config = json.loads((out / "adapter" / "adapter_config.json").read_text(encoding="utf-8"))
    adopted = Adopted(
        base_named=str(config.get("base_model_name_or_path") or ""),
        base_id=taken["base_id"],
        revision_named=config.get("revision"),
        peft_version=config.get("peft_version"),
        rank=config["r"],
        scales=scales,
        has_rslora=bool(config.get("use_rslora")),
        changed=[name for name, digest in taken["files"].items() if file_digest(out / "adapter" / name) != digest],
    )
    return {"adopted": adopted, "backend": "none", "target_modules": layers_by_target, **dict.fromkeys(OF_A_LOG)}


def recipe(
    cfg: TrainConfig, rows: Sequence[dict[str, Any]], log: Sequence[dict[str, Any]], outcome: dict[str, Any]
) -> Recipe:
    """How it was trained, and what of that the log shows; `rows` are those of train."""
    from jobs.logic.pages import curves

    schedule, weight = cfg.schedule, cfg.prompt_loss_weight
    return Recipe(
        schedule=schedule.kind,
        warmup_fraction=schedule.warmup_fraction,
        rate_difference=schedules.largest_difference(
            log, schedule.kind, schedule.learning_rate, schedule.warmup_fraction, outcome["planned_steps"]
        ),
        neftune_alpha=cfg.neftune_alpha,
        prompt_loss_weight=weight,
        prompt_tokens_an_epoch=curves.first_epoch_tokens(log, outcome["steps_per_epoch"], "prompt_tokens"),
        prompt_tokens_expected=sum(len(prompts.prompt_places(row["kinds"])) for row in rows) if weight else 0,
        tokens_an_epoch=curves.first_epoch_tokens(log, outcome["steps_per_epoch"], "tokens"),
        computed_an_epoch=curves.first_epoch_tokens(log, outcome["steps_per_epoch"], "computed_tokens"),
    )


def token_rows(path: Path) -> list[dict[str, Any]]:
    """Preflight's rows: `id`, `input_ids`, `labels`, `kinds`."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def run(cfg: TrainConfig, inputs: Inputs, out: Path) -> TrainFacts:
    make(cfg, inputs, out)
    facts = measure(cfg, inputs, out)
    clear(out)
    return facts


def clear(out: Path) -> None:
    """Remove what only a training that is not measured yet needs."""
    for name in ("checkpoints", "saving", "processes"):
        remove(out / name)


def outside(cfg: TrainConfig) -> dict[str, str]:
    """An adapter that is adopted, by the bytes of its two files."""
    if cfg.adapter is None:
        return {}
    from jobs.engines.models import adapter_files

    return adapter_files.digests(Path(cfg.adapter))


main = stage_main("train", TrainConfig, run, GATE, outside)

if __name__ == "__main__":
    sys.exit(main())
