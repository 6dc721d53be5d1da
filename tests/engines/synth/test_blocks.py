"""Candidates in blocks: the same ends whatever comes first, and why there are no more of them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from jobs.engines.endpoints.pool import AskingEnds
from jobs.engines.synth.blocks import BlockOptions, Blocks, Methods
from jobs.engines.synth.vetting import Vetted
from jobs.logic.endpoints.calls import Answer, Ask, Call, Sampling
from jobs.logic.row import Message
from jobs.logic.synth import state as states
from jobs.logic.synth.candidate import Made, Plan, Seed, State
from jobs.logic.synth.overlap import Texts

SEED = Seed("r1", "s1", (Message("user", "a question"), Message("assistant", "an answer")))


class Counting:
    """A method whose candidate is a text drawn by its number and by how many rows there were when it was planned."""

    name = "counting"

    def __init__(self, most: int = 10**9) -> None:
        self.most = most

    def plan(self, number: int, rng: random.Random, state: State) -> Plan | None:
        if number >= self.most:
            return None
        return Plan(number, self.name, "best", (SEED.id,), SEED.source, number, len(state.grown))

    async def make(self, plan: Plan, ask: Ask) -> Made:
        answer = await ask(Call((Message("user", f"{plan.number} after {plan.data}"),), Sampling(0, 1, 8, plan.seed)))
        said = (Message("user", answer.text), Message("assistant", "it is so"))
        return Made(plan, said, None, call_ids=(answer.call_id,))


class AllPass:
    """Row checks that take everything but what `no` names."""

    def __init__(self, no: Callable[[str], bool] = lambda text: False) -> None:
        self.no, self.accepted = no, list[Mapping[str, Any]]()

    def judge(self, rows: Sequence[Mapping[str, Any]]) -> list[Vetted]:
        texts = [str(row["messages"][0]["content"]) for row in rows]
        return [
            Vetted(None, "cut-off", "", None) if self.no(text) else Vetted(dict(row), None, "", None)
            for text, row in zip(texts, rows, strict=True)
        ]

    def accept(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.accepted += rows


def words(call: Call) -> str:
    return " ".join(random.Random(call.messages[0].content).choices("abcdefghijklmnopqrstuvwxyz", k=30))


def blocks(ask: Ask, rows: int = 30, no: Callable[[str], bool] = lambda text: False, **changes: Any) -> Blocks:
    plain: dict[str, Any] = {
        "rows": rows, "most_per_row": 4.0, "min_acceptance": 0.05, "after": 40, "block": 8, "at_once": 4, "seed": 1,
    }  # fmt: skip
    options = BlockOptions(**plain | {name: value for name, value in changes.items() if name in plain})
    methods = Methods([(Counting(changes.get("most", 10**9)), 1.0)], 1)
    vetter: Any = AllPass(no)
    return Blocks(methods, ask, None, vetter, Texts([], False), lambda prompt: prompt, options, lambda *_: None)


def ended(work: Blocks) -> str:
    return asyncio.run(work.run(states.begun((SEED,), (SEED,), 0.0)))


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_answers_decides_nothing(seed: int) -> None:
    async def at_once(call: Call) -> Answer:
        return Answer(call.digest("m"), words(call), "stop")

    delays = random.Random(seed)

    async def late(call: Call) -> Answer:
        await asyncio.sleep(delays.random() / 100)
        return await at_once(call)

    def third(text: str) -> bool:
        return text < "h"

    one, other = blocks(at_once, no=third), blocks(late, no=third)
    assert ended(one) == ended(other) == "enough"
    assert one.settled == other.settled
    numbers = [end.made.plan.number for end in one.settled]
    assert numbers == sorted(set(numbers))
    assert sum(end.row is not None for end in one.settled) == one.num_rows == 30
    assert {end.reason for end in one.settled} >= {None, "cut-off"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"no": lambda text: True}, "acceptance"),
        ({"no": lambda text: True, "after": 10**6}, "candidates"),
        ({"most": 20}, "seeds"),
    ],
)
def test_why_it_ended(changes: dict[str, Any], expected: str) -> None:
    async def ask(call: Call) -> Answer:
        return Answer(call.digest("m"), words(call), "stop")

    work = blocks(ask, **changes)
    assert ended(work) == expected
    assert work.num_rows < 30
    assert len(work.settled) <= 120


def test_a_candidate_like_another_is_dropped_whatever_block_it_is_of() -> None:
    async def ask(call: Call) -> Answer:
        return Answer(call.digest("m"), "always the same words in the same order", "stop")

    work = blocks(ask)
    assert ended(work) == "acceptance"
    assert work.num_rows == 1
    assert {end.reason for end in work.settled[1:]} == {"too-like-another"}


def test_a_cap_says_how_many_rows_there_are_and_the_word_that_takes_them() -> None:
    asked = 0

    async def ask(call: Call) -> Answer:
        nonlocal asked
        asked += 1
        if asked > 24:
            raise AskingEnds("max_calls: 24 of 24 calls are made")
        return Answer(call.digest("m"), words(call), "stop")

    work = blocks(ask)
    with pytest.raises(AskingEnds, match=r"24 of 24 calls are made; [1-9]\d* of 30 rows are made") as found:
        ended(work)
    assert found.value.words == (f"synth.rows={work.num_rows}",)
