"""What was found as one self-contained HTML page: nothing is loaded from anywhere, every text is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from jobs.logic.forgetting.counting import Answered, Forgotten
from jobs.logic.forgetting.suite import Item
from jobs.logic.forgetting.words import HEADS, drift, reading, rows
from jobs.logic.pages.preview_page import STYLE
from jobs.logic.pages.tables import table

CHANGES = (
    ("lost", True, False, "right before, wrong after"),
    ("won", False, True, "wrong before, right after"),
    ("wrong in both", False, False, "both wrong"),
    ("right in both", True, True, "both right"),
)


def page(title: str, found: Forgotten, items: Sequence[Item], answered: Sequence[Answered]) -> str:
    """The whole page: the table, how it is read, and every item with both answers, the lost ones first."""
    said = {one.id: one for one in answered}
    parts = [
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style></head>\n<body>",
        f"<h1>{escape(title)}</h1>",
        table(HEADS, rows(found)),
        *(f"<p>{escape(line)}</p>" for line in reading(found)),
        f"<h2>Drift</h2><p>{escape(drift(found))}</p>",
    ]
    for name, base, tuned, how in CHANGES:
        of_kind = [
            item
            for item in items
            if (item.is_right(said[item.id].base), item.is_right(said[item.id].tuned)) == (base, tuned)
        ]
        parts.append(f"<h2>{escape(name)}: {len(of_kind)}</h2>")
        parts += [_card(item, said[item.id], how) for item in of_kind]
    return "\n".join([*parts, "</body></html>\n"])


def _card(item: Item, said: Answered, how: str) -> str:
    asked = f"{item.system}\n\n{item.prompt}" if item.system else item.prompt
    texts = (("asked", asked), ("base", said.base), ("tuned", said.tuned), ("right would be", item.right[0]))
    body = "".join(
        f'<tr><th>{what}</th><td><div class="row" dir="auto">{escape(text)}</div></td></tr>' for what, text in texts
    )
    head = f'<header><b>{escape(item.id)}</b><span class="why">{escape(how)}</span></header>'
    return f'<section class="card">{head}<table>{body}</table></section>'
