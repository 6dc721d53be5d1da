"""Patterns of modules that came with an adapter: matched as PEFT matches them, and bounded before that."""

from __future__ import annotations

import re

import pytest

from jobs.logic.training import name_patterns

NAME = "model.layers.10.self_attn.q_proj"


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("q_proj", True), ("proj", False), ("self_attn.q_proj", True), (NAME, True),
        (r"layers\.\d+\.self_attn\.q_proj", True),
        ("layers.1.self_attn.q_proj", False), (r"layers\.(1|10)\.self_attn\.[qk]_proj", True), (".*q_proj", True),
        (r"^model\.layers\.10\..*", True), ("(q_proj|k_proj)", True), ("q_?proj", True), ("v_proj", False),
        (r"layers\.1[0-9]\..*_proj", True), (r"[^.]+_proj", True), (r"layers\.\d{1,2}\.self_attn\.q_proj", True),
    ],
)  # fmt: skip
def test_what_a_pattern_of_peft_says(pattern: str, matches: bool) -> None:
    assert name_patterns.offence([pattern]) == ""
    assert name_patterns.matches(pattern, NAME) == matches
    assert bool(re.match(rf"(.*\.)?({pattern})$", NAME)) == matches


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("(ab+)+", "stands there `+` times"), ("(a|b){2,3}", "times is not understood"), (r"(a)\1", "not understood"),
        ("(?:a)", "question mark"), ("a*b*c*", "too many steps"), ("(a|b)" * 15, "too many steps"),
        ("a?" * 20, "too many steps"), ("x" * 201, "has 201 characters"), ("a[", "is no regular expression"),
        ("a)", "is no regular expression"),
    ],
)  # fmt: skip
def test_what_may_take_long_is_refused_unmatched(pattern: str, says: str) -> None:
    assert says in name_patterns.offence([pattern])


def test_many_names_are_fine_and_many_patterns_together_are_not() -> None:
    assert name_patterns.offence(f"model.layers.{number}.mlp.up_proj" for number in range(2_000)) == ""
    assert "too many steps" in name_patterns.offence(f"{number}.*[a-z]+" for number in range(20))


def test_a_name_longer_than_the_bound_is_not_matched() -> None:
    with pytest.raises(ValueError, match="129 characters"):
        name_patterns.matches("q_proj", "a" * 129)
