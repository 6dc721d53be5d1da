"""The config of `compare-live`: a file of real use, what its outcomes mean, and what would matter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from jobs.core import config
from jobs.core.errors import Refusal
from jobs.core.model import NotNegative, Share, StrictModel, Text, TrueShare
from jobs.logic.comparing.live_options import LiveOptions

OF_LIVE = ("use", "live")
"""Keys of `compare` that no other command reads."""


class LiveConfig(StrictModel):
    """`compare.live`, and `compare.use` as its file."""

    use: Text | None
    arms: list[Text | int]
    range: list[float | int]
    edited: Share
    difference: TrueShare
    randomised: Literal["user", "vote"]
    share: TrueShare
    window_hours: NotNegative
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
    if asked.range and (len(asked.range) != 2 or not asked.range[0] < asked.range[1]):
        raise Refusal(
            "compare.live.range: expected the least and the greatest number, as in [0,10], or [] where these are words",
            without=["compare.live.range"],
        )
    return LiveOptions(
        **plain,
        runs=run.folder,
        arms=(arms[0], arms[1]) if arms else None,
        range=(float(asked.range[0]), float(asked.range[1])) if asked.range else None,
    )
