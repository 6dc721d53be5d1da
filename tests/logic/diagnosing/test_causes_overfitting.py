"""Causes in how long it was trained, from logs whose truth is known."""

from collections.abc import Sequence

import pytest

from jobs.logic.diagnosing import causes_overfitting as causes
from jobs.logic.diagnosing.answers_seen import AnswersSeen
from jobs.logic.diagnosing.certainty import Certainty
from jobs.logic.diagnosing.evidence import Evidence, FindingSeen
from jobs.logic.diagnosing.log_seen import EvaluationSeen, LogSeen
from jobs.logic.diagnosing.settings_seen import SettingsSeen

PROVEN, MEASURED, CONSISTENT = Certainty.PROVEN, Certainty.MEASURED, Certainty.CONSISTENT
NOT_CHECKED, RULED_OUT = Certainty.NOT_CHECKED, Certainty.RULED_OUT
TURNS = [3.0, 1.5, 1.0, 1.02, 1.05, 1.09, 1.14, 1.2]
TURNS_A_LITTLE = [3.0, 1.5, 1.0, 1.01, 1.02, 1.03, 1.035, 1.04]
ENDS_WELL = [3.0, 1.5, 1.2, 1.1, 1.05, 1.03, 1.02, 1.015]
STILL_FALLS = [3.0, 2.8, 2.6, 2.4, 2.2, 2.0, 1.8, 1.6]


def log(losses: Sequence[float], *, rows: int = 0, saved: Sequence[int] = ()) -> LogSeen:
    """Evaluations every ten steps; each of `rows` costs the mean times its own factor, with a jitter of its own."""
    evaluations = tuple(
        EvaluationSeen(
            10 * place, None, loss, None,
            tuple(loss * (0.5 + row / rows) * (1 + 0.01 * ((7 * row + place) % 5 - 2)) for row in range(rows)) or None,
        )
        for place, loss in enumerate(losses, 1)
    )  # fmt: skip
    return LogSeen("log.jsonl", (), evaluations, tuple(saved), None, False, None, 0)


def answers(num: int, copies: int | None) -> AnswersSeen:
    return AnswersSeen("answers.jsonl", "f16", num, 0, 0, 0, None, 0, 0, 0, copies, 0, 0, None, ())


def finding(code: str, status: str) -> FindingSeen:
    return FindingSeen("train", code, "name", status, ("a message",))


BEST_KEPT = SettingsSeen(file="args.json", dialect="trl", best_kept=True)


@pytest.mark.parametrize(("evidence", "certainty"), [
    (Evidence(), NOT_CHECKED),
    (Evidence(log=log([])), NOT_CHECKED),
    (Evidence(log=log(TURNS[:4])), NOT_CHECKED),
    (Evidence(log=log(TURNS, rows=9)), NOT_CHECKED),
    (Evidence(log=log(TURNS, rows=40)), MEASURED),
    (Evidence(log=log(TURNS)), MEASURED),
    (Evidence(log=log(TURNS_A_LITTLE, rows=40)), MEASURED),
    (Evidence(log=log(TURNS_A_LITTLE)), CONSISTENT),
    (Evidence(log=log(ENDS_WELL)), RULED_OUT),
    (Evidence(log=log(ENDS_WELL, rows=40)), RULED_OUT),
    (Evidence(log=log([*ENDS_WELL, 1.02])), NOT_CHECKED),
    (Evidence(log=log(TURNS, rows=40), settings=BEST_KEPT), RULED_OUT),
    (Evidence(log=log(TURNS, rows=40), facts={"train": {"chosen_step": 30, "restored_step": 30}}), RULED_OUT),
    (Evidence(log=log(TURNS, rows=40), facts={"train": {"chosen_step": 30, "restored_step": 80}}), MEASURED),
])  # fmt: skip
def test_trained_too_long(evidence: Evidence, certainty: Certainty) -> None:
    assert causes.trained_too_long(evidence).certainty is certainty


def test_only_a_step_on_disk_is_recommended() -> None:
    there = causes.trained_too_long(Evidence(log=log(TURNS, rows=40, saved=[40, 80])))
    gone = causes.trained_too_long(Evidence(log=log(TURNS, rows=40, saved=[80])))
    assert there.signs[1] == "step 40 is on disk and is the best of those that are"
    assert gone.signs[1] == "the best step, 30, is not on disk; it would have been better"


@pytest.mark.parametrize(("evidence", "certainty"), [
    (Evidence(), NOT_CHECKED),
    (Evidence(answers=(answers(10, None),)), NOT_CHECKED),
    (Evidence(answers=(answers(9, 0),)), NOT_CHECKED),
    (Evidence(answers=(answers(10, 0),)), RULED_OUT),
    (Evidence(answers=(answers(10, 2),)), CONSISTENT),
    (Evidence(answers=(answers(10, 3),)), MEASURED),
    (Evidence(answers=(answers(100, 3),)), CONSISTENT),
    (Evidence(findings=(finding("GEN006", "pass"),)), RULED_OUT),
    (Evidence(findings=(finding("GEN006", "fail"),), answers=(answers(10, 0),)), MEASURED),
])  # fmt: skip
def test_rows_known_by_heart(evidence: Evidence, certainty: Certainty) -> None:
    assert causes.rows_known_by_heart(evidence).certainty is certainty


@pytest.mark.parametrize(("evidence", "certainty"), [
    (Evidence(), NOT_CHECKED),
    (Evidence(log=log(STILL_FALLS[:4])), NOT_CHECKED),
    (Evidence(log=log(STILL_FALLS)), CONSISTENT),
    (Evidence(log=log(STILL_FALLS, rows=40)), CONSISTENT),
    (Evidence(log=log(ENDS_WELL)), RULED_OUT),
    (Evidence(log=log(TURNS, rows=40)), RULED_OUT),
])  # fmt: skip
def test_trained_too_short(evidence: Evidence, certainty: Certainty) -> None:
    assert causes.trained_too_short(evidence).certainty is certainty


@pytest.mark.parametrize(("evidence", "certainty"), [
    (Evidence(), NOT_CHECKED),
    (Evidence(log=log(TURNS, rows=40)), NOT_CHECKED),
    (Evidence(log=log(TURNS, rows=40, saved=[80])), CONSISTENT),
    (Evidence(log=log(TURNS, rows=40, saved=[30, 80])), NOT_CHECKED),
    (Evidence(log=log(STILL_FALLS, saved=[80])), RULED_OUT),
    (Evidence(findings=(finding("TRN002", "waived"),)), MEASURED),
    (Evidence(findings=(finding("TRN002", "pass"),)), RULED_OUT),
])  # fmt: skip
def test_best_step_not_kept(evidence: Evidence, certainty: Certainty) -> None:
    assert causes.best_step_not_kept(evidence).certainty is certainty
