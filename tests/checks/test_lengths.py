"""What is said of prompts that are longer than the rows, and the context that follows from it."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.checks import lengths
from jobs.checks.behaviour import Generation
from jobs.checks.lengths import LengthFacts, LengthsConfig, Stretched
from tests.checks.length_facts import LENGTH_LIMITS, at, length_facts
from tests.checks.test_behaviour import MEASURE as MEASURE_OF_THREE
from tests.checks.test_verify import facts as verify_facts, messages, status

NAN = float("nan")
MEASURE = MEASURE_OF_THREE.model_copy(update={"overlap_chars": 8})
LOST = {"agreement": 0.3}
NOTHING = length_facts(num_rows=0, longest_prompt=0).model_copy(update={"found": []})


@pytest.mark.parametrize(
    ("code", "found", "expected"),
    [
        ("PAR040", length_facts(), "pass"),
        ("PAR040", length_facts(at(1), at(2, agreement=0.71), at(4, stop_rate=0.9)), "pass"),
        ("PAR040", length_facts(at(1), at(2, agreement=0.69)), "warn"),
        ("PAR040", length_facts(at(1), at(2, stop_rate=0.89)), "warn"),
        ("PAR040", length_facts(at(1), at(2), at(4, stop_rate=NAN)), "warn"),
        ("PAR040", length_facts(at(1), at(2, agreement=NAN)), "warn"),
        ("PAR040", length_facts(at(1), at(2), at(1, "Q8_0"), at(2, "Q8_0", **LOST)), "warn"),
        ("PAR040", length_facts(at(1)), "skip"),
        ("PAR040", NOTHING, "skip"),
        ("PAR041", length_facts(), "pass"),
        ("PAR041", length_facts(too_long=[4]), "warn"),
        ("PAR041", NOTHING, "warn"),
        ("PAR041", NOTHING.model_copy(update={"times": []}), "pass"),
    ],
)
def test_rules(code: str, found: LengthFacts, expected: str) -> None:
    assert status(code, verify_facts(lengths=found)) == expected


def test_messages_have_what_was_measured_and_the_limit() -> None:
    found = length_facts(at(1), at(2, stop_rate=0.5, agreement=0.31), too_long=[4])
    assert messages("PAR040", verify_facts(lengths=found)) == (
        "Q4_K_M, 16 prompts of 200 to 210 tokens: 50.0% of the answers stop, the least is 90.0%; "
        "agreement 0.310 and 0.800 at their own length, 0.490 less; the most is 0.100"
    )
    assert messages("PAR041", verify_facts(lengths=found)) == (
        "4 times the longest row and an answer are 636 tokens, the most is 2,048"
    )


@pytest.mark.parametrize(
    ("found", "times", "context", "why"),
    [
        (length_facts(), 4, 474, "474 tokens: prompts held up to 410 tokens, and an answer may take 64"),
        (length_facts(at(1), at(2), at(4, **LOST)), 2, 274, "274 tokens: prompts held up to 210 tokens, and"),
        (length_facts(at(1), at(2, **LOST), at(4)), 1, 174, "174 tokens: prompts held up to 110 tokens, and"),
        (length_facts(at(1), longest_prompt=125), 1, 189, "189 tokens: prompts held up to 125 tokens, and an answer"),
        (length_facts(at(1), longest_row=190), 1, 190, "190 tokens: the longest row, for prompts held up to"),
        (length_facts(most=450), 4, 450, "450 tokens: prompts held up to 410 tokens, and an answer may take 64; more"),
        (
            NOTHING.model_copy(update={"longest_prompt": 125}),
            None,
            189,
            "189 tokens: prompts held up to 125 tokens, and",
        ),
        (NOTHING, None, None, ""),
    ],
)
def test_the_context_is_what_held_and_an_answer(
    found: LengthFacts, times: int | None, context: int | None, why: str
) -> None:
    best = lengths.held(found, LENGTH_LIMITS, "Q4_K_M")
    assert (best.times if best else None) == times
    assert lengths.context(found, LENGTH_LIMITS, "Q4_K_M") == context
    assert lengths.context_said(found, LENGTH_LIMITS, "Q4_K_M").startswith(why)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            length_facts(),
            "With other documents in front, prompts of up to 410 tokens hold: of 16 at 400 to 410 tokens, 100% of the "
            "answers end by themselves, agreement 0.800, 0.800 at their own length. Longer ones were not measured.",
        ),
        (
            length_facts(at(1), at(2), at(4, **LOST)),
            "With other documents in front, prompts of up to 210 tokens hold: of 16 at 200 to 210 tokens, 100% of the "
            "answers end by themselves, agreement 0.800, 0.800 at their own length. Longer prompts do not hold: with "
            "other documents in front, at 400 to 410 tokens 100% of 16 answers end by themselves, agreement 0.300, "
            "0.800 at their own length.",
        ),
        (
            length_facts(at(1), too_long=[2, 4], most=300),
            "Longer prompts were not measured: 2 times and 4 times the longest row and an answer are more than the 300 "
            "tokens the model attends to.",
        ),
        (NOTHING, "Longer prompts were not measured: no held-out prompt could be stretched."),
    ],
)
def test_the_sentence_is_what_was_measured(found: LengthFacts, said: str) -> None:
    assert lengths.length_said(found, LENGTH_LIMITS, "Q4_K_M") == said


def test_the_table_has_every_file_at_every_length() -> None:
    grid = lengths.table(length_facts(at(1), at(2, **LOST), at(1, "Q8_0"), at(2, "Q8_0")), LENGTH_LIMITS)
    assert grid is not None
    assert [(row[0], row[1], row[-1]) for row in grid["rows"]] == [
        ("Q4_K_M", "100 to 110 tokens", ""), ("Q4_K_M", "200 to 210 tokens", "no"),
        ("Q8_0", "100 to 110 tokens", ""), ("Q8_0", "200 to 210 tokens", "yes"),
    ]  # fmt: skip
    assert lengths.table(NOTHING, LENGTH_LIMITS) is None


@pytest.mark.parametrize(
    ("model_length", "length", "most", "too_long"),
    [("auto", 2048, 2048, []), (400, 2048, 400, [4]), (4096, 300, 300, [2, 4]), (32_768, 40_960, 32_768, [])],
)
def test_no_prompt_is_longer_than_the_model_attends_to(
    model_length: Any, length: int, most: int, too_long: list[int]
) -> None:
    cfg = LengthsConfig(times=[2, 4], num_rows=16, max_tokens=1000, model_length=model_length)
    facts = {"preflight": {"train": {"longest": 143}}, "fetch": {"length": length}, "smoke": {"max_new_tokens": 64}}
    found = lengths.asked(cfg, facts)
    assert (found.most, found.too_long) == (most, too_long)
    assert found.sizes == {times: 143 * times for times in (2, 4) if times not in too_long}


def answer(name: str, model: str, text: str, stopped: bool = True) -> Generation:
    return Generation(
        id=name, model=model, prompt="default", text=text, ids=[1], stopped=stopped, reference="made up", opening=""
    )


def test_answers_are_counted_once_each_and_judged_by_preflights_references() -> None:
    rows = [{"id": name, "prompt_ids": [1] * 5, "reference": f"{name} title"} for name in ("a", "b")]
    prompts = {2: {"a": [1] * 20, "b": [1] * 18}}
    named = {row["id"]: answer(row["id"], "Q8_0", row["reference"]) for row in rows}
    own = {(name, "Q8_0", "default"): one.model_copy(update={"reference": one.text}) for name, one in named.items()}
    own |= {("b", "Q8_0", "no_thinking"): answer("b", "Q8_0", "another prompt")}
    lines = [
        Stretched(times=2, num_prompt_tokens=20, answer=answer("a", "Q8_0", "a title")),
        Stretched(times=2, num_prompt_tokens=20, answer=answer("a", "Q8_0", "a title", stopped=False)),
        Stretched(times=2, num_prompt_tokens=17, answer=answer("b", "Q8_0", "b title")),
        Stretched(times=2, num_prompt_tokens=20, answer=answer("a", "merged", "a title")),
    ]
    facts, num_missing = lengths.measured(length_facts(), prompts, lines, ["Q8_0"], own, rows, MEASURE)
    assert num_missing == 1
    assert (facts.num_rows, facts.longest_prompt) == (2, 5)
    seen = [(one.times, one.num_rows, one.shortest, one.longest, one.stop_rate, one.exact_rate) for one in facts.found]
    assert seen == [(1, 2, 5, 5, 1.0, 1.0), (2, 1, 20, 20, 0.0, 1.0)]
