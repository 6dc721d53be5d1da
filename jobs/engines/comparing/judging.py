"""A judge asked about every pair of a comparison, each question once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jobs.core import terminal
from jobs.core.errors import Refusal
from jobs.engines.comparing.models import Model
from jobs.engines.endpoints import asking
from jobs.engines.judging.texts import wording_of
from jobs.logic.comparing.options import Options
from jobs.logic.endpoints.calls import Sampling
from jobs.logic.endpoints.costs import NO_CAPS
from jobs.logic.judging.pairs import Asking, Judged, Pair, judge_pairs

RETRY_TEMPERATURE = 0.7
"""A judge that answered nothing readable at temperature 0 would answer the same again."""


def judged(pairs: Sequence[Pair], asked: Options, models: Sequence[Model], language: str, folder: Path) -> list[Judged]:
    """What `compare.judge` says of each pair; raises Refusal where it is one of the two that are compared."""
    return asking.run(_judged(pairs, asked, models, language, folder))


async def _judged(
    pairs: Sequence[Pair], asked: Options, models: Sequence[Model], language: str, folder: Path
) -> list[Judged]:
    assert asked.judge is not None
    sampling = asked.judge
    async with asking.open_session(folder, NO_CAPS) as session:
        asker = await session.asker(asked.judge)
        await asker.know()
        if asker.facts()["sha256"] in {model.digest for model in models}:
            raise Refusal("compare.judge: is one of the two that are compared; give another model")
        how = Asking(
            Sampling(sampling.temperature, sampling.top_p, sampling.max_tokens, asked.seed), asked.tries,
            RETRY_TEMPERATURE,
        )  # fmt: skip
        with terminal.progress("judge", len(pairs)) as advance:
            return await judge_pairs(asker.ask, pairs, wording_of(language), how, advance=lambda done: advance(done))
