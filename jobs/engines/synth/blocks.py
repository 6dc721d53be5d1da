"""Candidates in blocks: planned, asked for all at once, looked at in the order of their numbers.

What a plan is drawn from changes only when a block is settled, and a block is planned when those long before it are. So
rows depend on the config and the answers alone: not on the order in which answers come, not on how often it was killed.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jobs.engines.endpoints.pool import AskingEnds
from jobs.engines.synth.vetting import Vetted, Vetter
from jobs.logic.endpoints.calls import Ask
from jobs.logic.row import Message
from jobs.logic.synth import scores, state as states
from jobs.logic.synth.candidate import Made, Method, Plan, Seed, Settled, State
from jobs.logic.synth.ends import Ended
from jobs.logic.synth.overlap import Texts
from jobs.logic.synth.scores import Scored, Scorer

MOST_ALIKE = 0.7
"""ROUGE-L to any other, from which on a candidate is too like it (Wang et al. 2023)."""
MAY_BE_ALIKE = ("evol_instruct",)
"""Methods whose rows are to be like the one that they were made from: there the row checks alone decide."""
FEWEST = 8
"""Candidates of a block near the end: a call at a time would wait for each."""
THOUGHTS = "thoughts"
"""The note of a candidate's thoughts; of a made row, as the row checks left them."""
SURPLUS, TOO_LIKE = "surplus", "too-like-another"

Advance = Callable[[int, str], None]


@dataclass(frozen=True)
class BlockOptions:
    """How many candidates, and when to end."""

    rows: int
    most_per_row: float
    min_acceptance: float
    after: int
    block: int
    at_once: int
    """Calls that the servers take at once: so many candidates, twice, are under way."""
    seed: int
    expected: float = 0.5
    """Share of the candidates that is taken, as long as none is settled."""
    keeps_thoughts: bool = False
    """A row is looked at with its thoughts, and keeps them."""

    @property
    def most(self) -> int:
        return math.ceil(self.rows * self.most_per_row)

    @property
    def ahead(self) -> int:
        """Blocks under way."""
        return max(2, math.ceil(2 * self.at_once / self.block))


class Methods:
    """Whose turn it is: each method gets its share of the candidates, in an order that follows from the numbers."""

    def __init__(self, methods: Sequence[tuple[Method, float]], seed: int) -> None:
        self._methods, self._seed = list(methods), seed
        self._whole = sum(weight for _, weight in methods)
        self._counts = [0] * len(methods)

    def plan(self, number: int, state: State) -> Plan | None:
        """The plan of the next candidate; None where no method has anything to plan from."""
        behind = [
            (weight / self._whole * (number + 1) - count, -place)
            for place, ((_, weight), count) in enumerate(zip(self._methods, self._counts, strict=True))
        ]
        for _, place in sorted(behind, reverse=True):
            method = self._methods[-place][0]
            found = method.plan(number, random.Random(f"{self._seed}/{method.name}/{number}"), state)
            if found is not None:
                self._counts[-place] += 1
                return found
        return None

    async def make(self, plan: Plan, ask: Ask) -> Made:
        return await next(method for method, _ in self._methods if method.name == plan.method).make(plan, ask)


class Blocks:
    """One run of candidates to their ends."""

    def __init__(
        self, methods: Methods, ask: Ask, scorer: Scorer | None, vetter: Vetter, texts: Texts,
        telling: Callable[[str], str], options: BlockOptions, advance: Advance,
    ) -> None:  # fmt: skip
        """`texts`: what the rows that are there say for themselves; `telling` gives that of a prompt."""
        self._methods, self._ask, self._scorer, self._vetter = methods, ask, scorer, vetter
        self._texts, self._telling, self._options, self._advance = texts, telling, options, advance
        self._num_before = len(texts)
        self._next = self._num_planned = 0
        self.settled: list[Settled] = []
        self.num_rows = 0

    async def run(self, state: State) -> Ended:
        """Until there are the rows that were wanted, or there is a reason why not."""
        under_way: list[list[asyncio.Task[Made]]] = []
        ended: Ended | None = None
        try:
            while True:
                while ended is None and len(under_way) < self._options.ahead:
                    plans = self._plans(state)
                    if not plans:
                        break
                    under_way.append([asyncio.ensure_future(self._methods.make(plan, self._ask)) for plan in plans])
                if not under_way:
                    return ended or self._why_nothing_is_planned()
                block = await self._settle(list(await asyncio.gather(*under_way.pop(0))))
                state = states.advanced(state, block)
                ended = ended or self._ended()
        except AskingEnds as over:
            raise self._with_a_way_out(over) from None
        finally:
            for task in (task for tasks in under_way for task in tasks):
                task.cancel()

    def _plans(self, state: State) -> list[Plan]:
        """The next block: as many candidates as will give the rows that are missing, by what was taken so far."""
        options, done = self._options, len(self.settled)
        share = max(self.num_rows / done, 1 / (done + 1)) if done else options.expected
        missing = options.rows - self.num_rows - (self._num_planned - done) * share
        if missing <= 0:
            return []
        size = min(options.block, max(FEWEST, math.ceil(missing / share)), options.most - self._num_planned)
        numbers = range(self._next, self._next + size)
        found = [plan for number in numbers if (plan := self._methods.plan(number, state)) is not None]
        self._next, self._num_planned = self._next + size, self._num_planned + len(found)
        return found

    def _ended(self) -> Ended | None:
        options, done = self._options, len(self.settled)
        if self.num_rows >= options.rows:
            return "enough"
        if done >= options.after and self.num_rows < options.min_acceptance * done:
            return "acceptance"
        return None

    def _why_nothing_is_planned(self) -> Ended:
        if self.num_rows >= self._options.rows:
            return "enough"
        return "candidates" if self._num_planned >= self._options.most else "seeds"

    async def _settle(self, block: Sequence[Made]) -> list[Settled]:
        """The ends of a block's candidates, in the order of their numbers."""
        ends: dict[int, Settled] = {}
        enough = self.num_rows >= self._options.rows
        left = []
        for made in block:
            if made.messages is None:
                ends[made.plan.number] = Settled(made, made.reason, made.evidence)
            elif enough:
                ends[made.plan.number] = Settled(made, SURPLUS)
            elif (like := self._too_like(made)) is not None:
                ends[made.plan.number] = Settled(made, TOO_LIKE, like)
            else:
                left.append(made)
        vetted = await asyncio.to_thread(self._vetter.judge, [self._row(made) for made in left])
        good = [(made, one) for made, one in zip(left, vetted, strict=True) if one.row is not None]
        for made, one in zip(left, vetted, strict=True):
            if one.row is None:
                ends[made.plan.number] = Settled(made, one.reason, one.evidence)
        scored = await asyncio.gather(*(self._score(made, one) for made, one in good))
        for (made, one), found in zip(good, scored, strict=True):
            ends[made.plan.number] = self._taken(made, one, found)
        settled = [ends[made.plan.number] for made in block]
        self.settled += settled
        dropped = len(self.settled) - self.num_rows
        self._advance(min(self.num_rows, self._options.rows), f"{len(self.settled):,} tried · {dropped:,} dropped")
        return settled

    async def _score(self, made: Made, vetted: Vetted) -> Scored | None:
        if self._scorer is None:
            return None
        passage = getattr(made.plan.data, "passage", None)
        messages = _messages(vetted)
        return await self._scorer.score(messages, passage.text if passage else None, f"{made.plan.method}/score")

    def _taken(self, made: Made, vetted: Vetted, scored: Scored | None) -> Settled:
        """A row that passed the row checks: made, unless its scores, an earlier row of the block or the end say no."""
        if scored is not None:
            calls = (*made.call_ids, scored.call_id)
            made = replace(made, call_ids=calls, scores={**made.scores, **scored.as_dict()})
            no = scores.why_not(scored, self._scorer.rubric) if self._scorer else None
            if no is not None:
                return Settled(made, no[0], no[1])
        if self.num_rows >= self._options.rows:
            return Settled(made, SURPLUS)
        if (like := self._too_like(made)) is not None:
            return Settled(made, TOO_LIKE, like)
        assert vetted.row is not None
        messages = _messages(vetted)
        made = replace(made, notes={**made.notes, THOUGHTS: vetted.row["messages"][-1].get("reasoning_content", "")})
        seed = Seed(vetted.row["id"], vetted.row["source"], messages, scored.mean if scored else None)
        text = self._said(seed.messages)
        nearest = self._texts.nearest(text)
        self._texts.add(text)
        self._vetter.accept([vetted.row])
        self.num_rows += 1
        return Settled(made, None, "", seed, 1 - nearest.similarity if nearest else 1.0)

    def _row(self, made: Made) -> Mapping[str, Any]:
        """A candidate as a row of a file."""
        messages = [{"role": one.role, "content": one.content} for one in made.messages or ()]
        thoughts = str(made.notes.get(THOUGHTS) or "").strip()
        if self._options.keeps_thoughts and thoughts:
            messages[-1]["reasoning_content"] = thoughts
        return {"id": row_id(made.plan), "source": made.plan.source, "messages": messages}

    def _too_like(self, made: Made) -> str | None:
        """What it is too like, for a person; None where it is like none."""
        if made.plan.method in MAY_BE_ALIKE or made.messages is None:
            return None
        found = self._texts.nearest(self._said(made.messages), MOST_ALIKE)
        if found is None:
            return None
        which = "a row of the set" if found.place < self._num_before else "a made row"
        return f"ROUGE-L {found.similarity:.2f} to {which}"

    def _said(self, messages: Sequence[Message]) -> str:
        """What a row says for itself; its answer, where all prompts are one."""
        prompt, answer = scores.exchange(messages)
        return self._telling(prompt) or answer

    def _with_a_way_out(self, over: AskingEnds) -> AskingEnds:
        said = f"{over}; {self.num_rows:,} of {self._options.rows:,} rows are made"
        over.args = (said,)
        over.words = (f"synth.rows={self.num_rows}",) if self.num_rows else ()
        return over


def row_id(plan: Plan) -> str:
    """Of a candidate, in rows.jsonl and dropped.jsonl."""
    return f"synth-{plan.number:06d}"


def _messages(vetted: Vetted) -> tuple[Message, ...]:
    assert vetted.row is not None
    return tuple(Message(one["role"], one["content"]) for one in vetted.row["messages"])
