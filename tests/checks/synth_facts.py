"""Plausible facts of `synth`, as plain data."""

from __future__ import annotations

from typing import Any


def model(name: str = "teacher-70b", **changes: Any) -> dict[str, Any]:
    probed = {"answers_as": name, "schema": "obeyed", "tells_usage": "True", "cuts": "True", "repeats": "True"}
    return {"name": name, "served": "server", "file_sha256": "", "probed": probed} | changes


def making(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "ended": "enough", "num_candidates": 520, "num_seeds": {"best": 281, "random": 281},
        "asked": [
            {"purpose": "score", "calls": 1124, "failed": {}, "prompt_tokens": 900_000, "completion_tokens": 80_000},
            {"purpose": "self_instruct/input-first", "calls": 520, "failed": {"cut": 4}, "prompt_tokens": 1_200_000,
             "completion_tokens": 260_000},
        ],
        "usd": 1.92, "estimated_calls": 2100, "estimated_tokens": 2_600_000, "estimated_usd": 2.1,
        "generator": model(), "scorer": model("judge-30b"), "same_model": "", "rubric": "title_quality",
        "min_score": 3.5, "language": "ja", "digests": {"prompts": "a" * 64, "rubric": "b" * 64},
        "scores_before": {"3": 90, "4": 500, "5": 534}, "passages": {}, "corpus": {},
        "num_left_out": 0, "left_out": [],
    }  # fmt: skip
    return values | changes


def rows(**changes: int | dict[str, int]) -> dict[str, Any]:
    values: dict[str, Any] = {
        "num_rows": 400, "num_joined": 1524, "unclean": {}, "near_held_out": 0, "near_others": 0, "not_joined": 0,
        "held_out_parents": 0, "unknown_parents": 0, "other_sources": 0, "unaccounted": 0,
    }  # fmt: skip
    return values | changes


def taken(arm: str = "best", **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "method": "self_instruct", "arm": arm, "tried": 416, "accepted": 330,
        "dropped": {"low-score": 60, "too-like-another": 26},
    }  # fmt: skip
    return values | changes


def difference(measure: str = "mean_score", low: float | None = 0.05, high: float | None = 0.31) -> dict[str, Any]:
    return {"measure": measure, "mean": 0.18, "low": low, "high": high}


def example(reason: str = "", **changes: Any) -> dict[str, Any]:
    values = {
        "id": "synth-000017", "method": "self_instruct", "reason": reason, "prompt": "次の記事に題名を付けてください。",
        "answer": "" if reason else "夕暮れの港、風を待つ", "evidence": "mean 2.5, the least is 3.5" if reason else "",
        "score": 4.5,
    }  # fmt: skip
    return values | changes


def plain(**changes: Any) -> dict[str, Any]:
    random = {"tried": 104, "accepted": 70, "dropped": {"low-score": 30, "unparsable": 4}}
    arms = {"best": (416, 330, 0.793, 4.6, 0.52), "random": (104, 70, 0.673, 4.4, 0.55)}
    values: dict[str, Any] = {
        "wanted": 400, "making": making(), "num_before": 1124, "taken": [taken(), taken("random", **random)],
        "arms": [
            {"arm": arm, "num_seeds": 281, "tried": tried, "accepted": accepted, "acceptance": share,
             "mean_score": score, "novelty": novelty}
            for arm, (tried, accepted, share, score, novelty) in arms.items()
        ],
        "differences": [difference(), difference("acceptance", 0.02, 0.21)],
        "before": {"distinct_2": 0.41, "answer_lengths": [9, 15, 24], "nearest": 0.61},
        "made": {"distinct_2": 0.38, "answer_lengths": [9, 14, 22], "nearest": 0.52},
        "novelty": 0.52, "rows": rows(), "unparsable": ["Sure! Here is"],
        "examples": [example(), example("low-score"), example("unparsable", evidence="Sure! Here is")],
    }  # fmt: skip
    return values | changes
