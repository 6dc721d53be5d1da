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
    """Type, as safetensors names it, to its number of tensors."""
    num_tensors: int
    missing: tuple[str, ...]
    """Tensors that the config asks for and the files do not have."""
    unexpected: tuple[str, ...]
    misshapen: tuple[str, ...]
    """`name is [..], config.json asks for [..]`."""
    nan: tuple[str, ...]
    infinite: tuple[str, ...]
    """Tensors with an infinity and no NaN."""
    beyond_float16: tuple[str, ...]
    """Tensors with finite values that float16 has not."""
    problems: tuple[str, ...]
    """Of damaged or missing files, one line each."""
    tied: bool | None
    """What config.json says; None: nothing."""
    has_head: bool
    head_differs: bool | None
    """An output head beside the embedding that is not its equal; None without a head of its own."""


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
    """The most layers that any target is carried by."""
    zero: tuple[str, ...]
    """Modules whose update is nothing."""
    nonfinite: tuple[str, ...]
    norm: float
    """Of all scaled updates together."""
    base_model: str | None
    modules_to_save: tuple[str, ...]
    not_plain: tuple[str, ...]
    """Settings and tensors that are no plain LoRA, with what to do; its update is then not known here."""
    other_ranks: tuple[str, ...]
    """Modules whose factors have another rank than adapter_config.json says."""


@dataclass(frozen=True)
class ModuleWeights:
    """One adapted matrix W' against the base's W: W' - W is projected on the update U = s B A."""

    name: str
    """Without `.weight`."""
    scale: float
    """<W' - W, U> / <U, U>. 1: in it once, as the adapter says; 0: not; 2: twice."""
    error: float
    """Standard error of `scale`, were what the projection leaves without direction."""
    residual: float
    """Norm of what the projection leaves, against the norm of U."""
    rounding: float
    """Norm of what rounding W + U to the type of W' leaves, against the norm of U; 0 for F32 and for quants."""
    exact: bool
    """W' is W + U rounded to its type, but for float32's last digits."""
    rank: int | None = None
    alpha: float | None = None
    rslora: bool = False
    patterned: bool = False
    """Whether a pattern gives it its rank or its alpha."""
    plain_alpha: float | None = None
    """The alpha of modules that no pattern names."""
    plain_rank: int | None = None


@dataclass(frozen=True)
class WeightsSeen:
    """A base, the update that an adapter or a merged folder says, and weights that should be both together."""

    of: str
    """What is held against the base: a merged folder, or a GGUF."""
    by: str
    """`adapter` or `merged`: where the update was taken from; empty: nothing said one."""
    modules: tuple[ModuleWeights, ...]
    other_changed: tuple[str, ...]
    """Tensors that no update names and that are further from the base's than their type rounds."""
    other_moved: float
    """The largest relative distance among those."""
    num_other: int
    """Tensors that no update names."""
    swapped: tuple[tuple[str, str], ...]
    """(tensor, whose values of the base's it has)."""
    base_is_same: bool
    """Every tensor is the base's, as its type rounds: nothing was merged."""
    missing: tuple[str, ...]
    """The base's that it lacks."""
    misshapen: tuple[str, ...]
    types: Mapping[str, int]
    """Type to its number of matrices."""

    @property
    def kept(self) -> tuple[float, float] | None:
        """(share of the whole update that is in it, its standard error); None without an update."""
        sizes = [(one.error, one.scale) for one in self.modules if one.error == one.error]
        if not sizes:
            return None
        weights = [1 / max(error, 1e-9) ** 2 for error, _ in sizes]
        mean = sum(weight * scale for weight, (_, scale) in zip(weights, sizes, strict=True)) / sum(weights)
        return mean, (1 / sum(weights)) ** 0.5


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
    weights: WeightsSeen | None = None
    """Held against the base, where it is there."""
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
