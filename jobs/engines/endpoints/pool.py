"""Several servers share the calls: as many at once as each can take, found out while they work.

A server begins with the most calls at once. A 429 takes it to three quarters, 25 answers in a row give one back. A
server that is not there, or asks to wait, is left alone for so long and then tried with one call; the others go on.
Where none is left, or too many of the last calls had no answer, all asking ends.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from jobs.core import terminal
from jobs.core.errors import EnvironmentProblem
from jobs.engines.endpoints.client import ABOUT_THE_SERVER, Client, Fault

T = TypeVar("T")
FEWER, SUCCESSES = 0.75, 25


class AskingEnds(EnvironmentProblem):
    """No more calls can be made. What was answered is kept."""


@dataclass(frozen=True)
class Patience:
    """How long it is tried; the numbers of `PATIENCE` in use, shorter ones in tests."""

    tries: int
    """Of a call whose fault is its own; a timeout counts for two, since each may take minutes."""
    waits: int
    """Of a call, for servers that are not there or ask to wait."""
    first_seconds: float
    """Before a second try; twice as long before each further one."""
    most_seconds: float
    """Of any wait, and of a Retry-After too: servers were seen to ask for an hour."""
    gone_after: int
    """Faults in a row of a server that is not there, with growing waits between them: half a minute."""
    window: int
    """Of the last calls, of which `most_failed` may fail ..."""
    least: int
    """... once so many have ended: after ten, three failures would be a third."""
    most_failed: float


PATIENCE = Patience(
    tries=4, waits=30, first_seconds=1.0, most_seconds=60.0, gone_after=6, window=100, least=50, most_failed=0.5
)


@dataclass
class Lane:
    """One server, and how it is doing."""

    client: Client
    limit: float
    running: int = 0
    successes: int = 0
    in_row: int = 0
    """Faults about the server since its last answer."""
    paused_until: float = 0.0
    judged: float = 0.0
    """When its limit or pause was last set: a call that was sent before tells nothing new."""
    dead: Callable[[], Exception | None] = field(default=lambda: None)
    """Where it is a child of ours: why it is gone."""

    def may_take(self, now: float) -> bool:
        most = 1 if self.in_row else int(self.limit)
        return self.running < most and now >= self.paused_until


class Pool:
    """The servers of one model. `tried` is called before every request, and may raise."""

    def __init__(self, lanes: Sequence[Lane], patience: Patience, tried: Callable[[], None]) -> None:
        self.lanes, self.patience, self._tried = list(lanes), patience, tried
        self.most = max(int(lane.limit) for lane in lanes)
        self.faults: Counter[str] = Counter()
        self._waiting: deque[asyncio.Future[Lane]] = deque()
        self._ended: deque[str] = deque(maxlen=patience.window)
        """Of the last calls: the name of their fault, or nothing."""
        self._num_failed = 0
        """Of these."""
        self._timer: asyncio.TimerHandle | None = None
        self._over = ""
        """Why nobody is asked any more."""

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for lane in self.lanes:
            await lane.client.close()

    async def post(self, path: str, body: bytes, read: Callable[[Any], T]) -> T:
        """What `read` makes of the JSON of an answer; see `Client.post`.

        Raises Fault where the call has no answer after all its tries, AskingEnds where nobody is asked any more.
        """
        tries = waits = 0
        while True:
            try:
                answer = await self._once(path, body, read)
            except Fault as fault:
                self.faults[fault.name] += 1
                tries += 0 if fault.name in ABOUT_THE_SERVER else 2 if fault.name == "timeout" else 1
                waits += fault.name in ABOUT_THE_SERVER
                if not fault.again or tries >= self.patience.tries or waits >= self.patience.waits:
                    self._end(fault.name)
                    raise
                if fault.name not in ABOUT_THE_SERVER:
                    await asyncio.sleep(self._pause(tries))
                continue
            self._end("")
            return answer

    async def _once(self, path: str, body: bytes, read: Callable[[Any], T]) -> T:
        lane = await self._free()
        sent = time.monotonic()
        try:
            self._tried()
            answer = await lane.client.post(path, body, read)
        except Fault as fault:
            self._failed(lane, fault, sent)
            raise
        else:
            self._answered(lane)
            return answer
        finally:
            lane.running -= 1
            self._hand_out()

    async def _free(self) -> Lane:
        """A server that may take a call, counted as running one; raises AskingEnds."""
        if self._over:
            raise AskingEnds(self._over)
        place: asyncio.Future[Lane] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._hand_out()
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None:
                place.result().running -= 1
                self._hand_out()
            raise

    def _hand_out(self) -> None:
        """Give the longest waiting calls to the least busy servers."""
        now = time.monotonic()
        while self._waiting:
            ready = [lane for lane in self.lanes if lane.may_take(now)]
            if not ready:
                break
            place = self._waiting.popleft()
            if not place.done():
                lane = min(ready, key=lambda lane: lane.running / lane.limit)
                lane.running += 1
                place.set_result(lane)
        self._wake_up(now)

    def _wake_up(self, now: float) -> None:
        """Look again when the next pause is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        pauses = [lane.paused_until for lane in self.lanes if lane.paused_until > now]
        if self._waiting and pauses:
            delay = min(pauses) - now
            self._timer = asyncio.get_running_loop().call_later(delay, self._hand_out)

    def _answered(self, lane: Lane) -> None:
        lane.in_row = 0
        lane.successes += 1
        if lane.successes >= SUCCESSES:
            lane.successes, lane.limit = 0, min(self.most, lane.limit + 1)

    def _failed(self, lane: Lane, fault: Fault, sent: float) -> None:
        lane.successes = 0
        if fault.name not in ABOUT_THE_SERVER or sent < lane.judged:
            return
        lane.judged = time.monotonic()
        if fault.name == "rate-limited":
            lane.limit = max(1.0, lane.limit * FEWER)
            seconds = self._asked_to_wait(lane, fault, self.patience.first_seconds)
        else:
            if (why := lane.dead()) is not None:
                self._all_over(str(why))
            lane.in_row += 1
            seconds = self._asked_to_wait(lane, fault, self._pause(lane.in_row))
        lane.paused_until = lane.judged + seconds
        if all(lane.in_row >= self.patience.gone_after for lane in self.lanes):
            self._all_over(f"no server is left: {lane.client.url} {fault.said}; start it again, and the same command "
                           "goes on from what was answered")  # fmt: skip

    def _asked_to_wait(self, lane: Lane, fault: Fault, usual: float) -> float:
        """Seconds; a Retry-After of more than a moment is said."""
        if fault.retry_after is None:
            return usual
        seconds = min(fault.retry_after, self.patience.most_seconds)
        if seconds < fault.retry_after:
            terminal.say(f"{lane.client.url}: asks to wait {fault.retry_after:,.0f} s (Retry-After); {seconds:g} s is "
                         "the most that is waited")  # fmt: skip
        elif seconds > self.patience.first_seconds:
            terminal.say(f"{lane.client.url}: asks to wait {seconds:,.0f} s (Retry-After)")
        return seconds

    def _pause(self, number: int) -> float:
        return float(min(self.patience.first_seconds * 2 ** (number - 1), self.patience.most_seconds))

    def _end(self, fault: str) -> None:
        """A call has ended; too many faults among the last ones end all."""
        if len(self._ended) == self.patience.window:
            self._num_failed -= bool(self._ended[0])
        self._ended.append(fault)
        self._num_failed += bool(fault)
        failed = self._num_failed
        if len(self._ended) >= self.patience.least and failed > self.patience.most_failed * len(self._ended):
            kinds = Counter(name for name in self._ended if name)
            said = ", ".join(f"{count} {name}" for name, count in kinds.most_common(3))
            self._all_over(
                f"{failed} of the last {len(self._ended)} calls had no answer ({said}), and more than "
                f"{self.patience.most_failed:.0%} end it; look at the server, and the same command goes on"
            )

    def _all_over(self, why: str) -> None:
        self._over = self._over or why
        for place in self._waiting:
            if not place.done():
                place.set_exception(AskingEnds(self._over))
        self._waiting.clear()
