"""One figure has one rounding: a whole run's terminal tables, messages, page and card hold no other form of a fact."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from jobs import report
from jobs.checks.report import ReportLimits
from jobs.core import chain, pipeline
from jobs.core.artifact import Artifact
from jobs.logic.pages import amounts
from tests.stages import records

NUMBER = re.compile(r"(?<![\w.,:/-])[<>]?[+-]?\d+(?:,\d{3})*(?:\.\d+)?(?:e-?\d+)?%?(?![\w/:]|\.\d)")
DRAWN = re.compile(
    r'<text class="tick".*?</text>|<section id="(?:provenance|digests|samples)">.*?</section>', re.DOTALL
)
NEAR = [
    # retentions and shares that a fixed number of decimals would make all, or another
    records.parity("merged", 1 - 3e-13, 0.0, 3.2e-13), records.parity("F16", 0.99977, 0.00013, 9.1e-7),
    records.parity("Q4_K_M", 0.90498, 0.0012, 0.01114),
]  # fmt: skip


def run(folder: Path, until: str = "verify") -> dict[str, Artifact]:
    behaviours = [one | {"stop_rate": 0.9985 if one["model"] != "base" else 0.4249, "agreement": 0.63049}
                  for one in records.verify()["behaviours"]]  # fmt: skip
    changed = {"verify": {"parities": NEAR, "behaviours": behaviours, "same_text": {"F16": 0.99951, "Q4_K_M": 0.8333}},
               "train": {"best_eval_loss": 0.81249, "first_eval_loss": 2.71449}}  # fmt: skip
    return records.build(folder, changed, until=until)


def told(folder: Path, inputs: dict[str, Artifact]) -> str:
    """Every word that a person sees of a run."""
    out = folder / "told"
    out.mkdir()
    report.run(
        report.ReportConfig(run="t", title="t", num_samples=0, languages=[], license="unknown", sign_with=None,
                            with_made_rows=False, with_judge=False, judged_by=records.limits(), limits=ReportLimits()),
        inputs, out,
    )  # fmt: skip
    page = DRAWN.sub("", (out / "report.html").read_text(encoding="utf-8"))
    page = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    words = [unescape(re.sub(r"<[^>]*>", " ", page)), (out / "README.md").read_text(encoding="utf-8").replace("\\", "")]
    for name, artifact in inputs.items():
        facts = chain.load(name).gate.facts.model_validate(artifact.record.facts, strict=False)
        words += [f"{what} {value}" for what, value in facts.lines()]
        words += [message for finding in artifact.record.verdict.findings for message in finding.messages]
    return "\n".join(words)


def measured(data: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Every float of a record's facts or limits, with its name."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from measured(
                value, name if isinstance(value, float) and name.startswith(("same_text", "min_")) else key
            )
    elif isinstance(data, list):
        for value in data:
            yield from measured(value, name)
    elif isinstance(data, float):
        yield name, data


def rounds(text: str, name: str, value: float) -> bool:
    """Whether a figure is this value, rounded to the digits that it has, two or more; a whole number is a count."""
    if not re.search(r"[.e%]", text):
        return False
    if text.endswith("%") != (amounts.kind(name, value) is amounts.percent):
        return False
    bare = text.lstrip("<>+").replace(",", "").removesuffix("%")
    said, exact = Decimal(bare), Decimal(value) * (100 if text.endswith("%") else 1)
    if len(said.as_tuple().digits) < 2 or not said or float(value).is_integer():
        return False
    return abs(said - exact) <= Decimal(10) ** int(said.as_tuple().exponent) / 2


def forms(name: str, value: float) -> set[str]:
    """How a value may stand: by its kind, and as a difference with its sign."""
    say = amounts.kind(name, value)
    return {say(value), amounts.signed(value, say), amounts.number(value, 3)}


def others(inputs: dict[str, Artifact], text: str) -> list[tuple[str, float, str]]:
    """Forms of facts that are not theirs, and of no other fact or limit."""
    facts = [pair for one in inputs.values() for pair in measured(one.record.facts)]
    limits = list(measured(records.limits()))
    right = {form for name, value in [*facts, *limits] for form in forms(name, value)}
    found = set(NUMBER.findall(text.replace("95% interval", ""))) - right
    return [(name, value, said) for name, value in facts for said in found if rounds(said, name, value)]


@pytest.mark.parametrize("until", ["smoke", "verify"])
def test_no_fact_has_a_second_rounding(until: str, tmp_path: Path) -> None:
    inputs = run(tmp_path, until)
    text = told(tmp_path, inputs)
    assert others(inputs, text) == []


def test_each_place_says_the_same(tmp_path: Path) -> None:
    inputs = run(tmp_path)
    text = told(tmp_path, inputs)
    for said in ("99.98%", "90.5%", "99.9%", "99.95%", "83.3%", "0.630", "0.8125", "2.714", "9.1e-7", "0.0111"):
        assert len(re.findall(rf"(?<![\d.]){re.escape(said)}", text)) >= 2, said
    assert not {"100.0%", "0.0%", "100.00%", "99.85%"} & set(NUMBER.findall(text))
    assert ">99.9999%" in text


def test_a_second_rounding_is_found(tmp_path: Path) -> None:
    inputs = run(tmp_path)
    for said in ("keeps 99.977%", "loss 0.81", "keeps 90.50%", "keeps 99.98%, loss 0.8125", "agreement 0.6305"):
        assert bool(others(inputs, said)) == (said != "keeps 99.98%, loss 0.8125"), said


def test_the_demo_has_one_rounding_too(demo_run: Path) -> None:
    inputs = {name: Artifact.open(demo_run / name) for name in pipeline.USUAL[:-1]}
    page = DRAWN.sub("", (demo_run / "report" / "report.html").read_text(encoding="utf-8"))
    page = unescape(re.sub(r"<[^>]*>", " ", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)))
    card = (demo_run / "report" / "README.md").read_text(encoding="utf-8").replace("\\", "")
    shown = {name: json.loads((demo_run / name / "artifact.json").read_text())["facts"] for name in inputs}
    assert shown["verify"]["parities"]
    assert others(inputs, f"{page}\n{card}") == []
