"""The report's gate: what keeps a run from being certified."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.checks.report import GATE, ReportFacts, ReportLimits

GOOD: dict[str, Any] = {
    "certified": True, "num_stages": 9, "missing": [], "failed": {}, "stale": {}, "changed": [], "misjudged": [],
    "folder": [], "waivers": {}, "changed_limits": {}, "shipped": ["model-Q4_K_M.gguf"], "chain_digest": "0" * 64,
    "closing": ["certified: {run}/report/model-Q4_K_M.gguf"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("code", "facts", "status", "said"),
    [
        ("CRT001", {}, "pass", ""),
        ("CRT001", {"missing": ["merge", "verify"]}, "fail", "not made: merge, verify"),
        ("CRT002", {}, "pass", ""),
        ("CRT002", {"failed": {"train": ["TRN005 nothing-learnt"]}}, "fail", "train: TRN005 nothing-learnt"),
        ("CRT003", {}, "pass", ""),
        ("CRT003", {"stale": {"merge": ["train"]}}, "fail", "merge was not made from the train that is there"),
        ("CRT004", {}, "pass", ""),
        ("CRT004", {"changed": ["quantize/model-Q4_K_M.gguf: is missing"]}, "fail", "is missing"),
        ("CRT005", {}, "pass", ""),
        ("CRT005", {"misjudged": ["smoke: its verdict is pass, the limits beside it give fail"]}, "fail", "give fail"),
        ("CRT006", {}, "pass", ""),
        ("CRT006", {"folder": ["README.md: is missing"]}, "fail", "README.md"),
        ("CRT007", {}, "pass", ""),
        ("CRT007", {"waivers": {"TOK004": "known"}}, "warn", "TOK004: known"),
        ("CRT008", {}, "pass", ""),
        (
            "CRT008",
            {"changed_limits": {"smoke.limits.a": "1, by default 2"}},
            "warn",
            "smoke.limits.a: 1, by default 2",
        ),
    ],
)
def test_rule(code: str, facts: dict[str, Any], status: str, said: str) -> None:
    verdict = GATE.judge(ReportFacts(**GOOD | facts), ReportLimits(), {})
    found = next(finding for finding in verdict.findings if finding.code == code)
    assert found.status == status
    assert said in "; ".join(found.messages)
    assert verdict.status == ("fail" if status == "fail" else "pass")


def test_lines_say_the_verdict_first() -> None:
    assert ReportFacts(**GOOD).lines()[0] == ("certified", "yes")
