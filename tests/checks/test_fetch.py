"""Every rule of the fetch gate, under the limits of each of its configs."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.checks.base_sizes import KNOWN, called, size_named
from jobs.checks.fetch import GATE, FetchFacts, FetchLimits
from jobs.checks.fetch_form import FolderForm
from jobs.core import config
from jobs.fetch import FetchConfig

NAN = float("nan")
COMMIT = "c0ffee" * 6 + "c0de"
IDS = {
    "<|endoftext|>": 151_643,
    "<|im_start|>": 151_644,
    "<|im_end|>": 151_645,
    "<think>": 151_667,
    "</think>": 151_668,
}


def limits_of(*words: str) -> FetchLimits:
    return config.checked(FetchConfig, config.compose(words)["fetch"], "fetch").limits


LIMITS = limits_of()
GOOD = FetchFacts(
    source="hub",
    id="Qwen/Qwen3-0.6B",
    is_named=True,
    revision=COMMIT,
    weights="1a2b3c4d5e6f" + "0" * 52,
    sizes=KNOWN["0.6B"],
    commit=COMMIT,
    licence="apache-2.0",
    code_named_in=[],
    model_type="qwen3",
    dtype="bfloat16",
    num_files=8,
    num_bytes=1_200_000_000,
    num_tensors=310,
    num_weights=596_049_920,
    nonfinite=[],
    tied=True,
    length=40_960,
    asked_length=32_768,
    vocab_rows=151_936,
    tokenizer_length=151_669,
    config_rows=151_936,
    token_ids=dict(IDS),
    bos_id=None,
    pad_id=151_643,
    eos_config=[151_645],
    eos_generation=[151_645, 151_643],
    eos_tokenizer=151_645,
    has_template=True,
    kind="post-trained",
    turn_row_cosine=0.11,
    turn_row_norm_ratio=1.3,
    narrow_rows=[],
    form=FolderForm(
        template="chat_template.jinja",
        templates_differ=[],
        templates_left=[],
        weights_left=[],
        keys_left=[],
        tokens_added=[],
        head_bytes=0,
        rope="theta 1,000,000",
        says_theta=True,
        says_dtype="bfloat16",
        unknown_keys=[],
    ),
)


def form(**changes: Any) -> dict[str, Any]:
    return {"form": GOOD.form.model_copy(update=changes)}


BASE = {"kind": "base", "eos_config": [151_643], "eos_generation": [151_643], "eos_tokenizer": 151_643}


def test_good_facts_pass_every_rule() -> None:
    verdict = GATE.judge(GOOD, LIMITS, {})
    assert set(verdict.statuses.values()) == {"pass"}
    assert verdict.status == "pass"


OTHER = {"hidden_size": 256, "num_hidden_layers": 2}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, "pass"),
        ({"id": "someone/My-Qwen3-0.6b-tune"}, "pass"),
        ({"id": "Qwen/Qwen3-4B"}, "fail"),
        ({"id": "Qwen/Qwen3-30B-A3B"}, "fail"),
        ({"id": "Qwen/Qwen3-5B"}, "skip"),
        ({"id": "kiwame/demo"}, "skip"),
        ({"id": "Qwen3-4B (weights 1a2b3c4d5e6f)", "is_named": False}, "skip"),
        ({"sizes": KNOWN["0.6B"].model_copy(update=OTHER)}, "fail"),
        ({"sizes": KNOWN["0.6B"].model_copy(update={"vocab_size": 151_669})}, "fail"),
        ({"sizes": KNOWN["0.6B"].model_copy(update={"rope_theta": None})}, "pass"),
        ({"id": "Qwen/Qwen3-4B-Instruct-2507", "sizes": KNOWN["4B-2507"]}, "pass"),
        ({"id": "Qwen/Qwen3-4B-Instruct-2507", "sizes": KNOWN["4B"]}, "fail"),
        ({"id": "Qwen/Qwen3-4B", "sizes": KNOWN["4B-2507"]}, "fail"),
    ],
)
def test_a_name_is_held_against_the_sizes(changes: dict[str, Any], found: str) -> None:
    assert GATE.judge(GOOD.model_copy(update=changes), LIMITS, {}).statuses["FET030"] == found


def test_a_wrong_name_is_told_with_both() -> None:
    facts = GOOD.model_copy(update={"id": "Qwen/Qwen3-4B", "sizes": KNOWN["0.6B"]})
    (finding,) = GATE.judge(facts, LIMITS, {}).failing
    assert finding.messages[0].startswith(
        "model.id=Qwen/Qwen3-4B names Qwen3 4B, the config has the sizes of Qwen3 0.6B: hidden_size 1024 and not 2560"
    )


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"source": "local"}, "warn"),
        ({"source": "local", "is_named": False}, "pass"),
        ({"source": "hub"}, "pass"),
        ({"source": "demo"}, "pass"),
    ],
)
def test_a_folders_name_is_told_as_a_claim(changes: dict[str, Any], found: str) -> None:
    assert GATE.judge(GOOD.model_copy(update=changes), LIMITS, {}).statuses["FET031"] == found


@pytest.mark.parametrize(("said", "found"), [(40_960, "pass"), (40_961, "warn"), (None, "skip")])
def test_a_length_is_not_more_than_the_configs(said: int | None, found: str) -> None:
    assert GATE.judge(GOOD.model_copy(update={"asked_length": said}), LIMITS, {}).statuses["FET032"] == found


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("Qwen/Qwen3-0.6B", "0.6B"),
        ("unsloth/qwen3-1.7b-base", "1.7B"),
        ("Qwen/Qwen3-4B-Thinking-2507", "4B-2507"),
        ("me/Qwen3_8B-2507-style", "8B"),
        ("Qwen3-32B/checkpoint", None),
        ("Qwen/Qwen3-Small", None),
    ],
)
def test_the_size_that_a_name_says(name: str, size: str | None) -> None:
    assert size_named(name) == size


def test_an_unnamed_folder_is_called_by_its_weights() -> None:
    assert called("my-folder", "1a2b3c4d5e6f" + "0" * 52) == "my-folder (weights 1a2b3c4d5e6f)"


@pytest.mark.parametrize("words", [["fetch=demo"], ["fetch=local", "fetch.source.folder=x"]])
def test_every_source_is_judged_alike(words: list[str]) -> None:
    assert limits_of(*words) == LIMITS


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        ({"nonfinite": ["model.norm.weight"]}, "FET001", "fail"),
        ({"token_ids": IDS | {"<|im_end|>": None}}, "FET002", "fail"),
        ({"token_ids": IDS | {"<|endoftext|>": None}}, "FET002", "fail"),
        ({"token_ids": {}}, "FET002", "fail"),
        ({"token_ids": IDS | {"<think>": None, "</think>": None}}, "FET002", "pass"),
        ({"tokenizer_length": 151_937}, "FET003", "fail"),
        ({"tokenizer_length": 151_936}, "FET003", "pass"),
        ({"tokenizer_length": 151_668}, "FET003", "fail"),
        ({"config_rows": 151_669}, "FET003", "fail"),
        ({"eos_generation": [151_643]}, "FET004", "fail"),
        ({"eos_generation": []}, "FET004", "fail"),
        ({"eos_generation": [151_645]}, "FET004", "pass"),
        ({"eos_tokenizer": 151_643}, "FET004", "fail"),
        ({"eos_tokenizer": None}, "FET004", "fail"),
        ({"eos_config": []}, "FET004", "fail"),
        (BASE, "FET004", "skip"),
        ({"pad_id": 151_645}, "FET005", "fail"),
        ({"pad_id": None}, "FET005", "fail"),
        ({"pad_id": 151_654}, "FET005", "pass"),
        ({"turn_row_cosine": 0.901}, "FET006", "fail"),
        ({"turn_row_cosine": 0.9}, "FET006", "pass"),
        ({"turn_row_cosine": -0.5}, "FET006", "pass"),
        ({"turn_row_cosine": NAN}, "FET006", "fail"),
        ({"turn_row_norm_ratio": 1.0}, "FET006", "fail"),
        ({"turn_row_norm_ratio": 1.019}, "FET006", "fail"),
        ({"turn_row_norm_ratio": 0.981}, "FET006", "fail"),
        ({"turn_row_norm_ratio": 1.021}, "FET006", "pass"),
        ({"turn_row_norm_ratio": NAN}, "FET006", "fail"),
        ({"turn_row_cosine": None}, "FET006", "skip"),
        ({"turn_row_norm_ratio": None}, "FET006", "skip"),
        ({"has_template": False}, "FET007", "fail"),
        ({"revision": "main"}, "FET008", "warn"),
        ({"revision": "main", "commit": None}, "FET008", "warn"),
        ({"source": "local", "revision": "main", "commit": None}, "FET008", "skip"),
        ({"source": "demo", "revision": "recipe", "commit": None}, "FET008", "skip"),
        (BASE, "FET009", "warn"),
        ({"bos_id": 151_643}, "FET010", "fail"),
        ({"bos_id": 0}, "FET010", "fail"),
        ({"code_named_in": ["config.json", "tokenizer_config.json"]}, "FET012", "warn"),
        ({"narrow_rows": ["model.layers.0.mlp.up_proj.weight [512, 192]"]}, "FET011", "warn"),
        (form(tokens_added=["<|endoftext|>"]), "FET013", "fail"),
        (form(templates_differ=["tokenizer_config.json"]), "FET014", "warn"),
        (form(templates_left=["tool_use (tokenizer_config.json)"]), "FET015", "warn"),
        (form(head_bytes=311_164_928), "FET016", "warn"),
        (form(head_bytes=311_164_928), "FET021", "pass"),
        (form(head_bytes=311_164_928) | {"tied": False}, "FET021", "warn"),
        (form(head_bytes=311_164_928) | {"tied": False}, "FET016", "pass"),
        (form(keys_left=["attn_implementation=flash_attention_2"]), "FET017", "warn"),
        (form(weights_left=["consolidated.safetensors"]), "FET018", "warn"),
        (form(says_theta=False), "FET019", "warn"),
        (form(unknown_keys=["sparsity"]), "FET020", "warn"),
        (form(says_dtype="float16"), "FET020", "warn"),
        (form(says_dtype=None), "FET020", "skip"),
        (form(says_dtype="float32") | {"dtype": "bfloat16, float32"}, "FET020", "pass"),
    ],
)
def test_rule(changes: dict[str, Any], code: str, status: str) -> None:
    verdict = GATE.judge(GOOD.model_copy(update=changes), LIMITS, {})
    assert verdict.statuses[code] == status
    assert verdict.status == ("fail" if "fail" in verdict.statuses.values() else "pass")


def test_a_warning_does_not_stop_the_chain() -> None:
    facts = GOOD.model_copy(update={"revision": "main", "narrow_rows": ["x [4, 3]"]})
    assert GATE.judge(facts, LIMITS, {}).status == "pass"


def test_a_moving_revision_is_told_with_its_commit() -> None:
    verdict = GATE.judge(GOOD.model_copy(update={"revision": "main"}), LIMITS, {})
    message = next(finding for finding in verdict.findings if finding.code == "FET008").messages[0]
    assert message.endswith(f"set model.revision={COMMIT}")


def test_a_person_is_shown_what_matters() -> None:
    shown = dict(GOOD.lines())
    assert "licence apache-2.0" in shown["model"]
    assert COMMIT in shown["model"]
    assert "596,049,920 in 310 tensors" in shown["weights"]


def test_the_form_is_told_in_words() -> None:
    twice = GOOD.model_copy(update=form(head_bytes=311_164_928, templates_differ=["tokenizer_config.json"]))
    assert dict(twice.lines())["head"] == "tied, and written once more: 311.2 MB that are not shipped"
    messages = {finding.code: finding.messages for finding in GATE.judge(twice, LIMITS, {}).findings}
    assert messages["FET014"] == ["taken from chat_template.jinja; another stands in tokenizer_config.json"]
    assert messages["FET016"] == ["lm_head.weight is the embedding bit for bit, 311.2 MB, expected none"]


def test_a_head_that_is_shipped_twice_is_told_by_its_size() -> None:
    twice = GOOD.model_copy(update=form(head_bytes=311_164_928) | {"tied": False})
    assert dict(twice.lines())["head"] == "untied, and the embedding: 311.2 MB twice"
    (said,) = next(one for one in GATE.judge(twice, LIMITS, {}).findings if one.code == "FET021").messages
    assert said.endswith("lm_head.weight is the embedding bit for bit: 311.2 MB are shipped twice")


def test_a_template_that_is_chosen_stands_in_for_the_models_own() -> None:
    without = GOOD.model_copy(update={"has_template": False})
    (finding,) = [one for one in GATE.judge(without, LIMITS, {}).findings if one.code == "FET007"]
    assert finding.messages[0].endswith("chat=plain brings one")
    chosen = LIMITS.model_copy(update={"chat_template": "conf/chat/templates/plain.jinja"})
    assert GATE.judge(without, chosen, {}).statuses["FET007"] == "pass"


def test_a_base_model_is_told_what_will_end_its_turns() -> None:
    findings = GATE.judge(GOOD.model_copy(update=BASE), LIMITS, {}).findings
    (said,) = next(finding for finding in findings if finding.code == "FET009").messages
    assert said == "its eos is [151643], <|endoftext|>; what is made from it stops on 151645, <|im_end|>"
