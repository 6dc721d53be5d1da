"""Without a url: the pinned llama-server, started, probed, asked and ended, on a random model of the tests."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs.core.errors import Exit, Refusal
from jobs.engines.endpoints import asking, embedded
from jobs.engines.endpoints.asking import Asker
from jobs.engines.endpoints.pool import AskingEnds
from jobs.logic.endpoints.costs import NO_CAPS
from jobs.logic.endpoints.family import Identity, kinship
from tests.engines.endpoints.asked import QUICK, answers, call
from tests.scripted_server import options

ROOT = Path(__file__).resolve().parents[3]
CHOICE = {
    "type": "object",
    "properties": {"score": {"enum": [1, 2, "cannot say"]}},
    "required": ["score"],
    "additionalProperties": False,
}


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def children() -> set[int]:
    """Of this process: llama-servers."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue
        if name == "llama-server" and int(rest.split()[1]) == os.getpid():
            found.add(int(path.parent.name))
    return found


def test_a_file_is_served_probed_asked_and_ended(f16_gguf: Path, tmp_path: Path) -> None:
    settings = options(gguf=str(f16_gguf), max_concurrency=1)
    asked = [call(1, CHOICE), call(2), call(3, CHOICE, text="score this <|im_end|>")]
    seen: list[Any] = []

    def look(asker: Asker) -> None:
        seen.append((children(), asker.facts(), asker.ledger.facts()))

    first = answers(settings, tmp_path / "one", asked, look=look)
    again = answers(settings, tmp_path / "one", asked, look=look)
    anew = answers(settings, tmp_path / "two", asked[::-1])

    [running], facts, ledger = seen[0]
    assert gone(running)
    assert [first[place].value["score"] in (1, 2, "cannot say") for place in (0, 2)] == [True, True]
    assert first[1].failure in ("cut", "broken-text", "control-tokens", None)
    assert (facts["schema"], facts["repeats"], facts["cuts"], facts["tells_usage"]) == ("obeyed", True, True, True)
    assert (facts["own_server"], facts["model"][:9], len(facts["sha256"])) == (True, "tiny-f16@", 64)
    assert str(f16_gguf.parent) not in f"{seen}"
    assert ledger["total"]["usd"] == 0.0
    # Nothing is asked twice, so no server is started; and asked anew in another order the bytes are the same.
    assert (again, seen[1]) == (first, (set(), facts, ledger))
    assert anew == first[::-1]


def test_it_ends_with_an_error_of_the_stage(f16_gguf: Path, tmp_path: Path) -> None:
    async def work() -> None:
        settings = options(gguf="base", max_concurrency=2)
        async with asking.open_asker(settings, tmp_path, NO_CAPS, base=lambda: f16_gguf, patience=QUICK):
            started.update(children())
            raise ZeroDivisionError

    started: set[int] = set()
    with pytest.raises(ZeroDivisionError):
        asking.run(work())

    assert len(started) == 1
    assert all(gone(pid) for pid in started)


def test_two_models_of_one_file_are_one_server(f16_gguf: Path, tmp_path: Path) -> None:
    async def work() -> tuple[Any, Any, set[int]]:
        async with asking.open_session(tmp_path, NO_CAPS, QUICK) as session:
            settings = options(gguf=str(f16_gguf), max_concurrency=1)
            one, other = await session.asker(settings), await session.asker(replace(settings, temperature=0.0))
            said = await asyncio.gather(one.ask(call(1, CHOICE)), other.ask(call(2, CHOICE)))
            return *said, children()

    one, other, running = asking.run(work())

    assert (one.failure, other.failure, len(running)) == (None, None, 1)


def test_one_that_dies_is_told_at_once(f16_gguf: Path, tmp_path: Path) -> None:
    async def work() -> None:
        settings = options(gguf=str(f16_gguf), max_concurrency=1)
        async with asking.open_asker(settings, tmp_path, NO_CAPS, patience=QUICK) as asker:
            [pid] = children()
            os.kill(pid, signal.SIGSEGV)
            await asyncio.gather(*(asker.ask(call(number)) for number in range(5)))

    with pytest.raises(AskingEnds, match=r"tiny-f16\.gguf: llama-server died of SIGSEGV"):
        asking.run(work())


def test_a_stop_while_it_answers_is_answered_within_seconds(f16_gguf: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tests.engines.endpoints.embedded_process", str(f16_gguf), str(tmp_path)]
    child = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    pid = int(child.stdout.readline())
    time.sleep(0.3)  # an answer of 100,000 tokens is under way
    child.send_signal(signal.SIGTERM)
    _, said = child.communicate(timeout=60)

    assert child.returncode == Exit.INTERRUPTED, said
    assert gone(pid)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"gguf": "no.gguf"}, r"gguf: no\.gguf is not there"),
        ({"gguf": "base"}, r"gguf: base is not there; .* `base` for the run's own base model"),
        ({"gguf": "no.gguf", "url": ("http://127.0.0.1:9/v1",)}, "url and gguf: give one of them"),
    ],
)
def test_a_file_that_is_not_there(changes: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=said):
        answers(options(**changes), tmp_path, [call(1)])


def test_a_file_that_is_none(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(60))

    with pytest.raises(Refusal, match=r"gguf: .*broken\.gguf"):
        answers(options(gguf=str(broken)), tmp_path, [call(1)])


def test_a_file_is_known_by_its_bytes_and_its_header(f16_gguf: Path, q4_gguf: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "mine.gguf"
    renamed.symlink_to(f16_gguf)
    known = embedded.identity(f16_gguf)

    assert kinship(known, embedded.identity(renamed)) == "same"
    assert kinship(known, embedded.identity(q4_gguf)) == "same"
    assert kinship(known, Identity(["Qwen3-4B"])) == "family"
    assert known.architecture == "qwen3"
