"""Which of several types is recommended."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.logic.pages.advice import choices, drawn, recommended, rows, sentence

NAN = float("nan")
SIZES = {"Q8_0": 700_000_000, "Q4_K_M": 400_000_000, "Q2_K": 300_000_000}
LOW = {"Q8_0": 0.995, "Q4_K_M": 0.96, "Q2_K": 0.81}


def found(low: dict[str, float] | None = None, stops: dict[str, float] | None = None) -> list[Any]:
    ships = [{"type": name, "num_bytes": size} for name, size in SIZES.items()]
    parities = [
        {"artifact": name, "retention": least + 0.01, "retention_low": least}
        for name, least in {**LOW, **(low or {}), "merged": 1.0}.items()
    ]
    behaviours = [
        {"model": name, "prompt": prompt, "stop_rate": (stops or {}).get(name, 1.0) if prompt == "default" else 1.0}
        for name in SIZES
        for prompt in ("default", "no_thinking")
    ]
    return choices(ships, parities, behaviours)


@pytest.mark.parametrize(
    ("low", "stops", "best"),
    [
        ({}, {}, "Q4_K_M"),
        ({"Q2_K": 0.95}, {}, "Q2_K"),
        ({}, {"Q4_K_M": 0.98}, "Q8_0"),
        ({"Q4_K_M": NAN}, {}, "Q8_0"),
        ({}, {"Q4_K_M": NAN}, "Q8_0"),
        ({"Q4_K_M": 0.9, "Q8_0": 0.9}, {}, None),
    ],
)
def test_the_smallest_that_keeps_and_stops_enough(
    low: dict[str, float], stops: dict[str, float], best: str | None
) -> None:
    one = recommended(found(low, stops), 0.95, 0.99)
    assert (one.type if one else None) == best


def test_it_is_said_why() -> None:
    said = sentence(found(), 0.95, 0.99)
    assert said.startswith("Take Q4_K_M: at 400.0 MB the smallest of 3 that keeps at least 95")
    assert "96" in said
    none = sentence(found({"Q4_K_M": 0.9, "Q8_0": 0.9}), 0.95, 0.99)
    assert none.startswith("Of 3 types none keeps at least 95")
    assert sentence(found()[:1], 0.95, 0.99) == ""


def test_the_table_goes_from_small_to_large() -> None:
    table = rows(found(), recommended(found(), 0.95, 0.99))
    assert [(row[0], row[-1]) for row in table] == [("Q2_K", ""), ("Q4_K_M", "recommended"), ("Q8_0", "")]
    lines = drawn(found())
    assert len({len(line) for line in lines}) == 1
    assert [line.split()[0] for line in lines] == ["type", "Q2_K", "Q4_K_M", "Q8_0"]
    assert drawn(found()[:1]) == []


def test_what_was_not_measured_is_left_out() -> None:
    assert choices([{"type": "Q4_0", "num_bytes": 1}], [], []) == []
