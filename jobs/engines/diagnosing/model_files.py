"""The readers of weights, adapters, GGUFs and Modelfiles, over all that was looked at."""

from __future__ import annotations

import filecmp
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from jobs.engines.diagnosing import adapters, folders, modelfiles, weights
from jobs.engines.diagnosing.adapters import AdapterFiles
from jobs.engines.diagnosing.looking import Looked
from jobs.engines.diagnosing.tensors import SafetensorsFiles, Stored
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

if TYPE_CHECKING:
    from jobs.engines.diagnosing.ggufs import Opened
    from jobs.engines.diagnosing.vocabulary import Asking

Found = TypeVar("Found")


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


def read(looked: Looked) -> ModelFilesSeen:
    """Everything of these kinds. A file that cannot be read is a line in `looked`, never an exception."""
    reading = _Reading(looked)
    base, base_folder = reading.folder(kinds.BASE)
    merged, merged_folder = reading.folder(kinds.MERGED)
    adapter = reading.first(kinds.ADAPTER, lambda path: adapters.opened(path, str(path)))
    comparison = None if base is None or merged is None else weights.Comparison(base, update_of(adapter), merged)
    base_seen = None if base is None else folders.seen(base_folder, base, weights.pass_over(base))
    merged_seen = None
    if merged is not None:
        found = weights.pass_over(merged, [] if comparison is None else [comparison])
        merged_seen = folders.seen(merged_folder, merged, found)
    return ModelFilesSeen(
        reading.looked,
        base_seen,
        None if adapter is None else adapters.seen(adapter),
        merged_seen,
        None if comparison is None else comparison.seen(),
        tuple(read_ggufs(reading, base, adapter, merged)),
        reading.first(kinds.MODELFILE, modelfiles.read, whole=False),
    )


def update_of(adapter: AdapterFiles | None) -> weights.Update | None:
    """The adapter's, where its settings are those of plain LoRA."""
    return weights.OfAdapter(adapter) if adapter is not None and adapter.modules else None


def read_ggufs(
    reading: _Reading, base: Stored | None, adapter: AdapterFiles | None, merged: Stored | None
) -> Iterator[GgufSeen]:
    """Each GGUF against everything that lies beside it."""
    paths = [path for path in reading.looked.of(kinds.GGUF) if quant_files.number_of(path.name) in (None, 1)]
    if not paths:
        return
    from jobs.engines.diagnosing import ggufs

    copies = {path: next((other for other in paths[:n] if is_copy(other, path)), path) for n, path in enumerate(paths)}
    files = [ggufs.opened(path) for path in paths if copies[path] == path]
    source = merged if merged is not None and merged.shapes else ggufs.most_exact(files)
    update = update_of(adapter) or (None if merged is None else weights.OfMerged(merged))
    asking = list(itertools.islice(folders_asking(reading), 1))
    known: dict[Path, GgufSeen] = {}
    for one in files:
        seen = ggufs.looked_into(one, source, base, update)
        if one.file is not None and seen.content == "adapter" and adapter is not None and adapter.modules:
            seen = ggufs.against_adapter(one, adapter)
        known[one.path] = replace(seen, asked=header_asked(asking, one)) if seen.content == "model" else seen
    yield from (replace(known[copies[path]], file=str(path)) for path in paths)


def is_copy(path: Path, other: Path) -> bool:
    """Whether two files have the same bytes; parts are not compared."""
    if quant_files.number_of(path.name) or path.stat().st_size != other.stat().st_size:
        return False
    return path.samefile(other) or filecmp.cmp(path, other, shallow=False)


def header_asked(asking: Sequence[Asking], one: Opened) -> HeaderAsked | None:
    """What its header must say, by the first folder that can tell."""
    for folder in asking:
        try:
            return None if one.file is None else folder.of(one.file.metadata)
        except ValueError:  # a template that is none: the tokenizer's own reader says so
            continue
    return None


def folders_asking(reading: _Reading) -> Iterator[Asking]:
    """The merged folder, the tokenizer's and the base's, as far as they can be read."""
    from jobs.engines.diagnosing import vocabulary

    for kind in (kinds.MERGED, kinds.TOKENIZER, kinds.BASE):
        for path in reading.looked.of(kind):
            folder = path if path.is_dir() else path.parent
            if not (folder / "tokenizer_config.json").is_file():
                continue
            try:
                yield vocabulary.asking(folder, str(folder), kind == kinds.BASE)
            except (OSError, ValueError):  # a bad tokenizer file: its own reader says so
                continue


@dataclass
class _Reading:
    looked: Looked

    def first(self, kind: str, reader: Callable[[Path], Found], whole: bool = True) -> Found | None:
        """What the reader makes of the first path of a kind that it can read; `whole`, of the folder that it is."""
        for path in self.looked.of(kind):
            try:
                return reader(path.parent if whole and not path.is_dir() else path)
            except OSError as error:
                self.looked = self.looked.unreadable(path, error.strerror or type(error).__name__)
            except ValueError as error:
                self.looked = self.looked.unreadable(path, str(error))
        return None

    def folder(self, kind: str) -> tuple[SafetensorsFiles | None, Path]:
        """The first folder of whole weights of a kind, and where it is."""
        return self.first(kind, lambda folder: (folders.stored(folder, str(folder)), folder)) or (None, Path())
