"""The pages of the report: templates filled in with autoescape, so that no row of data can become markup."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from jobs.logic.pages.card import fenced, markdown, opened
from jobs.logic.text.seen import pieces

TEMPLATES = Path(__file__).parent / "templates"


def html(page: Mapping[str, Any]) -> str:
    """`report.html`: one file, without scripts and without anything to load."""
    return _environment(autoescape=True).get_template("report.html.jinja").render(page=page)


def card(card: Mapping[str, Any], front_matter: Mapping[str, Any]) -> str:
    """`README.md`, a model card for a hub: YAML front matter, then Markdown."""
    from huggingface_hub import ModelCardData

    data = ModelCardData(**front_matter).to_yaml()
    body = _environment(autoescape=False).get_template("card.md.jinja").render(card=card)
    return f"---\n{data}\n---\n\n{body}"


@cache
def _environment(autoescape: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"seen": _seen, "md": markdown, "fenced": fenced, "opened": opened}
    return environment


def _seen(text: str) -> Markup:
    """Text with what cannot be seen in it made visible: a reader must be able to tell what an answer really was."""
    return Markup("").join(
        Markup('<span class="code">{}</span>').format(said) if hidden else escape(said) for said, hidden in pieces(text)
    )
