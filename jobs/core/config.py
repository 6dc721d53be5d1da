"""Check a slice of the composed config against its model, and name every key that is wrong and what was expected."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationError

from jobs.core import other_names
from jobs.core.compose import ALIKE, CONF as CONF, compose as compose, flatten
from jobs.core.errors import MissingValue, Refusal
from jobs.core.model import StrictModel

RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
KEY = re.compile(r"\w+")
"""pydantic puts the kinds of a union between the keys, such as `constrained-int`."""

M = TypeVar("M", bound=StrictModel)


class RunConfig(StrictModel):
    """Top-level `run`: which folder the artifacts live in."""

    name: str
    """Names the folder under `folder`; letters, digits, `.`, `_`, `-`; at most 64."""
    folder: str = Field(min_length=1)
    """Where runs live."""
    seed: int
    """Shared by every stage that draws at random."""


class ModelConfig(StrictModel):
    """Top-level `model`: the base model, by interpolation in every stage that needs to know it."""

    id: str
    revision: str
    length: Annotated[int, Field(ge=1)] | Literal["auto"]
    """Tokens that it was trained to attend to; auto: what its config.json says."""


class ChatConfig(StrictModel):
    """Top-level `chat`: how conversations become rows; `preflight` says what each may be."""

    template: str
    thinking_block: str
    grade_thinking_block: bool
    graded_turns: str


def checked(model: type[M], values: Any, path: str) -> M:
    """`values` as `model`; raises Refusal naming every offending key below `path` and what was expected.

    Raises MissingValue where all that is wrong is that something was not given.
    """
    missing = [key for key, value in flatten(values, path).items() if value == "???"]
    if missing:
        raise MissingValue("; ".join(f"{key}: has no value; set it with {key}=value" for key in missing))
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Refusal("; ".join(_explain(model, problem, path) for problem in error.errors())) from None


def run_config(composed: Mapping[str, Any]) -> RunConfig:
    """The `run` slice; raises Refusal for a name that could leave the folder.

    What stages share is checked with it: an unknown key there would be read by nobody.
    """
    for name, model in (("model", ModelConfig), ("chat", ChatConfig)):
        checked(model, composed[name], name)
    run = checked(RunConfig, composed["run"], "run")
    if not RUN_NAME.fullmatch(run.name):
        raise Refusal(
            "run.name: expected 1 to 64 letters, digits, '.', '_' or '-', starting with a letter or digit, "
            f"got {run.name[:80]!r}"
        )
    return run


def _explain(model: type[StrictModel], problem: Any, path: str) -> str:
    key = ".".join([path, *(str(part) for part in problem["loc"] if KEY.fullmatch(str(part)))])
    kind, got = problem["type"], problem["input"]
    if kind == "extra_forbidden":
        told = other_names.answer(key, frozenset({path}))
        if told:
            return f"{key}: unknown key; {told}"
        names = _names_beside(model, problem["loc"])
        near = difflib.get_close_matches(str(problem["loc"][-1]), names, n=1, cutoff=ALIKE)
        return f"{key}: unknown key; " + (f"did you mean {near[0]}?" if near else f"there are: {', '.join(names)}")
    if kind == "missing":
        return f"{key}: missing, and there are no defaults in code; set it in conf/ or as {key}=value"
    if kind == "value_error":
        return f"{key}: {problem['ctx']['error']}"
    expected = problem["msg"][:1].lower() + problem["msg"][1:]
    return f"{key}: {expected.replace('input should be', 'expected')}, got {_short(got)}{_way_out(kind, got)}"


def _names_beside(model: type[StrictModel], place: Sequence[Any]) -> list[str]:
    """The fields of the part that the last word of `place` stands in; none where it is not one model's."""
    fields = model.model_fields
    for part in place[:-1]:
        inner = fields[part].annotation if part in fields else None
        fields = inner.model_fields if isinstance(inner, type) and issubclass(inner, StrictModel) else {}
    return list(fields)


def _way_out(kind: str, got: Any) -> str:
    if kind == "list_type" and isinstance(got, str):
        return f"; a list of one is [{_short(got)}]"
    if kind == "string_type" and isinstance(got, int | float):
        return "; text that looks like a number goes in quotes"
    return ""


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
