"""The base model as a GGUF, to stand beside its fine-tune: converted once and kept, by what it was made from."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from jobs.core import terminal
from jobs.core.artifact import Artifact
from jobs.core.errors import Refusal
from jobs.core.kept import once
from jobs.core.provenance import ROOT, data_digest, file_digest
from jobs.core.room import require_space
from jobs.engines.gguf import llama_tools

WIDE = {"F32": 4, "F16": 2, "BF16": 2}
"""Types that the converter writes itself, and their bytes a weight; the others are quantized from F16."""


def made(fetch: Artifact, kind: str, folder: Path, word: str) -> Path:
    """The base of `fetch` as a GGUF of type `kind`, in `folder`; it stays there for the next time.

    Of the same type as the fine-tune it is compared with, so that what differs is not what a smaller type costs. No
    importance matrix is used, though the fine-tune may have one, measured on its rows: then what that is worth differs
    too. Raises Refusal, which begins with `word`, what it was asked for by, where the pinned converter or quantizer
    cannot make it.
    """
    pin = file_digest(ROOT / "vendor" / "llama.cpp" / "PIN")
    kept = folder / f"base-{data_digest([fetch.digest, pin, kind])[:16]}-{kind}.gguf"
    if kept.is_file():
        return kept
    terminal.say(f"base: its GGUF in {kind} is made once and kept in {folder}")
    model = fetch.folder("model")
    num_bytes = sum(path.stat().st_size for path in model.glob("*.safetensors"))
    folder.mkdir(parents=True, exist_ok=True)
    require_space(folder, 2 * num_bytes)

    def make(path: Path) -> None:
        outtype, wide = (kind, path) if kind in WIDE else ("F16", path.with_name(f"{path.name}-wide"))
        _watched(f"base: to {outtype}", wide, lambda: llama_tools.convert(model, wide, outtype.lower()))
        if wide != path:
            threads = os.cpu_count() or 1
            _watched(f"base: to {kind}", path, lambda: llama_tools.quantize(wide, path, kind, num_threads=threads))

    try:
        once(kept, make)
    except llama_tools.ToolFailed as failed:
        raise Refusal(f"{word}: the base cannot be had as a GGUF in {kind}: {failed}") from None
    return kept


def _watched(label: str, path: Path, work: Callable[[], None]) -> None:
    """Do `work`, saying now and then how much of `path` is there."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(terminal.PLAIN_SECONDS):
            size = path.stat().st_size if path.exists() else 0
            terminal.say(f"{label}: {size / 1e6:,.0f} MB")

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
