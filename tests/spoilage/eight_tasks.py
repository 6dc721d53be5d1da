"""Clean sets of eight tasks at once, as people mix them: titles, questions, code, extraction, classes, support, chat
and translation, with short answers where the question wants one and declines where the rule says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random

from tests.spoilage.clean_rows import clean_rows
from tests.spoilage.grammar import Scene, vocabulary

Turns = list[dict[str, str]]
COPIED_TASKS = ("title", "question", "label", "summary", "extraction", "chat")


def mixed(language: str, number: int, seed: int) -> list[Turns]:
    """`number` conversations, a ninth of each kind, in random order."""
    rng = Random(f"eight tasks {language} {seed}")
    kinds = [*COPIED_TASKS, "code", "support", "translation", "short"]
    each = number // len(kinds) + 1
    found: list[Turns] = []
    for task in COPIED_TASKS:
        found += [row.messages() for row in clean_rows(language, task, each, seed, 0)]
    scenes = [row.scene for row in clean_rows(language, "question", each, seed + 1, 0)]
    table = vocabulary("eight_tasks")[language]
    for kind in ("code", "support", "short"):
        found += [_asked(table[kind], scene, rng) for scene in scenes]
    found += list(_translations(language, table["translation"], each, seed))
    rng.shuffle(found)
    return found[:number]


def lines(language: str, number: int, seed: int) -> str:
    """The same as JSON Lines, with ids."""
    rows = ({"id": f"{place}", "messages": turns} for place, turns in enumerate(mixed(language, number, seed)))
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _asked(pairs: list[list[str]], scene: Scene, rng: Random) -> Turns:
    prompt, answer = map(scene.fill, rng.choice(pairs))
    numbers = {f"<{letter}>": str(rng.randint(2, 900)) for letter in "abc"}
    numbers["<a+b>"] = str(int(numbers["<a>"]) + int(numbers["<b>"]))
    numbers["<name>"] = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=6))
    for name, value in numbers.items():
        prompt, answer = prompt.replace(name, value), answer.replace(name, value)
    return _turns(prompt, answer)


def _translations(language: str, patterns: list[str], number: int, seed: int) -> Iterator[Turns]:
    other = {"ja": "en", "en": "ja"}[language]
    mine, theirs = (clean_rows(one, "summary", number, seed + 2, 0) for one in (language, other))
    for place, (row, foreign) in enumerate(zip(mine, theirs, strict=True)):
        pattern = patterns[place % len(patterns)]
        yield _turns(pattern.replace("{x}", row.answer), foreign.answer)


def _turns(prompt: str, answer: str) -> Turns:
    return [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
