"""Ways out that a message names, such as `prepare.turns.same_role=join`: those of them that the config takes."""

from __future__ import annotations

import contextlib
import importlib
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from jobs.core import memory, pipeline
from jobs.core.compose import OPEN, compose
from jobs.core.errors import Refusal
from jobs.core.values import MISSING, value
from jobs.core.words import key, whole, with_words

WORD = re.compile(
    r"""(?<![\w.=/?&-])(?P<key>[a-z]\w*(?:\.\w+)*)=(?P<value>"[^"\s][^"]*"|'[^'\s][^']*'|[\[{][^\]}]*[\]}]|[^\s`;,)("'=]+)"""
)
"""A word in a text for people; in the shell's quotes, where it needs them."""
EXAMPLE = re.compile(r"(for example|such as|as in)[ `']*\Z")
PLACEHOLDER = re.compile(r"\.\.\.|…|value|[A-Z]+|.*\b(FOLDER|COMMIT|NAME|FILE|KEY)\b.*")


def taken(text: str, typed: Sequence[str]) -> Iterator[list[str]]:
    """The words that a text names as a way out and that the config takes beside those that were typed; each alone."""
    given = whole(typed)
    candidates = [word for word in named(text) if word not in given]
    try:
        composed = compose(memory.recall(given).words) if candidates else {}
    except Refusal:
        return
    for word in candidates:
        with contextlib.suppress(Refusal):
            if is_taken(word, given, composed):
                yield [word]


def is_taken(word: str, given: Sequence[str], composed: Mapping[str, Any]) -> bool:
    """Whether the config takes a word and is another one with it; raises Refusal for what it does not take."""
    path = key(word).split(".")
    if len(path) == 1 and path[0] != "redo":
        return bool(compose(memory.recall(with_words(given, [word])).words) != composed)
    changed = deepcopy(dict(composed))
    inner = changed
    for name in path[:-1]:
        inner = inner.get(name, {}) if isinstance(inner, dict) else {}
    if not isinstance(inner, dict) or (path[-1] not in inner and not key(word).startswith(OPEN)):
        return False
    before = inner.get(path[-1])
    inner[path[-1]] = value(word, before)
    if path[0] in pipeline.NAMES:
        part = _filled(changed[path[0]])
        importlib.import_module(f"jobs.{path[0]}").main.slice({**changed, path[0]: part})
    return bool(inner[path[-1]] != before)


def _filled(part: Any) -> Any:
    """A part of the config with something where a person has yet to say what: the rest is then looked at too."""
    if isinstance(part, dict):
        return {name: ["-"] if name == "files" and inner == MISSING else _filled(inner) for name, inner in part.items()}
    return "-" if part == MISSING else part


def named(text: str) -> list[str]:
    """The words `key=value` in a text, as a config takes them."""
    found = []
    for match in WORD.finditer(text):
        value = match["value"].rstrip(".:")
        if value[:1] in "'\"" and value[-1:] == value[:1] and value[1:2] in ("{", "["):
            value = value[1:-1]
        is_example = EXAMPLE.search(text[: match.start()]) or text[match.end() :].lstrip("'`\"").startswith(
            " or the like"
        )
        if value and not is_example and not PLACEHOLDER.fullmatch(value):
            found.append(f"{match['key']}={value}")
    return found
