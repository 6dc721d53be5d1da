"""Settings in scripts and notebooks, by their syntax alone."""

import json
from pathlib import Path

from jobs.engines.diagnosing import recipe_files, settings_files
from jobs.engines.diagnosing.looking import look

UNSLOTH = """
from unsloth import FastLanguageModel
max_seq_length = 2048
model, tokenizer = FastLanguageModel.from_pretrained(
    model_name = "unsloth/Qwen3-4B", max_seq_length = max_seq_length, load_in_4bit = True,
)
model = FastLanguageModel.get_peft_model(
    model, r = 32, target_modules = ["q_proj", "v_proj"], lora_alpha = 64, use_rslora = True, random_state = 3407,
)
tokenizer.pad_token = tokenizer.eos_token
trainer = SFTTrainer(
    model = model, train_dataset = dataset, packing = False,
    args = SFTConfig(
        per_device_train_batch_size = 2, gradient_accumulation_steps = 4, learning_rate = 2e-4, num_train_epochs = 5,
        eval_steps = steps_of(dataset),
    ),
)
trainer = train_on_responses_only(
    trainer, instruction_part = "<|im_start|>user\\n", response_part = "<|im_start|>assistant\\n",
)
"""


def test_a_script(tmp_path: Path) -> None:
    (tmp_path / "tune.py").write_text(UNSLOTH)
    found = settings_files.read(tmp_path / "tune.py")
    assert (found.dialect, found.base_model, found.four_bit) == ("unsloth", "unsloth/Qwen3-4B", True)
    assert (found.rank, found.alpha, found.rslora) == (32, 64.0, True)
    assert (found.learning_rate, found.num_epochs, found.max_length) == (2e-4, 5.0, 2048)
    assert (found.responses_only, found.response_part) == (True, "<|im_start|>assistant\n")
    assert (found.pad_is_eos, found.packing, found.has_evaluation) == (True, False, False)
    assert found.not_understood == ("eval_steps",)
    assert found.by_default == ()


def test_a_notebook_with_a_broken_cell(tmp_path: Path) -> None:
    sources = ["%%capture\n!pip install trl\n", "LoraConfig(r=8, lora_alpha=16)", "this is no python ("]
    cells = [{"cell_type": "code", "source": [source]} for source in sources]
    (tmp_path / "tune.ipynb").write_text(json.dumps({"cells": cells, "nbformat": 4}))
    found = settings_files.read(tmp_path / "tune.ipynb")
    assert (found.rank, found.alpha) == (8, 16.0)


def test_the_table_that_a_notebook_shows_is_a_log(tmp_path: Path) -> None:
    rows = "".join(f"<tr>\n <td>{step}</td>\n <td>{2.5 - step}</td>\n</tr>" for step in (1, 2))
    table = f"<div>x</div><table><thead><tr><th>Step</th><th>Training Loss</th></tr></thead>{rows}</table>"
    cell = {"cell_type": "code", "source": "SFTTrainer(model=m)", "outputs": [{"data": {"text/html": [table]}}]}
    (tmp_path / "tune.ipynb").write_text(json.dumps({"cells": [cell], "nbformat": 4}))
    seen = recipe_files.read(look([tmp_path]))
    assert seen.log is not None
    assert [(one.step, one.loss) for one in seen.log.steps] == [(1, 1.5), (2, 0.5)]


def test_an_evaluation_that_somebody_asks_for_is_seen(tmp_path: Path) -> None:
    (tmp_path / "tune.py").write_text("SFTTrainer(model=m, eval_dataset=rows['test'])\n")
    assert settings_files.read(tmp_path / "tune.py").has_evaluation is True
    (tmp_path / "tune.py").write_text("SFTTrainer(model=m, **more)\n")
    assert settings_files.read(tmp_path / "tune.py").has_evaluation is None


def test_a_name_that_is_bound_twice_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "tune.py").write_text("r = 8\nr = 16\nLoraConfig(r=r, lora_alpha=alpha())\n")
    found = settings_files.read(tmp_path / "tune.py")
    assert (found.rank, found.alpha, found.not_understood) == (None, None, ("lora_alpha", "r"))
