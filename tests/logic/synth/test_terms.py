import pytest

from jobs.logic.synth.terms import terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Low heat, LOW_heat!", ["low", "heat", "low", "heat"]),
        ("土鍋の本", ["土鍋", "鍋の", "の本"]),
        ("1945年にＡＢＣ社", ["1945", "年に", "abc", "社"]),
        ("naïve cafe\u0301", ["naïve", "café"]),
        ("한국어", ["한국", "국어"]),
        ("ราคา", ["รา", "าค", "คา"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("…、。!", []),
    ],
)
def test_words_where_they_stand_apart_and_pairs_of_signs_elsewhere(text: str, expected: list[str]) -> None:
    assert terms(text) == expected
