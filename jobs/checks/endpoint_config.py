"""A model that answers: servers with an OpenAI-compatible interface, or a GGUF that is served here."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from jobs.core.model import Count, SomeShare, StrictModel
from jobs.logic.endpoints.calls import Sampling
from jobs.logic.endpoints.costs import Price
from jobs.logic.endpoints.options import EndpointOptions


class PriceConfig(StrictModel):
    """US dollars per million tokens."""

    input: Annotated[float, Field(ge=0)]
    output: Annotated[float, Field(ge=0)]


class Endpoint(StrictModel):
    """See `jobs/logic/endpoints/options.py`."""

    url: list[str] | str
    model: str | None
    gguf: str | None
    key: str | None
    price: PriceConfig | None
    extra: dict[str, Any]
    temperature: Annotated[float, Field(ge=0)]
    top_p: SomeShare
    max_tokens: Count
    context: Count
    timeout_seconds: Annotated[float, Field(gt=0)]
    max_concurrency: Count

    @property
    def urls(self) -> tuple[str, ...]:
        return (self.url,) if isinstance(self.url, str) else tuple(self.url)

    @property
    def is_given(self) -> bool:
        return bool(self.urls) or self.gguf is not None

    @property
    def at_once(self) -> int:
        """Calls that all servers together take at once."""
        return self.max_concurrency * max(1, len(self.urls))

    def options(self) -> EndpointOptions:
        price = None if self.price is None else Price(self.price.input, self.price.output, "config")
        return EndpointOptions(
            self.urls, self.model, self.gguf, self.key, price, self.extra, self.temperature, self.top_p,
            self.max_tokens, self.context, self.timeout_seconds, self.max_concurrency,
        )  # fmt: skip

    def sampling(self, seed: int) -> Sampling:
        return Sampling(self.temperature, self.top_p, self.max_tokens, seed)
