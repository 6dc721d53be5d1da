"""Digests, and who made an artifact: versions, machine in general terms, time and memory."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
import time
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "torch",
    "transformers",
    "trl",
    "peft",
    "datasets",
    "tokenizers",
    "safetensors",
    "numpy",
    "unsloth",
    "llama-cpp-python",
    "gguf",
    "hydra-core",
    "pydantic",
)


def file_digest(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces: equal data gives equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def data_digest(value: Any) -> str:
    """The SHA-256 of `canonical(value)`, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


class Stopwatch:
    """Wall time and peak memory from the moment it is made."""

    def __init__(self) -> None:
        self.started = time.time()
        self.clock = time.monotonic()

    def made_by(self) -> dict[str, Any]:
        """Everything about the making that is not part of what was made."""
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        return {
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.started)),
            "seconds": round(time.monotonic() - self.clock, 3),
            "peak_rss_bytes": max(own, child) * 1024,
            "machine": machine(),
            **gpu(),
            **maker(),
            "image": os.environ.get("KIWAME_IMAGE", ""),
        }


def machine() -> str:
    """This machine in general terms."""
    return f"{os.cpu_count()} CPU, {platform.machine()}, {platform.system()}"


def gpu() -> dict[str, Any]:
    """The GPU that this process computed on and the most of its memory that was taken; nothing where it did not.

    Of a process that has PyTorch already: nothing is loaded to find out.
    """
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    if cuda is None or not cuda.is_initialized():
        return {}
    return {"gpu": cuda.get_device_name(), "peak_gpu_bytes": cuda.max_memory_allocated()}


@cache
def maker() -> dict[str, Any]:
    """The versions at work in this process, of `made_by` what does not differ from run to run."""
    return {"python": platform.python_version(), "packages": versions(), "commit": commit()}


def versions() -> dict[str, str]:
    """The installed versions of the packages that decide results; absent ones are left out."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """The project's commit, with `-dirty` where files differ; `unknown` outside a checkout.

    An image has no checkout: its build leaves the commit in a file.
    """
    stamped = ROOT / "REVISION"
    if stamped.is_file():
        return stamped.read_text(encoding="utf-8").strip()
    words = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip() or "unknown"
