"""Safetensors written tensor by tensor: what the library reads back, and what a folder must be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from jobs.core.errors import Refusal
from jobs.engines.models import shards

TENSORS = {
    "b.weight": torch.arange(12, dtype=torch.float32).reshape(3, 4) / 7,
    "a.weight": torch.tensor([1.0, -2.0, 65_504.0]),
    "one": torch.tensor(0.1),
    "empty": torch.zeros(0, 4),
}


def write(path: Path, tensors: dict[str, torch.Tensor], dtype: torch.dtype) -> None:
    writer = shards.Writer(path, {name: tuple(tensor.shape) for name, tensor in tensors.items()}, dtype)
    for name, tensor in tensors.items():
        writer.write(name, tensor)
    writer.close()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
def test_the_library_reads_what_was_streamed(tmp_path: Path, dtype: torch.dtype) -> None:
    path = tmp_path / "model.safetensors"
    write(path, TENSORS, dtype)
    found = load_file(path)
    assert set(found) == set(TENSORS)
    for name, tensor in TENSORS.items():
        assert found[name].dtype == dtype
        assert torch.equal(found[name], tensor.to(dtype))
    with safe_open(str(path), framework="pt") as opened:
        assert opened.metadata() == {"format": "pt"}


def test_one_shard_is_what_the_library_writes_of_sorted_tensors(tmp_path: Path) -> None:
    tensors = {name: TENSORS[name] for name in ("a.weight", "b.weight")}
    write(tmp_path / "ours", tensors, torch.float32)
    save_file(tensors, tmp_path / "theirs", metadata={"format": "pt"})
    assert (tmp_path / "ours").read_bytes()[-60:] == (tmp_path / "theirs").read_bytes()[-60:]
    assert (tmp_path / "ours").stat().st_size == (tmp_path / "theirs").stat().st_size


def test_a_transposed_view_is_written_in_its_own_order(tmp_path: Path) -> None:
    write(tmp_path / "x", {"t": TENSORS["b.weight"].T}, torch.float32)
    assert torch.equal(load_file(tmp_path / "x")["t"], TENSORS["b.weight"].T)


def test_out_of_order_and_unfinished_files_are_errors(tmp_path: Path) -> None:
    writer = shards.Writer(tmp_path / "x", {"a": (1,), "b": (1,)}, torch.float32)
    with pytest.raises(ValueError, match="b: expected"):
        writer.write("b", torch.zeros(1))
    writer.write("a", torch.zeros(1))
    with pytest.raises(ValueError, match="1 tensors were not written, the first is b"):
        writer.close()


@pytest.mark.parametrize("shape", [(2,), (1, 1), (3, 1)])
def test_a_tensor_of_another_shape_than_promised_is_an_error(tmp_path: Path, shape: tuple[int, ...]) -> None:
    writer = shards.Writer(tmp_path / "x", {"a": (1, 2)}, torch.float32)
    with pytest.raises(ValueError, match=r"a: is .*, expected \[1, 2\]"):
        writer.write("a", torch.zeros(shape))


def folder_of(root: Path, files: dict[str, dict[str, torch.Tensor]]) -> shards.Folder:
    where = {}
    for file, tensors in files.items():
        save_file(tensors, root / file, {"format": "pt"})
        where |= dict.fromkeys(tensors, file)
    (root / shards.INDEX).write_text(json.dumps({"metadata": {}, "weight_map": where}))
    return shards.Folder(root)


def test_a_sharded_folder_keeps_its_shards(tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    (tmp_path / "into").mkdir()
    first, second = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    folder = folder_of(
        tmp_path / "from",
        {first: {"b.weight": TENSORS["b.weight"]}, second: {"a.weight": TENSORS["a.weight"], "one": TENSORS["one"]}},
    )
    assert folder.files() == [first, second]
    assert folder.entries["b.weight"] == shards.Entry(first, (3, 4), "F32")
    assert list(shards.by_file(folder)) == [(first, ["b.weight"]), (second, ["a.weight", "one"])]
    for file, names in shards.by_file(folder):
        write(tmp_path / "into" / file, {name: folder.read(name) for name in names}, torch.bfloat16)
    shards.write_index(tmp_path / "into", folder, torch.bfloat16)
    index = json.loads((tmp_path / "into" / shards.INDEX).read_text())
    assert index == {
        "metadata": {"total_size": 2 * (12 + 3 + 1)},
        "weight_map": {"a.weight": second, "b.weight": first, "one": second},
    }
    again = shards.Folder(tmp_path / "into")
    assert again.entries == {name: replace(entry, dtype="BF16") for name, entry in folder.entries.items()}
    assert torch.equal(again.read("a.weight"), TENSORS["a.weight"].to(torch.bfloat16))


def test_a_single_file_gets_no_index(tmp_path: Path) -> None:
    write(tmp_path / shards.SINGLE, TENSORS, torch.float32)
    shards.write_index(tmp_path, shards.Folder(tmp_path), torch.float32)
    assert [path.name for path in tmp_path.iterdir()] == [shards.SINGLE]


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="only safetensors weights are read"):
        shards.Folder(tmp_path)
