"""The Python binding `llama_cpp` as a wheel without libraries of its own, and its installation. See `build.py`."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import importlib.metadata
import subprocess
import sys
import zipfile
from pathlib import Path


class NotInstalled(Exception):
    """pip said no; the message says why."""


def make_wheel(sdist: Path, name: str, into: Path) -> None:
    """Write `<name>-py3-none-any.whl`: what the sdist's own build gives with LLAMA_BUILD=OFF, without its tools."""
    into.mkdir()
    info = f"{name}.dist-info"
    files = {str(path.relative_to(sdist)): path.read_bytes() for path in sorted((sdist / "llama_cpp").rglob("*"))
             if path.is_file()}  # fmt: skip
    files[f"{info}/METADATA"] = (sdist / "PKG-INFO").read_bytes()
    files[f"{info}/LICENSE.md"] = (sdist / "LICENSE.md").read_bytes()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: kiwame\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    rows = []
    with zipfile.ZipFile(into / f"{name}-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        for file, content in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            rows.append(f"{file},sha256={digest},{len(content)}\n")
            wheel.writestr(file, content)
        wheel.writestr(f"{info}/RECORD", "".join(rows) + f"{info}/RECORD,,\n")


def install(folder: Path, package: str, version: str) -> None:
    """Install the wheel in `folder` into this Python unless that version is there; never touches the index."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        if importlib.metadata.version(package) == version:
            return
    wheel = next(folder.glob("*.whl"))
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--disable-pip-version-check",
               "--quiet", "--root-user-action=ignore", str(wheel)]  # fmt: skip
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise NotInstalled(f"pip could not install {wheel.name}: {done.stdout.strip()[-300:]}")
