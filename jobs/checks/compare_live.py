"""The config of `compare-live`: a file of real use, what its outcomes mean, and what would matter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from jobs.core import config
from jobs.core.errors import Refusal
from jobs.core.model import ArmShare, Difference, Hours, Share, StrictModel, Text, TrueShare
from jobs.logic.comparing.live_options import LiveOptions

OF_LIVE = ("use", "live")
"""Keys of `compare` that no other command reads."""


class LiveConfig(StrictModel):
    """`compare.live`, and `compare.use` as its file."""

    use: Text | None
    arms: list[Text | int]
    range: list[float | int]
    edited: Share
    difference: Difference
    randomised: Literal["user", "vote"]
    share: ArmShare
    window_hours: Hours
    power: TrueShare
    level: TrueShare
    seed: int


def options(words: Sequence[str]) -> LiveOptions:
    """What the words of a command line ask for; raises Refusal for a key or a value that is wrong."""
    composed = config.compose(words)
    run = config.run_config(composed)
    compare = composed["compare"]
    asked = config.checked(LiveConfig, {**compare["live"], "use": compare["use"]}, "compare.live")
    plain, arms = asked.model_dump(exclude={"arms", "range"}), [str(arm).strip() for arm in asked.arms]
    if arms and (len(arms) != 2 or arms[0] == arms[1]):
        raise Refusal(
            "compare.live.arms: expected the names of two arms, as in [new,old], or [] for those that there are",
            without=["compare.live.arms"],
        )
    return LiveOptions(
        **plain,
        runs=run.folder,
        arms=(arms[0], arms[1]) if arms else None,
        range=_range(asked.range) if asked.range else None,
    )


def _range(ends: Sequence[float | int]) -> tuple[float, float]:
    """Both ends as they are counted with. Raises Refusal where an outcome between them would be no number from 0 to 1.

    Asked of floats: whole numbers may differ where these are the same, and be larger than any.
    """
    try:
        low, high = map(float, ends)
    except (ValueError, OverflowError):
        low = high = math.nan
    if not 0 < high - low < math.inf:
        raise Refusal(
            "compare.live.range: expected the least and the greatest number, finite and with a finite width "
            "between them, as in [0,10], or [] where outcomes are words",
            without=["compare.live.range"],
        )
    return low, high
