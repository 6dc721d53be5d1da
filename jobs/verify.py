"""Compare every artefact with the model that was trained: logits on held-out answers, then text.

Reads everything before it. The reference is base + adapter, unmerged, in float32. Makes `rows.jsonl` (divergences
token by token), `generations.jsonl` (the GGUFs' answers in llama.cpp), `lengths.jsonl` (answers of what ships to longer
prompts), `failures.json` (what llama.cpp refused) and `templates.json` (the prompts that it renders).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from jobs.checks import lengths
from jobs.checks.advised import Shipped
from jobs.checks.behaviour import OPENINGS, Generation, MeasureConfig, Sample, behaviours, samples
from jobs.checks.lengths import LengthFacts, LengthsConfig, Stretched
from jobs.checks.parity import Parity
from jobs.checks.templates import RenderConfig, TemplateFacts, TemplatesConfig
from jobs.checks.verify import GATE, VerifyFacts, VerifyLimits
from jobs.core.artifact import Inputs
from jobs.core.model import StageConfig
from jobs.core.provenance import ROOT, file_digest
from jobs.core.room import require_space
from jobs.core.stage import stage_main
from jobs.core.terminal import progress
from jobs.logic.estimating import disk
from jobs.logic.parity import blame, quant_files
from jobs.logic.parity.draw import draw_rows, draw_tokens


class VerifyConfig(StageConfig):
    """What is compared, and how."""

    beside_key: ClassVar[frozenset[str]] = frozenset({"limits", "render"})
    seed: int
    device: Literal["auto", "cpu", "cuda"]
    """Of the Hugging Face models; float32 either way."""
    num_threads: int = Field(ge=0)
    """For llama.cpp; 0 = all CPUs."""
    gpu_layers: int = Field(ge=-1)
    """Layers of a GGUF that run on the GPU; -1 = all."""
    batch_size: int = Field(ge=1)
    """Rows that are scored side by side."""
    max_tokens: int = Field(ge=1)
    """Graded tokens that are compared; rows are drawn by seed."""
    noise_rows: int = Field(ge=1)
    """Rows on which the reference is computed a second way."""
    num_resamples: int = Field(ge=100)
    """Of the bootstrap over prompts."""
    num_parallel: int = Field(ge=1)
    """Answers that llama.cpp decodes side by side."""
    num_samples: int = Field(ge=0)
    measure: MeasureConfig
    lengths: LengthsConfig
    templates: TemplatesConfig
    render: RenderConfig
    limits: VerifyLimits


@dataclass(frozen=True)
class Row:
    """A held-out row and the places whose logits are compared; those at `p` predict `ids[p + 1]`."""

    id: str
    ids: list[int]
    positions: list[int]


def run(cfg: VerifyConfig, inputs: Inputs, out: Path) -> VerifyFacts:
    """Compare and generate, then measure what was written."""
    make(cfg, inputs, out)
    return measure(cfg, inputs, out)


def make(cfg: VerifyConfig, inputs: Inputs, out: Path) -> None:
    """Score and ask every artefact; one that llama.cpp cannot run is noted, and the others go on."""
    from jobs.engines.gguf import llama
    from jobs.logic.parity.rows import as_lines

    rows = compared_rows(cfg, inputs)
    generations: list[Generation] = []
    stretched: list[Stretched] = []
    (_, longer), failures = long_prompts(cfg, inputs), {}
    with scratch(out, rows, inputs) as reference:
        losses, scores = hugging_face_scores(cfg, inputs, rows, reference)
        for artifact, gguf in gguf_files(inputs).items():
            try:
                scores[artifact] = gguf_scores(cfg, artifact, gguf, rows, reference)
                generations += answers(cfg, inputs, artifact, gguf)
                stretched += long_answers(cfg, inputs, artifact, gguf, longer) if artifact in quants(inputs) else []
            except llama.LlamaFailed as error:
                failures[artifact] = str(error).splitlines()[0].replace(str(gguf), gguf.name)
    sizes = [len(row.positions) for row in rows]
    write_lines(out / "rows.jsonl", as_lines([row.id for row in rows], sizes, losses, scores))
    write_lines(out / "generations.jsonl", [one.model_dump(mode="json") for one in generations])
    write_lines(out / "lengths.jsonl", [one.model_dump(mode="json") for one in stretched])
    (out / "failures.json").write_text(json.dumps(failures, indent=1) + "\n", encoding="utf-8")
    write_templates(cfg, inputs, out, failures)


def measure(cfg: VerifyConfig, inputs: Inputs, out: Path) -> VerifyFacts:
    """Compute every fact from the folder's files."""
    from jobs.logic.parity.rows import parities, token_mean

    expected = {row.id: len(row.positions) for row in compared_rows(cfg, inputs)}
    lines = [line for line in read_lines(out / "rows.jsonl") if expected.get(line["id"]) == line["num_tokens"]]
    failures = json.loads((out / "failures.json").read_text(encoding="utf-8"))
    asked = ["merged", *gguf_files(inputs)]
    found = [Parity(**one) for one in parities(lines, asked, cfg.num_resamples, cfg.seed)]
    tuned, answered = hugging_face_answers(inputs), gguf_answers(inputs, out, asked)
    training = [row["answer"] for row in read_lines(inputs["preflight"].file("answers.jsonl"))]
    running = [artifact for artifact in asked if artifact not in failures]
    longer, num_unanswered = lengths.measured(
        *long_prompts(cfg, inputs),
        [Stretched.model_validate(line) for line in read_lines(out / "lengths.jsonl")],
        [name for name in quants(inputs) if name in running],
        answered,
        read_lines(inputs["preflight"].file("prompts.jsonl")),
        cfg.measure,
    )
    return VerifyFacts(
        asked=asked,
        ships=ships(inputs),
        num_rows=len(expected),
        num_tokens=sum(expected.values()),
        num_missing=sum(len(expected) - one.num_rows for one in found if one.artifact in running)
        + sum((one.id, artifact, one.prompt) not in answered for one in tuned for artifact in running[1:])
        + num_unanswered,
        effect=token_mean(lines, "base", "kl"),
        noise=token_mean(lines, "noise", "kl"),
        reference_nll=token_mean(lines, "reference", "nll"),
        base_nll=token_mean(lines, "base", "nll"),
        parities=found,
        failures=failures,
        hugging_face=behaviours(tuned, training, cfg.measure),
        behaviours=behaviours(list(answered.values()), training, cfg.measure),
        same_text=same_text(tuned, answered, running[1:]),
        lengths=longer,
        blame=blame.losses([(one.artifact, one.retention) for one in found]),
        samples=shown(cfg, inputs, [*tuned, *answered.values()]),
        templates=templates(inputs, out, failures),
    )


def compared_rows(cfg: VerifyConfig, inputs: Inputs) -> list[Row]:
    """The held-out rows whose graded tokens are compared: label `i` is predicted at place `i - 1`."""
    rows = [
        Row(line["id"], line["input_ids"], [i - 1 for i, label in enumerate(line["labels"]) if i and label != -100])
        for line in read_lines(inputs["preflight"].file("val.jsonl"))
    ]
    chosen = draw_tokens([len(row.positions) for row in rows], cfg.max_tokens, cfg.seed)
    return [rows[number] for number in chosen]


def gguf_files(inputs: Inputs) -> dict[str, Path]:
    """Artefact to its file: F16, then every quant."""
    return {"F16": inputs["convert"].file("model-f16.gguf"), **quants(inputs)}


def quants(inputs: Inputs) -> dict[str, Path]:
    """Every quant to the file that it is loaded from, which has llama.cpp read its other parts too."""
    quantize, found = inputs["quantize"], {}
    for quant, first in quant_files.first_files(inputs["quantize"].record.files).items():
        found[quant], *_ = [quantize.file(name) for name in quant_files.parts(first)]
    return found


def ships(inputs: Inputs) -> list[Shipped]:
    """Every type that ships and what its files take, in the order that was asked for."""
    files, asked = inputs["quantize"].record.files, inputs["quantize"].record.facts.get("asked", [])
    first = quant_files.first_files(files)
    order = sorted(first, key=lambda quant: asked.index(quant) if quant in asked else len(asked))
    sizes = {quant: sum(files[name].bytes for name in quant_files.parts(first[quant])) for quant in order}
    return [Shipped(type=quant, num_bytes=num_bytes) for quant, num_bytes in sizes.items()]


@contextmanager
def scratch(out: Path, rows: Sequence[Row], inputs: Inputs) -> Iterator[Path]:
    """The file for the reference's logits, 4 bytes a vocabulary entry and token; gone afterwards."""
    from jobs.engines.models import model_config

    config = model_config.values(inputs["fetch"].folder("model"), str(inputs["fetch"].root))
    require_space(out, disk.reference_bytes(config["vocab_size"], sum(len(row.positions) for row in rows)))
    path = out / "reference.npy"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def hugging_face_scores(
    cfg: VerifyConfig, inputs: Inputs, rows: Sequence[Row], reference: Path
) -> tuple[Any, dict[str, Any]]:
    """Write the reference; return its losses, and the base, the merged model and a second reference held against it."""
    from jobs.engines.models import hf

    ids, places = [row.ids for row in rows], [row.positions for row in rows]

    def compared(model: Any, label: str, num_rows: int, batch_size: int) -> Any:
        with progress(f"verify: {label} logits", num_rows) as advance:
            return hf.compare(model, ids[:num_rows], places[:num_rows], reference, batch_size, advance)

    model = hf.load(inputs["fetch"].folder("model"), inputs["train"].folder("adapter"), "float32", cfg.device)
    with progress("verify: reference logits", len(rows)) as advance:
        hf.write_logits(model, ids, places, reference, cfg.batch_size, advance)
    scores = {}
    with hf.attention(model, "eager"):
        scores["noise"] = compared(model, "second reference", min(cfg.noise_rows, len(rows)), 1)
    with hf.without_adapter(model):
        scores["base"] = compared(model, "base", len(rows), cfg.batch_size)
    del model  # the merged one needs its memory
    merged = hf.load(inputs["merge"].folder("model"), None, "float32", cfg.device)
    scores["merged"] = compared(merged, "merged", len(rows), cfg.batch_size)
    return hf.label_losses(ids, places, reference), scores


def gguf_scores(cfg: VerifyConfig, artifact: str, gguf: Path, rows: Sequence[Row], reference: Path) -> Any:
    """A GGUF against the reference; with an F32 KV cache, so that only its weights differ."""
    from jobs.engines.gguf import llama

    with progress(f"verify: {artifact} logits", len(rows)) as advance:
        return llama.score(
            gguf,
            [llama.Row(row.ids, row.positions) for row in rows],
            reference,
            kv="f32",
            num_threads=threads(cfg),
            gpu_layers=cfg.gpu_layers,
            progress=lambda done, total: advance(done),
        )


def answers(cfg: VerifyConfig, inputs: Inputs, artifact: str, gguf: Path) -> list[Generation]:
    """A GGUF's greedy answers to the prompts that `smoke` asked."""
    asked, fields = hugging_face_answers(inputs), {"default": "prompt_ids", "no_thinking": "prompt_ids_no_thinking"}
    prompts = {row["id"]: row for row in read_lines(inputs["preflight"].file("prompts.jsonl"))}
    ids = [prompts[one.id][fields[one.prompt]] for one in asked]
    return generated(cfg, inputs, artifact, gguf, asked, ids, "answers", cfg.num_parallel)


def generated(
    cfg: VerifyConfig,
    inputs: Inputs,
    artifact: str,
    gguf: Path,
    asked: Sequence[Generation],
    prompts: Sequence[list[int]],
    what: str,
    num_parallel: int,
) -> list[Generation]:
    """`asked` as a GGUF answers these prompts, greedily; with an F16 KV cache, as its users run it."""
    from jobs.engines.gguf import llama
    from jobs.engines.models import hf

    preflight = inputs["preflight"]
    with progress(f"verify: {artifact} {what}", len(asked)) as advance:
        found = llama.generate(
            gguf,
            prompts,
            inputs["smoke"].record.facts["max_new_tokens"],
            json.loads(preflight.file("stops.json").read_text(encoding="utf-8"))["stop_ids"],
            kv="f16",
            num_threads=threads(cfg),
            num_parallel=num_parallel,
            gpu_layers=cfg.gpu_layers,
            progress=lambda done, total: advance(done),
        )
    texts = hf.texts(preflight.folder("tokenizer"), [answer.ids for answer in found])
    return [
        one.model_copy(update={"model": artifact, "text": text, "ids": answer.ids, "stopped": answer.stopped})
        for one, answer, text in zip(asked, found, texts, strict=True)
    ]


def long_prompts(cfg: VerifyConfig, inputs: Inputs) -> tuple[LengthFacts, lengths.Prompts]:
    """Which lengths are asked, and the prompts of held-out rows drawn by seed; nothing is answered yet."""
    from jobs.engines.models.long_prompts import stretched

    asked = lengths.asked(cfg.lengths, {name: inputs[name].record.facts for name in ("fetch", "preflight", "smoke")})
    names = [one.id for one in hugging_face_answers(inputs) if one.prompt == "default"]
    drawn = [names[row] for row in draw_rows(len(names), lengths.num_rows(cfg.lengths, asked), cfg.seed)]
    preflight = inputs["preflight"]
    rows = read_lines(preflight.file("prompts.jsonl"))
    return asked, stretched(preflight.folder("tokenizer"), rows, drawn, asked.sizes, cfg.seed)


def long_answers(
    cfg: VerifyConfig, inputs: Inputs, artifact: str, gguf: Path, prompts: lengths.Prompts
) -> Iterator[Stretched]:
    """A GGUF's answers to longer prompts, as many fewer side by side as they are longer."""
    asked = {one.id: one for one in hugging_face_answers(inputs) if one.prompt == "default"}
    for times, rows in prompts.items():
        what, many = f"answers at {times} times the longest row", max(1, cfg.num_parallel // times)
        found = [asked[name] for name in rows]
        for one in generated(cfg, inputs, artifact, gguf, found, list(rows.values()), what, many):
            yield Stretched(times=times, num_prompt_tokens=len(rows[one.id]), answer=one)


def write_templates(cfg: VerifyConfig, inputs: Inputs, out: Path, failures: Collection[str]) -> None:
    """`templates.json`: every quant's chat template as llama.cpp runs it."""
    from jobs.engines.models import executed

    wanted = executed.expected(
        inputs["preflight"].root, cfg.templates.num_rendered, cfg.templates.num_asked, cfg.render
    )
    found = {
        artifact: executed.compare(gguf, wanted, num_threads=threads(cfg), gpu_layers=cfg.gpu_layers)
        for artifact, gguf in quants(inputs).items()
        if artifact not in failures
    }
    text = json.dumps(found, indent=1, ensure_ascii=False)
    (out / "templates.json").write_text(text + "\n", encoding="utf-8")


def templates(inputs: Inputs, out: Path, failures: Collection[str]) -> list[TemplateFacts]:
    """What is in `templates.json`, and for what should be and is not, that."""
    found = json.loads((out / "templates.json").read_text(encoding="utf-8"))
    return [
        TemplateFacts.model_validate(found[artifact])
        if artifact in found
        else TemplateFacts.not_run(gguf.name, "nothing was rendered with it; run `verify` again with redo=true")
        for artifact, gguf in quants(inputs).items()
        if artifact not in failures
    ]


def hugging_face_answers(inputs: Inputs) -> list[Generation]:
    """What base + adapter answered in `smoke`."""
    lines = read_lines(inputs["smoke"].file("generations.jsonl"))
    return [one for one in map(Generation.model_validate, lines) if one.model == "tuned"]


def gguf_answers(inputs: Inputs, out: Path, artifacts: Sequence[str]) -> dict[tuple[str, str, str], Generation]:
    """The answers in the folder by (row, artefact, prompt), with preflight's reference and opening."""
    rows = {row["id"]: row for row in read_lines(inputs["preflight"].file("prompts.jsonl"))}
    found = [Generation.model_validate(line) for line in read_lines(out / "generations.jsonl")]
    return {
        (one.id, one.model, one.prompt): one.model_copy(
            update={"reference": rows[one.id]["reference"], "opening": rows[one.id][OPENINGS[one.prompt]]}
        )
        for one in found
        if one.model in artifacts and one.id in rows
    }


def same_text(
    tuned: Sequence[Generation], answered: Mapping[tuple[str, str, str], Generation], artifacts: Sequence[str]
) -> dict[str, float]:
    """Artefact to the share of its answers that are Hugging Face's to the letter."""
    found = {}
    for artifact in artifacts:
        pairs = [(one, answered.get((one.id, artifact, one.prompt))) for one in tuned]
        found[artifact] = sum(other is not None and one.text == other.text for one, other in pairs) / max(len(pairs), 1)
    return found


def shown(cfg: VerifyConfig, inputs: Inputs, generations: Sequence[Generation]) -> list[Sample]:
    """The rows that `smoke` showed, with the GGUFs' answers."""
    before = {one["id"]: one["prompt"] for one in inputs["smoke"].record.facts["samples"]}
    return samples([one for one in generations if one.id in before], before, "", cfg.num_samples)


def threads(cfg: VerifyConfig) -> int:
    """The configured number of threads, or all CPUs."""
    return cfg.num_threads or os.cpu_count() or 1


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines."""
    with path.open(encoding="utf-8", newline="\n") as file:
        return [json.loads(line) for line in file]


def write_lines(path: Path, objects: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON lines."""
    with path.open("w", encoding="utf-8") as file:
        for one in objects:
            file.write(json.dumps(one, ensure_ascii=False, allow_nan=False) + "\n")


def outside(cfg: VerifyConfig) -> dict[str, str]:
    """The pin decides what llama.cpp computes."""
    return {"vendor/llama.cpp/PIN": file_digest(ROOT / "vendor" / "llama.cpp" / "PIN")}


main = stage_main("verify", VerifyConfig, run, GATE, outside)

if __name__ == "__main__":
    sys.exit(main())
