"""GGUFs as a diagnosis sees them: the header by our own reader, tensors a block at a time; llama.cpp loads them only in
a child process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from jobs.core.errors import EnvironmentProblem
from jobs.engines.diagnosing import tensors, vocabulary, weights
from jobs.engines.diagnosing.adapters import AdapterFiles
from jobs.engines.diagnosing.tensors import GgufTensors, Stored
from jobs.engines.gguf import file as gguf_file, llama, split
from jobs.logic.diagnosing.kinship import KNOWN
from jobs.logic.diagnosing.model_seen import GgufSeen, ModuleWeights
from jobs.logic.parity import quant_files
from jobs.logic.parity.quant_types import ALLOWED, FILE_TYPES, fallbacks

NAMES = {number: name for name, number in FILE_TYPES.items()}
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
SAMPLING = "general.sampling."
EXACT = ("F32", "BF16", "F16", "Q8_0")
"""Types that others can be held against, the most exact first."""


@dataclass(frozen=True)
class Opened:
    """A file and what its header says."""

    path: Path
    file: gguf_file.GgufFile | None
    """None: its tensors cannot be read."""
    seen: GgufSeen
    metadata: Mapping[str, Any] | None = None
    """None: the header cannot be read."""

    @property
    def stored(self) -> Stored | None:
        """Its tensors by Hugging Face's names, where they are known."""
        known = self.file is not None and self.seen.content == "model" and self.seen.architecture == KNOWN
        return GgufTensors(self.seen.file, self.file) if known and not self.seen.problems else None


def opened(path: Path) -> Opened:
    """The header, whether the file is whole, and whether llama.cpp can read it.

    Where llama.cpp is not built, the header's values alone are read.
    """
    file, problems = None, []
    if version := old_version(path):
        return Opened(path, None, replace(nothing(path), unlike=f"is GGUF version {version}, only 3 is read"))
    try:
        if quant_files.number_of(path.name) is None:
            file = gguf_file.read(path)
            problems = gguf_file.problems_of(file)
        else:
            problems = split.problems(path)
            file = split.read_whole(path)
        seen = of_header(path, file)
    except (gguf_file.BrokenGguf, OSError) as error:
        return Opened(path, None, replace(nothing(path), problems=told(path, *problems or [str(error)])))
    except EnvironmentProblem as lacking:
        return header_alone(path, str(lacking))
    lacks = ""
    if not problems and seen.content == "model" and seen.architecture == KNOWN:
        try:
            llama.vocabulary(path)
        except llama.LlamaFailed as error:
            problems = [f"llama.cpp cannot load it: {str(error).replace(str(path), path.name)[:200]}"]
        except EnvironmentProblem as lacking:
            lacks = str(lacking)
    return Opened(path, file, replace(seen, problems=told(path, *problems), not_loaded=lacks), file.metadata)


def told(path: Path, *problems: str) -> tuple[str, ...]:
    """Problems without the file's own path, which stands in front of them."""
    return tuple(one.replace(f"{path}: ", "").replace(f"{path.parent}/", "") for one in problems)


def header_alone(path: Path, lacking: str) -> Opened:
    """What the values of a header say, where nothing here knows the types of its tensors."""
    try:
        file = gguf_file.read(path, with_tensors=False)
        seen = of_header(path, file)
    except (gguf_file.BrokenGguf, OSError) as error:
        return Opened(path, None, replace(nothing(path), problems=told(path, str(error))))
    return Opened(path, None, replace(seen, not_loaded=lacking, tensors_unknown=True), file.metadata)


def old_version(path: Path) -> int:
    """1 or 2 of a file of an older form, else 0."""
    with path.open("rb") as data:
        start = data.read(8)
    version = int.from_bytes(start[4:8], "little") if len(start) == 8 and start[:4] == b"GGUF" else 0
    return version if version in (1, 2) else 0


def nothing(path: Path) -> GgufSeen:
    """Of a file that cannot be read."""
    return GgufSeen(
        str(path), "model", "", "", "", None, None, "", "", (), None, None, None, {}, {}, (), 0, ()
    )  # fmt: skip


def of_header(path: Path, file: gguf_file.GgufFile) -> GgufSeen:
    """Everything that the header says by itself."""
    data, told = file.metadata, gguf_file.describe(file)
    kinds, tokens = data.get("tokenizer.ggml.token_type", []), data.get("tokenizer.ggml.tokens", [])
    matrices = {name: one for name, one in file.tensors.items() if len(one.shape) > 1}
    types: dict[str, int] = {}
    for one in matrices.values():
        types[one.type] = types.get(one.type, 0) + 1
    content = {"adapter": "adapter", "imatrix": "imatrix"}.get(str(data.get("general.type")), "model")
    file_type = NAMES.get(told.file_type, str(told.file_type)) if told.file_type is not None else ""
    fallen: list[str] = []
    if content == "model" and file_type in ALLOWED:
        fallen = fallbacks(file_type, {name: (one.type, len(one.shape)) for name, one in file.tensors.items()})
    eos = told.eos_token_id
    eos = eos if isinstance(eos, int) and 0 <= eos < len(tokens) else None
    places = {text: tokens.index(text) for text in CONTROL if text in tokens}
    return GgufSeen(
        file=str(path),
        content=content,
        architecture=str(told.architecture or ""),
        file_type=file_type,
        name=str(data.get("general.name", "")),
        template=None if told.chat_template is None else told.chat_template.decode("utf-8", "replace"),
        eos_id=told.eos_token_id,
        eos_text="" if eos is None else str(tokens[eos]),
        eos_kind="" if eos is None else vocabulary.kind(kinds, eos),
        ordinary=tuple(
            f"{text} is {vocabulary.kind(kinds, place)}"
            for text, place in places.items()
            if kinds and vocabulary.kind(kinds, place) != "control"
        ),
        add_bos=told.add_bos,
        rope_base=told.rope_freq_base,
        context_length=told.context_length,
        sampling={key: value for key, value in data.items() if key.startswith(SAMPLING)},
        types=types,
        fallen_back=tuple(fallen),
        narrow=sum(one.shape[-1] % 256 != 0 for one in matrices.values()) if content == "model" else 0,
        problems=(),
        imatrix_file=text_of(data, "quantize.imatrix.file"),
        imatrix_dataset=text_of(data, "quantize.imatrix.dataset"),
        imatrix_entries=entries(file, content),
        num_blocks=told.block_count or 0,
        has_head="output.weight" in file.tensors,
    )


def text_of(data: Mapping[str, Any], key: str) -> str | None:
    """A text of the header, its last part where it is a path."""
    value = data.get(key)
    return None if value is None else Path(str(value)).name


def entries(file: gguf_file.GgufFile, content: str) -> int | None:
    """Matrices that an importance matrix has, by its own file or by the header of what was made with it."""
    if content == "imatrix":
        return sum(name.endswith(".in_sum2") for name in file.tensors)
    value = file.metadata.get("quantize.imatrix.entries_count")
    return None if value is None else int(value)


def looked_into(one: Opened, source: Stored | None, base: Stored | None, update: weights.Update | None) -> GgufSeen:
    """With its tensors read: not finite ones, against what it was made from, and against the base.

    An adapter's update is looked for in the difference to the source too: a file that was made from the base lacks it.
    What has other tensors is another model, and is held against nothing.
    """
    mine = one.stored
    if mine is None:
        return one.seen
    by_adapter = update if update is not None and update.by == "adapter" else None
    others = {"source": source, "weights": base}
    held = {name: stored for name, stored in others.items() if stored is not None and stored.where != mine.where}
    why = {name: weights.unlike(stored, mine) for name, stored in held.items()}
    comparisons = {
        name: weights.Comparison(stored, by_adapter if name == "source" else update, mine)
        for name, stored in held.items()
        if not why[name]
    }
    finite = weights.pass_over(mine, list(comparisons.values()))
    told: Any = {name: one.seen() for name, one in comparisons.items()}
    return replace(
        one.seen, nan=tuple(finite.nan), infinite=tuple(finite.infinite), is_read=True,
        source_of=held["source"].where if "source" in comparisons else "",
        unlike="" if comparisons else next(iter(why.values()), ""), **told,
    )  # fmt: skip


def most_exact(files: list[Opened]) -> Stored | None:
    """The tensors of the file that others can be held against, where there is no folder."""
    known = [one for one in files if one.seen.file_type in EXACT and one.stored is not None]
    best = min(known, key=lambda one: EXACT.index(one.seen.file_type), default=None)
    return None if best is None else best.stored


def against_adapter(one: Opened, adapter: AdapterFiles) -> GgufSeen:
    """An adapter as a GGUF against the folder that it should be of.

    llama.cpp applies `adapter.lora.alpha` / rank, or 1 where alpha is 0, whatever the folder's settings are
    (`get_scale` in the pinned src/llama-adapter.h).
    """
    assert one.file is not None
    alpha = float(one.file.metadata.get("adapter.lora.alpha", 0.0))
    blocks = 1 + max((int(part) for name in adapter.modules for part in name.split(".") if part.isdigit()), default=0)
    modules, differs = [], []
    of_adapter = weights.OfAdapter(adapter)
    for module in adapter.modules:
        name = gguf_file.gguf_name(f"{module}.weight", blocks)
        sides = [found for side in "ab" if (found := one.file.tensors.get(f"{name}.lora_{side}")) is not None]
        if len(sides) < 2:
            differs.append(f"{module} is not in it")
            continue
        factors = adapter.factors(module)
        if any(
            not near(gguf_file.tensor_values(one.file, side.name), mine)
            for side, mine in zip(sides, factors, strict=True)
        ):
            differs.append(f"{module} has other factors")
        given = alpha / sides[0].shape[0] if alpha else 1.0
        settings: Any = of_adapter.settings(module)
        modules.append(ModuleWeights(module, given / adapter.scale_of(module), 0.0, 0.0, 0.0, False, **settings))
    return replace(one.seen, adapter_modules=tuple(modules), adapter_differs=tuple(differs))


def near(one: tensors.Float32, other: tensors.Float32) -> bool:
    """Whether factors are the same but for rounding, in whichever direction they are stored."""
    if one.shape != other.shape and one.T.shape == other.shape:
        one = one.T
    if one.shape != other.shape:
        return False
    return float(np.linalg.norm(one - other)) <= 0.02 * float(np.linalg.norm(other))
