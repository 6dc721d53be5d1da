"""A verdict, and a judge that may not give one, in the report, on the card and in the chain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobs import report
from jobs.checks.report import ReportFacts
from jobs.core import certificate
from tests.checks import judge_facts
from tests.stages import records
from tests.stages.test_report import Page, config


def told(root: Path, **changes: Any) -> tuple[Path, ReportFacts]:
    out = root / "report.partial"
    out.mkdir()
    inputs = records.build(root, {"judge": changes}, until="judge")
    return out, report.run(config(with_judge=True), inputs, out)


@pytest.fixture(scope="module")
def better(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ReportFacts]:
    return told(tmp_path_factory.mktemp("better"), calibration=None)


def test_the_certificate_covers_the_verdict(better: tuple[Path, ReportFacts]) -> None:
    out, facts = better
    assert facts.certified
    found = certificate.read(out)
    assert [link.stage for link in found.chain][-2:] == ["verify", "judge"]
    assert report.check_command([str(out)]) == 0


def test_page_and_card_say_who_is_better_how_sure_that_is_and_that_nobody_voted(
    better: tuple[Path, ReportFacts],
) -> None:
    page = Page((better[0] / "report.html").read_text(encoding="utf-8"))
    for part in (
        "Better than the base: net wins +40.0% (95% interval +25.0% to +55.0%)", "Uncalibrated",
        "judge-70b", "won in both orders", "at equal length", "must not gain", "faithfulness", "$0.52",
        "本文は夕方の話である",
    ):  # fmt: skip
        assert part in page.text, part
    assert ("id", "stage-judge") in page.attributes
    card = (better[0] / "README.md").read_text(encoding="utf-8").replace("\\", "")
    assert "Better than the base: net wins +40.0% (95% interval +25.0% to +55.0%). judge-70b judged Q4_K_M" in card
    assert "Uncalibrated: no person's votes stand beside the judge's." in card


def test_a_judge_that_is_not_usable_is_told_of_without_any_rate(tmp_path: Path) -> None:
    reason = "it changes its verdict with the order: the pairs themselves: in 52.0% of 200 pairs; the most is 40.0%"
    out, facts = told(tmp_path, **judge_facts.unusable(reason))
    assert facts.certified  # the GGUF is what it was proven to be
    page = Page((out / "report.html").read_text(encoding="utf-8"))
    card = (out / "README.md").read_text(encoding="utf-8").replace("\\", "")
    for text in (page.text, card):
        assert "annot say" in text
        assert reason in text.replace("It changes", "it changes")
        assert "net wins +" not in text
        assert "won in both orders" not in text


def test_a_folder_without_a_judge_says_nothing_of_one(tmp_path: Path) -> None:
    out = tmp_path / "report.partial"
    out.mkdir()
    report.run(config(), records.build(tmp_path), out)
    assert "Is it better" not in (out / "README.md").read_text(encoding="utf-8")
    assert "Is it better" not in (out / "report.html").read_text(encoding="utf-8")
