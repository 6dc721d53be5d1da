"""Training: the tokens it was given, the best step restored, and a stop that costs nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Qwen3ForCausalLM

from jobs.core import process
from jobs.core.errors import Interrupted, Refusal
from jobs.engines.models import adapter
from jobs.engines.training import adapter_losses, run as sft_run, sft
from jobs.engines.training.callbacks import Keeper, best_evaluation
from tests.engines.training import tiny_sft
from tests.engines.training.tiny_sft import TARGETS, rows


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sft.write_base(tmp_path_factory.mktemp("base"))


def fit(base: Path, out: Path, **changes: Any) -> sft_run.Outcome:
    return sft_run.fit(tiny_sft.settings(**changes), tiny_sft.places(base, out), rows(22, 1), rows(8, 2))


def test_best_step_is_restored_and_the_log_is_whole(base: Path, tmp_path: Path) -> None:
    outcome = fit(base, tmp_path / "out")
    assert outcome.num_steps == outcome.planned_steps == 12
    assert outcome.chosen_step == outcome.restored_step
    losses = adapter_losses.measure(base, tmp_path / "out" / "adapter", rows(8, 2), "float32", "cpu", 4)
    assert adapter_losses.mean(losses) == pytest.approx(outcome.best_eval_loss, rel=1e-6)
    log = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log if "loss" in entry] == list(range(1, 13))
    evaluated = [entry for entry in log if "eval_loss" in entry]
    assert [entry["step"] for entry in evaluated] == [0, 3, 6, 9, 12]
    assert min(entry["eval_loss"] for entry in evaluated[1:]) == outcome.best_eval_loss
    for entry in evaluated:
        both = (2 * entry["eval_content_loss"] + entry["eval_template_loss"]) / 3
        assert entry["eval_loss"] == pytest.approx(both, abs=1e-5)
    graded = sum(sum(label != -100 for label in row["labels"]) for row in rows(22, 1))
    assert sum(entry["graded_tokens"] for entry in log[: len(log)] if "loss" in entry) == 2 * graded


def test_log_losses_are_the_models_own(base: Path, tmp_path: Path) -> None:
    fit(base, tmp_path / "out")
    first = json.loads((tmp_path / "out" / "log.jsonl").read_text().splitlines()[0])
    model, total, count = Qwen3ForCausalLM.from_pretrained(base), 0.0, 0
    for row in rows(8, 2):
        logits = model(torch.tensor([row["input_ids"]])).logits[0].double()
        for place, kind in enumerate(row["kinds"]):
            if kind == "c":
                total -= float(torch.log_softmax(logits[place - 1], -1)[row["input_ids"][place]])
                count += 1
    assert first["eval_content_loss"] == pytest.approx(total / count, abs=1e-5)


@pytest.mark.parametrize("stop_at", [2, 7])
def test_stop_and_resume_gives_the_same_bytes(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_at: int
) -> None:
    original = Keeper.on_step_end

    def stopping(self: Any, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        process._Stop.requested = state.global_step == stop_at
        original(self, args, state, control, **kwargs)

    fit(base, tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(Keeper, "on_step_end", stopping)
        with pytest.raises(Interrupted, match=f"step {stop_at} of 12"):
            fit(base, tmp_path / "stopped")
    process._Stop.requested = False
    fit(base, tmp_path / "stopped")
    for name in ("adapter/adapter_model.safetensors", "adapter/adapter_config.json", "log.jsonl"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_early_stopping_keeps_an_earlier_step(base: Path, tmp_path: Path) -> None:
    outcome = fit(base, tmp_path / "out", learning_rate=0.09, num_epochs=20, patience=2)
    assert outcome.num_steps < outcome.planned_steps
    assert outcome.restored_step == outcome.chosen_step < outcome.num_steps


def test_unmatched_target_is_refused_by_name(base: Path) -> None:
    model = sft.load_base(base, "float32", "cpu")
    with pytest.raises(Refusal, match=r"q_projj match no linear layer.*q_proj"):
        sft.add_lora(model, sft.Lora(4, 8.0, 0.0, False, ["v_proj", "q_projj"]), 1)


def test_adapter_file_has_every_target_and_no_path(base: Path, tmp_path: Path) -> None:
    fit(base, tmp_path / "out")
    found = adapter.inspect(tmp_path / "out" / "adapter")
    assert found.layers_by_target == dict.fromkeys(TARGETS, 2)
    assert found.scale == 2.0
    assert found.norm > 0
    assert not found.zero_modules
    assert "/" not in json.loads((tmp_path / "out" / "adapter" / "adapter_config.json").read_text())["peft_type"]
    assert str(base) not in (tmp_path / "out" / "adapter" / "adapter_config.json").read_text()


def test_best_evaluation_is_the_earliest_of_the_lowest_and_finite() -> None:
    history = [
        {"step": 0, "eval_loss": 0.1}, {"step": 2, "eval_loss": float("nan")}, {"step": 4, "eval_loss": 0.5},
        {"step": 6, "eval_loss": 0.5},
    ]  # fmt: skip
    assert best_evaluation(history) == (4, 0.5)
    assert best_evaluation(history[:2]) is None


def test_every_held_out_row_has_its_loss_at_every_evaluation(base: Path, tmp_path: Path) -> None:
    outcome = fit(base, tmp_path / "out")
    lines = [json.loads(line) for line in (tmp_path / "out" / "row_losses.jsonl").read_text().splitlines()]
    log = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    evaluated = [entry for entry in log if "eval_loss" in entry]
    first, found = lines[0], lines[1:]
    assert first["ids"] == [row["id"] for row in rows(8, 2)]
    assert [one["step"] for one in found] == [entry["step"] for entry in evaluated]
    for one, entry in zip(found, evaluated, strict=True):
        for name in ("content", "template"):
            mean = sum(one[name]) / sum(first[f"{name}_tokens"])
            assert mean == pytest.approx(entry[f"eval_{name}_loss"], abs=1e-6)
    alone = adapter_losses.measure(base, tmp_path / "out" / "adapter", rows(8, 2), "float32", "cpu", 4)
    chosen = next(one for one in found if one["step"] == outcome.chosen_step)
    assert chosen["content"] == pytest.approx([one.content_nll for one in alone], abs=1e-5)
    assert first["content_tokens"] == [one.num_content for one in alone]
