"""Why tensors are not those that config.json asks for: by their names, for each cause its own way out."""

from __future__ import annotations

from collections.abc import Collection, Mapping

Shapes = Mapping[str, tuple[int, ...]]

PEFT = "base_model.model."
BODY = "model."
QUANTIZED = (
    ".qweight", ".qzeros", ".scales", ".g_idx", ".absmax", ".quant_map", ".weight_scale", ".weight_scale_inv",
    ".input_scale", ".weight_packed", ".SCB", ".weight_shape", ".nested_absmax",
)  # fmt: skip
"""Ends of names that only quantized weights have: GPTQ, AWQ, bitsandbytes, FP8, compressed tensors. bitsandbytes' own
`.quant_state.*` go on after a dot."""
LORA = (".lora_A.", ".lora_B.", ".lora_magnitude_vector")
EXPERTS, VISION = ".experts.", ("visual.", "vision_tower.", "vision_model.")
HEADS = ("score.", "classifier.", "v_head.", "value_head.")


def quantized(names: Collection[str]) -> str | None:
    """A name that only quantized weights have."""
    return next((name for name in sorted(names) if name.endswith(QUANTIZED) or ".quant_state." in name), None)


def difference(asked: Shapes, found: Shapes) -> str | None:
    """What is wrong, in words that end with the way out; None where all is there and nothing else.

    `asked` are the tensors of the model in config.json; a head of its own may always be there.
    """
    extra = sorted(found.keys() - asked.keys() - {"lm_head.weight"})
    missing = sorted(asked.keys() - found.keys())
    if missing or extra:
        said = _by_names(set(asked), found.keys(), extra)
        if said:
            return said
    for name in sorted(asked):
        if found.get(name) != asked[name]:
            return _of_one(name, asked[name], found.get(name))
    if extra:
        return f"{extra[0]} is no tensor of the model in config.json; {WHOLE}"
    return None


WHOLE = "weights and config.json must be of one model: take both from one repository at one revision"


def _by_names(asked: set[str], names: Collection[str], extra: list[str]) -> str | None:
    """The cause that the names tell of."""
    if any(part in name for name in names for part in LORA):
        first = next(name for name in sorted(names) if any(part in name for part in LORA))
        return f"{first} is a factor of LoRA: an adapter was not merged; merge it with merge_and_unload() first"
    if any(name.startswith(PEFT) for name in names) or any(".base_layer." in name for name in names):
        return (
            f"its tensors are named {PEFT}..., as PEFT's wrapper names them: the wrapper was saved and not the model "
            "in it; save what merge_and_unload() gives, or take the prefix out of the names"
        )
    if any(EXPERTS in name for name in extra):
        return "its tensors are those of a model of experts; only the dense Qwen3 is known, so pick one"
    if any(part in name for name in extra for part in VISION):
        return "its tensors are those of a model of images; only the Qwen3 of text is known, so pick one"
    if any(name.startswith(HEADS) for name in extra):
        return f"{extra[0]} is the head of a classifier or a reward model; pick a model that writes text"
    bare = {name.removeprefix(BODY) for name in asked if name.startswith(BODY)}
    if bare <= set(names):
        return (
            f"its tensors are named without {BODY!r} before them, as AutoModel saves the body alone; save the model "
            "that AutoModelForCausalLM loads from it"
        )
    prefix = next((name.removesuffix("model.norm.weight") for name in names if name.endswith("model.norm.weight")), "")
    if prefix and {prefix + name for name in asked} <= set(names):
        return (
            f"its tensors are named {prefix}..., as a wrapper around the model names them; save the model in it, or "
            "take the prefix out of the names"
        )
    return None


def _of_one(name: str, asked: tuple[int, ...], has: tuple[int, ...] | None) -> str:
    if has is None and name == "lm_head.weight":
        return (
            "lm_head.weight is missing, and config.json does not say tie_word_embeddings=true; say so where the "
            f"embedding is the head too, as in Qwen3 up to 4B, else {WHOLE}"
        )
    rows = "; vocab_size must be the number of rows" if has and len(has) == 2 and has[1:] == asked[1:] else ""
    shown = f"is {list(has)}" if has is not None else "is missing"
    return f"{name} {shown}, config.json asks for {list(asked)}{rows}; {WHOLE}"
