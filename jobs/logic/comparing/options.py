"""What a comparison is told: `checks/compare.py` makes it of a config, `engines/comparing` reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobs.logic.endpoints.costs import Caps
from jobs.logic.endpoints.options import EndpointOptions

AUTO = "auto"


@dataclass(frozen=True)
class SheetOptions:
    """Of the blind sheet; AUTO where a word is to be found out."""

    pairs: int
    title: str
    language: str
    seed: str


@dataclass(frozen=True)
class Options:
    """`conf/compare/default.yaml` says what each means."""

    a: str | None
    b: str | None
    type: str | None
    out: str | None
    rows: list[str]
    most_rows: int
    max_tokens: int
    context: int
    temperature: float
    think: bool | None
    gpu_layers: int
    seed: int
    num_resamples: int
    level: float
    loops: tuple[int, int, int]
    """Characters of a repetition; times and characters of a loop: `logic/parity/behaviour.py`'s Measure."""
    judge: EndpointOptions | None
    caps: Caps
    """Of what is asked of the judge."""
    tries: int
    retry_temperature: float
    qualify_rows: int
    usable: Mapping[str, Any]
    """`logic/judging/usable.py`'s Wanted."""
    prepare: Mapping[str, Any]
    """How rows are read: the config of `prepare`."""
    sheet: SheetOptions
    votes: list[str]
    key: str | None
    partly: bool
    runs: str
    """The folder of the runs."""
    run: str
    """The run that `judge-sheet` is about."""
    redo: bool
