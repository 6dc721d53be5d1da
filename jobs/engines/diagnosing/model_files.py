"""The readers of weights, adapters, GGUFs and Modelfiles, over all that was looked at."""

from __future__ import annotations

import filecmp
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jobs.engines.diagnosing import adapters, folders, ggufs, modelfiles, vocabulary, weights
from jobs.engines.diagnosing.adapters import AdapterFiles
from jobs.engines.diagnosing.boundary import MOST_SAID, STUMBLED, Reading
from jobs.engines.diagnosing.ggufs import Opened
from jobs.engines.diagnosing.looking import Looked
from jobs.engines.diagnosing.tensors import SafetensorsFiles, Stored
from jobs.engines.diagnosing.vocabulary import Asking
from jobs.logic.diagnosing import kinds
from jobs.logic.diagnosing.model_seen import (
    AdapterSeen,
    GgufSeen,
    HeaderAsked,
    ModelfileSeen,
    ModelSeen,
    WeightsSeen,
)
from jobs.logic.parity import quant_files


@dataclass(frozen=True)
class ModelFilesSeen:
    """What the files of models are, and what became of them."""

    looked: Looked
    """As given, but that files which turned out to be unreadable are said to be so."""
    base: ModelSeen | None
    adapter: AdapterSeen | None
    merged: ModelSeen | None
    weights: WeightsSeen | None
    ggufs: tuple[GgufSeen, ...]
    modelfile: ModelfileSeen | None


@dataclass(frozen=True)
class Folder:
    """A folder of whole weights, read through."""

    files: SafetensorsFiles
    seen: ModelSeen
    weights: WeightsSeen | None
    """Against the base."""


def read(looked: Looked) -> ModelFilesSeen:
    """Everything of these kinds. A file that cannot be read is a line in `looked`, never an exception."""
    reading = Reading(looked)
    base = reading.first(kinds.BASE, lambda path: read_folder(path, None, None))
    known = None if base is None else base.files
    adapter = read_adapter(reading, known)
    factors = None if adapter is None else adapter.files
    merged = reading.first(kinds.MERGED, lambda path: read_folder(path, known, factors))
    of_merged = None if merged is None else merged.files
    gguf_files = tuple(read_ggufs(reading, known, factors, of_merged))
    modelfile = reading.first(kinds.MODELFILE, modelfiles.read)
    return ModelFilesSeen(
        looked=reading.looked,
        base=None if base is None else base.seen,
        adapter=None if adapter is None else adapter.seen,
        merged=None if merged is None else merged.seen,
        weights=None if merged is None else merged.weights,
        ggufs=gguf_files,
        modelfile=modelfile,
    )


def read_folder(path: Path, base: Stored | None, adapter: AdapterFiles | None) -> Folder:
    """Every tensor of a folder once, and against the base, where that is given."""
    folder = path if path.is_dir() else path.parent
    files = folders.stored(folder, str(folder))
    comparison = None if base is None else weights.Comparison(base, update_of(adapter), files)
    finite = weights.pass_over(files, [] if comparison is None else [comparison])
    return Folder(files, folders.seen(folder, files, finite), None if comparison is None else comparison.seen())


@dataclass(frozen=True)
class Adapter:
    """An adapter's folder, read through."""

    files: AdapterFiles
    seen: AdapterSeen


def read_adapter(reading: Reading, base: Stored | None) -> Adapter | None:
    """The first adapter that can be read; its line says why its update is not known, where it is not."""

    def whole(path: Path) -> tuple[Path, Adapter]:
        folder = path if path.is_dir() else path.parent
        files = adapters.opened(folder, str(folder))
        files.not_plain += [] if base is None else files.misfits(base.shapes)
        return path, Adapter(files, adapters.seen(files))

    found = reading.first(kinds.ADAPTER, whole)
    if found is None:
        return None
    path, adapter = found
    if adapter.files.not_plain:
        unknown = adapter.files.not_plain[0].removeprefix(f"{adapter.files.where}: ")
        reading.looked = reading.looked.also(path, f"its update is not known here: {unknown[:MOST_SAID]}")
    return adapter


def update_of(adapter: AdapterFiles | None) -> weights.Update | None:
    """The adapter's, where its settings are those of plain LoRA."""
    return weights.OfAdapter(adapter) if adapter is not None and adapter.modules else None


def read_ggufs(
    reading: Reading, base: Stored | None, adapter: AdapterFiles | None, merged: Stored | None
) -> Iterator[GgufSeen]:
    """Each GGUF against everything that lies beside it."""
    paths = [path for path in reading.looked.of(kinds.GGUF) if quant_files.number_of(path.name) in (None, 1)]
    files: dict[Path, Opened] = {}
    copies: dict[Path, Path] = {}
    for path in paths:
        with reading.of(kinds.GGUF, path):
            copies[path] = next((other for other in files if is_copy(other, path)), path)
            if copies[path] == path:
                files[path] = ggufs.opened(path)
    source = merged if merged is not None and merged.shapes else ggufs.most_exact(list(files.values()))
    update = update_of(adapter) or (None if merged is None else weights.OfMerged(merged))
    asking = list(itertools.islice(folders_asking(reading), 1))
    known: dict[Path, GgufSeen] = {}
    for path, one in files.items():
        with reading.of(kinds.GGUF, path):
            seen = ggufs.looked_into(one, source, base, update)
            if one.file is not None and seen.content == "adapter" and adapter is not None and adapter.modules:
                seen = ggufs.against_adapter(one, adapter)
            known[path] = replace(seen, asked=header_asked(asking, one)) if seen.content == "model" else seen
    for path, first in copies.items():
        if first in known and known[first].not_loaded:
            reading.looked = reading.looked.also(path, f"not loaded: {known[first].not_loaded}")
    yield from (replace(known[first], file=str(path)) for path, first in copies.items() if first in known)


def is_copy(path: Path, other: Path) -> bool:
    """Whether two files have the same bytes; parts are not compared."""
    if quant_files.number_of(path.name) or path.stat().st_size != other.stat().st_size:
        return False
    return path.samefile(other) or filecmp.cmp(path, other, shallow=False)


def header_asked(asking: Sequence[Asking], one: Opened) -> HeaderAsked | None:
    """What its header must say, by the first folder that can tell."""
    for folder in asking:
        try:
            return None if one.metadata is None else folder.of(one.metadata)
        except ValueError:  # a template that is none: the tokenizer's own reader says so
            continue
    return None


def folders_asking(reading: Reading) -> Iterator[Asking]:
    """The merged folder, the tokenizer's and the base's, as far as they can be read."""
    for kind in (kinds.MERGED, kinds.TOKENIZER, kinds.BASE):
        for path in reading.looked.of(kind):
            folder = path if path.is_dir() else path.parent
            if not (folder / "tokenizer_config.json").is_file():
                continue
            try:
                yield vocabulary.asking(folder, str(folder), kind == kinds.BASE)
            except STUMBLED:  # a bad tokenizer file: its own reader says so
                continue
