"""What a rule looks at: asked again on the stored facts, with every value and limit that it reads written down."""

from __future__ import annotations

import contextlib
from typing import Any

from jobs.core.model import StrictModel
from jobs.core.rule import Gate

Seen = dict[str, Any]
"""What was read, by name: `max gap`, or `Q4_K_M retention low` of a model in a list."""


def evidence(gate: Gate[Any, Any], facts: StrictModel, limits: StrictModel) -> dict[str, tuple[Seen, Seen]]:
    """Rule code to (what it read of the facts, what it read of the limits), in the order it reads them."""
    seen_facts: Seen = {}
    seen_limits: Seen = {}
    watched_facts, watched_limits = _watched(facts, seen_facts, ""), _watched(limits, seen_limits, "")
    found = {}
    for rule in gate.rules:
        seen_facts.clear()
        seen_limits.clear()
        with contextlib.suppress(Exception):  # a rule that skips or crashes: the verdict says so
            list(rule.check(watched_facts, watched_limits))
        found[rule.code] = dict(seen_facts), dict(seen_limits)
    return found


def _watched(value: Any, seen: Seen, name: str) -> Any:
    """A copy of a model, or of a list of models, that notes each plain value read from it."""
    if isinstance(value, list) and value and all(isinstance(item, StrictModel) for item in value):
        return [_watched(item, seen, _label(item)) for item in value]
    if not isinstance(value, StrictModel):
        return value
    kind = type(value)
    fields = {field: _watched(getattr(value, field), seen, field) for field in kind.model_fields}

    class Watched(kind):  # type: ignore[valid-type,misc]
        def __getattribute__(self, field: str) -> Any:
            found = super().__getattribute__(field)
            if field in fields and not _holds_models(found):
                seen.setdefault(f"{name} {field}".strip(), found)
            return found

    copy = Watched.model_construct(**fields)
    seen.clear()
    return copy


def _holds_models(value: Any) -> bool:
    return isinstance(value, StrictModel) or (
        isinstance(value, list) and any(isinstance(v, StrictModel) for v in value)
    )


def _label(item: StrictModel) -> str:
    """What tells an item of a list from the others: its first field, where that is text."""
    first = getattr(item, next(iter(type(item).model_fields)))
    return first if isinstance(first, str) else ""
