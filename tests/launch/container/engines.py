"""Stand-ins for container engines: programs that answer `info` and `image inspect` and note what they are told."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

DOCKER = {"ServerVersion": "28.2.2", "SecurityOptions": ["name=seccomp"], "Runtimes": {"runc": {}, "nvidia": {}}}
DOCKER_ROOTLESS = DOCKER | {"SecurityOptions": ["name=seccomp", "name=rootless"]}
DOCKER_REMAPPED = DOCKER | {"SecurityOptions": ["name=seccomp,profile=builtin", "name=userns"]}
DOCKER_DOWN = {"ServerErrors": ["Cannot connect to the Docker daemon"], "ServerVersion": ""}
PODMAN = {"host": {"security": {"rootless": False}}, "version": {"Version": "4.3.1"}}
PODMAN_ROOTLESS = {"host": {"security": {"rootless": True}}, "version": {"Version": "5.4.0"}}


def image(**labels: str) -> dict[str, Any]:
    """What `image inspect` answers."""
    return {"Id": "sha256:0123", "Size": 1_500_000_000, "Labels": labels, "RepoDigests": ["kiwame@sha256:4567"]}


def write(folder: Path, name: str, info: dict[str, Any], known: dict[str, Any] | None = None, code: int = 0,
          case: str = "") -> Path:  # fmt: skip
    """An engine called `name` in `folder`; `code` is what `run` and `build` end with. Its words go to `<name>.log`.

    `case`: first of all, as in `"info ") sleep 9`.
    """
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.info").write_text(json.dumps(info))
    (folder / f"{name}.image").write_text(json.dumps([known]) if known else "")
    program = folder / name
    program.write_text(f"""#!/bin/sh
here={shlex.quote(str(folder))}
case "$1 $2" in
  {case or "none)"} ;;
  "info "*) cat "$here/{name}.info" ;;
  "image inspect") test -s "$here/{name}.image" && cat "$here/{name}.image" ;;
  "history "*) printf '1.2GB\\tCOPY /opt/venv\\n12MB\\tRUN apt-get\\n' ;;
  *) for word; do printf '%s\\n' "$word"; done >> "$here/{name}.log"; exit {code} ;;
esac
""")
    program.chmod(0o755)
    return program


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Only these engines are found, and nothing of the person's own settings."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    return {**kept, "PATH": f"{folder}:/usr/bin:/bin", "XDG_CACHE_HOME": str(folder / "cache"), **more}


def told(folder: Path, name: str) -> list[str]:
    """The words of its last `run` or `build`."""
    path = folder / f"{name}.log"
    return path.read_text().splitlines() if path.exists() else []


UNTIL_STOPPED = """import signal, sys, time
heard = []
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda number, frame: heard.append(number))
open({up!r}, "w").close()
while not heard:
    time.sleep(0.02)
time.sleep(0.3)
print("saved after", len(heard), "signal", file=sys.stderr, flush=True)
sys.exit({code})
"""


def until_stopped(folder: Path, command: str, code: int) -> str:
    """A `case` for `write`: that command of the engine goes on until it is stopped, and ends with `code`."""
    script = folder / "until_stopped.py"
    script.write_text(UNTIL_STOPPED.format(up=str(folder / "up"), code=code))
    program = shlex.join([sys.executable, str(script)])  # either may have a blank in its path
    return f'"{command} "*) exec {program}'


def stopped(folder: Path, words: list[str], number: signal.Signals, environment: dict[str, str]) -> tuple[int, str]:
    """How a command ends, and what it said, that is sent a signal while its engine goes on until it is stopped."""
    root = Path(__file__).parents[3]
    with subprocess.Popen(words, cwd=root, env=environment, stderr=subprocess.PIPE, text=True) as command:
        deadline = time.monotonic() + 30
        while not (folder / "up").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        command.send_signal(number)
        _, said = command.communicate(timeout=30)
    return command.returncode, said
