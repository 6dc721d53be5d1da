"""A blind sheet as one file, and the key beside it."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from jobs.logic.comparing.sheet import Sheet, data_block

TEMPLATES = Path(__file__).parent / "templates"
SHEET, KEY = "sheet.html", "sheet-key.json"


def write(sheet: Sheet, folder: Path) -> None:
    """`sheet.html` for the raters, `sheet-key.json` for who reads their votes."""
    (folder / SHEET).write_text(html(sheet), encoding="utf-8", newline="\n")
    (folder / KEY).write_bytes(sheet.key.as_bytes())


def html(sheet: Sheet) -> str:
    """The page. Its policy names script and style by their digests, so that nothing else runs and nothing is loaded."""
    script, style = ((TEMPLATES / name).read_text(encoding="utf-8") for name in ("sheet.js", "sheet.css"))
    return _environment().get_template("sheet.html.jinja").render(
        title=sheet.title, language=sheet.data["language"], key_digest=sheet.data["key_sha256"],
        script=Markup(script), style=Markup(style), data=Markup(data_block(sheet.data)),
        script_hash=Markup(_digest(script)), style_hash=Markup(_digest(style)),
    )  # fmt: skip


def _digest(text: str) -> str:
    """As a policy names it."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _environment() -> Environment:
    return Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
