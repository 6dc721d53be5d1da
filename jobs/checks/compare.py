"""The config of `compare` and of the commands that go with it: which models, which rows, whose votes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from jobs.checks.behaviour import MeasureConfig
from jobs.checks.compare_live import OF_LIVE
from jobs.checks.endpoint_config import Endpoint
from jobs.checks.judge_config import UsableConfig
from jobs.core import config
from jobs.core.config import RunConfig
from jobs.core.model import Count, NotNegative, Positive, Several, StrictModel, Text, TrueShare
from jobs.logic.comparing.options import Options, SheetOptions
from jobs.logic.endpoints.costs import Caps


class SheetConfig(StrictModel):
    """The blind sheet."""

    pairs: Count
    title: Text
    language: Literal["auto", "ja", "en"]
    seed: Text | int


class CapsConfig(StrictModel):
    """Of what is asked of the judge."""

    max_calls: Count | None
    max_tokens: Count | None
    max_minutes: Positive | None
    max_usd: NotNegative | None


class CompareConfig(StrictModel):
    """Top-level `compare`."""

    a: Text | None
    b: Text | None
    type: Text | None
    out: Text | None
    rows: list[str]
    most_rows: Count
    max_tokens: Count
    context: Count
    temperature: NotNegative
    think: bool | None
    gpu_layers: int
    seed: int
    num_resamples: Several
    level: TrueShare
    measure: MeasureConfig
    judge: Endpoint
    caps: CapsConfig
    tries: Count
    retry_temperature: NotNegative
    qualify_rows: Count
    usable: UsableConfig
    sheet: SheetConfig
    votes: list[str]
    key: Text | None
    partly: bool


def options(words: Sequence[str]) -> Options:
    """What the words of a command line ask for; raises Refusal for a key or a value that is wrong."""
    composed = config.compose(words)
    run: RunConfig = config.run_config(composed)
    own = {key: value for key, value in composed["compare"].items() if key not in OF_LIVE}
    asked = config.checked(CompareConfig, own, "compare")
    plain = asked.model_dump(exclude={"measure", "judge", "caps", "sheet"})
    return Options(
        **plain,
        runs=run.folder,
        run=run.name,
        redo=composed["redo"] is True,
        loops=(asked.measure.repeat_chars, asked.measure.loop_repeats, asked.measure.loop_chars),
        judge=asked.judge.options() if asked.judge.is_given else None,
        caps=Caps(*asked.caps.model_dump().values()),
        prepare=composed["prepare"],
        sheet=SheetOptions(**asked.sheet.model_dump() | {"seed": str(asked.sheet.seed)}),
    )
