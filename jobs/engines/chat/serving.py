"""`python -m jobs serve key=value ...`: a run's GGUF as an OpenAI-compatible endpoint, with the settings of `chat`."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from jobs.core import terminal
from jobs.core.errors import EnvironmentProblem, Exit, Interrupted, Refusal
from jobs.engines.chat import keyboard, words
from jobs.engines.chat.choice import Choice, choose
from jobs.engines.chat.command import described, opening, room_for
from jobs.engines.chat.words import Words
from jobs.engines.gguf import server
from jobs.engines.gguf.llama import LlamaFailed

PUBLISHED = "KIWAME_PUBLISHED"
"""Set in a container whose engine passes the port on: then everything inside is listened to, and the engine binds."""
ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""An address for all of this machine's, and the one of them to ask."""


def serve(given: Sequence[str]) -> int:
    """Serve until Ctrl-C or SIGTERM, which is how it ends: 0.

    Raises Refusal where run or GGUF are not there, EnvironmentProblem where the port is taken.
    """
    asked = words.read("serve", given)
    choice = choose(asked.run_dir, asked.file)
    binds = "0.0.0.0" if os.environ.get(PUBLISHED) else asked.host
    require_free(binds, asked.port)
    try:
        with keyboard.own_interrupts(), running(asked, choice, binds) as child:
            for line in told(asked, choice):
                print(line, flush=True)
            child.wait()
    except (KeyboardInterrupt, Interrupted):
        terminal.say("serve: stopped")
    return Exit.PASSED


def told(asked: Words, choice: Choice) -> Iterator[str]:
    """What is served, where, and how to ask it."""
    at = address(ANY.get(asked.host, asked.host), asked.port)
    body = json.dumps({"messages": [{"role": "user", "content": "Hello"}]})
    yield opening(asked, choice)
    yield f"OpenAI-compatible at {at}/v1, any key and any model name; Ctrl-C ends it"
    if asked.host in ANY:
        yield "everybody who reaches this machine can ask it"
    yield f"try it: curl {at}/v1/chat/completions -H 'Content-Type: application/json' -d {shlex.quote(body)}"


def address(host: str, port: int) -> str:
    """The URL of a host."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def require_free(host: str, port: int) -> None:
    """Raises EnvironmentProblem for a port that somebody listens at, or that may not be listened at."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as asked:
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            asked.bind((host, port))
        except OSError as error:
            other = port + 1 if port < 65_535 else 8080
            raise EnvironmentProblem(
                f"port {port} of {host}: {(error.strerror or str(error)).lower()}; say port={other}",
                words=[f"port={other}"],
            ) from None


@contextmanager
def running(asked: Words, choice: Choice, binds: str) -> Iterator[subprocess.Popen[bytes]]:
    """llama-server, ready; it ends with the block."""
    context = room_for(asked, described(choice.gguf).context_length)
    command = server.command(
        choice.gguf, context=context, num_threads=os.cpu_count() or 1, gpu_layers=asked.gpu_layers, port=asked.port,
        host=binds,
    )  # fmt: skip
    with tempfile.TemporaryFile() as log:
        child = server.begin([*command, *server.MEASURED, "--alias", asked.name], log)
        try:
            wait_until_ready(child, log, choice, ANY.get(binds, binds), asked.port)
            yield child
            raise EnvironmentProblem(str(server.ended(child, log, choice.gguf)))
        finally:
            server.end(child)


def wait_until_ready(child: subprocess.Popen[bytes], log: IO[bytes], choice: Choice, host: str, port: int) -> None:
    """Until the file is loaded. Raises Refusal where it cannot be, EnvironmentProblem for want of memory or time."""
    until = time.monotonic() + server.START_SECONDS
    while not server.healthy(host, port):
        if child.poll() is not None:
            problem = server.ended(child, log, choice.gguf)
            raise Refusal(str(problem)) if isinstance(problem, LlamaFailed) else problem
        if time.monotonic() > until:
            raise EnvironmentProblem(f"{choice.gguf}: llama-server was not ready within {server.START_SECONDS:g} s")
        time.sleep(server.POLL_SECONDS)
