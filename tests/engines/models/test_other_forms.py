"""Models in forms that are not trained here: each is answered by what it is, and by what to take in its place."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.core.errors import Refusal
from jobs.engines.models import base_model, other_forms
from jobs.engines.models.folder_files import SINGLE
from tests.engines.models import small_model

Damage = Callable[[Path], Any]
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 11422654\n"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model.write(tmp_path_factory.mktemp("plain"))


def only(*names: str) -> Damage:
    """A folder with these files in it and nothing else."""

    def damage(folder: Path) -> None:
        shutil.rmtree(folder)
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("x")

    return damage


def instead(name: str) -> Damage:
    """Other weights in the place of safetensors."""

    def damage(folder: Path) -> None:
        (folder / "model.safetensors").unlink()
        (folder / name).write_bytes(b"x")

    return damage


def a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_bytes(b"GGUF")


REFUSED: dict[str, tuple[Damage, list[str]]] = {
    "gguf-alone": (only("Qwen3-Q4_K_M.gguf"), ["beside Qwen3-Q4_K_M.gguf; a GGUF is what", "that it was made from"]),
    "nothing-known": (only("notes.txt"), ["there is no config.json; expected a Hugging Face model folder, with"]),
    "inside": (only("Qwen3-0.6B/config.json"), ["say fetch.source.folder=", "given.gguf/Qwen3-0.6B"]),
    "one-of-inside": (only("a/config.json", "b/config.json"), ["given.gguf/b, one of 2"]),
    "onnx": (instead("model.onnx"), ["has model.onnx and neither", "ONNX files can only be run; take the folder of"]),
    "onnx-inside": (
        lambda f: [(f / "onnx").mkdir(), (f / "model.safetensors").rename(f / "onnx/model.onnx")],
        ["has onnx/model.onnx and neither", "ONNX files can only be run"],
    ),
    "checkpoint": (
        lambda f: [(f / "checkpoint-9").mkdir(), (f / SINGLE).rename(f / "checkpoint-9" / SINGLE)],
        ["has no weights, and its folder checkpoint-9 has: say fetch.source.folder=", "given.gguf/checkpoint-9"],
    ),
    "openvino": (instead("openvino_model.bin"), ["OpenVINO's files can only be run; take the folder of safetensors"]),
    "mlx": (instead("weights.npz"), ["has weights.npz and neither", "read by MLX alone; take the folder of"]),
    "lfs": (
        lambda f: (f / "model.safetensors").write_text(POINTER),
        ["model.safetensors: only stands for a file that Git LFS has yet to fetch; say `git lfs pull`"],
    ),
    "lfs-tokenizer": (lambda f: (f / "tokenizer.json").write_text(POINTER), ["tokenizer.json: only stands for a file"]),
    "a-file": (a_file, ["given.gguf: is a file and not a folder: a GGUF is what is made at the end; take the folder"]),
    "gone": (shutil.rmtree, ["fetch.source.folder=", "given.gguf: is not a folder"]),
}


@pytest.mark.parametrize(("damage", "words"), REFUSED.values(), ids=REFUSED)
def test_each_form_is_told_with_what_to_take(plain: Path, tmp_path: Path, damage: Damage, words: list[str]) -> None:
    given = Path(shutil.copytree(plain, tmp_path / "given.gguf"))
    damage(given)
    with pytest.raises(Refusal) as caught:
        base_model.from_folder(given, tmp_path / "got")
    said = str(caught.value)
    assert [word for word in words if word not in said] == [], said


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Qwen/Qwen3-0.6B-FP8", "Qwen/Qwen3-0.6B"),
        ("Qwen/Qwen3-4B-AWQ", "Qwen/Qwen3-4B"),
        ("Qwen/Qwen3-0.6B-GPTQ-Int8", "Qwen/Qwen3-0.6B"),
        ("unsloth/Qwen3-8B-unsloth-bnb-4bit", "unsloth/Qwen3-8B"),
        ("Qwen/Qwen3-4B-Instruct-2507-FP8", "Qwen/Qwen3-4B-Instruct-2507"),
        ("Qwen/Qwen3-0.6B-GGUF", "Qwen/Qwen3-0.6B"),
        ("Qwen/Qwen3-1.7B-MLX-4bit", "Qwen/Qwen3-1.7B"),
    ],
)
def test_the_repository_that_another_form_was_made_from(name: str, wanted: str) -> None:
    assert other_forms.made_from(name) == f", perhaps model.id={wanted}"
    assert other_forms.made_from(wanted) == ""
