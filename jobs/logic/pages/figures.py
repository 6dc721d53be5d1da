"""Small figures as inline SVG: no library, no colour of their own, the same bytes for the same numbers.

Every mark has a class that the page's style sheet colours, so that one figure serves light, dark and paper. Text is
text, in the page's font. Widths are in units of a 440-wide drawing that scales to its column.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from jobs.logic.pages.amounts import Say, loss, number, percent

WIDTH = 440
STRIP, HAIR = 1000, 4
"""Of a bar in a table: its whole width, and what can still be seen of it."""


@dataclass(frozen=True)
class Series:
    """A line: `points` are (x, y); not-a-number breaks it."""

    name: str
    kind: str
    """CSS class of the line and of its label."""
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Interval:
    """A value with its interval and the least or most it may be."""

    label: str
    value: float
    low: float
    high: float
    limit: float | None
    said: str
    """The value in words and units, at the right edge."""


@dataclass(frozen=True)
class Side:
    """One of the sets whose distributions are compared."""

    name: str
    kind: str
    """CSS class of its marks."""
    counts: Sequence[int]
    """By bin."""


@dataclass(frozen=True)
class Segment:
    """A stretch of a strip, from `start` to `end`."""

    kind: str
    """CSS class."""
    start: float
    end: float


def strip(segments: Sequence[Segment], whole: float) -> str:
    """A bar without words, for a table that has them: it fills its cell, whose width is `whole`.

    A segment that is not empty is at least a hair wide.
    """
    parts = []
    for one in segments:
        start, end = (STRIP * min(max(place / (whole or 1), 0.0), 1.0) for place in (one.start, one.end))
        if one.end > one.start:
            size = max(end - start, HAIR)
            parts.append(_tag("rect", "", cls=one.kind, x=min(start, STRIP - size), y=0, width=size, height=10))
    return (
        f'<svg class="strip" viewBox="0 0 {STRIP} 10" preserveAspectRatio="none" aria-hidden="true">'
        f"{''.join(parts)}</svg>"
    )


def compared(edges: Sequence[int], sides: Sequence[Side], unit: str) -> str:
    """Histograms of one quantity on a logarithmic scale, each side as a whole: the first as bars, others as outlines.

    Bin `i` holds `edges[i]` to `edges[i + 1] - 1`. Areas are shares: bins between whole numbers are not equally wide,
    and heights alone would draw their widths.
    """
    shown = [side for side in sides if any(side.counts)]
    if not shown:
        return ""
    height, left, bottom, top = 206, 4, 166, 32
    places = [math.log(max(edge, 0.5)) for edge in edges]
    heights = {side.name: _densities(side.counts, places) for side in shown}
    middle, half = (places[0] + places[-1]) / 2, max((places[-1] - places[0]) / 2 + 0.1, math.log(4) / 2)
    x = _scale(middle - half, middle + half, left, WIDTH - 10)
    y = _scale(0, max(map(max, heights.values())), bottom, top)
    parts = [_tag("line", "", cls="grid", x1=left, x2=WIDTH - 10, y1=bottom, y2=bottom)]
    for i, density in enumerate(heights[shown[0].name]):
        start, end, place = x(places[i]), x(places[i + 1]), y(density)
        said = ", ".join(f"{side.name} {side.counts[i]:,}" for side in shown)
        title = f"{_between(edges[i], edges[i + 1] - 1)} {unit}: {said}"
        size = {"x": start, "y": place, "width": max(end - start - 1, 0.5), "height": bottom - place}
        parts.append(_tag("rect", title, cls=f"bar {shown[0].kind}", **size))
    for side in shown[1:]:
        found = heights[side.name]
        steps = [(places[i + step], density) for i, density in enumerate(found) for step in (0, 1)]
        outline = [(places[0], 0.0), *steps, (places[-1], 0.0)]
        parts += [_tag("polyline", side.name, cls=f"line {side.kind}", points=run) for run in _runs(outline, x, y)]
    parts += _round_numbers(middle - half, middle + half, x, bottom + 16)
    parts += [_text(WIDTH - 10, bottom + 34, unit, "end", "axis"), *_legend(shown, left)]
    said = ", ".join(f"{side.name} {sum(side.counts):,} rows" for side in shown)
    return _svg(height, f"histogram of {unit}", parts, said)


def _densities(counts: Sequence[int], places: Sequence[float]) -> list[float]:
    """The share in each bin for its width."""
    return [n / sum(counts) / (high - low) for n, low, high in zip(counts, places, places[1:], strict=False)]


def _between(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _round_numbers(low: float, high: float, x: Scale, y: float) -> Iterator[str]:
    """Whole numbers under a logarithmic axis from `low` to `high`, the roundest first, as many as have room."""
    taken: list[tuple[float, float]] = []
    for first in (1, 5, 2, 3, 4, 6, 7, 8, 9):
        for power in range(max(math.floor(high / math.log(10)) + 1, 0)):
            number = first * 10**power
            if not low <= math.log(number) <= high:
                continue
            place, half = x(math.log(number)), 3.6 * len(f"{number:,}") + 5
            if all(place + half <= start or place - half >= end for start, end in taken):
                taken.append((place - half, place + half))
                yield _text(place, y, f"{number:,}", "middle")


def _legend(sides: Sequence[Side], left: float) -> Iterator[str]:
    """Names with a swatch each, in a row at the top."""
    for side in sides:
        name = f"{side.name} {sum(side.counts):,}"
        yield _tag("rect", "", cls=f"swatch {side.kind}", x=left, y=5, width=10, height=10)
        yield _text(left + 15, 14, name, "start", f"name {side.kind}")
        left += 15 + 7 * len(name) + 16


def bars(edges: Sequence[float], counts: Sequence[int], limit: float | None, unit: str, limit_name: str) -> str:
    """A histogram: `counts[i]` lies between `edges[i]` and `edges[i + 1]`; a line at `limit`."""
    height, left, bottom, top = 220, 38, 180, 26
    x = _scale(edges[0], edges[-1], left, WIDTH - 10)
    most = max([*counts, 1])
    y = _scale(0, most, bottom, top)
    parts = [_grid(tick, y(tick), left, f"{tick:,.0f}") for tick in ticks(0, most, 4) if tick == int(tick)]
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        if count:
            size = {
                "x": x(low) + 0.75,
                "y": y(count),
                "width": max(x(high) - x(low) - 1.5, 1),
                "height": bottom - y(count),
            }
            parts.append(_tag("rect", f"{low:g} to {high:g} {unit}: {count}", cls="bar", **size))
    parts += [_text(x(tick), bottom + 16, f"{tick:,.0f}", "middle") for tick in ticks(edges[0], edges[-1], 6)]
    parts.append(_text(WIDTH - 10, bottom + 34, unit, "end", "axis"))
    if limit is not None and edges[0] <= limit <= edges[-1]:
        parts += _limit(x(limit), top - 8, bottom, limit_name)
    said = f"{sum(counts):,} rows, at most {max(counts, default=0):,} in a bar; {limit_name}"
    return _svg(height, f"histogram of {unit}", parts, said)


def lines(series: Sequence[Series], marked: float | None, mark_name: str, x_name: str, y_name: str) -> str:
    """Curves over a shared axis, each named at its end, with a vertical line at `marked`."""
    shown = [one for one in series if any(_finite(point) for point in one.points)]
    if not shown:
        return ""
    every = [point for one in shown for point in one.points if _finite(point)]
    height, left, bottom, top, right = 260, 38, 216, 28, WIDTH - 96
    x = _scale(min(p[0] for p in every), max(p[0] for p in every), left, right)
    high = max(p[1] for p in every)
    low = min(0.0, min(p[1] for p in every))
    y = _scale(low, high, bottom, top)
    parts = [_grid(tick, y(tick), left, f"{tick:g}", right) for tick in ticks(low, high, 5)]
    parts += [
        _text(x(tick), bottom + 16, f"{tick:,.0f}", "middle")
        for tick in ticks(min(p[0] for p in every), max(p[0] for p in every), 5)
    ]
    parts += [_text(right, bottom + 34, x_name, "end", "axis"), _text(left, 12, y_name, "start", "axis")]
    if marked is not None:
        parts += _limit(x(marked), top - 6, bottom, mark_name, "chosen")
    for one in shown:
        parts += [_tag("polyline", one.name, cls=f"line {one.kind}", points=run) for run in _runs(one.points, x, y)]
        if len(one.points) <= 40:
            parts += [
                _tag("circle", "", cls=f"dot {one.kind}", cx=x(p[0]), cy=y(p[1]), r=2.2)
                for p in one.points
                if _finite(p)
            ]
    ends = [(y(_ends(one)[1]), one) for one in shown]
    for place, one in _apart(ends, 15):
        parts.append(_text(right + 8, place + 4, one.name, "start", f"name {one.kind}"))
    said = ", ".join(f"{one.name} from {loss(_ends(one)[0])} to {loss(_ends(one)[1])}" for one in shown)
    return _svg(height, f"{y_name} over {x_name}", parts, said)


def intervals(rows: Sequence[Interval], name: str, low: float, high: float, as_percent: bool) -> str:
    """One row each: a dot at the value, a bar over its interval, a tick at its limit; at least from `low` to `high`."""
    if not rows:
        return ""
    step, top, left, right = 34, 30, 84, WIDTH - 128
    values = [
        v for row in rows for v in (row.value, row.low, row.high, row.limit) if v is not None and math.isfinite(v)
    ]
    x = _scale(min([low, *values]), max([high, *values]), left, right)
    bottom = top + step * len(rows)
    parts = []
    for tick in ticks(min([low, *values]), max([high, *values]), 4):
        parts.append(_tag("line", "", cls="grid", x1=x(tick), x2=x(tick), y1=top - 8, y2=bottom - 8))
        parts.append(_text(x(tick), bottom + 10, f"{tick * 100:g}%" if as_percent else f"{tick:g}", "middle"))
    for i, row in enumerate(rows):
        parts += _interval(row, x, top + step * i + step / 2 - 8, left, percent if as_percent else number)
    return _svg(bottom + 22, name, parts, ", ".join(f"{row.label} {row.said}" for row in rows))


def _interval(row: Interval, x: Scale, y: float, left: float, say: Say) -> list[str]:
    good = row.limit is None or (row.low if math.isfinite(row.low) else row.value) >= row.limit
    kind = "good" if good else "bad"
    parts = [_text(left - 12, y + 4, row.label, "end", "label"), _text(WIDTH, y + 4, row.said, "end", f"said {kind}")]
    if row.limit is not None:
        parts.append(
            _tag("line", f"limit {say(row.limit)}", cls="limit", x1=x(row.limit), x2=x(row.limit), y1=y - 11, y2=y + 11)
        )
    if math.isfinite(row.value):
        if math.isfinite(row.low) and math.isfinite(row.high):
            parts.append(
                _tag(
                    "line",
                    f"{say(row.low)} to {say(row.high)}",
                    cls=f"whisker {kind}",
                    x1=x(row.low),
                    x2=x(row.high),
                    y1=y,
                    y2=y,
                )
            )
        parts.append(_tag("circle", row.said, cls=f"point {kind}", cx=x(row.value), cy=y, r=4.5))
    return parts


class Scale:
    """A linear map from values to places."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.start = low, start
        self.slope = (end - start) / ((high - low) or 1.0)

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) * self.slope


_scale = Scale


def ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round numbers between `low` and `high`."""
    if not high > low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    digits = max(0, -math.floor(math.log10(step)) + 1)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, digits) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _ends(one: Series) -> tuple[float, float]:
    """The first and the last value of a line."""
    values = [point[1] for point in one.points if _finite(point)]
    return values[0], values[-1]


def _runs(points: Sequence[tuple[float, float]], x: Scale, y: Scale) -> Iterable[str]:
    run: list[str] = []
    for point in [*points, (math.nan, math.nan)]:
        if _finite(point):
            run.append(f"{_number(x(point[0]))},{_number(y(point[1]))}")
        elif run:
            yield " ".join(run)
            run = []


def _apart(ends: Sequence[tuple[float, Series]], least: float) -> list[tuple[float, Series]]:
    """Places for labels in the order of the lines' ends, at least `least` from each other."""
    placed: list[tuple[float, Series]] = []
    for place, one in sorted(ends, key=lambda end: end[0]):
        above = placed[-1][0] + least if placed else -math.inf
        placed.append((max(place, above), one))
    return placed


def _grid(value: float, y: float, left: float, said: str, right: float = WIDTH - 10) -> str:
    return _tag("line", "", cls="grid", x1=left, x2=right, y1=y, y2=y) + _text(left - 8, y + 4, said, "end")


def _limit(x: float, top: float, bottom: float, name: str, kind: str = "limit") -> list[str]:
    anchor = "end" if x > WIDTH * 0.6 else "start"
    gap = -6 if anchor == "end" else 6
    return [_tag("line", name, cls=kind, x1=x, x2=x, y1=top, y2=bottom), _text(x + gap, top + 6, name, anchor, kind)]


def _finite(point: tuple[float, float]) -> bool:
    return math.isfinite(point[0]) and math.isfinite(point[1])


def _text(x: float, y: float, said: str, anchor: str, cls: str = "tick") -> str:
    return f'<text class="{cls}" x="{_number(x)}" y="{_number(y)}" text-anchor="{anchor}">{escape(said)}</text>'


def _tag(name: str, title: str, cls: str, **attributes: float | str) -> str:
    written = " ".join(f'{key}="{_number(v) if isinstance(v, int | float) else v}"' for key, v in attributes.items())
    return f'<{name} class="{cls}" {written}>{f"<title>{escape(title)}</title>" if title else ""}</{name}>'


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _svg(height: float, name: str, parts: Sequence[str], said: str) -> str:
    """The whole drawing; `name` and `said` are what somebody who cannot see it is told."""
    return (
        f'<svg class="figure" viewBox="0 0 {WIDTH} {_number(height)}" role="img">'
        f"<title>{escape(name)}</title><desc>{escape(said)}</desc>{''.join(parts)}</svg>"
    )
