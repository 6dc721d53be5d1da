"""A call's id: what it is made of, and what it is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jobs.logic.endpoints.calls import Call, Sampling
from jobs.logic.row import Message

SAMPLING = Sampling(temperature=0.7, top_p=0.9, max_tokens=64, seed=1)
CALL = Call((Message("system", "短く"), Message("user", "Why?")), SAMPLING, {"type": "object"})


def test_the_id_stays_what_it_is() -> None:
    assert CALL.digest("m") == "b7cfa1d3c6c0f7dffd1ea860095f37b2"


@pytest.mark.parametrize(
    "other",
    [
        replace(CALL, messages=CALL.messages[1:]),
        replace(CALL, messages=(Message("user", "短く"), Message("user", "Why?"))),
        replace(CALL, sampling=replace(SAMPLING, seed=2)),
        replace(CALL, sampling=replace(SAMPLING, temperature=0.8)),
        replace(CALL, sampling=replace(SAMPLING, top_p=0.8)),
        replace(CALL, sampling=replace(SAMPLING, max_tokens=65)),
        replace(CALL, schema=None),
        replace(CALL, schema={"type": "array"}),
    ],
)
def test_another_question_is_another_call(other: Call) -> None:
    assert other.digest("m") != CALL.digest("m")


def test_another_model_is_another_call_and_another_purpose_is_not() -> None:
    assert CALL.digest("other") != CALL.digest("m")
    assert replace(CALL, purpose="score").digest("m") == CALL.digest("m")


def test_half_a_character_has_an_id() -> None:
    assert len(replace(CALL, messages=(Message("user", "\ud83d"),)).digest("m")) == 32


def test_a_temperature_is_a_number_however_it_was_written() -> None:
    whole, written = replace(SAMPLING, temperature=1), replace(SAMPLING, temperature=1.0)
    assert replace(CALL, sampling=whole).digest("m") == replace(CALL, sampling=written).digest("m")
