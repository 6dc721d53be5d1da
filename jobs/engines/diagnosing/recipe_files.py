"""The readers of settings, logs, tokenizers and labels, over all that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jobs.engines.diagnosing import label_rows, logs, own_settings, settings_files, tokenizer_files
from jobs.engines.diagnosing.boundary import Reading, Unreadable
from jobs.engines.diagnosing.looking import Looked
from jobs.engines.diagnosing.tokenizer_files import Vocabulary
from jobs.logic.diagnosing import kinds
from jobs.logic.diagnosing.log_seen import LogSeen
from jobs.logic.diagnosing.settings_seen import SettingsSeen
from jobs.logic.diagnosing.texts_seen import TextsSeen
from jobs.logic.diagnosing.tokens_seen import LabelsSeen, TokenizerSeen
from jobs.logic.pages.amounts import size

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
    reading = Reading(looked)
    settings = list(reading.each(kinds.SETTINGS, settings_files.read))
    own = own_settings.of_records(looked.of(kinds.RECORD))
    logs_read = _logs(reading)
    (tokenizer, vocabulary), *others = _tokenizers(reading, kinds.TOKENIZER)
    (base, of_base), *_ = _tokenizers(reading, kinds.BASE_TOKENIZER)
    return RecipeSeen(
        settings=own or max(settings, key=_num_said, default=None),
        log=logs.chosen(logs_read),
        tokenizer=tokenizer,
        base_tokenizer=base,
        other_tokenizers=tuple(seen for seen, _ in others if seen is not None),
        labels=_labels(reading, vocabulary or of_base),
        texts=_texts(reading),
        looked=reading.looked,
    )


def _num_said(settings: SettingsSeen) -> int:
    """How much a file of settings says itself."""
    return len(settings.keys or ())


def _tokenizers(reading: Reading, kind: str) -> list[tuple[TokenizerSeen | None, Vocabulary | None]]:
    """Those of a kind, at least one entry: a merged model's before an adapter's before any other.

    Those of checkpoints are left out: they are the adapter's.
    """
    of_models, of_adapters = reading.looked.of(kinds.MERGED, kinds.BASE), reading.looked.of(kinds.ADAPTER)
    folders: dict[Path, list[Path]] = {}
    for path in reading.looked.of(kind):
        folders.setdefault(path if path.is_dir() else path.parent, []).append(path)
    ranked = sorted(folders, key=lambda one: (one not in of_models, one not in of_adapters))
    found: list[tuple[TokenizerSeen | None, Vocabulary | None]] = []
    for folder in [one for one in ranked if not logs.CHECKPOINT.search(one.name)] or ranked[:1]:
        with reading.of(kind, folders[folder][0]):
            if len(found) < MOST_TOKENIZERS:
                found.append(tokenizer_files.read(folders[folder]))
    return sorted(found, key=lambda one: one[1] is None) or [(None, None)]


def _labels(reading: Reading, vocabulary: Vocabulary | None) -> LabelsSeen | None:
    """Of all rows of tokens; without a tokenizer nothing says which ids are which."""
    paths = reading.looked.of(kinds.TOKEN_ROWS)
    if not paths:
        return None
    paths = tuple(path for path in paths if path.parent == paths[0].parent)  # those of one run
    with reading.of(kinds.TOKEN_ROWS, paths[0]):
        if vocabulary is None:
            raise Unreadable("their tokenizer was not given, so nothing says which ids are which")
        conversations = label_rows.shapes(reading.looked.of(kinds.ROWS, kinds.HELD_OUT))
        return label_rows.read(paths, label_rows.alphabet(vocabulary), conversations)
    return None


def _logs(reading: Reading) -> list[LogSeen]:
    """Every log; without one, the tables of losses on pages that say settings too."""
    found = list(reading.each(kinds.LOG, logs.read))
    if not found:
        pages = [path for path in reading.looked.of(kinds.SETTINGS) if path.suffix in (".ipynb", ".md")]
        for path in pages:
            with reading.of(kinds.SETTINGS, path):
                found += [one] if (one := logs.on_page(path)) else []
    for one in found:
        if one.num_bytes_left_out:
            left = f"{size(one.num_bytes_left_out)} between its beginning and its end were not read"
            reading.looked = reading.looked.also(one.file, left)
    return found


def _texts(reading: Reading) -> TextsSeen | None:
    """Rows that are whole texts."""
    paths = reading.looked.of(kinds.ROWS)
    for first in paths[:1]:
        with reading.of(kinds.ROWS, first):
            return label_rows.texts(paths)
    return None
