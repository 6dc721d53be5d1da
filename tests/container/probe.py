"""Whether a container can be built and run here at all: `python -m tests.container.probe`, as root, in seconds.

A sandbox may forbid what containers are made of: mounts, namespaces, control groups. Then the ring could say nothing
about the image. Builds an image of one program of this machine the way the ring builds, and runs it the way the ring
runs. Exit 0, or 4 with one line that says what does not work.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.container import ring

PROGRAM = "/bin/true"
IMAGE, BASE = "localhost/kiwame-probe:built", "localhost/kiwame-probe:base"


def obstacle() -> str:
    """What stands in the way, in one line; empty where nothing does."""
    lacking = ring.missing()
    if lacking:
        return f"{', '.join(lacking)} missing"
    with tempfile.TemporaryDirectory(prefix="kiwame-probe-") as name:
        folder = Path(name)
        shutil.make_archive(str(folder / "base"), "tar", smallest_system(folder / "tree"))
        (folder / "Dockerfile").write_text(f'FROM {BASE}\nRUN ["{PROGRAM}"]\n')
        steps = [
            ["podman", "import", folder / "base.tar", BASE],
            ["podman", "build", *ring.BUILD_WORDS, "--tag", IMAGE, folder],
            [*ring.locked_down(folder / "volume", image=IMAGE), PROGRAM],
        ]
        try:
            for step in steps:
                done = ring.call(step, timeout=300)
                if done.returncode:
                    said = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()
                    return f"`podman {step[1]}` fails: {' '.join(said[-2:])[:300]}"
        finally:
            ring.call(["podman", "rmi", "--force", IMAGE, BASE])
    return ""


def smallest_system(tree: Path) -> Path:
    """PROGRAM with the libraries that it loads, and the folders that a container's mounts need."""
    shown = subprocess.run(["ldd", PROGRAM], capture_output=True, text=True, check=False).stdout
    for path in [PROGRAM, *re.findall(r"(/\S+) \(0x", shown)]:
        (tree / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, tree / path[1:])
    for name in ("dev", "etc", "proc", "run", "sys", "tmp", "workspace"):
        (tree / name).mkdir()
    return tree


if __name__ == "__main__":
    said = obstacle()
    print(said or "containers can be built and run here")
    sys.exit(4 if said else 0)
