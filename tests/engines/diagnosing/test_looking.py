"""What files are taken for: names, first bytes and first lines."""

import json
import os
from pathlib import Path

import pytest

from jobs.engines.diagnosing import recipe_files
from jobs.engines.diagnosing.looking import look
from jobs.logic.diagnosing import kinds


def taken(folder: Path) -> dict[str, str]:
    """Name below the folder to the kind that it is taken for."""
    return {Path(one.path).relative_to(folder).as_posix(): one.kind for one in look([folder]).taken}


FILES = {
    "rows.jsonl": ('{"messages": [{"role": "user", "content": "hi"}]}\n', kinds.ROWS),
    "val.jsonl": ('{"instruction": "a", "output": "b"}\n', kinds.HELD_OUT),
    "rows.json": ('[{"質問": "a", "回答": "b"}]', kinds.ROWS),
    "tokens.jsonl": ('{"input_ids": [1, 2], "labels": [-100, 2]}\n', kinds.TOKEN_ROWS),
    "trainer_state.json": ('{"log_history": [{"loss": 1.0, "step": 1}], "max_steps": 2}', kinds.LOG),
    "losses.jsonl": ('{"step": 1, "train_loss": 2.0}\n', kinds.LOG),
    "losses.csv": ("step,loss\n1,2.5\n", kinds.LOG),
    "rows.csv": ("question,answer\na,b\n", kinds.ROWS),
    "console.txt": ("100%| | {'loss': 2.1, 'grad_norm': 1.0, 'epoch': 0.1}\n", kinds.LOG),
    "args.json": ('{"learning_rate": 1e-4, "num_train_epochs": 3, "output_dir": "out"}', kinds.SETTINGS),
    "axolotl.yaml": ("base_model: Qwen/Qwen3-0.6B\nsequence_len: 512\nlora_r: 8\n", kinds.SETTINGS),
    "factory.yaml": ("model_name_or_path: Qwen/Qwen3-4B\nstage: sft\ncutoff_len: 2048\n", kinds.SETTINGS),
    "tune.py": ("from trl import SFTTrainer\nSFTTrainer(model=m)\n", kinds.SETTINGS),
    "other.py": ("print(1)\n", kinds.OTHER),
    "tune.ipynb": (json.dumps({"cells": [{"cell_type": "code", "source": ["LoraConfig(r=8)"]}], "nbformat": 4}),
                   kinds.SETTINGS),
    "Modelfile": ("FROM ./model.gguf\n", kinds.MODELFILE),
    "ours.txt": ("# made here\nFROM ./model.gguf\nPARAMETER stop x\n", kinds.MODELFILE),
    "model.gguf": ("GGUF\x03", kinds.GGUF),
    "answers.jsonl": ('{"prompt": "a", "answer": "b"}\n', kinds.ANSWERS),
    "said.txt": ("、、、、、、、\n", kinds.ANSWERS),
    "README.md": ("# hello\n", kinds.OTHER),
    "training_args.bin": ("PK\x03\x04", kinds.PICKLE),
    "optimizer.pt": ("PK\x03\x04", kinds.PICKLE),
    "empty.jsonl": ("", kinds.UNREADABLE),
    "cut.json": ('{"log_history": [{"lo', kinds.UNREADABLE),
    "wrong.gguf": ("hello, this is no model\n", kinds.UNREADABLE),
    "other.yaml": ("services:\n  web: 1\n", kinds.UNKNOWN),
}  # fmt: skip


def test_every_kind_of_file_is_known(tmp_path: Path) -> None:
    for name, (text, _) in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert taken(tmp_path) == {name: kind for name, (_, kind) in FILES.items()}


def model(folder: Path) -> None:
    """The names that a folder of weights has, without weights."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "qwen3"}')
    (folder / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    (folder / "tokenizer.json").write_text("{}")
    (folder / "generation_config.json").write_text("{}")


def test_files_that_belong_together_are_one_line(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "adapter_config.json").write_text('{"peft_type": "LORA", "base_model_name_or_path": "Qwen/Qwen3-0.6B"}')
    (out / "adapter_model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    model(tmp_path / "Qwen3-0.6B")
    model(tmp_path / "mine")
    assert [(Path(one.path).name, one.kind) for one in look([tmp_path]).taken] == [
        ("Qwen3-0.6B", kinds.BASE),
        ("Qwen3-0.6B", kinds.BASE_TOKENIZER),
        ("mine", kinds.MERGED),
        ("mine", kinds.TOKENIZER),
        ("out", kinds.ADAPTER),
    ]


def test_what_somebody_says_goes_before_what_it_looks_like(tmp_path: Path) -> None:
    model(tmp_path / "mine")
    (tmp_path / "odd.jsonl").write_text('{"frage": "a"}\n')
    found = look([f"base:{tmp_path / 'mine'}", f"val:{tmp_path / 'odd.jsonl'}"])
    assert [one.kind for one in found.taken] == [kinds.BASE, kinds.BASE_TOKENIZER, kinds.HELD_OUT]


@pytest.mark.parametrize("name", ["gone.jsonl", "pipe", "dangling"])
def test_what_cannot_be_opened_is_a_line(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (found,) = look([tmp_path / name]).taken
    assert found.kind == kinds.UNREADABLE
    assert found.why


def test_a_folder_is_walked_to_a_depth_and_what_is_left_is_said(tmp_path: Path) -> None:
    deep = tmp_path / "a/b/c/d/e/f"
    deep.mkdir(parents=True)
    (deep / "rows.jsonl").write_text('{"text": "a"}\n')
    found = look([tmp_path])
    assert found.taken == ()
    assert "deep" in found.left_out


def test_a_bad_file_costs_a_line_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "args.json").write_text('{"learning_rate": 1e-4, "num_train_epochs": 3}')
    (tmp_path / "bad.jsonl").write_text('{"step": 1, "loss": null}\n')
    seen = recipe_files.read(look([tmp_path]))
    assert seen.settings is not None
    assert seen.settings.learning_rate == 1e-4
    assert [one.kind for one in seen.looked.taken] == [kinds.SETTINGS, kinds.UNREADABLE]


def test_what_is_odd_in_a_notebook_is_a_line(tmp_path: Path) -> None:
    (tmp_path / "odd.ipynb").write_text('{"cells": 3, "nbformat": 4}')
    (tmp_path / "blank.txt").write_text("\n" * 100_000 + "x")
    (tmp_path / "rows.md").write_text("axolotl version" * 100_000)
    (tmp_path / "table.ipynb").write_text(
        json.dumps(
            {
                "cells": [
                    {
                        "cell_type": "code",
                        "source": "LoraConfig(r=8)",
                        "outputs": [{"data": {"text/html": "<tr>" * 200_000}}],
                    }
                ],
                "nbformat": 4,
            }
        )
    )
    seen = recipe_files.read(look([tmp_path]))
    assert [one.kind for one in seen.looked.taken] == [kinds.ANSWERS, kinds.OTHER, kinds.UNREADABLE, kinds.SETTINGS]
    assert seen.log is None
