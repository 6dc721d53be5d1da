"""Build the image, record what it was built from, print its size: `make image`. Any Python 3.9, nothing installed.

From the environment:

    ENGINE              docker or podman; else the first that answers
    IMAGE               what to call it, by default localhost/kiwame:<accelerator>
    ACCELERATOR         cuda or cpu
    BASE_BUILD          the image that is compiled in, BASE_RUNTIME the one that is built on; name@sha256:... pins them
    CUDA_ARCHITECTURES  as CMake writes them
    CPU_VARIANTS        of llama.cpp: all, or for tests some, separated by commas
    REQUIREMENTS        pip's files, separated by blanks
    JOBS                compile this many files at once
    PIP_CONFIG_FILE     pip's configuration for the build; given as a build secret, so that it is in no layer
    PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, PIP_TRUSTED_HOST   the same, where there is no such file
    BUILD_WORDS         further words for `<engine> build`
    DRY                 1: print the engine's command; nothing is pulled or built
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from jobs.core import process
from jobs.core.endings import ending
from jobs.core.errors import EnvironmentProblem, Exit, Interrupted, Refusal
from jobs.core.terminal import say
from jobs.launch import sources, typed
from jobs.launch.container import engine
from jobs.launch.container.engine import Engine

DOCKERFILE = sources.ROOT / "Dockerfile"
CPU_BASE = "docker.io/library/debian:12-slim"
CPU_REQUIREMENTS = "requirements/cpu.txt requirements/host.txt"
PIP_SETTINGS = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST")
MOST_BYTES = {"cuda": 8_000_000_000, "cpu": 2_200_000_000}
"""An image larger than this has something in it that does not belong there. cpu: 2.04 GB were measured on Debian 12,
most of it Python's packages; cuda: not built yet, the locked wheels are 5.6 GB unpacked by their own listings."""


def main(environment: Mapping[str, str] = os.environ) -> int:
    """Build; returns the exit code."""
    return ending("image", lambda: build(environment))


def build(environment: Mapping[str, str]) -> int:
    """Raises EnvironmentProblem where engine, base or build fail."""
    accelerator = environment.get("ACCELERATOR") or "cuda"
    if accelerator not in MOST_BYTES:
        raise Refusal(f"ACCELERATOR={accelerator}: expected cuda or cpu")
    found = engine.find(environment.get("ENGINE", ""))
    image = environment.get("IMAGE") or f"localhost/kiwame:{accelerator}"
    arguments = build_arguments(accelerator, environment)
    is_dry = typed.dry(environment)
    for role in ("BASE_BUILD", "BASE_RUNTIME"):
        arguments[f"{role}_DIGEST"] = "" if is_dry else base_digest(found, arguments[role], environment)
    command = [found.program, "build", "--file", str(DOCKERFILE), "--tag", image]
    for name, value in arguments.items():
        command += ["--build-arg", f"{name}={value}"]
    command += [*shlex.split(environment.get("BUILD_WORDS", "")), str(sources.ROOT)]
    if is_dry:
        say(f"image: {image} would be built on {arguments['BASE_RUNTIME']}, compiled in {arguments['BASE_BUILD']}, by:")
        print(shlex.join(command))
        return Exit.PASSED
    started = time.monotonic()
    with pip_settings(environment) as settings:
        if settings is not None:
            command[2:2] = ["--secret", f"id=pip,src={settings}"]
        elif accelerator == "cpu":
            say("image: no index is named; where pip's own has PyTorch for CUDA only, the build ends early")
        code = run_engine(command, {**environment, "DOCKER_BUILDKIT": "1"})
    if code:
        raise EnvironmentProblem(f"{found.program} could not build {image}; its last lines say why")
    say(f"image: {image} is built, {time.monotonic() - started:.0f} s")
    return weigh(found, image, accelerator)


def run_engine(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """The engine's exit code; raises Interrupted after a stop, however the engine took it."""
    code = process.run_child(command, environment)
    if process.stop_requested():
        raise Interrupted("stopped")
    return code


@contextmanager
def pip_settings(environment: Mapping[str, str]) -> Iterator[Path | None]:
    """The pip.conf for the build: PIP_CONFIG_FILE, or one of PIP_SETTINGS, which nobody else can read and which is
    removed again; None where nothing is set."""
    own = environment.get("PIP_CONFIG_FILE")
    chosen = {name: " ".join(environment[name].split()) for name in PIP_SETTINGS if environment.get(name)}
    if own or not chosen:
        yield Path(own) if own else None
        return
    lines = [f"{name[len('PIP_') :].lower().replace('_', '-')} = {text}\n" for name, text in chosen.items()]
    with NamedTemporaryFile("w", prefix="kiwame-pip-", suffix=".conf") as file:  # made with the mode 0600
        file.write("".join(["[global]\n", *lines]))
        file.flush()
        yield Path(file.name)


def build_arguments(accelerator: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The Dockerfile's arguments. The defaults for CUDA are the Dockerfile's own."""
    defaults = dict(re.findall(r'^ARG (\w+)="?([^"\n]*)"?$', DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE))
    if accelerator == "cpu":
        defaults |= {"BASE_BUILD": CPU_BASE, "BASE_RUNTIME": CPU_BASE, "REQUIREMENTS": CPU_REQUIREMENTS}
    names = ("BASE_BUILD", "BASE_RUNTIME", "CUDA_ARCHITECTURES", "CPU_VARIANTS", "REQUIREMENTS", "JOBS")
    chosen = {name: environment.get(name) or defaults.get(name, "") for name in names}
    return {
        **chosen,
        "ACCELERATOR": accelerator,
        "REVISION": sources.revision(),
        "VERSION": version(),
        "SOURCES": sources.digest(),
    }


def version() -> str:
    """The project's version, as pyproject.toml says it."""
    found = re.search(r'^version = "(.+)"$', (sources.ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    return found[1] if found else "unknown"


def base_digest(found: Engine, base: str, environment: Mapping[str, str]) -> str:
    """What `base` is today, for the image's labels; pulls it where it is not here."""
    if "@sha256:" in base:
        return base.partition("@")[2]
    known = found.image(base)
    if known is None:
        say(f"image: pulling {base}")
        if run_engine([found.program, "pull", base], environment):
            raise EnvironmentProblem(f"{found.program} could not pull {base}; BASE_BUILD and BASE_RUNTIME take others")
        known = found.image(base)
    if known is None:
        raise EnvironmentProblem(f"{found.program} pulled {base} and does not know it")
    digests = [text.partition("@")[2] for text in known["RepoDigests"]]
    say(f"image: {base} is a tag; today it is {digests[0] if digests else known['Id']}, name@sha256:... pins it")
    return digests[0] if digests else f"{known['Id']} (local)"


def weigh(found: Engine, image: str, accelerator: str) -> int:
    """Print the image's size and its largest layers; GATE_FAILED above the limit."""
    known = found.image(image)
    if known is None:
        raise EnvironmentProblem(f"{image} is not here after its build")
    size, most = int(known["Size"]), MOST_BYTES[accelerator]
    history = engine.ask([found.program, "history", "--no-trunc", "--format", "{{.Size}}\t{{.CreatedBy}}", image])
    layers = [line.split("\t", 1) for line in history.stdout.splitlines() if "\t" in line]
    for layer_size, made_by in sorted(layers, key=lambda layer: -as_bytes(layer[0]))[:6]:
        say(f"  {layer_size:>9}  {re.sub(r'^/bin/sh -c (#[(]nop[)] )?', '', made_by).strip()[:100]}")
    say(f"image: {size / 1e9:.2f} GB unpacked, the most is {most / 1e9:.1f} GB")
    if size > most:
        say("image: too large; the layers above say where; the limit is MOST_BYTES in jobs/launch/container/image.py")
        return Exit.GATE_FAILED
    return Exit.PASSED


def as_bytes(text: str) -> float:
    """`1.2GB`, as engines write it."""
    found = re.match(r"([\d.]+) ?([kMG]?)i?B", text)
    return float(found[1]) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[found[2]] if found else 0.0


if __name__ == "__main__":
    process.install_stop_handlers()
    sys.exit(main())
