"""Literal facts of what answers agree with, for the gates that look at them."""

from __future__ import annotations

from typing import Any

from jobs.checks.belonging import AnswersBelonging


def belonging(**changes: Any) -> AnswersBelonging:
    values: dict[str, Any] = {
        "measure": "texts", "own": 0.6, "other": 0.1, "z": 30.0, "p": 0.001, "least_p": 0.001, "some": 0.25,
        "power": 1.0,
    }  # fmt: skip
    return AnswersBelonging(**(values | changes))
