"""Check a slice of the composed config against its model, and name every key that is wrong and what was expected."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationError

from jobs.core import names, other_names
from jobs.core.compose import ALIKE, CONF as CONF, compose as compose, flatten
from jobs.core.errors import MissingValue, Refusal
from jobs.core.model import StrictModel

RUN_NAME = names.ASCII_NAME
"""What a launcher takes as it is; `names.ascii_slug` makes it of any other."""
PLACEHOLDERS = {"prepare.files": "[FILE.jsonl]", "fetch.source.folder": "FOLDER", "train.adapter": "FOLDER"}
"""What stands in a line to paste where only the person knows the value."""
KEY = re.compile(r"\w+")
"""pydantic puts the kinds of a union between the keys, such as `constrained-int`."""

M = TypeVar("M", bound=StrictModel)


class RunConfig(StrictModel):
    """Top-level `run`: which folder the artifacts live in."""

    name: str
    """Names the folder under `folder`; letters and digits of any writing, `.`, `_`, `-`; at most 64."""
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
    grade_end_of_turn: bool


def checked(model: type[M], values: Any, path: str) -> M:
    """`values` as `model`; raises Refusal naming every offending key below `path` and what was expected.

    Raises MissingValue where all that is wrong is that something was not given.
    """
    missing = [key for key, value in flatten(values, path).items() if value == "???"]
    if missing:
        raise MissingValue(
            "; ".join(f"{key}: has no value; set it with {key}=value" for key in missing),
            words=[f"{key}={PLACEHOLDERS.get(key, 'VALUE')}" for key in missing],
        )
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = error.errors()
        raise Refusal(
            "; ".join(_explain(model, problem, path) for problem in problems),
            words=[word for problem in problems for word in _mended(model, problem, path)],
            without=[_key(problem, path) for problem in problems],
        ) from None


def run_config(composed: Mapping[str, Any]) -> RunConfig:
    """The `run` slice; raises Refusal for a name that could leave the folder.

    What stages share is checked with it: an unknown key there would be read by nobody.
    """
    for name, model in (("model", ModelConfig), ("chat", ChatConfig)):
        checked(model, composed[name], name)
    run = checked(RunConfig, composed["run"], "run")
    run = run.model_copy(update={"name": names.composed(run.name)})
    if not names.is_run_name(run.name):
        raise Refusal(
            "run.name: expected 1 to 64 letters, digits, '.', '_' or '-', starting with a letter or digit, "
            f"got {run.name[:80]!r}",
            words=[f"run.name={names.nearest_run_name(run.name)}"],
        )
    return run


def _key(problem: Any, path: str) -> str:
    return ".".join([path, *(str(part) for part in problem["loc"] if KEY.fullmatch(str(part)))])


def _mended(model: type[StrictModel], problem: Any, path: str) -> list[str]:
    """The word that sets an offending key to the value that was meant, or the nearest that may be; none where nobody
    can tell."""
    key, kind, got, context = _key(problem, path), problem["type"], problem["input"], problem.get("ctx", {})
    if kind == "list_type" and isinstance(got, str):
        return [f"{key}=[{got}]"]
    if kind == "string_type" and isinstance(got, int | float):
        return [f"{key}='{got}'"]
    if kind == "literal_error":
        options = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        return [f"{key}={near}" for near in difflib.get_close_matches(str(got), options, n=1)]
    bounds = [context[name] for name in ("ge", "le") if name in context]
    if kind in ("greater_than_equal", "less_than_equal") and bounds:
        return [f"{key}={bounds[0]}"]
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(
            str(problem["loc"][-1]), _names_beside(model, problem["loc"]), n=1, cutoff=ALIKE
        )
        return [f"{key.rpartition('.')[0]}.{name}={got}" for name in near]
    return []


def _explain(model: type[StrictModel], problem: Any, path: str) -> str:
    key = _key(problem, path)
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
