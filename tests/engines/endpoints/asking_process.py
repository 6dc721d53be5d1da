"""`python -m tests.engines.endpoints.asking_process URL FOLDER NUM`: ask that many questions and say the answers."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from jobs.core import process
from jobs.core.endings import ending
from jobs.engines.endpoints import asking
from jobs.logic.endpoints.costs import NO_CAPS
from tests.engines.endpoints.asked import call
from tests.scripted_server import options


def main(url: str, folder: Path, num: int) -> int:
    async def work() -> None:
        async with asking.open_asker(options(url=(url,), max_concurrency=4), folder, NO_CAPS) as asker:
            for answer in await asyncio.gather(*(asker.ask(call(number)) for number in range(num))):
                print(answer)
            print(asker.facts(), asker.ledger.facts())

    process.install_stop_handlers()
    asking.run(work())
    return 0


if __name__ == "__main__":
    sys.exit(ending("asking", lambda: main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))))
