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
