"""The training backends on one device: the same rows, the same steps, the same adapter as `hf` on a CPU."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from jobs.core.errors import Interrupted
from jobs.engines.training import processes, run as sft_run
from tests.engines.training import tiny_sft

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(600)]
LOSSES = {"float32": 1e-5, "bfloat16": 2e-2}
"""Relative to `hf` in fp32 on a CPU: sums in another order, and the rounding of bfloat16."""
BACKENDS = ["hf", "unsloth"]


def best_dtype(backend: str, device: str) -> str:
    """What the backend can compute in: Unsloth has bfloat16 alone on CUDA."""
    return "bfloat16" if (backend, device) == ("unsloth", "cuda") else "float32"


def fit(base: Path, out: Path, device: str, num_processes: int = 1, **changes: Any) -> sft_run.Outcome:
    """Train in processes of its own, as the stage does with Unsloth; `changes` are of the settings."""
    settings = replace(tiny_sft.settings(num_processes), device=device, **changes)
    return processes.fit(settings, tiny_sft.places(base, out), [base / "train.jsonl", base / "val.jsonl"])


def log(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def adapter(out: Path) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = load_file(str(out / "adapter" / "adapter_model.safetensors"))
    return tensors


@pytest.fixture(scope="module")
def reference(base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, sft_run.Outcome]:
    """`hf`, fp32, on a CPU."""
    out = tmp_path_factory.mktemp("reference") / "out"
    rows = [
        [json.loads(line) for line in (base / f"{name}.jsonl").read_text().splitlines()] for name in ("train", "val")
    ]
    return out, sft_run.fit(tiny_sft.settings(), tiny_sft.places(base, out), *rows)


def compare(out: Path, reference: Path, tolerance: float) -> None:
    """Every step's loss and graded tokens, every evaluation, and what kind of adapter was saved."""
    assert len(log(out)) == len(log(reference))
    for here, there in zip(log(out), log(reference), strict=True):
        assert here["step"] == there["step"]
        assert here.get("graded_tokens") == there.get("graded_tokens")
        for name in ("loss", "eval_loss"):
            assert here.get(name, 0.0) == pytest.approx(there.get(name, 0.0), rel=tolerance), (name, here["step"])
    mine, theirs = adapter(out), adapter(reference)
    assert {name: tensor.shape for name, tensor in mine.items()} == {
        name: tensor.shape for name, tensor in theirs.items()
    }
    assert {tensor.dtype for tensor in mine.values()} == {torch.float32}
    assert all(tensor.abs().max() > 0 for name, tensor in mine.items() if "lora_B" in name)


@pytest.mark.parametrize("dtype", LOSSES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_takes_the_same_steps(
    base: Path, reference: tuple[Path, sft_run.Outcome], tmp_path: Path, device: str, backend: str, dtype: str
) -> None:
    if device == "cuda" and (backend, dtype) == ("unsloth", "float32"):
        pytest.skip("Unsloth computes in bfloat16 on CUDA")
    out = tmp_path / "out"
    outcome = fit(base, out, device, backend=backend, dtype=dtype)
    assert (outcome.num_steps, outcome.nonfinite_step) == (reference[1].num_steps, None)
    compare(out, reference[0], LOSSES[dtype])
    if dtype == "float32":
        assert outcome.chosen_step == reference[1].chosen_step
        for name, tensor in adapter(out).items():
            torch.testing.assert_close(tensor, adapter(reference[0])[name], rtol=0.02, atol=1e-4, msg=name)


@pytest.mark.parametrize("backend", BACKENDS)
def test_two_processes_take_the_steps_of_one(
    base: Path, reference: tuple[Path, sft_run.Outcome], tmp_path: Path, device: str, backend: str
) -> None:
    if device == "cuda" and torch.cuda.device_count() < 2:
        pytest.skip("one GPU is visible")
    out = tmp_path / "out"
    dtype = best_dtype(backend, device)
    outcome = fit(base, out, device, num_processes=2, backend=backend, dtype=dtype)
    assert outcome.num_steps == reference[1].num_steps
    compare(out, reference[0], LOSSES[dtype])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_stop_costs_nothing(base: Path, tmp_path: Path, device: str, backend: str) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    changes = {"backend": backend, "dtype": best_dtype(backend, device)}
    changes |= {"schedule": tiny_sft.settings(num_epochs=8).schedule}
    fit(base, whole, device, **changes)
    with (
        tiny_sft.stopped_after_a_step(stopped / "log.jsonl"),
        pytest.raises(Interrupted, match=r"step \d+ of 48 is saved"),
    ):
        fit(base, stopped, device, **changes)
    fit(base, stopped, device, **changes)
    assert [entry["step"] for entry in log(stopped)] == [entry["step"] for entry in log(whole)]
    for name, tensor in adapter(stopped).items():
        torch.testing.assert_close(tensor, adapter(whole)[name], rtol=1e-3, atol=1e-6, msg=name)
