"""What `judge` is told: `conf/judge`."""

from __future__ import annotations

from typing import ClassVar, Literal

from jobs.checks.endpoint_config import Endpoint
from jobs.checks.judge import JudgeLimits
from jobs.core.model import (
    Count,
    CountOrNone,
    Layers,
    NotNegative,
    Positive,
    Resamples,
    Share,
    StageConfig,
    StrictModel,
    Text,
)
from jobs.logic.endpoints.costs import Caps
from jobs.logic.judging.pairs import Asking
from jobs.logic.judging.usable import Wanted


class UsableConfig(StrictModel):
    """What a judge must show before it may speak; see `logic/judging/usable.py`."""

    min_pairs: Count
    min_gold_share: Share
    max_self_gain: Share
    max_padded_gain: Share
    max_injected_gain: Share
    max_flip_share: Share
    max_position_gap: Share
    max_position_p: Share
    max_unparsable_share: Share
    max_unread_share: Share


class JudgeConfig(StageConfig):
    beside_key: ClassVar[frozenset[str]] = frozenset(
        {"limits", "max_calls", "max_tokens", "max_minutes", "max_usd", "with_made_rows", "gpu_layers"}
    )

    chosen: bool
    against: Literal["base", "reference"]
    type: Text | None
    rows: Count
    judge: Endpoint
    kin: Text | None
    tries: Count
    retry_temperature: NotNegative
    shows_reference: bool
    language: Literal["auto", "ja", "en"]
    rubric: Text | None
    blame: bool
    qualify_rows: Count
    usable: UsableConfig
    forgetting: Count
    votes: list[str]
    num_resamples: Resamples
    max_calls: Count | None
    max_tokens: Count | None
    max_minutes: Positive | None
    max_usd: NotNegative | None
    gpu_layers: Layers
    num_samples: CountOrNone
    with_made_rows: bool
    """Whether `synth` made rows, which the artifact's inputs say."""
    seed: int
    limits: JudgeLimits

    def takes(self) -> frozenset[str]:
        """`synth`, whose models are kin of what it taught."""
        return frozenset({"synth"} if self.with_made_rows and self.chosen else ())

    @property
    def tells_reference(self) -> bool:
        """Whether the judge is shown the row's own answer, which is not what is judged."""
        return self.shows_reference and self.against == "base"

    @property
    def against_words(self) -> str:
        return "the base" if self.against == "base" else "the rows' own answers"

    def asking(self) -> Asking:
        """How the judge is asked."""
        return Asking(self.judge.sampling(self.seed), self.tries, self.retry_temperature, self.judge.at_once)

    def wanted(self) -> Wanted:
        """What it must show."""
        return Wanted(**self.usable.model_dump())

    def caps(self) -> Caps:
        return Caps(self.max_calls, self.max_tokens, self.max_minutes, self.max_usd)
