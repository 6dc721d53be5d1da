"""A prompt is parted into the request and its material, and only the request asks."""

import pytest

from jobs.logic.text.wanted import Asked, parted

LONG = "The nets were dry by noon. " * 12


@pytest.mark.parametrize(
    ("prompt", "request_", "material"),
    [
        ("Where is the quay?", "Where is the quay?", ""),
        ("Translate: the quay", "Translate: the quay", "the quay"),
        ("訳して：港", "訳して：港", "港"),
        ("Fix it.\n\nThe nets was dry.", "Fix it.", "The nets was dry."),
        ("直して。\n\n網わ乾いた。", "直して。", "網わ乾いた。"),
        (f"{LONG}\n\nWrite a title.", f"{LONG[:240]}\nWrite a title.", "Write a title."),
        (f"Read.\n\n{LONG}\nWhat dried?", "Read.\nWhat dried?", f"{LONG}\nWhat dried?"),
    ],
)
def test_parted(prompt: str, request_: str, material: str) -> None:
    assert parted(prompt) == (request_, material)


@pytest.mark.parametrize(
    ("prompt", "kind", "is_wanted"),
    [
        ("Write a dialogue.", "dialogue", True),
        ("Write a title for this dialogue.", "dialogue", False),
        ("題名を付けて。\n\n会話の例です。", "dialogue", False),
        ("Write a title with hashtags.", "hashtags", True),
        ("Write a title about hashtags.", "hashtags", False),
        (f"Say what it is about.\n\nIt is about Python functions. {LONG}", "code", False),
        ("関数を書いて", "code", True),
    ],
)
def test_what_is_wanted(prompt: str, kind: str, is_wanted: bool) -> None:
    assert Asked(prompt).wants(kind) is is_wanted


def test_what_was_said_before_asks_as_well() -> None:
    assert Asked("Ines", ["Always answer in JSON."]).wants("data")
    assert not Asked("Ines").wants("data")
    assert Asked("b", ["a"]).everything == "a\nb"


@pytest.mark.parametrize(
    ("prompt", "has_code"),
    [
        ("Fix:\n\nx = f(1)\nprint(x)", True),
        ("直して\n\nfor i in x:\n    y(i)", True),
        ("Fix:\n\nThe net was dry.", False),
    ],
)
def test_code_in_a_prompt(prompt: str, has_code: bool) -> None:
    assert Asked(prompt).has_code is has_code
