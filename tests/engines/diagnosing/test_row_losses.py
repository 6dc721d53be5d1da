"""Losses of held-out rows beside a log of ours, as a diagnosis reads them."""

import json
from pathlib import Path

import pytest

from jobs.engines.diagnosing import logs
from jobs.logic.diagnosing.causes_overfitting import judged
from jobs.logic.training.overfitting import Verdict

CURVE = [3.0, 1.5, 1.0, 1.02, 1.05, 1.09, 1.14, 1.2]
NUM_ROWS = 24


def write(folder: Path, sources: list[str | None], rows: int = NUM_ROWS) -> Path:
    """A log of ours and what its rows cost: each its own share of the mean, with a jitter of its own."""
    lines: list[dict[str, object]] = [{"step": 1, "loss": 3.0, "graded_tokens": 90}]
    lines += [{"step": 10 * place, "epoch": place, "eval_loss": loss} for place, loss in enumerate(CURVE, 1)]
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    head = {
        "ids": [f"r{row}" for row in range(rows)], "sources": sources,
        "content_tokens": [row + 1 for row in range(rows)], "template_tokens": [4] * rows,
    }  # fmt: skip
    costs = [
        {"step": 10 * place, "template": [0.1] * rows,
         "content": [loss * (row + 1) * (1 + 0.01 * ((7 * row + place) % 5 - 2)) for row in range(rows)]}
        for place, loss in enumerate(CURVE, 1)
    ]  # fmt: skip
    (folder / "row_losses.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [head, *costs]))
    return folder / "log.jsonl"


def test_rows_are_read_beside_the_log_and_judged_by_source(tmp_path: Path) -> None:
    log = logs.read(write(tmp_path, [f"s{row // 2}" for row in range(NUM_ROWS)]))
    assert log.row_tokens == tuple(range(1, NUM_ROWS + 1))
    found = judged(log)
    assert (found.verdict, found.by_rows, found.num_sources, found.best_step) == (Verdict.OVERFITS, True, 12, 30)


def test_rows_of_few_sources_cannot_be_judged(tmp_path: Path) -> None:
    found = judged(logs.read(write(tmp_path, ["a"] * NUM_ROWS)))
    assert (found.verdict, found.why) == (Verdict.CANNOT_JUDGE, "few-rows")


@pytest.mark.parametrize("text", [
    "", "{}\n", "[]\n", "nothing\n", '{"ids": ["a"], "sources": [], "content_tokens": [1], "template_tokens": [1]}\n',
])  # fmt: skip
def test_a_bad_file_costs_the_rows_and_not_the_log(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, [None] * NUM_ROWS)
    (tmp_path / "row_losses.jsonl").write_text(text)
    found = logs.read(path)
    assert (found.row_sources, len(found.evaluations)) == (None, len(CURVE))
