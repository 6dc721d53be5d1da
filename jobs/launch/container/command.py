"""Run a stage in the image: `python3 -m jobs.launch.container.command train key=value ...`, as `make train` does.

Any Python 3.9, nothing installed. The container sees the checkout and what the words name, read-only, the runs' folder
and a cache, writable, and nothing else of this machine. It runs as the caller, with a read-only root and without
capabilities, as a Kubernetes Job does. From the environment:

    ENGINE   docker or podman; else the first that answers
    IMAGE    the image, by default what `make image` makes
    GPUS     all, none, or numbers as in 0,1
    MOUNTS   further folders or files, read-only, separated by blanks; one with a blank in its name in quotes
    PASS     names of further variables that go into the container
    DRY      1: print the engine's command and run nothing
"""

from __future__ import annotations

import ipaddress
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from jobs.core import command_line, memory, pipeline, process, room, terminal
from jobs.core.endings import ending
from jobs.core.errors import EnvironmentProblem, Exit, Refusal
from jobs.core.words import SECRET_VALUE, whole
from jobs.launch import lines, sources, typed
from jobs.launch.container import engine
from jobs.launch.container.engine import Engine
from jobs.launch.container.mounts import Mount, mounts, require
from jobs.launch.inside import entry

PASSED = ("HF_TOKEN", "WANDB_API_KEY", "OPENAI_API_KEY", "HF_ENDPOINT", "HF_HUB_OFFLINE", "TERM", "NO_COLOR",
          "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")  # fmt: skip
"""Variables that go into the container where they are set here: by name, so that no value is on a command line."""
ENGINE_FAILED = {125: "the engine could not start the container"}
NO_STAGE = {126: "the container's program cannot be run", 127: "the container's program is not in the image"}
"""No stage ends so; a shell or another program that was asked for may."""
SHARED_MEMORY = "8g"
"""The most that processes of one container may share, as NCCL does between GPUs; taken when used."""
TALKS = ("chat", "serve", "forgetting", "estimate", "compare")
READS = ("preview", "diagnose", "compare-votes", "compare-live", "judge-sheet")
"""Commands that compute on no GPU."""
STOP_SECONDS = 300
"""To save the state, as in a pod of Kubernetes; engines wait for 10 by themselves."""


class NotHere(EnvironmentProblem):
    """What this machine lacks. `first`: the command that brings it; `told`: what make is told to do without it."""

    def __init__(self, message: str, first: str = "", **told: str) -> None:
        super().__init__(message)
        self.first, self.told = first, told


def main(words: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Run `words` in the container; returns the exit code of what ran there."""
    name = words[0] if words else "container"

    def work() -> int:
        try:
            return run(words, environment)
        except (Refusal, EnvironmentProblem) as problem:
            if command_line.MAKE_WORDS not in environment or entry.is_program(words):
                raise
            raise type(problem)(f"{problem}\n{way_on(words, problem, environment)}") from None

    return ending(name, work)


def way_on(words: Sequence[str], problem: Refusal | EnvironmentProblem, environment: Mapping[str, str]) -> str:
    """The lines to paste: with other words, with something else told to make, or the same once more."""
    told = problem.told if isinstance(problem, NotHere) else {}
    again = lines.line(words[0], lines.without(words[1:], problem), lines.told_to_make({**environment, **told}))
    if problem.words or problem.without or told:
        return f"-> {again}"
    first = f"-> {problem.first}\n" if isinstance(problem, NotHere) and problem.first else ""
    return f"{first}then -> {again}"


def run(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Raises EnvironmentProblem where engine, image or GPU is missing, Refusal for a path the container cannot see."""
    chain = stages(words)
    words = whole(words)
    reads = bool(chain) or words[:1] == ["preview"]
    naming = memory.recall(words[1:]).words if reads else words  # a run remembers its files
    require(naming, [stage.name for stage in chain])
    found = found_engine(environment)
    accelerator = environment.get("ACCELERATOR") or "cuda"
    image = environment.get("IMAGE") or f"localhost/kiwame:{accelerator}"
    known = found.image(image)
    if known is None:
        first = (
            lines.line("image", (), environment) if image.startswith("localhost/") else f"{found.program} pull {image}"
        )
        raise NotHere(f"the image {image} is not here; {way_to(image, found)}, or say RUNNER=native", first)
    labels = known["Labels"]
    if labels.get("kiwame.sources") not in (None, sources.digest()):
        terminal.say(f"note: {image} is not of these sources (jobs/, requirements/ or the Dockerfile); `make image` is")
    gpus = environment.get("GPUS") or default_gpus(words, labels)
    seen = mounts(naming, environment)
    command = [
        found.program, "run", "--rm", "--pull=never", *terminal_words(words), *locked_down(found),
        *gpu_words(found, gpus), *(word for mount in seen for word in mount.words), "--workdir", str(sources.ROOT),
        *passed(environment), *published(words),
        "--env", f"{command_line.MAKE_WORDS}={lines.told_to_make(environment)}",
        "--env", f"KIWAME_IMAGE={known['Id']}", image, *words,
    ]  # fmt: skip
    if typed.dry(environment):
        code = told_by_host(words) if chain else Exit.PASSED
        print(shlex.join(command))
        return code
    make_folders(seen)
    code = process.run_child(command, environment)
    failed = ENGINE_FAILED if entry.is_program(words) else {**ENGINE_FAILED, **NO_STAGE}
    if code in failed:
        hint = "; for GPUs it needs NVIDIA's container toolkit (`make doctor`)" if gpus != "none" else ""
        raise EnvironmentProblem(f"{failed[code]}: see {found.program}'s line above{hint}")
    return code if code >= 0 else 128 - code


def found_engine(environment: Mapping[str, str]) -> Engine:
    """Raises NotHere where none answers."""
    try:
        return engine.find(environment.get("ENGINE", ""))
    except EnvironmentProblem as problem:
        raise NotHere(str(problem), RUNNER="native") from None


def stages(words: Sequence[str]) -> Sequence[pipeline.Stage]:
    """What the words ask for, and all before it; nothing where they ask for no stage. What is off unless chosen counts
    where a word is about it."""
    name = pipeline.NAMES[-1] if words[:1] == ["all"] else words[0] if words else ""
    chosen = {word.partition("=")[0].partition(".")[0] for word in words}
    return pipeline.up_to(name, lambda _: chosen) if name in pipeline.NAMES else ()


def told_by_host(words: Sequence[str]) -> int:
    """How the stages stand, where this machine has what it takes to read a config; the exit code of a dry run."""
    python = sources.ROOT / ".venv" / "bin" / "python"
    if not (sources.ROOT / ".venv" / ".made").exists():
        terminal.say("how its stages stand can be told after `make setup`; the engine would be told:")
        return Exit.PASSED
    told = subprocess.run([str(python), "-m", "jobs", *words, "dry=true"], cwd=sources.ROOT, check=False)
    return told.returncode


def make_folders(seen: Sequence[Mount]) -> None:
    """What is written to has to be there. Raises Refusal for what can be no folder, such as a file; a full or closed
    disk is an OSError."""
    for mount in seen:
        try:
            if mount.writable:
                mount.here.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if error.errno in room.FULL:
                raise
            raise Refusal(f"{mount.name}: {mount.here}: {error.strerror}; name another folder") from None


def way_to(image: str, found: Engine) -> str:
    """How to get an image that is not here."""
    if not image.startswith("localhost/"):
        return f"`{found.program} pull {image}` gets it"
    smaller = " (without a GPU: ACCELERATOR=cpu for both)" if image.endswith(":cuda") else ""
    return f"`make image` builds it{smaller}"


def default_gpus(words: Sequence[str], labels: Mapping[str, str]) -> str:
    """All where the image has CUDA and something on the way to the stage computes on a GPU; TALKS can do without."""
    name = words[0] if words else ""
    chain = stages(words) or pipeline.PIPELINE
    computes = any(stage.gpu for stage in chain) and name not in READS and (name not in TALKS or has_gpu())
    return "all" if computes and labels.get("kiwame.accelerator") != "cpu" else "none"


def locked_down(found: Engine) -> list[str]:
    """The caller's own ids, a root that cannot be written to, no capabilities; a scratch /tmp on disk."""
    ids = f"{os.getuid()}:{os.getgid()}"
    as_caller = ["--user", ids]
    if found.rootless:  # there the caller is root inside, unless the engine is told to keep the id
        as_caller = ["--userns=keep-id", "--user", ids] if found.kind == "podman" else ["--user", "0:0"]
    elif found.remapped:  # there nobody inside is the caller, unless this container is left out of it
        as_caller = ["--userns=host", "--user", ids]
    return [
        *as_caller, "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges",
        "--security-opt=label=disable",  # with SELinux's labels a container may not read the checkout
        f"--shm-size={SHARED_MEMORY}", f"--stop-timeout={STOP_SECONDS}", "--volume", "/tmp",
    ]  # fmt: skip


def gpu_words(found: Engine, gpus: str) -> list[str]:
    """How the engine is told which GPUs; raises EnvironmentProblem where there are none."""
    if gpus == "none":
        return []
    if gpus != "all" and not re.fullmatch(r"\d+(,\d+)*", gpus):
        raise Refusal(f"GPUS={gpus}: expected all, none, or numbers as in 0,1")
    if not has_gpu():
        why = "no NVIDIA GPU is here; GPUS=none computes on the CPU, RUNNER=native without an image"
        raise NotHere(why, GPUS="none")
    if found.kind == "docker":
        return ["--gpus", "all" if gpus == "all" else f'"device={gpus}"']
    if not device_files():
        tell = "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"
        ways = "GPUS=none computes on the CPU, RUNNER=native runs without the image"
        raise NotHere(f"podman knows no GPU; `{tell}` tells it, {ways}", tell)
    return [word for number in gpus.split(",") for word in ("--device", f"nvidia.com/gpu={number}")]


def has_gpu() -> bool:
    """Whether an NVIDIA GPU is here."""
    return any(Path(sign).exists() for sign in ("/dev/nvidiactl", "/dev/dxg"))


def device_files() -> list[Path]:
    """The CDI files in which NVIDIA's toolkit describes the GPUs."""
    return [file for folder in ("/etc/cdi", "/var/run/cdi") for file in sorted(Path(folder).glob("nvidia*"))]


def passed(environment: Mapping[str, str]) -> list[str]:
    """`--env NAME` for what is set here; raises Refusal for a name in PASS that is not."""
    asked = environment.get("PASS", "").split()
    for name in asked:
        if not re.fullmatch(r"[A-Za-z_]\w*", name) or SECRET_VALUE.search(name):
            raise Refusal("PASS: expected names of variables, separated by blanks, without their values")
        if name not in environment:
            raise Refusal(f"PASS: {name} is not set here")
    return [word for name in dict.fromkeys((*PASSED, *asked)) if environment.get(name) for word in ("--env", name)]


def terminal_words(words: Sequence[str]) -> list[str]:
    """A terminal inside where there is one outside; `chat` is given stdin where that is something else."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        return ["--interactive", "--tty"]
    return ["--interactive"] if words[:1] == ["chat"] else []


def published(words: Sequence[str]) -> list[str]:
    """The port that `serve` is reached at from outside. Which words are wrong, `serve` itself says."""
    if words[:1] != ["serve"]:
        return []
    said = dict(word.split("=", 1) for word in words if "=" in word)
    host, port = said.get("host", "127.0.0.1"), said.get("port", "8080")
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
        number = int(port)
    except ValueError:
        return []
    at = f"[{address}]" if address.version == 6 else str(address)
    return ["--publish", f"{at}:{number}:{number}", "--env", "KIWAME_PUBLISHED=1"]


if __name__ == "__main__":
    process.install_stop_handlers()
    sys.exit(main(sys.argv[1:]))
