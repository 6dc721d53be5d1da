"""A call to a model and its answer, as everybody who asks knows them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jobs.logic.row import Message

ID_LETTERS = 32
"""Hexadecimal ones of a call id: 128 bits."""
# A lone surrogate has no UTF-8; escaped it has.
_JSON = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":"), allow_nan=False)
FAILURES = {
    "call-failed": "the server gave no answer, after every try",
    "empty": "the model answered with nothing",
    "cut": "the answer ran into `max_tokens` or the end of the context",
    "declined": "the server marked the answer as a refusal or as filtered",
    "broken-text": "the answer holds halves of characters",
    "control-tokens": "the answer holds the text of control tokens",
    "unparsable": "the answer is no JSON, though a schema was sent",
    "schema": "the answer is JSON that the schema does not allow",
}
"""Names of what is wrong with an answer. All but the first are the model's own words, and kept like any answer."""
CALL_FAILED = "call-failed"


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn; `max_tokens` are those of an answer."""

    temperature: float
    top_p: float
    max_tokens: int
    seed: int


@dataclass(frozen=True)
class Call:
    """One question to a model. `schema` is sent to the server, and what comes back is checked by it again."""

    messages: tuple[Message, ...]
    sampling: Sampling
    schema: Mapping[str, Any] | None = None
    purpose: str = ""
    """`self_instruct/instruction`: for ledger and estimate; the same question for another purpose is the same call."""

    def digest(self, model: str) -> str:
        """The call id: by model, messages, sampling and schema."""
        sampling = self.sampling
        what = {
            "model": model,
            "messages": [list(message) for message in self.messages],
            "sampling": [float(sampling.temperature), float(sampling.top_p), sampling.max_tokens, sampling.seed],
            "schema": self.schema,
        }
        return hashlib.sha256(_JSON.encode(what).encode("ascii")).hexdigest()[:ID_LETTERS]


@dataclass(frozen=True)
class Answer:
    """What a model said to a call, or why it said nothing."""

    call_id: str
    text: str
    """As the model wrote it, whatever is wrong with it; a block of thoughts in front of it is in `thoughts`."""
    finish: str
    """`stop`, `length` or another word of the server's; empty where the call failed."""
    value: Any = None
    """What the text says by the call's schema, where it has one and nothing is wrong."""
    failure: str | None = None
    """A key of FAILURES."""
    evidence: str = ""
    """Short, for a person."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    """None: the server told no usage."""
    thoughts: str = ""


Ask = Callable[[Call], Awaitable[Answer]]
"""Never raises for a bad answer or a failed call: such an answer has a failure. Raises EnvironmentProblem where a cap
is reached, too many calls fail or no server is left, Interrupted on a stop."""
