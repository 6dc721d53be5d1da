"""What this machine has, and what is missing for which target: `make doctor`.

Any Python 3.9, nothing installed; no GPU, engine or .venv is asked for. It changes nothing and always ends with 0.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from jobs.launch import sources
from jobs.launch.container import engine
from jobs.launch.container.command import device_files
from jobs.launch.container.engine import Engine
from jobs.launch.container.mounts import cache_folder

ROOT = sources.ROOT
OLDEST_PYTHON = (3, 11)
NATIVE_GB, IMAGE_GB = 5, 40
"""Free disk for .venv, llama.cpp and the demo; for a CUDA build with its bases and stages."""
LIBRARIES = ("torch", "transformers", "trl", "peft", "datasets", "unsloth", "xformers", "bitsandbytes", "triton",
             "llama-cpp-python")  # fmt: skip
LIBRARY_CODE = f"""
import json, sys
from importlib import metadata
found = {{}}
for name in {LIBRARIES!r}:
    try: found[name] = metadata.version(name)
    except metadata.PackageNotFoundError: pass
cuda = ""
if "torch" in found:
    import torch
    seen = torch.cuda.device_count() if torch.cuda.is_available() else 0
    cuda = f"built for CUDA {{torch.version.cuda}}, sees {{seen}} GPUs" if torch.version.cuda else "built for CPUs"
print(json.dumps([sys.version.split()[0], found, cuda]))
"""

UNKNOWN = "not known"
Lines = Iterator[tuple[str, str]]


def main() -> int:
    """Print what was found and what is missing."""
    gpus, engines = list(told(gpu_lines())), {name: engine.answer(name) for name in engine.KNOWN}
    images = list(told(image_lines(engines)))
    nothing = [("none", "no NVIDIA driver answers; GPUS=none computes on the CPU")]
    sections: list[tuple[str, Iterable[tuple[str, str]]]] = [
        ("machine", told(machine())),
        ("GPU", gpus or nothing),
        ("container", [*told(engine_lines(engines)), *images]),
        ("native", told(native())),
        ("targets", told(targets(engines, bool(gpus), any(name != UNKNOWN for name, _ in images)))),
    ]
    for title, lines in sections:
        print(title)
        for name, text in lines:
            print(f"  {name:<22} {text}")
    return 0


def told(lines: Lines) -> Lines:
    """The lines, and in place of the rest what went wrong: what one thing does not answer hides nothing else."""
    try:
        yield from lines
    except Exception as error:
        yield UNKNOWN, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def machine() -> Lines:
    """System, processors, memory, shared memory, disk."""
    yield (
        "system",
        f"{platform.system()} {platform.release()}, {platform.machine()}, Python {platform.python_version()}",
    )
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield "processors", f"{allowed} of {os.cpu_count()} may be used"
    total, available = (memory_gb(name) for name in ("MemTotal", "MemAvailable"))
    yield "memory", f"{available:.1f} of {total:.1f} GB free" if total else "not known here"
    if Path("/dev/shm").is_dir():
        yield "/dev/shm", f"{shutil.disk_usage('/dev/shm').total / 1e9:.1f} GB; several GPUs talk through it"
    yield "disk of the checkout", free(ROOT)
    yield "disk of the cache", free(cache_folder(os.environ))


def memory_gb(name: str) -> float:
    """A line of /proc/meminfo; 0 where there is none."""
    try:
        found = re.search(rf"^{name}: +(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    except OSError:
        return 0.0
    return int(found[1]) * 1024 / 1e9 if found else 0.0


def free_gb(folder: Path) -> float:
    """Free disk at a folder, or where it would be made."""
    there = next(path for path in (folder, *folder.parents) if os.path.exists(path))  # noqa: PTH110
    return shutil.disk_usage(there).free / 1e9


def free(folder: Path) -> str:
    """The same, to print."""
    return f"{free_gb(folder):.0f} GB free ({folder})"


def gpu_lines() -> Lines:
    """Each GPU with its memory; the driver and the newest CUDA it can run."""
    query = ["nvidia-smi", "--query-gpu=index,name,memory.total,driver_version", "--format=csv,noheader"]
    rows = [line.split(", ") for line in said(query).splitlines() if line.count(", ") == 3]
    for number, name, memory, _ in rows:
        yield f"GPU {number}", f"{name}, {memory}"
    if rows:
        newest = re.search(r"CUDA Version: ([\d.]+)", said(["nvidia-smi"]))
        yield "driver", f"{rows[0][3]}, for CUDA up to {newest[1] if newest else 'an unknown version'}"


def said(words: Sequence[str]) -> str:
    """What a program prints; nothing where it is not there or fails."""
    try:
        done = subprocess.run(list(words), capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def engine_lines(engines: dict[str, Engine | str]) -> Lines:
    """Each engine, and whether it can hand out GPUs."""
    for name, found in engines.items():
        if isinstance(found, str):
            yield name, f"does not answer: {found}"
            continue
        gpu = found.nvidia if found.kind == "docker" else bool(device_files())
        who = "" if found.kind == name else f" (is {found.kind})"
        mode = "rootless" if found.rootless else "rootful, other users inside" if found.remapped else "rootful"
        yield name, f"{found.version}{who}, {mode}, {'knows' if gpu else 'knows no'} NVIDIA GPUs"
        if found.folder:
            yield "  its disk", free(Path(found.folder))


def image_lines(engines: dict[str, Engine | str]) -> Lines:
    """The images of this project that the engines hold."""
    wanted = (
        [os.environ["IMAGE"]] if os.environ.get("IMAGE") else [f"localhost/kiwame:{kind}" for kind in ("cuda", "cpu")]
    )
    for found in [found for found in engines.values() if isinstance(found, Engine)]:
        for name in wanted:
            known = found.image(name)
            if known is None:
                continue
            labels = known["Labels"]
            fresh = "of these sources" if labels.get("kiwame.sources") == sources.digest() else "of other sources"
            version = f"{labels.get('org.opencontainers.image.revision', 'unknown revision')}, {fresh}"
            yield name, f"{known['Size'] / 1e9:.2f} GB, {version}, in {found.program}"


def native() -> Lines:
    """What a stage would find with RUNNER=native, or here, inside the image."""
    own = ROOT / ".venv/bin/python"
    python = str(own) if own.exists() else sys.executable
    answer = said([python, "-c", LIBRARY_CODE])
    version, found, cuda = json.loads(answer) if answer else ("", {}, "")
    yield ".venv" if own.exists() else "this Python", f"Python {version or platform.python_version()}"
    for name, number in found.items():
        yield name, f"{number}{', ' + cuda if name == 'torch' else ''}"
    yield "llama.cpp", llama()


def llama() -> str:
    """The llama.cpp that the stages use."""
    try:
        record = json.loads((ROOT / "vendor/llama.cpp/build/build.json").read_text())
    except OSError:
        return "not built; `make setup` does"
    pin = (ROOT / "vendor/llama.cpp/PIN").read_text(encoding="utf-8")
    same = f'"{record["commit"]}"' in pin and f'"{record["sdist_sha256"]}"' in pin
    with_cuda = "with CUDA" if record["flags"].get("GGML_CUDA") == "ON" else "without CUDA"
    return f"{record['commit']}, {with_cuda}{'' if same else ', not the one of PIN: `make setup`'}"


def targets(engines: dict[str, Engine | str], gpu: bool, image: bool) -> Lines:
    """For each kind of target what is missing."""
    running = [found for found in engines.values() if isinstance(found, Engine)]
    room = min((free_gb(Path(found.folder)) for found in running[:1] if found.folder), default=free_gb(ROOT))
    knows_gpus = any(found.nvidia if found.kind == "docker" else bool(device_files()) for found in running)
    python = sys.version_info >= OLDEST_PYTHON
    programs = {name: shutil.which(name) is not None for name in ("c++", "kubectl", "debootstrap", "podman", "apt-get")}
    root = hasattr(os, "getuid") and os.getuid() == 0
    needs = {
        "demo, test (native)": {
            f"Python {'.'.join(map(str, OLDEST_PYTHON))}": python,
            "a C++ compiler": programs["c++"],
            f"{NATIVE_GB} GB of disk": free_gb(ROOT) > NATIVE_GB,
        },
        "the stages (container)": {"a container engine": bool(running), "an image (`make image`)": image},
        "  on a GPU": {"a GPU": gpu, "an engine that knows it": knows_gpus},
        "image": {"a container engine": bool(running), f"{IMAGE_GB} GB of disk": room > IMAGE_GB},
        "test-container": {
            "root": root,
            "debootstrap": programs["debootstrap"] or (root and programs["apt-get"]),
            "podman": programs["podman"] or (root and programs["apt-get"]),
        },
        "pod-*": {"Python 3.11": python, "RUNPOD_API_KEY": bool(os.environ.get("RUNPOD_API_KEY"))},
        "k8s-*": {"kubectl": programs["kubectl"]},
    }
    for name, wanted in needs.items():
        missing = [thing for thing, there in wanted.items() if not there]
        yield name, f"missing: {', '.join(missing)}" if missing else "ready"


if __name__ == "__main__":
    sys.exit(main())
