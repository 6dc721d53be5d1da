"""What `prepare` leaves beside the rows for itself, to measure by."""

from __future__ import annotations

from typing import Any

from jobs.checks.prepare_facts import DataFile
from jobs.checks.topics import Topic
from jobs.core.model import StrictModel


class SetProfile(StrictModel):
    """`profile.json`: what the set as a whole decided, so that its rows can be checked against it again."""

    form: dict[str, Any]
    """See `departures.Profile`."""
    boilerplate: list[int]
    """Hashes of the 5-grams that make no two rows alike."""
    topics: list[Topic]


class FilesRead(StrictModel):
    """`reading.json`: the files as they were before the first row was read, and what was left aside in them."""

    files: list[DataFile]
    ignored_columns: dict[str, list[str]]
    """File to columns."""
    byte_order_marks: list[str]
    lone_returns: list[str]
    left_aside: list[str]
    """Files of folders that have no name of a data file, and columns that JSON has no value for."""
