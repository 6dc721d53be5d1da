"""A judge asked about a run's rows: an estimate, its qualification, the pairs, and scores; nothing is written here."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jobs.core import terminal
from jobs.core.errors import EnvironmentProblem
from jobs.engines.endpoints.asking import Asker, Session
from jobs.logic.endpoints.calls import Answer, Call, Sampling
from jobs.logic.endpoints.costs import Estimate, estimate
from jobs.logic.judging import qualifying
from jobs.logic.judging.conduct import Conduct, conduct
from jobs.logic.judging.pairs import Asking, Judged, Pair, judge_pairs
from jobs.logic.judging.usable import CHECKS, GOLD, Wanted, unanswered
from jobs.logic.judging.wording import JudgesWording
from jobs.logic.row import Message
from jobs.logic.synth.scores import Rubric, Scored, read as read_scores, scoring_call
from jobs.logic.synth.wording import Wording

PROBED = 5
"""Pairs, and answers scored, that tell what all of them will cost."""
FIRST, SECOND = "first", "second"


@dataclass(frozen=True)
class Scoring:
    """What answers are scored by."""

    wording: Wording
    rubric: Rubric
    sampling: Sampling


@dataclass(frozen=True)
class Work:
    """What a judge is asked, and how."""

    asking: Asking
    wording: JudgesWording
    num_qualify: int
    seed: int
    scoring: Scoring | None


class Working:
    """One judge at work. `rows` has a pair for each row, with its reference whether it is shown or not."""

    def __init__(self, work: Work, rows: Sequence[Pair], session: Session, judge: Asker) -> None:
        self.work, self.rows, self.session, self._judge = work, list(rows), session, judge
        self._drawn = qualifying.drawn(rows, work.num_qualify, work.seed)
        self._answered: dict[str, tuple[str, str | None, int, int]] = {}
        """Call id to purpose, failure, and tokens of prompt and answer."""

    def checks(self) -> dict[str, list[Pair]]:
        """The pairs of each check."""
        return {name: qualifying.pairs_of(name, self._drawn, self.work.wording, self.work.seed) for name in CHECKS}

    async def probe(self, num_pairs: int) -> Estimate:
        """What the checks, `num_pairs` pairs and all scores will cost, by a few of each; what they asked is kept."""
        before, started = self.session.ledger.total, time.monotonic()
        checks = self.checks()
        some = checks[GOLD][:PROBED]
        await judge_pairs(self._ask, some, self.work.wording, self.work.asking, purpose=f"judge/{GOLD}")
        after = self.session.ledger.total
        some_rows = self._drawn[:PROBED] if self.work.scoring else []
        scored = await self._scored([(FIRST, replace(row, first=row.reference or "")) for row in some_rows])
        seconds, ended = time.monotonic() - started, self.session.ledger.total
        planned = sum(map(len, checks.values())) + num_pairs
        at_once = 2 * max(1, len(some)), self.work.asking.at_once
        parts = [estimate(_less(after, before), seconds, max(1, len(some)), planned, at_once)]
        if scored:
            parts.append(estimate(_less(ended, after), seconds, len(scored), 2 * len(self.rows), at_once))
        return _together(parts)

    def calls(self, num_pairs: int) -> Estimate:
        """The calls that are known before any is sent, those so far too: all in both orders, each answered at once."""
        num = sum(map(len, self.checks().values())) + num_pairs + (len(self.rows) if self.work.scoring else 0)
        return Estimate(num, self.session.ledger.total.calls + 2 * num, None, None, 0.0, None)

    async def qualify(self) -> dict[str, list[Judged]]:
        """What the judge says of pairs of which anybody can tell."""
        wording, found = self.work.wording, {}
        checks = self.checks()
        with terminal.progress("judge: is it fit to judge", sum(map(len, checks.values()))) as advance:
            before = 0
            for name, pairs in checks.items():
                done = before
                found[name] = await judge_pairs(
                    self._ask, pairs, wording, self.work.asking, purpose=f"judge/{name}", asks_equal=True,
                    shown=qualifying.shown_in(name, wording),
                    advance=lambda num, done=done: advance(done + num, self.session.ledger.note()),  # type: ignore[misc]
                )  # fmt: skip
                before += len(pairs)
        return found

    async def judge(self, pairs: Sequence[Pair], label: str, purpose: str) -> list[Judged]:
        """What the judge says of the rows' pairs."""
        with terminal.progress(f"judge: {label}", len(pairs)) as advance:
            return await judge_pairs(
                self._ask, pairs, self.work.wording, self.work.asking, purpose=purpose,
                advance=lambda num: advance(num, self.session.ledger.note()),
            )  # fmt: skip

    async def score(self) -> list[tuple[str, str, Scored]]:
        """(row, FIRST or SECOND, what was said) of both answers of every row; nothing where there is no rubric."""
        if self.work.scoring is None:
            return []
        asked = [(which, row) for row in self.rows for which in (FIRST, SECOND)]
        with terminal.progress("judge: answers scored", len(asked)) as advance:
            return await self._scored(asked, lambda num: advance(num, self.session.ledger.note()))

    async def _scored(
        self, asked: Sequence[tuple[str, Pair]], advance: Any = lambda _: None
    ) -> list[tuple[str, str, Scored]]:
        scoring = self.work.scoring
        found: dict[int, tuple[str, str, Scored]] = {}
        waiting = iter(enumerate(asked))

        async def worker() -> None:
            assert scoring is not None
            for number, (which, row) in waiting:
                answer = row.first if which == FIRST else row.second
                call = scoring_call(
                    self._exchange(row, answer), None, scoring.rubric, scoring.wording, scoring.sampling, "judge/score"
                )
                found[number] = (row.id, which, read_scores(await self._ask(call), scoring.rubric))
                advance(len(found))

        workers = [asyncio.ensure_future(worker()) for _ in range(min(self.work.asking.at_once, len(asked)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for one in workers:
                one.cancel()
        return [found[number] for number in range(len(asked))]

    def _exchange(self, row: Pair, answer: str) -> list[Message]:
        """A row as one request and its answer: what came before is part of the request."""
        system = [turn for turn in row.prompt if turn.role == "system"]
        turns = [turn for turn in row.prompt if turn.role != "system"]
        asked = turns[0].content if len(turns) == 1 else self.work.wording.conversation(turns)
        return [*system, Message("user", asked), Message("assistant", answer)]

    async def _ask(self, call: Call) -> Answer:
        answer = await self._judge.ask(call)
        tokens = answer.prompt_tokens or 0, answer.completion_tokens or 0
        self._answered.setdefault(answer.call_id, (call.purpose, answer.failure, *tokens))
        return answer

    def asked(self) -> list[dict[str, Any]]:
        """The questions by what they were for, with what was wrong with their answers; each counted once."""
        found: dict[str, dict[str, Any]] = {}
        for purpose, failure, prompt, completion in self._answered.values():
            one = found.setdefault(purpose, {"calls": 0, "failed": Counter(), "prompt": 0, "completion": 0})
            one["calls"] += 1
            one["prompt"] += prompt
            one["completion"] += completion
            one["failed"].update([failure] if failure else [])
        return [
            {
                "purpose": purpose, "calls": one["calls"], "failed": dict(sorted(one["failed"].items())),
                "prompt_tokens": one["prompt"], "completion_tokens": one["completion"],
            }
            for purpose, one in sorted(found.items())
        ]  # fmt: skip


def conducts(found: Mapping[str, Sequence[Judged]]) -> dict[str, Conduct]:
    """How the judge behaved in each check."""
    return {name: conduct(judged) for name, judged in found.items()}


def require_answered(found: Mapping[str, Sequence[Judged]], wanted: Wanted) -> None:
    """Raises EnvironmentProblem where servers failed too often to say what the judge is, or what it would say."""
    missing = unanswered(conducts(found), wanted)
    if missing:
        raise EnvironmentProblem(
            f"judge.judge: {'; '.join(missing)}; what was answered is kept, and the same command goes on from there"
        )


def _less(whole: Any, part: Any) -> Any:
    usd = None if whole.usd is None or part.usd is None else whole.usd - part.usd
    return replace(
        whole, calls=whole.calls - part.calls, prompt_tokens=whole.prompt_tokens - part.prompt_tokens,
        completion_tokens=whole.completion_tokens - part.completion_tokens, untold=whole.untold - part.untold, usd=usd,
    )  # fmt: skip


def _together(parts: Sequence[Estimate]) -> Estimate:
    def total(values: Sequence[float | None]) -> Any:
        return None if None in values else sum(value for value in values if value is not None)

    return Estimate(
        sum(one.units for one in parts), sum(one.calls for one in parts),
        total([one.prompt_tokens for one in parts]), total([one.completion_tokens for one in parts]),
        max(one.minutes for one in parts), total([one.usd for one in parts]),
    )  # fmt: skip
