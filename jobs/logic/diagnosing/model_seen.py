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
    num_unread: int = 0
    """Tensors of types that are no plain floats, whose values nobody read."""

    @property
    def architecture(self) -> str:
        """`model_type` of config.json; empty where it does not say."""
        return str(self.config.get("model_type") or "")


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
    size: float = 1.0
    """Norm of U."""
    apart: float = 0.0
    """Norm of what the projection leaves, against the norm of W."""
    usual: float = 0.0
    """What rounding or quantizing to the type of W' usually leaves of that."""
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
    num_exact: int = 0
    """Tensors that are the base's rounded to their type, bit for bit."""
    num_shared: int = 0
    """Tensors that both have."""

    @property
    def of_another_model(self) -> bool:
        """Whether the two have so little in common that one was not made from the other."""
        return len(self.misshapen) > self.num_shared / 2 or len(self.missing) > self.num_shared

    @property
    def rounding(self) -> float:
        """Norm of what rounding the right weights to these types would leave, against the norm of the update."""
        size = sum(one.size**2 for one in self.modules)
        return (sum((one.rounding * one.size) ** 2 for one in self.modules) / size) ** 0.5 if size else 0.0

    @property
    def off(self) -> tuple[ModuleWeights, ...]:
        """Adapted matrices that neither the update nor their type explains."""
        return tuple(one for one in self.modules if not one.apart <= 2 * one.usual + 0.001)

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
class HeaderAsked:
    """What a GGUF's header must say, by the folder that it should have been made from."""

    folder: str
    is_base: bool
    """The folder is the base's, whose template and stop token a tune may have changed."""
    template: str | None
    eos_id: int | None
    rope_base: float | None
    context_length: int | None
    tokens: int
    """Tokens of the vocabulary that stand in the GGUF as another text."""
    kinds: tuple[str, ...]
    """`token: is normal, expected control` of added tokens."""
    other: str = ""
    """By which the file cannot be of this folder, as another architecture or size; empty: nothing says so."""


@dataclass(frozen=True)
class GgufSeen:
    """A GGUF's header and, where a folder stands beside it, its tensors against the folder's."""

    file: str
    content: str
    """`model`, `adapter` or `imatrix`."""
    architecture: str
    file_type: str
    """F16, Q4_K_M, ...; of a number that is not known, that number."""
    name: str
    template: str | None
    eos_id: int | None
    eos_text: str
    eos_kind: str
    """normal, control, user-defined, ..."""
    ordinary: tuple[str, ...]
    """Qwen's control tokens that the header does not mark as control."""
    add_bos: bool | None
    rope_base: float | None
    context_length: int | None
    sampling: Mapping[str, object]
    """Sampler values that runtimes take from it."""
    types: Mapping[str, int]
    """Type of matrices to their number."""
    fallen_back: tuple[str, ...]
    """`name: type` of tensors whose type is not one that its file type gives."""
    narrow: int
    """Matrices with rows that 256 does not divide, which K-quants cannot have."""
    problems: tuple[str, ...]
    """By which the file is not what its header says, or why llama.cpp refuses it."""
    nan: tuple[str, ...] = ()
    infinite: tuple[str, ...] = ()
    imatrix_file: str | None = None
    imatrix_dataset: str | None = None
    imatrix_entries: int | None = None
    """Matrices that the importance matrix had; of an importance matrix itself, those in it."""
    num_blocks: int = 0
    """Layers."""
    has_head: bool = False
    """An output head of its own."""
    asked: HeaderAsked | None = None
    source: WeightsSeen | None = None
    """Its tensors against the merged folder's, or, without one, against those of a more exact GGUF beside it; None
    where these are another model's."""
    source_of: str = ""
    """What `source` was held against."""
    unlike: str = ""
    """By which it cannot be of what it lies beside, as other shapes; empty: nothing says so."""
    is_read: bool = False
    """Whether its tensors were read."""
    weights: WeightsSeen | None = None
    """Its tensors against the base's, where that is there."""
    adapter_modules: tuple[ModuleWeights, ...] = ()
    """Of an adapter beside the folder that it is of: the strength that llama.cpp gives each module, against the
    folder's."""
    adapter_differs: tuple[str, ...] = ()
    """Its factors that are not the folder's."""
    not_loaded: str = ""
    """What this machine lacks to have llama.cpp load it; empty: nothing."""
    tensors_unknown: bool = False
    """The values of its header were read and nothing else."""

    @property
    def broken(self) -> bool:
        """Whether nothing may be believed of its tensors."""
        return bool(self.problems) or self.tensors_unknown

    @property
    def exact_type(self) -> bool:
        """Whether it is of a type that only rounds."""
        return self.file_type in ("F32", "F16", "BF16")


@dataclass(frozen=True)
class ModelfileSeen:
    """An Ollama Modelfile."""

    file: str
    base: str
    """What it is made FROM."""
    base_is_there: bool | None
    """Whether that file lies beside it; None where it is a name and no path."""
    template: str | None
    stops: tuple[str, ...]
    parameters: Mapping[str, str]
    adapter: str | None
    system: str | None
    rendered: Mapping[str, str]
    """Probe conversation to what the Go template makes of it, as far as our renderer goes."""
    template_error: str
    """Why a probe could not be rendered; empty: all were."""
