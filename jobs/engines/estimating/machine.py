"""This machine, without PyTorch: its GPU by nvidia-smi, the memory and cores that a process may have."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

CGROUPS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
UNLIMITED = 1 << 60
MIB = 1 << 20


@dataclass(frozen=True)
class Here:
    """What a run would have."""

    cores: int
    ram: int
    """Bytes in all, or what the container is limited to; 0 where neither can be read."""
    gpu: str
    """Of the first GPU; empty where there is none."""
    gpu_bytes: int

    @property
    def gib(self) -> int:
        """The GPU's memory as cards are called by it."""
        return round(self.gpu_bytes / (1 << 30))


def here() -> Here:
    """The machine that this runs on."""
    gpu, gpu_bytes = _gpu()
    return Here(len(os.sched_getaffinity(0)), _ram(), gpu, gpu_bytes)


def _ram() -> int:
    found = re.search(r"^MemTotal: +(\d+) kB", _text(Path("/proc/meminfo")), re.MULTILINE)
    total = int(found[1]) * 1024 if found else 0
    limits = [int(text) for path in CGROUPS if (text := _text(path).strip()).isdigit() and int(text) < UNLIMITED]
    return min([total, *limits]) if total else max(limits, default=0)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _gpu() -> tuple[str, int]:
    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return "", 0
    name, _, memory = (done.stdout.splitlines() or [""])[0].rpartition(",")
    return (name.strip(), int(memory) * MIB) if memory.strip().isdigit() else ("", 0)
