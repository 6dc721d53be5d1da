"""`python -m tests.engines.endpoints.embedded_process GGUF FOLDER`: say the server's pid, ask for a long answer."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from jobs.core import process
from jobs.core.endings import ending
from jobs.engines.endpoints import asking
from jobs.logic.endpoints.calls import Call, Sampling
from jobs.logic.endpoints.costs import NO_CAPS
from jobs.logic.row import Message
from tests.engines.endpoints.test_embedded import children
from tests.scripted_server import options

LONG = Call((Message("user", "go on"),), Sampling(1.0, 1.0, 100_000, 1), None, "test")


def main(gguf: str, folder: Path) -> int:
    async def work() -> None:
        settings = options(gguf=gguf, context=200_000, max_concurrency=1)
        async with asking.open_asker(settings, folder, NO_CAPS) as asker:
            print(*children(), flush=True)
            await asyncio.gather(asker.ask(LONG))

    process.install_stop_handlers()
    asking.run(work())
    return 0


if __name__ == "__main__":
    sys.exit(ending("asking", lambda: main(sys.argv[1], Path(sys.argv[2]))))
