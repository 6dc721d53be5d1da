"""What a model costs where it is: by the list inside genai-prices, offline. Unknown is None, never 0.

A price is looked up by address and name together: the same name behind another address is another's bill.
"""

from __future__ import annotations

from importlib.metadata import version

from jobs.logic.endpoints.costs import MILLION, Price

PROBED = 1000
"""Tokens of a prompt and of an answer that prices are asked for: where they have steps, those of short prompts."""


def listed(url: str, model: str) -> Price | None:
    """US dollars for a million tokens."""
    import genai_prices

    def cost(prompt: int, completion: int) -> float:
        usage = genai_prices.Usage(input_tokens=prompt, output_tokens=completion)
        return float(genai_prices.calc_price(usage, model_ref=model, provider_api_url=url).total_price)

    try:
        return Price(cost(PROBED, 0) * MILLION / PROBED, cost(0, PROBED) * MILLION / PROBED, of_list())
    except LookupError:
        return None


def of_list() -> str:
    """Which list it is."""
    return f"genai-prices {version('genai-prices')}"
