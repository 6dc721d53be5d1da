"""`compare.html`: the verdict, the table, and the answers side by side, differences first."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from jobs.engines.pages.render import TEMPLATES as REPORTS
from jobs.logic.comparing.measures import FAULTS, SHARES, Seen, is_sound
from jobs.logic.comparing.verdict import Verdict
from jobs.logic.judging.pairs import Pair
from jobs.logic.pages.amounts import count, score
from jobs.logic.parity.behaviour import Signs
from jobs.logic.text.seen import pieces

TEMPLATES = Path(__file__).parent / "templates"
MOST_SHOWN = 500
"""Rows; `answers.jsonl` has all."""
Table = Sequence[tuple[str, str, str, str, str]]


def html(
    names: tuple[str, str], verdict: Verdict, table: Table, notes: Sequence[str], seen: Sequence[Seen],
    pairs: Sequence[Pair], preferred: dict[str, str],
) -> str:  # fmt: skip
    """The page; `preferred` are the words for what a judge said of a pair, by id."""
    prompts = {pair.id: pair.prompt for pair in pairs}
    differing = sorted((one for one in seen if not one.same), key=_rank)
    page: dict[str, Any] = {
        "names": names,
        "word": verdict.word,
        "sentence": verdict.sentence,
        "table": table,
        "notes": notes,
        "rows": [_shown(one, names, prompts[one.row.id], preferred) for one in differing[:MOST_SHOWN]],
        "num_differing": count(len(differing), "row"),
        "num_hidden": len(differing[MOST_SHOWN:]),
        "same": [one.row.id for one in seen if one.same],
        "num_same": count(sum(one.same for one in seen), "row"),
    }
    return _environment().get_template("compare.html.jinja").render(page=page)


def _rank(one: Seen) -> tuple[bool, float]:
    """First where one is sound and the other not, then by how far their agreement with the reference parts."""
    alike = is_sound(one.first_signs) == is_sound(one.second_signs)
    return alike, -abs(one.first_signs.agreement - one.second_signs.agreement)


def _shown(one: Seen, names: tuple[str, str], prompt: Sequence[Any], preferred: dict[str, str]) -> dict[str, Any]:
    return {
        "id": one.row.id,
        "prompt": [(turn.role, turn.content) for turn in prompt],
        "reference": one.row.reference,
        "judge": preferred.get(one.row.id, ""),
        "answers": [
            {"name": name, "text": answer.text, "faults": _faults(signs), "agreement": score(signs.agreement)}
            for name, answer, signs in zip(
                names, (one.first, one.second), (one.first_signs, one.second_signs), strict=True
            )
        ],
    }


def _faults(found: Signs) -> list[str]:
    said = {"loop": "loops", "repeat": "repeats signs", "empty": "empty", "markup": "leaks markup"}
    words = [said.get(name, SHARES[name]) for name in FAULTS if getattr(found, name)]
    return [*(["does not end"] if not found.stopped else []), *words]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader([TEMPLATES, REPORTS]), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["seen"] = _seen
    return environment


def _seen(text: str) -> Markup:
    """What cannot be seen made visible, as in the report."""
    return Markup("").join(
        Markup('<span class="code">{}</span>').format(said) if hidden else escape(said) for said, hidden in pieces(text)
    )
