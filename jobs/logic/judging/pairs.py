"""Pairs of answers, asked of a judge in both orders.

An answer wins where it wins in both. A judge that says otherwise once the two change places has flipped: it is counted
as such, and as a tie. What could not be read after every try stays in the denominator, as neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from jobs.logic.endpoints.calls import Answer, Ask, Call, Sampling
from jobs.logic.judging.wording import LETTERS, TIE, JudgesWording
from jobs.logic.row import Message

Choice = Literal["first", "second", "tie"]
Outcome = Literal["win", "loss", "tie", "flip", "unread"]
Order = Literal[0, 1]
ORDERS: tuple[Order, Order] = (0, 1)
"""0: the first answer is shown as A; 1: the second one is."""
VALUE: dict[Outcome, int] = {"win": 1, "loss": -1, "tie": 0, "flip": 0, "unread": 0}
AT_ONCE = 64


@dataclass(frozen=True)
class Pair:
    """Two answers to one prompt."""

    id: str
    source: str | None
    """What rows of one origin share; they count as one cluster."""
    prompt: tuple[Message, ...]
    first: str
    """Of the model under test."""
    second: str
    """What it is held against."""
    reference: str | None = None
    """Shown to the judge as an answer known to be good."""


@dataclass(frozen=True)
class Verdict:
    """One call of a judge."""

    pair: str
    order: Order
    number: int
    """Of the try, from 0."""
    seed: int
    call_id: str
    raw: str
    """The judge's words."""
    choice: Choice | None
    """None: nothing could be read out of them."""
    failure: str | None
    """A key of `endpoints.calls.FAILURES`."""
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class Judged:
    """What a judge said of a pair."""

    pair: str
    orders: tuple[Choice | None, Choice | None]
    verdicts: tuple[Verdict, ...] = ()
    """Every call in its order; none where the answers are the same text, which nobody need be asked about."""

    @property
    def outcome(self) -> Outcome:
        """For the first answer."""
        return outcome(self.orders)


@dataclass(frozen=True)
class Asking:
    """How a judge is asked."""

    sampling: Sampling
    """Of the first try."""
    tries: int
    """For a verdict that can be read; a later try has another seed, and `retry_temperature` where that is higher."""
    retry_temperature: float
    at_once: int = AT_ONCE
    """Pairs."""


Shown = Callable[[Pair, Order], tuple[str, str]]
"""What stands as answer A and as answer B."""


def in_order(pair: Pair, order: Order) -> tuple[str, str]:
    """The pair's own answers."""
    return (pair.first, pair.second) if order == 0 else (pair.second, pair.first)


def outcome(orders: tuple[Choice | None, Choice | None]) -> Outcome:
    """A win or a loss where both orders say so; opposite verdicts are a flip, any other two a tie."""
    if None in orders:
        return "unread"
    if orders == ("first", "first"):
        return "win"
    if orders == ("second", "second"):
        return "loss"
    return "tie" if "tie" in orders else "flip"


def outcomes(judged: Sequence[Judged]) -> list[int]:
    """1, 0 or -1 for each, for `logic/stats`."""
    return [VALUE[one.outcome] for one in judged]


async def judge_pairs(
    ask: Ask,
    pairs: Sequence[Pair],
    wording: JudgesWording,
    asking: Asking,
    *,
    purpose: str = "judge",
    shown: Shown = in_order,
    asks_equal: bool = False,
    advance: Callable[[int], Any] = lambda _: None,
) -> list[Judged]:
    """What the judge says of each pair, in the order of the pairs.

    `asks_equal`: pairs of one text are asked about too. `advance` is told how many pairs are done.
    """
    import asyncio  # which judging facts needs not

    found: dict[int, Judged] = {}
    waiting: Iterator[tuple[int, Pair]] = iter(enumerate(pairs))

    async def worker() -> None:
        for number, pair in waiting:
            found[number] = await _judged(ask, pair, wording, asking, purpose, shown, asks_equal)
            advance(len(found))

    workers = [asyncio.ensure_future(worker()) for _ in range(min(asking.at_once, len(pairs)))]
    try:
        await asyncio.gather(*workers)
    finally:
        for one in workers:
            one.cancel()
    return [found[number] for number in range(len(pairs))]


def pair_call(
    pair: Pair, order: Order, number: int, wording: JudgesWording, asking: Asking, purpose: str, shown: Shown = in_order
) -> Call:
    """The call of one order and try. Each has a seed of its own, so that two equal questions are two questions."""
    sampling = replace(asking.sampling, seed=asking.sampling.seed + order * asking.tries + number)
    if number:
        sampling = replace(sampling, temperature=max(sampling.temperature, asking.retry_temperature))
    one, other = shown(pair, order)
    return Call(wording.pair(pair.prompt, one, other, pair.reference), sampling, wording.schema, purpose)


async def _judged(
    ask: Ask, pair: Pair, wording: JudgesWording, asking: Asking, purpose: str, shown: Shown, asks_equal: bool
) -> Judged:
    import asyncio

    if pair.first == pair.second and not asks_equal:
        return Judged(pair.id, ("tie", "tie"))

    async def one(order: Order) -> list[Verdict]:
        said: list[Verdict] = []
        for number in range(asking.tries):
            call = pair_call(pair, order, number, wording, asking, purpose, shown)
            said.append(_verdict(pair, order, number, call, await ask(call)))
            if said[-1].choice is not None:
                break
        return said

    first, second = await asyncio.gather(one(0), one(1))
    return Judged(pair.id, (first[-1].choice, second[-1].choice), (*first, *second))


def _verdict(pair: Pair, order: Order, number: int, call: Call, answer: Answer) -> Verdict:
    choice = None if answer.failure is not None else chosen(answer.value["verdict"], order)
    tokens = answer.prompt_tokens or 0, answer.completion_tokens or 0
    return Verdict(
        pair.id, order, number, call.sampling.seed, answer.call_id, answer.text, choice, answer.failure, *tokens
    )


def chosen(letter: str, order: Order) -> Choice:
    """Which answer a letter means."""
    if letter == TIE:
        return "tie"
    return "first" if (letter == LETTERS[0]) == (order == 0) else "second"
