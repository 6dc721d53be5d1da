"""What an interval lets one say, and who may not judge."""

from __future__ import annotations

from math import nan

import pytest

from jobs.logic.endpoints.family import Identity
from jobs.logic.judging.kin import judged_models, kin
from jobs.logic.judging.verdicts import verdict
from jobs.logic.stats.interval import Interval


@pytest.mark.parametrize(
    ("ends", "word"),
    [
        ((0.01, 0.5), "better"),
        ((0.0, 0.5), "no difference shown"),
        ((-0.1, 0.5), "no difference shown"),
        ((-0.5, 0.0), "no difference shown"),
        ((-0.5, -0.01), "worse"),
        ((nan, nan), "cannot say"),
    ],
)
def test_a_word_is_what_the_interval_leaves_out(ends, word) -> None:
    found = verdict(Interval(0.2, *ends, 0.95), 0.3, what="the base")
    assert found.word == word
    assert ("so many rows can show 30.0% or more" in found.sentence) == (word == "no difference shown")


def test_a_difference_that_no_rows_can_have_is_none_that_these_can_show() -> None:
    found = verdict(Interval(0.2, -0.5, 0.9, 0.95), 1.181)
    assert found.sentence.endswith("; so few rows can show none")


def test_a_judge_that_is_not_usable_has_no_verdict_whatever_its_interval() -> None:
    found = verdict(Interval(0.9, 0.8, 1.0, 0.95), 0.1, unusable=["it likes the first place"])
    assert found.word == "cannot say"
    assert "it likes the first place" in found.sentence
    assert "90" not in found.sentence


MADE = {"generator": {"name": "gemma-3-27b", "file_sha256": ""}, "scorer": None}


@pytest.mark.parametrize(
    ("judge", "related", "unknown"),
    [
        (Identity(("mistral-large",)), 0, 0),
        (Identity(("Qwen3-4B-Q8_0.gguf",)), 2, 0),
        (Identity(("qwen2.5-72b",)), 2, 0),
        (Identity(("gemma-3-27b-it",)), 1, 0),
        (Identity(("house-model",)), 0, 3),
        (Identity(("house-model",), "d" * 64), 1, 2),
        (Identity(("my-titles",)), 1, 2),
        (Identity(("titles-of-ours-Q8_0.gguf",)), 1, 2),
    ],
)
def test_who_is_kin_of_what_is_judged(judge, related, unknown) -> None:
    judged = Identity(("titles-of-ours-Q4_K_M.gguf", "My titles"), "d" * 64)
    found = kin(judge, judged_models("Qwen/Qwen3-4B", judged, MADE))
    assert (len(found.related), len(found.unknown)) == (related, unknown)


def test_a_server_that_has_the_file_that_is_judged_is_told_so() -> None:
    judged = Identity(("model-Q4_K_M.gguf", "My titles"), "d" * 64)
    found = kin(Identity(("model-Q4_K_M.gguf",)), judged_models("Qwen/Qwen3-4B", judged, {}))
    assert found.related == ["it is the model that is judged"]
