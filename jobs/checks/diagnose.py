"""The config of `diagnose`: what it looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.core import config
from jobs.core.config import RunConfig
from jobs.core.model import StrictModel, Text


class DiagnoseConfig(StrictModel):
    """Top-level `diagnose`."""

    look: list[Text]
    out: Text | None


@dataclass(frozen=True)
class Options:
    """What a command line asks for."""

    look: tuple[str, ...]
    out: str | None
    runs: str
    """The folder of the runs."""
    run: str


def options(words: Sequence[str]) -> Options:
    """Raises Refusal for a key or a value that is wrong."""
    composed = config.compose(words)
    run: RunConfig = config.run_config(composed)
    asked = config.checked(DiagnoseConfig, composed["diagnose"], "diagnose")
    return Options(tuple(asked.look), asked.out, run.folder, run.name)
