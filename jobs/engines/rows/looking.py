"""A look at files of rows before anything is made of them: are they there, and what are their first rows."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.core.errors import Refusal
from jobs.engines.rows import hub, passes, sources as row_sources
from jobs.engines.rows.passes import FileOptions
from jobs.engines.rows.sources import Inside
from jobs.logic.row import Row

LOOKED_AT = 8
"""Rows of each file."""


def local(names: Sequence[str]) -> list[str]:
    """Those that are on this machine."""
    return [name for name in names if not name.startswith(hub.SCHEME)]


def told(names: Sequence[str], key: str, options: FileOptions) -> list[str]:
    """A line for each file, by its first rows; what lies on a hub is named, not fetched.

    Raises Refusal for what is not there, is no file of rows, or has other columns.
    """
    here, lines = local(names), [f"{name}: on the hub, not looked at" for name in names if name.startswith(hub.SCHEME)]
    if not here:
        if not names:
            row_sources.sources(names, key, options.encoding)
        return lines
    for source in row_sources.sources(here, key, options.encoding).files:
        rows = passes.first([source], options, LOOKED_AT)
        if not rows:
            raise Refusal(f"{source.label}: none of its first rows is a conversation; see them all: make prepare")
        lines.append(f"{source.label}: {source.kind}, {len(rows)} rows looked at")
    return lines


def first(
    names: Sequence[str], key: str, inside: Inside, options: FileOptions, num_rows: int, above: int = 0
) -> tuple[int, list[Row]]:
    """Bytes of the files, and where they are more than `above`, the first rows of each as they stand."""
    files = row_sources.sources(names, key, options.encoding, inside).files
    num_bytes = sum(source.path.stat().st_size for source in files)
    return num_bytes, passes.first(files, options, num_rows) if num_bytes > above else []


def here(names: Sequence[str], key: str, encoding: str) -> list[str]:
    """The same of files whose rows need no answers: that they are there."""
    found = local(names)
    return [source.label for source in row_sources.sources(found, key, encoding).files] if found else []
