"""A judge asked about every pair of a comparison, after it has shown that it can judge; each question once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jobs.core import terminal
from jobs.core.errors import Refusal
from jobs.engines.comparing.models import Model
from jobs.engines.endpoints import asking, embedded, estimating
from jobs.engines.endpoints.asking import Asker, Session
from jobs.engines.judging.texts import wording_of
from jobs.engines.judging.working import Work, Working, conducts
from jobs.logic.comparing.options import Options
from jobs.logic.endpoints.calls import Sampling
from jobs.logic.endpoints.costs import Estimate
from jobs.logic.endpoints.family import kinship
from jobs.logic.judging.pairs import Asking, Judged, Pair
from jobs.logic.judging.usable import PAIRS, Wanted, why_not

CAPS = "compare.caps"
"""Where the caps stand."""


def judged(
    pairs: Sequence[Pair], asked: Options, models: Sequence[Model], language: str, folder: Path
) -> tuple[list[Judged], list[str]]:
    """What `compare.judge` says of each pair, and why it may not be listened to; one that does not qualify is asked
    about no pair. Raises Refusal where it is one of the two that are compared, or would cost more than a cap."""
    return asking.run(_judged(pairs, asked, models, language, folder))


def estimate(pairs: Sequence[Pair], asked: Options, models: Sequence[Model], language: str, folder: Path) -> Estimate:
    """What the judge will cost at most, by a few pairs of right and wrong answers; no model answers for it.

    Raises Refusal where the number of calls, which is known before any, is above its cap.
    """
    num_pairs = 0 if models[0].digest == models[1].digest else len(pairs)

    async def probed() -> Estimate:
        async with asking.open_session(folder, asked.caps) as session:
            work = await _working(pairs, asked, models, language, session)
            with estimating.higher_cap(CAPS, asked.caps):
                require_caps(asked, work.calls(num_pairs))
                return await work.probe(num_pairs)

    return asking.run(probed())


def require_caps(asked: Options, found: Estimate) -> None:
    """Raises Refusal where an estimate is above a cap."""
    estimating.require_caps(CAPS, asked.caps, found, "compare.most_rows or compare.qualify_rows")


async def _judged(
    pairs: Sequence[Pair], asked: Options, models: Sequence[Model], language: str, folder: Path
) -> tuple[list[Judged], list[str]]:
    wanted = Wanted(**asked.usable)
    async with asking.open_session(folder, asked.caps) as session:
        work = await _working(pairs, asked, models, language, session)
        with estimating.higher_cap(CAPS, asked.caps):
            probed = await work.probe(sum(pair.first != pair.second for pair in pairs))
            terminal.say(estimating.told("compare", probed))
            require_caps(asked, probed)
            qualified = conducts(await work.qualify())
            unusable = why_not(qualified, wanted)
            if unusable:
                return [], unusable
            said = await work.judge(pairs, "pairs compared", "compare/pairs")
            return said, why_not({**qualified, **conducts({PAIRS: said})}, wanted)


async def _working(
    pairs: Sequence[Pair], asked: Options, models: Sequence[Model], language: str, session: Session
) -> Working:
    judge = asked.judge
    assert judge is not None
    sampling = Sampling(judge.temperature, judge.top_p, judge.max_tokens, asked.seed)
    how = Asking(sampling, asked.tries, asked.retry_temperature, judge.max_concurrency * max(1, len(judge.url)))
    asker = await session.asker(judge)
    _require_other(asker, models)
    return Working(Work(how, wording_of(language), asked.qualify_rows, asked.seed, None), pairs, session, asker)


def _require_other(asker: Asker, models: Sequence[Model]) -> None:
    """Raises Refusal for a judge that is one of the two; one of their family is told."""
    for model in models:
        kin = kinship(asker.identity, embedded.identity(model.gguf))
        if kin == "same":
            raise Refusal(f"compare.judge: is {model.name}, one of the two that are compared; give another model")
        if kin == "family":
            terminal.say(f"note: the judge is of the family of {model.name}, and families like their own answers")
