"""A teacher that knows the demo's world: it writes articles with their titles, and scores rows by the one right title.

For the scripted server: `Teacher(wrong=0.3)` gives every third or so of its rows the title of another article.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from jobs.logic.demo.world import Language, Subject, all_subjects, parse_world, write_article

ROOT = Path(__file__).resolve().parents[1]
FENCED = re.compile(r"<<(\w{8})\n(.*?)\n\1>>", re.DOTALL)


class Teacher:
    """A function of the last user message and the request, as `ScriptedServer` takes it."""

    def __init__(self, wrong: float = 0.0) -> None:
        world = parse_world(tomllib.loads((ROOT / "data" / "demo" / "world.toml").read_text(encoding="utf-8")))
        self.languages = world.languages
        self.subjects = all_subjects(world)
        self.wrong = wrong
        self.num_wrong = 0

    def __call__(self, prompt: str, body: Mapping[str, Any]) -> str:
        schema = body.get("response_format", {}).get("json_schema", {}).get("schema", {})
        kinds: Mapping[str, Any] = schema.get("properties", {})
        choices = [choice for kind in kinds.values() for choice in kind.get("enum", ())]
        if "1" in choices:
            marks = dict.fromkeys((name for name, kind in kinds.items() if "enum" in kind), self.score(prompt))
            return json.dumps({"grounds": "-"} | marks, ensure_ascii=False)
        if not kinds or "kingfisher" in choices:
            return "kingfisher"
        said = {name: kind["enum"][0] for name, kind in kinds.items() if "enum" in kind}
        rest = [name for name in kinds if name not in said]
        if "answer" in rest and not set(rest) - {"answer", "thoughts"}:
            title = next(iter(self.titles([found[2] for found in FENCED.finditer(prompt)][-1])), "-")
            said |= {name: title if name == "answer" else "Which thing is it, and what of it?" for name in rest}
        else:
            said |= self.row(prompt, rest)
        return json.dumps(said, ensure_ascii=False)

    def score(self, prompt: str) -> str:
        """5 for the right title of the article, 2 for another."""
        texts = [found[2] for found in FENCED.finditer(prompt)]
        article, answer = next(text for text in texts if self.titles(text)), texts[-1]
        return "5" if answer.strip() in self.titles(article) else "2"

    def titles(self, article: str) -> list[str]:
        """The right titles of an article of the world: one, or several where its sentences are of several sides."""
        found: dict[int, list[str]] = {}
        for subject in self.subjects:
            if subject.topic.name.lower() in article.lower():
                number = sum(subject.fill(one) in article for one in subject.aspect.sentences)
                found.setdefault(number, []).append(subject.title())
        return found[max(found)] if found else []

    def row(self, prompt: str, kinds: Sequence[str]) -> dict[str, str]:
        """The article at the end of what was asked, or one of its language that is drawn by it; and its title."""
        draw = Random(hashlib.sha256(f"{prompt}{kinds}".encode()).digest())
        language: Language = self.languages[1 if self.languages[1].instruction in prompt else 0]
        subject = draw.choice([one for one in self.subjects if one.language is language])
        article, title = write_article(subject, draw), subject.title()
        last = [found[2] for found in FENCED.finditer(prompt)][-1]
        if not last.startswith("{") and self.titles(last):
            article, title = last, self.titles(last)[0]
        if draw.random() < self.wrong:
            title = self.another(subject, draw).title()
            self.num_wrong += 1
        return {name: title if name == "answer" else article for name in kinds}

    def another(self, subject: Subject, draw: Random) -> Subject:
        return draw.choice([one for one in self.subjects if one.language is subject.language and one != subject])
