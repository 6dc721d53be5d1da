"""The readers of weights, adapters, GGUFs and Modelfiles, over all that was looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    base, base_seen = reading.folder(kinds.BASE)
    merged, merged_seen = reading.folder(kinds.MERGED)
    adapter = reading.first(kinds.ADAPTER, lambda path: adapters.opened(path, str(path)))
    return ModelFilesSeen(
        reading.looked,
        base_seen,
        None if adapter is None else adapters.seen(adapter),
        merged_seen,
        held(base, adapter, merged),
        tuple(read_ggufs(reading, base, adapter, merged)),
        reading.first(kinds.MODELFILE, modelfiles.read, whole=False),
    )


def read_ggufs(
    reading: _Reading, base: Stored | None, adapter: AdapterFiles | None, merged: Stored | None
) -> Iterator[GgufSeen]:
    """Each GGUF against everything that lies beside it."""
    paths = [path for path in reading.looked.of(kinds.GGUF) if quant_files.number_of(path.name) in (None, 1)]
    if not paths:
        return
    from jobs.engines.diagnosing import ggufs

    files = [ggufs.opened(path) for path in paths]
    source = merged if merged is not None and merged.shapes else ggufs.most_exact(files)
    update: weights.Update | None = None
    if adapter is not None and adapter.modules:
        update = weights.OfAdapter(adapter)
    elif merged is not None:
        update = weights.OfMerged(merged)
    for one in files:
        seen = ggufs.looked_into(one, source, base, update)
        if one.file is not None and seen.content == "adapter" and adapter is not None and adapter.modules:
            seen = ggufs.against_adapter(one, adapter)
        yield replace(seen, asked=header_asked(reading, one)) if seen.content == "model" else seen


def header_asked(reading: _Reading, one: Opened) -> HeaderAsked | None:
    """What its header must say, by the merged folder, the tokenizer's, or the base's: the first that there is."""
    from jobs.engines.diagnosing import vocabulary

    for kind in (kinds.MERGED, kinds.TOKENIZER, kinds.BASE):
        for path in reading.looked.of(kind):
            folder = path if path.is_dir() else path.parent
            if one.file is None or not (folder / "tokenizer_config.json").is_file():
                continue
            try:
                return vocabulary.asked(one.file.metadata, folder, str(folder), kind == kinds.BASE)
            except (OSError, ValueError):  # the tokenizer's own reader says what is wrong with it
                continue
    return None


def held(base: Stored | None, adapter: AdapterFiles | None, target: Stored | None) -> WeightsSeen | None:
    """Base and target, with the adapter's update where its settings are those of plain LoRA."""
    if base is None or target is None:
        return None
    update = weights.OfAdapter(adapter) if adapter is not None and adapter.modules else None
    return weights.held(base, update, target, (folders.HEAD,))


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

    def folder(self, kind: str) -> tuple[SafetensorsFiles | None, ModelSeen | None]:
        """The first folder of whole weights of a kind."""

        def opened(folder: Path) -> tuple[SafetensorsFiles, ModelSeen]:
            files = folders.stored(folder, str(folder))
            return files, folders.seen(folder, files)

        return self.first(kind, opened) or (None, None)
