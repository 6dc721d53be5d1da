"""Causes in tokenizer, template and stop tokens, from what readers make of folders."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from jobs.logic.diagnosing import causes_labels, causes_tokens
from jobs.logic.diagnosing.answers_seen import AnswersSeen
from jobs.logic.diagnosing.cause import Outcome
from jobs.logic.diagnosing.certainty import Certainty
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.model_seen import ModelSeen
from jobs.logic.diagnosing.settings_seen import SettingsSeen
from jobs.logic.diagnosing.texts_seen import TextsSeen, TextTally
from jobs.logic.diagnosing.tokens_seen import TokenizerSeen

PROVEN, CONSISTENT = Certainty.PROVEN, Certainty.CONSISTENT
NOT_CHECKED, RULED_OUT = Certainty.NOT_CHECKED, Certainty.RULED_OUT
ASKED = "<|im_start|>user\nmark-of-user<|im_end|>\n<|im_start|>assistant\n"
TOLD = f"{ASKED}<think>\n\n</think>\n\nmark-of-answer<|im_end|>\n"
SYSTEM = "<|im_start|>system\nmark-of-system<|im_end|>\n"
GOOD = TokenizerSeen(
    folder="mine", digest="a", num_tokens=100, eos_token="<|im_end|>", pad_token="<|endoftext|>", bos_token=None,
    eos_ids=(91, 90), ids={"<|im_end|>": 91}, adds=(), template="x", template_from="chat_template.jinja",
    rendered={"whole": SYSTEM + TOLD, "without a system message": TOLD, "prompt": SYSTEM + ASKED},
    template_error="", markup_in_content=True, has_generation_config=True, tokens_digest="b",
)  # fmt: skip
BASE = replace(GOOD, folder="base")


def answers(num_unended: int) -> tuple[AnswersSeen, ...]:
    """Ten answers of a tuned model."""
    return (AnswersSeen("answers.jsonl", "hf", 10, 0, 0, 0, num_unended, 0, 0, 0, 0, 0, 0, None, ()),)


def rendered(change: Callable[[str], str]) -> TokenizerSeen:
    return replace(GOOD, rendered={name: change(text) for name, text in GOOD.rendered.items()})


def told(tokenizer: TokenizerSeen | None = GOOD, base: TokenizerSeen | None = BASE, **more: object) -> Evidence:
    return Evidence(tokenizer=tokenizer, base_tokenizer=base, **more)  # type: ignore[arg-type]


def settings(**fields: object) -> SettingsSeen:
    return SettingsSeen(file="tune.py", dialect="unsloth", **fields)  # type: ignore[arg-type]


def texts(text: str) -> TextsSeen | None:
    """Four rows of one text."""
    tally = TextTally()
    for _ in range(4):
        tally.add(text)
    return tally.seen("train.jsonl")


ALPACA = "### Instruction:\nmark-of-user\n\n### Response:\nmark-of-answer<|im_end|>"
KIND = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
DOUBLED = rendered(lambda text: text.replace("assistant\n", "assistant\n\n"))
LLAMA = rendered(lambda text: text.replace("<|im_start|>", "[INST]").replace("<|im_end|>", "[/INST]"))
ADDED = rendered(lambda text: text if text.startswith(SYSTEM) else "<|im_start|>system\nBe kind.<|im_end|>\n" + text)
PHI = rendered(lambda text: text.replace("user\n", "user<|im_sep|>").replace("assistant\n", "assistant<|im_sep|>"))
MERGED = ModelSeen("mine", {"model_type": "qwen3"}, {"F32": 9}, 9, (), (), (), (), (), (), (), True, False, None)
PAD = replace(GOOD, pad_token="<|im_end|>")
Check = Callable[[Evidence], Outcome]
CASES: list[tuple[Check, Evidence, Certainty]] = [
    (causes_tokens.pad_is_end_of_turn, told(PAD), CONSISTENT),
    (causes_tokens.pad_is_end_of_turn, told(PAD, answers=answers(9)), PROVEN),
    (causes_tokens.pad_is_end_of_turn, told(PAD, answers=answers(0)), RULED_OUT),
    (causes_tokens.pad_is_end_of_turn, told(settings=settings(pad_is_eos=True), answers=answers(9)), PROVEN),
    (causes_tokens.pad_is_end_of_turn, told(), RULED_OUT),
    (causes_tokens.pad_is_end_of_turn, Evidence(), NOT_CHECKED),
    (causes_tokens.pad_is_end_of_turn, told(other_tokenizers=(PAD,), answers=answers(9)), PROVEN),
    (causes_tokens.wrong_template, told(base=None, other_tokenizers=(LLAMA,)), PROVEN),
    (causes_tokens.wrong_template, told(texts=texts(ALPACA)), PROVEN),
    (causes_tokens.wrong_template, told(texts=texts(TOLD)), RULED_OUT),
    (causes_tokens.header_newline_odd, told(texts=texts(TOLD.replace("assistant\n", "assistant"))), PROVEN),
    (causes_tokens.header_newline_odd, told(texts=texts(TOLD.replace("assistant\n", "assistant\n\n"))), PROVEN),
    (causes_tokens.header_newline_odd, told(texts=texts(TOLD)), RULED_OUT),
    (causes_tokens.system_prompt_added, told(texts=texts(KIND + TOLD)), CONSISTENT),
    (causes_tokens.system_prompt_added, told(texts=texts(SYSTEM + TOLD)), CONSISTENT),
    (causes_tokens.system_prompt_added, told(texts=texts(TOLD)), RULED_OUT),
    (causes_tokens.another_tokenizer, told(base=None, other_tokenizers=(replace(GOOD, digest="c"),)), PROVEN),
    (causes_labels.end_of_turn_missing, told(texts=texts(TOLD.removesuffix("<|im_end|>\n"))), PROVEN),
    (causes_labels.end_of_turn_missing, told(texts=texts(TOLD)), RULED_OUT),
    (causes_labels.doubled_bos, told(texts=texts("<|endoftext|><|endoftext|>" + TOLD)), PROVEN),
    (causes_labels.doubled_bos, told(texts=texts(TOLD)), RULED_OUT),
    (causes_labels.end_of_turn_not_graded, told(answers=answers(4)), CONSISTENT),
    (causes_labels.end_of_turn_not_graded, told(answers=answers(1)), NOT_CHECKED),
    (causes_labels.end_of_turn_not_graded, told(answers=answers(0)), RULED_OUT),
    (
        causes_labels.end_of_turn_not_graded,
        told(answers=(*answers(4), replace(answers(4)[0], of="base"))),
        NOT_CHECKED,
    ),
    (causes_tokens.wrong_template, told(LLAMA), PROVEN),
    (causes_tokens.wrong_template, told(LLAMA, None), NOT_CHECKED),
    (causes_tokens.wrong_template, told(replace(LLAMA, model_type="llama"), None), NOT_CHECKED),
    (causes_tokens.wrong_template, told(replace(LLAMA, model_type="qwen3"), None), CONSISTENT),
    (causes_tokens.wrong_template, told(other_tokenizers=(replace(LLAMA, digest="c", folder="judge"),)), PROVEN),
    (
        causes_tokens.wrong_template,
        told(other_tokenizers=(replace(LLAMA, digest="c", folder="judge"),), merged=MERGED),
        RULED_OUT,
    ),
    (
        causes_tokens.another_tokenizer,
        told(other_tokenizers=(replace(LLAMA, digest="c", folder="judge"),), merged=MERGED),
        RULED_OUT,
    ),
    (
        causes_tokens.wrong_template,
        told(settings=settings(base_model="deepseek-ai/DeepSeek-R1-0528-Qwen3-8B", template="deepseek3")),
        RULED_OUT,
    ),
    (causes_tokens.header_newline_odd, told(replace(PHI, model_type="phi3"), None), NOT_CHECKED),
    (causes_tokens.wrong_template, told(), RULED_OUT),
    (causes_tokens.wrong_template, told(settings=settings(base_model="Qwen/Qwen3-4B", template="llama3")), PROVEN),
    (causes_tokens.wrong_template, told(settings=settings(base_model="Qwen/Qwen3-4B", template="qwen3")), RULED_OUT),
    (causes_tokens.header_newline_odd, told(DOUBLED), PROVEN),
    (causes_tokens.header_newline_odd, told(DOUBLED, DOUBLED), RULED_OUT),
    (causes_tokens.header_newline_odd, told(), RULED_OUT),
    (causes_tokens.system_prompt_added, told(ADDED), PROVEN),
    (causes_tokens.system_prompt_added, told(ADDED, ADDED), RULED_OUT),
    (causes_tokens.system_prompt_added, told(ADDED, None), CONSISTENT),
    (causes_tokens.system_prompt_added, told(), RULED_OUT),
    (causes_tokens.stop_token_not_set, told(replace(GOOD, eos_ids=(90,))), PROVEN),
    (causes_tokens.stop_token_not_set, told(replace(GOOD, eos_ids=()), replace(BASE, eos_ids=(90,))), CONSISTENT),
    (
        causes_tokens.stop_token_not_set,
        told(replace(GOOD, eos_ids=()), replace(BASE, eos_ids=(90,)), answers=answers(9)),
        PROVEN,
    ),
    (causes_tokens.stop_token_not_set, told(), RULED_OUT),
    (causes_tokens.stop_token_not_set, told(replace(GOOD, eos_ids=()), None), NOT_CHECKED),
    (causes_tokens.another_tokenizer, told(replace(GOOD, digest="c", tokens_digest="d")), PROVEN),
    (causes_tokens.another_tokenizer, told(replace(GOOD, digest="c", num_tokens=101)), CONSISTENT),
    (causes_tokens.another_tokenizer, told(), RULED_OUT),
    (
        causes_tokens.delimiters_match_nothing,
        told(settings=settings(response_part="<|im_start|>assistant\n")),
        RULED_OUT,
    ),
    (causes_tokens.delimiters_match_nothing, told(settings=settings(response_part="### Response:")), PROVEN),
    (causes_tokens.delimiters_match_nothing, told(), NOT_CHECKED),
    (causes_tokens.template_fails, told(replace(GOOD, rendered={}, template_error="line 3: what")), PROVEN),
    (causes_tokens.template_fails, told(), RULED_OUT),
    (causes_tokens.prompt_is_no_prefix, told(), RULED_OUT),
    (
        causes_tokens.prompt_is_no_prefix,
        told(replace(GOOD, rendered=GOOD.rendered | {"prompt": SYSTEM + ASKED + "<think>\nso"})),
        PROVEN,
    ),
]


@pytest.mark.parametrize(("check", "evidence", "certainty"), CASES)
def test_causes_in_tokens(check: Check, evidence: Evidence, certainty: Certainty) -> None:
    found = check(evidence)
    assert found.certainty == certainty, found
    assert found.signs or found.decides
