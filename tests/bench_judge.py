"""1,000 pairs in both orders from a scripted judge: how near to what its slots allow, and memory.

The judge answers `SLOTS` calls at once, `LATENCY` seconds each, in a process of its own;
`python -m tests.bench_judge FOLDER URL` is the one that asks, with prompts and answers as long as an article and a
summary.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench_rows import Row, child

PAIRS, SLOTS, LATENCY = 1_000, 16, 0.05
EARLY = 200
"""Pairs that are judged before memory is looked at first."""
PROMPT, ANSWER = 3_000, 400
"""Characters."""


def measure(options: Any) -> list[Row]:
    """For `make bench`."""
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "tests.scripted_server", str(LATENCY), str(SLOTS)]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            found = child("bench_judge", folder, server.stdout.readline().strip())
            told = json.loads(server.communicate()[0])
    least, again = 2 * (PAIRS - EARLY) * LATENCY / SLOTS, found["again"]
    return [
        Row("allowed", least, "s", None, f"2 x {PAIRS - EARLY} calls, {SLOTS} at once, {1000 * LATENCY:g} ms each"),
        Row("judged", found["seconds"], "s", found["seconds"] / least, "of what is allowed, goal 1.15"),
        Row(
            "calls",
            told["count"],
            "",
            None,
            f"{found['read']:,} verdicts read, of {2 * PAIRS:,}; the rest is the probe",
        ),
        Row("CPU of the client", 500 * found["cpu"] / (PAIRS - EARLY), "ms", None, "a call, with store and ledger"),
        Row("judged again", again, "s", again / found["seconds"], "all of it, from the store"),
        Row(f"memory after {EARLY}", found["early"] / 1024, "MiB", None, "peak"),
        Row("memory at the end", found["late"] / 1024, "MiB", found["late"] / found["early"], "peak"),
    ]


async def judged(folder: Path, url: str) -> dict[str, float]:
    """Seconds and peaks."""
    from jobs.engines.endpoints import asking
    from jobs.engines.judging.texts import wording_of
    from jobs.logic.endpoints.calls import Sampling
    from jobs.logic.endpoints.costs import NO_CAPS
    from jobs.logic.judging.pairs import Asking, Pair, judge_pairs
    from jobs.logic.row import Message
    from tests.scripted_server import options

    def pair(number: int) -> Pair:
        prompt = (Message("user", f"{number} ".ljust(PROMPT, "x")),)
        return Pair(str(number), None, prompt, f"{number} a ".ljust(ANSWER, "y"), f"{number} b ".ljust(ANSWER, "z"))

    pairs, words = [pair(number) for number in range(PAIRS)], wording_of("en")
    how = Asking(Sampling(0.0, 1.0, 256, 7), 3, 0.7, SLOTS)
    told = options(url=(url,), temperature=0.0, max_tokens=256, max_concurrency=SLOTS)
    async with asking.open_asker(told, folder, NO_CAPS) as asker:
        await judge_pairs(asker.ask, pairs[:EARLY], words, how)
        early, began, cpu = peak(), time.monotonic(), time.process_time()
        found = await judge_pairs(asker.ask, pairs[EARLY:], words, how)
        seconds, cpu, late, began = time.monotonic() - began, time.process_time() - cpu, peak(), time.monotonic()
        await judge_pairs(asker.ask, pairs, words, how)
    read = 2 * EARLY + sum(choice is not None for one in found for choice in one.orders)
    return {
        "seconds": seconds,
        "again": time.monotonic() - began,
        "early": early,
        "late": late,
        "read": read,
        "cpu": cpu,
    }


def peak() -> int:
    """KiB of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    print(json.dumps(asyncio.run(judged(Path(sys.argv[1]), sys.argv[2]))))
