"""Blind sheets of comparisons and of judges, written with their keys."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path

from jobs.core import terminal
from jobs.engines.comparing.places import are_same
from jobs.engines.comparing.sheet_page import KEY, write as write_page
from jobs.logic.comparing.options import AUTO, Options
from jobs.logic.comparing.sheet import BadKey, drawn, read_key, telling
from jobs.logic.comparing.votes import Choice
from jobs.logic.judging.pairs import Judged, Pair
from jobs.logic.pages.amounts import count
from jobs.logic.text.language import KANA_SIGN

TITLES = {"ja": "どちらの回答がよいですか", "en": "Which answer is better?"}


def write(pairs: Sequence[Pair], called: tuple[str, str], asked: Options, folder: Path, final: Path) -> int:
    """`sheet.html` and its key in `folder`, which will be `final`; returns how many pairs it has.

    Where `final` is of the same comparison, its sheet stays the same, for votes on it may be under way. Another
    comparison draws a seed of its own: nobody knows its sides by an old key.
    """
    how = asked.sheet
    spoken = language(pairs) if how.language == AUTO else how.language
    title = TITLES[spoken] if how.title == AUTO else how.title
    seed = (_seed_there(final, folder) or secrets.token_hex(16)) if how.seed == AUTO else how.seed
    sheet = drawn(pairs, seed, title, spoken, called, how.pairs)
    if not sheet.key.pairs:
        terminal.say("no blind sheet: all answers are the same on both sides")
        return 0
    write_page(sheet, folder)
    words = [word for name in called for word in name.split()]
    for name, number in telling(pairs, [*words, *called]).items():
        terminal.say(f"note: {count(number, 'answer')} hold the word {name!r}, which may tell a side")
    return len(sheet.key.pairs)


def language(pairs: Sequence[Pair]) -> str:
    """`ja` where most prompts have kana, else `en`."""
    japanese = sum(any(KANA_SIGN.search(turn.content) for turn in pair.prompt) for pair in pairs)
    return "ja" if 2 * japanese > len(pairs) else "en"


def choice_of(judged: Judged) -> Choice | None:
    """What a judge holds of a pair, as people choose; a flip is a tie."""
    found: dict[str, Choice] = {"win": "first", "loss": "second", "tie": "tie", "flip": "tie"}
    return found.get(judged.outcome)


def _seed_there(there: Path, folder: Path) -> str | None:
    """The seed of the key in `there`; None where it has none, or is of another comparison than `folder`."""
    try:
        return read_key((there / KEY).read_bytes()).seed if are_same(there, folder) else None
    except (OSError, BadKey):
        return None
