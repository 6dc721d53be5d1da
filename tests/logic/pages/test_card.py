"""The pieces of the model card."""

from __future__ import annotations

import pytest

from jobs.logic.pages import card


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain 日本語", "plain 日本語"),
        ("a | b\nc", r"a \| b c"),
        ("<script>x</script>", r"\<script\>x\</script\>"),
        ("![x](http://y)", r"\!\[x\](http://y)"),
        ("model-Q4_K_M.gguf", r"model-Q4\_K\_M.gguf"),
        ("&lt;", r"\&lt;"),
        ("a\u202eb", "a‹U+202E›b"),
    ],
)
def test_markdown_means_itself(text: str, expected: str) -> None:
    assert card.markdown(text) == expected


def test_fence_is_longer_than_any_inside() -> None:
    assert card.fenced("a ```` b") == "`````\na ```` b\n`````"


@pytest.mark.parametrize(("title", "name"), [("My Run_1", "my-run-1"), ("題", "model"), ("a;rm -rf /", "a-rm-rf")])
def test_slug_is_safe_on_a_command_line(title: str, name: str) -> None:
    assert card.slug(title) == name


def test_front_matter_leaves_out_what_is_not_known() -> None:
    found = card.front_matter(None, "unknown", [], False)
    assert "base_model" not in found
    assert "language" not in found
    assert "not-certified" in str(found["tags"])


TALK = "--conversation --jinja --multiline-input --no-display-prompt -lv 1"


@pytest.mark.parametrize(
    ("sampling", "options"),
    [
        ({}, "--temp 0 --repeat-penalty 1"),
        ({"temp": 1.5, "top_k": 0, "top_p": 1.0, "penalty_repeat": 1.5}, "--temp 0 --repeat-penalty 1"),
        ({"xtc_probability": 0.0, "mirostat": 0}, "--temp 0 --repeat-penalty 1"),
        ({"xtc_probability": 0.5}, "--temp 0 --repeat-penalty 1 --xtc-probability 0"),
        (
            {"sequence": "kt", "mirostat": 2},
            "--temp 0 --repeat-penalty 1 --mirostat 0 --samplers temperature",
        ),
    ],
)
def test_commands_switch_off_what_was_not_measured(sampling: dict[str, object], options: str) -> None:
    assert card.talk("m.gguf", sampling=sampling) == f"llama-completion -m m.gguf {TALK} {options}"
    assert card.serve("m.gguf", sampling) == f"llama-server -m m.gguf --jinja {options}"


def test_sampling_that_travels_is_named() -> None:
    assert card.sampling_said({}) == ""
    assert card.sampling_said({"top_k": 20, "temp": 0.6}).startswith(
        "The GGUF itself asks for temp 0.6, top_k 20, from"
    )


@pytest.mark.parametrize(
    ("opening", "end", "said"),
    [
        ("", "assistant\\n", ""),
        ("<think>\n", "assistant\\n<think>\\n", "; each answer begins inside a thinking block"),
        ("<think>\n\n</think>\n\n", "</think>\\n\\n", "; each answer opens with an empty thinking block"),
    ],
)
def test_the_prompt_is_the_one_that_was_trained(opening: str, end: str, said: str) -> None:
    assert card.prompt(opening).endswith(end)
    assert "\n" not in card.prompt(opening)
    assert card.opening_said(opening) == said
