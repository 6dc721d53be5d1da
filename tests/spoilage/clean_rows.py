"""Clean rows of six tasks in Japanese and English, varied enough that no two are near duplicates of each other.

A few rows in a hundred are *traps*: right as they are, but with a sign of spoilage about them, such as a title on C#,
an answer that begins with an apology, or an emoji held together by an invisible joiner. A gate must leave them alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from tests.spoilage.grammar import Scene, vocabulary

LANGUAGES = ("ja", "en")
TASKS = ("title", "question", "label", "summary", "extraction", "chat")
TRAP_SHARE = 0.04
JOINTS = {"ja": "", "en": " "}


@dataclass(frozen=True)
class CleanRow:
    """One conversation; the last turn is the answer, the one before it the prompt."""

    language: str
    task: str
    turns: tuple[tuple[str, str], ...]
    """(role, content)"""
    body: str
    """What the prompt is about: the article, or the question itself."""
    scene: Scene
    trap: bool = False

    @property
    def prompt(self) -> str:
        return self.turns[-2][1]

    @property
    def answer(self) -> str:
        return self.turns[-1][1]

    def answered(self, answer: str) -> CleanRow:
        """The row with another answer."""
        return replace(self, turns=(*self.turns[:-1], ("assistant", answer)))

    def asked(self, prompt: str) -> CleanRow:
        """The row with another prompt."""
        return replace(self, turns=(*self.turns[:-2], ("user", prompt), self.turns[-1]))

    def messages(self) -> list[dict[str, str]]:
        return [{"role": role, "content": content} for role, content in self.turns]


def clean_rows(language: str, task: str, number: int, seed: int, trap_share: float = TRAP_SHARE) -> list[CleanRow]:
    """`number` rows of one task; most share one instruction, as rows of a data set do."""
    rng = Random(f"{language} {task} {seed}")
    words = vocabulary(language)
    writer = Writer(language, task, words, rng)
    return [writer.row(rng.random() < trap_share) for _ in range(number)]


def mixture(language: str, number: int, seed: int) -> list[CleanRow]:
    """Rows of all tasks in turn, as in a set for instruction tuning."""
    each = [clean_rows(language, task, number // len(TASKS) + 1, seed) for task in TASKS]
    return [row for rows in zip(*each, strict=True) for row in rows][:number]


class Writer:
    """Writes the rows of one set."""

    def __init__(self, language: str, task: str, words: Mapping[str, Any], rng: Random) -> None:
        self.language, self.task, self.words, self.rng = language, task, words, rng
        self.own = words["tasks"][task]
        self.instructions: list[str] = self.own.get("instructions", [])
        self.usual = rng.choice(self.instructions) if self.instructions else ""
        self.has_system = rng.random() < 0.3

    def row(self, trap: bool) -> CleanRow:
        """One row, on a thing of its own."""
        domain = self.rng.choice(list(self.words["domains"]))
        scene = Scene(self.words["words"], self.rng.choice(self.words["domains"][domain]["things"]), self.rng)
        if self.task == "question":
            turns, body = self._question(scene, domain, trap)
        elif self.task == "chat":
            turns, body = self._chat(scene, domain, trap)
        else:
            turns, body = self._about_article(scene, domain, trap)
        return CleanRow(self.language, self.task, turns, body, scene, trap)

    def article(self, scene: Scene, domain: str, trap: bool = False) -> str:
        """Five to nine sentences."""
        patterns = self.words["article"]
        own = self.words["domains"][domain]["sentences"]
        middle = [
            *self.rng.sample(patterns["middle"], self.rng.randint(2, 5)),
            *self.rng.sample(own, self.rng.randint(2, 3)),
        ]
        if trap:
            middle.append(self.rng.choice(self.words["traps"]["sentences"]))
        self.rng.shuffle(middle)
        opener = self.rng.choice(self.own["leads"] if self.task == "extraction" else patterns["openers"])
        closers = [self.rng.choice(patterns["closers"])] if self.rng.random() < 0.6 else []
        return self.joined(scene, [opener, *middle, *closers])

    def joined(self, scene: Scene, patterns: Sequence[str]) -> str:
        """Sentences in one paragraph, now and then in two."""
        sentences = [scene.fill(pattern) for pattern in patterns]
        joint = JOINTS[self.language]
        if len(sentences) > 4 and self.rng.random() < 0.25:
            half = len(sentences) // 2
            return f"{joint.join(sentences[:half])}\n\n{joint.join(sentences[half:])}"
        return joint.join(sentences)

    def _about_article(self, scene: Scene, domain: str, trap: bool) -> tuple[tuple[tuple[str, str], ...], str]:
        in_answer = trap and self.task in ("title", "summary") and self.rng.random() < 0.6
        article = self.article(scene, domain, trap and not in_answer)
        instruction = self.usual if self.rng.random() < 0.85 else self.rng.choice(self.instructions)
        answer = {"title": self._title, "summary": self._summary, "extraction": self._fields}.get(self.task)
        said = answer(scene, in_answer) if answer else domain
        return (("user", f"{instruction}\n\n{article}"), ("assistant", said)), article

    def _title(self, scene: Scene, trap: bool) -> str:
        return scene.fill(self.rng.choice(self.words["traps"]["titles"] if trap else self.own["titles"]))

    def _summary(self, scene: Scene, trap: bool) -> str:
        patterns = self.rng.sample(self.own["summaries"], self.rng.choice((1, 2, 2)))
        if trap:
            patterns[-1] = self.rng.choice(self.words["traps"]["sentences"])
        return JOINTS[self.language].join(scene.fill(pattern) for pattern in patterns)

    def _fields(self, scene: Scene, trap: bool) -> str:
        found = [scene.fill(f"{{{slot}}}") for slot in ("person", "town", "year", "thing")]
        return json.dumps(dict(zip(self.own["keys"], found, strict=True)), ensure_ascii=False)

    def _question(self, scene: Scene, domain: str, trap: bool) -> tuple[tuple[tuple[str, str], ...], str]:
        question = scene.fill(self.rng.choice(self.own["questions"]))
        turns = [("user", question), ("assistant", self._prose(scene, domain, trap))]
        if self.has_system:
            turns.insert(0, ("system", self.words["tasks"]["chat"]["systems"][0]))
        return tuple(turns), question

    def _prose(self, scene: Scene, domain: str, trap: bool = False) -> str:
        advice = self.words["tasks"]["question"]["answers"]
        patterns = self.rng.sample(advice, self.rng.randint(1, 5))
        if self.rng.random() < 0.5:
            patterns.append(self.rng.choice(self.words["domains"][domain]["sentences"]))
        if trap and self.rng.random() < 0.7:
            patterns.insert(self.rng.randrange(len(patterns) + 1), self.rng.choice(self.words["traps"]["sentences"]))
        elif trap:
            patterns.append(self.rng.choice(self.words["traps"]["endings"]))
        return JOINTS[self.language].join(scene.fill(pattern) for pattern in patterns)

    def _chat(self, scene: Scene, domain: str, trap: bool) -> tuple[tuple[tuple[str, str], ...], str]:
        question = scene.fill(self.rng.choice(self.words["tasks"]["question"]["questions"]))
        turns = [("user", question)]
        if self.rng.random() < 0.3:
            turns += [
                ("assistant", self._prose(scene, domain)),
                ("user", scene.fill(self.rng.choice(self.own["thanks"]))),
            ]
        if self.has_system:
            turns.insert(0, ("system", self.rng.choice(self.own["systems"])))
        answer = self._prose(scene, domain, trap)
        for part in self.rng.sample(
            (self._list, self._section, self._code, self._table), self.rng.choice((0, 0, 1, 1, 2))
        ):
            answer += f"\n\n{part(scene)}"
        return (*turns, ("assistant", answer)), question

    def _list(self, scene: Scene) -> str:
        items = [scene.fill(item) for item in self.rng.sample(self.own["items"], self.rng.randint(2, 5))]
        marks = [f"{place}." for place in range(1, 6)] if self.rng.random() < 0.5 else ["-"] * 5
        return "\n".join(f"{mark} {item}" for mark, item in zip(marks, items, strict=False))

    def _section(self, scene: Scene) -> str:
        heading = scene.fill(self.rng.choice(self.own["headings"]))
        return f"## {heading}\n\n{self._list(scene)}"

    def _code(self, scene: Scene) -> str:
        language = self.rng.choice(("", "python", "sh"))
        return f"```{language}\n{scene.fill(self.rng.choice(self.own['code']))}\n```"

    def _table(self, scene: Scene) -> str:
        columns = self.own["columns"]
        rows = [scene.fill("| {aspect2} | {number} | {season} |") for _ in range(self.rng.randint(2, 3))]
        return "\n".join(["| " + " | ".join(columns) + " |", "|---|---|---|", *rows])
