"""Causes in the recipe and in the log, from settings and curves alone."""

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import pytest

from jobs.logic.diagnosing import causes_log, causes_recipe
from jobs.logic.diagnosing.cause import Outcome
from jobs.logic.diagnosing.certainty import Certainty
from jobs.logic.diagnosing.evidence import Evidence, FindingSeen
from jobs.logic.diagnosing.log_seen import EvaluationSeen, LogSeen, StepSeen
from jobs.logic.diagnosing.rows_seen import RowsSeen
from jobs.logic.diagnosing.settings_seen import SettingsSeen

PROVEN, MEASURED, CONSISTENT = Certainty.PROVEN, Certainty.MEASURED, Certainty.CONSISTENT
NOT_CHECKED, RULED_OUT = Certainty.NOT_CHECKED, Certainty.RULED_OUT


def settings(**fields: object) -> SettingsSeen:
    return SettingsSeen(file="args.json", dialect="trl", **fields)  # type: ignore[arg-type]


def log(losses: Sequence[float], evaluations: Sequence[float] = (), epochs: float = 3.0) -> LogSeen:
    """A log with these losses, evaluations spread over it."""
    steps = tuple(
        StepSeen(place, epochs * place / len(losses), one, None, 1.0) for place, one in enumerate(losses, 1)
    )  # fmt: skip
    apart = max(1, len(losses) // max(1, len(evaluations)))
    seen = tuple(EvaluationSeen(apart * place, None, one, None, None) for place, one in enumerate(evaluations, 1))
    return LogSeen("log.jsonl", steps, seen, (), None, False, None, 0)


def curve(first: float, last: float, num: int = 60) -> list[float]:
    """From one value to another, with noise of its own."""
    noise = random.Random(num)
    return [first + (last - first) * place / num + noise.gauss(0, 0.05) for place in range(num)]


HOT = {"rank": 32, "alpha": 64.0, "rslora": True, "learning_rate": 2e-4}
FALLS, RISES, FLAT = curve(3.0, 0.5), curve(2.0, 6.0), [2.0 + place % 3 / 100 for place in range(60)]
BY_HEART = [3 * 0.8**place + 0.01 + place % 3 / 1000 for place in range(60)]
LABELS = RowsSeen(
    files=("rows.jsonl",), num_rows=400, num_unreadable=0, dropped={}, examples={}, mojibake=0, departing=0,
    num_exact_duplicates=0, num_near_duplicates=0, num_contradicting=0, belonging_p=None, belonging_says="cannot say",
    num_in_other_side=None, languages={}, num_refusals=0, num_cut=0, num_thoughts=0, answer_chars=(3, 5, 8),
    num_tokens_longest=None, num_above={}, num_distinct_answers=4,
)  # fmt: skip
NO_ROWS_HELD_OUT = FindingSeen("preflight", "TOK025", "few-held-out", "waived", ("0 rows are held out",))


def with_bad_gradients(bad: Iterable[int], loss: float | None = None) -> LogSeen:
    """A healthy log whose gradients at these steps are infinite, the loss there as it was or `loss`."""
    good, at = log(FALLS), set(bad)
    steps = [
        replace(one, grad_norm=math.inf, loss=one.loss if loss is None else loss) if one.step in at else one
        for one in good.steps
    ]
    return replace(good, steps=tuple(steps))


GATE = FindingSeen("preflight", "TOK021", "update-too-hot", "waived", ("0.0023, at most 0.002",))
Check = Callable[[Evidence], Outcome]
CASES: list[tuple[Check, Evidence, Certainty]] = [
    (causes_recipe.scale_of_rslora, Evidence(settings=settings(**HOT)), CONSISTENT),
    (causes_recipe.scale_of_rslora, Evidence(settings=settings(**HOT), log=log(RISES)), MEASURED),
    (causes_recipe.scale_of_rslora, Evidence(settings=settings(**HOT), log=log(FALLS)), CONSISTENT),
    (causes_recipe.scale_of_rslora, Evidence(settings=settings(**HOT), findings=(GATE,)), MEASURED),
    (causes_recipe.scale_of_rslora, Evidence(settings=settings(**{**HOT, "rslora": False})), RULED_OUT),
    (causes_recipe.scale_of_rslora, Evidence(settings=settings(rank=32, alpha=64.0, rslora=True)), NOT_CHECKED),
    (causes_recipe.scale_of_rslora, Evidence(), NOT_CHECKED),
    (causes_recipe.learning_rate_too_high, Evidence(settings=settings(**HOT)), RULED_OUT),
    (
        causes_recipe.learning_rate_too_high,
        Evidence(settings=settings(rank=16, alpha=32.0, learning_rate=1e-2), log=log(RISES)),
        MEASURED,
    ),
    (
        causes_recipe.learning_rate_too_high,
        Evidence(settings=settings(rank=16, alpha=16.0, learning_rate=2e-4)),
        RULED_OUT,
    ),
    (
        causes_recipe.learning_rate_too_low,
        Evidence(settings=settings(rank=16, alpha=16.0, learning_rate=2e-5)),
        CONSISTENT,
    ),
    (
        causes_recipe.learning_rate_too_low,
        Evidence(settings=settings(rank=16, alpha=16.0, learning_rate=2e-5), log=log(FLAT)),
        MEASURED,
    ),
    (
        causes_recipe.learning_rate_too_low,
        Evidence(settings=settings(rank=16, alpha=16.0, learning_rate=2e-4), log=log(FALLS)),
        RULED_OUT,
    ),
    (causes_recipe.rank_too_small, Evidence(settings=settings(rank=1)), CONSISTENT),
    (causes_recipe.rank_too_small, Evidence(settings=settings(rank=1), log=log(FLAT)), MEASURED),
    (causes_recipe.rank_too_small, Evidence(settings=settings(rank=8)), RULED_OUT),
    (causes_log.too_many_epochs, Evidence(log=log(FALLS, [2.0, 1.5, 1.4, 1.6, 1.9])), MEASURED),
    (causes_log.too_many_epochs, Evidence(log=log(FALLS, [2.0, 1.5, 1.4])), RULED_OUT),
    (causes_log.too_many_epochs, Evidence(log=log(curve(3.0, 0.1), epochs=30)), CONSISTENT),
    (causes_log.too_many_epochs, Evidence(log=log(FALLS, epochs=1.0)), RULED_OUT),
    (
        causes_recipe.learning_rate_too_low,
        Evidence(settings=settings(rank=16, alpha=32.0, learning_rate=5e-5), log=log(FALLS)),
        CONSISTENT,
    ),
    (causes_log.no_validation, Evidence(log=log(FALLS)), CONSISTENT),
    (causes_log.no_validation, Evidence(log=log(BY_HEART)), PROVEN),
    (causes_log.no_validation, Evidence(log=log(BY_HEART), train_rows=LABELS), CONSISTENT),
    (causes_log.no_validation, Evidence(log=log(curve(3.0, 0.1), epochs=30)), PROVEN),
    (causes_log.no_validation, Evidence(log=log(FALLS), findings=(NO_ROWS_HELD_OUT,)), MEASURED),
    (causes_log.no_validation, Evidence(log=replace(log(FALLS), evaluated_in="eval.csv")), RULED_OUT),
    (causes_log.no_validation, Evidence(log=log(FALLS, [1.0])), RULED_OUT),
    (causes_log.no_validation, Evidence(settings=settings(has_evaluation=False)), CONSISTENT),
    (causes_log.rows_packed_together, Evidence(settings=settings(packing=True)), CONSISTENT),
    (causes_log.rows_packed_together, Evidence(settings=settings(packing=False)), RULED_OUT),
    (causes_log.loss_not_finite, Evidence(log=log([2.0, math.nan, math.nan])), MEASURED),
    (causes_log.loss_not_finite, Evidence(log=log([2.0, 0.0, 0.0])), CONSISTENT),
    (causes_log.loss_not_finite, Evidence(log=log(FALLS)), RULED_OUT),
    (causes_log.loss_not_finite, Evidence(log=with_bad_gradients([1])), CONSISTENT),
    (causes_log.loss_not_finite, Evidence(log=with_bad_gradients(range(1, 9))), CONSISTENT),
    (causes_log.loss_not_finite, Evidence(log=with_bad_gradients([1, 2, 40])), CONSISTENT),
    (causes_log.loss_not_finite, Evidence(log=with_bad_gradients(range(30, 40))), MEASURED),
    (causes_log.loss_not_finite, Evidence(log=with_bad_gradients(range(58, 61))), MEASURED),
    (causes_log.loss_not_finite, Evidence(log=with_bad_gradients([1], loss=0.0)), MEASURED),
    (causes_log.loss_not_finite, Evidence(log=with_bad_gradients([1], loss=math.nan)), MEASURED),
    (causes_log.training_loss_rose, Evidence(log=log(RISES)), MEASURED),
    (causes_log.training_loss_rose, Evidence(log=log(FALLS)), RULED_OUT),
    (causes_log.training_loss_rose, Evidence(log=log([3.0, 1.0])), NOT_CHECKED),
    (
        causes_log.half_precision_of_fp16,
        Evidence(settings=settings(dtype="float16"), log=log([math.nan] * 3)),
        MEASURED,
    ),
    (causes_log.half_precision_of_fp16, Evidence(settings=settings(dtype="bfloat16")), RULED_OUT),
]


@pytest.mark.parametrize(("check", "evidence", "certainty"), CASES)
def test_causes_in_recipe_and_log(check: Check, evidence: Evidence, certainty: Certainty) -> None:
    found = check(evidence)
    assert found.certainty == certainty, found
    assert found.signs or found.decides
