import numpy as np
import pytest

from jobs.logic.rows.containment import Containment
from jobs.logic.rows.near import grams

NONE = np.zeros(0, np.uint64)
POT = (
    "土鍋は弱い火で温めてから使います。急に強い火にかけると割れることがあります。"
    "使い終わったら冷めるのを待って洗います。"
)
PAN = (
    "鉄のフライパンは洗ったあと火にかけて乾かし、油を薄く塗っておきます。"
    "錆びたときは紙やすりで落とし、また油をなじませます。"
)
KETTLE = "The kettle boils the water for tea. It stands on the stove all day and sings."


@pytest.mark.parametrize(
    ("text", "number", "share"),
    [
        (POT, 0, 1.0),
        (f"{KETTLE}\n{PAN}", 1, 1.0),
        (POT[: len(POT) // 2] + KETTLE[:30], 0, 0.5),
        (PAN[10:], 1, 1.0),
    ],
)
def test_what_a_text_has_of_others_is_found_whatever_stands_around_it(text: str, number: int, share: float) -> None:
    found = Containment([POT, PAN], NONE).most(text)
    assert found is not None
    assert (found.number, found.share) == (number, pytest.approx(share, abs=0.1))


@pytest.mark.parametrize(
    ("texts", "text"),
    [
        ([], POT),
        ([POT], KETTLE),
        ([POT], POT[:20]),
        ([POT[:20]], POT),
    ],
)
def test_phrases_and_other_texts_share_nothing(texts: list[str], text: str) -> None:
    assert Containment(texts, NONE).most(text) is None


def test_what_all_texts_have_and_what_is_boilerplate_tells_none_of_them() -> None:
    many = [f"{POT}{number * 7919:b}" for number in range(100)]
    assert Containment(many, NONE).most(POT) is None
    assert Containment([POT, PAN], grams(POT)).most(POT + PAN[:20]) is None
