"""Faults of conversion, quantizing and serving: the same change to a run's GGUFs and to a stranger's."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests import gguf_tamper
from tests.faults import on_a_run, peer
from tests.faults.fault import Fault, Ours, Theirs
from tests.whole_run import own

One = Callable[[Path], None]
"""Changes one GGUF in place."""
CONTROL, NORMAL, Q4_K_M = 3, 1, 15


def of_run(change: One) -> One:
    """To both of `convert`'s."""

    def spoil(run: Path) -> None:
        for path in on_a_run.both_ggufs(run):
            change(path)

    return spoil


def of_folder(change: One) -> One:
    """To every GGUF of the folder."""

    def spoil(folder: Path) -> None:
        for path in sorted(folder.glob("model-*.gguf")):
            own(path)
            change(path)

    return spoil


def template_altered(path: Path) -> None:
    """One letter of the template is another."""
    data = bytearray(path.read_bytes())
    place = data.index(b"add_generation_prompt", data.index(b"tokenizer.chat_template"))
    data[place : place + 3] = b"axd"
    path.write_bytes(data)


def eos_altered(path: Path) -> None:
    gguf_tamper.set_number(path, "tokenizer.ggml.eos_token_id", 151_643)


def rope_altered(path: Path) -> None:
    gguf_tamper.set_number(path, "qwen3.rope.freq_base", 10_000.0)


def types_altered(path: Path) -> None:
    """`<|im_start|>` and `<|im_end|>` are normal tokens."""
    data = bytearray(path.read_bytes())
    key = b"tokenizer.ggml.token_type"
    place = data.index(key) + len(key)
    kind, of, count = struct.unpack_from("<IIQ", data, place)
    assert (kind, of, count > 151_645) == (9, 5, True)
    for token in (151_644, 151_645):
        at = place + 16 + 4 * token
        assert struct.unpack_from("<i", data, at) == (CONTROL,)
        struct.pack_into("<i", data, at, NORMAL)
    path.write_bytes(data)


def truncated(path: Path) -> None:
    gguf_tamper.truncate(path, 4096)


def layers_swapped(path: Path) -> None:
    from jobs.engines.gguf import file as gguf_file

    for name in gguf_file.read(path).tensors:
        if name.startswith("blk.0."):
            gguf_tamper.swap_tensors(path, name, name.replace("blk.0.", "blk.1."))


def quant_of(base: Path, out: Path, type: str = "Q4_K_M") -> None:
    """A quant of the base: right in form, without the fine-tune."""
    from jobs.engines.gguf import llama_tools

    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "model"
        shutil.copytree(base, copy)
        llama_tools.convert(copy, Path(name) / "base.gguf", "f32")
        out.unlink(missing_ok=True)
        llama_tools.quantize(Path(name) / "base.gguf", out, type)


def fallen_back(source: Path, out: Path) -> None:
    """Every tensor has another type than the one that the header names, as where rows cannot hold it."""
    from jobs.engines.gguf import llama_tools

    out.unlink(missing_ok=True)
    llama_tools.quantize(source, out, "Q5_0")
    gguf_tamper.set_number(out, "general.file_type", Q4_K_M)


def adapter_gguf(folder: Path) -> None:
    """The adapter as a GGUF: the converter writes alpha alone, and llama.cpp applies alpha / rank."""
    from jobs.engines.gguf import llama_tools

    words = ["--base", folder / "base", "--outfile", folder / "adapter-f16.gguf", folder / "adapter"]
    subprocess.run(
        [sys.executable, str(llama_tools.tree().src / "convert_lora_to_gguf.py"), *map(str, words)],
        check=True, capture_output=True, env=llama_tools.child_environment(),
    )  # fmt: skip


def other_template(folder: Path) -> None:
    peer.modelfile(folder, template="{{ if .System }}{{ .System }}\n{{ end }}USER: {{ .Prompt }}\nASSISTANT: ")


def pair(name: str, causes: str, gates: str, change: One, remake: str = "answered") -> Fault:
    return Fault(
        name, causes, Ours(gates, stage="convert", spoil=of_run(change)), Theirs(after=of_folder(change), remake=remake)
    )


FAULTS = [
    pair("GGUF's template altered", "gguf-template-altered", "GGF002", template_altered, ""),
    pair("GGUF's end of turn altered", "gguf-stop-token-altered", "GGF003", eos_altered),
    pair("GGUF's token types altered", "gguf-token-types-altered", "GGF004 GGF007", types_altered),
    pair("GGUF's RoPE base altered", "gguf-rope-altered", "GGF007", rope_altered),
    pair("GGUF truncated", "gguf-damaged", "GGF001", truncated, ""),
    pair("GGUF's layers swapped", "gguf-not-of-these-weights layers-swapped", "GGF005", layers_swapped),
    Fault(
        "quant made from the base",
        "gguf-made-from-base",
        Ours(
            "QNT004 PAR005",
            stage="quantize",
            spoil=lambda run: quant_of(run / "fetch/model", run / "quantize/model-Q4_K_M.gguf"),
        ),
        Theirs(after=lambda folder: quant_of(folder / "base", folder / "model-q4_k_m.gguf"), remake="answered"),
    ),
    Fault(
        "quant's types fallen back",
        "quant-type-fallen-back",
        Ours(
            "QNT002",
            stage="quantize",
            spoil=lambda run: fallen_back(run / "convert/model-f32.gguf", run / "quantize/model-Q4_K_M.gguf"),
        ),
        Theirs(after=lambda folder: fallen_back(folder / "model-f16.gguf", folder / "model-q4_k_m.gguf")),
    ),
    Fault(
        "adapter GGUF at the wrong strength",
        "adapter-gguf-at-wrong-strength",
        None,
        Theirs(ways=peer.but(peer.Recipe(), rslora=True), after=adapter_gguf),
    ),
    Fault(
        "Modelfile without stop",
        "modelfile-without-stop",
        None,
        Theirs(after=lambda folder: peer.modelfile(folder, stops=())),
    ),
    Fault("Modelfile with another template", "modelfile-of-another-template", None, Theirs(after=other_template)),
]
