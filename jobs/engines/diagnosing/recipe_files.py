"""The readers of settings, logs, tokenizers and labels, over all that was looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from jobs.engines.diagnosing import logs, own_settings, settings_files
from jobs.engines.diagnosing.looking import Looked
from jobs.engines.diagnosing.settings_files import Unreadable
from jobs.logic.diagnosing import kinds
from jobs.logic.diagnosing.log_seen import LogSeen
from jobs.logic.diagnosing.settings_seen import SettingsSeen

Seen = TypeVar("Seen")


@dataclass(frozen=True)
class RecipeSeen:
    """What the files say of how it was trained, and what became of them."""

    looked: Looked
    """As given, but that files which turned out to be unreadable are said to be so."""
    settings: SettingsSeen | None
    log: LogSeen | None


def read(looked: Looked) -> RecipeSeen:
    """Everything of these kinds. A file that cannot be read is a line in `looked`, never an exception."""
    reading = _Reading(looked)
    settings = list(reading.each(kinds.SETTINGS, settings_files.read))
    own = own_settings.of_records(looked.of(kinds.RECORD))
    logs_read = list(reading.each(kinds.LOG, logs.read))
    return RecipeSeen(
        reading.looked,
        own or max(settings, key=_num_said, default=None),
        max(logs_read, key=lambda one: (len(one.steps) + len(one.evaluations), one.is_ours), default=None),
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
            try:
                yield reader(path)
            except Unreadable as error:
                self.looked = self.looked.unreadable(path, str(error))
            except OSError as error:
                self.looked = self.looked.unreadable(path, error.strerror or type(error).__name__)
