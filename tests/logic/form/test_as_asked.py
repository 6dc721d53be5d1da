"""What an answer is like because its prompt asks for it is no trait of the set."""

from __future__ import annotations

import pytest

from jobs.logic.form import as_asked, departures, features
from jobs.logic.form.departures import REASONS
from jobs.logic.row import Message, Row
from tests.logic.form.test_mixed_tasks import OPTIONS

NOUNS = ("moth", "sundial", "quince", "luthier", "basil", "harbour", "tide", "fern", "wax", "map", "loom", "kiln")
ASKED = [
    ("Give three tips for {}.", "1. {}\n2. Air\n3. Rest"),
    ("Suggest five uses of a {}, in bullet points.", "- Light\n- Shade"),
    ("Write an invitation to the {} party.", "🎉 Come and see the {}!"),
    ("Write a regular expression for a {}.", r"^{}\d+$"),
    ("Create a username with {}.", "the_{}_one"),
]
PLAIN = [
    ("What is a {}?", "1. {}\n2. Air\n3. Rest"),
    ("What is a {}?", "🎉 It is the {}!"),
    ("What is a {}?", "the_{}_one"),
]


def rows(pairs: list[tuple[str, str]]) -> list[Row]:
    every = [("What is a {}?", "An old thing"), ("Where is the {} kept?", "In the barn"), *pairs]
    filled = [(prompt.format(noun), answer.format(noun)) for noun in NOUNS for prompt, answer in every[:2]]
    filled += [(prompt.format(noun), answer.format(noun)) for noun in NOUNS[:4] for prompt, answer in pairs]
    return [Row("r", None, [Message("user", p), Message("assistant", a)], "a", 1, {}) for p, a in filled]


def reasons(pairs: list[tuple[str, str]]) -> list[str]:
    forms = departures.measured(rows(pairs))
    return [
        REASONS[number] for number in departures.faults(forms, departures.profile(forms, OPTIONS))[2 * len(NOUNS) :]
    ]


@pytest.mark.parametrize("pair", ASKED)
def test_what_was_asked_for_stays(pair: tuple[str, str]) -> None:
    assert set(reasons([pair])) == {""}


@pytest.mark.parametrize("pair", PLAIN)
def test_the_same_unasked_departs(pair: tuple[str, str]) -> None:
    assert "odd-form" in reasons([pair])


def test_flags() -> None:
    forms = departures.measured(rows([ASKED[0], ASKED[3]]))[-2:]
    assert (forms["flags"] & as_asked.LAYOUT_ASKED > 0).tolist() == [True, False]
    assert (forms["flags"] & features.COPIED > 0).tolist() == [False, True]
    assert as_asked.holds(forms).any(axis=1).tolist() == [True, False]
