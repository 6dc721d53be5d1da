"""Per-token lines and what they add up to."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from jobs.engines.gguf.llama import Scores
from jobs.logic.parity.rows import as_lines, parities, token_mean

IDS, SIZES = ["a", "b", "c"], [3, 1, 4]


def scores(kl: list[float], nll: float = 0.5) -> Scores:
    return Scores(np.array(kl), np.array([one < 0.2 for one in kl]), np.full(len(kl), nll))


def lines(**kls: list[float]) -> list[dict[str, Any]]:
    return as_lines(
        IDS, SIZES, np.full(8, 0.25), {"base": scores([1.0] * 8, 2.0), **{name: scores(kl) for name, kl in kls.items()}}
    )


def test_lines_survive_json_to_nine_digits() -> None:
    found = lines(F16=[math.pi / 10] * 8, noise=[0.1, 0.2, 0.3])
    again = json.loads(json.dumps(found, allow_nan=False))
    assert again == found
    assert again[0]["kl"]["F16"] == [0.314159265] * 3
    assert again[0]["kl"]["noise"] == [0.1, 0.2, 0.3]
    assert "noise" not in again[1]["kl"]
    assert again[2]["same_top"] == {"base": 0, "F16": 0}
    assert again[2]["nll"] == {"reference": 1.0, "base": 8.0, "F16": 2.0}


def test_parities_add_up() -> None:
    one = parities(lines(F16=[0.1] * 4 + [0.3] * 4), ["merged", "F16"], 500, 1)
    assert [found["artifact"] for found in one] == ["F16"]
    found = one[0]
    assert (found["num_rows"], found["num_tokens"], found["nonfinite"]) == (3, 8, 0)
    assert found["kl_mean"] == pytest.approx(0.2)
    assert found["retention"] == pytest.approx(0.8)
    assert found["retention_low"] == pytest.approx(0.7)
    assert found["retention_high"] == pytest.approx(0.9)
    assert found["same_top"] == 0.5
    assert found["nll"] == pytest.approx(0.5)


def test_a_number_that_is_none_poisons_the_whole() -> None:
    found = parities(lines(F16=[0.1, math.nan, *[0.1] * 6]), ["F16"], 500, 1)[0]
    assert found["nonfinite"] == 1
    assert all(math.isnan(found[what]) for what in ("kl_mean", "kl_p99", "retention", "retention_low"))
    assert math.isnan(token_mean(lines(F16=[math.inf] * 8), "F16", "kl"))


def test_a_row_that_lost_tokens_is_left_out() -> None:
    found = lines(F16=[0.1] * 8)
    found[2]["kl"]["F16"].pop()
    assert parities(found, ["F16"], 500, 1)[0]["num_rows"] == 2


def test_means() -> None:
    found = lines(noise=[0.1, 0.2, 0.3])
    assert token_mean(found, "noise", "kl") == pytest.approx(0.2)
    assert token_mean(found, "base", "nll") == pytest.approx(2.0)
    assert math.isnan(token_mean(found, "F16", "kl"))
    assert math.isnan(token_mean([], "base", "kl"))
