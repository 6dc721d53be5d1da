"""What the model card needs beyond numbers: safe Markdown, commands, front matter."""

from __future__ import annotations

import re
from collections.abc import Sequence

from jobs.logic.text.seen import seen

TALK = ("--conversation", "--jinja", "--temp", "0")
SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&!])")


def markdown(text: str) -> str:
    """Any text as one line of Markdown that means itself."""
    return SPECIAL.sub(r"\\\1", seen(" ".join(text.split())))


def opened(text: str) -> str:
    """With a capital at the beginning."""
    return text[:1].upper() + text[1:]


def fenced(text: str) -> str:
    """Text as a code block whose fence nothing in it can close."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    return f"{fence}\n{text}\n{fence}"


def talk(gguf: str, program: str = "llama-completion") -> str:
    """The command that talks to a GGUF in a terminal, greedy as it was measured."""
    return " ".join([program, "-m", gguf, *TALK])


def slug(title: str) -> str:
    """A name for Ollama: lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "model"


def front_matter(base_model: str | None, license: str, languages: Sequence[str], certified: bool) -> dict[str, object]:
    """Arguments of huggingface_hub's ModelCardData; what is not known is left out."""
    data: dict[str, object] = {
        "license": license,
        "library_name": "gguf",
        "pipeline_tag": "text-generation",
        "tags": ["gguf", "qwen3", "lora", "kiwame", "certified" if certified else "not-certified"],
    }
    if base_model:
        data |= {"base_model": base_model}
    if languages:
        data |= {"language": list(languages)}
    return data


def prompt(empty_block: bool) -> str:
    """One turn as the model was trained on it, up to where the answer begins, newlines written as \\n."""
    block = "<think>\n\n</think>\n\n" if empty_block else ""
    return f"<|im_start|>user\nyour text<|im_end|>\n<|im_start|>assistant\n{block}".replace("\n", "\\n")
