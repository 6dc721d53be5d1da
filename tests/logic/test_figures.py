"""Figures: valid SVG, the same bytes for the same numbers, text that cannot become markup, NaN that breaks nothing."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest

from jobs.logic.figures import Interval, Series, bars, intervals, lines, ticks
from jobs.logic.text_seen import seen

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
