"""The form that a model folder comes in: where its template stands, what is in it twice, what was not taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jobs.core.model import StrictModel
from jobs.core.rule import Skip
from jobs.logic.pages.amounts import count, size

if TYPE_CHECKING:
    from jobs.checks.fetch import FetchFacts, FetchLimits

THETAS = "Qwen3 has 1,000,000, and 5,000,000 in its 2507 models"


class FolderForm(StrictModel):
    """What libraries make of the folder, where they could make something else of it."""

    template: str | None
    """The file that the chat template was taken from."""
    templates_differ: list[str]
    """Other files with another template."""
    templates_left: list[str]
    """Named templates that were not taken."""
    weights_left: list[str]
    """Files with weights that were not taken."""
    keys_left: list[str]
    """Keys of config.json that only change how weights are loaded or computed, and were not taken."""
    tokens_added: list[str]
    """Tokens that the tokenizer puts around texts by itself."""
    head_bytes: int
    """Of an lm_head that is, bit for bit, the embedding."""
    rope: str
    """As the library reads config.json."""
    says_theta: bool
    """config.json says RoPE's base, or leaves it to the library."""
    says_dtype: str | None
    """The type that config.json says the weights have."""
    unknown_keys: list[str]
    """Keys of config.json that the library's Qwen3 does not read."""

    def lines(self, tied: bool) -> list[tuple[str, str]]:
        shipped = (
            "tied, and written once more: {} that are not shipped" if tied else "untied, and the embedding: {} twice"
        )
        head = [("head", shipped.format(size(self.head_bytes)))]
        return [
            ("chat template", self.template or "none"),
            ("RoPE", self.rope),
            *(head if self.head_bytes else []),
        ]


def tokens_added(facts: FetchFacts, limits: FetchLimits) -> Iterator[str]:
    """The tokenizer's post-processor adds tokens to every text.

    Why: trainers that let it add them, runtimes that add them and clients that do not all send other prompts; an added
    end of text even ends each prompt before it is answered.
    Fix: take the tokenizer of the chat model; embedding and reranking models have one with such a post-processor.
    """
    if facts.form.tokens_added:
        yield f"post_processor of tokenizer.json adds {', '.join(facts.form.tokens_added)}, expected nothing"


def templates_differ(facts: FetchFacts, limits: FetchLimits) -> Iterator[str]:
    """The folder holds more than one chat template, and they differ.

    Why: transformers reads chat_template.jinja first, llama.cpp's converter tokenizer_config.json; the model's own
    prompts are then a matter of who asks.
    Fix: compare them; what is made here holds only the one that was taken. Set chat.template to use another.
    """
    if facts.form.templates_differ:
        yield f"taken from {facts.form.template}; another stands in {', '.join(facts.form.templates_differ)}"


def templates_left(facts: FetchFacts, limits: FetchLimits) -> Iterator[str]:
    """The model brings further chat templates with names, which were not taken.

    Why: a GGUF is rendered by one template; what the others were for, tools above all, is not in it.
    Fix: nothing, unless one of them is the one you want: set chat.template to a file with it.
    """
    if facts.form.templates_left:
        yield f"`default` is taken, left are {', '.join(facts.form.templates_left)}"


def head_twice(facts: FetchFacts, limits: FetchLimits) -> Iterator[str]:
    """A tied model's file holds its head once more.

    Why: the converter would ship the matrix twice and quantize the embedding lower than that of a tied model.
    Fix: nothing; merge leaves it out.
    """
    if facts.tied and facts.form.head_bytes:
        yield f"lm_head.weight is the embedding bit for bit, {size(facts.form.head_bytes)}, expected none"


def head_untied(facts: FetchFacts, limits: FetchLimits) -> Iterator[str]:
    """The head is the embedding, and config.json says that it is a matrix of its own.

    Why: the matrix ships twice in every file that is made, and takes its memory twice; LoRA changes neither.
    Fix: say tie_word_embeddings=true in the folder's config.json, unless the head is to be trained elsewhere later.
    """
    if not facts.tied and facts.form.head_bytes:
        twice = size(facts.form.head_bytes)
        yield f"tie_word_embeddings=false, and lm_head.weight is the embedding bit for bit: {twice} are shipped twice"


def keys_left(facts: FetchFacts, limits: FetchLimits) -> Iterator[str]:
    """config.json asks for a way of computing that this machine may not have.

    Why: loaders obey such a key without being asked, and end, or compute another way, where it is not there.
    Fix: nothing; the key was left out, and train.* says how training computes.
    """
    if facts.form.keys_left:
        yield f"left out: {', '.join(facts.form.keys_left)}"


def weights_left(facts: FetchFacts, limits: FetchLimits) -> Iterator[str]:
    """The folder holds weights that were not taken.

    Why: loaders read model.safetensors or what its index names; other files may be older weights, or another form.
    Fix: make sure that the ones that were taken are the ones you mean.
    """
    if facts.form.weights_left:
        yield f"{count(len(facts.form.weights_left), 'file')}: {', '.join(facts.form.weights_left[:5])}"


def theta_unsaid(facts: FetchFacts, limits: FetchLimits) -> Iterator[str]:
    """config.json does not say RoPE's base.

    Why: the library's default is taken, here and in the GGUF; with another base than it was trained with, a model
    forgets where words stand.
    Fix: take config.json from the model's own repository.
    """
    if not facts.form.says_theta:
        yield f"rope_theta is not in config.json, so it is the library's: {facts.form.rope}; {THETAS}"


def config_unlike_weights(facts: FetchFacts, limits: FetchLimits) -> Iterator[str]:
    """config.json says what the library does not read, or another type than the weights have.

    Why: somebody meant something by it, and nothing here does it.
    Fix: compare config.json with the one in the model's own repository.
    """
    form = facts.form
    if not (form.unknown_keys or form.says_dtype):
        raise Skip("config.json says no type and nothing unknown")
    if form.unknown_keys:
        yield f"not read: {', '.join(form.unknown_keys[:8])}"
    if form.says_dtype and form.says_dtype not in facts.dtype.split(", "):
        yield f"config.json says {form.says_dtype}, the weights are {facts.dtype}, and are read as they are"
