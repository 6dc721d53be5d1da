"""Our streaming merge and its proof against PEFT's merge_and_unload, each in a process of its own.

`python -m tests.bench_merge ours|proof|peft TIMES BASE ADAPTER MERGED` is such a process. The second model, which
`make BASE ADAPTER` writes, has random weights in the shapes of Qwen3-0.6B: a small model says nothing about memory.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jobs.core import process, terminal
from jobs.core.errors import EnvironmentProblem
from tests.bench_rows import MIB, Row, child

LARGE = {
    "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28, "num_attention_heads": 16,
    "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936, "tie_word_embeddings": True,
    "max_position_embeddings": 40960,
}  # fmt: skip
LARGE_BYTES = 4_000_000_000
"""1.2 GB in bf16, one merged copy of 2.4 GB in fp32 at a time, and room."""
RANK, ALPHA = 16, 32
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def measure(options: Any) -> list[Row]:
    """The run's own model, then the large one where there is room for it."""
    run = Path(options.run)
    with tempfile.TemporaryDirectory() as folder:
        rows = compared("run's model", run / "fetch" / "model", run / "train" / "adapter", Path(folder), times=3)
        if not options.large:
            return rows
        try:
            process.require_space(Path(folder), LARGE_BYTES)
        except EnvironmentProblem:
            terminal.say(f"bench: merge: no room for the large model: {LARGE_BYTES / 1e9:.0f} GB of disk are needed")
            return rows
        base, adapter = Path(folder) / "base", Path(folder) / "adapter"
        child("bench_merge", "make", str(base), str(adapter))
        return rows + compared("0.6B shapes", base, adapter, Path(folder), times=1)


def compared(label: str, base: Path, adapter: Path, folder: Path, times: int) -> list[Row]:
    """Ours, its proof and PEFT's on one model: median time, peak memory of the process."""
    found = {}
    for verb in ("ours", "proof", "peft"):
        into = folder / ("theirs" if verb == "peft" else "merged")
        if verb == "peft":
            shutil.rmtree(folder / "merged")
        os.sync()  # what the one before has left to write is not this one's time
        found[verb] = child("bench_merge", verb, str(times), str(base), str(adapter), str(into))
    shutil.rmtree(folder / "theirs")
    titles = {"ours": "our merge", "proof": "its proof from disk", "peft": "PEFT, merge and save"}
    rows = []
    for verb, title in titles.items():
        ratio = None if verb == "peft" else found[verb]["seconds"] / found["peft"]["seconds"]
        rows.append(Row(f"{label}: {title}", found[verb]["seconds"], "s", ratio))
    for verb, title in titles.items():
        one = found[verb]
        ratio = None if verb == "peft" else one["peak_bytes"] / found["peft"]["peak_bytes"]
        note = f"{one['import_bytes'] / MIB:,.0f} MiB of it are imports"
        rows.append(Row(f"{label}: {title}", one["peak_bytes"] / MIB, "MiB", ratio, note))
    return rows


def make(base: Path, adapter: Path) -> None:
    """Random weights in two shards, tensor by tensor, and a random adapter on the seven linear layers."""
    import torch
    from peft import LoraConfig
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, Qwen3Config

    from jobs.engines.models import shards

    config = Qwen3Config(**LARGE, dtype="bfloat16", architectures=["Qwen3ForCausalLM"])
    with torch.device("meta"):
        state = AutoModelForCausalLM.from_config(config).state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items() if name != "lm_head.weight"}
    base.mkdir()
    adapter.mkdir()
    config.save_pretrained(str(base))
    names, torch_random = sorted(shapes), torch.Generator().manual_seed(0)
    placed: dict[str, str] = {}
    for number, part in enumerate((names[: len(names) // 2], names[len(names) // 2 :]), 1):
        file = f"model-{number:05d}-of-00002.safetensors"
        writer = shards.Writer(base / file, {name: shapes[name] for name in part}, torch.bfloat16)
        for name in part:
            writer.write(name, torch.randn(shapes[name], generator=torch_random).mul_(0.02))
            placed[name] = file
        writer.close()
    (base / shards.INDEX).write_text(json.dumps({"metadata": {}, "weight_map": placed}))
    factors = {}
    for name in names:
        module = name.removesuffix(".weight")
        if module.rpartition(".")[2] in TARGETS:
            rows, columns = shapes[name]
            key = f"base_model.model.{module}"
            factors[f"{key}.lora_A.weight"] = torch.randn((RANK, columns), generator=torch_random) * 0.02
            factors[f"{key}.lora_B.weight"] = torch.randn((rows, RANK), generator=torch_random) * 0.02
    save_file(factors, str(adapter / "adapter_model.safetensors"), metadata={"format": "pt"})
    lora = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=TARGETS, task_type="CAUSAL_LM", inference_mode=True)
    lora.save_pretrained(str(adapter))


def imported(verb: str) -> Callable[[Path, Path, Path], Any]:
    """The work of one side, with everything imported that it needs."""
    import torch

    if verb == "peft":
        from peft import PeftModel
        from transformers import AutoModelForCausalLM
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()

        def theirs(base: Path, adapter: Path, into: Path) -> None:
            model = AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.float32, local_files_only=True)
            merged = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
            merged.save_pretrained(str(into))

        return theirs
    from jobs.engines.models import merging

    if verb == "proof":
        return merging.prove
    return lambda base, adapter, into: merging.merge(base, adapter, into, torch.float32)


def timed(verb: str, times: int, folders: list[Path]) -> dict[str, float]:
    """Median seconds of the work alone, and the peak memory of this process before and after it."""
    work, found = imported(verb), []
    before = peak_bytes()
    for number in range(times):
        if verb != "proof" and number:
            shutil.rmtree(folders[-1])
        started = time.perf_counter()
        work(*folders)
        found.append(time.perf_counter() - started)
    return {"seconds": statistics.median(found), "import_bytes": before, "peak_bytes": peak_bytes()}


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(verb: str, words: list[str]) -> dict[str, float]:
    """One process: make the large model, or time one side on it."""
    if verb == "make":
        make(*map(Path, words))
        return {}
    return timed(verb, int(words[0]), [Path(word) for word in words[1:]])


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2:])))
