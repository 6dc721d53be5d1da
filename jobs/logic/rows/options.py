"""How the rows of one file are read, and how rows are held out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class RowOptions:
    """How the rows of one file are read."""

    shape: str
    """A name of `shapes.SHAPES`."""
    columns: Mapping[str, str]
    """Our names for columns to the file's, where they differ."""
    last_user: Literal["refuse", "trim"]
    """What is done about turns at the end that nobody answers."""
    same_role: Literal["refuse", "join"]
    """What is done about turns of one role in a row."""
    control_characters: Literal["refuse", "strip"]
    detected: bool = False
    """The shape was told from the file's first rows: a row that has two shapes is then refused."""
    first_assistant: Literal["refuse", "keep", "system", "cut"] = "refuse"
    """What is done about an assistant that speaks before anybody asked."""
    roles: Mapping[str, str] = field(default_factory=dict)
    """The file's names for speakers to ours, where they are not known."""
    pairs: Literal["refuse", "preferred"] = "refuse"
    """What is done about preference pairs."""
    marks: bool = True
    """Whether marks of what is not to be learnt count; in evaluation rows they do not."""


@dataclass(frozen=True)
class SplitOptions:
    """How rows are held out."""

    fraction: float
    """Of the rows."""
    max_rows: int
    """Held-out rows from which on the share of further ones shrinks."""
    by_label: bool
    """Whether each label gives its share."""
    seed: int
