"""Compose the config with Hydra, check a slice against its model, and say what is wrong in one line.

YAML holds every value. Shared values reach a stage's slice by interpolation; no stage reads another's slice.
Overrides are `key=value` with keys that exist; they never reach disk other than inside the checked config.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from jobs.core.errors import MissingValue, Refusal
from jobs.core.model import StrictModel

CONF = Path(__file__).resolve().parents[2] / "conf"

SECRET_KEY = re.compile(
    r"(^|[._])(hf_?token|api_?key|secret|secret_?key|password|passwd|credentials?|(access|auth|bearer)_?token|token)$",
    re.IGNORECASE,
)
SECRET_VALUE = re.compile(
    r"\b(hf_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{16,}|rpa_[A-Za-z0-9]{16,}|gh[pousr]_[A-Za-z0-9]{16,}|AKIA[0-9A-Z]{16})"
)
RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

M = TypeVar("M", bound=StrictModel)


class RunConfig(StrictModel):
    """Top-level `run`: which folder the artifacts live in."""

    name: str
    """Names the folder under `folder`; letters, digits, `.`, `_`, `-`; at most 64."""
    folder: str
    """Where runs live."""
    seed: int
    """Shared by every stage that draws at random."""


def compose(overrides: Sequence[str]) -> dict[str, Any]:
    """The whole config as plain data, interpolations resolved, missing values left as `???`.

    Hydra composes the groups; values are then set on keys that exist. Raises Refusal, with the key and what was
    expected, for anything that cannot be composed.
    """
    for word in overrides:
        _check_override(word)
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    groups = [word for word in overrides if (CONF / word.partition("=")[0]).is_dir()]
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = hydra_compose("config", groups)
        parser = OverridesParser.create()
        for word in overrides:
            if word not in groups:
                key = word.partition("=")[0]
                _require_key(key, OmegaConf.to_container(config, resolve=False))
                OmegaConf.update(config, key, parser.parse_override(word).value(), merge=False, force_add=True)
        plain = OmegaConf.to_container(config, resolve=True)
    except (HydraException, OmegaConfBaseException, YAMLError) as error:
        raise Refusal(_composition_message(error, overrides)) from None
    assert isinstance(plain, dict)
    composed = {str(key): value for key, value in plain.items()}
    _forbid_targets(composed)
    return composed


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
    """The `run` slice; raises Refusal for a name that could leave the folder."""
    run = checked(RunConfig, composed["run"], "run")
    if not RUN_NAME.fullmatch(run.name):
        raise Refusal(
            "run.name: expected 1 to 64 letters, digits, '.', '_' or '-', starting with a letter or digit, "
            f"got {run.name[:80]!r}"
        )
    return run


def flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dictionaries as dotted keys; lists are leaves."""
    if not isinstance(value, Mapping) or not value:
        return {prefix: value}
    return {
        key: leaf
        for name, child in value.items()
        for key, leaf in flatten(child, f"{prefix}.{name}" if prefix else str(name)).items()
    }


def _check_override(word: str) -> None:
    key, equals, value = word.partition("=")
    if not equals or not key:
        raise Refusal(f"{word[:60]!r}: expected key=value, for example run.name=first")
    if SECRET_KEY.search(key) or SECRET_VALUE.search(value):
        raise Refusal(
            f"{key[:60]}: looks like a secret, and config is written to disk; pass it as an environment variable"
        )
    if "_target_" in word:
        raise Refusal(f"{key[:60]}: `_target_` is forbidden: config is data and never names code")
    if key[0] in "+~" or "\n" in key:
        raise Refusal(f"{key[:60]!r}: keys cannot be added or removed, only set: write {key.strip('+~ ')[:60]}=value")


def _require_key(key: str, config: Any) -> None:
    """Raises Refusal for a key that the composed config does not have, with the nearest that it has."""
    known = [name for name in flatten(config) if name]
    if key in known or key.startswith("waivers.") or any(name.startswith(f"{key}.") for name in known):
        return
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.8)
    if near:
        raise Refusal(f"{key}: unknown key; did you mean {near[0]}?")
    parent = key.rpartition(".")[0]
    while parent and not any(name.startswith(f"{parent}.") for name in known):
        parent = parent.rpartition(".")[0]
    children = {
        name.removeprefix(f"{parent}.").split(".")[0] for name in known if not parent or name.startswith(f"{parent}.")
    }
    raise Refusal(f"{key}: unknown key; {parent or 'the config'} has: {', '.join(sorted(children))}")


def _composition_message(error: Exception, overrides: Sequence[str]) -> str:
    text = " ".join(str(error).split())
    for word in overrides:
        key = word.partition("=")[0]
        if f"{key}/" in text and ("Could not find" in text or "Could not load" in text):
            return f"{word}: no such option; there are: {', '.join(_options(key)) or 'none'}"
    return f"config: {text[:400]}"


def _options(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def _forbid_targets(composed: Mapping[str, Any]) -> None:
    for key in _keys(composed):
        if key.rpartition(".")[2] == "_target_":
            raise Refusal(f"{key}: `_target_` is forbidden: config is data and never names code")


def _keys(value: Any, prefix: str = "") -> Iterator[str]:
    children: list[tuple[Any, Any]] = []
    if isinstance(value, Mapping):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    for name, child in children:
        key = f"{prefix}.{name}" if prefix else str(name)
        yield key
        yield from _keys(child, key)


def _explain(model: type[StrictModel], problem: Any, path: str) -> str:
    key = ".".join([path, *(str(part) for part in problem["loc"])])
    kind, got = problem["type"], problem["input"]
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(problem["loc"][-1]), list(model.model_fields), n=1)
        return f"{key}: unknown key" + (f"; did you mean {near[0]}?" if near else "")
    if kind == "missing":
        return f"{key}: missing, and there are no defaults in code; set it in conf/ or as {key}=value"
    expected = problem["msg"][:1].lower() + problem["msg"][1:]
    return f"{key}: {expected.replace('input should be', 'expected')}, got {_short(got)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
