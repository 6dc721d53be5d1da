"""Forms of prompts: what is fixed, what is written anew."""

from __future__ import annotations

import pytest

from jobs.logic.synth.forms import FREE, Forms, labels_of
from tests.logic.synth.teachers import TITLE_HEAD, labelled, questions, titles


def passages(last: str) -> list[str]:
    return [f"Passage number {n} speaks of {'abcdefghijkl'[n]} at length.{last.format(n=n)}" for n in range(12)]


@pytest.mark.parametrize(
    ("prompts", "fixed", "slots"),
    [
        ([row.prompt for row in titles()], (TITLE_HEAD, ""), ("material",)),
        ([row.prompt for row in labelled()], ("Is this review positive or negative?\n\n", ""), ("material",)),
        ([row.prompt for row in questions()], ("", ""), ("prompt",)),
        (passages("\n\n質問: 何番の{n}ですか"), ("", "\n\n質問: ", ""), ("material", "request")),
        (passages("\n\nSum it up in one line."), ("", "\n\nSum it up in one line."), ("material",)),
        (
            [f"Translate into French: sentence {n} of the book" for n in range(9)],
            ("Translate into French: ", ""),
            ("material",),
        ),
        (
            [f"Read and answer.\n\nText: it is {n} here\nQ: how many, {n}?" for n in range(9)],
            ("Read and answer.\n\nText: ", "\nQ: ", ""),
            ("material", "request"),
        ),
        (
            [f"Do thing {n} with it\n\nThe text of row {n}" for n in range(9)],
            ("", "\n\n", ""),
            ("instruction", "material"),
        ),
    ],
)
def test_a_form_is_what_prompts_have_in_common(prompts: list[str], fixed: tuple, slots: tuple) -> None:
    forms = Forms(prompts)
    for prompt in prompts:
        parts = forms.parts(prompt)
        assert (parts.form.fixed, parts.form.slots) == (fixed, slots)
        assert parts.form.fill(parts.values) == prompt


def test_every_prompt_is_its_parts_put_together() -> None:
    odd = [
        "",
        "\n",
        "\n\n\n",
        "a",
        "a:\n",
        ":\n:",
        "x\n\ny",
        TITLE_HEAD,
        TITLE_HEAD + "\n",
        "質問: ",
        "\n\n質問: ",
        "a\n\n質問: b",
    ]
    forms = Forms([row.prompt for row in titles()] + passages("\n\n質問: 何番の{n}ですか") + odd)
    for prompt in odd:
        parts = forms.parts(prompt)
        assert parts.form.fill(parts.values) == prompt


def test_a_mixed_set_has_a_form_for_each_kind() -> None:
    forms = Forms([row.prompt for row in titles()] + [row.prompt for row in questions()])
    assert forms.parts(titles()[0].prompt).form.is_fixed
    assert forms.parts(questions()[0].prompt).form == FREE
    assert not FREE.is_fixed


@pytest.mark.parametrize(
    ("answers", "labels"),
    [
        (["yes", "no"] * 8, ("yes", "no")),
        (["yes", "no"] * 3, ()),
        ([f"answer {n}" for n in range(20)], ()),
        (["spam"] * 12 + ["ham"] * 6 + ["a long and single answer"], ("spam", "ham")),
        (["x" * 200, "y" * 200] * 10, ()),
    ],
)
def test_labels_are_few_short_and_said_often(answers: list[str], labels: tuple) -> None:
    assert labels_of(answers) == labels
