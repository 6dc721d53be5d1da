"""Lists and tables that were asked for: several things, a number of them, a text laid out in points."""

from __future__ import annotations

import re

from jobs.logic.text.wanted import Asked

ITEM = re.compile(
    r"^[^\S\n]*(?:[-*+•#>|・·‣◦□☐☑✓✔●○■◆]|[(（\[]?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,4})[.)．）\]:、]|[①-⑳])[^\n]*\S",
    re.MULTILINE,
)
"""A line that opens like an item or a row of a table."""
LEAST_ITEMS = 2


def is_given(answer: str, prompt: str) -> bool:
    """Whether the answer has several items, and the prompt asks for several things or has as many items itself."""
    if len(ITEM.findall(answer)) < LEAST_ITEMS:
        return False
    asked = Asked(prompt)
    if asked.wants("several") or asked.wants("drawing"):
        return True
    return len(ITEM.findall(asked.parts[1] or prompt)) >= LEAST_ITEMS and not asked.wants("plain")
