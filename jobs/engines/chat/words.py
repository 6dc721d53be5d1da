"""The words of `chat` and `serve`: their own, and those that name the run."""

from __future__ import annotations

import difflib
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from jobs.core import config
from jobs.core.errors import Refusal
from jobs.core.run_dir import RunDir
from jobs.core.words import whole as whole_words

OWN = {
    "file": "a type that the run has, as in Q4_K_M; without it the first that ships",
    "context": "tokens that a conversation has room for; without it 8,192, or what the model has if that is less",
    "gpu_layers": "layers on the GPU, where the build has one; without it all",
    "against": "base: the base model's answer beside each",
    "think": "true or false, where the model's template has the switch; without it as it was measured",
    "temp": "temperature; without it 0, as it was measured",
    "host": "the address to listen on; without it 127.0.0.1, this machine alone",
    "port": "without it 8080",
}
OF_BOTH = ("file", "context", "gpu_layers")
OF_ONE = {"chat": ("against", "think", "temp"), "serve": ("host", "port")}
T = TypeVar("T")
RUN = ("run.name", "run.folder", "experiment")


@dataclass(frozen=True)
class Words:
    """What was asked for; None where nothing was said."""

    run_dir: RunDir
    name: str
    file: str
    context: int | None
    gpu_layers: int
    against_base: bool
    think: bool | None
    temperature: float
    host: str
    port: int


def read(command: str, words: Sequence[str]) -> Words:
    """Raises Refusal for a word that `command` does not know, with the nearest that it does, and for a wrong value."""
    known = {key: OWN[key] for key in (*OF_BOTH, *OF_ONE[command])}
    own, rest = parted(command, words, known)
    run = config.run_config(config.compose(rest))
    return Words(
        run_dir=RunDir(Path(run.folder) / run.name),
        name=run.name,
        file=own.get("file", ""),
        context=whole("context", own, 256, 10**7),
        gpu_layers=-1 if (layers := whole("gpu_layers", own, -1, 10_000)) is None else layers,
        against_base=one_of("against", own, {"": False, "base": True}),
        think=one_of("think", own, {"": None, "true": True, "false": False}),
        temperature=temperature(own.get("temp", "0")),
        host=host(own.get("host", "127.0.0.1")),
        port=8080 if (port := whole("port", own, 1, 65_535)) is None else port,
    )


def nearest(key: str, known: Sequence[str]) -> list[str]:
    """The word that was meant, if any is near."""
    names = [*RUN, *known]
    return difflib.get_close_matches(key, names, n=1, cutoff=0.6) or [name for name in names if key.startswith(name)]


def parted(command: str, words: Sequence[str], known: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The words of a command's own keys, `known` with what each is, and those that say which run; Refusal for any
    other, with the nearest key."""
    own: dict[str, str] = {}
    rest = []
    for word in whole_words(words):
        key, equals, value = word.partition("=")
        if key in known and equals:
            own[key] = value
        elif key in RUN and equals:
            rest.append(word)
        else:
            near = nearest(key, list(known))
            told = "; ".join(f"{name}=... ({what})" for name, what in known.items())
            said = f"did you mean {near[0]}=...?" if near else f"`{command}` takes {', '.join(RUN)}, and {told}"
            raise Refusal(
                f"{key[:60]}: unknown word; {said}",
                words=[f"{name}={value}" for name in near[:1] if value],
                without=[word],
            )
    return own, rest


def whole(key: str, own: Mapping[str, str], least: int, most: int) -> int | None:
    """A whole number between two others, None where nothing was said."""
    if key not in own:
        return None
    try:
        value = int(own[key])
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        said = f"{key}={own[key][:60]}: expected a whole number from {least:,} to {most:,}"
        raise Refusal(said, without=[key])
    return value


def one_of(key: str, own: Mapping[str, str], values: Mapping[str, T]) -> T:
    """The meaning of a word that has few; the one of "" where nothing was said."""
    text = own.get(key, "")
    if text not in values or (key in own and not text):
        raise Refusal(f"{key}={text[:60]}: expected {' or '.join(filter(None, values))}", without=[key])
    return values[text]


def temperature(text: str) -> float:
    """A temperature; 0 takes the likeliest token always."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 5:
        raise Refusal(f"temp={text[:60]}: expected a number from 0 to 5", without=["temp"])
    return value


def host(text: str) -> str:
    """An address of this machine."""
    try:
        return str(ipaddress.ip_address("127.0.0.1" if text == "localhost" else text))
    except ValueError:
        raise Refusal(
            f"host={text[:60]}: expected an address: 127.0.0.1 for this machine alone, 0.0.0.0 for all",
            without=["host"],
        ) from None
