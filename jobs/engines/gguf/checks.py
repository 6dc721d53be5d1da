"""A GGUF against the Hugging Face folder it was made from: header, tensors, token ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from transformers import AutoTokenizer, Qwen3Config

from jobs.engines.gguf import file as gguf_file, llama
from jobs.logic.chat.adversarial import KNOWN_TO_DIFFER, MUST_AGREE
from jobs.logic.parity.quant_types import FILE_TYPES

SAMPLING = "general.sampling."
TRUE_OF_ITSELF = {"general.architecture", "general.type", "general.file_type", "general.size_label",
                  "general.quantization_version", "general.alignment"}  # fmt: skip
"""What a file may say of itself besides its name: it follows from tensors and format."""
WRITTEN_BY_QUANTIZING = ("general.quantization_version", "quantize.imatrix.")


def expected_header(model: Path) -> dict[str, Any]:
    """What the header must say, by the names of `gguf_file.Description`."""
    config = Qwen3Config.from_pretrained(str(model), local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(str(model), local_files_only=True)
    return {
        "architecture": "qwen3",
        "block_count": config.num_hidden_layers,
        "context_length": config.max_position_embeddings,
        "embedding_length": config.hidden_size,
        "rope_freq_base": float(config.rope_parameters["rope_theta"]),
        "vocab_size": config.vocab_size,
        "tokenizer_model": "gpt2",
        "tokenizer_pre": "qwen2",
        "pad_token_id": tokenizer.pad_token_id,
        "add_bos": False,
    }


def differing_header(file: gguf_file.GgufFile, model: Path) -> list[str]:
    """`key: found, expected` of every value that is not the folder's."""
    found = gguf_file.describe(file)
    return [
        f"{name} is {getattr(found, name)}, expected {expected}"
        for name, expected in expected_header(model).items()
        if getattr(found, name) != expected
    ]


def sampling(file: gguf_file.GgufFile) -> dict[str, str | int | float]:
    """The sampler values that travel in the file, by their keys' last word; six digits, as they were float32."""
    found = {key.removeprefix(SAMPLING): value for key, value in file.metadata.items() if key.startswith(SAMPLING)}
    return {key: float(f"{value:.6g}") if isinstance(value, float) else value for key, value in found.items()}


def differing_names(file: gguf_file.GgufFile, name: str) -> list[str]:
    """What the file says of its name and origin that is not `name`: `key is found, expected`."""
    found = {
        key: value
        for key, value in file.metadata.items()
        if key.startswith("general.") and not key.startswith(SAMPLING) and key not in TRUE_OF_ITSELF
    }
    wrong = (
        []
        if found.get("general.name") == name
        else [f"general.name is {found.get('general.name')!r}, expected {name!r}"]
    )
    return wrong + [f"{key} is {value!r}, expected none" for key, value in found.items() if key != "general.name"]


def differing_metadata(file: gguf_file.GgufFile, source: gguf_file.GgufFile, quant: str) -> list[str]:
    """Keys whose value is not the one of the F32 file `source`, or, of the file type, not that of `quant`."""
    found, expected = file.metadata, {**source.metadata, "general.file_type": FILE_TYPES[quant]}
    keys = [key for key in sorted(found.keys() | expected.keys()) if not key.startswith(WRITTEN_BY_QUANTIZING)]
    return [key for key in keys if key not in found or key not in expected or found[key] != expected[key]]


def template_equal(file: gguf_file.GgufFile, model: Path) -> bool:
    """Whether the GGUF's chat template is chat_template.jinja, byte for byte."""
    path = model / "chat_template.jinja"
    return path.is_file() and gguf_file.describe(file).chat_template == path.read_bytes()


def not_rounded(f32: gguf_file.GgufFile, f16: gguf_file.GgufFile) -> list[str]:
    """Tensors of `f16` that are not those of `f32`, matrices rounded to nearest float16."""
    wrong = sorted(set(f32.tensors) ^ set(f16.tensors))
    for name in sorted(set(f32.tensors) & set(f16.tensors)):
        wide, narrow = gguf_file.tensor_values(f32, name), gguf_file.tensor_values(f16, name)
        if f16.tensors[name].type == "F16":
            with np.errstate(over="ignore"):
                wide = wide.astype(np.float16).astype(np.float32)
        is_matrix = len(f16.tensors[name].shape) > 1
        if not np.array_equal(wide, narrow) or (is_matrix and f16.tensors[name].type != "F16"):
            wrong.append(name)
    return wrong


def token_differences(gguf: Path, model: Path, rows: dict[str, str]) -> tuple[int, list[str], int]:
    """(texts compared, descriptions of those that differ, known differences that do differ).

    `rows` maps row ids to rendered text. Control strings are read as control tokens on both sides.
    """
    tokenizer = AutoTokenizer.from_pretrained(str(model), local_files_only=True)
    texts = {**rows, **{f"adversarial text {text[:24]!r}": text for text in MUST_AGREE}}
    both = list(texts.values()) + list(KNOWN_TO_DIFFER)
    ours = [tokenizer.encode(text, add_special_tokens=False) for text in both]
    theirs = llama.tokenize(gguf, both, parse_special=True)
    pairs = list(zip(ours, theirs, strict=True))
    differing = [f"{name}: {_first_difference(a, b)}" for name, (a, b) in zip(texts, pairs, strict=False) if a != b]
    known = sum(a != b for a, b in pairs[len(texts) :])
    return len(texts), differing, known


def _first_difference(ours: list[int], theirs: list[int]) -> str:
    for place, (a, b) in enumerate(zip(ours, theirs, strict=False)):
        if a != b:
            return f"token {place} is {b} in llama.cpp and {a} in Hugging Face"
    return f"{len(theirs)} tokens in llama.cpp and {len(ours)} in Hugging Face"
