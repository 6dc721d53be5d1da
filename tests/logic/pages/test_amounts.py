"""Figures in words: one value reads one way, and never as what it is not."""

from __future__ import annotations

import math
import random
from decimal import Decimal

import pytest

from jobs.core import terminal
from jobs.logic.pages import amounts
from jobs.logic.pages.amounts import Say

KINDS: list[Say] = [
    amounts.percent, amounts.score, amounts.number, amounts.nats, amounts.loss, amounts.relative,
    amounts.learning_rate, amounts.p_value,
]  # fmt: skip
UNITS = {"%": 1, " bytes": 1, " byte": 1, " kB": 1e3, " MB": 1e6, " GB": 1e9}
NAN, INF = math.nan, math.inf


def read(text: str) -> Decimal:
    """The number that a figure says; a little beyond it where it says so."""
    unit = next((unit for unit in UNITS if text.endswith(unit)), "")
    bare = text.removesuffix(unit)
    value = Decimal(bare.lstrip("<>").replace(",", "")) * int(UNITS.get(unit, 1))
    return value + {"<": Decimal("-1e-9"), ">": Decimal("1e-9")}.get(bare[:1], 0)


@pytest.mark.parametrize(
    ("say", "value", "said"),
    [
        (amounts.percent, 0, "0%"), (amounts.percent, 1.0, "100%"), (amounts.percent, 0.9731, "97.3%"),
        (amounts.percent, 0.99977, "99.98%"), (amounts.percent, 0.99998, "99.998%"),
        (amounts.percent, 0.9999, "99.99%"),
        (amounts.percent, 1 - 1e-9, ">99.9999%"), (amounts.percent, 1e-9, "<0.0001%"), (amounts.percent, 5e-4, "0.1%"),
        (amounts.percent, 4e-4, "0.04%"), (amounts.percent, -0.4, "-40.0%"), (amounts.percent, 1.00001, "100.001%"),
        (amounts.percent, 1 + 1e-12, ">100%"), (amounts.percent, -1e-12, "<0%"), (amounts.percent, 12.5, "1,250.0%"),
        (amounts.percent, NAN, "not a number"), (amounts.percent, INF, "infinite"),
        (amounts.score, 0.63, "0.630"), (amounts.score, 0, "0"), (amounts.score, 1.0, "1"),
        (amounts.score, 0.00002, "<0.0001"), (amounts.score, NAN, "not a number"),
        (amounts.nats, 9.1e-7, "9.1e-7"), (amounts.nats, 0.41234, "0.412"), (amounts.nats, 1e-8, "1e-8"),
        (amounts.nats, 0, "0"), (amounts.nats, -0.00123, "-0.00123"), (amounts.nats, -INF, "minus infinite"),
        (amounts.loss, 2.7140, "2.714"), (amounts.loss, 0.81249, "0.8125"), (amounts.loss, 12.0, "12"),
        (amounts.number, 1234.56, "1,235"), (amounts.number, 2.5e7, "2.5e7"), (amounts.learning_rate, 2e-4, "2e-4"),
        (amounts.p_value, 0.00498, "0.005"), (amounts.p_value, 0.0312, "0.031"), (amounts.relative, 0.0712, "0.0712"),
        (amounts.size, 999, "999 bytes"), (amounts.size, 1, "1 byte"), (amounts.size, 310_000, "310.0 kB"),
        (amounts.size, 999_960, "1.0 MB"), (amounts.size, 396_705_472, "396.7 MB"), (amounts.size, 2.384e9, "2.38 GB"),
        (amounts.seconds, 12.34, "12.3 s"), (amounts.seconds, NAN, "not a number"),
    ],
)  # fmt: skip
def test_a_figure_in_words(say: Say, value: float, said: str) -> None:
    assert say(value) == said


@pytest.mark.parametrize(
    ("value", "decimals", "typed"),
    [(231, 0, "240"), (230, 0, "230"), (7, 0, "7"), (0.4, 0, "1"), (1_234_567, 0, "1300000"), (0.412, 2, "0.42"),
     (12.31, 2, "13"), (0.0004, 2, "0.01"), (3.0, 2, "3.0"), (1e7, 0, "10000000"), (0, 2, "0.01")],
)  # fmt: skip
def test_a_cap_to_type_holds_its_value(value: float, decimals: int, typed: str) -> None:
    assert amounts.round_above(value, decimals) == typed
    assert Decimal(typed) >= Decimal(value)


def test_counts_and_parts() -> None:
    assert amounts.count(1124, "row") == "1,124 rows"
    assert amounts.count(1, "row") == "1 row"
    assert amounts.count(0, "row") == "0 rows"
    assert amounts.count(1_000_000) == "1,000,000"
    assert amounts.part(1, 3000) == "0.03%"
    assert amounts.part(1, 0) == ""
    assert math.isnan(amounts.share(1, 0))
    assert amounts.signed(0.012, amounts.score) == "+0.012"
    assert amounts.signed(-0.012, amounts.score) == "-0.012"


@pytest.mark.parametrize(
    ("value", "limit", "say", "said"),
    [
        (0.9998, 0.9999, amounts.percent, ("99.98%", "99.99%")),
        (0.999897, 0.9999, amounts.percent, ("99.9897%", "99.99%")),
        (0.0101, 0.01, amounts.percent, ("1.01%", "1.0%")),
        (0.0149, 0.01, amounts.percent, ("1.5%", "1.0%")),
        (0.01, 0.01, amounts.percent, ("1.0%", "1.0%")),
        (1 - 1e-9, 1, amounts.percent, (">99.9999%", "100%")),
        (1.0001e-8, 1e-8, amounts.nats, ("1.0001e-8", "1e-8")),
        (0.0199996, 0.02, amounts.score, ("0.0199996", "0.020")),
        (NAN, 0.9, amounts.percent, ("not a number", "90.0%")),
    ],
)
def test_a_value_beside_its_limit(value: float, limit: float, say: Say, said: tuple[str, str]) -> None:
    assert amounts.beside(value, limit, say) == said


def pairs() -> list[tuple[float, float]]:
    """Values and limits far from each other, near, and next to each other, of every size."""
    draw = random.Random(7)
    found = []
    for _ in range(3000):
        limit = draw.choice(
            [draw.random(), 10 ** draw.uniform(-14, 3), round(draw.random(), draw.randint(1, 5)), 0.0, 1.0]
        )
        gap = 10 ** draw.uniform(-16, 0)
        near = draw.choice([limit * (1 - gap), limit * (1 + gap), limit + gap, limit - gap, draw.random()])
        found.append((near, limit))
        found.append((math.nextafter(limit, draw.choice([-INF, INF])), limit))
    return found


@pytest.mark.parametrize("say", KINDS)
def test_what_is_beyond_a_limit_reads_beyond_it(say: Say) -> None:
    for value, limit in pairs():
        found, most = amounts.beside(value, limit, say)
        assert (found == most) == (value == limit), (value, limit)
        if found[0] not in "<>" and most[0] not in "<>":
            assert (read(found) > read(most)) == (value > limit), (value, limit, found, most)


@pytest.mark.parametrize("say", KINDS)
def test_a_figure_is_near_what_it_says_and_larger_values_read_no_smaller(say: Say) -> None:
    draw = random.Random(3)
    values = sorted(10 ** draw.uniform(-12, 1) for _ in range(2000))
    scale, most = {amounts.percent: (100, 0.05), amounts.score: (1, 0.0005)}.get(say, (1, 0.0))
    shown = [read(say(value)) for value in values]
    for text, value in zip(shown, values, strict=True):
        assert abs(float(text) - value * scale) <= max(most, 0 if most else 0.05 * value) * 1.001, (text, value)
    assert shown == sorted(shown)


@pytest.mark.parametrize("say", [amounts.percent, amounts.score])
def test_only_all_and_nothing_read_as_such(say: Say) -> None:
    draw = random.Random(5)
    ends = {say(0), say(1)}
    for _ in range(3000):
        far = 10 ** draw.uniform(-16, -1)
        assert not {say(far), say(1 - far) if 1 - far < 1 else "", say(1 + far) if 1 + far > 1 else ""} & ends, far


@pytest.mark.parametrize("num_bytes", [0, 1, 999, 1000, 310_000, 999_949, 999_950, 5_000_000, 2_384_234_968])
def test_sizes_read_the_same_on_the_floor_below(num_bytes: int) -> None:
    assert terminal.size(num_bytes) == amounts.size(num_bytes)
    assert terminal.seconds(num_bytes / 7) == amounts.seconds(num_bytes / 7)
