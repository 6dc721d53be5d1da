"""llama-server of the pinned build as a child process: one GGUF, one conversation at a time, this machine only.

    with server.serve(gguf, context=2048, num_threads=4) as running:
        running.post("/apply-template", {"messages": [...]})["prompt"]

The child listens on 127.0.0.1 at a port that the system gives it and answers only who knows its key, so that no other
user of the machine is served and no other server is asked in its place. It ends with the `with` block or with this
process, whichever is first.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import secrets
import struct
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from jobs.core import process, room
from jobs.core.errors import EnvironmentProblem, Interrupted
from jobs.engines.gguf.llama import LlamaFailed
from jobs.engines.gguf.llama_tools import ENDED, child_environment, how_it_ended, telling_lines, tree

HOST = "127.0.0.1"
START_SECONDS = 600.0
"""For a file to be loaded: a 32B model in F16 from a slow disk takes minutes, the smallest half a second."""
REQUEST_SECONDS = 600.0
END_SECONDS = 10.0
"""SIGTERM waits for a request that runs; what still lives after that is killed."""
STOP_SECONDS = 1.0
POLL_SECONDS = 0.05
SAMPLERS = "penalties;dry;top_n_sigma;top_k;typ_p;top_p;min_p;xtc;temperature"
MEASURED = (
    "--temp", "0", "--samplers", SAMPLERS, "--top-k", "0", "--top-p", "1", "--min-p", "0", "--typical-p", "1",
    "--xtc-probability", "0", "--repeat-penalty", "1", "--presence-penalty", "0", "--frequency-penalty", "0",
    "--dry-multiplier", "0", "--dynatemp-range", "0", "--mirostat", "0",
)  # fmt: skip
"""Each said, since what is not said is what the GGUF says (`general.sampling.*`), or else a default of llama.cpp's."""
LISTENING = re.compile(rb"listening on http://127\.0\.0\.1:(\d+)")
LOG_BYTES = 1 << 16
"""Of the end of the log that is looked at for a reason."""
SAVED = "slot.bin"
SLOT_HEAD = (0x67677371, 3)
SLOT_MARK = (-1, 1)
SETTINGS = ("LLAMA_ARG_", "LLAMA_API_KEY")
"""Variables that would change what the server does."""


class ServerRefused(LlamaFailed):
    """llama-server answered with an error; `status` is HTTP's, `said` its own words."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"llama-server answered {status}: {said}")
        self.status, self.said = status, said


class Server:
    """A running llama-server. Not for use by several threads at once: it has one slot."""

    def __init__(
        self, child: subprocess.Popen[bytes], log: IO[bytes], gguf: Path, port: int, key: str, slots: Path
    ) -> None:
        self.gguf, self.port, self.pid = gguf, port, child.pid
        self._child, self._log, self._key, self._slots = child, log, key, slots

    @property
    def key(self) -> str:
        """For a client of another kind, in this process."""
        return self._key

    def require_alive(self) -> None:
        """Raises what `post` does where the server has died."""
        if self._child.poll() is not None:
            raise ended(self._child, self._log, self.gguf)

    def get(self, path: str, seconds: float = REQUEST_SECONDS) -> Any:
        """The JSON that a path has; see `post`."""
        return self._request("GET", path, None, seconds)

    def post(self, path: str, body: Mapping[str, Any], seconds: float = REQUEST_SECONDS) -> Any:
        """The JSON that is answered to `body`.

        Raises ServerRefused for an answer that is an error, LlamaFailed where none comes within `seconds` or the
        server died, EnvironmentProblem where it was killed for want of memory.
        """
        return self._request("POST", path, body, seconds)

    def prompt_tokens(self, body: Mapping[str, Any], seconds: float = REQUEST_SECONDS) -> list[int]:
        """Ask the chat endpoint for an answer to `body`, and return the ids that it was computed from.

        No answer has them. The slot that computed it does, and a saved slot begins with them.
        """
        answer = self.post("/v1/chat/completions", {**body, "cache_prompt": False}, seconds)
        self.post("/slots/0?action=save", {"filename": SAVED}, seconds)
        saved = self._slots / SAVED
        try:
            ids = slot_ids(saved)
        finally:
            saved.unlink()
        return ids[: answer["usage"]["prompt_tokens"]]

    def stream(
        self, path: str, body: Mapping[str, Any], seconds: float = REQUEST_SECONDS
    ) -> Generator[dict[str, Any], None, None]:
        """The events of an answer as they come (`"stream": true` in `body`); `seconds` is the wait for each.

        Leaving the iteration early closes the connection, and the server stops generating.
        """
        connection = http.client.HTTPConnection(HOST, self.port, timeout=seconds)
        try:
            for line in self._answered(connection, "POST", path, body):
                field, _, data = line.decode("utf-8").strip().partition(": ")
                if field == "data" and data != "[DONE]":
                    event: dict[str, Any] = json.loads(data)
                    if "error" in event:
                        raise ServerRefused(event["error"].get("code", 0), _said(event))
                    yield event
        except (OSError, http.client.HTTPException) as error:
            raise self._failure(error) from None
        finally:
            connection.close()

    def _request(self, method: str, path: str, body: Mapping[str, Any] | None, seconds: float) -> Any:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=seconds)
        try:
            return json.loads(self._answered(connection, method, path, body).read())
        except (OSError, http.client.HTTPException) as error:
            raise self._failure(error) from None
        finally:
            connection.close()

    def _answered(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: Mapping[str, Any] | None
    ) -> http.client.HTTPResponse:
        """The response to read from; raises ServerRefused where it is an error."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        connection.request(method, path, data, headers)
        response = connection.getresponse()
        if response.status != http.client.OK:
            raise ServerRefused(response.status, _said(response.read()))
        return response

    def _failure(self, error: Exception) -> Exception:
        """Why no answer came: the server's end, or a wait that was too long."""
        try:
            self._child.wait(END_SECONDS if not isinstance(error, TimeoutError) else 0)
        except subprocess.TimeoutExpired:
            return LlamaFailed(f"{self.gguf}: llama-server did not answer ({error})")
        return ended(self._child, self._log, self.gguf)


def slot_ids(saved: Path) -> list[int]:
    """The token ids in a saved slot, the answer's after the prompt's.

    `llama_state_seq_save_file` writes magic, version and a list of 32-bit words; of the words, llama-server's are a
    mark, a version, the number of tokens and the tokens (`server_tokens::serialize`). Raises LlamaFailed for another
    layout.
    """
    with saved.open("rb") as file:
        head = struct.unpack("<6i", file.read(24))
        if (head[:2], head[3:5]) != (SLOT_HEAD, SLOT_MARK) or not 0 <= head[5] <= head[2] - 3:
            raise LlamaFailed(f"a saved slot begins with {head}, not with {SLOT_HEAD} and {SLOT_MARK}")
        return list(struct.unpack(f"<{head[5]}i", file.read(4 * head[5])))


def command(
    gguf: Path, *, context: int, num_threads: int, gpu_layers: int = 0, host: str = HOST, port: int = 0
) -> list[str]:
    """The words that start it; `port` 0 is one that the system gives, `context` counts tokens, 0 is the model's own.

    Without the web page, the user's download folder, and the fitting that changes context and layers by what memory
    is free: what runs is what was asked for. A log without times is the same for the same error.
    """
    layers = "all" if gpu_layers < 0 else str(gpu_layers)
    return [program(), "--model", str(gguf.resolve()), "--host", host, "--port", str(port), "--parallel", "1",
            "--ctx-size", str(context), "--threads", str(num_threads), "--gpu-layers", layers, "--fit", "off",
            "--jinja", "--no-ui", "--offline", "--no-log-timestamps"]  # fmt: skip


def program() -> str:
    """llama-server's path; EnvironmentProblem where the build has none."""
    path = tree().bin / "llama-server"
    if not path.is_file():
        raise EnvironmentProblem("the llama.cpp that is built has no llama-server; run `make setup`")
    return str(path)


def server_environment(**more: str) -> dict[str, str]:
    """The environment of a llama-server: what a user set for servers of their own does not reach it."""
    kept = {name: value for name, value in child_environment().items() if not name.startswith(SETTINGS)}
    return kept | more


@contextmanager
def serve(
    gguf: Path,
    *,
    context: int,
    num_threads: int,
    gpu_layers: int = 0,
    more: Sequence[str] = (),
    start_seconds: float = START_SECONDS,
) -> Iterator[Server]:
    """A server that has loaded `gguf`; `more` are further words of its command line.

    Raises LlamaFailed where llama.cpp cannot load the file or is not ready within `start_seconds`, EnvironmentProblem
    where there is no llama-server or too little memory.
    """
    if not gguf.is_file():
        raise LlamaFailed(f"{gguf}: no such file")
    words = [*command(gguf, context=context, num_threads=num_threads, gpu_layers=gpu_layers), *more]
    key = secrets.token_hex(16)
    with tempfile.TemporaryFile() as log, tempfile.TemporaryDirectory() as slots:
        child = begin([*words, "--slot-save-path", slots], log, LLAMA_API_KEY=key)
        try:
            yield Server(child, log, gguf, _ready(child, log, gguf, start_seconds), key, Path(slots))
        finally:
            end(child)


def begin(words: Sequence[str], log: IO[bytes], **environment: str) -> subprocess.Popen[bytes]:
    """A child that ends with this process and writes to `log`; a terminal's Ctrl-C is for this process to answer."""
    return subprocess.Popen(
        list(words),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=server_environment(**environment),
        preexec_fn=process.end_at_once_with_parent,
        start_new_session=True,
    )


def _ready(child: subprocess.Popen[bytes], log: IO[bytes], gguf: Path, seconds: float) -> int:
    """The port, as soon as the model is loaded."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if child.poll() is not None:
            raise ended(child, log, gguf)
        if process.stop_requested():
            raise Interrupted("stopped while a model was loaded")
        found = LISTENING.search(_tail(log))
        if found and healthy(HOST, int(found[1])):
            return int(found[1])
        time.sleep(POLL_SECONDS)
    raise LlamaFailed(f"{gguf}: llama-server was not ready within {seconds:g} s:{_telling(log)}")


def healthy(host: str, port: int) -> bool:
    """Whether a server there says that its model is loaded."""
    connection = http.client.HTTPConnection(host, port, timeout=END_SECONDS)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def ended(child: subprocess.Popen[bytes], log: IO[bytes], gguf: Path) -> Exception:
    """What to raise for a server that is gone: how it ended, with its last lines."""
    code = child.wait()
    lacking = ENDED.get(-code) or room.told_of_output(_tail(log).decode(errors="replace"), None)
    if lacking:
        return EnvironmentProblem(f"llama-server with {gguf}: {lacking}")
    return LlamaFailed(f"{gguf}: llama-server {how_it_ended(code)}:{_telling(log)}")


def _tail(log: IO[bytes]) -> bytes:
    """The end of the log; by position, for the child writes at the file's own."""
    size = os.fstat(log.fileno()).st_size
    return os.pread(log.fileno(), LOG_BYTES, max(0, size - LOG_BYTES))


def _telling(log: IO[bytes]) -> str:
    return telling_lines(_tail(log).decode(errors="replace").splitlines())


def end(child: subprocess.Popen[bytes]) -> None:
    """SIGTERM, which waits for an answer that is being written, and SIGKILL where that takes too long: after a stop
    nobody reads the answer."""
    child.terminate()
    try:
        child.wait(STOP_SECONDS if process.stop_requested() else END_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _said(answer: bytes | Mapping[str, Any]) -> str:
    """An error's message; the answer itself where it has none."""
    try:
        data = json.loads(answer) if isinstance(answer, bytes) else answer
        message: str = data["error"]["message"]
    except (ValueError, KeyError, TypeError):
        return str(answer)[:LOG_BYTES]
    return message
