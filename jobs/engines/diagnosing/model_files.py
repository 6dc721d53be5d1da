"""The readers of weights, adapters, GGUFs and Modelfiles, over all that was looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from jobs.engines.diagnosing import adapters, folders, weights
from jobs.engines.diagnosing.adapters import AdapterFiles
from jobs.engines.diagnosing.looking import Looked
from jobs.engines.diagnosing.tensors import SafetensorsFiles, Stored
from jobs.logic.diagnosing import kinds
from jobs.logic.diagnosing.model_seen import AdapterSeen, ModelSeen, WeightsSeen

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


def read(looked: Looked) -> ModelFilesSeen:
    """Everything of these kinds. A file that cannot be read is a line in `looked`, never an exception."""
    reading = _Reading(looked)
    base, base_seen = reading.folder(kinds.BASE)
    merged, merged_seen = reading.folder(kinds.MERGED)
    adapter = reading.first(kinds.ADAPTER, lambda path: adapters.opened(path, str(path)))
    adapter_seen = None if adapter is None else adapters.seen(adapter)
    return ModelFilesSeen(reading.looked, base_seen, adapter_seen, merged_seen, held(base, adapter, merged))


def held(base: Stored | None, adapter: AdapterFiles | None, target: Stored | None) -> WeightsSeen | None:
    """Base and target, with the adapter's update where its settings are those of plain LoRA."""
    if base is None or target is None:
        return None
    update = weights.OfAdapter(adapter) if adapter is not None and adapter.modules else None
    return weights.held(base, update, target, (folders.HEAD,))


@dataclass
class _Reading:
    looked: Looked

    def first(self, kind: str, reader: Callable[[Path], Found]) -> Found | None:
        """What the reader makes of the first path of a kind that it can read."""
        for path in self.looked.of(kind):
            folder = path if path.is_dir() else path.parent
            try:
                return reader(folder)
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
