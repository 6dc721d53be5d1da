"""Model folders that would lead somewhere else, never end, or load as another model: each is refused by file."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from jobs.core import chain
from tests.bad_inputs.conftest import Ask
from tests.engines.models import small_model
from tests.engines.models.small_model import change_json

Damage = Callable[[Path], object]
SINGLE, INDEX, SECOND = "model.safetensors", "model.safetensors.index.json", "model-00002-of-00002.safetensors"
DEEP = '{"a":' * 100_000 + "1" + "}" * 100_000
NESTED = '{"model_type": "qwen3", "a":' + "[" * 200 + "]" * 200 + "}"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model.write(tmp_path_factory.mktemp("model"))


@pytest.fixture
def folder(model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model, tmp_path / "given"))


def holds(name: str, text: str | bytes) -> Damage:
    return lambda folder: (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())


def instead(name: str, make: Callable[[Path], object]) -> Damage:
    """Something else in the place of a file."""

    def damage(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return damage


def outside(name: str) -> Damage:
    """A link to a copy beside the folder."""

    def damage(folder: Path) -> None:
        shutil.move(folder / name, folder.parent / "elsewhere")
        (folder / name).symlink_to(folder.parent / "elsewhere")

    return damage


def open_socket(path: Path) -> None:
    before = Path.cwd()
    os.chdir(path.parent)  # a socket's path may not be long
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(before)


def indexed(change: Callable[[dict[str, Any]], object]) -> Damage:
    """Two shards, and an index that was changed."""

    def damage(folder: Path) -> None:
        small_model.shard(folder)
        index = json.loads((folder / INDEX).read_text())
        change(index["weight_map"])
        (folder / INDEX).write_text(json.dumps(index))

    return damage


def twice(folder: Path) -> None:
    small_model.shard(folder)
    first = load_file(folder / "model-00001-of-00002.safetensors")
    name = sorted(first)[0]
    save_file({**load_file(folder / SECOND), name: first[name]}, folder / SECOND, {"format": "pt"})


def header(change: Callable[[dict[str, Any]], object]) -> Damage:
    """A header that was changed before otherwise whole data."""

    def damage(folder: Path) -> None:
        data = (folder / SINGLE).read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        found = json.loads(data[8 : 8 + length])
        change(found)
        text = json.dumps(found).encode()
        (folder / SINGLE).write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])

    return damage


def length_of(num: int) -> Damage:
    def damage(folder: Path) -> None:
        data = (folder / SINGLE).read_bytes()
        (folder / SINGLE).write_bytes(struct.pack("<Q", num) + data[8:])

    return damage


def moved(by: int) -> Callable[[dict[str, Any]], None]:
    def change(found: dict[str, Any]) -> None:
        found["model.norm.weight"]["data_offsets"] = [
            place + by for place in found["model.norm.weight"]["data_offsets"]
        ]

    return change


def quantized(folder: Path) -> None:
    tensors = load_file(folder / SINGLE)
    tensors["model.norm.weight"] = tensors["model.norm.weight"].to(torch.float8_e4m3fn)
    save_file(tensors, folder / SINGLE, {"format": "pt"})


REFUSED: dict[str, tuple[Damage, list[str]]] = {
    "empty-config": (holds("config.json", ""), ["given: config.json is no JSON"]),
    "empty-tokenizer": (holds("tokenizer.json", ""), ["given: tokenizer.json is no JSON"]),
    "empty-settings": (holds("tokenizer_config.json", ""), ["given: tokenizer_config.json is no JSON"]),
    "empty-weights": (holds(SINGLE, ""), [f"given/{SINGLE}: cannot be read as safetensors"]),
    "config-is-a-list": (holds("config.json", "[]"), ["given: config.json holds a list"]),
    "config-of-another": (
        lambda f: change_json(f / "config.json", model_type="mystery"), ["model_type is 'mystery'", "only 'qwen3'"],
    ),
    "deep-config": (holds("config.json", DEEP), ["given: config.json is no JSON (it nests without end)"]),
    "nested-config": (holds("config.json", NESTED), ["given: config.json nests 64 levels deep and more"]),
    "deep-tokenizer": (holds("tokenizer.json", DEEP), ["given: tokenizer.json is no JSON (it nests"]),
    "deep-settings": (holds("tokenizer_config.json", DEEP), ["given: tokenizer_config.json is no JSON (it nests"]),
    "deep-generation": (holds("generation_config.json", DEEP), ["given: generation_config.json is no JSON (it nests"]),
    "deep-tokens": (holds("added_tokens.json", DEEP), ["given: added_tokens.json is no JSON (it nests"]),
    "deep-index": (
        lambda f: [small_model.shard(f), holds(INDEX, DEEP)(f)], [f"given: {INDEX} is no JSON (it nests"],
    ),
    "deep-adapter": (holds("adapter_config.json", DEEP), ["given: has an adapter_config.json"]),
    "stops-of-text": (
        lambda f: change_json(f / "config.json", eos_token_id="x"), ["config.json has eos_token_id x"],
    ),
    "stops-of-objects": (
        lambda f: change_json(f / "generation_config.json", eos_token_id=[{}]), ["generation_config.json has"],
    ),
    "endless-layers": (
        lambda f: change_json(f / "config.json", num_hidden_layers=10**9, layer_types=None),
        ["config.json asks for 1000000000 layers, and there are 24 tensors"],
    ),
    "endless-labels": (lambda f: change_json(f / "config.json", num_labels=10**9), ["asks for 1000000000 labels"]),
    "no-layers": (lambda f: change_json(f / "config.json", num_hidden_layers=None), ["asks for None layers"]),
    "length-of-truth": (lambda f: change_json(f / "config.json", max_position_embeddings=True), ["no number max"]),
    "template-of-half-a-letter": (
        lambda f: [
            (f / "chat_template.jinja").unlink(), change_json(f / "tokenizer_config.json", chat_template="\ud800"),
        ],
        ["tokenizer_config.json: its chat_template"],
    ),
    "link-outside": (outside(SINGLE), [f"given/{SINGLE}: is a link to", "which is not in the folder"]),
    "link-outside-of-config": (outside("config.json"), ["given/config.json: is a link to"]),
    "link-outside-of-card": (lambda f: (f / "README.md").symlink_to("/etc/hostname"), ["README.md: is a link to"]),
    "link-to-nothing": (instead(SINGLE, lambda path: path.symlink_to("gone")), ["is a link to gone, and there is no"]),
    "link-to-itself": (instead(SINGLE, lambda path: path.symlink_to(path)), ["is a link that leads nowhere"]),
    "link-to-a-device": (instead("config.json", lambda path: path.symlink_to("/dev/zero")), ["is a link to /dev/zero"]),
    "pipe": (instead("config.json", os.mkfifo), ["given/config.json: is a pipe, expected a plain file"]),
    "pipe-for-weights": (instead(SINGLE, os.mkfifo), [f"given/{SINGLE}: is a pipe"]),
    "pipe-for-the-card": (lambda f: os.mkfifo(f / "README.md"), ["given/README.md: is a pipe"]),
    "socket": (instead(SINGLE, open_socket), [f"given/{SINGLE}: is a socket"]),
    "folder-for-weights": (instead(SINGLE, Path.mkdir), [f"given/{SINGLE}: is a folder"]),
    "index-names-nothing": (
        indexed(lambda where: where.update({"model.norm.weight": "gone.safetensors"})), ["gone.safetensors: is"],
    ),
    "index-leads-outside": (
        indexed(lambda where: where.update({"model.norm.weight": "../x.safetensors"})), ["names '../x.safetensors'"],
    ),
    "index-leads-up": (indexed(lambda where: where.update({"model.norm.weight": ".."})), [INDEX, "names '..'"]),
    "index-is-absolute": (
        indexed(lambda where: where.update({"model.norm.weight": "/x.safetensors"})), [INDEX, "names '/x.safetensors'"],
    ),
    "index-names-a-number": (indexed(lambda where: where.update({"model.norm.weight": 5})), [INDEX, "names 5"]),
    "index-names-the-other": (
        indexed(lambda where: where.update({"model.norm.weight": "model-00001-of-00002.safetensors"})),
        [INDEX, "model.norm.weight is in", "the index says model-00001"],
    ),
    "index-forgets": (indexed(lambda where: where.pop("model.norm.weight")), [INDEX, "the index says nothing of it"]),
    "index-invents": (indexed(lambda where: where.update({"ghost": SECOND})), [INDEX, "ghost is in no shard"]),
    "tensor-twice": (twice, [f"{SECOND}: holds", "which model-00001-of-00002.safetensors holds too"]),
    "header-longer-than-the-file": (length_of(1 << 20 << 20), [f"{SINGLE}: cannot be read as safetensors"]),
    "header-beyond-the-end": (length_of(5_000_000), [f"{SINGLE}: cannot be read as safetensors"]),
    "header-too-short": (length_of(100), [f"{SINGLE}: cannot be read as safetensors"]),
    "header-of-nothing": (length_of(0), [f"{SINGLE}: cannot be read as safetensors"]),
    "offsets-overlap": (header(moved(-4)), [f"{SINGLE}: cannot be read as safetensors"]),
    "offsets-leave-the-file": (header(moved(1 << 40)), [f"{SINGLE}: cannot be read as safetensors"]),
    "offsets-of-another-shape": (
        header(lambda found: found["model.norm.weight"].update(shape=[1 << 62, 8])), [f"{SINGLE}: cannot be read"],
    ),
    "header-is-a-list": (
        lambda f: (f / SINGLE).write_bytes(struct.pack("<Q", 2) + b"[]"), [f"{SINGLE}: cannot be read as safetensors"],
    ),
    "quantized": (quantized, ["model.norm.weight is F8_E4M3, expected one of F32, BF16, F16, F64"]),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "parts"), REFUSED.values(), ids=REFUSED)
def test_refused(ask: Ask, folder: Path, damage: Damage, parts: list[str]) -> None:
    damage(folder)
    answer = ask(chain.load("fetch"), "fetch=local", f"fetch.source.folder={folder}")
    answer.refused(*parts)


def test_code_is_left_out_and_said(ask: Ask, folder: Path, tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer_config.json"):
        change_json(
            folder / name, auto_map={"AutoConfig": "run_me.Config", "AutoTokenizer": ["run_me.Tokenizer", None]}
        )
    change_json(folder / "config.json", attn_implementation="somebody/kernel")
    (folder / "run_me.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    given = (folder / "config.json").read_bytes()
    answer = ask(
        chain.load("fetch"), "fetch=local", f"fetch.source.folder={folder}",
        f"fetch.limits.min_tokenizer_length={small_model.NUM_ENTRIES}",
    )  # fmt: skip
    answer.made(0, ["FET012", "code-left-out"], ["fetch"])
    facts = json.loads((answer.run / "fetch/artifact.json").read_text())["facts"]
    assert facts["code_named_in"] == ["config.json", "tokenizer_config.json"]
    taken = answer.run / "fetch/model"
    assert sorted(path.name for path in taken.iterdir()) == small_model.FILES
    assert not any("run_me" in (taken / name).read_text() for name in ("config.json", "tokenizer_config.json"))
    assert "somebody" not in (taken / "config.json").read_text()
    assert json.loads((taken / "config.json").read_text())["vocab_size"] == small_model.NUM_ROWS
    assert (folder / "config.json").read_bytes() == given
    assert not (tmp_path / "ran").exists()
