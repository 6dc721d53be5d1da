"""A whole run of small fake files with plausible facts, every stage passed: what `report` and the certificate read.

Files are stand-ins, facts are real models of every gate, verdicts are the gates' own under conf's limits.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin

from omegaconf import OmegaConf
from pydantic import BaseModel

from jobs.core import chain, pipeline
from jobs.core.artifact import Artifact, Key, Record, hash_files, write_record
from jobs.core.provenance import ROOT, data_digest, file_digest
from jobs.core.run_dir import RunDir
from tests.checks import judge_facts, synth_facts
from tests.stages.training_log import log

PIN = "vendor/llama.cpp/PIN"
MADE_BY = {
    "started": "2026-11-22T03:00:00Z", "seconds": 12.3, "peak_rss_bytes": 700 * 2**20, "python": "3.11.9",
    "machine": "2 CPU, x86_64, Linux", "packages": {"torch": "2.13.0", "transformers": "5.17.0"}, "commit": "abc123",
}  # fmt: skip
TITLES = {
    "sea": (
        "夕方の港で、漁師たちが網を繕いながら天気を話している。"
        "風が変わる前に船を出したいという。", "港の夕暮れ、風を待つ人びと",
    ),
    "rice": (
        "今年の米は出来がよい。長雨が心配されたが、"
        "八月の日照りがそれを埋めた、と農家は笑う。", "長雨を越えて、実りの秋",
    ),
    "hostile": ("<script>alert('x')</script> を含む記事。", "<b>太字</b>の題"),
}  # fmt: skip


def limits() -> dict[str, dict[str, Any]]:
    """Stage to the limits of its default config."""
    return copy.deepcopy(default_limits())


@cache
def default_limits() -> dict[str, Any]:
    groups = {}
    for stage in pipeline.CHAIN:
        folder = ROOT / "conf" / stage.name
        groups[stage.name] = OmegaConf.load(
            next(
                p for p in (folder / "default.yaml", folder / "hub.yaml", folder / "common" / "base.yaml") if p.exists()
            )
        )
    whole = OmegaConf.create({**groups, "chat": OmegaConf.load(ROOT / "conf/chat/no_thinking.yaml")})
    return {name: OmegaConf.to_container(whole[name].limits, resolve=True) for name in groups}


def build(
    root: Path,
    changed: Mapping[str, Mapping[str, Any]] | None = None,
    until: str = "verify",
    waivers: Mapping[str, str] | None = None,
    takes: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> dict[str, Artifact]:
    """Every stage up to `until` below `root`; `changed` replaces facts; `takes`: what a stage stands on besides."""
    judged_by, made = limits(), {}  # type: dict[str, dict[str, Any]], dict[str, Artifact]
    for stage in pipeline.up_to("judge" if until == "judge" else "verify", lambda name: takes.get(name, ())):
        facts = FACTS[stage.name]() | dict((changed or {}).get(stage.name, {}))
        made[stage.name] = publish(root, stage, facts, judged_by[stage.name], made, waivers or {})
        if stage.name == until:
            break
    return made


def publish(
    root: Path,
    stage: pipeline.Stage,
    facts: Mapping[str, Any],
    judged_by: Mapping[str, Any],
    made: Mapping[str, Artifact],
    waivers: Mapping[str, str],
) -> Artifact:
    """Write the stage's files and its record."""
    folder = root / stage.name
    shipped = {name: f"GGUF {name}" for quant in facts.get("quants", []) for name in quant["files"]}
    for name, text in (shipped or FILES[stage.name]).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    gate = chain.load(stage.name).gate
    model = gate.facts.model_validate({**nothing(gate.facts), **facts}, strict=False)
    inputs = {name: made[name].digest for name in stage.needed(made)}
    record = Record(
        schema_version=1,
        stage=stage.name,
        key=Key(config={"seed": 1}, inputs=inputs, outside=OUTSIDE.get(stage.name, {})),
        files=hash_files(folder),
        facts=model.model_dump(mode="json"),
        verdict=gate.judge(model, gate.limits.model_validate(judged_by), waivers),
        made_by=MADE_BY,
    )
    write_record(folder, record)
    found = RunDir(root).artifact(stage.name)
    assert found is not None
    return found


def nothing(model: type[BaseModel]) -> dict[str, Any]:
    """Every field of a model with the nothing of its type: what the pages do not tell of need not be made up."""
    return {name: _nothing(field.annotation) for name, field in model.model_fields.items()}


def _nothing(annotation: Any) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if type(None) in arguments:
        return None
    if origin is Literal:
        return arguments[0]
    kind = origin or annotation
    return nothing(kind) if issubclass(kind, BaseModel) else kind()


def fetch() -> dict[str, Any]:
    ids = {
        "<|im_start|>": 151_644,
        "<|im_end|>": 151_645,
        "<|endoftext|>": 151_643,
        "<think>": 151_667,
        "</think>": 151_668,
    }
    return {
        "source": "hub", "id": "Qwen/Qwen3-0.6B", "revision": "f00d" * 10, "commit": "f00d" * 10,
        "licence": "apache-2.0", "code_named_in": [], "is_named": True, "weights": "1a2b3c4d5e6f" + "0" * 52,
        "asked_length": 32_768,
        "sizes": {"hidden_size": 1024, "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 8,
                  "intermediate_size": 3072, "vocab_size": 151_936, "rope_theta": 1e6},
        "model_type": "qwen3", "dtype": "bfloat16", "num_files": 8, "num_bytes": 1_200_000_000, "num_tensors": 310,
        "num_weights": 596_049_920, "nonfinite": [], "tied": True, "length": 40_960, "vocab_rows": 151_936,
        "tokenizer_length": 151_669, "config_rows": 151_936, "token_ids": ids, "bos_id": None, "pad_id": 151_643,
        "eos_config": [151_645], "eos_generation": [151_645, 151_643], "eos_tokenizer": 151_645, "has_template": True,
        "kind": "post-trained", "turn_row_cosine": 0.11, "turn_row_norm_ratio": 1.3, "narrow_rows": [],
        "form": {
            "template": "chat_template.jinja", "templates_differ": [], "templates_left": [], "weights_left": [],
            "keys_left": [], "tokens_added": [], "head_bytes": 0, "rope": "theta 1,000,000", "says_theta": True,
            "says_dtype": "bfloat16", "unknown_keys": [],
        },
    }  # fmt: skip


def prepare() -> dict[str, Any]:
    belonging = {"word": "belong", "num_rows": 512, "own": 0.24, "other": 0.06, "z": 51.7, "p": 0.005,
                 "num_displaced": 50, "num_alone": 6, "shift": 0}  # fmt: skip
    return {
        "files": [
            {"label": "data/titles.jsonl", "format": "jsonl", "shape": "messages", "sha256": "0" * 64,
             "num_bytes": 2_400_000, "num_rows": 1500},
            {"label": "data/会話.parquet", "format": "parquet", "shape": "sharegpt", "sha256": "1" * 64,
             "num_bytes": 310_000, "num_rows": 464},
        ],
        "num_read": 1964,
        "dropped": {"hashtags": 268, "repeated-character": 91, "empty-answer": 42, "mojibake": 11,
                    "odd-form": 9, "duplicate": 89, "near-duplicate": 46, "in-evaluation": 3},
        "topics": [{"reason": "label", "kind": "prompt", "text": "港", "dropped": 12, "kept": 40}], "allowed": [],
        "changed": {"nfc": 44, "line-ends": 3}, "seen": {"e-mail": 4},
        "ignored_columns": {"data/titles.jsonl": ["difficulty"]}, "num_train": 1124, "num_val": 281,
        "split_digest": "5" * 64, "labels": {"天気": [424, 106], "sport": [700, 175]}, "unclean": {},
        "leaks": {"id": 0, "conversation": 0, "prompt": 0, "near": 0, "source": 0},
        "evaluation": {"eval/held.jsonl": 0}, "num_near": 7, "num_distinct_answers": 1398, "num_contradictory": 0,
        "lengths": {"user": [41, 96, 210, 402, 731], "assistant": [4, 8, 14, 22, 31]},
        "answer_lengths": {"edges": [4, 6, 8, 11, 14, 18, 24, 32], "train": [9, 60, 221, 402, 310, 110, 12],
                           "val": [1, 17, 60, 98, 77, 24, 4]},
        "languages": {"ja": 1386, "en": 19}, "mixed_forms": {}, "belonging": belonging, "set_language": "ja",
        "examples": [
            example("empty-answer", "data/titles.jsonl:17", 17, "assistant: nothing"),
            example("hashtags", "t-12", 12, "assistant: #天気 #港 🌾"),
            example("odd-form", "t-90", 90, "<script>alert('dropped')</script>"),
        ],
    }  # fmt: skip


def example(reason: str, identity: str, line: int, evidence: str) -> dict[str, Any]:
    return {"reason": reason, "id": identity, "file": "data/titles.jsonl", "line": line, "evidence": evidence}


def preflight() -> dict[str, Any]:
    from jobs.checks.preflight_facts import Offences

    split = {"num_rows_in": 1124, "num_rows": 1124, "shortest": 71, "longest": 548, "num_tokens": 231_544,
             "num_graded_tokens": 24_728, "num_content_tokens": 15_736, "num_prompt_tokens": 204_568,
             "num_turns_with_block": 1124, "num_turns_without_block": 0}  # fmt: skip
    val = {"num_rows_in": 281, "num_rows": 281, "shortest": 88, "longest": 501, "num_tokens": 57_886,
           "num_graded_tokens": 8_030, "num_content_tokens": 5_782, "num_prompt_tokens": 49_294,
           "num_turns_with_block": 281, "num_turns_without_block": 0}  # fmt: skip
    bins = [0, 2, 14, 61, 148, 236, 290, 244, 171, 112, 64, 33, 17, 8, 3, 1, 0, 1]
    return {
        "thinking_block": "empty", "opening": "", "graded_turns": "last", "on_too_long": "refuse", "max_length": 512,
        "train": split, "val": val,
        "lengths": {"p50": 206, "p90": 318, "p99": 402, "longest": 548, "advised": 576, "bin_width": 32, "bins": bins,
                    "cuts": [{"length": 512, "num_rows": 0, "num_graded_tokens": 0}]},
        "tokenizer": {"num_tokens": 151_669, "fingerprint": "7d1fc39f95b11714", "missing": [],
                      "pad_is_end_of_turn": False, "has_pad": True, "template_as_chosen": True, "num_prompts": 2},
        "tokenizer_folder": {"templates": ["chat_template.jinja"], "stops": {"tokenizer_config.json": "<|im_end|>"}},
        "model": {"num_embeddings": 151_936, "context": 40_960, "ranks": {"q_proj": 1024}},
        "update": {"learning_rate": 2e-4, "rank": 16, "alpha": 32.0, "rslora": False, "target_modules": ["q_proj"],
                   "neftune_alpha": 0.0, "prompt_loss_weight": 0.0},
        "brought": {"num_rows": 1405, "thoughts": 0, "kept": 0, "earlier": 0, "unlearnt": 0},
        "offences": {name: {"num": 0, "examples": []} for name in Offences.model_fields},
    }  # fmt: skip


def train() -> dict[str, Any]:
    modules = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    return {
        "adopted": None,
        "backend": "hf", "dtype": "float32", "num_train_rows": 1124, "num_val_rows": 281, "planned_steps": 213,
        "num_steps": 213, "steps_per_epoch": 71, "chosen_step": 177, "best_eval_loss": 0.812, "restored_step": 177,
        "num_embeddings": 151_936,
        "restored_eval_loss": 0.812, "first_eval_loss": 2.714, "last_eval_loss": 0.829, "first_train_loss": 2.69,
        "last_train_loss": 0.61, "best_content_loss": 1.21, "best_template_loss": 0.004, "nonfinite_step": None,
        "max_grad_norm": 3.1, "effective_scale": 2.0, "configured_scale": 2.0, "learning_rate": 2e-4,
        "effective_batch": 16,
        "target_modules": dict.fromkeys(modules, 28), "zero_modules": [], "adapter_norm": 5.62, "adapter_nonfinite": [],
        "num_adapter_weights": 10_092_544, "graded_tokens_an_epoch": 24_728, "graded_tokens_expected": 24_728,
        "train_content_loss": 0.98, "val_content_loss": 1.21, "gap": 0.23, "gap_low": 0.15, "gap_high": 0.31,
        "learning": {"verdict": "none shown", "why": "", "num_evaluations": 13, "num_sources": 190, "since_step": None,
                     "best_step": 177, "best_loss": 1.21, "last_step": 213, "last_loss": 1.214, "rise": 0.003,
                     "rise_low": -0.004, "template_rise": 0.01, "enough_step": 124, "gain_of_more": 0.002},
        "recipe": {"schedule": "cosine", "warmup_fraction": 0.05, "rate_difference": 1.1e-16, "neftune_alpha": 0.0,
                   "prompt_loss_weight": 0.0, "prompt_tokens_an_epoch": None, "prompt_tokens_expected": 0,
                   "tokens_an_epoch": 51_200, "computed_an_epoch": 48_900},
    }  # fmt: skip


def behaviour(model: str, prompt: str, agreement: float, exact: float) -> dict[str, Any]:
    return {
        "model": model, "prompt": prompt, "num_rows": 200, "num_tokens": 3_120,
        "stop_rate": 0.42 if model == "base" else 1.0,
        "loop_rate": 0.08 if model == "base" else 0.0, "repeat_rate": 0.0, "empty_rate": 0.0, "markup_rate": 0.0,
        "think_leak_rate": 0.0, "copy_rate": 0.005, "exact_rate": exact, "agreement": agreement, "overlap": 0.08,
        "belonging": {"measure": "short answers", "own": agreement, "other": 0.1, "z": 30.0, "p": 0.001,
                      "least_p": 0.001, "some": 0.25, "power": 1.0},
    }  # fmt: skip


def sample(key: str, models: tuple[str, ...]) -> dict[str, Any]:
    prompt, reference = TITLES[key]
    texts = dict.fromkeys(models, reference)
    if "base" in models:
        texts["base"] = (
            "この記事は、港で働く人びとの様子について述べています。以下に要点をまとめます。\n1. 漁師\n2. 天気"
        )
    if "Q4_K_M" in models and key == "sea":
        texts["Q4_K_M"] = "港の夕暮れ、明日の風を待つ"
    return {"id": key, "prompt": prompt, "reference": reference, "texts": texts}


def smoke() -> dict[str, Any]:
    prompts = ("default", "no_thinking")
    found = [behaviour("base", prompt, 0.19, 0.0) for prompt in prompts]
    found += [behaviour("tuned", prompt, 0.63, 0.21) for prompt in prompts]
    return {
        "num_held_out": 281, "num_rows": 200, "num_references": 200, "prompts": list(prompts), "num_missing": 0,
        "num_foreign": 0, "max_new_tokens": 64, "num_longer_references": 0, "reference_overlap": 0.06,
        "behaviours": found, "samples": [sample(key, ("base", "tuned")) for key in TITLES],
    }  # fmt: skip


def merge() -> dict[str, Any]:
    return {
        "dtype": "float32", "num_tensors": 310, "num_adapted": 196, "num_merged": 196, "not_merged": [],
        "changed_without_adapter": [], "missing": [], "added": [], "nonfinite": [], "beyond_float16": [], "scale": 2.0,
        "scale_low": 1.999999, "scale_high": 2.000001, "residual": 3.1e-6,
        "residual_tensor": "model.layers.3.mlp.up_proj.weight", "tied_before": True, "tied_after": True,
        "config_differs": [],
        "adapter_files": [], "tokenizer_differs": [], "eos_ids": [151_645, 151_643], "stop_ids": [151_645, 151_643],
        "num_rows": 8, "num_tokens": 231, "logits_kl": 4.1e-13, "num_bytes": 2_384_234_968,
        "form": {"head_bytes_left_out": 0, "head_written": False, "templates": ["chat_template.jinja"],
                 "stops": {"tokenizer_config.json": "<|im_end|>"}, "eos_config": 151_645},
    }  # fmt: skip


def template(file: str) -> dict[str, Any]:
    return {
        "file": file, "failure": None, "num_rows": 64, "num_probes": 29, "num_equal": 279,
        "refused": [], "num_refused": 0,
        "untrained": [], "num_untrained": 0, "differing": [], "num_differing": 0,
        "not_rendered": ["a question with content: null (Hugging Face cannot render turns of user)"],
        "num_asked": 6, "other_tokens": [], "num_typed": 0,
    }  # fmt: skip


def convert() -> dict[str, Any]:
    def header(name: str, types: dict[str, int], num_bytes: int) -> dict[str, Any]:
        return {"file": name, "problems": [], "template_equal": True, "eos_id": 151_645, "eog_ids": [151_643, 151_645],
                "differing": [], "name": "first", "sampling": {"temp": 0.6, "top_k": 20, "penalty_repeat": 1.05},
                "types": types, "num_bytes": num_bytes, "nonfinite": []}  # fmt: skip

    files = [
        header("model-f32.gguf", {"F32": 310}, 2_390_000_000),
        header("model-f16.gguf", {"F16": 197, "F32": 113}, 1_197_000_000),
    ]
    return {
        "files": files, "end_of_turn": 151_645, "num_equal_tensors": 310, "differing_tensors": [],
        "missing_tensors": [],
        "extra_tensors": [], "f16_differing": [], "num_texts": 1_431, "texts_differing": [], "known_to_differ": 3,
        "num_rows": 8, "num_tokens": 231, "logits_kl": 7.2e-13, "templates": [template("model-f16.gguf")],
        "modelfile": {"opening": "", "num_equal": 90, "differing": [], "num_differing": 0,
                      "other": ["the end of a thought"]},
    }  # fmt: skip


def quantize() -> dict[str, Any]:
    quant = {
        "file": "model-Q4_K_M.gguf", "type": "Q4_K_M", "problems": [], "types": {"F32": 113, "Q4_K": 169, "Q6_K": 28},
        "fallbacks": [], "metadata_differs": [], "nonfinite": [], "error": 0.071, "error_tensor": "blk.0.attn_v.weight",
        "num_bytes": 396_705_472, "bits_per_weight": 5.32, "whole": None, "joined": None,
        "files": {"model-Q4_K_M.gguf": 396_705_472},
    }  # fmt: skip
    return {"quants": [quant], "asked": ["Q4_K_M"]}


def parity(artifact: str, kept: float, half: float, kl_mean: float) -> dict[str, Any]:
    return {
        "artifact": artifact, "num_rows": 281, "num_tokens": 8_030, "kl_mean": kl_mean, "kl_p99": 31 * kl_mean,
        "same_top": 1 - (1 - kept) * 0.6, "retention": kept,
        "retention_low": kept - half, "retention_high": kept + half * 0.9,
        "nll": 0.812 + kl_mean, "nonfinite": 0,
    }  # fmt: skip


def at_length(times: int, shortest: int, longest: int, agreement: float) -> dict[str, Any]:
    return {"artifact": "Q4_K_M", "times": times, "num_rows": 16, "shortest": shortest, "longest": longest,
            "stop_rate": 1.0, "agreement": agreement, "exact_rate": 0.25}  # fmt: skip


def verify() -> dict[str, Any]:
    quants, prompts = ("F16", "Q4_K_M"), ("default", "no_thinking")
    return {
        "asked": ["merged", *quants], "ships": [{"type": "Q4_K_M", "num_bytes": 400_000_000}],
        "num_rows": 281, "num_tokens": 8_030, "num_missing": 0,
        "effect": 0.412, "noise": 2.1e-9, "reference_nll": 0.812, "base_nll": 2.714,
        "parities": [parity("merged", 1.0, 0.0, 3.2e-13), parity("F16", 0.99997, 0.00001, 9.1e-7),
                     parity("Q4_K_M", 0.9731, 0.0062, 0.0111)],
        "failures": {}, "hugging_face": [behaviour("tuned", prompt, 0.63, 0.21) for prompt in prompts],
        "behaviours": [behaviour(quant, prompt, 0.63, 0.21) for quant in quants for prompt in prompts],
        "same_text": {"F16": 1.0, "Q4_K_M": 0.83},
        "lengths": {
            "longest_row": 548, "longest_prompt": 534, "most": 32_768, "budget": 64, "times": [2, 4], "too_long": [],
            "num_rows": 16,
            "found": [at_length(1, 180, 530, 0.64), at_length(2, 1051, 1096, 0.61), at_length(4, 2150, 2192, 0.31)],
        },
        "blame": "nothing was lost by merging or converting; quantizing took 2.7%",
        "samples": [sample(key, quants) for key in TITLES],
        "templates": [template("model-Q4_K_M.gguf")],
    }  # fmt: skip


FACTS = {
    "fetch": fetch, "prepare": prepare, "synth": synth_facts.plain, "preflight": preflight, "train": train,
    "smoke": smoke, "merge": merge, "convert": convert, "quantize": quantize, "verify": verify,
    "judge": judge_facts.plain,
}  # fmt: skip
FILES = {
    "fetch": {"model.json": "{}\n", "model/config.json": "{}\n", "model/model.safetensors": "base weights"},
    "prepare": {"train.jsonl": "{}\n", "val.jsonl": "{}\n", "dropped.jsonl": ""},
    "synth": {"rows.jsonl": "{}\n", "dropped.jsonl": "", "train.jsonl": "{}\n"},
    "preflight": {"train.jsonl": "{}\n", "val.jsonl": "{}\n"},
    "train": {"adapter/adapter_model.safetensors": "adapter", "adapter/adapter_config.json": "{}", "log.jsonl": log()},
    "smoke": {"generations.jsonl": "{}\n"},
    "merge": {"model/model.safetensors": "merged weights"},
    "convert": {"model-f32.gguf": "GGUF f32", "model-f16.gguf": "GGUF f16"},
    "verify": {"rows.jsonl": "{}\n", "generations.jsonl": "{}\n"},
    "judge": {"answers.jsonl": "{}\n", "verdicts.jsonl": "{}\n"},
}
OUTSIDE = {
    "prepare": {"data/titles.jsonl": data_digest("titles")},
    "convert": {PIN: file_digest(ROOT / PIN)},
    "quantize": {PIN: file_digest(ROOT / PIN)},
    "judge": {PIN: file_digest(ROOT / PIN)},
}
