"""Is the base model what it is called? Its name against its sizes; the rules are fetch's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from jobs.core.model import Limits, StrictModel
from jobs.core.rule import Gate, Skip
from jobs.logic.estimating.shapes import KNOWN as SHAPES, Shape

DIGEST_SHOWN = 12
"""Hexadecimal digits of a digest that people are shown."""
UNNAMED = "unnamed"
"""As `model.id`: the folder's name with the digest of its weights stands for it."""


class Sizes(StrictModel):
    """What tells one Qwen3 from another, by the names of config.json."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    intermediate_size: int
    vocab_size: int
    rope_theta: float | None
    """None where the config names none."""

    def differing(self, other: Sizes) -> list[str]:
        """The fields in which the two differ, in words: own value first."""
        pairs = [(name, getattr(self, name), getattr(other, name)) for name in type(self).model_fields]
        return [
            f"{name} {int(one)} and not {int(two)}"
            for name, one, two in pairs
            if one is not None and two is not None and one != two
        ]


def _sizes(shape: Shape, theta: float = 1e6) -> Sizes:
    config = shape.as_config()
    return Sizes(**{name: config[name] for name in Sizes.model_fields if name in config}, rope_theta=theta)


KNOWN = {name: _sizes(shape) for name, shape in SHAPES.items()} | {"4B-2507": _sizes(SHAPES["4B"], theta=5e6)}
"""RoPE's base: config.json of Qwen/Qwen3-SIZE, Qwen/Qwen3-4B-Instruct-2507 and Qwen/Qwen3-4B-Thinking-2507."""
MIXTURES = ("30B", "235B")
"""Sizes of Qwen3 that are mixtures of experts (table 2 there), another architecture."""
NAMED = re.compile(r"qwen3[-_. ]?(\d+(?:\.\d+)?b)(?![a-z])", re.IGNORECASE)


def size_named(name: str) -> str | None:
    """The size that a model's name says, as in `owner/My-Qwen3-4B-Instruct-2507-tune` `4B-2507`; None: it says none."""
    found = NAMED.search(name.rpartition("/")[2])
    size = found[1].upper() if found else None
    later = f"{size}-2507"
    return later if later in KNOWN and "2507" in name else size


def called(name: str, weights: str) -> str:
    """How an unnamed folder's model is called."""
    return f"{name} (weights {weights[:DIGEST_SHOWN]})"


def register(gate: Gate[Any, Any]) -> None:
    """Add the rules to fetch's gate."""
    gate.rule("030", "name-of-another-size", explains=("GEN003",))(name_of_another_size)
    gate.rule("031", "name-not-checked", level="warn")(name_not_checked)
    gate.rule("032", "longer-than-its-config", level="warn", explains=("TOK011",))(longer_than_its_config)


def name_of_another_size(facts: Any, limits: Limits) -> Iterator[str]:
    """The model is called by the name of a Qwen3 of another size.

    Why: the certificate, the card and every hub say the name on; it must be the model that was tuned.
    Fix: give model.id the name of what is there; leave it out with fetch=local, and the folder's name is taken.
    """
    size = size_named(facts.id) if facts.is_named else None
    if size is None:
        raise Skip(f"{facts.id}: its name says no size")
    if size in MIXTURES:
        yield f"model.id={facts.id} names a mixture of experts, the config is a dense Qwen3 {_like(facts.sizes)}"
    elif size not in KNOWN:
        raise Skip(f"{facts.id}: no Qwen3 of {size} is known")
    else:
        differing = facts.sizes.differing(KNOWN[size])
        if differing:
            yield f"model.id={facts.id} names Qwen3 {size}, the config {_like(facts.sizes)}: {', '.join(differing)}"


def name_not_checked(facts: Any, limits: Limits) -> Iterator[str]:
    """A folder is called by a name that nothing here can prove.

    Why: its sizes may be those of the name, and its weights another model's; the certificate has their digest.
    Fix: compare the digest of the weights with the hub's, or take the model from the hub; else leave model.id out.
    """
    if facts.source == "local" and facts.is_named:
        yield f"model.id={facts.id} is the word of whoever gave it; weights {facts.weights[:DIGEST_SHOWN]}"


def longer_than_its_config(facts: Any, limits: Limits) -> Iterator[str]:
    """`model.length` is more than the positions that the model's config has.

    Why: rows and context sizes are bounded by it; beyond its positions a model was never trained to attend.
    Fix: set model.length to what config.json says or less, or leave it out with fetch=local.
    """
    if facts.asked_length is None:
        raise Skip("no length was said: config.json's is taken")
    if facts.asked_length > facts.length:
        yield f"model.length={facts.asked_length}, max_position_embeddings of config.json is {facts.length}"


def _like(sizes: Sizes) -> str:
    """Which known size these are."""
    same = [name for name, known in KNOWN.items() if not sizes.differing(known)]
    return f"has the sizes of Qwen3 {same[0]}" if same else "has those of no Qwen3 that is known"
