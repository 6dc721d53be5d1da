"""How a stage is told where a model is: a part of its config, the same wherever models are asked."""

from __future__ import annotations

from typing import Any

from jobs.core.model import Addresses, Count, NotNegative, Positive, SomeShare, StrictModel, Variable
from jobs.logic.endpoints.calls import Sampling
from jobs.logic.endpoints.costs import Price
from jobs.logic.endpoints.options import EndpointOptions


class PriceConfig(StrictModel):
    """US dollars for a million tokens."""

    input: NotNegative
    output: NotNegative


class Endpoint(StrictModel):
    """One model, behind servers or in a file; see `EndpointOptions` for what each means."""

    url: Addresses | None
    model: str | None
    gguf: str | None
    key: Variable | None
    price: PriceConfig | None
    extra: dict[str, Any]
    temperature: NotNegative
    top_p: SomeShare
    max_tokens: Count
    context: Count
    timeout_seconds: Positive
    max_concurrency: Count

    @property
    def is_given(self) -> bool:
        """Whether a model is named."""
        return bool(self.url) or self.gguf is not None

    @property
    def at_once(self) -> int:
        """Calls that all its servers together take at once."""
        return self.max_concurrency * max(1, len(self.url or ()))

    def sampling(self, seed: int) -> Sampling:
        """How it draws; a question has a seed of its own."""
        return Sampling(self.temperature, self.top_p, self.max_tokens, seed)

    def options(self) -> EndpointOptions:
        """For `engines/endpoints`."""
        price = None if self.price is None else Price(self.price.input, self.price.output, "config")
        return EndpointOptions(
            url=tuple(self.url or ()),
            price=price,
            **self.model_dump(exclude={"url", "price"}),
        )
