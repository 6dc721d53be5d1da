"""Fold the LoRA adapter into the original base weights, tensor by tensor, and prove it.

Reads `fetch` (the base), `train` (the adapter) and `preflight` (tokenizer, held-out rows); makes `model/`, a Hugging
Face folder with nothing beside the weights.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Literal

from pydantic import Field

from jobs.checks.merge import GATE, MergeFacts, MergeLimits
from jobs.checks.merge_form import MergedForm
from jobs.core.artifact import Inputs
from jobs.core.model import StageConfig
from jobs.core.room import require_space
from jobs.core.stage import stage_main
from jobs.logic.estimating import disk


class MergeConfig(StageConfig):
    dtype: Literal["float32", "bfloat16", "float16"]
    """Of the merged weights. float32 keeps a weak fine-tune whole; the GGUFs are made from it."""
    device: Literal["auto", "cpu", "cuda"]
    """Where logits are compared."""
    num_rows: int = Field(ge=1)
    """Held-out rows whose logits are compared before and after."""
    limits: MergeLimits


def make(cfg: MergeConfig, inputs: Inputs, out: Path) -> None:
    """Write the merged folder."""
    import torch

    from jobs.engines.models import merging

    base, tokenizer = inputs["fetch"].folder("model"), inputs["preflight"].folder("tokenizer")
    require_space(out, disk.merged_bytes(int(inputs["fetch"].record.facts["num_weights"]), cfg.dtype))
    stops = json.loads(inputs["preflight"].file("stops.json").read_text())
    merging.merge(base, inputs["train"].folder("adapter"), out / "model", getattr(torch, cfg.dtype))
    merging.write_configs(base, tokenizer, out / "model", cfg.dtype, stops["stop_ids"])


def measure(cfg: MergeConfig, inputs: Inputs, out: Path) -> MergeFacts:
    """Facts from base, adapter and merged folder as they are on disk."""
    from jobs.engines.models import adapter, merging, model_config, shards

    base, tuned, merged = inputs["fetch"].folder("model"), inputs["train"].folder("adapter"), out / "model"
    tokenizer = inputs["preflight"].folder("tokenizer")
    proof = merging.prove(base, tuned, merged)
    opened = adapter.load(tuned)
    num_rows, num_tokens, drift = logits_drift(cfg, inputs, merged)
    stops = json.loads(inputs["preflight"].file("stops.json").read_text())
    generation = merged / "generation_config.json"
    eos = json.loads(generation.read_text()).get("eos_token_id", []) if generation.exists() else []
    return MergeFacts(
        dtype=", ".join(shards.Folder(merged).dtypes),
        num_tensors=proof.num_tensors,
        num_adapted=proof.num_adapted,
        num_merged=proof.num_merged,
        not_merged=proof.not_merged,
        changed_without_adapter=proof.changed_without_adapter,
        missing=proof.missing,
        added=proof.added,
        nonfinite=proof.nonfinite,
        beyond_float16=proof.beyond_float16,
        scale=opened.scale,
        scale_low=proof.scale_low,
        scale_high=proof.scale_high,
        residual=proof.residual,
        residual_tensor=proof.residual_tensor,
        tied_before=merging.is_tied(base),
        tied_after=merging.is_tied(merged),
        config_differs=model_config.differing(base, merged),
        adapter_files=sorted(path.name for path in out.rglob("adapter*")),
        tokenizer_differs=differing_files(tokenizer, merged),
        eos_ids=eos if isinstance(eos, list) else [eos],
        stop_ids=stops["stop_ids"],
        num_rows=num_rows,
        num_tokens=num_tokens,
        logits_kl=drift,
        num_bytes=sum(path.stat().st_size for path in merged.glob("*.safetensors")),
        form=MergedForm(**merging.form(base, merged)),
    )


def differing_files(left: Path, right: Path) -> list[str]:
    """Names of the files of `left` that are missing in `right` or have other bytes there."""
    return sorted(
        path.name
        for path in left.iterdir()
        if path.is_file()
        and (not (right / path.name).is_file() or path.read_bytes() != (right / path.name).read_bytes())
    )


def logits_drift(cfg: MergeConfig, inputs: Inputs, merged: Path) -> tuple[int, int, float]:
    """(rows, tokens, mean KL(base + adapter || merged)) on graded tokens of held-out rows, in nats."""
    from jobs.engines.models import hf
    from jobs.logic.parity.divergence import token_kl

    with inputs["preflight"].file("val.jsonl").open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file][: cfg.num_rows]
    ids = [row["input_ids"] for row in rows]
    positions = [[i - 1 for i, label in enumerate(row["labels"]) if label != -100 and i > 0] for row in rows]
    model = hf.load(inputs["fetch"].folder("model"), inputs["train"].folder("adapter"), device=cfg.device)
    reference = dict(hf.score(model, ids, positions, batch_size=1))
    del model
    model = hf.load(merged, None, device=cfg.device)
    total, num_tokens = 0.0, 0
    for number, logits in hf.score(model, ids, positions, batch_size=1):
        divergence, _ = token_kl(reference[number], logits)
        total, num_tokens = total + float(divergence.sum()), num_tokens + len(divergence)
    return len(rows), num_tokens, total / num_tokens if num_tokens else float("nan")


def run(cfg: MergeConfig, inputs: Inputs, out: Path) -> MergeFacts:
    make(cfg, inputs, out)
    return measure(cfg, inputs, out)


main = stage_main("merge", MergeConfig, run, GATE)

if __name__ == "__main__":
    sys.exit(main())
