"""Evidence of weights, made by hand."""

from __future__ import annotations

from typing import Any

from jobs.logic.diagnosing.model_seen import GgufSeen, ModuleWeights, WeightsSeen


def module(scale: float = 1.0, **more: Any) -> ModuleWeights:
    """One adapted matrix; plain LoRA of rank 16 and alpha 32."""
    known = {
        "name": "model.layers.0.self_attn.q_proj", "error": 0.001, "residual": 0.001, "rounding": 0.0, "exact": False,
        "rank": 16, "alpha": 32.0, "plain_rank": 16, "plain_alpha": 32.0,
    }  # fmt: skip
    return ModuleWeights(scale=scale, **(known | more))


def held(*modules: ModuleWeights, **more: Any) -> WeightsSeen:
    """A merged folder held against its base."""
    known: dict[str, Any] = {
        "of": "merged", "by": "adapter", "other_changed": (), "other_moved": 0.0, "num_other": 6, "swapped": (),
        "base_is_same": False, "missing": (), "misshapen": (), "types": {"F32": 14},
    }  # fmt: skip
    return WeightsSeen(modules=modules, **(known | more))


def quant(scale: float = 1.0, error: float = 0.001, **more: Any) -> GgufSeen:
    """A Q4_K_M with so much of the update in it."""
    known: dict[str, Any] = {
        "file": "model-Q4_K_M.gguf", "content": "model", "architecture": "qwen3", "file_type": "Q4_K_M", "name": "",
        "template": None, "eos_id": None, "eos_text": "", "eos_kind": "", "ordinary": (), "add_bos": None,
        "rope_base": None, "context_length": None, "sampling": {}, "types": {}, "fallen_back": (), "narrow": 0,
        "problems": (), "weights": held(module(scale, error=error)),
    }  # fmt: skip
    return GgufSeen(**(known | more))
