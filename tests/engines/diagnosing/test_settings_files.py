"""Settings in the words of each trainer."""

import json
from pathlib import Path

import pytest

from jobs.engines.diagnosing import recipe_files, settings_files
from jobs.engines.diagnosing.boundary import Unreadable
from jobs.engines.diagnosing.looking import look
from jobs.logic.diagnosing import causes_recipe, kinds
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.log_seen import LogSeen, StepSeen
from jobs.logic.diagnosing.settings_seen import SettingsSeen

AXOLOTL = """
base_model: Qwen/Qwen3-0.6B
datasets:
  - path: rows.jsonl
    type: chat_template
    train_on_eos: none
adapter: qlora
lora_r: 32
lora_alpha: 64
peft_use_rslora: true
lora_target_linear: true
sequence_len: 1024
sample_packing: true
train_on_inputs: true
val_set_size: 0
micro_batch_size: 2
gradient_accumulation_steps: 4
num_epochs: 30
learning_rate: 2e-4
special_tokens:
  pad_token: <|im_end|>
"""
FACTORY = """
model_name_or_path: Qwen/Qwen3-4B
stage: sft
finetuning_type: lora
lora_rank: 16
lora_target: all
template: qwen3_nothink
cutoff_len: 512
per_device_train_batch_size: 1
gradient_accumulation_steps: 8
learning_rate: 1.0e-4
num_train_epochs: 3.0
val_size: 0.1
eval_strategy: steps
eval_steps: 500
"""


def read(folder: Path, name: str, text: str) -> SettingsSeen:
    (folder / name).write_text(text, encoding="utf-8")
    return settings_files.read(folder / name)


def test_axolotl(tmp_path: Path) -> None:
    found = read(tmp_path, "config.yml", AXOLOTL)
    assert (found.dialect, found.rank, found.alpha, found.rslora) == ("axolotl", 32, 64.0, True)
    assert (found.learning_rate, found.num_epochs, found.batch_size) == (2e-4, 30.0, 2)
    assert (found.max_length, found.packing, found.responses_only) == (1024, True, False)
    assert (found.has_evaluation, found.eos_graded, found.pad_token) == (False, False, "<|im_end|>")
    assert (found.four_bit, found.target_modules) == (True, ("all-linear",))
    assert (found.keys or {})["max_length"] == "sequence_len"


def test_llama_factory(tmp_path: Path) -> None:
    found = read(tmp_path, "train.yaml", FACTORY)
    assert (found.dialect, found.rank, found.alpha, found.rslora) == ("llama_factory", 16, 32.0, False)
    assert (found.max_length, found.responses_only, found.template) == (512, True, "qwen3_nothink")
    assert (found.has_evaluation, found.eval_share, found.eval_every) == (True, 0.1, 500)
    assert "responses_only" in found.by_default


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("axolotl.yml", AXOLOTL.replace("adapter: qlora", "adapter:")),
        ("axolotl.yml", AXOLOTL.replace("adapter: qlora\n", "")),
        ("factory.yaml", FACTORY.replace("finetuning_type: lora", "finetuning_type: full")),
        ("factory.yaml", FACTORY.replace("finetuning_type: lora\nlora_rank: 16", "finetuning_type: full")),
        ("trl.yaml", "use_peft: false\nlora_r: 16\nlora_alpha: 32\nlearning_rate: 1e-5\nmax_length: 512\n"),
    ],
)
def test_where_all_weights_are_trained_there_is_no_rank(tmp_path: Path, name: str, text: str) -> None:
    """And so no rule about LoRA's learning rate: a log that hardly falls says nothing of it."""
    found = read(tmp_path, name, text)
    assert (found.rank, found.alpha, found.rslora) == (None, None, None)
    assert found.learning_rate
    flat = tuple(StepSeen(step, None, 2.0, 1e-5, 1.0) for step in range(1, 40))
    log = LogSeen("log.jsonl", flat, (), (), None, False, None, 0)
    for check in (causes_recipe.learning_rate_too_low, causes_recipe.rank_too_small, causes_recipe.scale_of_rslora):
        assert check(Evidence(settings=found, log=log)).certainty.value == "not checked"


def test_a_model_card_of_axolotl(tmp_path: Path) -> None:
    card = (
        f"# mine\n<details><summary>See axolotl config</summary>\n\naxolotl version: `0.6.0`\n```yaml\n{AXOLOTL}```\n"
    )
    found = read(tmp_path, "README.md", card)
    assert (found.dialect, found.rank, found.num_epochs) == ("axolotl", 32, 30.0)
    assert [one.kind for one in look([tmp_path]).taken] == [kinds.SETTINGS]


def test_a_model_card_of_transformers(tmp_path: Path) -> None:
    card = (
        "# out\n\n### Training hyperparameters\n\n- learning_rate: 0.0002\n- train_batch_size: 2\n- num_epochs: 5\n"
        "- seed: 42\n\n### Training results\n\n| Training Loss | Epoch | Step | Validation Loss |\n"
        "|:---:|:---:|:---:|:---:|\n| 2.5 | 1.0 | 10 | 2.0 |\n| 1.5 | 2.0 | 20 | 1.8 |\n"
    )
    found = read(tmp_path, "README.md", card)
    assert (found.learning_rate, found.batch_size, found.num_epochs, found.seed) == (2e-4, 2, 5.0, 42)
    log = recipe_files.read(look([tmp_path])).log
    assert log is not None
    assert [(one.step, one.loss) for one in log.evaluations] == [(10, 2.0), (20, 1.8)]


def test_what_a_tracker_wrote_beside_its_values(tmp_path: Path) -> None:
    text = "learning_rate:\n  value: 0.0002\nnum_train_epochs:\n  desc: null\n  value: 4\nmax_length:\n  value: 512\n"
    found = read(tmp_path, "config.yaml", text)
    assert (found.learning_rate, found.num_epochs, found.max_length) == (2e-4, 4.0, 512)


def test_arguments_as_trl_saves_them(tmp_path: Path) -> None:
    from trl import SFTConfig

    arguments = SFTConfig(output_dir=str(tmp_path / "out"), learning_rate=1e-3, max_length=256, use_cpu=True)
    found = read(tmp_path, "args.json", arguments.to_json_string())
    assert (found.dialect, found.learning_rate, found.max_length, found.packing) == ("trl", 1e-3, 256, False)
    assert (found.num_epochs, found.has_evaluation, found.by_default) == (3.0, False, ())


def test_what_a_file_leaves_out_is_the_trainers_default(tmp_path: Path) -> None:
    found = read(tmp_path, "args.json", json.dumps({"num_train_epochs": 1, "packing": False}))
    assert (found.learning_rate, found.max_length) == (2e-5, 1024)
    assert {"learning_rate", "max_length"} <= set(found.by_default)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.json", "[1, 2]"),
        ("cut.json", '{"learning_rate": '),
        ("other.json", '{"name": "x"}'),
        ("tabs.yaml", "a:\n\t- b: ["),
        ("deep.json", "[" * 100_000),
        ("tag.yaml", "learning_rate: !!python/object/apply:os.getcwd []\nmax_steps: 1\n"),
        ("tune.py", "def (:\n"),
    ],
)
def test_what_is_no_settings_is_said_in_a_line(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(Unreadable) as found:
        read(tmp_path, name, text)
    assert "\n" not in str(found.value)


def test_a_line_that_cannot_be_read_is_not_quoted(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text('learning_rate: 1e-4\nhub_token: "hf_notforeyes\nlora_r: 8\n')
    with pytest.raises(Unreadable, match=r"is no YAML: .*, line ") as told:
        settings_files.read(tmp_path / "a.yaml")
    assert "notforeyes" not in str(told.value)


def test_merge_keys_are_counted(tmp_path: Path) -> None:
    lines = ["a0: &a0 {x: 1, y: 2}"]
    lines += [f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 16)]
    with pytest.raises(Unreadable, match="merge keys"):
        read(tmp_path, "merged.yaml", "\n".join(lines))
