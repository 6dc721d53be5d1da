"""A server of our own where no url is given: the pinned llama-server, on loopback, with the key of this process.

It is started, waited for and ended here, whatever happens in between, and it ends with this process. A CUDA build has
the whole model on the GPU.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.core import terminal
from jobs.core.errors import EnvironmentProblem, Refusal
from jobs.core.provenance import file_digest
from jobs.engines.gguf import server
from jobs.engines.gguf.llama import LlamaFailed
from jobs.logic.endpoints.family import Identity
from jobs.logic.endpoints.options import EndpointOptions

DIGITS = 12
"""Of a file's digest, in its model's name: enough to tell two files of one name apart."""
ALL_LAYERS = -1


def file_of(gguf: str) -> Path:
    """The file; Refusal where it is none."""
    path = Path(gguf)
    if not path.is_file():
        raise Refusal(f"gguf: {gguf} is not there; expected a GGUF file, or `base` for the run's own base model")
    return path


def identity(path: Path) -> Identity:
    """What the file says it is. Raises Refusal where its header cannot be read."""
    from jobs.engines.gguf.file import BrokenGguf, read  # needs the llama.cpp that is built, which a url does not

    try:
        metadata = read(path).metadata
    except BrokenGguf as broken:
        raise Refusal(f"gguf: {broken}") from None
    told = [metadata.get(f"general.{key}") for key in ("name", "basename", "base_model.0.name")]
    sized = f"{metadata.get('general.basename', '')}-{metadata.get('general.size_label', '')}".strip("-")
    names = [path.name, *(name for name in [*told, sized] if isinstance(name, str) and name)]
    return Identity(tuple(dict.fromkeys(names)), file_digest(path), metadata.get("general.architecture"))


def model_name(path: Path, digest: str) -> str:
    """By which its answers are kept."""
    return f"{path.stem}@{digest[:DIGITS]}"


@contextmanager
def serving(path: Path, options: EndpointOptions) -> Iterator[server.Server]:
    """A server of the file, with as many slots as calls may run at once, each with the whole context.

    Raises Refusal where llama.cpp cannot load the file, EnvironmentProblem where the machine cannot.
    """
    slots = options.max_concurrency
    words = ["--parallel", str(slots), "--no-kv-unified", "--reasoning", "off", *server.MEASURED]
    terminal.say(f"llama-server: loading {path.name} ({slots} at once, {options.context:,} tokens of context each)")
    try:
        with server.serve(
            path,
            context=options.context * slots,
            num_threads=os.cpu_count() or 1,
            gpu_layers=ALL_LAYERS,
            more=words,
        ) as running:
            yield running
    except LlamaFailed as failed:
        raise Refusal(f"gguf: {failed}") from None


def url(running: server.Server) -> str:
    return f"http://{server.HOST}:{running.port}/v1"


def why_gone(running: server.Server) -> Exception | None:
    """How it ended, where it has."""
    try:
        running.require_alive()
    except (LlamaFailed, EnvironmentProblem) as error:
        return error
    return None
