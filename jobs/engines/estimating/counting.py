"""The rows that are to be trained on: as the run tokenized them, as `prepare` would keep them, or the first of many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jobs.core.config import RunConfig
from jobs.core.run_dir import RunDir
from jobs.engines.estimating import earlier, row_sizes
from jobs.engines.estimating.row_sizes import Counted, Layout
from jobs.engines.gguf.llama_tools import VENDOR
from jobs.logic.pages.amounts import count
from jobs.logic.row import Row

MOST_BYTES = 64 << 20
"""Of files that are cleaned for an estimate; `prepare` takes some 8 seconds for so many on two cores."""
FIRST_ROWS = 2000
"""Of each larger file."""
Prepared = Callable[[int, int, Path], tuple[int, list[Row]]]
"""`prepare.for_estimate` of the run's config."""


def counted(composed: Mapping[str, Any], run: RunConfig, prepared: Prepared) -> Counted:
    """The rows and how they were counted; raises Refusal where `prepare` would refuse them."""
    run_dir = RunDir(Path(run.folder) / run.name)
    preflight, prepare = run_dir.artifact("preflight"), run_dir.artifact("prepare")
    if (
        preflight is not None
        and prepare is not None
        and prepare.record.key.config["files"] == composed["prepare"]["files"]
    ):
        return Counted(earlier.tokenized(run_dir, preflight), "every token as `preflight` made it", True)
    source, chat, asked = composed["fetch"]["source"], composed["chat"], composed["preflight"]
    folder = Path(str(source["folder"])) if source["kind"] == "local" else None
    count_tokens, said, is_exact = row_sizes.counter(folder, VENDOR / "build" / "src")
    layout = Layout(
        empty_block=chat["thinking_block"] == "empty",
        most_tokens=asked["max_length"] if asked["on_too_long"] == "drop" else None,
        seed=run.seed,
    )
    with TemporaryDirectory() as place:
        num_bytes, first = prepared(MOST_BYTES, FIRST_ROWS, Path(place))
        if not first:
            return Counted(row_sizes.kept(Path(place), num_bytes, count_tokens, layout), f"by {said}", is_exact)
    conversations = [row.as_dict()["messages"] for row in first]
    val_fraction = composed["prepare"]["split"]["val_fraction"]
    rows = row_sizes.sampled(conversations, num_bytes, val_fraction, count_tokens, layout)
    told = f"a guess from the first {count(len(first), 'row')} before cleaning, by {said}"
    return Counted(rows, told, False)
