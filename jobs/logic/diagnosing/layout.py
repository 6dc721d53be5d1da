"""What a chat template puts around texts, read off what it made of the probes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from jobs.logic.chat.chatml import IM_END, IM_START
from jobs.logic.chat.delimiters import MARKS, NAMES, around_marks
from jobs.logic.diagnosing.tokens_seen import TokenizerSeen

BLOCK = re.compile(r"<think>.*?</think>\n*", re.DOTALL)
HEADER = re.compile(r"<\|im_start\|>([A-Za-z]+)(\n*)(.?)", re.DOTALL)
CONTROL = re.compile(r"<\|[^|<>]{1,40}\|>|</?[A-Za-z_]{1,20}>")
CHATML_NAMES = ("qwen", "chatml", "tokenizer_default", "model", "default", "empty")
"""How names of templates begin that are ChatML, or the model's own."""
FOREIGN_NAMES = (
    "llama", "alpaca", "vicuna", "mistral", "gemma", "phi", "zephyr", "command", "cohere", "deepseek", "falcon",
    "chatglm", "glm", "baichuan", "internlm", "intern", "yi", "granite", "gpt_oss", "gpt-oss", "inst", "starling",
    "openchat",
)  # fmt: skip
"""How names of templates begin that are another family's."""


@dataclass(frozen=True)
class Layout:
    """Of one template; without thinking blocks, which have causes of their own."""

    delimiters: Mapping[str, str | None]
    """NAMES to what stands there."""
    before_user: str
    """Where a conversation has no system message: what stands before the user's text."""
    newlines: tuple[int, ...]
    """Behind each header `<|im_start|>role` of the whole conversation."""
    end_of_turn: str
    """The control token that ends an answer; empty: none."""
    prompt_is_prefix: bool | None


def layout(tokenizer: TokenizerSeen | None) -> Layout | None:
    """What a tokenizer's template does; None where none was rendered."""
    if tokenizer is None or "whole" not in tokenizer.rendered:
        return None
    texts = tokenizer.rendered
    whole = texts["whole"]
    bare = BLOCK.sub("", whole)
    behind = bare.rpartition(MARKS[2])[2]
    ends = CONTROL.search(behind)
    return Layout(
        delimiters=around_marks(bare),
        before_user=texts.get("without a system message", "").partition(MARKS[1])[0],
        newlines=tuple(len(found[2]) for found in HEADER.finditer(bare)),
        end_of_turn=ends[0] if ends else "",
        prompt_is_prefix=whole.startswith(texts["prompt"]) if "prompt" in texts else None,
    )


def differing(one: Layout, other: Layout) -> list[str]:
    """Places where two layouts differ beyond white space, as sentences' ends."""
    found = []
    for name in NAMES:
        mine, theirs = one.delimiters[name], other.delimiters[name]
        if squeezed(mine) != squeezed(theirs):
            found.append(f"{name} {mine!r} in place of {theirs!r}")
    return found


def squeezed(text: str | None) -> str:
    """Without white space."""
    return "".join((text or "").split())


def is_chatml(one: Layout) -> bool:
    """Whether turns begin and end as ChatML's do."""
    return IM_START in (one.delimiters[NAMES[2]] or "") and one.end_of_turn == IM_END


def named_foreign(name: str, base_model: str) -> bool:
    """Whether a template's name is another family's, of a base that is Qwen's."""
    plain = name.lower().rpartition("/")[2]
    family = next((one for one in FOREIGN_NAMES if plain.startswith(one)), "")
    base = base_model.lower()  # DeepSeek-R1-0528-Qwen3-8B is as much the other family's
    return "qwen" in base and not plain.startswith(CHATML_NAMES) and bool(family) and family not in base
