"""Several servers share the work: who is down is left out and comes back, who is asked too much is asked less."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs.core.errors import EnvironmentProblem
from jobs.engines.endpoints import asking
from jobs.engines.endpoints.client import Client
from jobs.engines.endpoints.pool import AskingEnds, Lane, Pool
from jobs.logic.endpoints.costs import NO_CAPS
from tests import scripted_server as played
from tests.engines.endpoints.asked import PROBES, QUICK, answers, call
from tests.scripted_server import ScriptedServer, options


def test_servers_share_the_work_and_no_question_is_asked_twice(tmp_path: Path) -> None:
    with ScriptedServer(latency=0.005) as one, ScriptedServer(latency=0.005) as other:
        said = answers(options(url=(one.url, other.url)), tmp_path, [call(n) for n in range(60)])

        assert [answer.text for answer in said] == [f"You said: question {n}" for n in range(60)]
        own = [server.count - PROBES for server in (one, other)]
        assert sum(own) == 60
        assert min(own) > 10
        assert one.most_at_once <= 8


def test_a_server_that_goes_away_and_comes_back(tmp_path: Path) -> None:
    async def work() -> list[Any]:
        urls = (one.url, other.url)
        async with asking.open_asker(options(url=urls), tmp_path, NO_CAPS, patience=QUICK) as asker:
            first = await asyncio.gather(*(asker.ask(call(n)) for n in range(20)))
            other.stop()
            without = await asyncio.gather(*(asker.ask(call(n)) for n in range(20, 60)))
            other.start_again()
            before = other.count
            number = 60
            while other.count == before and number < 2000:
                without += await asyncio.gather(*(asker.ask(call(n)) for n in range(number, number + 20)))
                number += 20
            assert other.count > before
            return first + without

    with ScriptedServer() as one, ScriptedServer() as other:
        said = asking.run(work())

    assert {answer.failure for answer in said} == {None}


def test_where_no_server_is_left_all_asking_ends(tmp_path: Path) -> None:
    async def work() -> None:
        async with asking.open_asker(server.options(), tmp_path, NO_CAPS, patience=QUICK) as asker:
            await asker.ask(call(0))
            server.stop()
            await asyncio.gather(*(asker.ask(call(n)) for n in range(1, 40)))

    with ScriptedServer() as server, pytest.raises(AskingEnds, match=r"no server is left: http://127.* goes on from"):
        asking.run(work())


def test_a_server_that_is_asked_too_much_is_asked_less_and_then_more_again() -> None:
    """Two calls at once are what it takes; a third gets a 429."""
    limits: list[float] = []

    async def work() -> list[str]:
        lane = Lane(Client(server.url, None, 60.0), 8.0)
        patience = replace(QUICK, waits=1000, first_seconds=0.005)
        pool = Pool([lane], patience, lambda: limits.append(lane.limit))
        bodies = [played.json_reply({"messages": [{"role": "user", "content": str(n)}]}).body for n in range(150)]
        try:
            found = await asyncio.gather(*(pool.post("/chat/completions", body, read) for body in bodies))
        finally:
            await pool.close()
        assert pool.faults["rate-limited"] > 0
        return found

    def read(data: Any) -> str:
        return str(data["choices"][0]["message"]["content"])

    with ScriptedServer(latency=0.005, most=2) as server:
        said = asking.run(work())

    assert said == [f"You said: {n}" for n in range(150)]
    lowest = limits.index(min(limits))
    assert min(limits) < 3
    assert max(limits[lowest:]) >= min(limits) + 1


@pytest.mark.parametrize(("num", "ends"), [(49, False), (60, True)])
def test_too_many_failures_end_it_and_not_before_they_mean_something(num: int, ends: bool, tmp_path: Path) -> None:
    with ScriptedServer(script=lambda number, body: played.status(400) if number >= PROBES else None) as server:
        if ends:
            with pytest.raises(
                AskingEnds, match=r"5\d of the last 5\d calls had no answer \(5\d refused\), .* than 50%"
            ):
                answers(server.options(), tmp_path, [call(n) for n in range(num)])
        else:
            said = answers(server.options(), tmp_path, [call(n) for n in range(num)])
            assert {answer.failure for answer in said} == {"call-failed"}


def test_four_of_ten_failures_do_not_end_it(tmp_path: Path) -> None:
    with ScriptedServer(
        script=lambda number, body: played.status(400) if number >= PROBES and number % 10 < 4 else None
    ) as server:
        said = answers(server.options(), tmp_path, [call(n) for n in range(200)])

    assert sum(answer.failure is not None for answer in said) == 80


def test_one_of_two_that_is_not_there_at_the_start_is_left_out(tmp_path: Path, capfd: Any) -> None:
    with ScriptedServer() as gone:
        url = gone.url
    with ScriptedServer() as server:
        [answer] = answers(options(url=(url, server.url)), tmp_path, [call(1)])

    assert answer.failure is None
    assert f"left out for now, and asked again later: {url}" in capfd.readouterr().err


def test_none_there_at_the_start_is_the_environments(tmp_path: Path) -> None:
    with ScriptedServer() as gone:
        url = gone.url

    with pytest.raises(EnvironmentProblem, match=r"url: no server answers: http://127"):
        answers(options(url=(url,)), tmp_path, [call(1)])


def test_a_long_wait_that_a_server_asks_for_is_capped_and_said(tmp_path: Path, capfd: Any) -> None:
    with ScriptedServer(script=[None] * PROBES + [played.too_many("86400")]) as server:
        [answer] = answers(server.options(), tmp_path, [call(1)])

    assert answer.failure is None
    assert "asks to wait 86,400 s (Retry-After); 0.2 s is the most that is waited" in capfd.readouterr().err
