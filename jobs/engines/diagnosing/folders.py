"""A folder of whole weights as a diagnosis sees it: what config.json asks for against what is in the files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jobs.engines.diagnosing import tensors
from jobs.engines.diagnosing.adapters import read_object
from jobs.engines.diagnosing.boundary import Unreadable
from jobs.engines.diagnosing.weights import HEAD, Finite
from jobs.logic.diagnosing.model_seen import ModelSeen

EMBEDDING = "model.embed_tokens.weight"
INDEX = "model.safetensors.index.json"


def stored(folder: Path, where: str) -> tensors.SafetensorsFiles:
    """The folder's weights, without an adapter that lies beside them; shards that its index names and that are not
    there are problems. Raises Unreadable for a folder without any."""
    paths = [path for path in sorted(folder.glob("*.safetensors")) if not path.name.startswith("adapter")]
    files = tensors.SafetensorsFiles(where, paths)
    index = folder / INDEX
    if not paths and not index.is_file():
        raise Unreadable("has no weights in it, expected *.safetensors; a pickle (pytorch_model.bin) is not opened")
    if index.is_file():
        try:
            told = read_object(index).get("weight_map")
        except ValueError as error:
            files.problems.append(str(error))
            return files
        named = {str(one) for one in told.values()} if isinstance(told, dict) else set[str]()
        files.problems += [
            f"{name}: is not there, and {INDEX} names it" for name in sorted(named - {path.name for path in paths})
        ]
    return files


def asked_shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Shapes that a dense Qwen3's config.json asks for; empty for another model, or where it does not say."""
    if config.get("model_type") != "qwen3":
        return {}
    try:
        width, inner, layers, heads, vocabulary = (
            int(config[key])
            for key in (
                "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size",
            )
        )  # fmt: skip
        each = int(config.get("head_dim") or width // heads)
        pairs = int(config.get("num_key_value_heads") or heads)
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return {}
    parts = {
        "input_layernorm": (width,), "post_attention_layernorm": (width,), "self_attn.q_norm": (each,),
        "self_attn.k_norm": (each,),
        "self_attn.q_proj": (heads * each, width), "self_attn.k_proj": (pairs * each, width),
        "self_attn.v_proj": (pairs * each, width), "self_attn.o_proj": (width, heads * each),
        "mlp.gate_proj": (inner, width), "mlp.up_proj": (inner, width), "mlp.down_proj": (width, inner),
        "embed_tokens": (vocabulary, width), "lm_head": (vocabulary, width), "norm": (width,),
    }  # fmt: skip
    tied = config.get("tie_word_embeddings", True) is not False
    found = {}
    for name in tensors.qwen3_names(min(layers, 1000), head=not tied):
        part = name.removesuffix(".weight").removeprefix("model.")
        found[name] = parts[part.split(".", 2)[2] if part.startswith("layers.") else part]
    return found


def seen(folder: Path, files: tensors.SafetensorsFiles, finite: Finite) -> ModelSeen:
    """`finite` is what reading every tensor gave."""
    problems = list(files.problems)
    config: dict[str, Any] = {}
    try:
        config = read_object(folder / "config.json")
    except FileNotFoundError:
        problems.append("config.json: is not there")
    except ValueError as error:
        problems.append(str(error))
    asked, shapes = asked_shapes(config), files.shapes
    dtypes: dict[str, int] = {}
    for place in files.places.values():
        dtypes[place.type] = dtypes.get(place.type, 0) + 1
    return ModelSeen(
        folder=files.where,
        config=config,
        dtypes=dtypes,
        num_tensors=len(files.places) + len(files.unread),
        missing=tuple(name for name in asked if name not in shapes and name not in files.unread),
        unexpected=tuple(name for name in shapes if asked and name not in asked and name != HEAD),
        misshapen=tuple(
            f"{name} is {list(shapes[name])}, config.json asks for {list(shape)}"
            for name, shape in asked.items()
            if name in shapes and shapes[name] != shape
        ),
        nan=tuple(finite.nan),
        infinite=tuple(finite.infinite),
        beyond_float16=tuple(finite.beyond_float16),
        problems=tuple(problems),
        tied=config.get("tie_word_embeddings") if isinstance(config.get("tie_word_embeddings"), bool) else None,
        has_head=HEAD in shapes,
        head_differs=head_differs(files),
        num_unread=len(files.unread),
    )


def head_differs(files: tensors.Stored) -> bool | None:
    """Whether the head is not the embedding, in any value."""
    if HEAD not in files.shapes or EMBEDDING not in files.shapes:
        return None
    if files.shapes[HEAD] != files.shapes[EMBEDDING]:
        return True
    return any(
        not np.array_equal(files.rows(HEAD, start, stop), files.rows(EMBEDDING, start, stop))
        for start, stop in tensors.blocks(files.shapes[HEAD])
    )
