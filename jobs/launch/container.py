"""Run a stage in the image: `python3 -m jobs.launch.container train key=value ...`, as `make train` does.

Any Python 3.9, nothing installed. The container sees the checkout, read-only, at /workspace/project; the runs' folder
and a cache, writable; and nothing else of this machine. It runs as the caller, with a read-only root and without
capabilities, as a Kubernetes Job does. From the environment:

    ENGINE   docker or podman; else the first that answers
    IMAGE    the image, by default what `make image` makes
    GPUS     all, none, or numbers as in 0,1
    MOUNTS   folders or files outside the checkout that the words name, read-only, separated by blanks
    PASS     names of further variables that go into the container
    DRY      1: print the engine's command and run nothing
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from jobs.core import pipeline
from jobs.core.endings import ending
from jobs.core.errors import EnvironmentProblem, Exit, Refusal
from jobs.core.process import run_child
from jobs.launch import engine, sources
from jobs.launch.engine import Engine

PROJECT = "/workspace/project"
PASSED = ("HF_TOKEN", "WANDB_API_KEY", "OPENAI_API_KEY", "HF_ENDPOINT", "HF_HUB_OFFLINE", "TERM", "NO_COLOR",
          "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")  # fmt: skip
"""Variables that go into the container where they are set here: by name, so that no value is on a command line."""
ENGINE_FAILED = {125: "the engine could not start the container", 126: "the container's program cannot be run",
                 127: "the container's program is not in the image"}  # fmt: skip
ELSEWHERE = re.compile(r"(?:^|(?<=[\[{,=\s\"']))(?:\.\./|/)[^\s,\[\]{}\"']+")
SHARED_MEMORY = "8g"
"""The most that processes of one container may share, as NCCL does between GPUs; taken when used."""


def main(words: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Run `words` in the container; returns the exit code of what ran there."""
    name = words[0] if words else "container"
    return ending(name, lambda: run(words, environment))


def run(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Raises EnvironmentProblem where engine, image or GPU is missing, Refusal for a path the container cannot see."""
    found = engine.find(environment.get("ENGINE", ""))
    accelerator = environment.get("ACCELERATOR") or "cuda"
    image = environment.get("IMAGE") or f"localhost/kiwame:{accelerator}"
    known = found.image(image)
    if known is None:
        raise EnvironmentProblem(f"the image {image} is not here; {way_to(image, found)}, or say RUNNER=native")
    labels = known["Labels"]
    if labels.get("kiwame.sources") not in (None, sources.digest()):
        say(f"note: {image} is not of these sources (jobs/, requirements/ or the Dockerfile changed); `make image` is")
    gpus = environment.get("GPUS") or default_gpus(words, labels)
    mounts = mounted(words, environment)
    command = [
        found.program, "run", "--rm", "--pull=never", *terminal_words(), *locked_down(found),
        *gpu_words(found, gpus), *mounts, "--workdir", PROJECT, *passed(environment),
        "--env", f"KIWAME_IMAGE={known['Id']}", image, *words,
    ]  # fmt: skip
    if environment.get("DRY") not in (None, "", "0"):
        print(shlex.join(command))
        return Exit.PASSED
    code = run_child(command, environment)
    if code in ENGINE_FAILED:
        hint = "; for GPUs it needs NVIDIA's container toolkit (`make doctor`)" if gpus != "none" else ""
        raise EnvironmentProblem(f"{ENGINE_FAILED[code]}: see {found.program}'s line above{hint}")
    return code if code >= 0 else 128 - code


def way_to(image: str, found: Engine) -> str:
    """How to get an image that is not here."""
    if not image.startswith("localhost/"):
        return f"`{found.program} pull {image}` gets it"
    smaller = " (without a GPU: ACCELERATOR=cpu for both)" if image.endswith(":cuda") else ""
    return f"`make image` builds it{smaller}"


def default_gpus(words: Sequence[str], labels: Mapping[str, str]) -> str:
    """All where the image has CUDA and something on the way to the stage computes on a GPU."""
    name = words[0] if words else ""
    chain = pipeline.up_to(name) if name in pipeline.NAMES else pipeline.PIPELINE
    computes = any(stage.gpu for stage in chain) and name != "preview"
    return "all" if computes and labels.get("kiwame.accelerator") != "cpu" else "none"


def locked_down(found: Engine) -> list[str]:
    """The caller's own ids, a root that cannot be written to, no capabilities; a scratch /tmp on disk."""
    ids = f"{os.getuid()}:{os.getgid()}"
    as_caller = ["--user", ids]
    if found.rootless:  # there the caller is root inside, unless the engine is told to keep the id
        as_caller = ["--userns=keep-id", "--user", ids] if found.kind == "podman" else ["--user", "0:0"]
    return [
        *as_caller, "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges",
        "--security-opt=label=disable",  # with SELinux's labels a container may not read the checkout
        f"--shm-size={SHARED_MEMORY}", "--volume", "/tmp",
    ]  # fmt: skip


def gpu_words(found: Engine, gpus: str) -> list[str]:
    """How the engine is told which GPUs; raises EnvironmentProblem where there are none."""
    if gpus == "none":
        return []
    if gpus != "all" and not re.fullmatch(r"\d+(,\d+)*", gpus):
        raise Refusal(f"GPUS={gpus}: expected all, none, or numbers as in 0,1")
    if not any(Path(sign).exists() for sign in ("/dev/nvidiactl", "/dev/dxg")):
        raise EnvironmentProblem("no NVIDIA GPU is here; GPUS=none computes on the CPU, RUNNER=native without an image")
    if found.kind == "docker":
        return ["--gpus", "all" if gpus == "all" else f'"device={gpus}"']
    if not device_files():
        raise EnvironmentProblem(
            "podman knows no GPU; `sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml` tells it, "
            "GPUS=none computes on the CPU, RUNNER=native runs without the image"
        )
    return [word for number in gpus.split(",") for word in ("--device", f"nvidia.com/gpu={number}")]


def device_files() -> list[Path]:
    """The CDI files in which NVIDIA's toolkit describes the GPUs."""
    return [file for folder in ("/etc/cdi", "/var/run/cdi") for file in sorted(Path(folder).glob("nvidia*"))]


def mounted(words: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """`--volume` for the checkout, the runs' folder, the cache and MOUNTS; makes the folders that are written to.

    Raises Refusal for a path of this machine in `words` that the container would not see.
    """
    root = sources.ROOT
    folder = next((word.partition("=")[2] for word in reversed(words) if word.startswith("run.folder=")), "runs")
    extra = [Path(text).absolute() for text in environment.get("MOUNTS", "").split()]
    missing = [str(path) for path in extra if not path.exists()]
    if missing:
        raise Refusal(f"MOUNTS: {missing[0]} does not exist")
    runs, cache = (root / folder).resolve(), cache_folder(environment)
    seen_inside = [root, runs, *(path.resolve() for path in extra)]
    for word in words:
        for text in ELSEWHERE.findall(word.partition("=")[2]):
            path = (root / text).resolve()
            if path.exists() and not any(path == seen or seen in path.parents for seen in seen_inside):
                raise Refusal(f"{word}: {text} is outside the checkout, where the container does not see it; "
                              f"say MOUNTS={path if path.is_dir() else path.parent}")  # fmt: skip
    for made in (runs, cache):
        made.mkdir(parents=True, exist_ok=True)
    inside = os.path.normpath(os.path.join(PROJECT, folder))  # noqa: PTH118 - of the container, not of this machine
    pairs = [
        (root, f"{PROJECT}:ro"), (root / "conf", "/opt/kiwame/conf:ro"), (runs, inside),
        (cache, "/workspace/cache"), *((path, f"{path}:ro") for path in extra),
    ]  # fmt: skip
    return [text for here, there in pairs for text in ("--volume", f"{here}:{there}")]


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where the container's cache lies: beside the native one, of which it shares nothing but the parent."""
    home = environment.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(environment.get("KIWAME_CACHE") or Path(home) / "kiwame").absolute() / "container"


def passed(environment: Mapping[str, str]) -> list[str]:
    """`--env NAME` for what is set here; raises Refusal for a name in PASS that is not."""
    asked = environment.get("PASS", "").split()
    unset = [name for name in asked if name not in environment]
    if unset:
        raise Refusal(f"PASS: {unset[0]} is not set here")
    return [word for name in dict.fromkeys((*PASSED, *asked)) if environment.get(name) for word in ("--env", name)]


def terminal_words() -> list[str]:
    """A terminal inside where there is one outside."""
    return ["--interactive", "--tty"] if sys.stdin.isatty() and sys.stdout.isatty() else []


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
