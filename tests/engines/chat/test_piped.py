"""A script's question: all of stdin, the answer alone on stdout; and the settings are ours, not the file's."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.core.provenance import ROOT
from jobs.engines.gguf import llama_tools, server
from jobs.engines.gguf.server import MEASURED
from tests.stages import small_run

QUESTION = "次の記事に題名を付けてください。\n\n障子の桟は、細いほど軽やかに見えます。\n"


def chat(runs: Path, text: str | bytes, *words: str, name: str = "tiny") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "jobs", "chat", f"run.folder={runs}", f"run.name={name}", "context=256", *words]
    data = text.encode() if isinstance(text, str) else text
    done = subprocess.run(command, input=data, capture_output=True, cwd=ROOT, timeout=120, check=False)
    return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())


def asked(gguf: Path, **more: object) -> str:
    """What llama-server answers the question with, as it is by itself."""
    body = {"messages": [{"role": "user", "content": QUESTION.strip("\n")}], **more}
    with server.serve(gguf, context=256, num_threads=1) as one:
        answer: str = one.post("/v1/chat/completions", body)["choices"][0]["message"]["content"]
    return answer


@pytest.fixture(scope="module")
def sampling_run(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose GGUF brings sampler settings along, as one does whose base has them in generation_config."""
    folder = tmp_path_factory.mktemp("sampling")
    model, root = folder / "model", folder / "runs" / "tiny"
    shutil.copytree(tiny_model, model)
    given = json.loads((model / "generation_config.json").read_text())
    given |= {"do_sample": True, "temperature": 1.5, "top_k": 3, "top_p": 0.5, "repetition_penalty": 1.8}
    (model / "generation_config.json").write_text(json.dumps(given))
    (root / "quantize").mkdir(parents=True)
    llama_tools.convert(model, root / "quantize" / "model-F16.gguf", "f16")
    small_run.publish(root, "quantize", {"quants": [{"type": "F16", "file": "model-F16.gguf"}]})
    return root.parent


def test_the_answer_alone_is_on_stdout(tiny_run: Path) -> None:
    done = chat(tiny_run, QUESTION)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert done.stdout.endswith("\n")
    assert done.stderr.splitlines() == [
        "(cut: the conversation fills the context of 256 tokens; context=... gives more)"
    ]


def test_settings_that_travel_in_the_gguf_are_switched_off(sampling_run: Path, f16_gguf: Path) -> None:
    plain = asked(f16_gguf, temperature=0)
    penalized = asked(sampling_run / "tiny" / "quantize" / "model-F16.gguf", temperature=0)
    assert penalized != plain  # a temperature of 0 leaves the penalty on
    done = chat(sampling_run, QUESTION)
    assert done.returncode == 0, done.stderr
    assert done.stdout == plain + "\n"
    assert done.stderr.startswith("tiny · F16 · NOT CERTIFIED: `prepare` was not made · temperature 0, as measured\n")


def test_every_sampler_setting_of_a_gguf_is_said() -> None:
    """Those of `general.sampling.*` in llama.cpp's common.cpp: what is not said here would be read there."""
    of_a_gguf = ("samplers", "top-k", "top-p", "min-p", "xtc-probability", "temp", "repeat-penalty", "mirostat")
    assert {f"--{name}" for name in of_a_gguf} <= set(MEASURED)


@pytest.mark.parametrize(
    ("text", "words", "code", "said"),
    [
        ("", [], 2, "chat: refused: stdin: holds no message"),
        (" \n", [], 2, "chat: refused: stdin: holds no message"),
        (b"\xff", [], 2, "chat: refused: stdin: invalid start byte at byte 0; send it as UTF-8"),
        ("hi", ["run.name=other"], 2, "chat: refused: run.name: there is no run"),
        ("hi", ["context=4096"], 2, "chat: refused: context=4096: the model has 2,048 positions"),
        (QUESTION * 40, [], 2, "chat: refused: too long: the conversation has more than the 256 tokens"),
    ],
)
def test_what_cannot_be_answered_is_said_in_one_line_and_one_to_paste(
    tiny_run: Path, text: str | bytes, words: list[str], code: int, said: str
) -> None:
    done = chat(tiny_run, text, *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(said)
    (line,) = done.stderr.splitlines()[1:]
    assert re.match(r"(then )?-> .* -m jobs chat ", line)
    assert not words or words[0] not in line or line.startswith("then ")


def test_who_reads_may_go_away(tiny_run: Path) -> None:
    words = [sys.executable, "-m", "jobs", "chat", f"run.folder={tiny_run}", "run.name=tiny"]
    with subprocess.Popen(
        words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as one:
        assert one.stdin is not None
        assert one.stdout is not None
        assert one.stderr is not None
        one.stdin.write(b"hi")
        one.stdin.close()
        one.stdout.read(1)
        one.stdout.close()
        assert one.stderr.read() == b""
        assert one.wait(60) == 0
