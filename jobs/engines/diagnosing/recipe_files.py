"""The readers of settings, logs, tokenizers and labels, over all that was looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from jobs.engines.diagnosing import label_rows, logs, own_settings, settings_files, tokenizer_files
from jobs.engines.diagnosing.looking import Looked
from jobs.engines.diagnosing.settings_files import Unreadable
from jobs.engines.diagnosing.tokenizer_files import Vocabulary
from jobs.logic.diagnosing import kinds
from jobs.logic.diagnosing.log_seen import LogSeen
from jobs.logic.diagnosing.settings_seen import SettingsSeen
from jobs.logic.diagnosing.texts_seen import TextsSeen
from jobs.logic.diagnosing.tokens_seen import LabelsSeen, TokenizerSeen
from jobs.logic.pages.amounts import size

Seen = TypeVar("Seen")
MOST_TOKENIZERS = 4
"""That are read; a run has three."""


@dataclass(frozen=True)
class RecipeSeen:
    """What the files say of how it was trained, and what became of them."""

    looked: Looked
    """As given, but that files which turned out to be unreadable are said to be so."""
    settings: SettingsSeen | None
    log: LogSeen | None
    tokenizer: TokenizerSeen | None
    base_tokenizer: TokenizerSeen | None
    other_tokenizers: tuple[TokenizerSeen, ...]
    labels: LabelsSeen | None
    texts: TextsSeen | None


def read(looked: Looked) -> RecipeSeen:
    """Everything of these kinds. A file that cannot be read is a line in `looked`, never an exception."""
    reading = _Reading(looked)
    settings = list(reading.each(kinds.SETTINGS, settings_files.read))
    pages = [path for path in looked.of(kinds.SETTINGS) if path.suffix in (".ipynb", ".md")]
    own = own_settings.of_records(looked.of(kinds.RECORD))
    logs_read = list(reading.each(kinds.LOG, logs.read)) or [one for path in pages if (one := logs.on_page(path))]
    for one in logs_read:
        if one.num_bytes_left_out:
            left = f"{size(one.num_bytes_left_out)} between its beginning and its end were not read"
            reading.looked = reading.looked.also(one.file, left)
    (tokenizer, vocabulary), *others = reading.tokenizers(kinds.TOKENIZER)
    (base, of_base), *_ = reading.tokenizers(kinds.BASE_TOKENIZER)
    return RecipeSeen(
        settings=own or max(settings, key=_num_said, default=None),
        log=logs.chosen(logs_read),
        tokenizer=tokenizer,
        base_tokenizer=base,
        other_tokenizers=tuple(seen for seen, _ in others if seen is not None),
        labels=reading.labels(vocabulary or of_base),
        texts=label_rows.texts(looked.of(kinds.ROWS)),
        looked=reading.looked,
    )


def _num_said(settings: SettingsSeen) -> int:
    """How much a file of settings says itself."""
    return len(settings.keys or ())


@dataclass
class _Reading:
    looked: Looked

    def each(self, kind: str, reader: Callable[[Path], Seen]) -> Iterator[Seen]:
        """What the reader makes of each file of a kind, without those that it cannot read."""
        for path in self.looked.of(kind):
            with self._or_said(path):
                yield reader(path)

    def tokenizers(self, kind: str) -> list[tuple[TokenizerSeen | None, Vocabulary | None]]:
        """Those of a kind, at least one entry: a merged model's before an adapter's before any other.

        Those of checkpoints are left out: they are the adapter's.
        """
        of_models, of_adapters = self.looked.of(kinds.MERGED, kinds.BASE), self.looked.of(kinds.ADAPTER)
        folders: dict[Path, list[Path]] = {}
        for path in self.looked.of(kind):
            folders.setdefault(path if path.is_dir() else path.parent, []).append(path)
        ranked = sorted(folders, key=lambda one: (one not in of_models, one not in of_adapters))
        found: list[tuple[TokenizerSeen | None, Vocabulary | None]] = []
        for folder in [one for one in ranked if not logs.CHECKPOINT.search(one.name)] or ranked[:1]:
            with self._or_said(folders[folder][0]):
                if len(found) < MOST_TOKENIZERS:
                    found.append(tokenizer_files.read(folders[folder]))
        return sorted(found, key=lambda one: one[1] is None) or [(None, None)]

    def labels(self, vocabulary: Vocabulary | None) -> LabelsSeen | None:
        """Of all rows of tokens; without a tokenizer nothing says which ids are which."""
        paths = self.looked.of(kinds.TOKEN_ROWS)
        if not paths:
            return None
        paths = tuple(path for path in paths if path.parent == paths[0].parent)  # those of one run
        with self._or_said(paths[0]):
            if vocabulary is None:
                raise Unreadable("their tokenizer was not given, so nothing says which ids are which")
            conversations = label_rows.shapes(self.looked.of(kinds.ROWS, kinds.HELD_OUT))
            return label_rows.read(paths, label_rows.alphabet(vocabulary), conversations)
        return None

    @contextmanager
    def _or_said(self, path: Path) -> Iterator[None]:
        """A file that cannot be read is a line."""
        try:
            yield
        except Unreadable as error:
            self.looked = self.looked.unreadable(path, str(error))
        except OSError as error:
            self.looked = self.looked.unreadable(path, error.strerror or type(error).__name__)
