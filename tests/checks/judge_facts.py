"""Plausible facts of `judge`, as plain data."""

from __future__ import annotations

from math import nan
from typing import Any

from tests.checks.synth_facts import model


def interval(value: float = 0.4, low: float = 0.25, high: float = 0.55) -> dict[str, float]:
    return {"value": value, "low": low, "high": high, "level": 0.95}


def tally(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "num_pairs": 200, "wins": 110, "losses": 30, "ties": 40, "flips": 20, "unread": 0, "unanswered": 0,
        "first_place": 11, "second_place": 9, "calls": 402, "unparsable": 2, "position_p": 0.82,
    }  # fmt: skip
    return values | changes


def check(name: str, **changes: Any) -> dict[str, Any]:
    quiet = {"num_pairs": 50, "wins": 0, "losses": 0, "ties": 50, "flips": 0, "calls": 100, "unparsable": 0,
             "first_place": 0, "second_place": 0, "position_p": nan}  # fmt: skip
    return {"name": name, "tally": tally(**quiet | changes)}


def judging(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "judge": model("judge-70b"), "kin": "", "unknown_kin": [], "shows_reference": True, "rubric": "title_quality",
        "language": "ja", "digests": {"prompts": "a" * 64, "rubric": "b" * 64},
        "asked": [{"purpose": "judge/pairs", "calls": 402, "failed": {"unparsable": 2}, "prompt_tokens": 400_000,
                   "completion_tokens": 30_000}],
        "usd": 0.52, "estimated_calls": 820, "estimated_tokens": 900_000, "estimated_usd": 0.6,
    }  # fmt: skip
    return values | changes


def answers(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "num_rows": 200, "num_sources": 90, "prompt": "no_thinking", "first": "Q4_K_M", "second": "the base in Q4_K_M",
        "first_stopped": 200, "second_stopped": 170, "equal": 4, "as_in_verify": 198, "missing": 0,
    }  # fmt: skip
    return values | changes


def result(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "net": interval(), "sign_p": 2e-6, "least_difference": 0.19, "at_equal_length": interval(0.3, 0.1, 0.5),
        "word": "better", "sentence": "better than the base: net wins +40.0% (95% interval +25.0% to +55.0%)",
    }  # fmt: skip
    return values | changes


def blame(**changes: Any) -> dict[str, Any]:
    return {"num_same": 188, "net": interval(0.42, 0.27, 0.57), "lost": interval(0.02, -0.02, 0.06)} | changes


def calibration(**changes: Any) -> dict[str, Any]:
    return {"num_pairs": 40, "num_raters": 3, "num_same": 34, "agreement": interval(0.7, 0.5, 0.86)} | changes


def group(category: str = "all", **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "category": category, "language": "both", "num_items": 200, "base_right": 120, "tuned_right": 117,
        "only_base": 9, "only_tuned": 6, "num_concepts": 100, "base_concepts": 70, "unfinished_base": 0,
        "unfinished_tuned": 1, "p": 0.61, "p_holm": 0.61, "least_lost": 6, "verdict": "no difference shown",
    }  # fmt: skip
    return values | changes


def forgetting(*groups: dict[str, Any]) -> dict[str, Any]:
    drift = {"num_items": 200, "num_places": 3000, "kl_mean": 0.21, "low": 0.18, "high": 0.25, "same_top": 0.87}
    return {
        "suite": "c" * 64,
        "groups": list(groups),
        "num_unfinished_base": 0,
        "num_unfinished_tuned": 1,
        "drift": drift,
    }


def plain(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "judging": judging(), "answers": answers(),
        "checks": [check("gold", wins=50, ties=0), check("self"), check("padded", losses=48, ties=2),
                   check("injected", losses=30, ties=20)],
        "pairs": tally(), "unusable": [], "result": result(), "blame": blame(), "no_blame": [],
        "scores": [{"name": "faithfulness", "num_rows": 196, "first": 4.4, "second": 3.1,
                    "difference": interval(1.3, 1.1, 1.5), "cannot_say": 6, "failed": 0}],
        "calibration": calibration(), "forgetting": forgetting(group(), group("arithmetic")), "unaccounted": 0,
        "examples": [{"id": "row-7", "outcome": "loss", "prompt": "夕暮れの港の話", "first": "港の朝",
                      "second": "港の夕暮れ",
                      "reference": "夕暮れの港、風を待つ", "grounds": "本文は夕方の話である"}],
    }  # fmt: skip
    return values | changes


def unusable(*reasons: str) -> dict[str, Any]:
    """Of a judge that may not speak."""
    return plain(unusable=list(reasons), pairs=None, result=None, blame=None, scores=[], calibration=None, examples=[])
