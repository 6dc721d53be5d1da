"""Schedules, NEFTune and weighed prompts: what is computed is what their definitions say, and a stop costs nothing."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import Qwen3ForCausalLM

from jobs.core.errors import Interrupted
from jobs.engines.training import batches, processes, run as sft_run, sft
from jobs.logic.training import prompts, schedules
from tests.engines.training import tiny_sft
from tests.engines.training.passes import passes
from tests.engines.training.tiny_sft import TARGETS, same

WHOLE_EPOCH: dict[str, Any] = {"batch_size": 2, "gradient_accumulation": 11, "num_epochs": 3, "warmup_fraction": 0.0}
"""22 rows: one step an epoch, of eleven batches."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tiny_sft.write_base(tmp_path_factory.mktemp("base"))
    tiny_sft.write_rows(folder, 22, 8)
    return folder


def fit(base: Path, out: Path, **changes: Any) -> sft_run.Outcome:
    return sft_run.fit(
        tiny_sft.settings(**changes), tiny_sft.places(base, out), tiny_sft.rows(22, 1), tiny_sft.rows(8, 2)
    )


def log(out: Path, field: str) -> list[dict[str, Any]]:
    entries = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [entry for entry in entries if field in entry]


def weights(out: Path) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = load_file(str(out / "adapter/adapter_model.safetensors"))
    return tensors


def by_hand(base: Path, rows: list[dict[str, Any]], weight: float) -> tuple[float, float, float]:
    """In fp64, of the untrained adapter: the weighted mean over all rows, its gradient's norm, prompts' own mean."""
    lora = sft.Lora(4, 8.0, 0.0, False, TARGETS)
    model = sft.add_lora(Qwen3ForCausalLM.from_pretrained(base), lora, tiny_sft.settings().seed).double()
    total, count, prompt, num_prompt = torch.zeros((), dtype=torch.float64), 0.0, 0.0, 0
    for row in rows:
        log_probs = torch.log_softmax(model(torch.tensor([row["input_ids"]])).logits[0], -1)
        last = max(place for place, kind in enumerate(row["kinds"]) if kind != "p")
        for place in range(1, last + 1):
            nll = -log_probs[place - 1, row["input_ids"][place]]
            own = weight if row["kinds"][place] == "p" else 1.0
            total, count = total + own * nll, count + own
            if row["kinds"][place] == "p":
                prompt, num_prompt = prompt + float(nll.detach()), num_prompt + 1
    mean = total / count
    mean.backward()
    squares = sum(float(part.grad.square().sum()) for part in model.parameters() if part.grad is not None)
    return float(mean.detach()), math.sqrt(squares), prompt / num_prompt


@pytest.mark.parametrize("weight", [0.1, 1.0])
def test_the_gradient_is_that_of_the_weighted_mean_over_a_whole_step(base: Path, tmp_path: Path, weight: float) -> None:
    fit(base, tmp_path / "out", prompt_loss_weight=weight, **WHOLE_EPOCH)
    first = log(tmp_path / "out", "loss")[0]
    _, norm, prompt_loss = by_hand(base, tiny_sft.rows(22, 1), weight)
    assert first["grad_norm"] == pytest.approx(norm, rel=2e-5)
    assert first["prompt_loss"] == pytest.approx(prompt_loss, rel=1e-6)
    num = sum(len(prompts.prompt_places(row["kinds"])) for row in tiny_sft.rows(22, 1))
    assert [entry["prompt_tokens"] for entry in log(tmp_path / "out", "loss")] == [num] * 3


def test_the_loss_of_a_batch_is_the_weighted_sum_over_the_steps_total(base: Path, tmp_path: Path) -> None:
    rows = tiny_sft.rows(2, 3)
    model = sft.load_hf(base, sft.Lora(4, 8.0, 0.0, False, TARGETS), "float32", "cpu", tiny_sft.settings().seed, 0)
    schedule = sft.Schedule(**tiny_sft.SCHEDULE)
    args = sft.arguments(schedule, 2, tmp_path, tiny_sft.settings().seed, "none", "t", True, False, 1)
    trainer = sft.trainer(model, base, rows, rows, args, [], 0.25, None)
    batch = batches.Collator(0)(list(trainer.train_dataset))
    total = trainer._get_num_items_in_batch([batch], torch.device("cpu"))
    graded = sum(label != -100 for row in rows for label in row["labels"])
    asked = sum(len(prompts.prompt_places(row["kinds"])) for row in rows)
    assert float(total) == graded + 0.25 * asked
    model.train()
    loss = trainer.compute_loss(model, batch, num_items_in_batch=total)
    assert float(loss.detach()) == pytest.approx(by_hand(base, rows, 0.25)[0], rel=1e-6)


def test_validation_and_the_log_are_of_graded_tokens_alone(base: Path, tmp_path: Path) -> None:
    fit(base, tmp_path / "plain", **WHOLE_EPOCH)
    fit(base, tmp_path / "weighed", prompt_loss_weight=0.5, **WHOLE_EPOCH)
    assert log(tmp_path / "plain", "eval_loss")[0] == log(tmp_path / "weighed", "eval_loss")[0]
    plain, weighed = log(tmp_path / "plain", "loss")[0], log(tmp_path / "weighed", "loss")[0]
    assert plain["graded_tokens"] == weighed["graded_tokens"]
    # More rows go through one product of matrices: some CPUs round it otherwise, 1.6e-9 was seen where fp32 has 6e-8.
    assert weighed["loss"] == pytest.approx(plain["loss"], rel=1e-7, abs=0.0)
    assert "prompt_loss" not in plain
    assert any((one != weights(tmp_path / "weighed")[name]).any() for name, one in weights(tmp_path / "plain").items())


@pytest.mark.processes
def test_two_processes_weigh_as_one_does(base: Path, tmp_path: Path) -> None:
    changes = {"prompt_loss_weight": 0.3, "num_epochs": 1}
    fit(base, tmp_path / "one", **changes)
    files = [base / "train.jsonl", base / "val.jsonl"]
    processes.fit(tiny_sft.settings(2, **changes), tiny_sft.places(base, tmp_path / "two"), files)
    for one, two in zip(log(tmp_path / "one", "loss"), log(tmp_path / "two", "loss"), strict=True):
        assert one["prompt_tokens"] == two["prompt_tokens"]
        for name, tolerance in (("loss", 1e-6), ("prompt_loss", 1e-6), ("grad_norm", 1e-5)):
            assert two[name] == pytest.approx(one[name], rel=tolerance), (name, one["step"])


def test_noise_is_in_training_alone_and_its_strength_is_alpha_over_the_root_of_the_size(
    base: Path, tmp_path: Path
) -> None:
    model = sft.load_hf(base, sft.Lora(4, 8.0, 0.0, False, TARGETS), "float32", "cpu", 7, 0)
    table, ids = model.get_input_embeddings(), list[torch.Tensor]()
    seen: dict[bool, list[tuple[float, int]]] = {True: [], False: []}

    def keep(module: Any, inputs: Any) -> None:
        noise = inputs[0] - table.weight[ids[-1]]
        seen[module.training].append((float(noise.abs().max()), noise[0].numel()))

    table.register_forward_pre_hook(lambda module, inputs: ids.append(inputs[0]))
    model.base_model.model.model.layers[0].register_forward_pre_hook(keep)
    schedule = replace(sft.Schedule(**tiny_sft.SCHEDULE), num_epochs=1, padding=True)
    args = sft.arguments(schedule, 22, tmp_path, 7, "none", "t", True, True, 1)
    args.neftune_noise_alpha, args.save_strategy = 5.0, "no"
    sft.trainer(model, base, tiny_sft.rows(22, 1), tiny_sft.rows(8, 2), args, [], 0.0, None).train()
    assert len(seen[True]) == 11
    assert len(seen[False]) >= 4
    assert {largest for largest, _ in seen[False]} == {0.0}
    for largest, size in seen[True]:
        assert 0.9 * 5 / math.sqrt(size) < largest <= 5 / math.sqrt(size) + 1e-6


OPTIONS = {"noise": {"neftune_alpha": 5.0}, "weighed": {"prompt_loss_weight": 0.2}, "linear": {"kind": "linear"}}
"""Each of what is saved and put back."""


@pytest.mark.parametrize("name", OPTIONS)
def test_a_stop_costs_nothing(base: Path, tmp_path: Path, name: str) -> None:
    whole, out, changes = tmp_path / "whole", tmp_path / "out", OPTIONS[name]
    fit(base, whole, **changes)
    for at in (("train", 5), ("eval", 4)):
        with passes(at), pytest.raises(Interrupted, match="is saved"):
            fit(base, out, **changes)
    fit(base, out, **changes)
    same(out, whole)


def test_noise_and_weight_of_nothing_are_nothing(base: Path, tmp_path: Path) -> None:
    """And each of something is something."""
    fit(base, tmp_path / "plain", num_epochs=1)
    plain = weights(tmp_path / "plain")
    assert batches.dataset(tiny_sft.rows(2, 1), 0.0).column_names == ["input_ids", "labels", "template"]
    for name, changes in OPTIONS.items():
        fit(base, tmp_path / name, num_epochs=1, **changes)
        assert any((one != plain[key]).any() for key, one in weights(tmp_path / name).items()), name


@pytest.mark.parametrize("kind", ["cosine", "linear", "constant"])
def test_the_rate_of_every_step_is_the_schedules(base: Path, tmp_path: Path, kind: str) -> None:
    fit(base, tmp_path / "out", kind=kind, warmup_fraction=0.3)
    found = log(tmp_path / "out", "loss")
    assert schedules.largest_difference(found, kind, 5e-3, 0.3, 12) < 1e-12
    others = {"cosine", "linear", "constant"} - {kind}
    assert all(schedules.largest_difference(found, other, 5e-3, 0.3, 12) > 0.01 for other in others)
    assert schedules.largest_difference(found, kind, 5e-3, 0.1, 12) > 0.01
