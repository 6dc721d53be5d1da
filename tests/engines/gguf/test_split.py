"""Parts of a GGUF: none larger than asked, together the whole file, and what llama.cpp computes from them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.engines.gguf import file as gguf_file, library, llama, split
from jobs.logic.parity import quant_files
from tests import gguf_tamper

gguf = library.gguf_py()  # the pinned source's


def into(folder: Path) -> Callable[[int, int], Path]:
    folder.mkdir(exist_ok=True)
    return lambda number, count: folder / quant_files.part("Q8_0", number, count)


def written(path: Path, alignment: int) -> gguf_file.GgufFile:
    """A file with every kind of metadata and tensors of several types and sizes, by the pinned source's own writer."""
    writer = gguf.GGUFWriter(path, "qwen3")
    if alignment != gguf_file.USUAL_ALIGNMENT:
        writer.add_custom_alignment(alignment)
    writer.add_array("test.strings", ["a", "", "に"])
    writer.add_array("test.numbers", [1, -2, 3])
    writer.add_float64("test.float64", 1e-300)
    writer.add_bool("test.bool", True)
    draw = np.random.default_rng(1)
    for number, shape in enumerate([(5,), (3, 7), (64,), (2, 64), (9, 32), (1, 32)]):
        values = draw.normal(size=shape).astype(np.float32)
        if shape[-1] % 32 or len(shape) == 1:
            writer.add_tensor(f"tensor.{number}", values)
        else:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(f"tensor.{number}", gguf.quants.quantize(values, kind), raw_dtype=kind)
    for write in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file):
        write()
    writer.close()
    return gguf_file.read(path)


@pytest.mark.parametrize("alignment", [32, 64])
def test_no_part_is_larger_and_together_they_are_the_whole(alignment: int, tmp_path: Path) -> None:
    whole = written(tmp_path / "whole.gguf", alignment)
    layout = split.layout(whole)
    least, what = layout.least()
    assert what == "tensor.4"
    with pytest.raises(ValueError, match=f"tensor.4 needs a file of {least} bytes, the most is {least - 1}"):
        layout.parts(least - 1)
    counts = set()
    for most in range(least, whole.path.stat().st_size + 200, 24):
        paths = split.write(whole, most, into(tmp_path / str(most)))
        counts.add(len(paths))
        assert max(path.stat().st_size for path in paths) <= most
        assert split.problems(paths[0]) == []
        again = split.read_whole(paths[0])
        assert split.content(again) == split.content(whole)
        assert (again.metadata, list(again.tensors)) == (whole.metadata, list(whole.tensors))
        assert {gguf_file.read(path).alignment for path in paths} == {alignment}
    assert counts >= {1, 2, 3, 4}


def test_sizes_are_known_before_anything_is_written(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole.gguf", 32)
    layout = split.layout(whole)
    paths = split.write(whole, layout.least()[0] + 100, into(tmp_path / "parts"))
    tensors = layout.parts(layout.least()[0] + 100)
    assert [path.stat().st_size for path in paths] == [layout.size(*pair) for pair in enumerate(tensors)]


def test_another_reader_finds_the_same(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole.gguf", 32)
    paths = split.write(whole, split.layout(whole).least()[0], into(tmp_path / "parts"))
    readers = [gguf.GGUFReader(path) for path in paths]
    for number, reader in enumerate(readers):
        own = [int(reader.fields[key].parts[-1][0]) for key in split.OF_A_PART]
        kinds = [reader.fields[key].types[0].name for key in split.OF_A_PART]
        assert (own, kinds) == ([number, 6, len(paths)], ["UINT16", "INT32", "UINT16"])
    found = {tensor.name: tensor.data.tobytes() for reader in readers for tensor in reader.tensors}
    assert found == {tensor.name: tensor.data.tobytes() for tensor in gguf.GGUFReader(whole.path).tensors}


Damage = Callable[[list[Path], list[Path]], Any]


def swap(one: Path, other: Path) -> None:
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)


def lie(path: Path, key: str, value: int) -> None:
    begin, end = gguf_file.read(path).spans[key]
    data = bytearray(path.read_bytes())
    width = 4 if key == "split.tensors.count" else 2
    assert end - begin > width
    struct.pack_into("<I" if width == 4 else "<H", data, end - width, value)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda parts, _: parts[1].unlink(), "00002-of-00006.gguf: is missing"),
        (lambda parts, _: swap(parts[1], parts[2]), "00002-of-00006.gguf: split.no is 2, expected 1"),
        (lambda parts, _: gguf_tamper.truncate(parts[2], 64), "00003-of-00006.gguf: the header promises"),
        (lambda parts, _: lie(parts[3], "split.count", 5), "00004-of-00006.gguf: split.count is 5, expected 6"),
        (lambda parts, _: lie(parts[0], "split.tensors.count", 7), "00001-of-00006.gguf: split.tensors.count is 7"),
        (lambda parts, wrong: swap(parts[0], wrong[0]), "00001-of-00006.gguf: split.no is None, expected 0"),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit_are_told(damage: Damage, said: str, tmp_path: Path) -> None:
    whole = written(tmp_path / "whole.gguf", 32)
    paths = split.write(whole, split.layout(whole).least()[0], into(tmp_path / "parts"))
    damage(paths, [whole.path])
    found = split.problems(paths[0])
    assert any(said in problem for problem in found), found


def test_a_part_of_another_file_has_another_digest(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole.gguf", 32)
    most = split.layout(whole).least()[0]
    paths, others = (split.write(whole, most, into(tmp_path / name)) for name in ("parts", "others"))
    gguf_tamper.set_first_value(others[2], next(iter(gguf_file.read(others[2]).tensors)), b"\x01")
    paths[2].write_bytes(others[2].read_bytes())
    assert split.problems(paths[0]) == []
    assert split.content(split.read_whole(paths[0])) != split.content(whole)


def test_llama_cpp_computes_the_same_from_parts(q4_gguf: Path, tmp_path: Path) -> None:
    whole = gguf_file.read(q4_gguf)
    order = sorted(whole.tensors, key=lambda name: name != "token_embd.weight")
    least, what = split.layout(whole).least()
    assert what == "token_embd.weight"
    rows = [llama.Row(list(range(100, 124)), list(range(23)))]
    llama.write_logits(q4_gguf, rows, tmp_path / "whole.npy", kv="f32", num_threads=1)
    expected = (tmp_path / "whole.npy").read_bytes()
    for number, file in enumerate([whole, replace(whole, tensors={name: whole.tensors[name] for name in order})]):
        paths = split.write(file, least, into(tmp_path / str(number)))
        assert [len(gguf_file.read(path).tensors) for path in paths] == [[1, 1, 22], [0, 1, 23]][number]
        llama.write_logits(paths[0], rows, tmp_path / "parts.npy", kv="f32", num_threads=1)
        assert (tmp_path / "parts.npy").read_bytes() == expected
