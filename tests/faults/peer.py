"""Another trainer than ours, as small as one can be: what a stranger's folder is made with.

Nothing of the product runs in here but the pinned llama.cpp's converter and quantizer: rows are rendered as text and
tokenized by the tokenizer, a PEFT adapter is trained by a plain loop, the log is transformers' `trainer_state.json`,
the adapter is merged by PEFT and saved, and ten prompts are answered by the GGUFs.
"""

from __future__ import annotations

import json
import math
import os
import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

Messages = Sequence[Mapping[str, str]]
NOT_GRADED = -100
EMPTY = "<think>\n\n</think>\n\n"


@dataclass(frozen=True)
class Example:
    """One row as it is trained on."""

    ids: list[int]
    labels: list[int]


@dataclass(frozen=True)
class Recipe:
    """What the stranger's config file says."""

    rank: int = 32
    alpha: float = 32
    rslora: bool = False
    alpha_pattern: dict[str, float] = field(default_factory=dict)
    learning_rate: float = 1e-3
    epochs: int = 3
    batch: int = 8
    max_length: int = 512
    evaluates: bool = True
    response_part: str = "<|im_start|>assistant\n"


@dataclass(frozen=True)
class Ways:
    """Where a fault can be put in; each is the identity in a healthy run."""

    render: Callable[[Messages, int], str] = lambda messages, number: rendered(messages)
    grade: Callable[[Any, Example, int], Example] = lambda tokenizer, example, number: example
    recipe: Recipe = Recipe()
    as_text: bool = False
    """Whether the rows are kept as rendered text, as scripts with a `formatting_func` do."""


def rendered(messages: Messages, opening: str = EMPTY) -> str:
    """ChatML to the newline, the last answer with an empty think block."""
    parts = [f"<|im_start|>{one['role']}\n{one['content']}<|im_end|>\n" for one in messages[:-1]]
    return "".join(parts) + f"<|im_start|>assistant\n{opening}{messages[-1]['content']}<|im_end|>\n"


def encoded(tokenizer: Any, text: str, response_part: str = "<|im_start|>assistant\n") -> Example:
    """Ids of the text, graded from behind the last `response_part` to the end of turn."""
    start = text.rfind(response_part)
    start = len(text) if start < 0 else start + len(response_part)
    found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    labels = [
        number if begin >= start and text[begin:] != "\n" else NOT_GRADED
        for number, (begin, _) in zip(found["input_ids"], found["offset_mapping"], strict=True)
    ]
    return Example(list(found["input_ids"]), labels)


def loss_of(model: Any, rows: Sequence[Example]) -> Any:
    """Mean nats a graded token; logits at graded places only."""
    import torch

    longest = max(len(row.ids) for row in rows)
    ids = torch.tensor([row.ids + [151_643] * (longest - len(row.ids)) for row in rows])
    labels = torch.tensor([row.labels + [NOT_GRADED] * (longest - len(row.ids)) for row in rows])
    mask = torch.tensor([[1] * len(row.ids) + [0] * (longest - len(row.ids)) for row in rows])
    body = model.base_model.model if hasattr(model, "peft_config") else model
    hidden = body.model(input_ids=ids, attention_mask=mask).last_hidden_state[:, :-1]
    graded = labels[:, 1:] != NOT_GRADED
    return torch.nn.functional.cross_entropy(body.lm_head(hidden[graded]).float(), labels[:, 1:][graded])


def train(
    base: Path, examples: Sequence[Example], held_out: Sequence[Example], recipe: Recipe, seed: int, into: Path
) -> None:
    """Write `adapter/`, and `trainer_state.json` as transformers writes it."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    model = get_peft_model(
        model,
        LoraConfig(
            r=recipe.rank, lora_alpha=recipe.alpha, use_rslora=recipe.rslora, alpha_pattern=recipe.alpha_pattern,
            target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
            task_type="CAUSAL_LM",
        ),
    )  # fmt: skip
    epoch = math.ceil(len(examples) / recipe.batch)
    steps, every = epoch * recipe.epochs, max(1, epoch // 2)
    optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=0.0, fused=True)
    rng, history = random.Random(seed), list[dict[str, Any]]()
    order: list[Example] = []
    for step in range(1, steps + 1):
        if not order:
            order = rng.sample(list(examples), len(examples))
        batch, order = order[: recipe.batch], order[recipe.batch :]
        rate = recipe.learning_rate * min(step / max(1, steps // 20), 0.5 + 0.5 * math.cos(math.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = loss_of(model, batch)
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        at = {"epoch": step / epoch, "step": step}
        history.append({"loss": loss.item(), "grad_norm": norm.item(), "learning_rate": rate, **at})
        if recipe.evaluates and held_out and step % every == 0:
            history.append({"eval_loss": evaluated(model, held_out), **at})
    model.save_pretrained(into / "adapter")
    settings = into / "adapter/adapter_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"base_model_name_or_path": "base"}, indent=1))
    AutoTokenizer.from_pretrained(base).save_pretrained(into / "adapter")
    state = {
        "global_step": steps,
        "max_steps": steps,
        "num_train_epochs": recipe.epochs,
        "log_history": history,
        "epoch": float(recipe.epochs),
        "logging_steps": 1,
        "eval_steps": every,
        "train_batch_size": recipe.batch,
    }
    (into / "trainer_state.json").write_text(json.dumps(state, indent=1))


def evaluated(model: Any, rows: Sequence[Example]) -> float:
    """Mean over held-out rows."""
    import torch

    with torch.no_grad():
        return float(loss_of(model, rows))


def settings(recipe: Recipe, base: str) -> str:
    """The config as TRL's and PEFT's keyword arguments in YAML."""
    lines = {
        "model_name_or_path": base, "dataset_path": "train.jsonl", "lora_r": recipe.rank, "lora_alpha": recipe.alpha,
        "use_rslora": str(recipe.rslora).lower(), "lora_dropout": 0.0, "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": "cosine", "num_train_epochs": recipe.epochs,
        "per_device_train_batch_size": recipe.batch, "gradient_accumulation_steps": 1,
        "max_length": recipe.max_length, "eval_strategy": "steps" if recipe.evaluates else "no",
    }  # fmt: skip
    return "".join(f"{key}: {value}\n" for key, value in lines.items())


def prompts_of(folder: Path) -> Path:
    """What is asked of a folder's GGUFs; it lies beside the folder."""
    return folder.with_name(f"{folder.name}-prompts.jsonl")


def fine_tuned(base: Path, train_rows: Path, val_rows: Path, ways: Ways, seed: int, into: Path) -> None:
    """Rows to an adapter, with the rows and the config beside it."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    sides = []
    for path in (train_rows, val_rows):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        texts = [ways.render(row["messages"], number) for number, row in enumerate(rows)]
        made = [encoded(tokenizer, text, ways.recipe.response_part) for text in texts]
        made = [ways.grade(tokenizer, one, number) for number, one in enumerate(made)]
        cut = [Example(one.ids[: ways.recipe.max_length], one.labels[: ways.recipe.max_length]) for one in made]
        sides.append([one for one in cut if any(label != NOT_GRADED for label in one.labels[1:])])
        if ways.as_text:
            lines = [json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts]
            (into / path.name).write_text("".join(lines), encoding="utf-8")
        else:
            shutil.copyfile(path, into / path.name)
    (into / "config.yaml").write_text(settings(ways.recipe, "base"), encoding="utf-8")
    train(base, sides[0], sides[1], ways.recipe, seed, into)


def merged(base: Path, folder: Path) -> None:
    """PEFT's own merge, saved as transformers does."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    model = PeftModel.from_pretrained(model, folder / "adapter").merge_and_unload()
    model.save_pretrained(folder / "merged")
    AutoTokenizer.from_pretrained(base).save_pretrained(folder / "merged")


def converted(folder: Path) -> None:
    """Merged weights to an F16 GGUF, and its quants."""
    from jobs.engines.gguf import llama_tools

    llama_tools.convert(folder / "merged", folder / "model-f16.gguf", "f16")
    quantized(folder)


def quantized(folder: Path) -> None:
    from jobs.engines.gguf import llama_tools

    (folder / "model-q4_k_m.gguf").unlink(missing_ok=True)
    llama_tools.quantize(folder / "model-f16.gguf", folder / "model-q4_k_m.gguf", "Q4_K_M")


def answered(base: Path, folder: Path, num_answers: int = 10, limit: int = 64) -> None:
    """Answers of both GGUFs to held-out prompts, greedy, with whether each stopped by itself."""
    from transformers import AutoTokenizer

    from jobs.engines.gguf import llama

    tokenizer = AutoTokenizer.from_pretrained(base)
    rows = [json.loads(line) for line in prompts_of(folder).read_text(encoding="utf-8").splitlines()]
    asked = [f"<|im_start|>user\n{row['prompt']}<|im_end|>\n<|im_start|>assistant\n{EMPTY}" for row in rows]
    prompts = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in asked][:num_answers]
    for name in ("model-f16", "model-q4_k_m"):
        stops = llama.eog_tokens(folder / f"{name}.gguf")
        said = llama.generate(folder / f"{name}.gguf", prompts, limit, stops, kv="f16", num_threads=1)
        lines = [
            json.dumps(
                {"prompt": row["prompt"], "answer": tokenizer.decode(one.ids),
                 "reference": row["reference"], "finish_reason": "stop" if one.stopped else "length"},
                ensure_ascii=False,
            ) + "\n"
            for row, one in zip(rows, said, strict=False)
        ]  # fmt: skip
        (folder / f"answers-{name}.jsonl").write_text("".join(lines), encoding="utf-8")


def modelfile(folder: Path, template: str = "", stops: Sequence[str] = ("<|im_end|>", "<|endoftext|>")) -> None:
    """For Ollama."""
    from jobs.logic.pages import modelfile as pages

    text = pages.modelfile("model-q4_k_m.gguf", EMPTY, None, [])
    if template:
        text = text.replace(pages.template(EMPTY), template)
    for stop in set(pages.STOPS) - set(stops):
        text = text.replace(f'PARAMETER stop "{stop}"\n', "")
    (folder / "Modelfile").write_text(text, encoding="utf-8")


def whole(base: Path, train_rows: Path, val_rows: Path, ways: Ways, seed: int, into: Path) -> None:
    """All of a stranger's files."""
    into.mkdir(parents=True)
    shutil.copytree(base, into / "base", copy_function=os.link)
    prompts = [json.loads(line)["messages"] for line in val_rows.read_text(encoding="utf-8").splitlines()]
    lines = [json.dumps({"prompt": one[0]["content"], "reference": one[-1]["content"]}, ensure_ascii=False) + "\n"
             for one in prompts]  # fmt: skip
    prompts_of(into).write_text("".join(lines), encoding="utf-8")
    fine_tuned(base, train_rows, val_rows, ways, seed, into)
    merged(base, into)
    converted(into)
    answered(base, into)
    modelfile(into)


def but(recipe: Recipe, **changes: Any) -> Ways:
    """A way with another recipe."""
    return Ways(recipe=replace(recipe, **changes))
