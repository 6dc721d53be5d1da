"""How a model is reached, as a config says it and engines read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobs.logic.endpoints.costs import Price

BASE = "base"
"""As `gguf`: the run's own base model."""


@dataclass(frozen=True)
class EndpointOptions:
    """One model, behind any number of servers, or in a file that a server of our own serves."""

    url: tuple[str, ...]
    """Servers of the same model, up to and with `/v1`; they share the work."""
    model: str | None
    """As the server calls it; None: the only one that it serves."""
    gguf: str | None
    """Without a url: a file for the pinned llama-server, or BASE."""
    key: str | None
    """The name of the environment variable that has the key."""
    price: Price | None
    """None: looked up."""
    extra: Mapping[str, Any]
    """More fields of every request, such as `chat_template_kwargs`."""
    temperature: float
    top_p: float
    max_tokens: int
    context: int
    """Tokens of a prompt and its answer, where the server is our own."""
    timeout_seconds: float
    """For one answer, from the first byte sent to the last one read."""
    max_concurrency: int
    """Calls at once, of each server. A server of our own has as many slots; with one, its answers repeat."""
