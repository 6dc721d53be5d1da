"""Preference pairs: an answer that was preferred beside one that was not, or one that was liked or not.

Nothing here learns from both. `preferred` gives the row of the good side alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from jobs.logic.rows.extras import LeftOut
from jobs.logic.rows.reasons import NOT_PREFERRED
from jobs.logic.rows.strict_json import BadRow

BETTER = ("preferred_output", "chosen")
WORSE = ("non_preferred_output", "rejected", "rejected_response", "rejected_messages")
LIKED = ("kto_tag", "label")
"""Columns that say of an answer whether it was liked: true or false."""
QUESTIONS = ("prompt", "question", "query")
ANSWERS = ("completion", "output", "response")
TURN = re.compile(r"(?:\A|\n\n)(Human|Assistant): ?")
"""How Anthropic's pairs write a talk into one text."""
OPTION = "to train on the preferred side alone set prepare.pairs=preferred"


def is_one(record: Mapping[str, Any]) -> bool:
    """Whether the row is a pair or a liked answer."""
    if any(record.get(name) for name in (*BETTER, "rejected_response", "rejected_messages")):
        return True
    return any(isinstance(record.get(name), bool) for name in LIKED)


def preferred(record: Mapping[str, Any], mapped: frozenset[str], dislikes: bool) -> dict[str, Any]:
    """The row of the preferred side, as `messages` or as it was without the other side.

    Raises LeftOut for an answer that was not liked where `dislikes`; BadRow where the question is not found.
    """
    others = {key: value for key, value in record.items() if key not in (*BETTER, *WORSE, "input") or key in mapped}
    for name in LIKED:
        if isinstance(record.get(name), bool) and name not in mapped:
            if dislikes and not record[name]:
                raise LeftOut(NOT_PREFERRED, f"`{name}` is false")
            others.pop(name)
    better = next((name for name in BETTER if record.get(name) and name not in mapped), None)
    if better is None:
        return {**others, **({"input": record["input"]} if "input" in record else {})}
    asked = _asked(record)
    answer = _turns(record[better], "assistant")
    if better == "chosen" and _role(answer[0]) not in ("assistant", "gpt", "model"):
        asked = []
    elif not asked:
        raise BadRow(
            "column-missing", f"`{better}` answers nothing that is found: there is none of {', '.join(QUESTIONS)}"
        )
    kept = {
        key: value
        for key, value in others.items()
        if key not in (*QUESTIONS, "messages", "conversations", "instruction")
    }
    return {**kept, "messages": [_openai(turn) for turn in (*asked, *answer)]}


def _asked(record: Mapping[str, Any]) -> list[Any]:
    given = record.get("input")
    if isinstance(given, dict) and isinstance(given.get("messages"), list):
        return list(given["messages"])
    for name in QUESTIONS:
        if record.get(name):
            return _turns(record[name], "user")
    if record.get("instruction"):
        more = f"\n\n{given}" if isinstance(given, str) and given.strip() else ""
        return [{"role": "user", "content": f"{record['instruction']}{more}"}]
    turns = record.get("messages") or record.get("conversations") or []
    return list(turns) if isinstance(turns, list) else []


def _turns(value: Any, role: str) -> list[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return [value]
    if isinstance(value, str) and role == "assistant" and TURN.match(value):
        parts = TURN.split(value)[1:]
        names = {"Human": "user", "Assistant": "assistant"}
        return [{"role": names[who], "content": said} for who, said in zip(parts[::2], parts[1::2], strict=True)]
    return [{"role": role, "content": value}]


def _role(turn: Any) -> Any:
    return turn.get("role", turn.get("from")) if isinstance(turn, dict) else None


def _openai(turn: Any) -> Any:
    """A turn as `role` and `content`, however it was spelled."""
    if isinstance(turn, dict) and "from" in turn and "role" not in turn:
        return {"role": turn["from"], "content": turn.get("value")}
    return turn
