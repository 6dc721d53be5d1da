"""Every rule of the preflight gate: what passes, what does not, and the edge."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.checks.preflight import GATE, PreflightLimits
from jobs.checks.preflight_facts import Lengths, Model, Offences, PreflightFacts, Rows, Update
from jobs.core.errors import Refusal
from jobs.logic.chat.chatml import TokenRow

LIMITS = PreflightLimits(
    max_dropped_share=0.02,
    warn_heat=1e-3,
    max_heat=2e-3,
    min_held_out_prompts=200,
    min_held_out_tokens=5000,
    fingerprints=["good"],
    max_prompt_share=0.5,
    max_neftune_alpha=15.0,
)
STOPS = {"tokenizer_config.json": "<|im_end|>"}
NAN = float("nan")
OPTIONS = {"neftune_alpha": 0.0, "prompt_loss_weight": 0.0}
HOT = {"learning_rate": 2e-4, "rank": 32, "alpha": 64.0, "target_modules": ["q_proj"], **OPTIONS}
CONFIG = {
    "vocab_size": 151_936, "max_position_embeddings": 40_960, "hidden_size": 1024, "intermediate_size": 3072,
    "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 64,
}  # fmt: skip


def facts(**changes: Any) -> PreflightFacts:
    """Good facts with some replaced; `a__b` reaches into a part, a number for an offence is a count of rows."""
    split = {
        "num_rows_in": 800, "num_rows": 800, "shortest": 90, "longest": 500, "num_tokens": 160_000,
        "num_graded_tokens": 20_000, "num_content_tokens": 16_000, "num_prompt_tokens": 130_000,
        "num_turns_with_block": 800, "num_turns_without_block": 0,
    }  # fmt: skip
    data: dict[str, Any] = {
        "thinking_block": "empty",
        "opening": "",
        "graded_turns": "last",
        "on_too_long": "refuse",
        "max_length": 512,
        "train": dict(split),
        "val": {**split, "num_rows_in": 200, "num_rows": 200},
        "lengths": {"p50": 200, "p90": 300, "p99": 400, "longest": 500, "advised": 512, "bin_width": 64, "bins": [1000],
                    "cuts": []},
        "tokenizer": {"num_tokens": 151_669, "fingerprint": "good", "missing": [], "pad_is_end_of_turn": False,
                      "has_pad": True, "template_as_chosen": True, "num_prompts": 2},
        "tokenizer_folder": {"templates": ["chat_template.jinja"], "stops": {"tokenizer_config.json": "<|im_end|>"}},
        "model": {"num_embeddings": 151_936, "context": 40_960, "ranks": {"q_proj": 1024, "k_proj": 512}},
        "update": {"learning_rate": 2e-4, "rank": 16, "alpha": 32.0, "rslora": False, "target_modules": ["q_proj"],
                   "neftune_alpha": 1.0, "prompt_loss_weight": 0.1},
        "brought": {"num_rows": 1000, "thoughts": 0, "kept": 0, "earlier": 0, "unlearnt": 0},
        "offences": {name: {"num": 0, "examples": []} for name in Offences.model_fields},
    }  # fmt: skip
    for key, value in changes.items():
        part, _, name = key.partition("__")
        if part == "offences":
            data[part][name] = {"num": value, "examples": ["r1", "r2"][:value]}
        elif name:
            data[part][name] = value
        else:
            data[part] = value
    return PreflightFacts.model_validate(data)


def status(code: str, found: PreflightFacts) -> str:
    return GATE.judge(found, LIMITS, {}).statuses[code]


def test_good_facts_pass() -> None:
    verdict = GATE.judge(facts(), LIMITS, {})
    assert verdict.status == "pass"
    assert set(verdict.statuses.values()) == {"pass"}


@pytest.mark.parametrize(
    ("code", "changes", "expected"),
    [
        ("TOK001", {"offences__no_graded_tokens": 1}, "fail"),
        ("TOK001", {"train__num_rows": 0}, "fail"),
        ("TOK001", {"train__num_content_tokens": 0}, "fail"),
        ("TOK002", {"offences__end_of_turn_not_graded": 7}, "fail"),
        ("TOK003", {"offences__control_token_from_content": 1}, "fail"),
        ("TOK004", {"offences__border_not_at_token": 1}, "fail"),
        ("TOK004", {"offences__answer_not_graded": 1}, "fail"),
        ("TOK005", {"offences__graded_elsewhere": 1}, "fail"),
        ("TOK005", {"offences__labels_differ": 1}, "fail"),
        ("TOK006", {"offences__template_differs": 1}, "fail"),
        ("TOK007", {"offences__encoding_differs": 1}, "fail"),
        ("TOK008", {"offences__prompt_not_prefix": 1}, "fail"),
        ("TOK009", {"offences__too_long": 1}, "fail"),
        ("TOK009", {"offences__dropped": 20}, "pass"),
        ("TOK009", {"offences__dropped": 21}, "fail"),
        ("TOK009", {"train__num_rows_in": 0, "val__num_rows_in": 0}, "pass"),
        ("TOK010", {"offences__lost": 1}, "fail"),
        ("TOK010", {"offences__unknown": 1}, "fail"),
        ("TOK011", {"max_length": 40_960}, "pass"),
        ("TOK011", {"max_length": 40_961}, "fail"),
        ("TOK012", {"tokenizer__num_tokens": 151_936}, "pass"),
        ("TOK012", {"tokenizer__num_tokens": 151_937}, "fail"),
        ("TOK013", {"tokenizer__fingerprint": "bad"}, "fail"),
        ("TOK013", {"tokenizer__missing": ["<think>"]}, "fail"),
        ("TOK014", {"tokenizer__pad_is_end_of_turn": True}, "fail"),
        ("TOK014", {"tokenizer__has_pad": False}, "fail"),
        ("TOK015", {"tokenizer__template_as_chosen": False}, "fail"),
        ("TOK016", {"offences__side_files_differ": 1}, "fail"),
        ("TOK017", {"offences__think_tags": 1}, "fail"),
        ("TOK018", {"offences__control_text_in_answer": 1}, "fail"),
        ("TOK019", {"offences__control_text_in_prompt": 1}, "warn"),
        ("TOK020", {"train__num_turns_without_block": 1}, "warn"),
        ("TOK020", {"train__num_turns_with_block": 0, "train__num_turns_without_block": 9}, "pass"),
        ("TOK021", {"update__learning_rate": 1e-3}, "pass"),
        ("TOK021", {"update__learning_rate": 1.001e-3}, "fail"),
        ("TOK021", {"update__learning_rate": NAN}, "fail"),
        ("TOK021", {"update": {**HOT, "rslora": True}}, "fail"),
        ("TOK021", {"update": {**HOT, "rslora": False}}, "pass"),
        ("TOK022", {"update__learning_rate": 5e-4}, "pass"),
        ("TOK022", {"update__learning_rate": 6e-4}, "warn"),
        ("TOK022", {"update__learning_rate": NAN}, "warn"),
        ("TOK023", {"update__rank": 1024}, "pass"),
        ("TOK023", {"update__rank": 1025}, "fail"),
        ("TOK023", {"update__rank": 513, "update__target_modules": ["k_proj"]}, "fail"),
        ("TOK030", {"update__prompt_loss_weight": 0.15}, "pass"),
        ("TOK030", {"update__prompt_loss_weight": 0.16}, "warn"),
        ("TOK030", {"update__prompt_loss_weight": 1.0}, "warn"),
        ("TOK030", {"update__prompt_loss_weight": NAN}, "warn"),
        ("TOK030", {"update__prompt_loss_weight": 0.0}, "skip"),
        ("TOK030", {"update__prompt_loss_weight": 1.0, "train__num_prompt_tokens": 0}, "pass"),
        ("TOK031", {"update__neftune_alpha": 15.0}, "pass"),
        ("TOK031", {"update__neftune_alpha": 15.1}, "warn"),
        ("TOK031", {"update__neftune_alpha": NAN}, "warn"),
        ("TOK031", {"update__neftune_alpha": 0.0}, "skip"),
        ("TOK032", {"brought__thoughts": 1}, "warn"),
        ("TOK032", {"brought__earlier": 1}, "warn"),
        ("TOK032", {"brought__thoughts": 9, "brought__kept": 9, "thinking_block": "keep"}, "pass"),
        ("TOK033", {"thinking_block": "keep"}, "fail"),
        ("TOK033", {"thinking_block": "keep", "brought__earlier": 5}, "fail"),
        ("TOK033", {"thinking_block": "keep", "brought__num_rows": 0}, "pass"),
        ("TOK033", {"thinking_block": "keep", "brought__kept": 1}, "pass"),
        ("TOK034", {"thinking_block": "keep", "brought__kept": 999}, "warn"),
        ("TOK034", {"thinking_block": "keep", "brought__kept": 1000}, "pass"),
        ("TOK034", {"thinking_block": "keep", "brought__kept": 0}, "pass"),
        ("TOK035", {"brought__unlearnt": 1}, "fail"),
        ("TOK035", {"brought__unlearnt": 1, "update__prompt_loss_weight": NAN}, "fail"),
        ("TOK035", {"brought__unlearnt": 1, "update__prompt_loss_weight": 0.0}, "pass"),
        ("TOK035", {"brought__unlearnt": 1, "update": None}, "pass"),
        ("TOK023", {"update__rank": 513, "update__target_modules": []}, "pass"),
        ("TOK024", {"val__num_rows": 199}, "warn"),
        ("TOK024", {"val__num_content_tokens": 4999}, "warn"),
        ("TOK024", {"val__num_rows": 0}, "skip"),
        ("TOK025", {"val__num_rows": 0}, "fail"),
        ("TOK025", {"val__num_rows": 1}, "pass"),
        ("TOK026", {"tokenizer_folder__templates": []}, "fail"),
        ("TOK026", {"tokenizer_folder__templates": ["chat_template.jinja", "tokenizer_config.json"]}, "fail"),
        ("TOK026", {"tokenizer_folder__templates": ["tokenizer_config.json"]}, "fail"),
        ("TOK027", {"tokenizer_folder__stops": {}}, "fail"),
        ("TOK027", {"tokenizer_folder__stops": {"tokenizer_config.json": "<|endoftext|>"}}, "fail"),
        ("TOK027", {"tokenizer_folder__stops": {"tokenizer_config.json": None}}, "fail"),
        ("TOK027", {"tokenizer_folder__stops": {**STOPS, "special_tokens_map.json": "<|endoftext|>"}}, "fail"),
        ("TOK027", {"tokenizer_folder__stops": {**STOPS, "special_tokens_map.json": "<|im_end|>"}}, "pass"),
    ],
)
def test_rules(code: str, changes: dict[str, Any], expected: str) -> None:
    assert status(code, facts(**changes)) == expected


def test_every_offence_has_a_rule() -> None:
    for name in Offences.model_fields:
        statuses = GATE.judge(facts(**{f"offences__{name}": 900}), LIMITS, {}).statuses
        assert set(statuses.values()) & {"fail", "warn"}, name


def test_messages_name_rows_value_and_limit() -> None:
    (finding,) = GATE.judge(facts(offences__end_of_turn_not_graded=7), LIMITS, {}).failing
    assert finding.messages == ["a graded stretch without its <|im_end|>: 7 rows (r1, r2 and 5 more), at most 0"]
    hot = facts(update={**HOT, "rslora": True})
    (finding,) = GATE.judge(hot, LIMITS, {}).failing
    assert finding.messages == [
        "scale 64 / sqrt(32) = 11.3, times learning rate 2e-4 = 0.00226, at most 0.002 (a warning from 0.001)"
    ]


def test_a_hot_update_can_be_waived() -> None:
    verdict = GATE.judge(facts(update__learning_rate=1.0), LIMITS, {"TOK021": "a trial"})
    assert (verdict.status, verdict.statuses["TOK021"]) == ("pass", "waived")


@pytest.mark.parametrize(
    ("num", "text"),
    [(0, "0 rows"), (1, "1 row (a)"), (5, "5 rows (a, a, a, a, a)"), (6, "6 rows (a, a, a, a, a and 1 more)")],
)
def test_rows_in_words(num: int, text: str) -> None:
    assert str(Rows.of(["a"] * num)) == text


@pytest.mark.parametrize(
    ("lengths", "p50", "p99", "advised", "width", "bins"),
    [
        ([], 0, 0, 64, 8, [0]),
        ([64], 64, 64, 64, 8, [0] * 8 + [1]),
        ([65], 65, 65, 128, 8, [0] * 8 + [1]),
        ([1, 2, 3, 4], 2, 4, 64, 8, [4]),
        (list(range(100)), 49, 98, 128, 8, [8] * 12 + [4]),
        ([10, 3000], 10, 3000, 3008, 128, [1] + [0] * 22 + [1]),
    ],
)
def test_lengths(lengths: list[int], p50: int, p99: int, advised: int, width: int, bins: list[int]) -> None:
    found = Lengths.of(lengths, [])
    assert (found.p50, found.p99, found.advised, found.bin_width, found.bins) == (p50, p99, advised, width, bins)


def test_the_smaller_side_of_a_matrix_bounds_the_rank() -> None:
    ranks = Model.of(CONFIG).ranks
    assert ranks == {"q_proj": 1024, "k_proj": 512, "v_proj": 512, "o_proj": 1024} | dict.fromkeys(
        ("gate_proj", "up_proj", "down_proj"), 1024
    )
    with pytest.raises(Refusal, match="no number head_dim"):
        Model.of({**CONFIG, "head_dim": None})


def test_what_a_cut_would_cost() -> None:
    row = TokenRow([1] * 520, [-100] * 510 + [1] * 10, "p" * 510 + "c" * 10)
    cut = Lengths.of([520, 30], [row]).cuts[0]
    assert (cut.length, cut.num_rows, cut.num_graded_tokens) == (512, 1, 8)
    assert str(cut) == "512: 1 row, 8 graded tokens lost"


def test_lines_are_words() -> None:
    lines = dict(facts().lines())
    assert (
        lines["train"] == "800 of 800 rows, 160,000 tokens (90 to 500 a row), 20,000 graded (12.5%), 16,000 of answers"
    )
    assert lines["update"] == "scale 32 / 16 = 2, times learning rate 2e-4 = 4e-4"
    assert Update(learning_rate=1e-4, rank=64, alpha=16.0, rslora=True, target_modules=[], **OPTIONS).scale == 2


def test_lines_tell_thoughts_and_marked_answers() -> None:
    assert not {"thoughts", "not to be learnt"} & dict(facts().lines()).keys()
    lines = dict(facts(brought__thoughts=7, brought__kept=7, brought__earlier=2, brought__unlearnt=3).lines())
    assert lines["thoughts"] == (
        "7 of 1,000 rows bring them, 7 are taught them; before earlier answers of 2 rows they are left out, as the "
        "template does"
    )
    assert lines["not to be learnt"] == "3 answers marked so, none of them graded"
