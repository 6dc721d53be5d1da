"""The tokenizer's folder that is trained with and shipped: one template, one stop token, whoever reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jobs.core.model import StrictModel
from jobs.logic.chat.chatml import IM_END

if TYPE_CHECKING:
    from jobs.checks.preflight import PreflightLimits
    from jobs.checks.preflight_facts import PreflightFacts

TEMPLATE = "chat_template.jinja"


class TokenizerFolder(StrictModel):
    """What the files say, which every library reads in an order of its own."""

    templates: list[str]
    """Files that hold a chat template."""
    stops: dict[str, str | None]
    """The stop token of each file that may name one."""


def template_in_several_places(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """The chat template stands in several files, or not in its own.

    Why: transformers and llama.cpp's converter prefer different files, so a GGUF would carry another template.
    Fix: make `preflight` again; the folder was changed after it was made.
    """
    if facts.tokenizer_folder.templates != [TEMPLATE]:
        yield f"in {', '.join(facts.tokenizer_folder.templates) or 'no file'}, expected {TEMPLATE} alone"


def stop_token_differs(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """A file of the tokenizer names another stop token than the end of a turn.

    Why: the converter takes it from tokenizer_config.json, other libraries from special_tokens_map.json.
    Fix: make `preflight` again; the folder was changed after it was made.
    """
    if "tokenizer_config.json" not in facts.tokenizer_folder.stops:
        yield "there is no tokenizer_config.json"
    for name, stop in facts.tokenizer_folder.stops.items():
        if stop != IM_END:
            yield f"{name} stops on {stop}, expected {IM_END}"
