"""The last step of the image's build: every pin is what was installed, and every program runs. No GPU is asked for.

`python -m jobs.launch.container.image_check cuda requirements/cuda.txt` inside the image; exit 0, or 1
with every fault named.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata

from jobs.launch.sources import ROOT

TREE = ROOT / "vendor/llama.cpp/build"
BUILD_ONLY = ("cmake", "ninja")
"""Pinned for native builds; the image's build takes the system's."""
IMPORTED = ("torch", "transformers", "trl", "peft", "datasets", "hydra", "omegaconf", "pydantic", "rich", "ftfy",
            "rensa", "sentencepiece", "safetensors", "tokenizers", "trackio", "llama_cpp")  # fmt: skip
"""Unsloth is not among them: it cannot be imported without a GPU."""
FROM_THE_DRIVER = ("libcuda.so",)


def main(words: Sequence[str]) -> int:
    """Print every fault; returns the exit code."""
    accelerator, requirements = words[0], words[1:]
    found = [*pins(requirements), *foreign(accelerator), *imports(), *programs(), *libraries(), *backends(accelerator)]
    for fault in found:
        print(f"image_check: {fault}", file=sys.stderr)
    if not found:
        print(f"image_check: {accelerator}, Python {sys.version.split()[0]}, {', '.join(versions())}: all is as locked")
    return 1 if found else 0


def pins(requirements: Sequence[str]) -> Iterator[str]:
    """Packages that are missing or of another version than the lock's."""
    for file in requirements:
        text = (ROOT / file).read_text(encoding="utf-8")
        for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.MULTILINE):
            if name in BUILD_ONLY:
                continue
            try:
                installed = metadata.version(name)
            except metadata.PackageNotFoundError:
                installed = "missing"
            if installed.partition("+")[0] != version:  # a CPU build says so behind a plus
                yield f"{name} is {installed}, {file} says {version}"


def foreign(accelerator: str) -> Iterator[str]:
    """NVIDIA's libraries in an image for CPUs: gigabytes that nothing there uses."""
    names = sorted({str(each.metadata["Name"]) for each in metadata.distributions()})
    found = [name for name in names if name.lower().startswith("nvidia")]
    if accelerator == "cpu" and found:
        yield f"{', '.join(found)} came with a PyTorch for CUDA; name an index of CPU builds, PIP_EXTRA_INDEX_URL=..."


def imports() -> Iterator[str]:
    """Packages that cannot be imported."""
    os.environ["LLAMA_CPP_LIB_PATH"] = str(TREE / "bin")
    for name in IMPORTED:
        try:
            importlib.import_module(name)
        except Exception as error:
            yield f"import {name}: {type(error).__name__}: {error}"


def programs() -> Iterator[str]:
    """llama.cpp's programs that do not run, or are not those of the record."""
    record = json.loads((TREE / "build.json").read_text())
    for name, made in record["binaries"].items():
        path = TREE / "bin" / name
        if not path.is_file() or path.stat().st_size != made["bytes"]:
            yield f"{name} is not the one that was built"
        elif name.startswith("llama-"):
            done = subprocess.run([str(path), "--help"], capture_output=True, text=True, check=False)
            if "usage" not in (done.stdout + done.stderr).lower():
                yield f"{name} does not run: {(done.stdout + done.stderr).strip()[-200:]}"
    for target in record["targets"]:
        if target != "llama" and target not in record["binaries"]:
            yield f"{target} was not built"


def libraries() -> Iterator[str]:
    """Libraries that the loader does not find, but for those that come with the driver."""
    for path in sorted((TREE / "bin").iterdir()):
        done = subprocess.run(["ldd", str(path)], capture_output=True, text=True, check=False)
        for missing in re.findall(r"(\S+) => not found", done.stdout):
            if not missing.startswith(FROM_THE_DRIVER):
                yield f"{path.name} needs {missing}, which is not on the loader's path"


def backends(accelerator: str) -> Iterator[str]:
    """Backends that are missing: at least one for CPUs must load here, and CUDA's must be there in a CUDA image."""
    names = [path.name for path in (TREE / "bin").glob("libggml-*.so")]
    if accelerator == "cuda" and "libggml-cuda.so" not in names:
        yield "there is no CUDA backend of llama.cpp"
    wanted = json.loads((TREE / "build.json").read_text()).get("variants", [])
    found = sorted(name[len("libggml-cpu-") : -len(".so")] for name in names if name.startswith("libggml-cpu-"))
    if len(found) < 2 or (wanted and found != wanted):
        yield f"llama.cpp's CPU variants are {', '.join(found)}; expected {', '.join(wanted) or 'several'}"
    code = (
        f"import ctypes; lib = ctypes.CDLL('{TREE}/bin/libggml.so'); "
        f"lib.ggml_backend_load_all_from_path(b'{TREE}/bin'); print(lib.ggml_backend_dev_count())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode or int(done.stdout.split()[-1]) < 1:
        yield f"no backend of llama.cpp loads: {done.stderr.strip()[-200:]}"


def versions() -> list[str]:
    """What a person wants to see of the stack in the build's output."""
    shown = ("torch", "transformers", "trl", "peft", "unsloth", "llama-cpp-python")
    return [f"{name} {found}" for name in shown for found in [_version(name)] if found]


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
