"""Words looked for in requests: on their own, as beginnings, inside Japanese, by a pattern."""

import pytest

from jobs.logic.text.vocabulary import Vocabulary

WORDS = Vocabulary(r"cats?|translat\w*|hash ?tags?|quer(?:y|ies)", "猫|犬[をは]", r"c\+\+")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A cat sat", ["cat"]),
        ("CATS!", ["cats"]),
        ("category", []),
        ("concat", []),
        ("猫catです", ["猫", "cat"]),
        ("Please translate it", ["translat"]),
        ("untranslated", []),
        ("hashtags and a hash tag", ["hash tag", "hashtags"]),
        ("two queries", ["queries"]),
        ("in C++", ["c++"]),
        ("犬は走る", ["犬は"]),
        ("犬が走る", []),
        ("", []),
    ],
)
def test_what_is_found(text: str, found: list[str]) -> None:
    assert sorted(WORDS.found(text)) == sorted(found)
    assert WORDS.is_in(text) == bool(found)


def test_only_what_is_no_literal_needs_a_pattern() -> None:
    assert WORDS.pattern is not None
    assert "cats" not in WORDS.pattern.pattern
    assert "猫" not in WORDS.pattern.pattern
    assert Vocabulary("a|b", "c").pattern is None
