"""Asked once: by one run, by several at once, by the run after a kill; and stops."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.core.errors import Damaged, EnvironmentProblem, Exit, Interrupted, Refusal
from jobs.engines.endpoints import asking
from jobs.engines.endpoints.asking import Asker
from jobs.engines.endpoints.pool import AskingEnds
from jobs.engines.endpoints.store import NAME, open_store
from jobs.logic.endpoints.costs import NO_CAPS
from tests import scripted_server as played
from tests.engines.endpoints.asked import PROBES, QUICK, answers, call
from tests.scripted_server import ScriptedServer, options

ROOT = Path(__file__).resolve().parents[3]
NUM = 60


def test_one_question_of_several_at_once_is_sent_once(tmp_path: Path) -> None:
    with ScriptedServer(latency=0.02) as server:
        said = answers(server.options(), tmp_path, [call(1), call(1, purpose="other"), call(2), call(1)])

        assert server.count == PROBES + 2
    assert said[0] == said[1] == said[3] != said[2]


def test_a_second_run_asks_nothing_and_needs_no_server(tmp_path: Path) -> None:
    facts: list[Any] = []
    calls = [call(n) for n in range(9)]

    def look(asker: Asker) -> None:
        facts.append((asker.facts(), asker.ledger.facts()))

    with ScriptedServer() as server:
        settings = server.options()
        first = answers(settings, tmp_path, calls, look=look)
    second = answers(settings, tmp_path, calls, look=look)

    assert second == first
    assert facts[0] == facts[1]


@pytest.mark.parametrize("changes", [{"model": "another"}, {"extra": {"top_k": 1}}])
def test_another_model_or_other_fields_are_other_questions(changes: Any, tmp_path: Path) -> None:
    with ScriptedServer(models=["teacher", "another"]) as server:
        answers(server.options(model="teacher"), tmp_path, [call(1)])
        before = server.count
        answers(server.options(**{"model": "teacher", **changes}), tmp_path, [call(1)])

        assert server.count == before + PROBES + 1
        wanted = changes.get("extra", changes)
        assert {**server.bodies[-1], **wanted} == server.bodies[-1]


def test_a_field_that_is_null_is_left_out(tmp_path: Path) -> None:
    with ScriptedServer() as server:
        answers(server.options(extra={"seed": None}), tmp_path, [call(1)])

        assert all("seed" not in body and "top_p" in body for body in server.bodies)


def test_a_second_command_beside_the_first_is_refused(tmp_path: Path) -> None:
    held = "from pathlib import Path\nfrom jobs.engines.endpoints.store import open_store\nimport sys\n" \
           "with open_store(Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()"  # fmt: skip
    words = [sys.executable, "-c", held, str(tmp_path)]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        refused = pytest.raises(EnvironmentProblem, match=r"answers\.sqlite: another command asks with these answers")
        with refused, open_store(tmp_path):
            pass
        child.communicate()
    with open_store(tmp_path) as store:
        assert store.count() == 0


@pytest.mark.parametrize("broken", [b"no store at all, and long enough to be looked at " * 20, b""])
def test_a_file_that_is_no_store(broken: bytes, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(broken)

    if broken:
        with (
            pytest.raises(Damaged, match=r"is no whole store of answers .*move it away to ask anew"),
            open_store(tmp_path),
        ):
            pass
    else:
        with open_store(tmp_path) as store:
            assert store.count() == 0


def test_what_was_asked_can_be_read(tmp_path: Path) -> None:
    with ScriptedServer() as server:
        [answer] = answers(server.options(), tmp_path, [call(7, {"type": "string"})])

    with open_store(tmp_path) as store:
        assert store.asked(answer.call_id) == {
            "messages": [["user", "question 7"]],
            "sampling": {"temperature": 0.7, "top_p": 1.0, "max_tokens": 64, "seed": 7},
            "schema": {"type": "string"},
        }


def command(url: str, folder: Path) -> list[str]:
    return [sys.executable, "-m", "tests.engines.endpoints.asking_process", url, str(folder), str(NUM)]


def test_a_killed_run_goes_on_asks_nothing_twice_and_says_the_same(tmp_path: Path) -> None:
    """What was in flight when the kill came is asked once more: its answer never came."""
    at_once, kills = 4, 0
    draws = random.Random(1)
    with ScriptedServer(latency=0.05, slots=at_once) as server:
        whole = subprocess.run(command(server.url, tmp_path / "whole"), cwd=ROOT, capture_output=True, check=True)
        server.asked.clear()
        while True:
            child = subprocess.Popen(command(server.url, tmp_path / "killed"), cwd=ROOT, stdout=subprocess.PIPE)
            target = server.count + draws.randint(1, NUM // 3)
            while child.poll() is None and server.count < target and kills < 4:
                time.sleep(0.005)
            if kills == 4 or child.poll() is not None:
                break
            child.kill()
            child.communicate()
            kills += 1
        said, _ = child.communicate()

    assert child.returncode == 0
    assert said == whole.stdout
    assert sum(server.asked.values()) - len(server.asked) <= kills * (at_once + PROBES)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_answered_at_once_and_what_came_is_kept(number: int, tmp_path: Path) -> None:
    late = played.hang(60)
    with ScriptedServer(script=lambda n, body: late if n >= PROBES + 10 else None) as server:
        child = subprocess.Popen(
            command(server.url, tmp_path), cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        while server.count < PROBES + 14 and child.poll() is None:
            time.sleep(0.01)
        child.send_signal(number)
        _, said = child.communicate(timeout=30)  # an answer takes 60

    assert child.returncode == Exit.INTERRUPTED
    assert said.decode().count("stop asked for; answers that came are kept") == 1
    with open_store(tmp_path) as store:
        assert store.count() == 10


def test_an_error_in_a_group_is_what_a_command_ends_with() -> None:
    async def fails(error: BaseException) -> None:
        raise error

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fails(AskingEnds("over")))
            group.create_task(fails(Interrupted("stopped")))

    with pytest.raises(Interrupted, match="stopped"):
        asking.run(work())


def test_without_server_and_file_the_three_ways_are_told(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"server's url .* GGUF file .* \(`gguf=base`\)"):
        answers(options(), tmp_path, [call(1)])


def test_answers_in_the_order_of_the_calls_with_a_line_of_progress(tmp_path: Path, capfd: Any) -> None:
    async def work() -> list[str]:
        async with asking.open_asker(server.options(), tmp_path, NO_CAPS, patience=QUICK) as asker:
            return [answer.text for answer in await asker.ask_all([call(n) for n in range(20)], "scoring")]

    with ScriptedServer() as server:
        assert asking.run(work()) == [f"You said: question {n}" for n in range(20)]
    assert "scoring: 20/20 in" in capfd.readouterr().err


def test_embeddings_are_asked_for_once(tmp_path: Path) -> None:
    async def work(texts: list[str]) -> Any:
        async with asking.open_asker(server.options(), tmp_path, NO_CAPS, patience=QUICK) as asker:
            found = await asker.embed(texts)
            costs.append(asker.ledger.by_purpose()[0])
            return found

    costs: list[dict[str, Any]] = []
    texts = [f"text {n}" for n in range(70)]
    with ScriptedServer() as server:
        first = asking.run(work([*texts, "text 0"]))
        assert server.embedded == 70
        again = asking.run(work(texts))
        assert server.embedded == 70
    assert costs[0] == costs[1], "a run that goes on has paid for the same"
    assert (costs[0]["purpose"], costs[0]["calls"], costs[0]["prompt_tokens"]) == ("embeddings", 3, 70)

    assert first.shape == (71, 8)
    assert np.array_equal(first[0], first[70])
    assert np.array_equal(again, first[:70])
    assert first[3].tolist() == pytest.approx(played.embeddings({"input": ["text 3"]})["data"][0]["embedding"])
