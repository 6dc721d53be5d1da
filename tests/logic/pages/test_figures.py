"""Figures: valid SVG, the same bytes for the same numbers, text that cannot become markup, NaN that breaks nothing."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest

from jobs.logic.pages.figures import Interval, Segment, Series, Side, bars, compared, intervals, lines, strip, ticks
from jobs.logic.text.seen import seen

NAN = math.nan


@pytest.mark.parametrize(
    ("low", "high", "count", "expected"),
    [
        (0, 10, 5, [0, 2, 4, 6, 8, 10]),
        (0.9, 1.0, 4, [0.9, 0.95, 1.0]),
        (-0.5, 1, 3, [-0.5, 0, 0.5, 1]),
        (3, 3, 4, [3]),
    ],
)
def test_ticks_are_round(low: float, high: float, count: int, expected: list[float]) -> None:
    assert ticks(low, high, count) == pytest.approx(expected)


def test_intervals_mark_what_falls_short() -> None:
    rows = [
        Interval("F16", 0.9999, 0.9998, 1.0, 0.995, "99.99%"),
        Interval("Q4_K_M", 0.93, 0.89, 0.95, 0.9, "93.00%"),
        Interval("Q2_K", NAN, NAN, NAN, 0.9, "not a number"),
        Interval("<b>", -0.4, -0.5, -0.3, None, "-40%"),
    ]
    root = ElementTree.fromstring(intervals(rows, "retention", 0.9, 1.0, True))
    said = {element.text: element.get("class") for element in root.iter("text")}
    assert said["99.99%"] == "said good"
    assert said["93.00%"] == "said bad"
    assert said["not a number"] == "said bad"
    assert "<b>" in said
    assert "nan" not in ElementTree.tostring(root, encoding="unicode")


def test_lines_break_at_nan_and_mark_the_chosen_step() -> None:
    text = lines([Series("loss", "train", [(1, 2.0), (2, NAN), (3, 1.0), (4, 0.5)])], 3, "step 3", "step", "nats")
    root = ElementTree.fromstring(text)
    assert len(root.findall(".//polyline")) == 2
    assert "step 3" in [element.text for element in root.iter("text")]


def test_lines_without_a_number_are_nothing() -> None:
    assert lines([Series("loss", "train", [(1, NAN)])], None, "", "step", "nats") == ""


def test_bars_are_deterministic_and_show_the_limit() -> None:
    text = bars([0, 32, 64, 96], [3, 0, 1], 64, "tokens", "limit 64")
    assert text == bars([0, 32, 64, 96], [3, 0, 1], 64, "tokens", "limit 64")
    root = ElementTree.fromstring(text)
    assert len(root.findall("rect")) == 2
    assert "limit 64" in [element.text for element in root.iter("text")]


def test_compared_draws_areas_that_are_shares() -> None:
    sides = [Side("train", "train", [10, 20, 0, 10]), Side("validation", "val", [1, 2, 0, 1])]
    text = compared([1, 2, 4, 16, 32], sides, "characters")
    root = ElementTree.fromstring(text)
    drawn = [one for one in root.iter("rect") if one.get("class") == "bar train"]
    areas = [float(one.get("height", "")) * (float(one.get("width", "")) + 1) for one in drawn]
    assert [area / sum(areas) for area in areas] == pytest.approx([0.25, 0.5, 0.0, 0.25], abs=0.01)
    assert [one.findtext("title") for one in drawn][1:3] == [
        "2 to 3 characters: train 20, validation 2",
        "4 to 15 characters: train 0, validation 0",
    ]
    numbers = [one.text for one in root.iter("text") if one.get("class") == "tick"]
    assert {"1", "2", "5", "10", "20"} <= set(numbers)
    # The same distribution twice: the outline runs along the tops of the bars.
    outline = next(root.iter("polyline")).get("points", "")
    assert all(str(one.get("y")) in outline for one in drawn)


@pytest.mark.parametrize(
    ("edges", "train", "val", "bars_drawn"),
    [
        ([6, 7], [1], [0], 1),
        ([0, 2, 9], [3, 1], [0, 1], 2),
        ([0, 1], [0], [0], 0),
        ([5, 9, 100_000], [0, 0], [4, 1], 2),
    ],
)
def test_compared_draws_what_there_is(edges: list[int], train: list[int], val: list[int], bars_drawn: int) -> None:
    text = compared(edges, [Side("train", "train", train), Side("validation", "val", val)], "characters")
    assert text.count('<rect class="bar') == bars_drawn
    assert "nan" not in text
    assert "inf" not in text
    assert bool(text) == bool(bars_drawn)


def test_a_strip_shows_what_is_hardly_there_and_stays_inside() -> None:
    root = ElementTree.fromstring(
        strip([Segment("left", 0, 999_999), Segment("dropped", 999_999, 10**6), Segment("none", 5, 5)], 10**6)
    )
    assert [(one.get("class"), one.get("x"), one.get("width")) for one in root] == [
        ("left", "0", "1000"),
        ("dropped", "996", "4"),
    ]
    assert len(ElementTree.fromstring(strip([Segment("left", 0, 0)], 0))) == 0


def test_whoever_cannot_see_a_figure_is_told_of_it() -> None:
    drawn = [
        bars([0, 32, 64], [3, 1], 40, "tokens", "limit 40"),
        lines([Series("loss", "train", [(1, 2.0), (2, NAN), (3, 0.5)])], None, "", "step", "nats"),
        intervals([Interval("F16", 1.0, 1.0, 1.0, None, "100%")], "retention", 0.9, 1.0, True),
        compared([1, 2], [Side("<train>", "train", [4])], "characters"),
    ]
    told = [(root.findtext("title"), root.findtext("desc")) for root in map(ElementTree.fromstring, drawn)]
    assert told == [
        ("histogram of tokens", "4 rows, at most 3 in a bar; limit 40"),
        ("nats over step", "loss from 2 to 0.5"),
        ("retention", "F16 100%"),
        ("histogram of characters", "<train> 4 rows"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\tb\nc", "a\tb\nc"),
        ("\x1b[2J", "‹U+001B›[2J"),
        ("\u200b", "‹U+200B›"),
        ("👩‍👧", "👩‍👧"),
        ("\ud800", "‹U+D800›"),
        ("が", "が"),
    ],
)
def test_hidden_characters_are_seen(text: str, expected: str) -> None:
    assert seen(text) == expected
