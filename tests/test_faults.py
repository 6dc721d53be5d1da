"""The gates can fail: each fault goes into an otherwise good run, and the first gate that stops it is the right one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.core import pipeline
from tests import whole_run
from tests.faults import on_a_run as faults

HOT = ["train.lora.rslora=true", "train.lora.rank=32", "train.lora.alpha=64", "train.schedule.learning_rate=2e-4"]
CASES: list[tuple[str, Callable[[Path], None], str, str, list[str]]] = [
    # fault, how, the stage it is put into, the code that must stop it, config
    ("end-of-turn not graded", faults.stop_ungraded, "preflight", "TOK002", []),
    ("all labels masked", faults.all_masked, "preflight", "TOK001", []),
    ("control token in content", faults.control_token_in_content, "preflight", "TOK003", []),
    ("rsLoRA at a hot learning rate", faults.nothing, "preflight", "TOK021", HOT),
    ("adapter all zero", faults.zero_adapter, "train", "TRN003", []),
    ("another step's adapter", faults.another_adapter, "train", "TRN002", []),
    ("adapter with another scale", faults.adapter_scale_altered, "train", "TRN012", []),
    ("merge that changed nothing", faults.merged_nothing, "merge", "MRG002", []),
    ("merge with the wrong scale", faults.merged_with_wrong_scale, "merge", "MRG003", []),
    ("one target module not merged", faults.one_target_not_merged, "merge", "MRG001", []),
    ("template altered in the GGUF", faults.template_altered, "convert", "GGF002", []),
    ("eos altered in the GGUF", faults.eos_altered, "convert", "GGF003", []),
    ("two layers swapped in the GGUF", faults.layers_swapped, "convert", "GGF005", []),
    ("GGUF truncated", faults.truncated, "convert", "GGF001", []),
    # a strong fine-tune shows in the quant's weights, a weaker one only in what verify measures
    ("quant made from the base", faults.quantized_the_base, "quantize", "QNT004 PAR005", []),
    ("tokenizer of another length", faults.longer_tokenizer, "fetch", "FET003", []),
    ("NaN weights", faults.nan_weight, "fetch", "FET001", []),
    ("a held-out row copied into train", faults.held_out_row_in_train, "prepare", "DAT001", []),
]
PREFIXES = {"FET": "fetch", "DAT": "prepare", "TOK": "preflight", "TRN": "train", "MRG": "merge", "GGF": "convert",
            "QNT": "quantize", "PAR": "verify"}  # fmt: skip


@pytest.mark.chain
@pytest.mark.parametrize(("fault", "spoil", "stage", "code", "words"), CASES, ids=[case[0] for case in CASES])
def test_the_first_gate_stops_it(
    fault: str, spoil: Callable[[Path], None], stage: str, code: str, words: list[str], demo_run: Path, tmp_path: Path
) -> None:
    run = whole_run.copy(demo_run, tmp_path / "run", pipeline.USUAL[:-1])
    spoil(run)
    stopped_at, codes = whole_run.first_gate(run, stage, words)
    expected = [each for each in code.split() if PREFIXES[each[:3]] == stopped_at]
    assert expected, f"{fault}: {stopped_at} said {codes}"
    assert expected[0] in codes, f"{fault}: {stopped_at} said {codes}"


@pytest.mark.chain
@pytest.mark.parametrize("stage", ["fetch", "prepare", "preflight", "train", "merge", "convert", "quantize"])
def test_an_unspoiled_stage_measured_again_passes(stage: str, demo_run: Path, tmp_path: Path) -> None:
    run = whole_run.copy(demo_run, tmp_path / "run", pipeline.USUAL[:-1])
    assert whole_run.judged(run, stage) == []
