"""Our scoring of a GGUF against llama-perplexity's KL pass, on about as many tokens.

`python -m tests.bench_verify RUN TOKENS REPEATS` is the process that measures.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jobs.core import process, terminal
from jobs.core.run_dir import RunDir
from tests.bench_rows import Row, child

CONTEXT = 512
SCORED = CONTEXT // 2 - 1
"""Tokens of a chunk whose logits llama-perplexity compares: the second half."""
APART = (
    "ours does not: score plain text, round the reference to 16 bits, or use more than one thread for the KL (NumPy)",
    "llama-perplexity does not: take token ids, choose which tokens count (chat answers only), keep values by row "
    "(so no interval), compare with a Hugging Face model, or use an F32 KV cache unless told",
)


def measure(options: Any) -> list[Row]:
    """Seconds a 1,000 scored tokens, loading the file included, for both sides and every artefact."""
    found = child("bench_verify", options.run, str(options.tokens), str(options.repeats))
    tokens, rows = found["tokens"], []
    for name, one in found["passes"].items():
        ours, theirs = (one[side] * 1000 / tokens[side] for side in ("ours", "theirs"))
        rows.append(Row(f"{name}: our pass", ours, "s/1,000 tokens", ours / theirs, one["ours_said"]))
        rows.append(Row(f"{name}: llama-perplexity", theirs, "s/1,000 tokens", None, one["theirs_said"]))
    decoded = found["decoded"]
    rows.append(Row("scored by us", tokens["ours"], "tokens", None, f"{decoded['ours']:,} decoded"))
    rows.append(Row("scored by them", tokens["theirs"], "tokens", None, f"{decoded['theirs']:,} decoded"))
    for line in APART:
        terminal.say(f"bench: verify: {line}")
    return rows


def main(run: Path, num_tokens: int, repeats: int) -> dict[str, Any]:
    """Make both references once, then time both passes in turn."""
    rows = chosen_rows(run, num_tokens)
    tokens = {"ours": sum(len(places) for _, places in rows)}
    decoded = {"ours": sum(places[-1] + 1 for _, places in rows)}
    quants = sorted((run / "quantize").glob("model-*.gguf"))
    files = {"F16": run / "convert" / "model-f16.gguf", **{p.stem.removeprefix("model-"): p for p in quants[:1]}}
    with tempfile.TemporaryDirectory() as folder:
        process.require_space(Path(folder), int(2.2 * 4 * 152_000 * tokens["ours"]))
        text, chunks = plain_text(run, tokens["ours"], Path(folder))
        tokens["theirs"], decoded["theirs"] = chunks * SCORED, chunks * CONTEXT
        passes = {"reference": references(run, rows, text, Path(folder))}
        for name, gguf in files.items():
            passes[name] = both(gguf, rows, text, Path(folder), repeats)
        of_all, of_one = passes["reference"].pop("theirs_and_f16"), passes["F16"]["theirs"]
        passes["reference"]["theirs"] = max(of_all - of_one, 0.0)
    return {"tokens": tokens, "decoded": decoded, "passes": passes}


def chosen_rows(run: Path, num_tokens: int) -> list[tuple[list[int], list[int]]]:
    """(ids, places that predict a graded token) of held-out rows, until there are enough places."""
    rows: list[tuple[list[int], list[int]]] = []
    for line in (run / "preflight" / "val.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        rows.append((row["input_ids"], [i - 1 for i, label in enumerate(row["labels"]) if i and label != -100]))
        if sum(len(places) for _, places in rows) >= num_tokens:
            break
    return rows


def plain_text(run: Path, num_scored: int, folder: Path) -> tuple[Path, int]:
    """(text of training rows without control tokens, whole chunks in it): about `num_scored` scored tokens."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(run / "preflight" / "tokenizer" / "tokenizer.json"))
    wanted, text = max(2, round(num_scored / SCORED)) * CONTEXT, ""
    lines = (run / "preflight" / "train.jsonl").read_text(encoding="utf-8").splitlines()
    for line in lines:
        text += tokenizer.decode(json.loads(line)["input_ids"]) + "\n"
        if len(tokenizer.encode(text).ids) >= wanted + CONTEXT // 4:
            break
    path = folder / "text.txt"
    path.write_text(text, encoding="utf-8")
    return path, len(tokenizer.encode(text).ids) // CONTEXT


def references(run: Path, rows: list[Any], text: Path, folder: Path) -> dict[str, Any]:
    """Write both references: ours from Hugging Face in float32, theirs from the F32 GGUF, in 16 bits."""
    from transformers.utils.logging import disable_progress_bar

    from jobs.engines.gguf import llama_tools
    from jobs.engines.models import hf

    disable_progress_bar()
    ids, places = [row[0] for row in rows], [row[1] for row in rows]
    model = hf.load(run / "fetch" / "model", run / "train" / "adapter", "float32", "cpu")
    ours = seconds(lambda: hf.write_logits(model, ids, places, folder / "ours.npy", 8, lambda done: None))[0]
    gguf_32, gguf_16 = run / "convert" / "model-f32.gguf", run / "convert" / "model-f16.gguf"
    kld = folder / "theirs.kld"
    theirs, _ = seconds(lambda: llama_tools.perplexity_kl(gguf_32, gguf_16, text, kld, os.cpu_count() or 1, CONTEXT))
    sizes = [path.stat().st_size / 2**20 for path in (folder / "ours.npy", kld)]
    return {
        "ours": ours,
        "theirs_and_f16": theirs,
        "ours_said": f"Hugging Face, float32; {sizes[0]:,.0f} MiB",
        "theirs_said": f"the F32 GGUF, 16 bits; {sizes[1]:,.0f} MiB",
    }


def both(gguf: Path, rows: list[Any], text: Path, folder: Path, repeats: int) -> dict[str, Any]:
    """Median seconds of both passes on one file, in turn, and the divergence that each found."""
    from jobs.engines.gguf import llama, llama_tools

    threads, wanted = os.cpu_count() or 1, [llama.Row(*row) for row in rows]
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    for _ in range(repeats):
        spent, scores = seconds(lambda: llama.score(gguf, wanted, folder / "ours.npy", kv="f32", num_threads=threads))
        times["ours"].append(spent)
        spent, found = seconds(
            lambda: llama_tools.perplexity_kl(gguf, gguf, text, folder / "theirs.kld", threads, CONTEXT)
        )
        times["theirs"].append(spent)
    return {
        **{side: statistics.median(values) for side, values in times.items()},
        "ours_said": f"mean KL {scores.kl.mean():.2e} nats on chat answers",
        "theirs_said": f"mean KL {found.mean_kl:.2e} nats on plain text",
    }


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Wall time, and what the work returned."""
    started = time.perf_counter()
    answer = work()
    return time.perf_counter() - started, answer


if __name__ == "__main__":
    assert RunDir(Path(sys.argv[1])).artifact("convert") is not None
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
