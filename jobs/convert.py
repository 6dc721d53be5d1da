"""Make the F32 GGUF with the pinned converter, then F16 from it, and compare both with the merged folder.

Reads `merge` (the folder) and `preflight` (rows, stop tokens); makes `model-f32.gguf` and `model-f16.gguf`.
"""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from jobs.checks.convert import GATE, ConvertFacts, ConvertLimits, HeaderFacts
from jobs.checks.templates import ModelfileFacts, RenderConfig, TemplateFacts, TemplatesConfig
from jobs.core import terminal
from jobs.core.artifact import Inputs
from jobs.core.model import StageConfig
from jobs.core.provenance import ROOT, file_digest
from jobs.core.room import require_space
from jobs.core.stage import stage_main
from jobs.logic.estimating import disk

F32, F16 = "model-f32.gguf", "model-f16.gguf"


class ConvertConfig(StageConfig):
    beside_key: ClassVar[frozenset[str]] = frozenset({"limits", "render", "device"})
    name: str = Field(min_length=1, max_length=200)
    """What the GGUFs call themselves, which clients show."""
    device: Literal["auto", "cpu", "cuda"]
    """Of the merged model whose logits the file's are compared with; float32 either way."""
    num_rows: int = Field(ge=1)
    num_threads: int = Field(ge=0)
    templates: TemplatesConfig
    render: RenderConfig
    limits: ConvertLimits


def make(cfg: ConvertConfig, inputs: Inputs, out: Path) -> None:
    """Convert, then round."""
    from jobs.engines.gguf import llama_tools
    from jobs.engines.models import shards

    merged = inputs["merge"].folder("model")
    num_weights = sum(math.prod(entry.shape) for entry in shards.Folder(merged).entries.values())
    require_space(out, disk.converted_bytes(num_weights))
    llama_tools.convert(merged, out / F32, "f32", cfg.name)
    llama_tools.quantize(out / F32, out / F16, "F16", num_threads=threads(cfg))


def measure(cfg: ConvertConfig, inputs: Inputs, out: Path) -> ConvertFacts:
    """Facts from the two files as they are on disk."""
    from jobs.engines.gguf import checks, file as gguf_file

    merged = inputs["merge"].folder("model")
    stops = json.loads(inputs["preflight"].file("stops.json").read_text())
    files = [header(path, merged, cfg.name) for path in (out / F32, out / F16) if path.exists()]
    known: dict[str, Any] = {"files": files, "end_of_turn": stops["end_of_turn"]}
    if len(files) < 2 or any(file.problems for file in files):
        return ConvertFacts(
            **known,
            num_equal_tensors=0,
            differing_tensors=[],
            missing_tensors=[],
            extra_tensors=[],
            f16_differing=[],
            num_texts=0,
            texts_differing=[],
            known_to_differ=0,
            num_rows=0,
            num_tokens=0,
            logits_kl=None,
            templates=[],
            modelfile=None,
        )
    f32, f16 = gguf_file.read(out / F32), gguf_file.read(out / F16)
    proof = gguf_file.compare_tensors(f32, merged)
    num_texts, differing, known_to_differ = checks.token_differences(out / F32, merged, row_texts(inputs))
    num_rows, num_tokens, drift = logits_drift(cfg, inputs, merged, out / F32)
    other = [f"{key} is not the F32 file's" for key in checks.differing_metadata(f16, f32, "F16")]
    template, ollama = run_templates(cfg, inputs, out / F16)
    files[1] = files[1].model_copy(update={"differing": files[1].differing + other})
    return ConvertFacts(
        **known,
        num_equal_tensors=proof.num_equal,
        differing_tensors=sorted(proof.largest_difference),
        missing_tensors=proof.missing,
        extra_tensors=proof.extra,
        f16_differing=checks.not_rounded(f32, f16),
        num_texts=num_texts,
        texts_differing=differing,
        known_to_differ=known_to_differ,
        num_rows=num_rows,
        num_tokens=num_tokens,
        logits_kl=drift,
        templates=[template],
        modelfile=ollama,
    )


def header(path: Path, merged: Path, name: str) -> HeaderFacts:
    """One file's header facts; of a file that is not whole only why."""
    from jobs.engines.gguf import checks, file as gguf_file, llama

    problems, stops = gguf_file.structure_problems(path), set[int]()
    if not problems:
        architecture = gguf_file.describe(gguf_file.read(path)).architecture
        if architecture != "qwen3":
            problems = [f"general.architecture is {architecture}, expected qwen3"]
    if not problems:
        try:
            stops = llama.eog_tokens(path)
        except llama.LlamaFailed as error:
            problems = [f"llama.cpp cannot load it: {error}"]
    if problems:
        return HeaderFacts(
            file=path.name,
            problems=[problem.replace(f"{path}: ", "").replace(str(path), path.name) for problem in problems],
            template_equal=None,
            eos_id=None,
            eog_ids=[],
            differing=[],
            name=None,
            sampling={},
            types={},
            num_bytes=path.stat().st_size,
            nonfinite=[],
        )
    file = gguf_file.read(path)
    return HeaderFacts(
        file=path.name,
        problems=[],
        template_equal=checks.template_equal(file, merged),
        eos_id=gguf_file.describe(file).eos_token_id,
        eog_ids=sorted(stops),
        differing=checks.differing_header(file, merged) + checks.differing_names(file, name),
        name=file.metadata.get("general.name"),
        sampling=checks.sampling(file),
        types=gguf_file.type_histogram(file),
        num_bytes=path.stat().st_size,
        nonfinite=sorted(gguf_file.non_finite(file)),
    )


def row_texts(inputs: Inputs) -> dict[str, str]:
    """Row id to rendered text, of every row that was trained or held out."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(inputs["preflight"].folder("tokenizer")), local_files_only=True)
    return {
        f"row {row['id']}": tokenizer.decode(row["input_ids"])
        for name in ("train.jsonl", "val.jsonl")
        for row in read_rows(inputs["preflight"].file(name))
    }


def logits_drift(cfg: ConvertConfig, inputs: Inputs, merged: Path, gguf: Path) -> tuple[int, int, float | None]:
    """(rows, tokens, mean KL(merged || GGUF)) on graded tokens of held-out rows with an F32 KV cache, in nats.

    The KL is None where llama.cpp cannot score the file.
    """
    from jobs.engines.gguf import llama
    from jobs.engines.models import hf

    rows = read_rows(inputs["preflight"].file("val.jsonl"))[: cfg.num_rows]
    ids = [row["input_ids"] for row in rows]
    positions = [[i - 1 for i, label in enumerate(row["labels"]) if label != -100 and i > 0] for row in rows]
    reference = gguf.with_name("reference.npy")
    hf.write_logits(hf.load(merged, None, device=cfg.device), ids, positions, reference, 1, lambda done: None)
    scored = [llama.Row(row, places) for row, places in zip(ids, positions, strict=True)]
    try:
        scores = llama.score(gguf, scored, reference, kv="f32", num_threads=threads(cfg))
    except llama.LlamaFailed as error:
        terminal.say(f"convert: {error}")
        return len(rows), 0, None
    finally:
        reference.unlink()
    return len(rows), len(scores.kl), float(scores.kl.mean())


def run_templates(cfg: ConvertConfig, inputs: Inputs, gguf: Path) -> tuple[TemplateFacts, ModelfileFacts]:
    """The chat template as llama.cpp runs it, and the one that the Modelfile will have."""
    from jobs.engines.models import executed
    from jobs.logic.pages import modelfile

    wanted = executed.expected(
        inputs["preflight"].root, cfg.templates.num_rendered, cfg.templates.num_asked, cfg.render
    )
    block, prompt = (inputs["preflight"].record.facts.get(name) for name in ("thinking_block", "opening"))
    ollama = executed.modelfile_facts(wanted, block, modelfile.opening(block, prompt or ""))
    return TemplateFacts(**executed.compare(gguf, wanted, num_threads=threads(cfg))), ModelfileFacts(**ollama)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSONL file."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def threads(cfg: ConvertConfig) -> int:
    """The configured number of threads, or all CPUs."""
    return cfg.num_threads or os.cpu_count() or 1


def run(cfg: ConvertConfig, inputs: Inputs, out: Path) -> ConvertFacts:
    make(cfg, inputs, out)
    return measure(cfg, inputs, out)


def outside(cfg: ConvertConfig) -> dict[str, str]:
    """The pin decides what converter and runtime do."""
    return {"vendor/llama.cpp/PIN": file_digest(ROOT / "vendor" / "llama.cpp" / "PIN")}


main = stage_main("convert", ConvertConfig, run, GATE, outside)

if __name__ == "__main__":
    sys.exit(main())
