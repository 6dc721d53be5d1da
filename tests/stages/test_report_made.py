"""Made rows in the report, on the card and in the chain."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs import report
from jobs.checks.report import ReportFacts
from jobs.core import certificate
from tests.stages import records
from tests.stages.test_report import Page, config

TAKES = {"preflight": ("synth",)}


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, ReportFacts]:
    out = tmp_path / "report.partial"
    out.mkdir()
    inputs = records.build(tmp_path, takes=TAKES)
    return out, report.run(config(with_made_rows=True), inputs, out)


def test_a_run_with_made_rows_is_certified_with_them_in_its_chain(made: tuple[Path, ReportFacts]) -> None:
    out, facts = made
    assert facts.certified
    found = certificate.read(out)
    assert [link.stage for link in found.chain][:4] == ["prepare", "fetch", "synth", "preflight"]
    assert found.links["preflight"].record.key.inputs["synth"] == found.links["synth"].digest
    assert report.check_command([str(out)]) == 0


def test_page_and_card_say_how_many_rows_are_made_and_by_whom(made: tuple[Path, ReportFacts]) -> None:
    page = Page((made[0] / "report.html").read_text(encoding="utf-8"))
    for part in (
        "400 rows of the 1,524 trained on are synthetic: written by teacher-70b with Self-Instruct.",
        "low-score", "too-like-another", "judge-30b", "$1.92", "the best seeds by score", "夕暮れの港、風を待つ",
    ):  # fmt: skip
        assert part in page.text, part
    assert ("id", "stage-synth") in page.attributes
    card = (made[0] / "README.md").read_text(encoding="utf-8").replace("\\", "")
    assert "400 of the 1,524 rows trained on are synthetic, 26.2%: written by teacher-70b with Self-Instruct" in card
    assert "None was made from a held-out row or is near one." in card
    assert "They were scored by judge-30b, at least 3.5 of 5." in card


def test_a_chain_that_lost_the_made_rows_is_not_certified(tmp_path: Path) -> None:
    out = tmp_path / "report.partial"
    out.mkdir()
    inputs = {name: one for name, one in records.build(tmp_path, takes=TAKES).items() if name != "synth"}
    facts = report.run(config(with_made_rows=True), inputs, out)
    assert not facts.certified
    assert facts.missing == ["synth"]


def test_a_folder_without_made_rows_says_nothing_of_them(tmp_path: Path) -> None:
    out = tmp_path / "report.partial"
    out.mkdir()
    report.run(config(), records.build(tmp_path), out)
    assert "synthetic" not in (out / "README.md").read_text(encoding="utf-8")
    assert "Made rows" not in (out / "report.html").read_text(encoding="utf-8")
