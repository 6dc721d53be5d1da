"""Compose the config with Hydra, and say in one line what cannot be composed.

YAML holds every value. Shared values reach a stage's slice by interpolation; no stage reads another's slice.
Overrides are `key=value` with keys that exist; they never reach disk other than inside the checked config.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs.core.errors import Refusal

CONF = Path(__file__).resolve().parents[2] / "conf"

SECRET_KEY = re.compile(
    r"(^|[._])(hf_?token|api_?key|secret|secret_?key|password|passwd|credentials?|(access|auth|bearer)_?token|token)$",
    re.IGNORECASE,
)
SECRET_VALUE = re.compile(
    r"\b(hf_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{16,}|rpa_[A-Za-z0-9]{16,}|gh[pousr]_[A-Za-z0-9]{16,}|AKIA[0-9A-Z]{16})"
)


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

    # With it a value could be read from the environment, where secrets are, and end up in records.
    OmegaConf.clear_resolver("oc.env")
    for word in overrides:
        group, _, option = word.partition("=")
        if (CONF / group).is_dir() and ("/" in option or ".." in option):
            raise Refusal(f"{group}: {option[:60]!r} is not an option; there are: {', '.join(_options(group))}")
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
    _forbid_secrets(composed)
    return composed


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
    if SECRET_VALUE.search(word) and not equals:
        raise Refusal("a word that looks like a secret: pass secrets as environment variables")
    if not equals or not key:
        raise Refusal(f"{word[:60]!r}: expected key=value, for example run.name=first")
    if "${" in value:
        raise Refusal(f"{key[:60]}: `${{...}}` is for conf/ only; on the command line give the value itself")
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


def _forbid_secrets(composed: Mapping[str, Any]) -> None:
    for key, value in flatten(composed).items():
        if SECRET_VALUE.search(str(value)) or (SECRET_KEY.search(key) and value):
            raise Refusal(f"{key}: looks like a secret, and config is written to disk; set it in the environment")


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
