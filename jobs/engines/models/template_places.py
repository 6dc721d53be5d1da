"""The places in a model folder that may hold its chat template, and the one that is taken.

transformers takes `chat_template.jinja` before `tokenizer_config.json`, the pinned converter the other way round, and
`chat_template.json` is read by the converter alone. So one is taken, and in what is made it stands in one place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.core.errors import Refusal
from jobs.engines.models.folder_files import read_json

JINJA, SETTINGS, LEGACY = "chat_template.jinja", "tokenizer_config.json", "chat_template.json"
ADDITIONAL = "additional_chat_templates"
"""A folder with a Jinja file for each template that is not the default one."""
KEY = "chat_template"
DEFAULT = "default"


@dataclass(frozen=True)
class Found:
    """What a folder has of templates."""

    text: str | None
    """The one that is taken; None where there is none."""
    source: str | None
    """The file it stands in."""
    differing: list[str]
    """Other files whose template is another."""
    left: list[str]
    """Named templates that are not taken, each with its file."""


def settle(folder: Path, additional: Sequence[str], where: str) -> Found:
    """Write the taken template into a folder's JINJA where it stands elsewhere; `additional` are file names."""
    configs = {name: read_json(folder / name, where) for name in (SETTINGS, LEGACY) if (folder / name).exists()}
    found = find(folder, configs, additional, where)
    if found.text is not None and found.source != JINJA:
        (folder / JINJA).unlink(missing_ok=True)
        (folder / JINJA).write_bytes(found.text.encode())
    return found


def find(folder: Path, configs: dict[str, dict[str, Any]], additional: Sequence[str], where: str) -> Found:
    """The templates of a folder; `configs` are its JSON files by name.

    Raises Refusal for templates with names of which none is `default`, and for what is no text.
    """
    found: dict[str, str] = {}
    left = [f"{name.removesuffix('.jinja')} ({ADDITIONAL}/{name})" for name in additional]
    if (folder / JINJA).is_file():
        found[JINJA] = read_text(folder / JINJA, f"{where}/{JINJA}")
    for name in (SETTINGS, LEGACY):
        given = configs.get(name, {}).get(KEY)
        named = dict(_named(given, f"{where}/{name}"))
        if named and DEFAULT not in named and JINJA not in found:
            raise Refusal(
                f"{where}/{name}: has templates named {', '.join(named)} and none named {DEFAULT}; give that name to "
                f"the one that prompts are made with, or put it into {JINJA}"
            )
        left += [f"{one} ({name})" for one in named if one != DEFAULT]
        if DEFAULT in named:
            found[name] = named[DEFAULT]
    found = {name: text for name, text in found.items() if text.strip()}
    if not found:
        return Found(None, None, [], left)
    source, text = next(iter(found.items()))
    return Found(text, source, [name for name, other in found.items() if lines(other) != lines(text)], left)


def read_text(path: Path, where: str) -> str:
    """A template as the libraries read it: UTF-8, a line ends with a newline; raises Refusal for other bytes."""
    try:
        return lines(path.read_bytes().decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Refusal(f"{where}: is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8") from None


def lines(text: str) -> str:
    """`text` with every line's end a newline, which is how Python reads a text file."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def places(folder: Path, configs: dict[str, dict[str, Any]]) -> list[str]:
    """The files of a folder that hold a template."""
    named = [name for name in (SETTINGS, LEGACY) if configs.get(name, {}).get(KEY) is not None]
    more = [f"{ADDITIONAL}/{path.name}" for path in sorted((folder / ADDITIONAL).glob("*.jinja"))]
    return [*([JINJA] if (folder / JINJA).is_file() else []), *named, *more]


def _named(given: Any, where: str) -> Iterator[tuple[str, str]]:
    """Name and text of the templates that stand under KEY: one text, or several with names."""
    if given is None:
        return
    entries = [given] if isinstance(given, str) else given
    if isinstance(entries, dict):
        entries = [{"name": name, "template": text} for name, text in entries.items()]
    if not isinstance(entries, list):
        raise Refusal(f"{where}: its {KEY} is {str(given)[:40]!r}, expected text, or a list of names and templates")
    for entry in entries:
        one = {"name": DEFAULT, "template": entry} if isinstance(entry, str) else entry
        name, text = (one.get("name"), one.get("template")) if isinstance(one, dict) else (None, None)
        if not isinstance(name, str) or not isinstance(text, str):
            raise Refusal(f"{where}: its {KEY} holds {str(entry)[:40]!r}, expected a name and a template")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Refusal(
                f"{where}: its {KEY} has half a character in it; take the file from the model's own"
            ) from None
        yield name, text
