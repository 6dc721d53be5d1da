"""Prompts and rubrics from their files."""

from __future__ import annotations

from pathlib import Path

import yaml

from jobs.core.errors import Refusal
from jobs.logic.endpoints.prompts import Prompts, Unusable
from jobs.logic.synth.scores import Rubric, rubric_of
from jobs.logic.synth.wording import SLOTS, Wording

SYNTH = Path(__file__).resolve().parents[3] / "conf" / "synth"
PROMPTS, RUBRICS = SYNTH / "prompts", SYNTH / "rubrics"
MOST_BYTES = 64 << 10
"""Of one file: it is words for a person to read."""


def wording_of(language: str, folder: Path = PROMPTS, code: str = "") -> Wording:
    """The prompts for a set of a language, ISO 639: Japanese ones for a Japanese set, English ones for any other.

    `code`: prompts of this language whatever the set's. Raises Refusal where a file of them cannot be used.
    """
    code = code or ("ja" if language == "ja" else "en")
    place = folder / code
    if not place.is_dir():
        raise Refusal(f"{place}: no such folder, expected the prompts of synth in it, one file each")
    texts = {path.stem: _read(path) for path in sorted(place.glob("*.txt"))}
    try:
        return Wording(Prompts(texts, SLOTS, str(place)), code, language)
    except Unusable as error:
        raise Refusal(str(error)) from error


def rubric_named(name: str, word: str = "synth.rubric") -> Rubric:
    """The rubric of a name in conf/synth/rubrics, or of a user's own file; `word`: the key of the config that names it.

    Raises Refusal where it cannot be used.
    """
    path, is_path = rubric_file(name), name.endswith((".yaml", ".yml"))
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in RUBRICS.glob("*.yaml")))
        raise Refusal(f"{word}: {name}: no such rubric, expected one of {known}, or a YAML file of your own")
    try:
        return rubric_of(yaml.safe_load(_read(path)), str(path) if is_path else path.name)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise Refusal(f"{path}{line}: no YAML: {getattr(error, 'problem', None) or 'it cannot be read'}") from error
    except Unusable as error:
        raise Refusal(str(error)) from error


def rubric_file(name: str) -> Path:
    """Where the rubric of a name is, whether it is there or not."""
    return Path(name) if name.endswith((".yaml", ".yml")) else RUBRICS / f"{name}.yaml"


def _read(path: Path) -> str:
    if path.stat().st_size > MOST_BYTES:
        raise Refusal(f"{path}: {path.stat().st_size} bytes, the most is {MOST_BYTES}")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refusal(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
