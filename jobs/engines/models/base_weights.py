"""The weights of a base model: whole, of plain floats, with one head; and what is found in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from jobs.core.errors import Refusal
from jobs.core.terminal import progress
from jobs.engines.models import model_config, shards, tensor_names
from jobs.engines.models.folder_files import library_errors

HEAD, EMBEDDING = "lm_head.weight", "model.embed_tokens.weight"
WAY_OUT = "the weights are quantized on purpose, and such cannot be fine-tuned here; take the 16-bit repository"


def opened(folder: Path, config: Mapping[str, Any], where: str) -> shards.Folder:
    """The folder's weights; raises Refusal where they are quantized, or where config.json says so and they are not."""
    said = model_config.quantization(config)
    shown = f", as config.json says: {said}" if said else ""
    try:
        weights = shards.Folder(folder, where)
    except shards.Quantized as refusal:
        raise Refusal(f"{refusal}{shown}: {WAY_OUT}") from None
    name = tensor_names.quantized(weights.entries)
    if name:
        raise Refusal(f"{where}: has a tensor {name}{shown}: {WAY_OUT}")
    if said:
        dtypes = {code: str(dtype).removeprefix("torch.") for dtype, code in shards.CODES.items()}
        found = ", ".join(sorted({dtypes[entry.dtype] for entry in weights.entries.values()}))
        raise Refusal(
            f"{where}: config.json says {said} and the weights are {found}: loaders would quantize them once more; "
            f"take {said.split()[0]} out of config.json"
        )
    return weights


def require_whole(weights: shards.Folder, config: Any, where: str) -> None:
    """Raises Refusal where tensors are not those that config.json asks for, since loaders fill the gaps with noise, and
    where a tied model has a head that is not its embedding."""
    way_out = "take config.json from the model's own repository"
    with library_errors(f"{where}: config.json describes no model", way_out), torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    asked = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    if config.tie_word_embeddings:
        asked.pop(HEAD)
    wrong = tensor_names.difference(asked, {name: entry.shape for name, entry in weights.entries.items()})
    if wrong:
        raise Refusal(f"{where}: {wrong}")
    if config.tie_word_embeddings and HEAD in weights.entries:
        head, embedding = weights.read(HEAD), weights.read(EMBEDDING)
        if not same(head, embedding):
            rows = int((head != embedding).any(dim=1).sum()) if head.shape == embedding.shape else len(head)
            raise Refusal(
                f"{where}: config.json says tie_word_embeddings=true, and {HEAD} is not {EMBEDDING}: {rows:,} rows "
                "differ. transformers ignores that head and llama.cpp uses it; say tie_word_embeddings=false where the "
                f"head was trained, else take {HEAD} out of the weights"
            )


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors are the same in every bit, or, where they are of two types, in every value."""
    if one.shape != other.shape:
        return False
    if one.dtype != other.dtype:
        return bool(torch.equal(one.double(), other.double()))
    return bool(torch.equal(one.contiguous().view(torch.uint8), other.contiguous().view(torch.uint8)))


def head_bytes(weights: shards.Folder, tied: bool) -> int:
    """Bytes of a head that is the embedding once more; of a tied model `require_whole` found the two equal."""
    if HEAD not in weights.entries or not (tied or same(weights.read(HEAD), weights.read(EMBEDDING))):
        return 0
    entry = weights.entries[HEAD]
    size = next(dtype.itemsize for dtype, code in shards.CODES.items() if code == entry.dtype)
    return int(size * torch.Size(entry.shape).numel())


def inspect(
    weights: shards.Folder, config: Any, num_entries: int, turn: int | None, where: str
) -> tuple[dict[str, Any], int]:
    """Facts of the tensors, names are those of FetchFacts; and the bytes of a head that is there twice."""
    found: dict[str, Any] = {
        "num_tensors": len(weights.entries),
        "num_weights": 0,
        "nonfinite": [],
        "narrow_rows": [],
        "turn_row_cosine": None,
        "turn_row_norm_ratio": None,
    }
    head = HEAD if HEAD in weights.entries else EMBEDDING
    dtypes = set()
    with progress("fetch: reading weights", len(weights.entries)) as bar:
        for done, name in enumerate(sorted(weights.entries), 1):
            tensor = weights.read(name)
            dtypes.add(str(tensor.dtype).removeprefix("torch."))
            found["num_weights"] += tensor.numel()
            if not bool(torch.isfinite(tensor).all()):
                found["nonfinite"].append(name)
            if tensor.ndim == 2 and tensor.shape[1] % 256:
                found["narrow_rows"].append(f"{name} {list(tensor.shape)}")
            if name == EMBEDDING:
                found["vocab_rows"] = int(tensor.shape[0])
            if name == head and turn is not None and turn < tensor.shape[0]:
                found["turn_row_cosine"], found["turn_row_norm_ratio"] = against_unused(tensor, num_entries, turn)
            bar(done)
    return {**found, "dtype": ", ".join(sorted(dtypes))}, head_bytes(weights, bool(config.tie_word_embeddings))


def against_unused(head: torch.Tensor, num_entries: int, turn: int) -> tuple[float | None, float | None]:
    """Cosine of row `turn` to the mean never-used row, and its norm over their mean norm."""
    unused = head[num_entries:].float()
    if len(unused) == 0 or not bool(unused.any()):
        return None, None
    row, mean = head[turn].float(), unused.mean(dim=0)
    cosine = float(torch.nn.functional.cosine_similarity(row, mean, dim=0))
    return cosine, float(row.norm() / unused.norm(dim=1).mean().clamp(min=1e-12))
