"""The items of the suite: what is asked, and how its answer is checked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jobs.logic.row import Message

CATEGORIES = ("instruction", "arithmetic", "facts", "format", "refusal")
LANGUAGES = ("ja", "en")


@dataclass(frozen=True)
class Item:
    """One question of the suite. `right` and `wrong` are answers that its checks must tell apart."""

    id: str
    language: str
    category: str
    prompt: str
    system: str
    checks: tuple[Mapping[str, Any], ...]
    right: tuple[str, ...]
    wrong: tuple[str, ...]

    @property
    def concept(self) -> str:
        """What it asks, whatever the language: `ja-facts-03` is `en-facts-03` in Japanese, by and large."""
        return self.id.removeprefix(f"{self.language}-")

    @property
    def messages(self) -> tuple[Message, ...]:
        first = (Message("system", self.system),) if self.system else ()
        return (*first, Message("user", self.prompt))

    def is_right(self, answer: str) -> bool:
        """Whether an answer keeps every check."""
        from jobs.logic.forgetting.rules import is_right  # their patterns, which judging facts needs not

        return is_right(answer, self.checks)


def items(lines: Iterable[str], language: str) -> list[Item]:
    """The items of a language, one a line. Raises ValueError or KeyError for a line that is none."""
    from jobs.logic.forgetting.numerals import numbers

    found = []
    for line in lines:
        data = json.loads(line)
        given = [str(value) for value in numbers(data["prompt"])]
        found.append(
            Item(
                id=data["id"],
                language=language,
                category=data["category"],
                prompt=data["prompt"],
                system=data.get("system", ""),
                checks=tuple(
                    {**check, "given": given} if check["rule"] == "number" else check for check in data["checks"]
                ),
                right=tuple(data["right"]),
                wrong=tuple(data["wrong"]),
            )
        )
    return found
