"""Every rule of the gate on a judge: good, bad, and the edges."""

from __future__ import annotations

from math import nan
from pathlib import Path
from typing import Any

import pytest

from jobs.checks.judge import GATE, JudgeFacts, JudgeLimits
from jobs.checks.judge_config import JudgeConfig
from jobs.core.compose import compose
from jobs.core.config import checked
from jobs.core.errors import Refusal
from jobs.engines.judging import bases
from jobs.engines.judging.counting import Resampling, criteria, unaccounted_scores
from jobs.engines.judging.outside import digests
from jobs.judge import outside
from jobs.logic.judging.pairs import Pair
from jobs.logic.pages import judge_section
from jobs.logic.synth.scores import CANNOT_SAY
from tests.checks import judge_facts
from tests.checks.judge_facts import answers, blame, calibration, forgetting, group, interval, judging, result

LIMITS = JudgeLimits(min_net_win=0.2, max_failed_share=0.1, min_agreement=0.4, min_stop_rate=0.99)
FAILED = [{"purpose": "judge/pairs", "calls": 100, "failed": {"call-failed": 11}, "prompt_tokens": 1,
           "completion_tokens": 1}]  # fmt: skip
LIKES_A_PLACE = "it likes the first place: the pairs themselves: that place won 90.0% more"


def facts(**changes: Any) -> JudgeFacts:
    return JudgeFacts.model_validate(judge_facts.plain(**changes))


def status(code: str, found: JudgeFacts, limits: JudgeLimits = LIMITS) -> str:
    return GATE.judge(found, limits, {}).statuses[code]


def test_good_facts_pass_every_rule() -> None:
    verdict = GATE.judge(facts(), LIMITS, {})
    assert set(verdict.statuses.values()) == {"pass"}, verdict.statuses


@pytest.mark.parametrize(
    ("code", "changes", "expected"),
    [
        ("JDG002", {"answers": answers(missing=1)}, "fail"),
        ("JDG002", {"answers": answers(num_rows=0, first_stopped=0)}, "fail"),
        ("JDG003", {"unaccounted": 1}, "fail"),
        ("JDG004", {"result": result(net=interval(0.3, 0.19, 0.41))}, "fail"),
        ("JDG004", {"result": result(net=interval(0.3, 0.2, 0.4))}, "pass"),
        ("JDG004", {"result": result(net=interval(nan, nan, nan))}, "fail"),
        ("JDG005", {"judging": judging(kin="it is of the family of its base: no other can be had")}, "warn"),
        ("JDG006", {"judging": judging(unknown_kin=["its base"])}, "warn"),
        ("JDG007", {"result": result(word="worse", net=interval(-0.3, -0.4, -0.2))}, "warn"),
        ("JDG008", {"result": result(word="no difference shown", net=interval(0.1, -0.1, 0.3))}, "warn"),
        ("JDG008", {"result": result(word="cannot say", net=interval(0.1, nan, nan))}, "warn"),
        ("JDG009", {"calibration": None}, "warn"),
        ("JDG010", {"calibration": None}, "skip"),
        ("JDG010", {"calibration": calibration(agreement=interval(0.6, 0.39, 0.8))}, "warn"),
        ("JDG010", {"calibration": calibration(agreement=interval(nan, nan, nan))}, "warn"),
        ("JDG010", {"calibration": calibration(num_same=40, agreement=interval(nan, nan, nan))}, "skip"),
        ("JDG011", {"result": result(at_equal_length=interval(0.1, -0.01, 0.2))}, "warn"),
        ("JDG011", {"result": result(at_equal_length=interval(nan, nan, nan))}, "warn"),
        ("JDG011", {"result": result(at_equal_length=None)}, "skip"),
        ("JDG011", {"result": result(word="no difference shown")}, "skip"),
        ("JDG012", {"answers": answers(first_stopped=197)}, "warn"),
        ("JDG012", {"answers": answers(first_stopped=198)}, "pass"),
        ("JDG012", {"answers": answers(num_rows=0, first_stopped=0)}, "skip"),
        ("JDG013", {"judging": judging(asked=FAILED)}, "warn"),
        ("JDG013", {"judging": judging(asked=[])}, "skip"),
        ("JDG014", {"blame": blame(lost=interval(0.1, 0.01, 0.2))}, "warn"),
        ("JDG014", {"blame": None}, "skip"),
        ("JDG014", {"blame": None, "no_blame": ["it likes the first place"]}, "skip"),
        ("JDG015", {"judging": judging(usd=1.21, estimated_usd=0.6)}, "warn"),
        ("JDG015", {"judging": judging(usd=None)}, "skip"),
        ("JDG016", {"forgetting": forgetting(group(verdict="worse", tuned_right=80, only_base=45))}, "warn"),
        ("JDG016", {"forgetting": forgetting(group(verdict="no signal", base_right=0, tuned_right=0))}, "pass"),
        ("JDG016", {"forgetting": forgetting()}, "skip"),
    ],
)  # fmt: skip
def test_a_rule_finds_what_it_is_called(code: str, changes: dict[str, Any], expected: str) -> None:
    assert status(code, facts(**changes)) == expected


def test_a_judge_that_is_not_usable_says_nothing_and_stops_nothing_that_was_not_demanded() -> None:
    found = JudgeFacts.model_validate(judge_facts.unusable(LIKES_A_PLACE))
    verdict = GATE.judge(found, LIMITS.model_copy(update={"min_net_win": None}), {})
    assert verdict.status == "pass"
    assert verdict.statuses["JDG001"] == "warn"
    assert {verdict.statuses[f"JDG{number:03}"] for number in (4, 7, 8, 9, 10, 11, 14)} == {"skip"}
    assert dict(found.lines())["verdict"] == "cannot say: the judge is not usable"
    assert LIKES_A_PLACE in [value for _, value in found.lines()]
    assert not any("net wins" in value for _, value in found.lines())


def test_what_is_demanded_of_a_judge_that_is_not_usable_is_not_met() -> None:
    found = JudgeFacts.model_validate(judge_facts.unusable(LIKES_A_PLACE))
    verdict = GATE.judge(found, LIMITS, {})
    assert verdict.status == "fail"
    assert verdict.statuses["JDG004"] == "fail"


def test_nothing_is_demanded_unless_somebody_does() -> None:
    found = facts(
        result=result(word="worse", net=interval(-0.3, -0.4, -0.2), at_equal_length=interval(-0.3, -0.4, -0.2))
    )
    assert status("JDG004", found, LIMITS.model_copy(update={"min_net_win": None})) == "skip"


def test_lines_say_the_verdict_first_and_that_nobody_voted() -> None:
    lines = facts(calibration=None).lines()
    assert lines[0] == ("verdict", "better than the base: net wins +40.0% (95% interval +25.0% to +55.0%)")
    assert lines[1][1].startswith("uncalibrated")
    assert ("score: faithfulness", "4.4, against 3.1 (+1.3, +1.1 to +1.5); cannot say of 6 answers") in lines


def test_another_file_at_the_same_path_is_another_judge(tmp_path: Path) -> None:
    gguf, rubric, prompts = tmp_path / "judge.gguf", tmp_path / "mine.yaml", tmp_path / "prompts"
    (prompts / "en").mkdir(parents=True)
    files = gguf, rubric, prompts / "en" / "pair.txt"
    for file in files:
        file.write_text("one")
    before = digests(str(gguf), rubric, prompts)
    assert digests(str(gguf), rubric, prompts) == before
    for file in files:
        file.write_text("another")
    after = digests(str(gguf), rubric, prompts)
    assert list(after) == ["conf/judge/prompts", "judge.judge.gguf", "judge.rubric"]
    assert all(after[label] != before[label] for label in after)
    assert list(digests(str(tmp_path / "gone.gguf"), None, prompts)) == ["conf/judge/prompts"]
    found = outside(checked(JudgeConfig, compose(["judge=pairwise", f"judge.judge.gguf={gguf}"])["judge"], "judge"))
    assert {"judge.judge.gguf", "judge.rubric", "conf/judge/prompts"} <= set(found)


NONE = interval(nan, nan, nan)


def test_page_and_terminal_have_no_figure_where_there_is_none() -> None:
    few = result(at_equal_length=NONE, least_difference=1.181, word="no difference shown", sentence="no difference")
    parted = calibration(num_same=3, agreement=NONE)
    one = {"name": "faithfulness", "num_rows": 4, "first": 4.5, "second": 3.0, "difference": interval(1.5, nan, nan),
           "cannot_say": 0, "failed": 2}  # fmt: skip
    found = facts(result=few, calibration=parted, scores=[one])
    lines = dict(found.lines())
    assert lines["at equal length"] == "no interval: too few sources"
    assert lines["people"] == "the same as 3 people in 3 of 40 pairs; no agreement can be computed"
    assert lines["score: faithfulness"] == "4.5, against 3 (+1.5, no interval); nothing read of 2 answers"
    page = judge_section.page(found.model_dump(), None)
    assert page is not None
    assert ("at equal length", "no interval: too few sources") in page["numbers"]
    assert ("smallest difference that so many rows can show", "none: there are too few") in page["numbers"]
    assert page["scores"] == [("faithfulness", "4.5", "3", "+1.5 (no interval)", "0, 2 not read")]
    assert "in 3 of 40; no agreement can be computed." in page["note"]
    assert "not a number" not in f"{page}{lines}"
    ((text,),) = [one.messages for one in GATE.judge(found, LIMITS, {}).findings if one.code == "JDG010"]
    assert text.startswith("no interval of alpha; the least of its lower end is")


def test_a_score_that_failed_is_no_judge_that_cannot_say_and_one_that_is_gone_is_missed() -> None:
    pairs = [Pair(name, None, (), "one", "other") for name in ("a", "b", "c")]
    said: list[Any] = [4, CANNOT_SAY, 3, 3, None]
    lines = [
        {"id": row, "which": which, "criteria": {} if score is None else {"truth": score}}
        for (row, which), score in zip([(p.id, w) for p in pairs for w in ("first", "second")], said, strict=False)
    ]
    (found,) = criteria(lines, pairs, ["truth"], Resampling(100, 1))
    assert (found["num_rows"], found["cannot_say"], found["failed"]) == (1, 1, 1)
    assert unaccounted_scores(lines, pairs) == 1
    assert unaccounted_scores([*lines, {**lines[0], "id": "nobody"}, lines[1]], pairs) == 3
    assert unaccounted_scores([], []) == 0


def test_a_base_has_no_importance_matrix_which_is_said_or_refused() -> None:
    assert bases.named("Q4_K_M", weighed=True) == "the base in Q4_K_M, without the importance matrix"
    assert bases.named("F16", weighed=True) == "the base in F16"
    assert bases.named("Q4_K_M", weighed=False) == "the base in Q4_K_M"
    bases.require_quantizable("Q4_K_M", ["Q4_K_M"])
    with pytest.raises(Refusal, match=r"in IQ2_M, which needs .* rows; judge\.type=Q4_K_M$") as refused:
        bases.require_quantizable("IQ2_M", ["IQ2_M", "Q4_K_M"])
    assert refused.value.words == ("judge.type=Q4_K_M",)
    with pytest.raises(Refusal, match=r"quantize\.types"):
        bases.require_quantizable("IQ2_M", ["IQ2_M"])
