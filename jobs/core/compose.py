"""Compose the config with Hydra, and say in one line what cannot be composed.

YAML holds every value. Shared values reach a stage's slice by interpolation; no stage reads another's slice.
Overrides are `key=value` with keys that exist; they never reach disk other than inside the checked config.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from jobs.core import other_names, process, values
from jobs.core.errors import Refusal
from jobs.core.kept_config import kept, state_of
from jobs.core.words import SECRET_KEY as SECRET_KEY, SECRET_VALUE as SECRET_VALUE, whole

CONF = Path(__file__).resolve().parents[2] / "conf"

ALIKE = 0.75
"""From this share of common letters on (difflib) a word may mean another: `rnak` is `rank`, `use_dora` no `rslora`."""
OPEN = ("waivers", "prepare.columns", "prepare.roles")
"""Where a person's own words are keys."""
OWN_MODEL = {"fetch=local": "model=local", "fetch=demo": "model=demo"}
"""What a source chooses where no model is chosen beside it on the command line: a folder does not become the default
model, or an experiment's, by being taken in its place."""
SEVERAL = ("synth",)
"""Groups of which a list may be chosen: each option adds to the others."""
ECHOES = ("preflight.update.", "preflight.chat.", "report.judged_by.")
"""What repeats other values for rules to judge by; said differently here, the rules would be blind."""


def compose(overrides: Sequence[str]) -> dict[str, Any]:
    """The whole config as plain data, interpolations resolved, missing values left as `???`.

    Hydra composes the groups; values are then set on keys that exist. Raises Refusal, with the key and what was
    expected, for anything that cannot be composed.
    """
    overrides = whole(overrides)
    for previous, word in zip(["", *overrides], overrides, strict=False):
        _check_override(word, previous)
    options = {group.name: _options(group.name) for group in CONF.iterdir() if group.is_dir()}
    groups = [word for word in overrides if word.partition("=")[0] in options]
    for word in groups:
        _check_option(word, options)
    if not any(word.startswith("model=") for word in groups):
        groups += [OWN_MODEL[word] for word in groups if word in OWN_MODEL][-1:]
    rest = [word for word in overrides if word not in groups]
    return kept(["whole", *overrides], CONF, lambda: _composed(groups, rest, options))


@process.held_stop()  # the parsers of Hydra and OmegaConf fall over one, and the config would be called wrong
def _composed(groups: Sequence[str], rest: Sequence[str], options: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What the groups and then the words of `rest` make."""
    try:
        written = deepcopy(_of_groups(CONF, tuple(groups), state_of(CONF)))
        _require_keys(rest, written)
        from omegaconf import OmegaConf
        from omegaconf.errors import OmegaConfBaseException
    except UnicodeDecodeError as error:
        raise _not_utf8(error) from None
    # With it a value could be read from the environment, where secrets are, and end up in records.
    OmegaConf.clear_resolver("oc.env")
    try:
        config = OmegaConf.create(written)
        OmegaConf.set_struct(config, True)
        for word in rest:
            key = word.partition("=")[0]
            _require_key(word, written)
            is_missing = flatten(written).get(key) == values.MISSING
            before: Any = values.MISSING if is_missing else OmegaConf.select(config, key, default="")
            before = OmegaConf.to_container(before) if OmegaConf.is_config(before) else before
            OmegaConf.update(config, key, values.value(word, before), merge=False, force_add=True)
        _forbid(OmegaConf.to_container(config, resolve=False))  # by its own key, before another one has the value
        plain = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:
        raise _not_composed(error) from None
    assert isinstance(plain, dict)
    composed = {str(key): value for key, value in plain.items()}
    _require_known_parts(composed, options)
    _forbid(composed)
    _require_echoes(written, composed)
    return composed


@functools.lru_cache(maxsize=8)
def _of_groups(conf: Path, groups: tuple[str, ...], state: str) -> dict[str, Any]:
    """The files of `conf` that these choices name, composed, with interpolations as they are written; `state` is theirs
    now."""
    return kept(["groups", *groups], conf, lambda: _of_files(conf, groups))


def _of_files(conf: Path, groups: Sequence[str]) -> dict[str, Any]:
    from hydra import compose as hydra_compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    try:
        with initialize_config_dir(str(conf), version_base="1.3"):
            found = OmegaConf.to_container(hydra_compose("config", list(groups)), resolve=False)
    except (HydraException, OmegaConfBaseException, YAMLError) as error:
        raise _not_composed(error) from None
    assert isinstance(found, dict)
    _forbid(found)  # before it is kept
    return {str(key): value for key, value in found.items()}


def _require_keys(words: Sequence[str], config: Mapping[str, Any]) -> None:
    """Raises Refusal for a key that there is not, before anything is loaded; up to the first word that brings keys."""
    for word in words:
        if word.partition("=")[2].lstrip().startswith(("{", "[")):
            break
        _require_key(word, config)


def _not_composed(error: Exception) -> Refusal:
    return Refusal(f"config: {' '.join(str(error).split())[:400]}")


def _not_utf8(error: UnicodeDecodeError) -> Refusal:
    return Refusal(f"{_holding(error.object)}: {error.reason} at byte {error.start}; save it as UTF-8")


def flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dictionaries as dotted keys; lists are leaves."""
    if not isinstance(value, Mapping) or not value:
        return {prefix: value}
    return {
        key: leaf
        for name, child in value.items()
        for key, leaf in flatten(child, f"{prefix}.{name}" if prefix else str(name)).items()
    }


def _check_override(word: str, before: str) -> None:
    """Raises Refusal for what no word may be; `before`: the word in front of it."""
    key, equals, value = word.partition("=")
    if SECRET_VALUE.search(word) and not equals:
        raise Refusal("a word that looks like a secret: pass secrets as environment variables", without=[word])
    if not equals or not key:
        joined = [f"{before} {word}"] if before and "." not in word else []  # a blank that a shell has cut at
        raise Refusal(f"{word[:60]!r}: expected key=value, for example run.name=first", words=joined, without=[word])
    if "${" in value:
        raise Refusal(
            f"{key[:60]}: `${{...}}` is for conf/ only; on the command line give the value itself", without=[word]
        )
    if SECRET_KEY.search(key) or SECRET_VALUE.search(value):
        raise Refusal(
            f"{key[:60]}: looks like a secret, and config is written to disk; pass it as an environment variable",
            without=[word],
        )
    if "_target_" in key.split("."):
        raise Refusal(f"{key[:60]}: `_target_` is forbidden: config is data and never names code", without=[word])
    if key[0] in "+~" or "\n" in key:
        plain = key.strip("+~ \n")
        raise Refusal(
            f"{key[:60]!r}: keys cannot be added or removed, only set: write {plain[:60]}=value",
            words=[f"{plain}={value}"] if key[0] == "+" and "\n" not in plain else [], without=[word],
        )  # fmt: skip


def _check_option(word: str, options: Mapping[str, Sequence[str]]) -> None:
    """Raises Refusal for an option that a group does not have."""
    group, _, option = word.partition("=")
    listed = re.fullmatch(r"\[\s*(.*?)\s*\]", option) if group in SEVERAL else None
    for one in re.split(r"\s*,\s*", listed[1]) if listed else ():
        _check_option(f"{group}={one}", options)
    if not listed and option not in options[group] and (group, option) != ("experiment", "null"):
        near = difflib.get_close_matches(option, options[group], n=1)
        raise Refusal(
            f"{group}={option[:60]}: no such option; there are: {', '.join(options[group])}",
            words=[f"{group}={one}" for one in near], without=[word],
        )  # fmt: skip


def _require_key(word: str, config: Any) -> None:
    """Raises Refusal for a key that the composed config does not have, with the nearest that it has."""
    key, _, value = word.partition("=")
    known = [name for name in flatten(config) if name]
    if key in (*known, *OPEN) or key.startswith(tuple(f"{name}." for name in OPEN)):
        return
    below = [name for name in known if name.startswith(f"{key}.")]
    if below:
        names = dict.fromkeys(name.removeprefix(f"{key}.").split(".")[0] for name in below)
        raise Refusal(f"{key}: holds {', '.join(names)}; set one of them, for example {below[0]}=value", without=[word])
    told = other_names.answer(key, frozenset(config))
    if told:
        named = [f"{name}={value}" for name in [other_names.key_of(key)] if name in known]
        raise Refusal(f"{key}: unknown key; {told}", words=named, without=[word])
    near = _elsewhere(key, known) or difflib.get_close_matches(key, known, n=1, cutoff=0.8) or _same_leaf(key, known)
    if near:
        raise Refusal(f"{key}: unknown key; did you mean {near[0]}?", words=[f"{near[0]}={value}"], without=[word])
    parent = key.rpartition(".")[0]
    while parent and not any(name.startswith(f"{parent}.") for name in known):
        parent = parent.rpartition(".")[0]
    children = {
        name.removeprefix(f"{parent}.").split(".")[0] for name in known if not parent or name.startswith(f"{parent}.")
    }
    raise Refusal(f"{key}: unknown key; {parent or 'the config'} has: {', '.join(sorted(children))}", without=[word])


def _elsewhere(key: str, known: Sequence[str]) -> list[str]:
    """The one key of the same part that ends in the very same word, such as fetch.id for fetch.source.id."""
    part, word = key.partition(".")[0], key.rpartition(".")[2]
    ends = [name for name in known if name.startswith(f"{part}.") and name.endswith(f".{word}")]
    return ends if len(ends) == 1 else []


def _same_leaf(key: str, known: Sequence[str]) -> list[str]:
    """The one key of the same part whose last word is nearly the same, such as train.schedule.num_epochs.

    Where there is no such part, the one key anywhere that ends in these words.
    """
    part, words = key.partition(".")[0] + ".", key.lstrip("-").replace("-", "_")
    if not any(name.startswith(part) for name in known):
        ends = [name for name in known if name.endswith(f".{words}") and not name.startswith(ECHOES)]
        return ends if len(ends) == 1 else []
    leaves = {name.rpartition(".")[2]: name for name in known if name.startswith(part)}
    return [leaves[near] for near in difflib.get_close_matches(key.rpartition(".")[2], leaves, n=1, cutoff=ALIKE)]


def _holding(data: bytes) -> Path:
    """The file below conf/ that begins with `data`, which is what a decoder was given of it."""
    return next(path for path in CONF.rglob("*.yaml") if path.read_bytes().startswith(data))


def _options(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def _require_known_parts(composed: Mapping[str, Any], options: Mapping[str, Sequence[str]]) -> None:
    """Raises Refusal for a top-level key that nobody reads: a misspelt one in a YAML file would be ignored."""
    known = sorted({*options, "run", "waivers", "redo"} - {"experiment"})
    for key in composed:
        if key not in known:
            told = other_names.answer(key, frozenset(known)) or f"the config has: {', '.join(known)}"
            raise Refusal(f"{key}: unknown key; {told}")


def _require_echoes(written: Mapping[str, Any], composed: Mapping[str, Any]) -> None:
    """Raises Refusal for an echo that says something else than its source."""
    for key, reference in flatten(written).items():
        if not key.startswith(ECHOES):
            continue
        source = re.fullmatch(r"\$\{([\w.]+)\}", str(reference))
        if source is None:
            raise Refusal(f"{key}: repeats what is said elsewhere and is not set by itself; take it out", without=[key])
        if repr(_at(composed, key)) != repr(_at(composed, source[1])):
            raise Refusal(
                f"{key}: repeats {source[1]} and may not differ; set {source[1]} instead",
                words=[f"{source[1]}={_at(composed, key)}"], without=[key],
            )  # fmt: skip


def _at(value: Any, key: str) -> Any:
    for name in key.split("."):
        value = value[name]
    return value


def _forbid(config: Any) -> None:
    """Raises Refusal for what no config may hold: code, secrets, and values from the environment."""
    for key in _keys(config):
        if key.rpartition(".")[2] == "_target_":
            raise Refusal(f"{key}: `_target_` is forbidden: config is data and never names code")
    for key, value in flatten(config).items():
        if SECRET_VALUE.search(str(value)) or (SECRET_KEY.search(key) and value):
            raise Refusal(f"{key}: looks like a secret, and config is written to disk; set it in the environment")
        if isinstance(value, str) and "${oc.env:" in value:
            raise Refusal(f"{key}: `oc.env` is forbidden: what is in the environment is not written into a config")


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
