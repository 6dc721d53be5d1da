"""LoRA fine-tuning with TRL's SFTTrainer on rows that are already tokenized and masked.

Nothing here tokenizes, truncates, packs or masks: the trainer's `input_ids` and `labels` columns are taken as they are.
"""

from __future__ import annotations

import os

os.environ["HF_HUB_OFFLINE"] = "1"

import contextlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, set_seed
from transformers.utils import logging as transformers_logging
from trl import SFTConfig, SFTTrainer

from jobs.core.errors import EnvironmentProblem, Refusal
from jobs.engines.training import laid_out, ranks, saving, trl_cpu
from jobs.engines.training.batches import NUMBER, WEIGHTS, Collator, Row as Row, dataset, held_out
from jobs.engines.training.tally import ROWS, RowTally, Tally
from jobs.logic.training import layout, schedules

transformers_logging.disable_progress_bar()
laid_out.install()


@dataclass(frozen=True)
class Lora:
    """The adapter. Effective scale: alpha / rank, or alpha / sqrt(rank) with rsLoRA."""

    rank: int
    alpha: float
    dropout: float
    rslora: bool
    target_modules: list[str]


@dataclass(frozen=True)
class Schedule:
    """The optimiser and how long it runs. Batch sizes count rows on one device; several share out a step's rows."""

    kind: str
    """Of `schedules.Kind`."""
    learning_rate: float
    warmup_fraction: float
    weight_decay: float
    max_grad_norm: float
    num_epochs: float
    batch_size: int
    gradient_accumulation: int
    padding: bool
    """Whether rows of a batch are padded to its longest, instead of laid end to end."""
    max_tokens_per_batch: int | None
    """Of a forward pass where rows are laid end to end; None: as `most_tokens` has it."""
    eval_batch_size: int
    evals_per_epoch: int
    patience: int
    checkpoint_every_steps: int
    keep_checkpoints: int

    @property
    def rows(self) -> int:
        """Of an optimiser step, on one device."""
        return self.batch_size * self.gradient_accumulation

    def steps_per_epoch(self, num_rows: int) -> int:
        """Optimiser steps in one pass over `num_rows`; the last batch may be smaller."""
        return schedules.steps_per_epoch(num_rows, self.batch_size, self.gradient_accumulation)

    def shared(self, num_processes: int) -> Schedule:
        """For one of several processes, which together take as many rows a step; raises Refusal where none can."""
        rows, left = divmod(self.batch_size * self.gradient_accumulation, num_processes)
        if left:
            raise Refusal(
                f"train.num_processes={num_processes}: {self.batch_size} x {self.gradient_accumulation} rows a step "
                "(train.schedule.batch_size x gradient_accumulation) cannot be shared out evenly"
            )
        batch = max(size for size in range(1, min(self.batch_size, rows) + 1) if rows % size == 0)
        return replace(self, batch_size=batch, gradient_accumulation=rows // batch)

    def most_tokens(self, longest: int, on_cpu: bool) -> int:
        """Of a forward pass: those of `batch_size` rows as long as the longest, on a CPU no more than go well there."""
        return layout.most_tokens(self.batch_size, longest, self.max_tokens_per_batch, on_cpu)

    def eval_steps(self, num_rows: int) -> int:
        """Optimiser steps between evaluations."""
        return max(1, self.steps_per_epoch(num_rows) // self.evals_per_epoch)


def load_base(folder: Path, dtype: str, device: str) -> Any:
    """The base model; raises EnvironmentProblem where `device` is not here."""
    target = resolve_device(device)
    return AutoModelForCausalLM.from_pretrained(
        str(folder), dtype=getattr(torch, dtype), attn_implementation=laid_out.NAME
    ).to(target)


def resolve_device(device: str) -> str:
    """`auto` is CUDA where there is one, else the CPU."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise EnvironmentProblem(f"train.device={device}: no CUDA device is visible; set train.device=cpu")
    return device


def add_lora(model: Any, lora: Lora, seed: int) -> Any:
    """Wrap `model` with a fresh adapter; raises Refusal for a target that matches no module."""
    names = {name.rpartition(".")[2] for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    unmatched = [target for target in lora.target_modules if target not in names]
    if unmatched:
        raise Refusal(
            f"train.lora.target_modules: {', '.join(unmatched)} match no linear layer; "
            f"this model has {', '.join(sorted(names))}"
        )
    set_seed(seed)
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        use_rslora=lora.rslora,
        target_modules=list(lora.target_modules),
        bias="none",
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config)


def load_hf(folder: Path, lora: Lora, dtype: str, device: str, seed: int, max_length: int) -> Any:
    """Backend `hf`: plain transformers and PEFT. `max_length` is the longest row in tokens."""
    return add_lora(load_base(folder, dtype, device), lora, seed)


class GradedTrainer(SFTTrainer):  # type: ignore[misc]
    """SFTTrainer that also counts content and template tokens apart.

    The loss it descends is TRL's own, the mean over graded tokens; where the train rows have `weights`, it is the
    weighted mean over all tokens that have one. What is logged and evaluated is the mean over graded tokens either way.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tallies, self.row_tally = {True: Tally(), False: Tally()}, RowTally(len(self.eval_dataset))
        self.graded_tokens_seen, self.num_rows = 0, len(self.train_dataset)
        self.last_outputs: Any = None
        self.most_tokens = 0
        """Of a forward pass while training, where rows are laid end to end."""
        self.tokens = self.computed = 0
        """Of the rows trained on since the last log, and those that were computed for them, padding included."""
        self.weighted = WEIGHTS in self.train_dataset.column_names
        self.model.register_forward_hook(self._keep)

    def _keep(self, module: Any, inputs: Any, outputs: Any) -> None:
        self.last_outputs = outputs

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        if not ranks.several():
            return super()._get_train_sampler(train_dataset)
        return ranks.FilledShuffle(self.num_rows, len(self.train_dataset), self.args.data_seed)

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """A batch of rows that are laid end to end is all rows of a step, in as many runs as memory asks for."""
        if (held := inputs.get(laid_out.HELD)) is None:
            return super().training_step(model, inputs, num_items_in_batch)
        sizes = [len(row["input_ids"]) for row in held.rows]
        parts = laid_out.runs(held, ranks.largest(layout.num_parts(sizes, self.most_tokens)))
        losses = []
        for number, run in enumerate(parts):
            if number:
                self.callback_handler.on_substep_end(self.args, self.state, self.control)
            last = number == len(parts) - 1  # several processes put their gradients together once a step
            with contextlib.nullcontext() if last else self.accelerator.no_sync(model=model):
                losses.append(super().training_step(model, run.batch(), num_items_in_batch))
        return torch.stack(losses).sum()

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        held = inputs.pop(laid_out.HELD, None)
        if held is not None:
            inputs["spans"] = held.run.spans(next(model.parameters()))
        template, weights, labels = inputs.pop("template"), inputs.pop(WEIGHTS, None), inputs["labels"]
        if not model.training:
            loss = self._evaluated(model, inputs, template)
            return (loss, {}) if return_outputs else loss
        if weights is not None:
            loss = self._weighted(model, inputs, weights, num_items_in_batch)
        else:
            # Asked for its outputs, TRL runs a second forward pass for logits that nobody reads here.
            loss = super().compute_loss(model, inputs, num_items_in_batch=num_items_in_batch)
        log_probs = getattr(self.last_outputs, "log_probs", None)  # Unsloth's own loss keeps none
        if log_probs is not None:
            prompt = None if weights is None else (weights > 0) & (labels == -100)
            self.tallies[True].add(-log_probs.detach(), labels, template, prompt)
        self.last_outputs = None
        self.graded_tokens_seen += int((labels[:, 1:] != -100).sum())
        self.tokens += int(inputs["attention_mask"].sum()) if held is None else held.run.num_tokens
        self.computed += labels.numel()
        return (loss, {}) if return_outputs else loss

    def _weighted(self, model: Any, inputs: dict[str, Any], weights: torch.Tensor, total: torch.Tensor) -> torch.Tensor:
        """A batch's part in the weighted mean of its step, whose weights are `total` over all batches and processes."""
        labels = inputs["input_ids"].masked_fill(weights == 0, -100)
        outputs = model(**{**inputs, "labels": labels}, use_cache=False, fused_lm_head=True)
        loss = -(outputs.log_probs * weights[:, 1:]).sum() / total
        return loss * self.accelerator.num_processes  # as TRL's: the gradients of processes are averaged

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> Any:
        """What the loss of a step is divided by: its graded tokens, or where tokens have weights, their sum."""
        if not self.weighted:
            return super()._get_num_items_in_batch(batch_samples, device)
        total = sum(float(batch[WEIGHTS][:, 1:].double().sum()) for batch in batch_samples)
        return torch.tensor(ranks.summed([total])[0], device=device)

    def _evaluated(self, model: Any, inputs: dict[str, Any], template: torch.Tensor) -> torch.Tensor:
        """Mean nats a graded token of a batch, counted. With every backend it is TRL's fused head that is read.

        Unsloth's own loss keeps no log-probabilities, and the mean of its batches is not that of the tokens.
        """
        numbers = inputs.pop(NUMBER)
        outputs = model(**inputs, use_cache=False, fused_lm_head=True)
        self.last_outputs = None
        nll = -outputs.log_probs.detach()
        self.tallies[False].add(nll, inputs["labels"], template)
        self.row_tally.add(nll, inputs["labels"], template, numbers)
        return -outputs.log_probs.sum() / outputs.label_mask.sum().clamp(min=1)

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """None: TRL would write one beside every checkpoint."""

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """The adapter of a checkpoint alone; transformers adds the tokenizer and its own arguments, as a pickle."""
        save_weights(self.model, Path(output_dir or self.args.output_dir))

    def end_trackers(self) -> None:
        """Let trackers close what they have open, also where training did not come to its end."""
        self.callback_handler.on_train_end(self.args, self.state, self.control)

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        evaluated = "eval_loss" in logs
        if evaluated or "loss" in logs:
            tally = self.tallies[not evaluated]
            prefix = "eval_" if evaluated else ""
            tally.share()
            logs.update({f"{prefix}{name}": value for name, value in tally.means().items()})
            if not evaluated:
                logs["graded_tokens"] = int(ranks.summed([self.graded_tokens_seen])[0])
                logs["tokens"], logs["computed_tokens"] = map(int, ranks.summed([self.tokens, self.computed]))
                self.graded_tokens_seen = self.tokens = self.computed = 0
                if self.weighted:
                    logs["prompt_tokens"] = tally.tokens["prompt"]
            tally.reset()
        if trl_cpu.is_installed():
            self._metrics["eval" if evaluated else "train"].pop("entropy", None)  # which is not computed there
        super().log(logs, *args, **kwargs)
        if evaluated:  # beside what is logged: trackers take numbers alone
            self.state.log_history[-1][ROWS] = self.row_tally.taken()


def arguments(
    schedule: Schedule, num_rows: int, work: Path, seed: int, tracker: str, run_name: str, on_cpu: bool, fresh: bool,
    num_processes: int,
) -> SFTConfig:  # fmt: skip
    """TRL's config: every step is logged, checkpoints and stopping are left to our callbacks.

    A `fresh` run evaluates the base model first; a resumed one has done so.
    """
    eval_steps = schedule.eval_steps(num_rows)
    schedule = schedule.shared(num_processes)
    config = SFTConfig(
        output_dir=str(work),
        seed=seed,
        data_seed=seed,
        use_cpu=on_cpu,
        optim="adamw_torch_fused",  # and what follows: Unsloth's own config has other defaults, 8-bit AdamW for one
        torch_empty_cache_steps=None,
        eval_accumulation_steps=None,
        bf16=False,
        fp16=False,
        learning_rate=schedule.learning_rate,
        lr_scheduler_type=schedules.IN_TRANSFORMERS[schedule.kind],
        warmup_steps=schedule.warmup_fraction,
        weight_decay=schedule.weight_decay,
        max_grad_norm=schedule.max_grad_norm,
        num_train_epochs=schedule.num_epochs,
        per_device_train_batch_size=schedule.batch_size if schedule.padding else schedule.rows,
        gradient_accumulation_steps=schedule.gradient_accumulation if schedule.padding else 1,
        per_device_eval_batch_size=schedule.eval_batch_size,
        eval_strategy="steps",
        eval_steps=eval_steps,
        eval_on_start=fresh,
        prediction_loss_only=True,
        save_strategy="steps",
        save_steps=schedule.checkpoint_every_steps,
        save_total_limit=None,
        logging_strategy="steps",
        logging_steps=1,
        logging_first_step=True,
        logging_nan_inf_filter=False,
        report_to=[] if tracker == "none" else [tracker],
        run_name=run_name,
        project="kiwame",
        disable_tqdm=True,
        dataloader_num_workers=0,
        dataloader_pin_memory=not on_cpu,
        remove_unused_columns=False,
        max_length=None,
        packing=False,
        padding_free=False,
        gradient_checkpointing=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        loss_type="nll",
        ddp_backend="gloo" if on_cpu and num_processes > 1 else None,
        ddp_find_unused_parameters=False if num_processes > 1 else None,
    )
    if config.n_gpu > 1:
        config._n_gpu = 1  # one process is one GPU; transformers would spread it over all that are visible
    if on_cpu and num_processes > 1:
        config._setup_devices = torch.device("cpu")  # accelerate says cpu:0, which torch.load cannot restore to
    return config


def trainer(
    model: Any,
    tokenizer_folder: Path,
    train_rows: list[Row],
    val_rows: list[Row],
    args: SFTConfig,
    callbacks: list[Any],
    prompt_loss_weight: float,
    most_tokens: int | None,
) -> GradedTrainer:
    """A trainer over preflight's rows; a prompt's tokens count for `prompt_loss_weight` where it trains.

    `most_tokens`: of a forward pass over rows that are laid end to end; None pads them.
    """
    trl_cpu.install(args.use_cpu)
    tokenizer = AutoTokenizer.from_pretrained(str(tokenizer_folder))
    num_rows, pad = len(train_rows), tokenizer.pad_token_id
    if ranks.several():
        train_rows = ranks.filled(train_rows, args.train_batch_size * args.world_size, pad)
        val_rows = ranks.filled(val_rows, args.eval_batch_size * args.world_size, pad)
    made = GradedTrainer(
        model=model,
        args=args,
        train_dataset=dataset(train_rows, prompt_loss_weight),
        eval_dataset=held_out(val_rows),
        processing_class=tokenizer,
        data_collator=Collator(pad) if most_tokens is None else laid_out.LaidOut(),
        callbacks=callbacks,
    )
    made.num_rows, made.most_tokens = num_rows, most_tokens or 0
    made.remove_callback(PrinterCallback)
    return made


def load_adapter(model: Any, weights: Path) -> None:
    """Put the adapter weights of a safetensors file into `model`; raises ValueError where names differ."""
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    result = set_peft_model_state_dict(model, load_file(str(weights)))
    wrong = [*result.unexpected_keys, *(name for name in result.missing_keys if "lora_" in name)]
    if wrong:
        raise ValueError(f"{weights}: its tensors are not the adapter's, first {wrong[0]}")


def save_adapter(model: Any, into: Path, base_id: str) -> None:
    """Write the adapter in PEFT's format with sorted, machine-independent JSON."""
    save_weights(model, into)
    config = model.peft_config["default"].to_dict()
    config["base_model_name_or_path"] = base_id
    config["inference_mode"] = True
    plain = json.loads(json.dumps(config, default=lambda x: sorted(x) if isinstance(x, set | frozenset) else str(x)))
    plain["target_modules"] = sorted(plain["target_modules"])
    (into / "adapter_config.json").write_text(json.dumps(plain, indent=1, sort_keys=True) + "\n")


def save_weights(model: Any, into: Path) -> None:
    """Write the adapter's weights, and nothing else."""
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    into.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in get_peft_model_state_dict(model).items()}
    save_file(dict(sorted(state.items())), str(into / saving.ADAPTER), metadata={"format": "pt"})
