"""A teacher that knows the demo's world: it writes articles with their titles, and scores rows by the one right title.

For the scripted server: `Teacher(wrong=0.3)` gives every third or so of its rows the title of another article.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
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
        scored = [name for name, kind in kinds.items() if "1" in kind.get("enum", ())]
        if scored:
            return json.dumps({"grounds": "-"} | dict.fromkeys(scored, self.score(prompt)), ensure_ascii=False)
        if "answer" in kinds:
            return json.dumps(self.row(prompt, kinds), ensure_ascii=False)
        return "kingfisher"

    def score(self, prompt: str) -> str:
        """5 for the right title of the article, 2 for another."""
        texts = [found[2] for found in FENCED.finditer(prompt)]
        article, answer = texts[-2], texts[-1]
        return "5" if answer.strip() == self.title(article) else "2"

    def title(self, article: str) -> str | None:
        """The one right title of an article of the world."""
        found = [
            (sum(subject.fill(one) in article for one in subject.aspect.sentences), subject)
            for subject in self.subjects
            if subject.topic.name.lower() in article.lower()
        ]
        return max(found, key=lambda pair: pair[0])[1].title() if found else None

    def row(self, prompt: str, kinds: Mapping[str, Any]) -> dict[str, str]:
        """An article of the language that is asked for, and its title; drawn by what was asked."""
        draw = Random(hashlib.sha256(f"{prompt}{json.dumps(dict(kinds))}".encode()).digest())
        language: Language = self.languages[1 if self.languages[1].instruction in prompt else 0]
        subject = draw.choice([one for one in self.subjects if one.language is language])
        article, title = write_article(subject, draw), subject.title()
        if draw.random() < self.wrong:
            title = self.another(subject, draw).title()
            self.num_wrong += 1
        return {name: title if name == "answer" else article for name in kinds}

    def another(self, subject: Subject, draw: Random) -> Subject:
        return draw.choice([one for one in self.subjects if one.language is subject.language and one != subject])
