"""config.json: as the library reads it, and by what it keeps a model from being trained and converted.

One file has been spelled in several ways, holds keys that only change how a loader loads, and what it leaves out is a
default of the library's. So values come from the library's own config object, and never from the text.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import Qwen3Config

from jobs.core.errors import Refusal
from jobs.engines.models.folder_files import library_errors, read_json

ARCHITECTURE = "Qwen3ForCausalLM"
QUANTIZATION = ("quantization_config", "compression_config")
OTHER_PARTS = {
    "vision_config": "of images", "audio_config": "of sound", "text_config": "with several parts",
    "thinker_config": "of sound and images", "num_experts": "of experts", "num_local_experts": "of experts",
    "n_routed_experts": "of experts",
}  # fmt: skip
"""Keys that no dense model of text has: what a model with them is."""
SCALED = ("default", "linear", "yarn")
"""Kinds of RoPE that the pinned converter writes and its runtime computes for a Qwen3."""
ROPE_KEYS = {
    "default": {"rope_theta"},
    "linear": {"rope_theta", "factor"},
    "yarn": {"rope_theta", "factor", "original_max_position_embeddings", "beta_fast", "beta_slow"},
}  # fmt: skip
"""Beside the type: what the converter writes of each."""
READ = {
    "model_type", "torch_dtype", "rope_theta", "rope_scaling", "transformers_version", "_name_or_path", "num_labels",
}  # fmt: skip
"""Keys that the library reads besides the fields of its config."""
SET_WHEN_MERGING = {
    "architectures", "dtype", "eos_token_id", "transformers_version", "tie_word_embeddings", "_name_or_path",
}  # fmt: skip
"""Of the merged config.json, a changed head being a rule of its own; all else is the base's, as both are read."""


def require_dense_text(config: Mapping[str, Any], where: str) -> None:
    """Raises Refusal for a config.json of another model than a dense Qwen3 that writes text."""
    known = "only 'qwen3' is known, the dense model of text, so pick a Qwen3 model of that type"
    if config.get("model_type") != "qwen3":
        raise Refusal(f"{where}: model_type is {config.get('model_type')!r}; {known}")
    for key, what in OTHER_PARTS.items():
        if config.get(key):
            raise Refusal(f"{where}: config.json has {key}, which a model {what} has; {known}")
    named = config.get("architectures")
    if named and ARCHITECTURE not in named:
        raise Refusal(
            f"{where}: config.json names the architecture {', '.join(map(str, named))}, expected {ARCHITECTURE}, which "
            "writes text; take the model that its maker names for chat"
        )


def quantization(config: Mapping[str, Any]) -> str | None:
    """What config.json says of quantized weights, as `quantization_config (bitsandbytes, 4 bit)`; None if nothing."""
    for key in QUANTIZATION:
        said = config.get(key)
        if not said:
            continue
        said = said if isinstance(said, dict) else {}
        bits = said.get("bits") or (4 if said.get("load_in_4bit") else 8 if said.get("load_in_8bit") else None)
        words = [str(said.get("quant_method", "no method named")), *([f"{bits} bit"] if bits else [])]
        return f"{key} ({', '.join(words)})"
    return None


def read(folder: Path, where: str) -> Any:
    """The library's config of a folder; raises Refusal where it cannot make one."""
    with library_errors(f"{where}: config.json describes no model", "take config.json from the model's own repository"):
        return Qwen3Config.from_pretrained(str(folder), local_files_only=True)


def values(folder: Path, where: str) -> dict[str, Any]:
    """Every value of a folder's config, by the names of the library's newest spelling."""
    found: dict[str, Any] = read(folder, where).to_dict()
    return found


def require_same_in_llama_cpp(config: Any, where: str) -> None:
    """Raises Refusal for a model that transformers computes otherwise than the GGUF made of it would be."""
    rope = config.rope_parameters
    kind = rope.get("rope_type")
    if kind not in SCALED:
        shown = f"rope_type {kind!r}" if kind else f"rope_parameters for each of {', '.join(rope)}"
        raise Refusal(
            f"{where}: config.json asks for {shown}, which a GGUF of a Qwen3 cannot hold; expected one of "
            f"{', '.join(SCALED)}: take out rope_scaling, or scale with yarn as Qwen's own cards say"
        )
    for key in sorted(rope.keys() - ROPE_KEYS[kind] - {"rope_type", "type"}):
        if not (rope[key] is None or (key, rope[key]) in (("truncate", True), ("partial_rotary_factor", 1.0))):
            raise Refusal(
                f"{where}: config.json scales RoPE with {key}={rope[key]!r}, which a GGUF of a Qwen3 cannot hold; take "
                f"it out, or take a model that goes without"
            )
    numbers = [("rope_theta", rope.get("rope_theta"))]
    numbers += [("factor", rope.get("factor"))] if kind != "default" else []
    for key, number in numbers:
        if not isinstance(number, (int, float)) or isinstance(number, bool) or not number > 0:
            raise Refusal(f"{where}: config.json says {key}={number!r}, expected a number above 0")
    kinds = sorted(set(config.layer_types) - {"full_attention"})
    if kinds:
        raise Refusal(
            f"{where}: config.json has layers of {', '.join(kinds)} (use_sliding_window={config.use_sliding_window}, "
            f"sliding_window={config.sliding_window}), and llama.cpp's Qwen3 attends to everything, so the GGUF would "
            "be another model; say use_sliding_window=false and take out layer_types, as Qwen's own folders have it"
        )
    if config.attention_bias or config.hidden_act != "silu":
        raise Refusal(
            f"{where}: config.json says attention_bias={config.attention_bias} and hidden_act={config.hidden_act!r}; "
            "llama.cpp's Qwen3 has no biases and silu"
        )


def rope_said(config: Any) -> str:
    """RoPE in words: its base, and how it is scaled."""
    rope = config.rope_parameters
    scaled = "" if rope["rope_type"] == "default" else f", {rope['rope_type']} x {rope['factor']:g}"
    return f"theta {rope['rope_theta']:,.10g}{scaled}"


def require_one_rope(raw: Mapping[str, Any], config: Any, where: str) -> None:
    """Raises Refusal for a config.json that says RoPE in its newer and in its older spelling, and not the same.

    Beside `rope_scaling` the library reads nothing of `rope_parameters`, not even its base: it takes 10,000 then.
    """
    places = {
        "config.json": raw,
        "rope_parameters": raw.get("rope_parameters"),
        "rope_scaling": raw.get("rope_scaling"),
    }
    spelled = {name: place for name, place in places.items() if isinstance(place, Mapping)}
    thetas = {name: place["rope_theta"] for name, place in spelled.items() if place.get("rope_theta") is not None}
    taken = config.rope_parameters.get("rope_theta")
    if len(set(thetas.values())) > 1 or (thetas and taken not in thetas.values()):
        said = ", ".join(f"{value!r} in {name}" for name, value in thetas.items())
        raise Refusal(
            f"{where}: config.json says rope_theta={said}, and the library reads {taken!r} where both spellings stand "
            "side by side; put all of it into rope_parameters, and take rope_theta and rope_scaling out"
        )
    new, old = (spelled.get(name, {}) for name in ("rope_parameters", "rope_scaling"))
    if new.get("rope_type", "default") != "default" and any(new.get(key, old[key]) != old[key] for key in old):
        raise Refusal(
            f"{where}: config.json scales RoPE in two ways, rope_parameters={dict(new)} and rope_scaling={dict(old)}; "
            "take one of them out"
        )


def says_theta(raw: Mapping[str, Any]) -> bool:
    """Whether config.json says RoPE's base anywhere, or leaves it to the library's default."""
    places = [raw, *(raw[key] for key in ("rope_parameters", "rope_scaling") if isinstance(raw.get(key), dict))]
    return any(place.get("rope_theta") is not None for place in places)


def unknown_keys(raw: Mapping[str, Any]) -> list[str]:
    """Keys of a config.json that the library's Qwen3 does not read, besides what old files say of generating."""
    from transformers import GenerationConfig

    known = {field.name for field in dataclasses.fields(Qwen3Config)} | READ
    known |= set(GenerationConfig().to_dict()) | {"num_experts", *QUANTIZATION, *OTHER_PARTS}
    return sorted(key for key in raw.keys() - known if not key.startswith("_"))


def merged(base: Path, where: str, dtype: str, eos_id: int) -> dict[str, Any]:
    """config.json for merged weights: the base's in its own spelling, with RoPE said whole in it."""
    raw, config = read_json(base / "config.json", where), read(base, where)
    known = {key: value for key, value in raw.items() if key not in ("torch_dtype", "_name_or_path")}
    rope = dict(config.rope_parameters)
    if raw.get("rope_parameters"):
        known = {key: value for key, value in known.items() if key not in ("rope_theta", "rope_scaling")}
        known["rope_parameters"] = rope
    else:
        known.pop("rope_parameters", None)
        known["rope_theta"] = rope.pop("rope_theta")
        known["rope_scaling"] = None if rope["rope_type"] == "default" else rope
    return known | {"architectures": [ARCHITECTURE], "dtype": dtype, "eos_token_id": eos_id}


def differing(base: Path, made: Path) -> list[str]:
    """Keys whose value, as the library reads both folders, is not the base's."""
    before, after = values(base, base.name), values(made, made.name)
    keys = (before.keys() | after.keys()) - SET_WHEN_MERGING
    return sorted(key for key in keys if before.get(key) != after.get(key))
