"""Folders as people have them: each is taken for what the libraries take it for, or refused by its cause."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, processors

from jobs.core.errors import Refusal
from jobs.engines.models import base_model, model_config
from tests.engines.models import small_model
from tests.engines.models.small_model import TEXT, TURN, change_json, change_tensors

Damage = Callable[[Path], Any]
HEAD, EMBEDDING = "lm_head.weight", "model.embed_tokens.weight"
BITSANDBYTES = {"quant_method": "bitsandbytes", "load_in_4bit": True, "_load_in_4bit": True}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model.write(tmp_path_factory.mktemp("plain"))


@pytest.fixture
def given(plain: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(plain, tmp_path / "given"))


def taken(folder: Path) -> dict[str, Any]:
    """Facts of a folder as `fetch` finds them, its form among them."""
    into = folder.parent / "got"
    origin = base_model.from_folder(folder, into)
    found = base_model.inspect(into, str(folder))
    return {**origin, **found, "form": {**origin["form"], **found["form"]}}


def config(**changes: Any) -> Damage:
    return lambda folder: change_json(folder / "config.json", **changes)


def tensors(change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Damage:
    def damage(folder: Path) -> None:
        path = folder / "model.safetensors"
        save_file(change(load_file(path)), path, {"format": "pt"})

    return damage


def renamed(change: Callable[[str], str]) -> Damage:
    return tensors(lambda found: {change(name): tensor for name, tensor in found.items()})


def added(name: str, tensor: torch.Tensor) -> Damage:
    return lambda folder: change_tensors(folder, {name: tensor})


def only(name: str, text: bytes = b"x") -> Damage:
    """Other weights in the place of safetensors."""

    def damage(folder: Path) -> None:
        (folder / "model.safetensors").unlink()
        (folder / name).write_bytes(text)

    return damage


def quantized(name: str, dtype: torch.dtype, **said: Any) -> Damage:
    def damage(folder: Path) -> None:
        change_tensors(folder, {name: torch.ones(4, 4).to(dtype)})
        if said:
            change_json(folder / "config.json", quantization_config=said)

    return damage


def head(change: Callable[[torch.Tensor], torch.Tensor]) -> Damage:
    return tensors(lambda found: {**found, HEAD: change(found[EMBEDDING]).clone()})


Q, NORM = "model.layers.0.self_attn.q_proj.weight", "model.norm.weight"
REFUSED: dict[str, tuple[Damage, list[str]]] = {
    "leftover": (
        config(quantization_config=BITSANDBYTES),
        ["config.json says quantization_config (bitsandbytes, 4 bit) and the weights are float32", "take quant"],
    ),
    "leftover-gptq": (
        config(quantization_config={"quant_method": "gptq", "bits": 8}), ["(gptq, 8 bit) and the weights are float32"],
    ),
    "leftover-of-old": (config(compression_config={"quant_method": "compressed-tensors"}), ["compression_config (c"]),
    "leftover-in-16-bit": (
        lambda f: [
            tensors(lambda found: {name: tensor.bfloat16() for name, tensor in found.items()})(f),
            config(quantization_config=BITSANDBYTES)(f),
        ],
        ["(bitsandbytes, 4 bit) and the weights are bfloat16", "take quantization_config out of config.json"],
    ),
    "fp8": (quantized(Q, torch.float8_e4m3fn, quant_method="fp8"), ["F8_E4M3", "(fp8)", "take the 16-bit repository"]),
    "bnb4": (quantized(Q, torch.uint8, **BITSANDBYTES), ["is U8", "bitsandbytes, 4 bit", "take the 16-bit repository"]),
    "gptq": (quantized(Q, torch.int32, quant_method="gptq", bits=4), ["I32", "(gptq, 4 bit)", "the 16-bit repository"]),
    "awq-unsaid": (quantized(Q.replace("weight", "qweight"), torch.int32), ["is I32", "take the 16-bit repository"]),
    "scales-alone": (
        quantized(Q + "_scale_inv", torch.float32, quant_method="fp8"), ["has a tensor", "_scale_inv, as config.json"],
    ),
    "peft": (renamed(lambda name: f"base_model.model.{name}"), ["base_model.model.", "merge_and_unload()"]),
    "peft-layers": (
        renamed(lambda name: name.replace("q_proj.", "q_proj.base_layer.")), ["PEFT's wrapper", "merge_and_unload()"],
    ),
    "unmerged": (
        added("model.layers.0.self_attn.q_proj.lora_A.weight", torch.ones(4, 256)), ["is a factor of LoRA", "merge it"],
    ),
    "body": (renamed(lambda name: name.removeprefix("model.")), ["without 'model.' before", "AutoModelForCausalLM"]),
    "compiled": (renamed(lambda name: f"_orig_mod.{name}"), ["named _orig_mod....", "take the prefix out"]),
    "parallel": (renamed(lambda name: f"module.{name}"), ["named module....", "take the prefix out"]),
    "experts": (added("model.layers.0.mlp.experts.0.up_proj.weight", torch.ones(4, 4)), ["of a model of experts"]),
    "images": (added("visual.blocks.0.attn.qkv.weight", torch.ones(4, 4)), ["of a model of images"]),
    "classifier": (added("score.weight", torch.ones(2, 256)), ["score.weight is the head of a classifier"]),
    "another-tensor": (added("model.extra", torch.ones(4)), ["model.extra is no tensor", "of one model"]),
    "untied-and-lost": (config(tie_word_embeddings=None), ["lm_head.weight is missing", "tie_word_embeddings=true"]),
    "another-head": (
        head(lambda embedding: embedding + torch.eye(96, 256)),
        ["=true, and lm_head.weight is not model.embed_tokens.weight: 96 rows differ", "llama.cpp uses"],
    ),
    "bin": (only("pytorch_model.bin"), ["has pytorch_model.bin and neither", "convert them once with", "save_pre"]),
    "bin-shards": (only("pytorch_model-00001-of-00002.bin"), ["pytorch_model-00001-of-00002.bin", "convert them once"]),
    "gguf": (only("model-Q4_K_M.gguf"), ["model-Q4_K_M.gguf", "the folder of safetensors that it was made from"]),
    "consolidated": (only("consolidated.safetensors"), ["consolidated.safetensors", "loaders read model.safetensors"]),
    "adapter-alone": (only("adapter_model.safetensors"), ["an adapter without its base"]),
    "nothing": (lambda f: (f / "model.safetensors").unlink(), ["neither model.safetensors", "only safetensors"]),
    "sliding": (
        config(use_sliding_window=True, sliding_window=64, max_window_layers=0, layer_types=None),
        ["layers of sliding_attention", "sliding_window=64", "say use_sliding_window=false"],
    ),
    "dynamic": (
        config(rope_parameters=None, rope_theta=1e6, rope_scaling={"rope_type": "dynamic", "factor": 2.0}),
        ["rope_type 'dynamic'", "a GGUF of a Qwen3 cannot hold", "yarn"],
    ),
    "llama3": (
        config(rope_parameters={"rope_type": "llama3", "rope_theta": 1e6, "factor": 8.0, "low_freq_factor": 1.0,
                                "high_freq_factor": 4.0, "original_max_position_embeddings": 64}),
        ["rope_type 'llama3'"],
    ),
    "yarn-of-another-kind": (
        config(rope_parameters={"rope_type": "yarn", "rope_theta": 1e6, "factor": 4.0, "mscale": 0.7,
                                "mscale_all_dim": 1.0, "original_max_position_embeddings": 64}),
        ["scales RoPE with mscale=0.7"],
    ),
    "half-rotated": (
        config(rope_parameters={"rope_type": "default", "rope_theta": 1e6, "partial_rotary_factor": 0.5}),
        ["scales RoPE with partial_rotary_factor=0.5"],
    ),
    "no-theta": (config(rope_parameters={"rope_type": "default", "rope_theta": 0}), ["says rope_theta=0, expected"]),
    "biases": (config(attention_bias=True), ["attention_bias=True"]),
    "dtype-of-nothing": (config(dtype="float7"), ["config.json describes no model", "take config.json from"]),
    "vision": (config(vision_config={"depth": 2}), ["config.json has vision_config, which a model of images has"]),
    "moe-as-dense": (config(num_experts=8), ["config.json has num_experts, which a model of experts has"]),
    "vl": (config(model_type="qwen3_vl"), ["model_type is 'qwen3_vl'; only 'qwen3' is known, the dense model of text"]),
    "reranker": (config(architectures=["Qwen3ForSequenceClassification"]), ["the architecture Qwen3ForSequenceClass"]),
    "list-without-default": (
        lambda f: [
            (f / "chat_template.jinja").unlink(),
            change_json(f / "tokenizer_config.json", chat_template=[{"name": "rag", "template": "a"}]),
        ],
        ["tokenizer_config.json: has templates named rag and none named default", "put it into chat_template.jinja"],
    ),
    "template-of-a-number": (
        lambda f: change_json(f / "tokenizer_config.json", chat_template=7), ["chat_template is '7', expected text"],
    ),
    "template-of-nothing": (
        lambda f: change_json(f / "tokenizer_config.json", chat_template=[{"name": "default"}]), ["a name and a"],
    ),
    "template-of-latin": (
        lambda f: (f / "chat_template.jinja").write_bytes("é".encode("latin-1")), ["chat_template.jinja: is not UTF-8"],
    ),
    "slow-tokenizer": (
        lambda f: [(f / "tokenizer.json").unlink(), (f / "vocab.json").write_text("{}")],
        ["its tokenizer has no tokenizer.json", "AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)"],
    ),
    "stale-index": (
        lambda f: [
            small_model.shard(f),
            change_json(f / "model.safetensors.index.json", weight_map={"a": "model-00001-of-00003.safetensors"}),
        ],
        ["model-00001-of-00003.safetensors: is missing, and model.safetensors.index.json names it", "download"],
    ),
    "stops-of-a-word": (config(eos_token_id="<|im_end|>"), ["has eos_token_id <|im_end|>", "151645, <|im_end|>"]),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "words"), REFUSED.values(), ids=REFUSED)
def test_each_cause_is_told_with_its_way_out(given: Path, damage: Damage, words: list[str]) -> None:
    damage(given)
    with pytest.raises(Refusal) as caught:
        taken(given)
    said = str(caught.value)
    assert said.startswith(str(given))
    assert [word for word in words if word not in said] == [], said
    assert "fetch it again" not in said
    assert str(given.parent / "got") not in said


def jinja_away(folder: Path) -> str:
    text = (folder / "chat_template.jinja").read_text()
    (folder / "chat_template.jinja").unlink()
    return text


def in_settings(shape: Callable[[str], Any]) -> Damage:
    return lambda folder: change_json(folder / "tokenizer_config.json", chat_template=shape(jinja_away(folder)))


def in_legacy(folder: Path) -> None:
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": jinja_away(folder)}))


def additional(folder: Path) -> None:
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates/tool_use.jinja").write_text("stale")


SETTINGS = "tokenizer_config.json"
DEFAULT_AND = [{"name": "tool_use", "template": "stale"}]


@pytest.mark.parametrize(
    ("form", "source", "differ", "left"),
    [
        (lambda f: None, "chat_template.jinja", [], []),
        (in_settings(lambda text: text), SETTINGS, [], []),
        (in_settings(lambda text: [{"name": "default", "template": text}, *DEFAULT_AND]), SETTINGS, [],
         [f"tool_use ({SETTINGS})"]),
        (in_settings(lambda text: {"default": text, "rag": "stale"}), SETTINGS, [], [f"rag ({SETTINGS})"]),
        (in_legacy, "chat_template.json", [], []),
        (additional, "chat_template.jinja", [], ["tool_use (additional_chat_templates/tool_use.jinja)"]),
        (lambda f: change_json(f / SETTINGS, chat_template="other"), "chat_template.jinja", [SETTINGS], []),
        (lambda f: change_json(f / SETTINGS, chat_template=DEFAULT_AND), "chat_template.jinja", [],
         [f"tool_use ({SETTINGS})"]),
        (lambda f: (f / "chat_template.json").write_text('{"chat_template": "other"}'), "chat_template.jinja",
         ["chat_template.json"], []),
    ],
)  # fmt: skip
def test_one_template_is_taken_and_the_others_are_named(
    plain: Path, given: Path, form: Damage, source: str, differ: list[str], left: list[str]
) -> None:
    form(given)
    found = taken(given)
    assert (found["form"]["template"], found["has_template"]) == (source, True)
    assert found["form"]["templates_differ"] == differ
    assert found["form"]["templates_left"] == left
    got = given.parent / "got/chat_template.jinja"
    assert got.read_bytes() == (plain / "chat_template.jinja").read_bytes()


def test_a_template_of_null_is_none_and_of_other_line_ends_the_same(given: Path) -> None:
    text = jinja_away(given) + "\n{# two #}"
    settings = json.loads((given / SETTINGS).read_text()) | {"chat_template": None}
    (given / SETTINGS).write_text(json.dumps(settings))
    found = taken(given)
    assert (found["form"]["template"], found["has_template"]) == (None, False)
    shutil.rmtree(given.parent / "got")
    (given / "chat_template.jinja").write_bytes(text.replace("\n", "\r\n").encode())
    change_json(given / SETTINGS, chat_template=text)
    assert taken(given)["form"]["templates_differ"] == []


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (config(rope_parameters=None, rope_theta=1e6, rope_scaling=None), ("theta 1,000,000", True)),
        (config(rope_parameters={"rope_type": "default"}, rope_theta=5e6), ("theta 5,000,000", True)),
        (config(rope_parameters=None), ("theta 10,000", False)),
        (
            config(rope_parameters=None, rope_theta=1e6, rope_scaling={"type": "yarn", "factor": 4.0}),
            ("theta 1,000,000, yarn x 4", True),
        ),
        (
            config(rope_theta=1e6, rope_parameters={"rope_type": "yarn", "factor": 2.0, "truncate": True}),
            ("theta 1,000,000, yarn x 2", True),
        ),
    ],
)
def test_rope_is_what_the_library_reads(given: Path, form: Damage, expected: tuple[str, bool]) -> None:
    form(given)
    found = taken(given)["form"]
    assert (found["rope"], found["says_theta"]) == expected


@pytest.mark.parametrize(
    ("rope", "kept"),
    [
        ({"rope_parameters": None, "rope_theta": 2e6, "rope_scaling": None}, {"rope_theta": 2e6, "rope_scaling": None}),
        (
            {"rope_parameters": None, "rope_theta": 2e6, "rope_scaling": {"rope_type": "yarn", "factor": 4.0}},
            {"rope_theta": 2e6, "rope_scaling": {"rope_type": "yarn", "factor": 4.0,
                                                 "original_max_position_embeddings": 128}},
        ),
        (
            {"rope_parameters": {"rope_type": "yarn", "factor": 4.0}, "rope_theta": 2e6},
            {"rope_parameters": {"rope_type": "yarn", "factor": 4.0, "rope_theta": 2e6,
                                 "original_max_position_embeddings": 128}},
        ),
        ({"rope_parameters": None}, {"rope_theta": 10_000.0, "rope_scaling": None}),
    ],
)  # fmt: skip
def test_the_merged_config_says_rope_whole_in_the_bases_spelling(
    given: Path, tmp_path: Path, rope: dict[str, Any], kept: dict[str, Any]
) -> None:
    change_json(given / "config.json", torch_dtype="bfloat16", _name_or_path="somebody/qwen3-reranker", **rope)
    made = model_config.merged(given, "given", "float32", TURN)
    ropes = {key: value for key, value in made.items() if key.startswith("rope_")}
    assert ropes == kept
    assert (made["dtype"], made["eos_token_id"], made["architectures"]) == ("float32", TURN, ["Qwen3ForCausalLM"])
    assert not made.keys() & {"torch_dtype", "_name_or_path"}
    (tmp_path / "made").mkdir()
    (tmp_path / "made/config.json").write_text(json.dumps(made))
    assert model_config.differing(given, tmp_path / "made") == []
    change_json(tmp_path / "made/config.json", rms_norm_eps=1e-5)
    assert model_config.differing(given, tmp_path / "made") == ["rms_norm_eps"]


def with_post_processor(folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <|endoftext|>", pair="$A $B <|endoftext|>", special_tokens=[("<|endoftext|>", TEXT)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))


@pytest.mark.parametrize(("form", "tokens"), [(lambda f: None, []), (with_post_processor, ["<|endoftext|>"])])
def test_tokens_that_a_post_processor_adds_are_measured(given: Path, form: Damage, tokens: list[str]) -> None:
    form(given)
    assert taken(given)["form"]["tokens_added"] == tokens


def with_beside(folder: Path) -> None:
    small_model.shard(folder)
    for name in ("consolidated.safetensors", "model-00001-of-00003.safetensors", "old.gguf", "training_args.bin"):
        (folder / name).write_bytes(b"no weights")


def test_only_what_the_index_names_is_taken(given: Path) -> None:
    with_beside(given)
    found = taken(given)
    assert found["form"]["weights_left"] == [
        "consolidated.safetensors", "model-00001-of-00003.safetensors", "old.gguf",
    ]  # fmt: skip
    assert sorted(path.name for path in (given.parent / "got").glob("*.safetensors")) == [
        "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
    ]  # fmt: skip


def test_keys_that_only_change_loading_are_left_out_and_named(given: Path) -> None:
    change_json(given / "config.json", _attn_implementation="flash_attention_2", sparsity=0.5, temperature=0.6)
    found = taken(given)
    assert found["form"]["keys_left"] == ["_attn_implementation=flash_attention_2"]
    assert found["form"]["unknown_keys"] == ["sparsity"]
    assert found["code_named_in"] == []
    assert "flash" not in (given.parent / "got/config.json").read_text()


@pytest.mark.parametrize(("form", "num_bytes"), [(lambda embedding: embedding, 4), (lambda one: one.bfloat16(), 2)])
def test_an_equal_head_of_a_tied_model_is_told_by_its_size(
    given: Path, form: Callable[[torch.Tensor], torch.Tensor], num_bytes: int
) -> None:
    exact = tensors(lambda found: {**found, EMBEDDING: found[EMBEDDING].bfloat16().float()})
    exact(given)
    head(form)(given)
    found = taken(given)
    assert (found["tied"], found["form"]["head_bytes"]) == (True, num_bytes * 96 * 256)


@pytest.mark.parametrize(("more", "num_bytes"), [(0.0, 4), (0.01, 0)])
def test_an_untied_head_that_is_the_embedding_is_told_by_its_size(given: Path, more: float, num_bytes: int) -> None:
    change_json(given / "config.json", tie_word_embeddings=False)
    head(lambda embedding: embedding + more)(given)
    found = taken(given)
    assert (found["tied"], found["form"]["head_bytes"]) == (False, num_bytes * 96 * 256)


def test_no_message_tells_to_fetch_again_what_fetching_cannot_mend() -> None:
    folder = Path(base_model.__file__).parent
    again = re.compile(r"fetch (it|the model) again")
    assert [path.name for path in sorted(folder.glob("*.py")) if again.search(path.read_text(encoding="utf-8"))] == []
