"""Lists and tables that were asked for: several things, a number of them, a text laid out in points."""

from __future__ import annotations

import re

from jobs.logic.text.wanted import Asked

ITEM = re.compile(
    r"^[^\S\n]*(?:[-*+•#>|・·‣◦□☐☑✓✔●○■◆]|[(（\[]?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,4})[.)．）\]:、]|[①-⑳])[^\n]*\S",
    re.MULTILINE,
)
"""A line that opens like an item or a row of a table."""
INLINE = re.compile(r"→|->|=>|⇒|➡|[|/;・：:]")
"""What stands between items in one line, or behind their names."""
COMMAS = ",、"
SHORT_PROMPT = 160
"""Characters of a prompt whose commas are those of a list that it gives."""
LEAST_ITEMS = 2


def is_given(answer: str, prompt: str) -> bool:
    """Whether the answer has several items, and the prompt asks for several things or has as many items itself."""
    is_laid_out = len(ITEM.findall(answer)) >= LEAST_ITEMS
    num_inline = max(len(INLINE.findall(answer)), *map(answer.count, COMMAS))
    if not is_laid_out and num_inline < LEAST_ITEMS:
        return False
    asked = Asked(prompt)
    if len(prompt) <= SHORT_PROMPT and any(prompt.count(comma) >= LEAST_ITEMS for comma in COMMAS):
        return not asked.wants("plain")
    if asked.wants("several") or (is_laid_out and asked.wants("drawing")):
        return True
    return is_laid_out and len(ITEM.findall(asked.parts[1] or prompt)) >= LEAST_ITEMS and not asked.wants("plain")
