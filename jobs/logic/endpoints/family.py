"""Whether two models are one, or of one family, as far as their names and files tell.

`Qwen/Qwen3-4B`, `qwen3:4b-q4_K_M` and `Qwen3-4B-Q4_K_M.gguf` are one model: how its weights are rounded or packed makes
no other of it. `Qwen3-8B` and `Qwen2.5-7B` are of its family: they learned from the same people's data, and like each
other's answers. A name that a person made up tells neither, which is not the same as telling that they differ.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kinship = Literal["same", "family", "other", "unknown"]

FAMILIES = {
    "qwen": ("qwen", "qwq", "qvq", "tongyi", "tinyswallow"),
    "llama": ("llama", "vicuna", "alpaca", "tulu", "nemotron"),
    "mistral": ("mistral", "mixtral", "ministral", "codestral", "magistral", "devstral", "pixtral"),
    "gemma": ("gemma", "gemini", "palm"),
    "gpt": ("gpt", "chatgpt", "davinci", "o1", "o3", "o4"),
    "claude": ("claude",),
    "deepseek": ("deepseek",),
    "phi": ("phi",),
    "smollm": ("smollm",),
    "command": ("command", "aya", "cohere"),
    "glm": ("glm", "chatglm"),
    "granite": ("granite",),
    "olmo": ("olmo", "olmoe"),
    "falcon": ("falcon",),
    "yi": ("yi",),
    "internlm": ("internlm",),
    "kimi": ("kimi",),
    "grok": ("grok",),
    "nova": ("nova",),
    "minimax": ("minimax",),
    "ernie": ("ernie",),
    "exaone": ("exaone",),
    "hunyuan": ("hunyuan",),
    "elyza": ("elyza", "llama"),
    "swallow": ("swallow", "llama"),
    "rinna": ("rinna",),
    "sarashina": ("sarashina",),
    "plamo": ("plamo",),
    "stablelm": ("stablelm",),
}
"""Makers' names for what they made, by the word that stands for all of them."""
ROUNDED = re.compile(
    r"(?<![a-z0-9])(?:(?:i?q[1-8]|tq[12])(?:_(?:k|0|1|s|m|l|xs|xxs|xl|nl|xm))*|mxfp4|nvfp4|w[48]a(?:8|16)|u?int[48]"
    r"|[2-8]-?bits?|(?:bf|fp|f)(?:4|8|16|32)(?:_e[45]m[23])?|awq|gptq|autoround|gguf|ggml|exl[23]|mlx|bnb|imatrix|imat|i1|ud"
    r"|ct2|onnx|dynamic|marlin|hf|safetensors|latest|quantized|\d+g)(?![a-z0-9])"
)
"""Words of a name that say how weights are kept."""
SHARD = re.compile(r"-\d{5}-of-\d{5}")
SPLIT = re.compile(r"[-_\s:@+()\[\]]+")


@dataclass(frozen=True)
class Identity:
    """What is known of a model: the names it goes by (as asked for, as the server tells it, in its GGUF's header), and
    the SHA-256 of its file."""

    names: Sequence[str]
    digest: str | None = None
    architecture: str | None = None
    """Of a GGUF. `llama` is that of many families and tells nothing."""


def kinship(one: Identity, other: Identity) -> Kinship:
    """`same` where one file or one name says so, `other` only where both families are known."""
    if one.digest is not None and one.digest == other.digest:
        return "same"
    cores = {core(name) for name in one.names} - {()}, {core(name) for name in other.names} - {()}
    if cores[0] & cores[1]:
        return "same"
    kinds = families(one), families(other)
    if kinds[0] & kinds[1]:
        return "family"
    return "other" if kinds[0] and kinds[1] else "unknown"


def core(name: str) -> tuple[str, ...]:
    """The words that tell a model from others: `("qwen3", "4b")`; neither who uploaded it nor how it is rounded."""
    last = SHARD.sub("", name.rstrip("/").rpartition("/")[2].lower().removesuffix(".gguf"))
    return tuple(word for word in (part.strip(".") for part in SPLIT.split(ROUNDED.sub("", last))) if word)


def families(model: Identity) -> set[str]:
    """The words of FAMILIES that its names and its architecture tell; a distilled model has its teacher's too."""
    texts = [name.lower() for name in model.names]
    if model.architecture not in (None, "llama"):
        texts.append(str(model.architecture).lower())
    words = {word for text in texts for word in re.findall(r"(?<![a-z0-9])o[134](?![a-z0-9])|[a-z]+", text)}
    return {family for family, known in FAMILIES.items() if words & set(known)}
