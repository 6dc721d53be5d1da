"""The merged folder as its readers take it: one template, one stop token, one head."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jobs.core.model import StrictModel

if TYPE_CHECKING:
    from jobs.checks.merge import MergeFacts, MergeLimits

TEMPLATE = "chat_template.jinja"
END_OF_TURN = "<|im_end|>"


class MergedForm(StrictModel):
    """What the files say, which every library reads in an order of its own."""

    head_bytes_left_out: int
    """Of the base's lm_head that was its embedding once more."""
    head_written: bool
    """There is an lm_head."""
    templates: list[str]
    """Files that hold a chat template."""
    stops: dict[str, str | None]
    """The stop token of each file of the tokenizer that names one."""
    eos_config: int | list[int] | None
    """eos_token_id of config.json."""


def template_in_several_places(facts: MergeFacts, limits: MergeLimits) -> Iterator[str]:
    """The merged folder holds its chat template in several files, or not in its own.

    Why: transformers and llama.cpp's converter prefer different files, so a GGUF would carry another template.
    Fix: copy preflight's tokenizer and nothing else.
    """
    if facts.form.templates != [TEMPLATE]:
        yield f"in {', '.join(facts.form.templates) or 'no file'}, expected {TEMPLATE} alone"


def stop_token_not_everywhere(facts: MergeFacts, limits: MergeLimits) -> Iterator[str]:
    """A file of the merged folder names another stop token than the end of a turn.

    Why: the converter takes it from tokenizer_config.json, then from config.json; a GGUF of a base model would end
    documents.
    Fix: copy preflight's tokenizer, and write its first stop id into config.json.
    """
    for name, stop in facts.form.stops.items():
        if stop != END_OF_TURN:
            yield f"{name} stops on {stop}, expected {END_OF_TURN}"
    if facts.form.eos_config != facts.stop_ids[0]:
        yield f"config.json stops on {facts.form.eos_config}, expected {facts.stop_ids[0]}"


def head_written_twice(facts: MergeFacts, limits: MergeLimits) -> Iterator[str]:
    """A tied model's merged folder holds a head beside the embedding.

    Why: the converter ships both, and quantizes the embedding lower than that of a tied model.
    Fix: merge again; the head of a tied model is left out.
    """
    if facts.tied_after and facts.form.head_written:
        yield "lm_head.weight is there, expected none: config.json says tie_word_embeddings=true"
