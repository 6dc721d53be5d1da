"""The container engine of this machine: found by asking it, not by looking for a program.

Any Python 3.9, nothing installed.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jobs.core.errors import EnvironmentProblem, Refusal

KNOWN = ("docker", "podman")
ASK_SECONDS = 30


@dataclass(frozen=True)
class Engine:
    """One that answers. `kind` is what it says it is: Podman may be installed under Docker's name."""

    program: str
    kind: str
    version: str
    rootless: bool
    nvidia: bool
    """Docker has NVIDIA's runtime. Podman goes by device files instead (CDI)."""
    remapped: bool
    """Docker gives containers other users than the host's (userns-remap)."""
    folder: str
    """Where it keeps images and containers."""

    def image(self, name: str) -> dict[str, Any] | None:
        """What the engine knows of an image: `Id`, `Size`, `Labels`, `RepoDigests`; None where it is not here."""
        done = ask([self.program, "image", "inspect", name])
        if done.returncode:
            return None
        found: dict[str, Any] = json.loads(done.stdout)[0]
        labels = found.get("Labels") or (found.get("Config") or {}).get("Labels") or {}
        return {**found, "Labels": labels, "RepoDigests": found.get("RepoDigests") or []}


def find(wanted: str) -> Engine:
    """The engine called `wanted`, or the first that answers where that is empty; raises EnvironmentProblem."""
    if wanted and wanted not in KNOWN:
        raise Refusal(f"ENGINE={wanted}: expected {' or '.join(KNOWN)}")
    silent = []
    for program in [wanted] if wanted else KNOWN:
        found = answer(program)
        if isinstance(found, Engine):
            return found
        silent.append(f"{program}: {found}")
    raise EnvironmentProblem(
        f"no container engine answers ({'; '.join(silent)}); install or start one, or say RUNNER=native"
    )


def answer(program: str) -> Engine | str:
    """The engine behind `program`, or in a few words why there is none."""
    try:
        done = ask([program, "info", "--format", "{{json .}}"])
    except FileNotFoundError:
        return "not installed"
    except PermissionError:
        return "may not be run"
    except EnvironmentProblem as problem:
        return str(problem)
    try:
        said: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        said = {}
    if "host" in said:
        return Engine(
            program, "podman", version=str(said.get("version", {}).get("Version", "")),
            rootless=bool(said["host"].get("security", {}).get("rootless")), nvidia=False, remapped=False,
            folder=str(said.get("store", {}).get("graphRoot", "")),
        )  # fmt: skip
    if said.get("ServerVersion"):
        options = {option.partition(",")[0] for option in said.get("SecurityOptions") or []}
        return Engine(
            program, "docker", version=said["ServerVersion"], rootless="name=rootless" in options,
            nvidia="nvidia" in (said.get("Runtimes") or {}), remapped="name=userns" in options,
            folder=str(said.get("DockerRootDir", "")),
        )  # fmt: skip
    reasons = [*(said.get("ServerErrors") or []), *done.stderr.strip().splitlines()]
    return reasons[0] if reasons else f"`{program} info` ended with {done.returncode}"


def ask(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a question to the engine; its output is kept, its exit code is the caller's to look at.

    Raises EnvironmentProblem where no answer comes in ASK_SECONDS.
    """
    try:
        return subprocess.run(
            list(words), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=ASK_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise EnvironmentProblem(f"`{' '.join(words[:3])}`: no answer in {ASK_SECONDS} s; try again") from None
