"""JSON schemas of answers: those that a server obeys, and whether an answer obeys one.

llama.cpp makes a grammar of a schema and leaves out what it has no grammar for; only its log says so. Seen with the
pinned build: patterns without anchors, `\\d`, `\\p` and lookahead, `minimum` and `maximum` of numbers, `multipleOf`,
`uniqueItems`, `format: email`, `if`/`then`, `minLength` beside a pattern. A schema in the wrong place of a request
allows `{}`. So schemas of ours keep to OBEYED, and every answer is checked again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from jobs.logic.row import shown

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

_LISTS = ("items", "minItems", "maxItems")
_OBJECTS = ("properties", "required", "additionalProperties")
OBEYED = frozenset(["type", "enum", "const", "anyOf", *_LISTS, *_OBJECTS])
"""Words that a schema of ours may have; more of them are obeyed in some places."""
SAID_ONLY = frozenset(["title", "description"])
"""Words that ask for nothing."""


class NotObeyed(ValueError):
    """An answer that a schema does not allow; `failure` is `unparsable` or `schema`."""

    def __init__(self, failure: str, evidence: str) -> None:
        super().__init__(evidence)
        self.failure, self.evidence = failure, evidence


def value_of(text: str, schema: Mapping[str, Any]) -> Any:
    """The value that an answer says; raises NotObeyed.

    The whole text is the JSON: neither fences nor words around it are taken off, for a broken answer is counted, not
    mended. A name that an object has twice is broken too, since what was meant can't be told.
    """
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise NotObeyed("unparsable", f"{_why(error)} in {shown(text)!r}") from None
    for wrong in _validator(json.dumps(schema)).iter_errors(value):
        place = "".join(f"[{step!r}]" for step in wrong.absolute_path)
        raise NotObeyed("schema", shown(f"{place or 'the answer'}: {wrong.message}"))
    return value


def loosened(schema: Mapping[str, Any], place: str = "schema") -> Iterator[str]:
    """Places of a schema whose words a server may silently not obey; of ours there are none, which tests ask."""
    yield from (f"{place}.{word}" for word in schema if word not in OBEYED | SAID_ONLY)
    if not {"type", "enum", "const", "anyOf"} & set(schema):
        yield f"{place}: says no type"
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            yield f"{place}: additionalProperties is not false"
        if set(schema.get("required", ())) != set(schema.get("properties", {})):
            yield f"{place}: not every property is required"
    for name, part in schema.get("properties", {}).items():
        yield from loosened(part, f"{place}.{name}")
    for number, part in enumerate(schema.get("anyOf", ())):
        yield from loosened(part, f"{place}.anyOf[{number}]")
    if "items" in schema:
        yield from loosened(schema["items"], f"{place}[]")


@cache
def _validator(schema: str) -> Draft202012Validator:
    """By a schema's JSON: making one costs more than half of what looking at an answer does."""
    from jsonschema import Draft202012Validator  # a tenth of a second to import

    return Draft202012Validator(json.loads(schema))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a name stands twice")
    return made


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _why(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at {error.pos}"
    return "nested too deep" if isinstance(error, RecursionError) else str(error)
