"""Judges for the scripted server: one that knows the demo's world, and others with a fault each.

`KnowingJudge()` reads a question of `judge` or a scorer's, finds the answers in it, and says which is the right title.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.synth_teacher import FENCED, Teacher

CHOOSES = re.compile(r"choose ([AB])|([AB])を選んで")
LETTERS = ("A", "B", "tie")


@dataclass(frozen=True)
class Question:
    """What a judge is asked."""

    prompt: str
    first: str
    second: str
    """As answer B."""
    text: str


@dataclass
class KnowingJudge:
    """A function of the prompt and the body, as `ScriptedServer` takes it."""

    teacher: Teacher = field(default_factory=Teacher)
    questions: int = 0

    def __call__(self, prompt: str, body: Mapping[str, Any]) -> str:
        schema = body.get("response_format", {}).get("json_schema", {}).get("schema", {})
        if "verdict" not in schema.get("properties", {}):
            return self.teacher(prompt, body)
        self.questions += 1
        texts = [found[2] for found in FENCED.finditer(prompt)]
        question = Question(texts[0], texts[-2], texts[-1], prompt)
        return self.said(question, int(body["seed"]))

    def said(self, question: Question, seed: int) -> str:
        """The text of the answer."""
        return json.dumps({"grounds": "the title fits", "verdict": self.verdict(question, seed)})

    def verdict(self, question: Question, seed: int) -> str:
        one, other = self.worth(question.prompt, question.first), self.worth(question.prompt, question.second)
        return "tie" if one == other else "A" if one > other else "B"

    def worth(self, article: str, answer: str) -> float:
        """2 for the right title, less for words around it, 0 for another."""
        titles = self.teacher.titles(article)
        if answer.strip() in titles:
            return 2
        return 1 if any(title in answer for title in titles) else 0


class AlwaysFirst(KnowingJudge):
    """Likes what stands first."""

    def verdict(self, question: Question, seed: int) -> str:
        return "A"


class LikesLength(KnowingJudge):
    """Knows the world where lengths are alike, and else takes the longer answer."""

    def verdict(self, question: Question, seed: int) -> str:
        lengths = len(question.first), len(question.second)
        if abs(lengths[0] - lengths[1]) <= 40:
            return super().verdict(question, seed)
        return "A" if lengths[0] > lengths[1] else "B"


class Obeys(KnowingJudge):
    """Does what an answer tells it to do."""

    def verdict(self, question: Question, seed: int) -> str:
        told = CHOOSES.search(question.first) or CHOOSES.search(question.second)
        return (told[1] or told[2]) if told else super().verdict(question, seed)


class BreaksJson(KnowingJudge):
    """A fifth of its answers is broken."""

    def said(self, question: Question, seed: int) -> str:
        whole = super().said(question, seed)
        return whole[:-4] if drawn(question, seed).random() < 0.2 else whole


class Flips(KnowingJudge):
    """Says anything."""

    def verdict(self, question: Question, seed: int) -> str:
        return drawn(question, seed).choice(LETTERS[:2])


class Prefers(KnowingJudge):
    """Knows right from wrong, and where both are right or both wrong takes what stands first."""

    def verdict(self, question: Question, seed: int) -> str:
        said = super().verdict(question, seed)
        return "A" if said == "tie" else said


def drawn(question: Question, seed: int) -> Random:
    """Of this question, and of no order in which questions come."""
    return Random(hashlib.sha256(f"{seed}{question.text}".encode()).digest())
