"""What a GGUF's header must say, by the folder that it should have been made from; read without transformers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.core.errors import Refusal
from jobs.engines.diagnosing.adapters import number, read_object
from jobs.engines.diagnosing.boundary import Unreadable
from jobs.engines.models import template_places
from jobs.logic.diagnosing.kinship import KNOWN
from jobs.logic.diagnosing.model_seen import HeaderAsked
from jobs.logic.training.lora_settings import is_number

KINDS = {1: "normal", 2: "unknown", 3: "control", 4: "user-defined", 5: "unused", 6: "byte"}
"""Of tokens, as llama.cpp numbers them."""
SPECIAL_FORMS = (("<|", "|>"), ("<｜", "｜>"), ("<unused", ">"))
"""Texts that the pinned converter takes for control tokens whatever the tokenizer says of them
(`does_token_look_special` in conversion/base.py)."""
SIZES = {
    "block_count": "num_hidden_layers", "embedding_length": "hidden_size", "feed_forward_length": "intermediate_size",
}  # fmt: skip
"""Keys of a header, behind the architecture's name, to those of config.json."""
SPECIAL_TEXTS = ("<pad>", "<mask>", "<2mass>", "[@BOS@]")


def kind(kinds: Sequence[int], place: int) -> str:
    """The kind of a token in words."""
    if not 0 <= place < len(kinds):
        return "of no kind"
    return KINDS.get(kinds[place], f"of kind {kinds[place]}")


def expected_kind(token: Mapping[str, Any]) -> str:
    """What the converter makes of an added token."""
    text = str(token.get("content", ""))
    looks = text in SPECIAL_TEXTS or any(text.startswith(a) and text.endswith(z) for a, z in SPECIAL_FORMS)
    return "control" if token.get("special") or looks else "user-defined"


@dataclass(frozen=True)
class Asking:
    """A folder's files, read once for all GGUFs."""

    folder: Path
    where: str
    is_base: bool
    config: Mapping[str, Any]
    settings: dict[str, Any]
    added: Sequence[Mapping[str, Any]]
    vocabulary: Mapping[str, Any]

    def of(self, metadata: Mapping[str, Any]) -> HeaderAsked:
        """What a header with this metadata must say; ValueError for a template that cannot be read."""
        return HeaderAsked(
            folder=self.where,
            is_base=self.is_base,
            template=template(self.folder, self.settings),
            eos_id=eos(self.config, self.settings, self.added),
            rope_base=rope(self.config),
            context_length=number(self.config, "max_position_embeddings"),
            tokens=differing_tokens(metadata, self.vocabulary, self.added),
            kinds=tuple(differing_kinds(metadata, self.added)),
            other=another_model(metadata, self.config, self.where),
        )


def asking(folder: Path, where: str, is_base: bool) -> Asking:
    """Raises ValueError or OSError where the folder's files cannot be read."""
    tokenizer = optional(folder / "tokenizer.json")
    model, added = tokenizer.get("model"), tokenizer.get("added_tokens")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    return Asking(
        folder,
        where,
        is_base,
        optional(folder / "config.json"),
        optional(folder / "tokenizer_config.json"),
        [one for one in added if isinstance(one, dict)] if isinstance(added, list) else [],
        vocabulary if isinstance(vocabulary, dict) else {},
    )


def optional(path: Path) -> dict[str, Any]:
    """A JSON object that need not be there."""
    return read_object(path) if path.is_file() else {}


def another_model(metadata: Mapping[str, Any], config: Mapping[str, Any], where: str) -> str:
    """By which a header is of another model than a config.json; empty where nothing says so."""
    architecture, asked = str(metadata.get("general.architecture", "")), config.get("model_type")
    if asked is not None and (architecture == KNOWN) != (asked == KNOWN):
        return f"is {architecture}, {where} is {asked}"
    for key, name in SIZES.items():
        mine, theirs = metadata.get(f"{architecture}.{key}"), config.get(name)
        if isinstance(mine, int) and isinstance(theirs, int) and mine != theirs:
            return f"its {key} is {mine}, {where} says {theirs} ({name})"
    return ""


def template(folder: Path, settings: dict[str, Any]) -> str | None:
    """The chat template that the folder has."""
    try:
        return template_places.find(folder, {template_places.SETTINGS: settings}, [], folder.name).text
    except Refusal as error:
        raise Unreadable(str(error)) from None


def eos(config: Mapping[str, Any], settings: Mapping[str, Any], added: Sequence[Mapping[str, Any]]) -> int | None:
    """The id of the tokenizer's stop token, which is what the converter writes, else config.json's."""
    said = settings.get("eos_token")
    text = said.get("content") if isinstance(said, dict) else said
    for token in added:
        if text is not None and token.get("content") == text and isinstance(token.get("id"), int):
            return int(token["id"])
    value = config.get("eos_token_id")
    value = value[0] if isinstance(value, list) and value else value
    return value if isinstance(value, int) else None


def rope(config: Mapping[str, Any]) -> float | None:
    """RoPE's base by either spelling."""
    for place in (config.get("rope_parameters"), config, config.get("rope_scaling")):
        if isinstance(place, dict) and is_number(place.get("rope_theta")):
            return float(place["rope_theta"])
    return None


def differing_tokens(
    metadata: Mapping[str, Any], vocabulary: Mapping[str, Any], added: Sequence[Mapping[str, Any]]
) -> int:
    """Tokens of the tokenizer that the header has as another text, or not at all."""
    tokens = metadata.get("tokenizer.ggml.tokens", [])
    wanted = {**vocabulary, **{str(one.get("content")): one.get("id") for one in added}}
    return sum(
        not (isinstance(place, int) and 0 <= place < len(tokens) and tokens[place] == text)
        for text, place in wanted.items()
    )


def differing_kinds(metadata: Mapping[str, Any], added: Sequence[Mapping[str, Any]]) -> list[str]:
    """`token: is normal, expected control` of added tokens."""
    kinds = metadata.get("tokenizer.ggml.token_type", [])
    found = []
    for token in added:
        place = token.get("id")
        if isinstance(place, int) and kind(kinds, place) != expected_kind(token):
            found.append(f"{token.get('content')}: is {kind(kinds, place)}, expected {expected_kind(token)}")
    return found
