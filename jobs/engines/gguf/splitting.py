"""Quants that are larger than a file may be: refused where no parts can keep the limit, else written as parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from jobs.core import terminal
from jobs.core.errors import Refusal
from jobs.engines.gguf import file as gguf_file, llama_tools, split
from jobs.logic.parity import quant_files
from jobs.logic.parity.quant_sizes import Least, too_small

ADDED_METADATA = 512
"""Bytes that quantizing may add to the header: where its importance matrix came from."""


def require_room_for_each_tensor(source: Path, there: Mapping[str, Path], types: Sequence[str], most: int) -> None:
    """Raise Refusal where a quant of `source` would have a tensor, or metadata, that `most` bytes do not hold; `there`
    has the types whose files are made already."""
    found = [(quant, *planned(source, there, quant).least()) for quant in types]
    needed = max((Least(quant, what, least) for quant, least, what in found), key=lambda one: one.num_bytes)
    if needed.num_bytes > most:
        raise Refusal(too_small(most, needed))


def planned(source: Path, there: Mapping[str, Path], quant: str) -> split.Layout:
    """What the file of a type will have, before it is made."""
    if quant in there:
        return split.layout(gguf_file.read(there[quant]))
    types = llama_tools.planned_types(source, quant)
    found = split.layout(gguf_file.read(source))
    tensors = [gguf_file.as_type(tensor, types[tensor.name]) for tensor in found.tensors]
    return replace(found, tensors=tensors, num_metadata_bytes=found.num_metadata_bytes + ADDED_METADATA)


def split_large(out: Path, quant: str, most: int | None) -> dict[str, str]:
    """Put parts in the place of a quant larger than `most` bytes; the type to the digest of what the whole one had,
    empty where it stays as it is."""
    path = out / quant_files.whole(quant)
    if most is None or path.stat().st_size <= most:
        return {}
    file = gguf_file.read(path)
    least, what = split.layout(file).least()
    if least > most:  # an importance matrix can move a tensor to a wider type than was planned
        raise Refusal(too_small(most, Least(quant, what, least)))
    digest = split.content(file)
    parts = split.write(file, most, lambda number, count: out / quant_files.part(quant, number, count))
    path.unlink()
    terminal.say(f"quantize: {quant} in {len(parts)} files")
    return {quant: digest}
