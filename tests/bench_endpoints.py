"""10,000 calls over three scripted servers on this machine: how near to what the servers can give, and memory.

A server works on `SLOTS` calls at once, `LATENCY` seconds each, so three could give 3 x SLOTS / LATENCY answers a
second. What they do give here is measured with bare sockets that send the same bytes again and again. The servers are
processes of their own; `python -m tests.bench_endpoints FOLDER URL...` is the one that asks.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.bench_rows import Row, child

CALLS, SERVERS, SLOTS, LATENCY = 10_000, 3, 2, 0.02
BARE_CALLS = 2_000
TEXT = 1500
"""Characters of a prompt, as of one with examples."""


def measure(options: Any) -> list[Row]:
    """For `make bench`."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        words = [sys.executable, "-m", "tests.scripted_server", str(LATENCY), str(SLOTS)]
        servers = [
            stack.enter_context(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(SERVERS)
        ]
        urls = [server.stdout.readline().strip() for server in servers if server.stdout is not None]
        found = child("bench_endpoints", folder, *urls)
        told = [json.loads(server.communicate()[0]) for server in servers]
    most, bare, rate = SERVERS * SLOTS / LATENCY, BARE_CALLS / found["bare"], CALLS / found["seconds"]
    shares = ", ".join(f"{one['count']:,}" for one in told)
    twice = sum(one["twice"] for one in told)
    return [
        Row("as set", most, "/s", None, f"{SERVERS} x {SLOTS} at once, {1000 * LATENCY:g} ms each"),
        Row("bare sockets", bare, "/s", bare / most, "of what is set"),
        Row("asked", rate, "/s", rate / bare, f"of bare sockets, goal 0.90; calls by server: {shares}"),
        Row("asked twice", twice, "", None, "the probe's and the bare sockets' question is, on purpose"),
        Row("CPU of the client", 1000 * found["cpu"] / CALLS, "ms", None, "a call, with store and ledger"),
        Row("read again", CALLS / found["again"], "/s", None, "a second run, all from the store"),
        Row("memory after 1,000", found["early"] / 1024, "MiB", None, "peak"),
        Row("memory at the end", found["late"] / 1024, "MiB", found["late"] / found["early"], "peak"),
    ]


async def bare(urls: list[str], body: bytes) -> float:
    """Seconds of BARE_CALLS, with as many connections as `asked` has."""
    left = iter(range(BARE_CALLS))

    async def connection(url: str) -> None:
        port = int(url.rpartition(":")[2].partition("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        for _ in left:
            writer.write(head + body)
            told = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(told.partition(b"content-length: ")[2].partition(b"\r")[0]))
        writer.close()

    began = time.monotonic()
    await asyncio.gather(*(connection(url) for url in urls for _ in range(2 * SLOTS)))
    return time.monotonic() - began


async def asked(folder: Path, urls: list[str]) -> dict[str, float]:
    """Seconds and peaks of asking all, a thousand at a time as a stage does."""
    from jobs.engines.endpoints import asking
    from jobs.engines.endpoints.requests import chat_body
    from jobs.logic.endpoints.calls import Call, Sampling
    from jobs.logic.endpoints.costs import NO_CAPS
    from jobs.logic.row import Message
    from tests.scripted_server import options

    def call(number: int) -> Call:
        text = f"{number} ".ljust(TEXT, "x")
        return Call((Message("user", text),), Sampling(0.7, 1.0, 64, number), None, "bench")

    async def whole() -> float:
        began = time.monotonic()
        for start in range(0, CALLS, 1000):
            await asyncio.gather(*(asker.ask(call(number)) for number in range(start, start + 1000)))
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        return time.monotonic() - began

    peaks: list[int] = []
    settings = options(url=tuple(urls), max_concurrency=2 * SLOTS)
    alone = await bare(urls, chat_body(call(-1), "teacher", {}, "max_tokens", True))
    async with asking.open_asker(settings, folder, NO_CAPS) as asker:
        cpu = time.process_time()
        seconds = await whole()
        cpu = time.process_time() - cpu
    async with asking.open_asker(settings, folder, NO_CAPS) as asker:
        again = await whole()
    return {"bare": alone, "seconds": seconds, "cpu": cpu, "again": again, "early": peaks[0], "late": peaks[9]}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(asked(Path(sys.argv[1]), sys.argv[2:]))))
