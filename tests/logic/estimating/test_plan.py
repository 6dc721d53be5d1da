from __future__ import annotations

import pytest

from jobs.logic.estimating.plan import Pass, planned
from jobs.logic.estimating.recipe import Rows, RowSize
from tests.logic.estimating.recipes import recipe


@pytest.mark.parametrize(
    ("on_cpu", "changes", "largest", "most"),
    [
        (False, {}, Pass(2000, 400), 2000),  # 16 rows of 500 in passes of 4 x 500
        (True, {}, Pass(2000, 400), 2000),
        (True, {"batch_size": 8, "gradient_accumulation": 2}, Pass(2000, 400), 2560),  # four equal parts
        (False, {"max_tokens_per_batch": 1000}, Pass(1000, 200), 1000),
        (False, {"max_tokens_per_batch": 100}, Pass(500, 100), 100),  # a row is never cut
        (False, {"padding": True}, Pass(2000, 400), 2000),
        (False, {"backend": "unsloth", "batch_size": 2, "gradient_accumulation": 8}, Pass(1000, 200), 1000),
        (False, {"num_processes": 4}, Pass(2000, 400), 2000),
    ],
)
def test_rows_of_one_length(on_cpu: bool, changes: dict[str, object], largest: Pass, most: int) -> None:
    asked = recipe("0.6B").trained_with(**changes)
    found = planned(asked.rows, asked.training, on_cpu)
    assert (found.largest, found.most_tokens) == (largest, most)
    assert (found.steps_per_epoch, found.num_steps) == (50, 150)
    assert found.num_evals == 1 + 13  # before the first step, then every 12 of 150
    assert found.tokens_computed == pytest.approx(3 * 800 * 500)


def test_padding_computes_the_longest_of_every_batch() -> None:
    uneven = Rows((RowSize(100, 10), RowSize(300, 10)) * 8, (RowSize(100, 10),), 16, 1)
    training = recipe("0.6B").training
    laid_out = planned(uneven, training, False)
    asked = recipe("0.6B").trained_with(padding=True).training
    padded = planned(uneven, asked, False)
    assert laid_out.tokens_computed == pytest.approx(3 * 3200)
    assert padded.tokens_computed > 1.3 * laid_out.tokens_computed
    assert padded.largest.tokens == 1200


def test_no_rows_make_no_pass() -> None:
    found = planned(Rows((), (), 0, 0), recipe("0.6B").training, False)
    assert (found.passes, found.largest) == ((), Pass(0, 0))
