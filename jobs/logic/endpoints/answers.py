"""What stands in a server's JSON: the words of the model, or what is missing; and what the words are worth.

Nothing is mended. What is not there is told by name, so that an empty answer of a model (its own words, kept) is never
taken for a fault of the server (asked again).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from jobs.logic.endpoints.calls import Answer, Call
from jobs.logic.endpoints.control_text import control_tokens, restored
from jobs.logic.endpoints.schemas import NotObeyed, value_of
from jobs.logic.row import THINK_CLOSE, THINK_OPEN, shown

LENGTH = "length"
FILTERED = "content_filter"
SURROGATE = re.compile("[\ud800-\udfff]")


class NoAnswer(ValueError):
    """JSON without an answer in it; `name` is a fault's."""

    def __init__(self, name: str, said: str) -> None:
        super().__init__(said)
        self.name, self.said = name, said


@dataclass(frozen=True)
class Spoken:
    """A model's own words, as they are kept."""

    text: str
    finish: str
    thoughts: str = ""
    refusal: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    model: str = ""
    """As the server names it, without folders: llama-server tells the path of its file."""

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))


def spoken(data: Any) -> Spoken:
    """The words in an object of /v1/chat/completions; raises NoAnswer."""
    if not isinstance(data, dict):
        raise NoAnswer("no-object", f"the body is {shown(repr(data))}")
    if data.get("error"):
        raise NoAnswer("error-object", error_text(data))
    choice = _first(data.get("choices"))
    message = choice.get("message")
    if not isinstance(message, dict):
        raise NoAnswer("no-choices", f"the body has {', '.join(sorted(data)) or 'nothing'}, and no answer in it")
    content = message.get("content")
    if not isinstance(content, str | None):
        raise NoAnswer("no-choices", f"the content is a {type(content).__name__}, not text")
    usage = data["usage"] if isinstance(data.get("usage"), dict) else {}
    thoughts, text = _apart(content or "")
    model = _word(data.get("model"))
    return Spoken(
        text,
        _word(choice.get("finish_reason")),
        thoughts or _word(message.get("reasoning_content")) or _word(message.get("reasoning")),
        _word(message.get("refusal")),
        _count(usage.get("prompt_tokens")),
        _count(usage.get("completion_tokens")),
        model.rpartition("/")[2] if model.startswith("/") else model,
    )


def judged(call: Call, call_id: str, words: Spoken) -> Answer:
    """The answer that these words are, with what is wrong with them."""
    text, halves = restored(words.text), SURROGATE.search(words.text)
    plain = Answer(
        call_id,
        SURROGATE.sub("\ufffd", text),
        words.finish,
        prompt_tokens=words.prompt_tokens,
        completion_tokens=words.completion_tokens,
        thoughts=SURROGATE.sub("\ufffd", restored(words.thoughts)),
    )
    if words.refusal or words.finish == FILTERED:
        return replace(plain, failure="declined", evidence=shown(words.refusal or words.finish))
    if words.finish == LENGTH:
        tokens = f"{words.completion_tokens} tokens" if words.completion_tokens is not None else "the last token"
        return replace(plain, failure="cut", evidence=f"cut after {tokens}: ...{shown(text[-40:])}")
    if not text.strip():
        return replace(plain, failure="empty", evidence=f"finish: {words.finish or 'not told'}")
    if halves:
        return replace(plain, failure="broken-text", evidence=f"U+{ord(halves[0]):04X} at {halves.start()}")
    if tokens_found := control_tokens(text):
        return replace(plain, failure="control-tokens", evidence=shown(", ".join(dict.fromkeys(tokens_found))))
    if call.schema is None:
        return plain
    try:
        value = value_of(text, call.schema)
    except NotObeyed as no:
        return replace(plain, failure=no.failure, evidence=no.evidence)
    if found := [token for piece in _strings(value) for token in control_tokens(piece)]:
        return replace(plain, failure="control-tokens", evidence=shown(", ".join(dict.fromkeys(found))))
    if any(SURROGATE.search(piece) for piece in _strings(value)):
        return replace(plain, failure="broken-text", evidence="half of a character in the JSON")
    return replace(plain, value=value)


def error_text(data: Any) -> str:
    """The words of an error object, in the forms that servers have; short."""
    error = data.get("error", data) if isinstance(data, dict) else data
    message = error.get("message", error) if isinstance(error, dict) else error
    return shown(str(message))


def _apart(content: str) -> tuple[str, str]:
    """Thoughts that a model wrote before its answer, where the server leaves them in it, and the answer."""
    whole = content.lstrip()
    if not whole.startswith(THINK_OPEN):
        return "", content
    thoughts, close, text = whole.removeprefix(THINK_OPEN).partition(THINK_CLOSE)
    return (thoughts.strip(), text.lstrip()) if close else (thoughts.strip(), "")


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [piece for pair in value.items() for part in pair for piece in _strings(part)]
    return [piece for part in value for piece in _strings(part)] if isinstance(value, list) else []


def _first(choices: Any) -> dict[str, Any]:
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
