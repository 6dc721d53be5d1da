"""What may depart from a set, as `conf/prepare` says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class FormOptions:
    """What may depart; from the configuration `set`."""

    form: Literal["drop", "keep"]
    language: str
    """A code, `auto` for the set's own, `any` for all."""
    min_characters: int | None
    max_characters: int | None
    min_odd_share: float
    min_odd_rows: int
    max_odd_share: float
    main_language_share: float
    length_spread: float
