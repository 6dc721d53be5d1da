"""train: what it writes, and that its gate looks at the adapter, the log and the outcome as they are on disk."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from jobs import train
from jobs.checks.train import GATE
from jobs.core import chain, config
from jobs.core.artifact import Artifact, listing
from jobs.core.errors import Refusal
from jobs.core.provenance import file_digest
from jobs.train import TrainConfig
from tests.stages import small_chain

Damage = Callable[[Path], Any]
FILES = [
    "adapter/adapter_config.json",
    "adapter/adapter_model.safetensors",
    "log.jsonl",
    "outcome.json",
    "row_losses.jsonl",
]
WEIGHTS = "adapter/adapter_model.safetensors"
WORDS = [
    "train.device=cpu",
    "train.tracker=none",
    "train.lora.rank=4",
    "train.lora.alpha=8",
    "train.schedule.learning_rate=1.0e-2",
    "train.schedule.num_epochs=4",
    "train.schedule.batch_size=5",
    "train.schedule.gradient_accumulation=2",
    "train.schedule.evals_per_epoch=1",
    "train.gap_rows=8",
    "train.limits.max_heat=1",  # a model this small needs it hot
]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    return small_chain.build(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def cfg() -> TrainConfig:
    return config.checked(TrainConfig, config.compose(WORDS)["train"], "train")


@pytest.fixture(scope="module")
def made(cfg: TrainConfig, inputs: dict[str, Artifact], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("first") / "train.partial"
    out.mkdir()
    train.make(cfg, inputs, out)
    train.clear(out)
    return out


@pytest.fixture(scope="module")
def ended(cfg: TrainConfig, inputs: dict[str, Artifact], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that was killed while it was measured; do not write in it."""
    out = tmp_path_factory.mktemp("ended") / "train.partial"
    out.mkdir()
    train.make(cfg, inputs, out)
    assert (out / "checkpoints").is_dir()
    return out


def test_it_writes_an_adapter_a_log_and_an_outcome(made: Path) -> None:
    assert listing(made) == FILES
    assert [path.name for path in made.parent.iterdir()] == ["train.partial"]
    assert str(made.parent) not in "".join((made / name).read_text() for name in FILES if name != WEIGHTS)
    assert json.loads((made / "adapter/adapter_config.json").read_text())["base_model_name_or_path"] == "test/small"


@pytest.mark.parametrize("name", ["outcome.json", "log.jsonl", "adapter/adapter_config.json", WEIGHTS])
@pytest.mark.parametrize("how", ["empty", "cut", "gone"])
def test_what_an_ended_training_left_damaged_is_made_again(
    cfg: TrainConfig, inputs: dict[str, Artifact], made: Path, ended: Path, tmp_path: Path, name: str, how: str
) -> None:
    out = tmp_path / "train.partial"
    shutil.copytree(ended, out)
    data = (out / name).read_bytes()
    (out / name).unlink()
    if how != "gone":
        (out / name).write_bytes(b"" if how == "empty" else data[: len(data) // 2])
    train.make(cfg, inputs, out)
    train.clear(out)
    assert {name: (out / name).read_bytes() for name in listing(out)} == {
        name: (made / name).read_bytes() for name in FILES
    }


def test_facts(cfg: TrainConfig, inputs: dict[str, Artifact], made: Path) -> None:
    facts = train.measure(cfg, inputs, made)
    assert (facts.num_train_rows, facts.num_val_rows) == (30, 10)
    assert (facts.planned_steps, facts.num_steps, facts.steps_per_epoch) == (12, 12, 3)
    assert facts.graded_tokens_an_epoch == facts.graded_tokens_expected == 4 * 30
    assert facts.target_modules == dict.fromkeys(cfg.lora.target_modules, 2)
    assert (facts.effective_scale, facts.effective_batch) == (2.0, 10)
    assert facts.gap_low <= facts.gap <= facts.gap_high
    assert facts.best_eval_loss < 0.7 * facts.first_eval_loss
    verdict = GATE.judge(facts, cfg.limits, {})
    assert verdict.status == "pass", verdict.failing
    assert not verdict.failing


def change_adapter(change: Callable[[str, torch.Tensor], torch.Tensor | None]) -> Damage:
    def damage(out: Path) -> None:
        tensors = {name: change(name, tensor) for name, tensor in load_file(out / WEIGHTS).items()}
        save_file({name: tensor for name, tensor in tensors.items() if tensor is not None}, out / WEIGHTS)

    return damage


def change_outcome(**changes: Any) -> Damage:
    def damage(out: Path) -> None:
        data = json.loads((out / "outcome.json").read_text()) | changes
        (out / "outcome.json").write_text(json.dumps(data))

    return damage


def first_line_lost(out: Path) -> None:
    lines = (out / "log.jsonl").read_text().splitlines(keepends=True)
    (out / "log.jsonl").write_text("".join(lines[1:]))


def alpha_doubled(out: Path) -> None:
    path = out / "adapter/adapter_config.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data | {"lora_alpha": 2 * data["lora_alpha"]}))


def a_token_not_counted(out: Path) -> None:
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    lines[1]["graded_tokens"] -= 1
    (out / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (change_adapter(lambda name, tensor: 0 * tensor), {"TRN003": "fail"}),
        (change_adapter(lambda name, tensor: 0 * tensor if "up_proj.lora_B" in name else tensor), {"TRN004": "fail"}),
        (change_adapter(lambda name, tensor: None if "layers.1.mlp.up_proj" in name else tensor), {"TRN004": "fail"}),
        (change_adapter(lambda name, tensor: None if "up_proj" in name else tensor), {"TRN004": "fail"}),
        (change_adapter(lambda name, tensor: math.nan * tensor if "0.mlp.up_proj" in name else tensor),
         {"TRN001": "fail"}),
        (change_outcome(nonfinite_step=7), {"TRN001": "fail"}),
        (change_outcome(restored_step=1), {"TRN002": "fail"}),
        (change_outcome(best_eval_loss=0.01), {"TRN002": "fail"}),
        (change_adapter(lambda name, tensor: 1.2 * tensor if "lora_B" in name else tensor), {"TRN002": "fail"}),
        (alpha_doubled, {"TRN012": "fail"}),
        (a_token_not_counted, {"TRN006": "fail"}),
        (first_line_lost, {"TRN005": "fail"}),
    ],
)  # fmt: skip
def test_a_folder_that_was_changed_is_noticed(
    cfg: TrainConfig, inputs: dict[str, Artifact], made: Path, tmp_path: Path, damage: Damage, found: dict[str, str]
) -> None:
    out = small_chain.damaged(made, tmp_path / "out", damage)
    after = small_chain.offences(train.measure(cfg, inputs, out), GATE, cfg.limits)
    assert after.items() >= found.items()
    failing = {code for code, status in after.items() if status != "warn"}  # warnings of so short a run are its own
    assert failing - set(found) <= {"TRN002"}  # another adapter also costs another loss


def test_all_linear_is_recorded_as_the_layers_that_it_is() -> None:
    for words in (["train.lora.target_modules=all-linear"], ["train.lora.target_modules=[all-linear]"], []):
        composed = config.compose([*WORDS, "prepare.files=[x]", *words])
        layers = config.checked(TrainConfig, composed["train"], "train").lora.target_modules
        assert layers == ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
        assert chain.load("preflight").slice(composed).model_dump()["update"]["target_modules"] == layers


def test_options_are_measured_and_a_log_that_contradicts_them_is_noticed(
    inputs: dict[str, Artifact], tmp_path: Path
) -> None:
    words = ["train.schedule.kind=linear", "train.neftune_alpha=5", "train.prompt_loss_weight=0.2"]
    cfg = config.checked(TrainConfig, config.compose([*WORDS, *words])["train"], "train")
    out = tmp_path / "train.partial"
    out.mkdir()
    train.make(cfg, inputs, out)
    train.clear(out)
    facts = train.measure(cfg, inputs, out)
    asked = sum(row["kinds"].rindex("t") + 1 - 4 - 1 for row in small_chain.rows(30, 1))
    assert facts.recipe.prompt_tokens_an_epoch == facts.recipe.prompt_tokens_expected == asked
    assert facts.recipe.rate_difference < 1e-9
    assert small_chain.offences(facts, GATE, cfg.limits).keys() <= {"TRN007", "TRN008", "TRN009", "TRN010", "TRN014"}
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    log[1] |= {"prompt_tokens": log[1]["prompt_tokens"] - 1, "learning_rate": log[1]["learning_rate"] + 1e-4}
    (out / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
    found = small_chain.offences(train.measure(cfg, inputs, out), GATE, cfg.limits)
    assert found.items() >= {"TRN030": "fail", "TRN031": "fail"}.items()


def test_the_runs_name_and_place_decide_nothing() -> None:
    def asked(*words: str) -> TrainConfig:
        return config.checked(TrainConfig, config.compose([*WORDS, *words])["train"], "train")

    assert asked("run.name=second", "run.folder=elsewhere") == asked()


@pytest.fixture(scope="module")
def adopted(
    cfg: TrainConfig, inputs: dict[str, Artifact], made: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TrainConfig, Path]:
    """The adapter that `made` trained, as if it came from elsewhere."""
    words = [*WORDS, "train=adopt", f"train.adapter={made / 'adapter'}"]
    out = tmp_path_factory.mktemp("adopted") / "train.partial"
    out.mkdir()
    asked = config.checked(TrainConfig, config.compose(words)["train"], "train")
    train.make(asked, inputs, out)
    return asked, out


def test_an_adapter_is_adopted_as_it_is(
    cfg: TrainConfig, inputs: dict[str, Artifact], made: Path, adopted: tuple[TrainConfig, Path]
) -> None:
    asked, out = adopted
    assert listing(out) == ["adapter/adapter_config.json", WEIGHTS, "adopted.json"]
    assert (out / WEIGHTS).read_bytes() == (made / WEIGHTS).read_bytes()
    facts, trained = train.measure(asked, inputs, out), train.measure(cfg, inputs, made)
    assert facts.adopted is not None
    assert (facts.adopted.base_named, facts.adopted.rank, facts.adopted.changed) == ("test/small", 4, [])
    assert (facts.best_eval_loss, facts.first_eval_loss) == (
        trained.restored_eval_loss, pytest.approx(trained.first_eval_loss),
    )  # fmt: skip
    verdict = GATE.judge(facts, asked.limits, {})
    assert verdict.status == "pass", verdict.failing
    assert {code for code, status in verdict.statuses.items() if status == "warn"} >= {"TRN022"}
    assert "not trained here" in dict(facts.lines())["adopted"]


def test_its_key_is_the_bytes_of_the_two_files(adopted: tuple[TrainConfig, Path]) -> None:
    asked, out = adopted
    key = train.main.key(asked, {})
    assert key.outside == {name: file_digest(out / "adapter" / name) for name in key.outside}
    assert list(key.outside) == ["adapter_config.json", "adapter_model.safetensors"]
    assert not {"adapter", "lora", "schedule", "backend"} & key.config.keys()


def test_an_adopted_adapter_that_was_changed_is_noticed(
    inputs: dict[str, Artifact], adopted: tuple[TrainConfig, Path], tmp_path: Path
) -> None:
    asked, made_ = adopted
    out = tmp_path / "train.partial"
    shutil.copytree(made_, out)
    alpha_doubled(out)
    verdict = GATE.judge(train.measure(asked, inputs, out), asked.limits, {})
    assert "TRN021" in {finding.code for finding in verdict.failing}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train=adopt"], "adapter has no value; set it with train.adapter=FOLDER"),
        (["train.adapter=x"], "say train=adopt too"),
    ],
)
def test_adopting_and_a_folder_go_together(words: list[str], said: str) -> None:
    with pytest.raises(Refusal, match=said):
        config.checked(TrainConfig, config.compose(words)["train"], "train")
