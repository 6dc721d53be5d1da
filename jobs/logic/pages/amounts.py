"""Every figure in words: a function for each kind of quantity, and no other place that rounds.

What is read from one value is the same in a rule's message, on a terminal, in the report and on the card, because how
many digits it has follows from the value alone. What is not all or nothing never reads as 100% or 0%, what is not zero
never as 0, and what is beyond its limit never as the limit: `beside` says both. `more` asks for that many digits more
than usual.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Protocol

MOST_PLACES = 4
"""Decimals after which a share is only said to be nearly all or nearly nothing."""
MOST_MORE = 340
"""Digits that tell any two floats apart."""


class Say(Protocol):
    """A kind of quantity in words."""

    def __call__(self, value: float, /, more: int = 0) -> str: ...


def percent(value: float, more: int = 0) -> str:
    """A share: `97.3%`, `99.98%`, `>99.9999%`; only what is exactly all or nothing is `100%` or `0%`."""
    return _unknown(value) or f"{_between(Decimal(value) * 100, 100, 1, more)}%"


def score(value: float, more: int = 0) -> str:
    """A measure from 0 to 1 that is no share of anything, such as ROUGE-L: `0.630`."""
    return _unknown(value) or _between(Decimal(value), 1, 3, more)


def number(value: float, more: int = 0, digits: int = 3) -> str:
    """Up to `digits` significant digits, or all before the point, without zeros at the end: `0.412`, `2`, `9.1e-7`."""
    if _unknown(value) or value == 0:
        return _unknown(value) or "0"
    digits += more
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    power = int(exponent)
    if -3 <= power < 6:
        return _short(f"{value:,.{max(digits - 1 - power, 0)}f}")
    return f"{_short(mantissa)}e{power}"


def nats(value: float, more: int = 0) -> str:
    """A divergence, an effect or a gap, in nats a token."""
    return number(value, more)


def loss(value: float, more: int = 0) -> str:
    """A mean loss in nats a token, of which small differences count: `2.714`."""
    return number(value, more, 4)


def relative(value: float, more: int = 0) -> str:
    """A relative error or difference."""
    return number(value, more)


def learning_rate(value: float, more: int = 0) -> str:
    """A learning rate, or one times an effective scale: `2e-4`."""
    return number(value, more)


def mark(value: float, more: int = 0) -> str:
    """A mean of marks from 1 to 5: `4.25`."""
    return _unknown(value) or _short(f"{value:.{2 + more}f}")


def p_value(value: float, more: int = 0) -> str:
    """The probability of a test: `0.032`, `1e-5`."""
    return number(value, more, 2)


def size(num_bytes: float, more: int = 0) -> str:
    """Bytes for people: `2.38 GB`, `396.7 MB`."""
    for factor, unit, places in ((1e9, "GB", 2), (1e6, "MB", 1), (1e3, "kB", 1)):
        if round(num_bytes / factor * 1000, 1) >= 1000:
            return f"{num_bytes / factor:,.{places + more}f} {unit}"
    return count(num_bytes, "byte")


def seconds(value: float, more: int = 0) -> str:
    """How long something took: `12.3 s`."""
    return _unknown(value) or f"{value:,.{1 + more}f} s"


def usd(value: float | None, more: int = 0) -> str:
    """Money in US dollars: `$12.40`, `$0.42`, `$0.0031`; `unknown` where nobody knows the price, which is not $0."""
    if value is None:
        return "unknown"
    return _unknown(value) or (
        f"${value:,.{2 + more}f}" if value >= 0.1 or value == 0 else f"${number(value, more, 2)}"
    )


def count(found: float, noun: str = "") -> str:
    """A count, with its noun where there is one: `1,124 rows`, `1 row`."""
    return f"{found:,.0f} {noun}{'' if found == 1 else 's'}" if noun else f"{found:,.0f}"


def round_above(value: float, decimals: int = 0) -> str:
    """A cap that holds `value`, to be typed: at most two significant digits, rounded up: 231 is `240`, 0.412 `0.42`."""
    least = Decimal(1).scaleb(-decimals)
    step = max(Decimal(1).scaleb(Decimal(value).adjusted() - 1), least) if value else least
    return f"{max(Decimal(value), least).quantize(step, ROUND_CEILING):f}"


def signed(value: float, say: Say = number, more: int = 0) -> str:
    """A difference, with its sign."""
    return f"+{say(value, more)}" if value > 0 else say(value, more)


def score_gain(value: float, more: int = 0) -> str:
    """A difference of two scores: `+0.012`."""
    return signed(value, score, more)


def part(found: int, whole: int) -> str:
    """`found` as a percentage of `whole`; nothing where there is no whole."""
    return percent(found / whole) if whole else ""


def share(found: int, whole: int) -> float:
    """`found` of `whole`; not a number where there is no whole, so that no limit passes."""
    return found / whole if whole else math.nan


def beside(value: float, limit: float, say: Say = percent) -> tuple[str, str]:
    """A value and the limit that it was judged by, in words: both as anywhere else, with more digits where the two
    would read the same and are not.
    """
    more = 0
    while value != limit and more < MOST_MORE and say(value, more) == say(limit, more):
        more += 1
    shown = say(limit, more)
    return say(value, more), next(text for n in range(more + 1) if _bare(text := say(limit, n)) == _bare(shown))


def kind(name: str, value: float) -> Say:
    """How a fact or a limit is said, by what its name ends in or, failing that, by its type."""
    words = name.replace("_", " ").split() or [""]
    for ending, say in KINDS.items():
        if ending.split() == words[-len(ending.split()) :]:
            return say
    return plain if isinstance(value, int) else number


def plain(value: float, more: int = 0) -> str:
    """A whole number."""
    return count(value)


def by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """What there is any of, the most first, equal ones by name."""
    return sorted(((name, found) for name, found in counts.items() if found), key=lambda item: (-item[1], item[0]))


KINDS: dict[str, Say] = {
    **dict.fromkeys(
        ("rate", "share", "retention", "retention low", "retention high", "same top", "overlap", "own", "other"),
        percent,
    ),
    **dict.fromkeys(("same text", "overlap gain", "improvement", "validation rise"), percent),
    **dict.fromkeys(("agreement", "agreement gain", "agreement loss"), score),
    **dict.fromkeys(("loss", "nll"), loss),
    **dict.fromkeys(("kl", "kl mean", "kl p99", "effect", "noise", "gap", "gap low", "gap high"), nats),
    **dict.fromkeys(("p value", "p"), p_value),
    **dict.fromkeys(("score",), mark),
    **dict.fromkeys(("usd",), usd),
    **dict.fromkeys(("bytes",), size),
}
"""Ends of names to what they are the names of, longer ones after those that they end in too."""


def _unknown(value: float) -> str:
    """What is no finite number, in words."""
    if math.isnan(value):
        return "not a number"
    return ("infinite" if value > 0 else "minus infinite") if math.isinf(value) else ""


def _between(value: Decimal, whole: int, places: int, more: int) -> str:
    """A value on a scale from 0 to `whole`, whose ends are said where they are reached, and only there."""
    if value in (0, whole):
        return f"{value:.0f}"
    most = max(places, MOST_PLACES) + more
    for digits in range(places + more, most + 1):
        text = f"{value:,.{digits}f}"
        if Decimal(text.replace(",", "")) not in (0, whole):
            return text
    step = Decimal(10) ** -most
    if value < 0 or value > whole:
        return "<0" if value < 0 else f">{whole}"
    return f"<{step:.{most}f}" if value * 2 < whole else f">{whole - step:.{most}f}"


def _short(text: str) -> str:
    """Without zeros at the end of its decimals."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def _bare(text: str) -> str:
    """What a figure says, however many zeros stand at its end."""
    return re.sub(r"(\.\d*?)0+(?=\D|$)", r"\1", text).replace(".%", "%").rstrip(".")
