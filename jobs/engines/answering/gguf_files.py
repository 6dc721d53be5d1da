"""Which files a GGUF is, and what its answers are kept by."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from jobs.core.errors import Refusal
from jobs.core.provenance import ROOT, data_digest, file_digest
from jobs.logic.parity import quant_files


def parts(gguf: Path) -> list[Path]:
    """Every file that is read where `gguf` is loaded. Refusal where one is not there, or `gguf` is a later part."""
    names, number = quant_files.parts(gguf.name), quant_files.number_of(gguf.name)
    if number is not None and gguf.name != names[0]:
        raise Refusal(f"{gguf}: is part {number} of {len(names)}; name the first, {names[0]}")
    paths = [gguf.with_name(name) for name in names]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        wanted = "a GGUF file" if len(names) == 1 else f"all {len(names)} parts"
        raise Refusal(f"{missing[0]}: is not there; expected {wanted}")
    return paths


def digest(gguf: Path) -> str:
    """The SHA-256 of the file; of a split one, over those of its parts in order."""
    found = [_digest(path, *_look(path)) for path in parts(gguf)]
    return found[0] if len(found) == 1 else hashlib.sha256("\n".join(found).encode()).hexdigest()


def model_key(gguf: Path) -> str:
    """By which the answers of `gguf` are kept: its bytes, and the llama.cpp that runs them."""
    pin = file_digest(ROOT / "vendor" / "llama.cpp" / "PIN")
    return data_digest([digest(gguf), pin])


def _look(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino


@functools.cache
def _digest(path: Path, *look: int) -> str:
    """Once in a process for a file that nobody touched: tens of gigabytes take a while."""
    return file_digest(path)
