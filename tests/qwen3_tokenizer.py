"""The files of the real Qwen3 tokenizer with the hybrid chat template, made from the pinned tree once a process."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
from pathlib import Path

SOURCE = Path(
    os.environ.get("LLAMA_CPP_SOURCE", Path(__file__).resolve().parents[1] / "vendor" / "llama.cpp" / "build" / "src")
)
VOCAB = SOURCE / "models" / "ggml-vocab-qwen2.gguf"
TEMPLATE = SOURCE / "models" / "templates" / "Qwen-Qwen3-0.6B.jinja"


def put(into: Path) -> Path:
    """Copy them into a folder, which is made if it is not there."""
    return Path(shutil.copytree(_made(os.getpid()), into, dirs_exist_ok=True))


@functools.cache
def _made(process: int) -> Path:
    """A forked process makes its own: what it would take over goes with its parent."""
    from jobs.engines.demo.tokenizer import build_tokenizer

    folder = Path(tempfile.mkdtemp(prefix="qwen3-tokenizer-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    build_tokenizer(VOCAB, TEMPLATE, folder)
    return folder
