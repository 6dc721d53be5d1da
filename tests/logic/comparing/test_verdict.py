"""Behaviour first, taste second, and two models that are the same differ in no more than one comparison of twenty."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from jobs.logic.comparing.judgement import Judgement, judgement
from jobs.logic.comparing.measures import Answer, Row, Seen, facts, is_sound, latency, looked_at
from jobs.logic.comparing.tables import judge_rows, rows, unusable
from jobs.logic.comparing.tallies import Resampling
from jobs.logic.comparing.verdict import Verdict, split, verdict
from jobs.logic.judging.pairs import Choice, Judged, Pair
from jobs.logic.parity.behaviour import Measure
from jobs.logic.row import Message

HOW = Resampling(num_resamples=400, seed=1, level=0.95)
LOOPS = Measure(repeat_chars=12, loop_repeats=4, loop_chars=20)
NAMES = ("mine", "yours")
RIGHT, NEAR, WRONG = "a whole right answer", "a whole wrong answer", "0123"


def seen(first: Sequence[str], second: Sequence[str], stops: tuple[float, float] = (1.0, 1.0)) -> list[Seen]:
    """Rows whose answers are as given; of each model a share of the first answers stops."""
    number = len(first)
    found = [Row(f"r{place}", f"s{place // 2}", RIGHT) for place in range(number)]
    answers = [
        [Answer(text, place < round(share * number), 10) for place, text in enumerate(texts)]
        for texts, share in ((first, stops[0]), (second, stops[1]))
    ]
    return looked_at(found, answers[0], answers[1], LOOPS)


def said(rows_seen: Sequence[Seen], found: Judgement | None = None, same: bool = False) -> Verdict:
    return verdict(rows_seen, NAMES, HOW, found, same)


def judged(choices: Sequence[tuple[Choice | None, Choice | None]], *unusable: str) -> Judgement:
    pairs = [Pair(f"r{n}", None, (Message("user", "?"),), "one", "two") for n in range(len(choices))]
    return judgement(pairs, [Judged(f"r{n}", both) for n, both in enumerate(choices)], unusable, split(HOW, 3))


WINS: list[tuple[Choice | None, Choice | None]] = [("first", "first")] * 40
LOSSES: list[tuple[Choice | None, Choice | None]] = [("second", "second")] * 40


@pytest.mark.parametrize(
    ("first", "second", "word"),
    [
        ([RIGHT] * 40, [WRONG] * 40, "better"),
        ([WRONG] * 40, [RIGHT] * 40, "worse"),
        ([RIGHT] * 40, [RIGHT] * 40, "no difference shown"),
        ([RIGHT] * 20 + [WRONG] * 20, [WRONG] * 20 + [RIGHT] * 20, "no difference shown"),
        ([RIGHT], [WRONG], "cannot say"),
    ],
)
def test_taste_decides_where_both_behave(first: list[str], second: list[str], word: str) -> None:
    assert said(seen(first, second)).word == word


def test_better_that_does_not_stop_is_not_better() -> None:
    found = said(seen([RIGHT] * 40, [WRONG] * 40, stops=(0.5, 1.0)))
    assert found.word == "worse"
    assert "what mine says is liked better, which does not make up for it" in found.sentence


def test_a_judge_does_not_make_up_for_behaviour_either() -> None:
    assert said(seen([RIGHT] * 40, [RIGHT] * 40, stops=(0.5, 1.0)), judged(WINS)).word == "worse"


@pytest.mark.parametrize(("choices", "word"), [(WINS, "better"), (LOSSES, "worse")])
def test_a_judge_decides_where_the_references_do_not(
    choices: list[tuple[Choice | None, Choice | None]], word: str
) -> None:
    assert said(seen([NEAR] * 40, [NEAR] * 40), judged(choices)).word == word


def test_a_judge_against_the_references_is_no_verdict() -> None:
    found = said(seen([RIGHT] * 40, [WRONG] * 40), judged(LOSSES))
    assert found.word == "cannot say"
    assert "part" in found.sentence


def test_a_judge_that_cannot_be_used_decides_nothing_and_is_not_quoted() -> None:
    found = judged(WINS, "it likes the first place")
    assert (found.wins, found.net.can_say) == (0, False)
    assert judge_rows(found) == []
    assert unusable(found) == ["the judge is NOT USABLE: it likes the first place"]
    assert said(seen([NEAR] * 40, [NEAR] * 40), found).word == "no difference shown"


def test_a_judge_s_wins_are_told_with_what_it_could_not_say() -> None:
    ((what, first, second, net, others),) = judge_rows(judged([*WINS, ("first", "second"), (None, "first")]))
    assert (first, second, others) == ("40", "0", "0 ties, 1 flip, 1 unread")
    assert (what, net[:4]) == ("judge: wins in both orders", "+95.")


def test_one_file_under_two_names_is_told() -> None:
    assert (
        said(seen([RIGHT] * 40, [WRONG] * 40), same=True).sentence
        == "mine and yours are one file: what differs is chance"
    )


def test_what_could_have_been_shown_is_said() -> None:
    sentence = said(seen([RIGHT, WRONG] * 20, [WRONG, RIGHT] * 20)).sentence
    assert "40 rows show one of about" in sentence


@pytest.mark.parametrize("has_judge", [False, True])
def test_a_model_against_itself_ends_in_no_difference_in_95_of_100_seeds(has_judge: bool) -> None:
    """Both draw from the same answers, of which some are wrong and some do not stop, prompts harder by their source."""
    words, trials = [], 120
    for trial in range(trials):
        rng = np.random.default_rng(trial)
        hard = rng.random(30).repeat(2)
        texts = [[WRONG if draw < 0.6 * hard[n] else RIGHT for n, draw in enumerate(rng.random(60))] for _ in range(2)]
        stops = [rng.random(60) > 0.1 for _ in range(2)]
        found = [Row(f"r{place}", f"s{place // 2}", RIGHT) for place in range(60)]
        answers = [
            [Answer(text, bool(stop), 10) for text, stop in zip(some, stopped, strict=True)]
            for some, stopped in zip(texts, stops, strict=True)
        ]
        choices: list[tuple[Choice | None, Choice | None]] = [
            ("first", "first") if draw < 0.4 else ("second", "second") if draw < 0.8 else ("tie", "tie")
            for draw in rng.random(60)
        ]
        heard = judged(choices) if has_judge else None
        words.append(said(looked_at(found, answers[0], answers[1], LOOPS), heard).word)
    assert (
        words.count("no difference shown") >= 0.91 * trials
    )  # of 1,000 trials 96.7 % and more are; see docs/compare.md


def test_facts_are_of_both_and_paired() -> None:
    found = {fact.name: fact for fact in facts(seen([RIGHT] * 30 + [""] * 10, [RIGHT] * 40, (1.0, 0.5)), HOW)}
    assert (found["empty"].first, found["empty"].second, found["empty"].difference.value) == (0.25, 0.0, 0.25)
    assert (found["stopped"].first, found["stopped"].second) == (1.0, 0.5)
    assert (found["sound"].first, found["sound"].second) == (0.75, 0.5)
    assert found["exact"].p < 0.1
    assert len(rows(list(found.values()))) == len(found)


@pytest.mark.parametrize(
    ("text", "stopped", "sound"),
    [
        (RIGHT, True, True), (RIGHT, False, False), ("", True, False), ("、" * 20, True, False),
        ("and so on, " * 9, True, False), ("<|im_start|>", True, False), ("</think> x", True, False),
    ],
)  # fmt: skip
def test_a_sound_answer_ends_and_has_no_fault(text: str, stopped: bool, sound: bool) -> None:
    (one,) = looked_at([Row("r", None, RIGHT)], [Answer(text, stopped, 3)], [Answer(RIGHT, True, 3)], LOOPS)
    assert is_sound(one.first_signs) is sound


def test_latency_is_told_of_rows_that_were_timed_on_both_sides() -> None:
    some = [Row(f"r{n}", None, RIGHT) for n in range(30)]
    timed = [Answer(RIGHT, True, 3, 0.2) for _ in some]
    slower = [Answer(RIGHT, True, 3, 0.5 + n / 100 if n else None) for n, _ in enumerate(some)]
    found = latency(looked_at(some, timed, slower, LOOPS), HOW)
    assert found is not None
    assert found.difference.value < -0.3
    assert found.difference.high < 0
    assert latency(looked_at(some, timed, [Answer(RIGHT, True, 3)] * 30, LOOPS), HOW) is None
