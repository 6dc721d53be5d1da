"""What asking has cost so far, by model and purpose, and the caps that it must not exceed.

An answer that was kept by an earlier run counts for the caps like a new one: a run that was killed and goes on ends
where it would have ended. Before a call is sent the most that it can cost is set aside, so that calls under way do not
exceed a cap together; who finds no room waits for them.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from jobs.core.errors import Refusal
from jobs.engines.endpoints.pool import AskingEnds
from jobs.logic.endpoints.calls import CALL_FAILED, Answer, Call
from jobs.logic.endpoints.costs import NOTHING, Caps, Price, Usage, of_call
from jobs.logic.pages import amounts

Tokens = tuple[int | None, int | None]
"""Of a prompt and its answer, as the server tells."""
PER_MESSAGE = 16
"""Tokens that a template may put around one message."""


class CapReached(AskingEnds):
    """A cap of the config; `cap` is its name."""

    def __init__(self, cap: str, said: str) -> None:
        super().__init__(f"max_{cap}: {said}; what was answered is kept, and a higher cap goes on from it")
        self.cap = cap


@dataclass(frozen=True)
class Spent:
    """Calls of one model and purpose."""

    asked: Usage = NOTHING
    """In this run of the command."""
    kept: Usage = NOTHING
    """Answered by an earlier one."""

    @property
    def whole(self) -> Usage:
        return self.asked + self.kept


class Ledger:
    """Shared by all models of a stage."""

    def __init__(self, caps: Caps) -> None:
        self.caps = caps
        self.spent: dict[tuple[str, str], Spent] = {}
        self.failed: Counter[tuple[str, str]] = Counter()
        """Calls without an answer, by model and purpose."""
        self.wrong: dict[str, Counter[str]] = {}
        """Purpose to what was wrong with answers, those that never came too."""
        self.requests = 0
        """Sent; a call that is tried again is several."""
        self._prices: dict[str, Price | None] = {}
        self._seen: set[str] = set()
        self._aside = NOTHING
        self._changed = asyncio.Condition()
        self._total = NOTHING
        self._started = time.monotonic()

    def model(self, name: str, price: Price | None, tells_usage: bool) -> None:
        """From now on calls of this model are counted. Raises Refusal for a cap that nobody could hold."""
        if self.caps.usd is not None and price is None:
            raise Refusal(f"max_usd: nobody knows what {name} costs, so the cap cannot be held; give its price "
                          "(US dollars for a million tokens, input and output), or no cap")  # fmt: skip
        if self.caps.tokens is not None and not tells_usage:
            raise Refusal(f"max_tokens: the server of {name} does not tell how many tokens it used, so the cap cannot "
                          "be held; cap calls or minutes")  # fmt: skip
        self._prices[name] = price

    def price(self, name: str) -> Price | None:
        return self._prices[name]

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    @property
    def total(self) -> Usage:
        """Of this run of the command and of what it was spared."""
        return replace(self._total, usd=self.usd())

    def kept(self, model: str, call: Call, answer: Answer) -> None:
        """An answer of an earlier run; raises CapReached."""
        if answer.call_id not in self._seen:
            usage = of_call(answer.prompt_tokens, answer.completion_tokens, self._prices[model])
            self._require(usage)
            self._count(model, call, answer, Spent(kept=usage))

    def answered(self, model: str, call: Call, answer: Answer) -> None:
        """A new answer."""
        usage = of_call(answer.prompt_tokens, answer.completion_tokens, self._prices[model])
        self._count(model, call, answer, Spent(asked=usage))

    def no_answer(self, model: str, call: Call) -> None:
        """A call that failed after every try: it counts, and what it cost nobody tells."""
        self.failed[model, call.purpose] += 1
        self._is_wrong(call.purpose, CALL_FAILED)
        self._add(model, call.purpose, Spent(asked=Usage(1)))

    def other(self, model: str, purpose: str, tokens: Tokens, kept: bool = False) -> None:
        """A request that is no call of the stage's own, such as a probe; `kept`: an earlier run made it."""
        usage = of_call(*tokens, self._prices[model])
        self._add(model, purpose, Spent(kept=usage) if kept else Spent(asked=usage))

    def tried(self) -> None:
        """Before every request."""
        self.requests += 1

    @asynccontextmanager
    async def aside(self, model: str, call: Call) -> AsyncIterator[None]:
        """Within it the most that the call can cost is set aside; raises CapReached where that is too much."""
        most = _most(call, self._prices[model])
        if self.caps.calls is None and self.caps.tokens is None and self.caps.usd is None:
            yield
            return
        async with self._changed:
            while self._aside.calls and self._beyond(self._aside + most):
                await self._changed.wait()
            self._require(most)
            self._aside += most
        try:
            yield
        finally:
            async with self._changed:
                self._aside = _less(self._aside, most)
                self._changed.notify_all()

    def over_time(self) -> CapReached | None:
        """Whether the minutes are used up."""
        most = self.caps.minutes
        if most is None or self.seconds < most * 60:
            return None
        return CapReached("minutes", f"the {amounts.number(most)} minutes are over")

    def note(self) -> str:
        """For a progress bar."""
        total = self._total
        tokens = "" if total.tokens is None else f" · {amounts.count(total.tokens, 'token')}"
        failed = sum(self.failed.values())
        return (
            f"{amounts.count(total.calls, 'call')}{f', {failed:,} failed' if failed else ''}{tokens}"
            f" · {amounts.usd(total.usd)}"
        )

    def facts(self) -> dict[str, Any]:
        """The costs by model and purpose, the same whether a run was resumed or not: no times, no tries."""
        return {
            "by_purpose": [
                {"model": model, "purpose": purpose, **_told(spent.whole), "failed": self.failed[model, purpose]}
                for (model, purpose), spent in sorted(self.spent.items())
            ],
            "total": _told(self.total),
            "prices": {name: None if price is None else vars(price) for name, price in sorted(self._prices.items())},
        }

    def by_purpose(self) -> list[dict[str, Any]]:
        """The same of all models together, with what was wrong with answers: every call that was paid for is in it."""
        found: dict[str, Usage] = {}
        for (_, purpose), spent in self.spent.items():
            found[purpose] = found.get(purpose, NOTHING) + spent.whole
        return [
            {
                "purpose": purpose, "calls": usage.calls, "failed": dict(sorted(self.wrong.get(purpose, {}).items())),
                "prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens,
            }
            for purpose, usage in sorted(found.items())
        ]  # fmt: skip

    def usd(self) -> float | None:
        """What all of it cost, from whole counts of tokens: the same in whatever order answers came."""
        if self._total.usd is None:
            return None
        whole = 0.0
        for (model, _), spent in sorted(self.spent.items()):
            price, used = self._prices[model], spent.whole
            whole += price.of_tokens(used.prompt_tokens, used.completion_tokens) if price else 0.0
        return whole

    def rows(self) -> list[list[str]]:
        """For a table: purpose, model, calls, of which kept by an earlier run, failed, tokens in and out, money."""
        rows = []
        for (model, purpose), spent in sorted(self.spent.items()):
            whole = spent.whole
            numbers = (whole.calls, spent.kept.calls, self.failed[model, purpose])
            tokens = (whole.prompt_tokens, whole.completion_tokens)
            told = ["unknown", "unknown"] if whole.untold else [amounts.count(found) for found in tokens]
            rows.append([purpose, model, *(amounts.count(found) for found in numbers), *told, amounts.usd(whole.usd)])
        return rows

    def _count(self, model: str, call: Call, answer: Answer, more: Spent) -> None:
        self._seen.add(answer.call_id)
        if answer.failure is not None:
            self._is_wrong(call.purpose, answer.failure)
        self._add(model, call.purpose, more)

    def _is_wrong(self, purpose: str, failure: str) -> None:
        self.wrong.setdefault(purpose, Counter())[failure] += 1

    def _add(self, model: str, purpose: str, more: Spent) -> None:
        before = self.spent.get((model, purpose), Spent())
        self.spent[model, purpose] = Spent(before.asked + more.asked, before.kept + more.kept)
        self._total += more.whole

    def _beyond(self, more: Usage) -> tuple[str, str] | None:
        """The cap that the calls so far and `more` would exceed, and in which words."""
        then, caps = self._total + more, self.caps
        if caps.calls is not None and then.calls > caps.calls:
            return "calls", f"{amounts.count(self._total.calls)} of {amounts.count(caps.calls, 'call')} are made"
        tokens, used = (one.prompt_tokens + one.completion_tokens for one in (then, self._total))
        if caps.tokens is not None and tokens > caps.tokens:
            so_far = f"{amounts.count(used)} of {amounts.count(caps.tokens, 'token')} are used"
            return "tokens", f"{so_far}, and another call may need {amounts.count(tokens - used)}"
        if caps.usd is not None and then.usd is not None and then.usd > caps.usd:
            so_far = f"{amounts.usd(self._total.usd)} of {amounts.usd(caps.usd)} are spent"
            return "usd", f"{so_far}, and another call may cost {amounts.usd(then.usd - (self._total.usd or 0))}"
        return None

    def _require(self, more: Usage) -> None:
        if (found := self._beyond(more)) is not None:
            raise CapReached(*found)


def _most(call: Call, price: Price | None) -> Usage:
    """A call's upper bound: no tokenizer in use makes more than one token of a byte."""
    texts = [message.content for message in call.messages]
    prompt = sum(len(text.encode("utf-8", "replace")) + PER_MESSAGE for text in texts)
    return of_call(prompt, call.sampling.max_tokens, price)


def _less(whole: Usage, part: Usage) -> Usage:
    usd = None if whole.usd is None or part.usd is None else max(0.0, whole.usd - part.usd)
    calls, prompt = whole.calls - part.calls, whole.prompt_tokens - part.prompt_tokens
    return Usage(calls, prompt, whole.completion_tokens - part.completion_tokens, 0, usd if calls else 0.0)


def _told(usage: Usage) -> dict[str, Any]:
    tokens = (None, None) if usage.untold else (usage.prompt_tokens, usage.completion_tokens)
    return {"calls": usage.calls, "prompt_tokens": tokens[0], "completion_tokens": tokens[1], "usd": usage.usd}
