"""Where candidates end, arms beside each other, and how varied rows are."""

from __future__ import annotations

import random

import pytest

from jobs.logic.row import Message
from jobs.logic.synth import seeds
from jobs.logic.synth.candidate import ARMS, Made, Plan, Seed, Settled, arm_of
from jobs.logic.synth.diversity import distinct_2, diversity
from jobs.logic.synth.funnel import funnel, problems, unparsable
from jobs.logic.synth.reasons import REASONS
from jobs.logic.synth.state import advanced, begun
from tests.logic.synth.teachers import questions, seed, titles

REASON_WORDS = ("unparsable", "schema", "cut", "empty", "call-failed", *REASONS)


def one(number: int, reason: str | None, arm: str = "best", method: str = "craft", lead: str = "a", raw: str = "",
        score: float | None = 4.0, novelty: float | None = 0.5) -> Settled:  # fmt: skip
    plan = Plan(number, method, arm, (lead,), None, 0, None)  # type: ignore[arg-type]
    messages = (Message("user", "Why?"), Message("assistant", "So."))
    row = Seed(f"made-{number}", None, messages, score) if reason is None else None
    return Settled(Made(plan, messages if row else None, reason, raw=raw), reason, "", row, novelty)


def drawn(rng: random.Random, number: int) -> list[Settled]:
    methods = ("craft", "self_instruct", "evol")
    return [
        one(place, rng.choice((None, None, *REASON_WORDS)), rng.choice(ARMS), rng.choice(methods), f"lead-{place % 7}")
        for place in range(number)
    ]


@pytest.mark.parametrize("run", range(20))
def test_every_candidate_is_in_one_place_and_the_sums_say_so(run: int) -> None:
    rng = random.Random(run)
    settled = drawn(rng, rng.randrange(0, 120))
    found = funnel(settled)
    assert problems(found) == []
    assert found["tried"] == len(settled) == found["accepted"] + sum(found["dropped"].values())
    shuffled = settled[:]
    rng.shuffle(shuffled)
    assert funnel(shuffled) == found
    for counts in (counts for arms in found["methods"].values() for counts in arms.values()):
        counts["tried"] += 1
        assert problems(found)
        counts["tried"] -= 1
        counts["dropped"]["cannot"] = counts["dropped"].get("cannot", 0) + 1
        assert problems(found)
        counts["dropped"]["cannot"] -= 1
        break


def test_a_candidate_in_two_places_or_none_is_no_funnel() -> None:
    with pytest.raises(ValueError, match="candidate 3 ended twice"):
        funnel([one(3, None), one(3, "cut")])
    plain = one(4, None)
    with pytest.raises(ValueError, match="candidate 4 has a row and a reason"):
        funnel([Settled(plain.made, "cut", "", plain.row)])
    with pytest.raises(ValueError, match="candidate 4 has no row and no reason"):
        funnel([Settled(plain.made, None)])


def test_what_could_not_be_read_is_shown() -> None:
    settled = [
        one(0, None), one(1, "call-failed"), one(5, "cut", raw='{"answer": "and th'), one(2, "empty", raw=" "),
        one(4, "unparsable", raw="Sure! My token is sk-proj-" + "a1B2c3D4e5F6g7H8" * 3), one(6, "schema", raw="{}"),
        one(7, "unparsable", raw="x" * 9000), one(8, "too-like-another"),
    ]  # fmt: skip
    found = unparsable(settled)
    assert (found["number"], found["of"]) == (5, 8)
    assert [text[:5] for text in found["samples"]] == ["Sure!", '{"ans', "{}"]
    assert "a1B2c3D4e5F6g7H8" not in found["samples"][0]
    assert max(len(text) for text in unparsable(settled[-2:])["samples"]) == 400


def test_every_reason_has_one_line() -> None:
    assert all(line and "\n" not in line for line in REASONS.values())


@pytest.mark.parametrize(("control", "number"), [(0.0, 0), (0.2, 200), (0.1, 100), (0.5, 500), (1.0, 1000)])
def test_the_control_has_its_share(control: float, number: int) -> None:
    arms = [arm_of(place, control) for place in range(1000)]
    assert arms.count("random") == number


def test_the_best_are_those_with_the_highest_scores_and_the_others_are_drawn_from_all() -> None:
    rows = questions()
    best = seeds.best([*rows, seed("Unscored?", "Yes.", 99)], 6, seed=1)
    assert sorted(row.score or 0 for row in best) == [4.0, 4.0, 5.0, 5.0, 5.0, 5.0]
    shuffled = rows[:]
    random.Random(3).shuffle(shuffled)
    assert seeds.best(shuffled, 6, 1) == seeds.best(rows, 6, 1) != seeds.best(rows, 6, 2)
    assert seeds.drawn(shuffled, 6, 1) == seeds.drawn(rows, 6, 1) != seeds.drawn(rows, 6, 2)
    counts = {row.id: 0 for row in rows}
    for run in range(300):
        for row in seeds.drawn(rows, 6, run):
            counts[row.id] += 1
    assert min(counts.values()) > 100


def test_arms_are_compared_with_an_interval() -> None:
    settled = [one(n, None if n % 3 else "cut", "best", lead=f"b{n % 20}", score=4.5, novelty=0.6) for n in range(200)]
    settled += [
        one(200 + n, None if n % 4 == 0 else "cut", "random", lead=f"r{n % 10}", score=4.0, novelty=0.6)
        for n in range(50)
    ]
    found = seeds.arms(settled)
    assert found["best"]["tried"] == 200
    assert found["random"]["accepted"] == 13
    accepted = found["difference"]["acceptance"]
    assert accepted["mean"] == pytest.approx(133 / 200 - 13 / 50)
    assert 0 < accepted["low"] < accepted["mean"] < accepted["high"]
    assert found["difference"]["mean_score"] == pytest.approx({"mean": 0.5, "low": 0.5, "high": 0.5})
    assert found["difference"]["novelty"]["mean"] == pytest.approx(0.0)
    assert seeds.arms(settled) == found


def test_arms_that_are_the_same_differ_in_few_of_many_runs() -> None:
    outside = 0
    for run in range(60):
        rng = random.Random(run)
        settled = [one(n, None if rng.random() < 0.5 else "cut", arm_of(n, 0.3), lead=f"l{n % 60}") for n in range(300)]
        interval = seeds.arms(settled)["difference"]["acceptance"]
        outside += not interval["low"] <= 0 <= interval["high"]
    assert outside <= 9


def test_an_arm_without_rows_has_no_difference() -> None:
    found = seeds.arms([one(0, None)])
    assert found["random"] == {"tried": 0, "accepted": 0, "acceptance": None, "mean_score": None, "novelty": None}
    assert found["difference"]["acceptance"] == {"mean": None, "low": None, "high": None}
    few = seeds.arms([one(n, None, ARMS[n % 2], lead=f"{n % 4}") for n in range(30)])
    assert few["difference"]["acceptance"] == {"mean": 0.0, "low": None, "high": None}


def test_a_block_changes_the_state_the_same_way_in_any_order() -> None:
    rng = random.Random(5)
    state = begun(questions()[:6], questions()[6:], 0.2)
    settled = drawn(rng, 50)
    after = advanced(state, settled)
    rng.shuffle(settled)
    assert advanced(state, settled) == after
    assert [row.seed.id for row in after.grown] == [
        f"made-{s.made.plan.number}" for s in sorted(settled, key=lambda s: s.made.plan.number) if s.row
    ]


def test_variety_is_counted_in_as_much_of_either() -> None:
    assert distinct_2(["a b c d"], False, 99) == 1.0
    assert distinct_2(["a b a b a"], False, 99) == 0.5
    assert distinct_2(["朝市朝市"], True, 99) == pytest.approx(2 / 3)
    assert distinct_2([], True, 99) is None
    rows, copies = (
        questions(),
        [seed(row.prompt + " Say why.", row.answer, 50 + n) for n, row in enumerate(questions()[:3])],
    )
    found = diversity(rows, copies, False, lambda text: text)
    assert found["distance"]["made"] < 0.2 < found["distance"]["before"]
    assert found["together"]["distinct_2"] <= found["before"]["distinct_2"]
    assert found["before"]["prompt"][0] <= found["before"]["prompt"][1] <= found["before"]["prompt"][2]
    assert diversity(titles(), [], True, lambda text: text)["distance"]["made"] is None
    assert diversity([], [], True, lambda text: text)["distance"] == {"before": None, "made": None}
    new = diversity(titles(), questions(), True, lambda text: text)["distance"]["made"]
    assert new > 0.9
