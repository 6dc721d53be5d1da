"""The one kind of data model: every field given, no field unknown, no type guessed."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
SomeShare = Annotated[float, Field(gt=0, le=1)]
TrueShare = Annotated[float, Field(gt=0, lt=1)]
"""Neither none nor all."""
ArmShare = Annotated[float, Field(ge=0.001, le=0.999)]
"""Of users that get one of two arms; with fewer, hardly any of the other arm has a partner."""
Difference = Annotated[float, Field(ge=0.0001, lt=1)]
"""Of shares, that is looked for; the least of them takes billions of cases, and the square of less is soon 0."""
Times = Annotated[float, Field(gt=1)]
Count = Annotated[int, Field(ge=1)]
CountOrNone = Annotated[int, Field(ge=0)]
Several = Annotated[int, Field(ge=2)]
Resamples = Annotated[int, Field(ge=100)]
"""Of a bootstrap; fewer have no ends."""
Layers = Annotated[int, Field(ge=-1)]
"""On a GPU; -1: all."""
Mark = Annotated[float, Field(ge=1, le=5)]
"""A score, or a mean of scores."""
Text = Annotated[str, Field(min_length=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Money = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Hours = Annotated[float, Field(ge=0, allow_inf_nan=False)]


EQUAL = 0.01
"""As in `logic.training.overfitting`, which loads numpy."""


def _variable(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", text):
        raise ValueError("expected the name of an environment variable that has the secret, never the secret itself")
    return text


def _addresses(value: list[str] | str) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not all(re.fullmatch(r"https?://[^\s/@?#]+(/[^\s?#@]*)?", text) for text in texts):
        raise ValueError("expected http://HOST:PORT/v1 or https://..., without user, password, `?` or `#`")
    return [text.rstrip("/") for text in texts]


def _rise(value: float) -> float:
    if not value >= EQUAL:
        raise ValueError("expected 0.01 or more: losses that lie within 1 % of each other are equal for what a model "
                         "does, so that a lower limit has no effect")  # fmt: skip
    return value


Rise = Annotated[float, AfterValidator(_rise)]
"""Of a loss, relative."""
Variable = Annotated[str, AfterValidator(_variable)]
"""What stands in its place is not repeated in an error, for it may be the secret."""
Addresses = Annotated[list[str] | str, AfterValidator(_addresses)]
"""One server's or several; an error does not repeat them either."""


class StrictModel(BaseModel):
    """Frozen; unknown fields and values of another type are errors.

    NaN and infinity survive JSON as the strings "NaN", "Infinity" and "-Infinity": facts must be able to hold
    what went wrong.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, ser_json_inf_nan="strings", defer_build=True)


class StageConfig(StrictModel):
    """A stage's slice of the config: complete, and without defaults, for YAML holds every value.

    A subclass adds `limits`, the numbers its gate judges by.
    """

    beside_key: ClassVar[frozenset[str]] = frozenset({"limits"})
    """Fields that do not change what is made, so that another value makes nothing again."""

    def beside(self) -> frozenset[str]:
        """`beside_key`, and what is not read with these values."""
        return self.beside_key

    def takes(self) -> frozenset[str]:
        """The stages that it stands on with these values besides those that it always needs."""
        return frozenset()


class Facts(StrictModel):
    """What a stage measured. Deterministic: no times, no paths of the machine."""

    def lines(self) -> list[tuple[str, str]]:
        """What a person is shown of it: (what, value) in words and units."""
        raise NotImplementedError(f"{type(self).__name__} shows nothing")

    def drawing(self, columns: int, plain: bool) -> list[str]:
        """What a person sees above the lines, at most `columns` wide; `plain`: in ASCII. Most stages draw nothing."""
        return []


class Limits(StrictModel):
    """The numbers a gate judges by, each with its reason in the YAML."""
