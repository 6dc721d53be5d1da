"""The pinned llama.cpp's command-line tools and its converter, as child processes.

Every function writes to the path it is given and nowhere else, is quiet when it succeeds, and raises `ToolFailed` with
the last lines of the tool's output when it does not.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jobs.core import process, room
from jobs.core.errors import EnvironmentProblem
from jobs.core.provenance import ROOT

VENDOR = ROOT / "vendor" / "llama.cpp"
ENDED: dict[int, str] = {
    signal.SIGXFSZ: "a file would be larger than `ulimit -f` allows",
    signal.SIGKILL: "was ended from outside, as it is where memory runs out",
}
"""Signals that say what the machine lacks."""
INVENTED = (
    "general.author", "general.version", "general.organization", "general.finetune", "general.basename",
    "general.size_label",
)  # fmt: skip
"""Keys that the converter fills from names."""
TAIL_LINES, MAX_LINE = 6, 300
PLANNED = re.compile(r"^\[ *\d+/ *\d+\] (\S+) +- \[.*\], type = +(\w+), size = .*?(?:-> .*\((\w+)\))?$", re.MULTILINE)
REASON = re.compile(r"^(\S+ )?E |\b(\w*error|fail\w*|abort\w*|invalid|exception|what\(\))|ASSERT", re.IGNORECASE)


class ToolFailed(Exception):
    """A llama.cpp tool ended with an error; the message has its name, how it ended and its last lines."""


@dataclass(frozen=True)
class Tree:
    """Where the build is: `bin` has tools and libraries, `src` the converter, gguf-py, a vocabulary and a template."""

    bin: Path
    src: Path
    version: str
    """Version of the source package."""
    commit: str
    flags: dict[str, str]
    """CMake definitions."""


@dataclass(frozen=True)
class Divergence:
    """What `llama-perplexity --kl-divergence` prints, in nats; its stored reference is 16-bit (floor 5.5e-4)."""

    mean_kl: float
    max_kl: float
    same_top_percent: float
    perplexity: float


def tree() -> Tree:
    """The build that `vendor/llama.cpp/build` points at; EnvironmentProblem if there is none."""
    root = (VENDOR / "build").resolve()
    try:
        record = json.loads((root / "build.json").read_text())
    except FileNotFoundError:
        raise EnvironmentProblem("llama.cpp is not built; run `make setup` first") from None
    pin = tomllib.loads((VENDOR / "PIN").read_text())
    built = (record["version"], record["commit"], record["sdist_sha256"])
    if built != (pin["version"], pin["commit"], pin["sha256"]):
        raise EnvironmentProblem(f"the llama.cpp that is built is {built[0]} ({built[1]}), not PIN's; run `make setup`")
    return Tree(root / "bin", root / "src", record["version"], record["commit"], record["flags"])


def convert(model_dir: Path, out: Path, outtype: str = "f32", name: str = "Model") -> None:
    """Convert a Hugging Face folder to one GGUF with `outtype` f32, f16 or bf16; norms are F32 in all of them.

    `name` is its general.name. Without a name the converter makes one of the folder's; INVENTED it makes of that and of
    `_name_or_path`, where a config still says what its base was called: they are left out.
    """
    script = tree().src / "convert_hf_to_gguf.py"
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as metadata:
        json.dump({"general.name": name} | dict.fromkeys(INVENTED), metadata)
        metadata.flush()
        command = [sys.executable, str(script), str(model_dir), "--outfile", str(out), "--outtype", outtype]
        command += ["--metadata", metadata.name]
        _run(command, out, PYTHONSAFEPATH="")  # which the image sets; the script imports what lies beside it


def quantize(source: Path, out: Path, type: str, imatrix: Path | None = None, num_threads: int = 1) -> None:
    """Quantize `source` (F32, F16 or BF16) to `type`, as in Q4_K_M.

    Exit 0 does not mean that every tensor got the type: rows not divisible by 256 fall back one by one, so look at
    `file.type_histogram` afterwards.
    """
    weights = ["--imatrix", imatrix.name] if imatrix else []
    command = [_tool("llama-quantize"), *weights, str(source.resolve()), str(out.resolve()), type, str(num_threads)]
    _run(command, out, imatrix.parent if imatrix else None)


def planned_types(source: Path, type: str) -> dict[str, str]:
    """Tensor to the type that `quantize` would give it without an importance matrix, as in Q6_K; nothing is made."""
    text = _run([_tool("llama-quantize"), "--dry-run", str(source.resolve()), type])
    found = {match[1]: (match[3] or match[2]).upper() for match in PLANNED.finditer(text)}
    if not found:
        raise ToolFailed(f"llama-quantize --dry-run named no tensor:{telling_lines(text.splitlines())}")
    return found


def imatrix(gguf: Path, text_file: Path, out: Path, num_threads: int, context: int = 512, num_chunks: int = -1) -> None:
    """Measure which weights matter on `text_file`, in chunks of `context` tokens; all of the text if -1 chunks.

    Control tokens in the text count as such, so that chat text is measured as the model sees it. Raises `ToolFailed`
    if the text is shorter than two chunks.
    """
    command = [_tool("llama-imatrix"), "-m", str(gguf.resolve()), "-f", text_file.name, "-o", str(out.resolve()),
               "--parse-special", "-c", str(context), "-t", str(num_threads), "--chunks", str(num_chunks),
               "-ngl", "0"]  # fmt: skip
    _run(command, out, text_file.parent)


def perplexity_kl(
    reference: Path, gguf: Path, text_file: Path, logits_file: Path, num_threads: int, context: int = 512
) -> Divergence:
    """Divergence of `gguf` from `reference` on a text, by llama.cpp's own tool.

    `logits_file` is written if it is not there (the vocabulary's width x 2 bytes for every second token) and read
    otherwise, so that several files can be compared with one reference. Raises `ToolFailed` if the text is shorter
    than two chunks of `context` tokens.
    """
    common = ["-f", str(text_file), "-c", str(context), "-t", str(num_threads), "-ngl", "0",
              "--kl-divergence-base", str(logits_file)]  # fmt: skip
    if not logits_file.exists():
        _run([_tool("llama-perplexity"), "-m", str(reference), *common], logits_file)
    text = _run([_tool("llama-perplexity"), "-m", str(gguf), "--kl-divergence", *common])

    def number(label: str) -> float:
        found = re.search(rf"{label}\s*:\s*(-?[\d.]+(?:e-?\d+)?|-?nan|inf)", text)
        if not found:
            raise ToolFailed(f"llama-perplexity printed no `{label}`:{telling_lines(text.splitlines())}")
        return float(found[1])

    return Divergence(number("Mean +KLD"), number("Maximum +KLD"), number("Same top p"), number(r"Mean PPL\(Q\)"))


def child_environment() -> dict[str, str]:
    """Environment of every process that runs llama.cpp: offline, its own gguf-py, polite to other processes.

    Without OMP_WAIT_POLICY=passive the threads of a token wait by spinning; on two cores shared with another job
    that made generation 4 to 17 times slower. Without GGML_NO_BACKTRACE an abort starts a debugger.
    """
    environment = {name: value for name, value in os.environ.items() if name != "NO_LOCAL_GGUF"}
    environment.setdefault("OMP_WAIT_POLICY", "passive")
    return environment | {"GGML_NO_BACKTRACE": "1", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


def how_it_ended(code: int) -> str:
    """An exit code in words: `died of SIGABRT`, `ended with exit code 1`."""
    return f"died of {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def telling_lines(output: Iterable[str]) -> str:
    """The last lines that sound like a reason, or the last lines if none does; each on its own line, indented."""
    lines = [line.rstrip() for line in output if line.strip()]
    reasons = [line for line in lines if REASON.search(line)]
    return "".join(f"\n  {line[:MAX_LINE]}" for line in (reasons or lines)[-TAIL_LINES:])


def _tool(name: str) -> str:
    return str(tree().bin / name)


def _run(command: list[str], out: Path | None = None, folder: Path | None = None, **more: str) -> str:
    """Run to the end and return all output; ToolFailed, and no file at `out`, if it failed or `out` is not there.

    `more`: variables of the environment beside `child_environment()`.

    The tools write the names of the files they read into what they make: run in their `folder`, a name has no path.
    """
    if out is not None:
        out.unlink(missing_ok=True)
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=child_environment() | more,
        cwd=folder,
        text=True,
        errors="replace",
        check=False,
        preexec_fn=process.end_at_once_with_parent,
    )
    name = next(Path(part).name for part in command if part != sys.executable)
    if done.returncode:
        if out is not None:
            out.unlink(missing_ok=True)
        lacking = ENDED.get(-done.returncode) or room.told_of_output(done.stdout, out)
        if lacking:
            raise EnvironmentProblem(f"{name}: {lacking}; what it had written was removed")
        raise ToolFailed(f"{name} {how_it_ended(done.returncode)}:{telling_lines(done.stdout.splitlines())}")
    if out is not None and not out.exists():
        raise ToolFailed(f"{name} wrote no {out.name}:{telling_lines(done.stdout.splitlines())}")
    return done.stdout
