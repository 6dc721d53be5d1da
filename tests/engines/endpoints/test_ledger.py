"""Costs of a run and its caps: never exceeded, the same after a kill, unknown where nobody knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobs.core.errors import Refusal
from jobs.engines.endpoints import prices
from jobs.engines.endpoints.asking import Asker
from jobs.engines.endpoints.ledger import CapReached
from jobs.logic.endpoints.costs import Caps, Price
from tests import scripted_server as played
from tests.engines.endpoints.asked import PROBES, after_probe, answers, call
from tests.scripted_server import ScriptedServer

PRICE = Price(1.0, 2.0, "config")


def totals(found: list[Any]) -> Any:
    def look(asker: Asker) -> None:
        found.append(asker.ledger.facts()["total"])

    return look


@pytest.mark.parametrize(
    ("caps", "cap", "said"),
    [
        (Caps(calls=20), "calls", "max_calls: 20 of 20 calls are made; what was answered is kept, and a higher cap"),
        (Caps(tokens=1000), "tokens", r"max_tokens: \d+ of 1,000 tokens are used, and another call may need \d+"),
        (Caps(usd=0.001), "usd", r"max_usd: \$[\d.e-]+ of \$0.001 are spent, and another call may cost \$[\d.e-]+"),
    ],
)
def test_a_cap_is_reached_and_never_exceeded(caps: Caps, cap: str, said: str, tmp_path: Path) -> None:
    found: list[Any] = []
    with ScriptedServer(latency=0.005) as server:
        with pytest.raises(CapReached, match=said) as reached:
            answers(server.options(price=PRICE), tmp_path, [call(n) for n in range(500)], caps, totals(found))

        [total] = found
        assert reached.value.cap == cap
        assert 0 < total["calls"] == server.count < 500
    for name, limit in vars(caps).items():
        spent = {**total, "tokens": total["prompt_tokens"] + total["completion_tokens"], "minutes": 0}[name]
        assert limit is None or limit * 0.7 <= spent <= limit


def test_a_run_that_goes_on_ends_where_it_would_have_ended(tmp_path: Path) -> None:
    found: list[Any] = []
    calls = [call(n) for n in range(40)]
    with ScriptedServer() as server:
        answers(server.options(), tmp_path, calls[:15], look=totals(found))
        with pytest.raises(CapReached):
            answers(server.options(), tmp_path, calls, Caps(calls=20), look=totals(found))
        with pytest.raises(CapReached):
            answers(server.options(), tmp_path, calls[:15], Caps(calls=10), look=totals(found))
        answers(server.options(), tmp_path, calls[:15], Caps(calls=PROBES + 15), look=totals(found))

    assert [total["calls"] for total in found] == [PROBES + 15, 20, 10, PROBES + 15]
    assert found[0] == found[3]


def test_minutes_end_it_while_an_answer_is_waited_for(tmp_path: Path) -> None:
    late = played.hang(60)
    over = pytest.raises(CapReached, match=r"max_minutes: the 0\.01 minutes are over")
    with ScriptedServer(script=lambda number, body: late if number >= PROBES else None) as server, over:
        answers(server.options(), tmp_path, [call(1)], Caps(minutes=0.01))


def test_what_is_asked_is_counted_by_purpose_and_what_failed_apart(tmp_path: Path) -> None:
    found: list[Any] = []
    with ScriptedServer(script=after_probe(None, None, played.status(400))) as server:
        asked = [call(1, purpose="write"), call(2, purpose="score"), call(3, purpose="score")]
        answers(server.options(price=PRICE, max_concurrency=1), tmp_path, asked, look=lambda a: found.append(a.ledger))

    [ledger] = found
    rows = ledger.facts()["by_purpose"]
    assert [(row["purpose"], row["calls"], row["failed"]) for row in rows] == [
        ("probe", 3, 0), ("score", 2, 1), ("write", 1, 0)
    ]  # fmt: skip
    assert rows[2] == {"model": "teacher", "purpose": "write", "calls": 1, "prompt_tokens": 2, "completion_tokens": 4,
                       "usd": 1e-5, "failed": 0}  # fmt: skip
    table, total = ledger.by_purpose(), ledger.facts()["total"]
    assert [(one["purpose"], one["failed"]) for one in table] == [
        ("probe", {}), ("score", {"call-failed": 1}), ("write", {})
    ]  # fmt: skip
    assert {name: sum(one[name] for one in table) for name in total if name != "usd"} | {"usd": ledger.usd()} == total
    assert ledger.rows()[1][:5] == ["score", "teacher", "2", "0", "1"]
    assert ledger.note().startswith("6 calls, 1 failed · ")
    assert ledger.requests == 3


def test_an_unknown_price_is_unknown_and_no_cap_on_money_is_taken(tmp_path: Path) -> None:
    found: list[Any] = []
    with ScriptedServer() as server:
        answers(server.options(), tmp_path, [call(1)], look=lambda a: found.append(a.ledger.note()))
        with pytest.raises(Refusal, match=r"max_usd: nobody knows what teacher costs"):
            answers(server.options(), tmp_path, [call(1)], Caps(usd=1.0))

    assert found[0].endswith(" · unknown")


def test_no_cap_on_tokens_is_taken_where_the_server_tells_none(tmp_path: Path) -> None:
    refused = pytest.raises(Refusal, match=r"max_tokens: the server of teacher does not tell")
    with ScriptedServer(script=lambda number, body: played.no_usage) as server, refused:
        answers(server.options(), tmp_path, [call(1)], Caps(tokens=1000))


@pytest.mark.parametrize(
    ("url", "model", "price"),
    [
        ("https://api.openai.com/v1", "gpt-4o", (2.5, 10.0)),
        ("https://api.openai.com/v1", "a-model-of-nobody", None),
        ("http://127.0.0.1:8000/v1", "gpt-4o", None),
        ("http://gpu-3:8000/v1", "Qwen/Qwen3-4B", None),
    ],
)
def test_a_price_is_of_an_address_and_a_name(url: str, model: str, price: tuple[float, float] | None) -> None:
    found = prices.listed(url, model)

    assert (None if found is None else (found.input, found.output)) == price
    assert found is None or found.of.startswith("genai-prices ")
