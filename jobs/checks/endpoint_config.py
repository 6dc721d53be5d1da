"""A model that answers: servers with an OpenAI-compatible interface, or a GGUF that is served here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from jobs.core.model import Count, SomeShare, StrictModel


class Endpoint(StrictModel):
    url: list[str] | str
    model: str | None
    gguf: str | None
    key: str | None
    temperature: Annotated[float, Field(ge=0)]
    top_p: SomeShare
    max_tokens: Count
    context: Count
    timeout_seconds: Annotated[float, Field(gt=0)]
    max_concurrency: Count
