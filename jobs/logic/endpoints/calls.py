"""A call to a model behind a server, and its answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from jobs.logic.row import Message


@dataclass(frozen=True)
class Sampling:
    """How a model draws its words."""

    temperature: float
    top_p: float
    max_tokens: int
    seed: int


@dataclass(frozen=True)
class Call:
    """What is asked."""

    messages: tuple[Message, ...]
    sampling: Sampling
    schema: Mapping[str, Any] | None = None
    """JSON schema that the answer obeys: sent to the server, and checked by us again."""
    purpose: str = ""
    """Such as `self_instruct/instruction`: for ledger, estimate and funnel; not part of the digest."""

    def digest(self, model: str) -> str:
        """The call's id, by model, messages, sampling and schema."""
        said = [model, [list(message) for message in self.messages], asdict(self.sampling), self.schema]
        text = json.dumps(said, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Answer:
    """What came back."""

    call_id: str
    text: str
    finish: str
    """`stop`, `length`, or another word of the server's."""
    value: Any = None
    """Parsed and valid by the schema, where there is one."""
    failure: str | None = None
    """Why there is nothing to use: `call-failed`, `empty`, `cut`, `unparsable`, `schema`, `control-tokens` ..."""
    evidence: str = ""
    """Short; the raw text stays in `text`."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


Ask = Callable[[Call], Awaitable[Answer]]
"""Never raises for a bad answer or a failed call; raises where a cap is reached or no server is left."""
