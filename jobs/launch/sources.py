"""What an image is made of, as one digest: whether an image still is of this checkout. Standard library only."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("Dockerfile", ".dockerignore", "jobs", "requirements", "vendor/llama.cpp/PIN", "vendor/llama.cpp/build.py",
         "vendor/llama.cpp/binding.py", "vendor/llama.cpp/variants.py")  # fmt: skip
"""Without `conf/` and `data/`: `make` puts the checkout's own in the place of the image's."""


def digest(root: Path = ROOT) -> str:
    """SHA-256 over names and bytes of everything in PARTS."""
    total = hashlib.sha256()
    for path in files(root):
        total.update(f"{path.relative_to(root).as_posix()}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def files(root: Path) -> Iterator[Path]:
    """The files of PARTS, sorted, without what Python leaves behind."""
    for part in PARTS:
        path = root / part
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in found if file.is_file() and "__pycache__" not in file.parts)


def revision(root: Path = ROOT) -> str:
    """The checkout's commit, with `-dirty` where files differ; `unknown` outside a checkout."""
    words = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip() or "unknown"
