"""Rows laid end to end give what padded rows give, and nothing crosses from one to another."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from jobs.engines.training import laid_out, run as sft_run, sft
from jobs.engines.training.batches import WEIGHTS, Collator, weights
from tests.engines.training.tiny_sft import places, rows, settings, write_base

SYSTEM = [2, *range(60, 100), 3]
DOCUMENT = [5, *range(60, 110, 1), 6]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_base(tmp_path_factory.mktemp("base"))


def with_beginnings(count: int, seed: int, weight: float = 0.0) -> list[dict[str, Any]]:
    """Rows of which some share a system prompt, and some of those a document below it."""
    draw, made = random.Random(seed), []
    for row in rows(count, seed):
        front = draw.choice([[], SYSTEM, [*SYSTEM, *DOCUMENT], DOCUMENT])
        made.append(
            {
                "input_ids": front + row["input_ids"],
                "labels": [-100] * len(front) + row["labels"],
                "kinds": "p" * len(front) + row["kinds"],
                "template": [0] * (len(front) + len(row["input_ids"])),
            }
        )
        if weight:
            made[-1][WEIGHTS] = weights(made[-1]["kinds"], weight)
    return made


def model_of(base: Path) -> Any:
    """The base with an adapter that changes something."""
    model = sft.load_hf(base, settings().lora, "float32", "cpu", 7, 64)
    torch.manual_seed(3)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    return model


def row_losses(model: Any, found: list[dict[str, Any]]) -> tuple[list[float], laid_out.Run]:
    """Summed loss of each row, out of one run of all."""
    run = laid_out.run_of(found)
    ids, labels = run.inputs["input_ids"], run.inputs["labels"]
    logits = model(
        input_ids=ids, position_ids=run.inputs["position_ids"], use_cache=False, spans=run.spans(torch.zeros(1))
    ).logits
    nll = torch.nn.functional.cross_entropy(logits[0, :-1], labels[0, 1:], reduction="none", ignore_index=-100)
    return [float(nll[run.row[0, 1:] == number].sum().detach()) for number in range(len(found))], run


def test_every_row_costs_what_it_costs_alone(base: Path) -> None:
    model, found = model_of(base), with_beginnings(12, 5)
    alone = [row_losses(model, [row])[0][0] for row in found]
    together, run = row_losses(model, found)
    assert any(segment.num_rows > 1 and segment.parent is not None for segment in run.segments)
    assert run.row.numel() < run.num_tokens - 100
    assert together == pytest.approx(alone, rel=1e-5)


def test_no_row_moves_another_by_a_bit(base: Path) -> None:
    model, found = model_of(base), with_beginnings(8, 6)
    before, _ = row_losses(model, found)
    for number in range(len(found)):
        changed = [dict(row) for row in found]
        ids = list(changed[number]["input_ids"])
        ids[-5] = 99 if ids[-5] != 99 else 98  # the last token of the prompt, which is never shared
        changed[number]["input_ids"] = ids
        after, _ = row_losses(model, changed)
        others = [i for i in range(len(found)) if i != number]
        assert after[number] != before[number]
        assert [after[i] for i in others] == [before[i] for i in others]


@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_gradients_are_those_of_padded_rows(base: Path, weight: float) -> None:
    found = with_beginnings(9, 8, weight)
    gradients = []
    for collator in (Collator(0), laid_out.LaidOut()):
        model, batch = model_of(base), collator(found)
        held = batch.pop(laid_out.HELD, None)
        labels, counts = batch.pop("labels"), batch.pop(WEIGHTS, None)
        batch.pop("template")
        if held is not None:
            batch["spans"] = held.run.spans(torch.zeros(1))
        logits = model(**batch, use_cache=False).logits
        taken = labels if counts is None else batch["input_ids"].masked_fill(counts == 0, -100)
        nll = torch.nn.functional.cross_entropy(
            logits[:, :-1].transpose(1, 2), taken[:, 1:], reduction="none", ignore_index=-100
        )
        (nll if counts is None else nll * counts[:, 1:]).sum().backward()
        gradients.append({name: p.grad for name, p in model.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    assert len(gradients[0]) == 28
    for name, padded in gradients[0].items():
        assert torch.allclose(gradients[1][name], padded, rtol=1e-4, atol=1e-5 * float(padded.abs().max())), name


def log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    "changes", [{}, {"max_tokens_per_batch": 20}, {"batch_size": 1, "gradient_accumulation": 4}, {"weight": 0.2}]
)
def test_a_step_means_what_it_meant(base: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    """13 rows, so that the last step of an epoch has fewer; steps, losses and adapter are the padded path's."""
    words = {"prompt_loss_weight": changes.pop("weight", 0.0)}
    for name in ("padded", "laid"):
        given = settings(**words, **({} if name == "padded" else changes), padding=name == "padded")
        sft_run.fit(given, places(base, tmp_path / name), rows(13, 1), rows(5, 2))
    padded, laid = log(tmp_path / "padded"), log(tmp_path / "laid")
    assert [line["step"] for line in padded] == [line["step"] for line in laid]
    for before, after in zip(padded, laid, strict=True):
        for key in before.keys() - {"computed_tokens", "grad_norm", "epoch"}:
            assert after[key] == pytest.approx(before[key], rel=1e-5, abs=1e-6), (before["step"], key)
        if "tokens" in after:
            assert after["computed_tokens"] == after["tokens"] <= before["computed_tokens"]
    from safetensors.torch import load_file

    left, right = (load_file(str(tmp_path / name / "adapter/adapter_model.safetensors")) for name in ("padded", "laid"))
    for name, tensor in left.items():
        assert torch.allclose(tensor, right[name], rtol=1e-4, atol=1e-5), name


def test_padded_batches_and_whole_models_are_as_ever(base: Path) -> None:
    """The attention is known to the model for good, so it must be transformers' own wherever rows are padded."""
    found = with_beginnings(5, 9)
    batch = Collator(0)(found)
    ours = sft.load_base(base, "float32", "cpu")
    theirs = AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.float32)
    given = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"]}
    assert torch.equal(ours(**given).logits, theirs(**given).logits)
    assert torch.equal(
        ours.generate(given["input_ids"][:1, :8], max_new_tokens=5, do_sample=False),
        theirs.generate(given["input_ids"][:1, :8], max_new_tokens=5, do_sample=False),
    )
