"""Answers that differ by what their prompts differ in are answers to two questions."""

import pytest

from jobs.logic.rows.following import follow
from jobs.logic.rows.keys import normalised

SCHEMA = "create table books (id int, title text, author text, shelf text); "


@pytest.mark.parametrize(
    ("prompts", "answers"),
    [
        (("list the names of the staff", "list the roles of the staff"), ("select name from s", "select role from s")),
        (("the titles of the books by ek.", "the titles of the books by sol."), ("author = 'ek'", "author = 'sol'")),
        (("list the shelves", "list the titles"), ("select shelf from books", "select title from books")),
        (("東京の店を数える文", "大阪の店を数える文"), ("city = '東京'", "city = '大阪'")),
        (("who wrote emma?", "who wrote kim?"), ("emma was written by a.", "kim was written by r.")),
    ],
)
def test_what_was_asked_stands_in_the_answer(prompts: tuple[str, str], answers: tuple[str, str]) -> None:
    one, other = (normalised(f"{SCHEMA}{prompt}") for prompt in prompts)
    assert follow((one, other), (normalised(answers[0]), normalised(answers[1])))


@pytest.mark.parametrize(
    ("prompts", "answers"),
    [
        (("what is a kiln?", "what is a kiln, please?"), ("a kiln is an oven.", "a kiln is an oven")),
        (("what is a kiln?", "what is a kilm?"), ("a kiln is an oven.", "a kilm is an oven.")),
        (("what is a kiln?", "what is a kiln?"), ("an oven for clay", "an oven of clay")),
        (
            ("tell of kilns briefly", "tell of kilns shortly"),
            ("kilns are ovens, that is all", "kilns are ovens, no more"),
        ),
        (("list the names in lund", "list the names in visby"), ("name, city = 'lund'", "name, city = 'oslo'")),
    ],
)
def test_other_differences_are_no_other_question(prompts: tuple[str, str], answers: tuple[str, str]) -> None:
    assert not follow(prompts, answers)
