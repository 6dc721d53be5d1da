"""Quantize the F32 GGUF to the types that ship, and look at what came out, tensor by tensor.

Reads `convert` (the F32 file) and `preflight` (training rows, for an importance matrix); makes `model-<TYPE>.gguf`
for each type, and `imatrix.gguf` where one is asked for. A type larger than `max_file_bytes` becomes
`model-<TYPE>-00001-of-0000N.gguf` and the parts after it, with `split.json`: what the whole file was, by its digest.
"""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from jobs.checks.quantize import GATE, QuantFacts, QuantizeFacts, QuantizeLimits
from jobs.core import terminal
from jobs.core.artifact import Inputs, listing
from jobs.core.errors import Refusal
from jobs.core.linking import link_or_copy
from jobs.core.model import StageConfig
from jobs.core.provenance import ROOT, file_digest
from jobs.core.room import require_space
from jobs.core.stage import stage_main
from jobs.logic.estimating import disk
from jobs.logic.parity import quant_files
from jobs.logic.parity.quant_types import NEED_IMATRIX, asked_types, fallbacks

SOURCE, VERIFIED_F16, IMATRIX, SPLIT = "model-f32.gguf", "model-f16.gguf", "imatrix.gguf", "split.json"
CHUNK = 512
"""Tokens that the importance matrix is measured on at a time; llama.cpp wants two chunks at least."""
ROUNDED = ("F16", "BF16")
"""Types that only round, which an importance matrix does not change."""


class QuantizeConfig(StageConfig):
    types: Annotated[list[str], BeforeValidator(asked_types), Field(min_length=1)]
    imatrix: bool
    """Weigh weights by how much the training rows use them."""
    imatrix_rows: int = Field(ge=1)
    num_threads: int = Field(ge=0)
    max_file_bytes: int | None = Field(ge=1)
    """A larger quant is written in parts; None: one file each."""
    limits: QuantizeLimits

    @model_validator(mode="after")
    def _with_what_they_need(self) -> QuantizeConfig:
        needing = [quant for quant in self.types if quant in NEED_IMATRIX]
        if needing and not self.imatrix:
            raise ValueError(
                f"{', '.join(needing)} cannot be made without an importance matrix; set quantize.imatrix=true, which "
                "measures one on the training rows, or take IQ3_S, IQ4_XS or Q3_K_M"
            )
        return self


def make(cfg: QuantizeConfig, inputs: Inputs, out: Path) -> None:
    """One file a type, each from F32; in parts where it is larger than a file may be."""
    from jobs.engines.gguf import llama_tools, splitting

    source = inputs["convert"].file(SOURCE)
    there = {"F16": inputs["convert"].file(VERIFIED_F16)} if "F16" in cfg.types else {}
    made = [quant for quant in cfg.types if quant != "F16"]
    splits = cfg.max_file_bytes is not None
    require_space(out, disk.quantized_bytes(source.stat().st_size, len(cfg.types) if splits else len(made), splits))
    if cfg.max_file_bytes is not None:
        splitting.require_room_for_each_tensor(source, there, cfg.types, cfg.max_file_bytes)
    weights = None
    if cfg.imatrix:
        if num_tokens(cfg, inputs) < 2 * CHUNK:
            raise Refusal(
                f"quantize.imatrix=true: the training rows have {num_tokens(cfg, inputs)} tokens, an importance "
                f"matrix needs {2 * CHUNK}; set quantize.imatrix=false"
            )
        weights, text = out / IMATRIX, out / "imatrix.txt"
        text.write_text(training_text(cfg, inputs), encoding="utf-8")
        terminal.say("quantize: importance matrix from training rows")
        llama_tools.imatrix(source, text, weights, num_threads=threads(cfg))
        text.unlink()
    whole: dict[str, str] = {}
    for quant, path in there.items():
        link_or_copy(path, out / quant_files.whole(quant))
        whole |= splitting.split_large(out, quant, cfg.max_file_bytes)
    for quant in made:
        terminal.say(f"quantize: {quant}")
        weighing = None if quant in ROUNDED else weights
        llama_tools.quantize(source, out / quant_files.whole(quant), quant, weighing, threads(cfg))
        whole |= splitting.split_large(out, quant, cfg.max_file_bytes)
    if whole:
        (out / SPLIT).write_text(json.dumps(whole, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def measure(cfg: QuantizeConfig, inputs: Inputs, out: Path) -> QuantizeFacts:
    """Facts from the files as they are on disk, against the F32 file."""
    from jobs.engines.gguf import file as gguf_file

    source = gguf_file.read(inputs["convert"].file(SOURCE))
    first = quant_files.first_files(listing(out))
    whole = json.loads((out / SPLIT).read_text(encoding="utf-8")) if (out / SPLIT).exists() else {}
    quants = [
        inspect(out / first[quant], quant, source, cfg.imatrix and quant not in ROUNDED, whole.get(quant))
        for quant in cfg.types
        if quant in first
    ]
    tokens = measured_tokens(out / IMATRIX) if cfg.imatrix else None
    return QuantizeFacts(
        quants=quants,
        asked=list(cfg.types),
        imatrix_tokens=tokens,
        is_verified_f16=is_verified(out / first["F16"], inputs) if "F16" in first else None,
        max_file_bytes=cfg.max_file_bytes,
    )


def is_verified(first: Path, inputs: Inputs) -> bool:
    """Whether a file, or its parts, has what the F16 file has that `convert` proved, byte for byte."""
    from jobs.engines.gguf import split

    proven = inputs["convert"].file(VERIFIED_F16)
    if len(quant_files.parts(first.name)) == 1:
        return first.samefile(proven) or file_digest(first) == file_digest(proven)
    return not split.problems(first) and split.content(split.read_whole(first)) == split.content(
        split.read_whole(proven)
    )


def measured_tokens(weights: Path) -> int:
    """Tokens that an importance matrix was measured on, by its own header; 0 where there is none."""
    from jobs.engines.gguf import file as gguf_file

    if not weights.exists() or gguf_file.structure_problems(weights):
        return 0
    header = gguf_file.read(weights).metadata
    return int(header.get("imatrix.chunk_count", 0)) * int(header.get("imatrix.chunk_size", 0))


def inspect(first: Path, quant: str, source: Any, weighed: bool, whole: str | None) -> QuantFacts:
    """One quant against the F32 file it was made from; `weighed` is one by an importance matrix, `whole` the digest of
    what was split."""
    from jobs.engines.gguf import checks, file as gguf_file, split

    told = [problem.replace(f"{first}: ", "") for problem in split.problems(first)]
    names = quant_files.parts(first.name)
    files = {name: size_of(first.with_name(name)) for name in names}
    others = [path.name for path in sorted(first.parent.iterdir()) if quant_files.type_of(path.name) == quant]
    facts = QuantFacts(
        file=first.name,
        files=files,
        type=quant,
        problems=[problem.replace(f"{first.parent}{os.sep}", "") for problem in told]
        + [f"{name} is none of its {len(names)} files" for name in others if name not in names],
        whole=whole,
        joined=None,
        types={},
        fallbacks=[],
        metadata_differs=[],
        nonfinite=[],
        error=math.nan,
        error_tensor="",
        num_bytes=sum(files.values()),
        bits_per_weight=math.nan,
    )
    if facts.problems:
        return facts
    file = split.read_whole(first)
    types = {name: (tensor.type, len(tensor.shape)) for name, tensor in file.tensors.items()}
    error, where = largest_error(file, source)
    differing = checks.differing_metadata(file, source, quant)
    if ("quantize.imatrix.file" in file.metadata) != weighed:
        differing.append("quantize.imatrix.file")
    weights = sum(tensor.n_bytes for tensor in source.tensors.values()) // 4
    return facts.model_copy(
        update={
            "joined": split.content(file) if len(names) > 1 else None,
            "types": gguf_file.type_histogram(file),
            "fallbacks": fallbacks(quant, types),
            "metadata_differs": differing,
            "nonfinite": sorted(gguf_file.non_finite(file)),
            "error": error,
            "error_tensor": where,
            "bits_per_weight": round(8 * sum(tensor.n_bytes for tensor in file.tensors.values()) / weights, 4),
        }
    )


def size_of(path: Path) -> int:
    """Bytes of a file; 0 where there is none."""
    return path.stat().st_size if path.is_file() else 0


def largest_error(file: Any, source: Any) -> tuple[float, str]:
    """The largest relative error of a tensor, and its name.

    NaN for one that is missing, extra, of another shape, or NaN; infinity for an F32 one that is not equal.
    """
    import numpy as np

    from jobs.engines.gguf import file as gguf_file

    worst, where = 0.0, ""
    for name in sorted(source.tensors.keys() | file.tensors.keys()):
        shapes = [found.tensors[name].shape for found in (file, source) if name in found.tensors]
        if len(shapes) < 2 or shapes[0] != shapes[1]:
            return math.nan, name
        wide, narrow = gguf_file.tensor_values(source, name), gguf_file.tensor_values(file, name)
        moved, length = float(np.linalg.norm(narrow - wide)), float(np.linalg.norm(wide))
        error = moved / length if length else math.inf if moved else 0.0
        if file.tensors[name].type == "F32" and moved:
            error = math.inf
        if math.isnan(moved):
            return math.nan, name
        if error > worst:
            worst, where = error, name
    return worst, where


def training_text(cfg: QuantizeConfig, inputs: Inputs) -> str:
    """Training rows as the model sees them, one after another."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(inputs["preflight"].folder("tokenizer")), local_files_only=True)
    return "".join(tokenizer.decode(row["input_ids"]) for row in rows(cfg, inputs))


def num_tokens(cfg: QuantizeConfig, inputs: Inputs) -> int:
    """Tokens of the rows that `training_text` joins."""
    return sum(len(row["input_ids"]) for row in rows(cfg, inputs))


def rows(cfg: QuantizeConfig, inputs: Inputs) -> list[dict[str, Any]]:
    """The training rows the importance matrix is measured on; never held-out ones."""
    with inputs["preflight"].file("train.jsonl").open(encoding="utf-8") as file:
        return [json.loads(line) for line in file][: cfg.imatrix_rows]


def threads(cfg: QuantizeConfig) -> int:
    """The configured number of threads, or all CPUs."""
    return cfg.num_threads or os.cpu_count() or 1


def run(cfg: QuantizeConfig, inputs: Inputs, out: Path) -> QuantizeFacts:
    make(cfg, inputs, out)
    return measure(cfg, inputs, out)


def outside(cfg: QuantizeConfig) -> dict[str, str]:
    """The pin decides what the quantizer does."""
    return {"vendor/llama.cpp/PIN": file_digest(ROOT / "vendor" / "llama.cpp" / "PIN")}


main = stage_main("quantize", QuantizeConfig, run, GATE, outside)

if __name__ == "__main__":
    sys.exit(main())
