"""llama-server as a child: ready, asked, refused, and gone when nobody asks any more."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.core.errors import EnvironmentProblem
from jobs.engines.gguf import llama_tools, server
from jobs.engines.gguf.llama import LlamaFailed

HI = {"messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture(scope="module")
def running(f16_gguf: Path) -> Iterator[server.Server]:
    with server.serve(f16_gguf, context=256, num_threads=1) as one:
        yield one


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_it_renders_and_answers(running: server.Server) -> None:
    rendered = running.post("/apply-template", HI)
    answer = running.post("/v1/chat/completions", {**HI, "max_tokens": 1, "temperature": 0})

    assert rendered == {"prompt": "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"}
    assert answer["usage"]["prompt_tokens"] == 9
    assert running.get("/props")["total_slots"] == 1


def test_an_answer_comes_in_pieces(running: server.Server) -> None:
    events = list(running.stream("/v1/chat/completions", {**HI, "max_tokens": 3, "temperature": 0, "stream": True}))

    assert events[-1]["choices"][0]["finish_reason"] in ("stop", "length")


def test_what_it_refuses_is_told_in_its_own_words(running: server.Server) -> None:
    with pytest.raises(server.ServerRefused, match="'messages' is required") as refused:
        running.post("/apply-template", {})

    assert refused.value.status == 400


def test_it_answers_only_who_has_its_key(running: server.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_key", "another")

    with pytest.raises(server.ServerRefused, match="API Key") as refused:
        running.post("/apply-template", HI)

    assert refused.value.status == 401


def test_it_listens_on_this_machine_alone(running: server.Server) -> None:
    hexadecimal = f"{running.port:04X}"
    listening = [
        line.split()[1]
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        if line.split()[1].endswith(f":{hexadecimal}") and line.split()[3] == "0A"
    ]
    loopback = socket.inet_aton("127.0.0.1")[::-1].hex().upper()

    assert listening == [f"{loopback}:{hexadecimal}"]


def test_it_ends_with_the_block(f16_gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAMA_ARG_HOST", "0.0.0.0")
    monkeypatch.setenv("LLAMA_ARG_CTX_SIZE", "64")
    with server.serve(f16_gguf, context=256, num_threads=1) as one:
        context = one.get("/props")["default_generation_settings"]["n_ctx"]

    assert context == 256
    assert gone(one.pid)


def test_one_that_dies_is_told_by_how_it_ended(f16_gguf: Path) -> None:
    with server.serve(f16_gguf, context=256, num_threads=1) as one:
        os.kill(one.pid, signal.SIGSEGV)
        with pytest.raises(LlamaFailed, match="llama-server died of SIGSEGV"):
            one.post("/apply-template", HI)


def test_one_that_is_killed_is_the_machines_want_of_memory(f16_gguf: Path) -> None:
    with server.serve(f16_gguf, context=256, num_threads=1) as one:
        os.kill(one.pid, signal.SIGKILL)
        with pytest.raises(EnvironmentProblem, match="was ended from outside"):
            one.get("/props")


def test_a_file_that_cannot_be_loaded_is_told_with_the_reason(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(b"GGUF" + bytes(60))

    failed = pytest.raises(LlamaFailed, match=r"damaged\.gguf: llama-server ended with exit code 1")
    with failed, server.serve(damaged, context=256, num_threads=1):
        pass


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(LlamaFailed, match="no such file"), server.serve(tmp_path / "no.gguf", context=1, num_threads=1):
        pass


def test_the_wait_for_it_has_an_end(f16_gguf: Path) -> None:
    failed = pytest.raises(LlamaFailed, match="was not ready within 0 s")
    with failed, server.serve(f16_gguf, context=256, num_threads=1, start_seconds=0):
        pass


def test_a_build_without_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "build").mkdir()
    for name in ("PIN", "build/build.json"):
        (tmp_path / name).write_bytes((llama_tools.VENDOR / name).read_bytes())
    monkeypatch.setattr(llama_tools, "VENDOR", tmp_path)

    with pytest.raises(EnvironmentProblem, match="no llama-server; run `make setup`"):
        server.program()
