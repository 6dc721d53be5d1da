"""What the model card needs beyond numbers: safe Markdown, commands, front matter."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from jobs.logic.pages.amounts import count
from jobs.logic.text.seen import seen

TALK = ("--conversation", "--jinja", "--multiline-input", "--no-display-prompt", "-lv", "1")
"""A pasted text stays one message, which a line with nothing but a backslash sends; no log is shown."""
GREEDY = ("--temp", "0", "--repeat-penalty", "1")
"""As it was measured. A repeat penalty that a GGUF brings stays on at temperature 0."""
SWITCHED_OFF = {
    "xtc_probability": ("--xtc-probability", "0"),  # takes away the most likely tokens
    "mirostat": ("--mirostat", "0"),  # another sampler, which knows no temperature
    "sequence": ("--samplers", "temperature"),  # a list without the temperature leaves it out
}
"""What else of general.sampling.* changes a greedy answer, and how llama.cpp's programs are told not to."""
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


def greedy(sampling: Mapping[str, object]) -> list[str]:
    """The options that make llama.cpp's programs answer as it was measured; `sampling`: what travels in the GGUF."""
    more = [option for key, option in SWITCHED_OFF.items() if sampling.get(key)]
    return [*GREEDY, *(word for option in more for word in option)]


def talk(gguf: str, sampling: Mapping[str, object] = MappingProxyType({})) -> str:
    """The command that talks to a GGUF in a terminal, greedy as it was measured."""
    return " ".join(["llama-completion", "-m", gguf, *TALK, *greedy(sampling)])


def serve(gguf: str, sampling: Mapping[str, object]) -> str:
    """The command that serves a GGUF; a request that says nothing of sampling is answered as it was measured."""
    return " ".join(["llama-server", "-m", gguf, "--jinja", *greedy(sampling)])


def ollama(name: str, first: str, one: str) -> str:
    """The commands that talk to the file `one` in Ollama; `first` is the first part that it is put together from, empty
    where it is there. It goes again: only the certified files may lie in the folder."""
    talk = [f"ollama create {name} -f Modelfile", f"ollama run {name}"]
    return "\n".join([f"llama-gguf-split --merge {first} {one}", talk[0], f"rm {one}", talk[1]] if first else talk)


def of_files(first: str, num_parts: int) -> str:
    """A GGUF by the file that it is loaded from, and how many files it is."""
    return first if num_parts == 1 else f"{first}, with the {count(num_parts - 1, 'part')} after it,"


def parts_said(first: str, num_parts: int) -> str:
    """That a GGUF is split, in sentences; empty where it is not."""
    if num_parts < 2:
        return ""
    return (
        f"The GGUF is {count(num_parts, 'file')}: llama.cpp is given {first} and finds the others beside it by their "
        "names. Ollama takes one file, which llama-gguf-split of llama.cpp makes of them."
    )


def sampling_said(sampling: Mapping[str, object]) -> str:
    """What travels in the GGUF and was not measured, in sentences; empty where nothing does."""
    if not sampling:
        return ""
    found = ", ".join(f"{key} {value}" for key, value in sorted(sampling.items()))
    return (
        f"The GGUF itself asks for {found}, from the base model's generation config: programs use that where nothing "
        "else is said. The commands here switch it off."
    )


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


def prompt(opening: str) -> str:
    """One turn as the model was trained on it, up to where it goes on, newlines written as \\n; `opening`: what stands
    between the header of an answer and the answer."""
    return f"<|im_start|>user\nyour text<|im_end|>\n<|im_start|>assistant\n{opening}".replace("\n", "\\n")


def opening_said(opening: str) -> str:
    """What an answer begins with, as the end of a sentence."""
    if "<think>" not in opening:
        return ""
    where = "opens with an empty" if "</think>" in opening else "begins inside a"
    return f"; each answer {where} thinking block"
