"""Which prompts the methods and the scorer ask with, and how what is not ours is put into them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from jobs.logic.endpoints.prompts import Prompts, fenced
from jobs.logic.row import Message
from jobs.logic.synth.overlap import counts_characters, units

OPERATIONS = ("constraints", "deepen", "concretise", "reasoning", "complicate", "breadth")
"""Of Evol-Instruct (Xu et al. 2023): five that go deeper, and one that goes wider."""
CHECKS = ("faithful", "relevant", "sound")
"""Of CRAFT's rows, in this order: an answer that does not follow from its passage is not looked at further."""
SHOWN = ("lengths", "shots")
SLOTS: dict[str, frozenset[str]] = {
    name: frozenset(slots)
    for name, slots in {
        "system": ["language"],
        "system_scorer": [],
        "length_words": ["least", "most"],
        "length_characters": ["least", "most"],
        "standing": ["text"],
        "self_instruct_instruction": [*SHOWN, "frame", "topic"],
        "self_instruct_instance": [*SHOWN, "fields", "frame", "reply", "topic"],
        "self_instruct_label": [*SHOWN, "fields", "frame", "label", "reply", "topic"],
        "answer": [*SHOWN, "prompt", "standing"],
        "evol": ["fields", "frame", "given", "lengths", "operation", "reply"],
        **{f"evol_{operation}": [] for operation in OPERATIONS},
        "evol_gain": ["after", "before"],
        "craft": [*SHOWN, "fields", "frame", "passage", "reply"],
        "craft_check": ["answer", "passage", "prompt", "question"],
        **{f"craft_{check}": [] for check in CHECKS},
        "cot": [*SHOWN, "fields", "frame", "reply", "topic"],
        "cot_answer": [*SHOWN, "prompt", "standing"],
        "score": ["answer", "criteria", "fields", "passage", "prompt", "standing"],
        "score_passage": ["passage"],
    }.items()
}
"""The files of conf/synth/prompts/ja and en, and the slots of each."""
NAMES = {
    "ja": {"ja": "日本語", "en": "英語"},
    "en": {
        "ja": "Japanese", "en": "English", "zh": "Chinese", "ko": "Korean", "de": "German", "fr": "French",
        "es": "Spanish", "it": "Italian", "pt": "Portuguese", "ru": "Russian", "nl": "Dutch", "ar": "Arabic",
        "tr": "Turkish", "pl": "Polish", "vi": "Vietnamese", "th": "Thai", "id": "Indonesian", "hi": "Hindi",
    },
}  # fmt: skip
"""A set's language in the language of the prompts."""
OWN_CHARACTERS, OWN_WORDS = 16, 8
"""So much in a row of a prompt's own words is copied from it: in characters where it has no spaces, or in words."""
SPACES = re.compile(r"\s+")


class Wording:
    """The prompts of one language, for a set of one language."""

    def __init__(self, prompts: Prompts, code: str, language: str) -> None:
        """`code`: of the prompts, `ja` or `en`; `language`: of the set, ISO 639."""
        self.prompts, self.code = prompts, code
        self.language = NAMES[code].get(language, language)

    def messages(self, name: str, **filled: str) -> tuple[Message, ...]:
        """What a model that writes is asked."""
        system = self.prompts.text("system", language=self.language)
        return Message("system", system), Message("user", self.prompts.text(name, **filled))

    def scorers_messages(self, name: str, **filled: str) -> tuple[Message, ...]:
        """What a model that scores is asked."""
        return Message("system", self.prompts.text("system_scorer")), Message("user", self.prompts.text(name, **filled))

    def standing(self, system: Message | None) -> str:
        """The system message that an answer keeps to; nothing where there is none."""
        return self.prompts.text("standing", text=fenced(system.content)) + "\n" if system else ""

    def length(self, texts: Sequence[str]) -> str:
        """The lengths of most texts, the longest and shortest tenth aside."""
        by_characters = counts_characters(texts)
        sizes = sorted(len(units(text, by_characters)) for text in texts)
        least, most = (sizes[round(share * (len(sizes) - 1))] for share in (0.1, 0.9))
        name = "length_characters" if by_characters else "length_words"
        return self.prompts.text(name, least=str(rounded(least)), most=str(rounded(most)))

    @cached_property
    def _own(self) -> frozenset[str]:
        return frozenset(self._runs(self.prompts.own_words()))

    def copied(self, text: str, allowed: Sequence[str]) -> str | None:
        """A run of the prompts' own words in a text, unless one of `allowed`, which were shown, has it."""
        for run in self._runs(text):
            if run in self._own and not any(run in self._flat(other) for other in allowed):
                return run
        return None

    def _runs(self, text: str) -> list[str]:
        if self.code == "ja":
            flat = self._flat(text)
            return [flat[start : start + OWN_CHARACTERS] for start in range(len(flat) - OWN_CHARACTERS + 1)]
        words = self._flat(text).split(" ")
        return [" ".join(words[start : start + OWN_WORDS]) for start in range(len(words) - OWN_WORDS + 1)]

    def _flat(self, text: str) -> str:
        return "".join(text.split()) if self.code == "ja" else SPACES.sub(" ", text.lower()).strip()


def shots(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows as JSON objects with the fields that are asked for, one a line, within a fence."""
    return fenced("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))


def fields(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def schema(properties: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """An object with these fields, all of them and no other; in this order a model writes them."""
    return {
        "type": "object",
        "properties": {name: dict(kind) for name, kind in properties.items()},
        "required": list(properties),
        "additionalProperties": False,
    }


def texts(*names: str) -> dict[str, dict[str, Any]]:
    """Fields of a schema that are texts."""
    return {name: {"type": "string"} for name in names}


def rounded(number: int) -> int:
    """A length in words: two digits, as nobody counts more exactly."""
    digits = max(0, len(str(number)) - 2)
    return max(1, round(number, -digits))
