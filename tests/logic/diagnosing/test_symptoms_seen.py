"""What answers show by themselves, whatever brought it."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.logic.diagnosing.answers_seen import AnswersSeen
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.ranking import diagnosed
from jobs.logic.diagnosing.symptoms import SYMPTOMS
from jobs.logic.diagnosing.symptoms_seen import SHOWN, symptoms_seen


def answers(num: int = 20, of: str = "hf", **counts: Any) -> AnswersSeen:
    fields = dict.fromkeys(AnswersSeen.__dataclass_fields__, 0)
    known = {"file": "a.jsonl", "of": of, "num": num, "num_unended": None, "num_copies": None, "agreement": None}
    return AnswersSeen(**{**fields, **known, "examples": (), **counts})  # type: ignore[arg-type]


def test_every_count_is_one_of_answers_and_every_symptom_has_a_name() -> None:
    assert SHOWN.keys() <= AnswersSeen.__dataclass_fields__.keys()
    assert {name for name, _ in SHOWN.values()} <= SYMPTOMS.keys()


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ([answers(num_empty=12)], ["12 of 20 answers of the tuned model are empty"]),
        ([answers(num_empty=4)], ["4 of 20 answers of the tuned model are empty"]),
        ([answers(num_empty=3)], []),
        ([answers(num=5, num_empty=1)], []),
        ([answers(num=1, num_empty=1, of="unknown")], ["1 of 1 answer is empty"]),
        ([answers(num=0)], []),
        ([answers(num_unended=None)], []),
        ([answers(num_unended=20, of="quant")],
         ["20 of 20 answers of the quant are cut off without an end of their own"]),
        ([answers(num_other_language=20, num_refusals=20, num_think_leaks=20)], []),
        ([answers(num_empty=20, of="base")], []),
        ([answers(num_empty=12), answers(num=10, num_empty=6, of="base")], []),
        ([answers(num_empty=12), answers(num=10, num_empty=5, of="base")],
         ["12 of 20 answers of the tuned model are empty"]),
        ([answers(num_unended=12), answers(of="base")],
         ["12 of 20 answers of the tuned model are cut off without an end of their own"]),
    ],
)  # fmt: skip
def test_a_symptom_is_a_fifth_of_a_set_and_more_than_the_bases(seen: list[AnswersSeen], said: list[str]) -> None:
    evidence = Evidence(answers=tuple(seen))
    assert [one.text for one in symptoms_seen(evidence)] == said
    assert [one.text for one in diagnosed(evidence, []).symptoms] == said
