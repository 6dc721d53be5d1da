"""What the tests of this folder ask with: short waits, plain calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jobs.engines.endpoints import asking
from jobs.engines.endpoints.asking import Asker
from jobs.engines.endpoints.pool import Patience
from jobs.logic.endpoints.calls import Answer, Call, Sampling
from jobs.logic.endpoints.costs import NO_CAPS, Caps
from jobs.logic.endpoints.options import EndpointOptions
from jobs.logic.row import Message

QUICK = Patience(
    tries=3, waits=30, first_seconds=0.02, most_seconds=0.2, gone_after=4, window=100, least=50, most_failed=0.5
)
PROBES = 3
"""Chat calls of a probe."""


def call(number: int = 0, schema: dict[str, Any] | None = None, text: str = "", purpose: str = "test") -> Call:
    """Another one for each number."""
    messages = (Message("user", text or f"question {number}"),)
    return Call(messages, Sampling(0.7, 1.0, 64, number), schema, purpose)


def after_probe(*faults: Any) -> list[Any]:
    """A script whose faults are for the first calls of the test itself."""
    return [None] * PROBES + list(faults)


def answers(
    options: EndpointOptions,
    folder: Path,
    calls: Sequence[Call],
    caps: Caps = NO_CAPS,
    look: Callable[[Asker], None] = lambda asker: None,
    patience: Patience = QUICK,
) -> list[Answer]:
    """Ask all at once; `look` sees the asker at the end."""

    async def work() -> list[Answer]:
        async with asking.open_asker(options, folder, caps, patience=patience) as asker:
            try:
                return await asyncio.gather(*(asker.ask(one) for one in calls))
            finally:
                look(asker)

    return asking.run(work())
