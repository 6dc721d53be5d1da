"""Weights in folders, adapters and GGUFs, and what travels with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ModelSeen:
    """A folder with weights of a whole model."""

    folder: str
    config: Mapping[str, object]
    """config.json as it stands."""
    dtypes: Mapping[str, int]
    num_tensors: int
    missing: tuple[str, ...]
    """Tensors that the config asks for and the files do not have."""
    unexpected: tuple[str, ...]
    nonfinite: tuple[str, ...]
    tied: bool | None
    head_differs: bool | None
    """An output head beside a tied embedding that is not its equal."""


@dataclass(frozen=True)
class AdapterSeen:
    """A PEFT adapter's folder."""

    folder: str
    rank: int | None
    alpha: float | None
    rslora: bool
    patterns: bool
    """Whether ranks or alphas differ by module."""
    target_modules: Mapping[str, int]
    """Target to the number of layers that carry it."""
    expected_layers: int | None
    zero: tuple[str, ...]
    nonfinite: tuple[str, ...]
    norm: float
    base_model: str | None
    modules_to_save: tuple[str, ...]


@dataclass(frozen=True)
class ModuleWeights:
    """One adapted tensor: merged minus base, projected on scaled B A."""

    name: str
    scale: float
    """1: merged once as the adapter says; 0: not; 2: twice; sqrt(rank): alpha / rank meant rsLoRA's ..."""
    residual: float
    """Norm of what the projection leaves, against the norm of scaled B A."""


@dataclass(frozen=True)
class WeightsSeen:
    """Base, adapter and merged model held against each other."""

    modules: tuple[ModuleWeights, ...]
    other_changed: tuple[str, ...]
    """Tensors outside of the adapter's targets that differ between base and merged."""
    swapped: tuple[tuple[str, str], ...]
    """Pairs of tensors of the merged model that are each other's of the base."""
    base_is_same: bool | None
    """Whether base and merged are equal everywhere: nothing was merged."""
    rounding: float | None
    """Norm of the update that rounding to the merged model's dtype took, against the update's."""


@dataclass(frozen=True)
class GgufSeen:
    """A GGUF's header and, where a folder stands beside it, its tensors against the folder's."""

    file: str
    file_type: str
    """F16, Q4_K_M, ..."""
    metadata: Mapping[str, object]
    """Plain values: eos, bos, pad, add_bos, rope base, context length, name, samplers."""
    template: str | None
    types: Mapping[str, int]
    """Tensor type to its number."""
    fallen_back: tuple[str, ...]
    """Tensors whose type is not the one its file type gives them."""
    broken: str
    """Why llama.cpp or the header's reader refuses it; empty: it does not."""
    token_types_differ: int | None
    """Tokens whose kind (normal, control, user-defined) is not the tokenizer's; None without a tokenizer."""
    tokens_differ: int | None
    missing: tuple[str, ...]
    to_merged: float | None
    """Relative distance of its tensors to the merged model's, the largest, beyond its type's own error."""
    to_base: float | None
    update_kept: float | None
    """Projection of (GGUF - base) on (merged - base), over all tensors: 1 all of the tune is in it, 0 none."""
    imatrix: str | None
    """What the header says of the importance matrix it was made with."""
    is_adapter: bool = False
    adapter_alpha: float | None = None


@dataclass(frozen=True)
class ModelfileSeen:
    """An Ollama Modelfile."""

    file: str
    base: str
    template: str | None
    stops: tuple[str, ...]
    parameters: Mapping[str, str]
    adapter: str | None
    rendered: Mapping[str, str]
    """Probe conversation to what the Go template makes of it, as far as our renderer goes."""
    template_error: str
