"""Models in forms that nothing here trains: what a place that is no model's folder holds instead, by names alone.

No library is loaded for it: a launcher asks, on a machine that has none.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from jobs.core.errors import Refusal

OTHER = (
    "*.bin", "*.pt", "*.pth", "*.ckpt", "*.gguf", "*.h5", "*.msgpack", "*.onnx", "*.onnx_data", "*.npz", "*.tflite",
)  # fmt: skip
"""Weights in other forms, of which only the names are looked at."""
OF_A_RUNTIME = {
    "*.gguf": "a GGUF is what is made at the end", "openvino_*": "OpenVINO's files can only be run",
    "*.onnx": "ONNX files can only be run", "*.onnx_data": "ONNX files can only be run",
    "*.npz": "an .npz is read by MLX alone", "*.tflite": "TFLite's files can only be run",
}  # fmt: skip
"""Forms of which no loader makes a model that can be trained."""
FROM = "take the folder of safetensors that it was made from"
EXPECTED = "expected a Hugging Face model folder, with config.json, safetensors and a tokenizer"
POINTER = b"version https://git-lfs.github.com/spec/"
"""How a file begins that stands for one that Git LFS has yet to fetch."""
DERIVED = re.compile(
    r"(?i)[-_.](fp8|awq|gptq|bnb|unsloth|int[48]|[48]-?bit|dynamic|w\d+a\d+|nvfp4|mxfp4|gguf|mlx|onnx|openvino)\b.*$"
)


def fnmatches(name: str, patterns: Sequence[str]) -> bool:
    """Whether a file's name has one of the forms."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def of_a_runtime(names: Collection[str]) -> str | None:
    """What is to be said of the first of these files that only a runtime reads; None where there is none."""
    told = (said for name in sorted(names) for pattern, said in OF_A_RUNTIME.items() if fnmatchcase(name, pattern))
    return next(told, None)


def not_a_model(place: Path, where: str) -> Refusal:
    """Why a place without config.json is no model's folder, by what is there instead."""
    if place.is_file():
        said = of_a_runtime([place.name])
        return Refusal(f"{where}: is a file and not a folder: {f'{said}; {FROM}' if said else EXPECTED}")
    if not place.is_dir():
        return Refusal(f"{where}: is not a folder")
    inner = sorted(path.parent.name for path in place.glob("*/config.json"))
    if inner:
        more = f", one of {len(inner)}" if len(inner) > 1 else ""
        return Refusal(
            f"{where}: there is no config.json, but one in a folder inside: say fetch.source.folder={place / inner[-1]}"
            f"{more}"
        )
    forms = (*OTHER, *OF_A_RUNTIME, "*.safetensors")
    found = sorted(path.name for path in place.iterdir() if fnmatches(path.name, forms))
    said, beside = of_a_runtime(found), f" beside {', '.join(found[:3])}" if found else ""
    return Refusal(f"{where}: there is no config.json{beside}; {f'{said}; {FROM}' if said else EXPECTED}")


def made_from(model_id: str) -> str:
    """The likely name of the repository that one of another form was made from."""
    name = DERIVED.sub("", model_id)
    return "" if name == model_id else f", perhaps model.id={name}"


def is_pointer(path: Path) -> bool:
    """Whether a file only stands for one that Git LFS has yet to fetch."""
    with path.open("rb") as file:
        return file.read(len(POINTER)) == POINTER
