"""Sets of many tasks: no form is the set's own, so that none departs from it."""

import pytest

from jobs.logic.form import departures
from jobs.logic.form.departures import FormOptions
from jobs.logic.row import Message, Row
from tests.spoilage import eight_tasks
from tests.spoilage.clean_rows import LANGUAGES

OPTIONS = FormOptions("drop", "auto", None, None, 0.003, 3, 0.45, 0.8, 4.0)
MOST_LOST = 0.005


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("number", [60, 500])
def test_good_rows_of_many_tasks_stay(language: str, number: int) -> None:
    sets = [eight_tasks.mixed(language, number, seed) for seed in (1, 2)]
    lost = 0
    for rows in sets:
        read = [Row("r", None, [Message(**turn) for turn in turns], "a", 1, {}) for turns in rows]
        forms = departures.measured(read)
        lost += int((departures.faults(forms, departures.profile(forms, OPTIONS)) > 0).sum())
    assert lost <= MOST_LOST * number * len(sets)


def test_a_japanese_answer_to_a_japanese_question_is_no_departure_of_an_english_set() -> None:
    things, others = ("moth", "sundial", "quince", "luthier", "basil"), ("harbour", "tide", "fern", "wax", "map")
    rows = [
        [("user", f"How does a {one} differ from a {other}?"), ("assistant", f"The {one} is older than the {other}.")]
        for one in things
        for other in others
    ]
    pairs = [
        ("日本の首都は？", "東京"),
        ("鯨は何の仲間？", "鯨は哺乳類の仲間です。"),
        ("What is wax made of?", "蝋は蜂が作るものです。"),
    ]
    rows += [[("user", prompt), ("assistant", answer)] for prompt, answer in pairs]
    forms = departures.measured([Row("r", None, [Message(*turn) for turn in turns], "a", 1, {}) for turns in rows])
    found = departures.faults(forms, departures.profile(forms, OPTIONS))[-len(pairs) :]
    assert [departures.REASONS[number] for number in found] == ["", "", "other-language"]
