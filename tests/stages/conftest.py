"""What several stages' tests read, made once: a run from fetch to convert with the real tokenizer, and reports."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs import convert, merge
from jobs.convert import ConvertConfig
from jobs.core import config
from jobs.core.artifact import Artifact
from jobs.merge import MergeConfig
from tests.engines.models.small_model import change_json
from tests.stages import forging, small_run


@pytest.fixture(scope="session")
def merged_run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    """fetch, preflight, train and merge; do not write in their folders."""
    root = tmp_path_factory.mktemp("merged_run")
    small_run.build(root, num_rows=6)
    change_json(root / "fetch/model/config.json", _name_or_path="Someone/Qwen3-7B-Chat-v2")
    change_json(root / "fetch/model/generation_config.json", do_sample=True, temperature=0.6, repetition_penalty=1.05)
    shutil.copyfile(root / "preflight/val.jsonl", root / "preflight/train.jsonl")
    num_weights = sum(path.stat().st_size // 4 for path in (root / "fetch/model").glob("*.safetensors"))
    facts = {"fetch": {"num_weights": num_weights}}
    inputs = {stage: small_run.publish(root, stage, facts.get(stage)) for stage in ("fetch", "preflight", "train")}
    cfg = config.checked(MergeConfig, config.compose([])["merge"], "merge")
    (root / "merge").mkdir()
    merge.make(cfg, inputs, root / "merge")
    return {**inputs, "merge": small_run.publish(root, "merge")}


@pytest.fixture(scope="session")
def convert_config() -> ConvertConfig:
    return config.checked(
        ConvertConfig, config.compose(["convert.num_rows=1", "convert.num_threads=1"])["convert"], "convert"
    )


@pytest.fixture(scope="session")
def converted(merged_run: dict[str, Artifact], convert_config: ConvertConfig) -> Path:
    """What convert's `make` writes; do not write in it."""
    out: Path = merged_run["merge"].root.parent / "convert"
    out.mkdir()
    convert.make(convert_config, merged_run, out)
    return out


@pytest.fixture(scope="session")
def converted_run(merged_run: dict[str, Artifact], converted: Path) -> dict[str, Artifact]:
    """`merged_run` and convert."""
    return {**merged_run, "convert": small_run.publish(converted.parent, "convert")}


@pytest.fixture(scope="session")
def honest_reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Of a run as it should be, of one with a waiver and a changed limit, of one that failed; do not write in them."""
    root = tmp_path_factory.mktemp("honest_reports")
    let_pass = forging.config(judged_by=forging.loose())
    bad = {"train": {"best_eval_loss": 2.7, "restored_eval_loss": 2.7}}
    return {
        "plain": forging.publish(root / "plain", forging.config()),
        "let pass": forging.publish(root / "let_pass", let_pass, changed=forging.WAIVED, waivers=forging.WAIVER),
        "failed": forging.publish(root / "failed", forging.config(), changed=bad),
    }


@pytest.fixture
def copy(honest_reports: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of an honest report, which may be spoiled."""
    return lambda which: Path(shutil.copytree(honest_reports[which], tmp_path / "sent"))


@pytest.fixture
def folder(copy: Callable[[str], Path]) -> Path:
    """A copy of the report of a run as it should be."""
    return copy("plain")
