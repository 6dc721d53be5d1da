"""Prompts and rubrics as files: those of `conf/synth`, or a person's own rubric."""

from __future__ import annotations

from pathlib import Path

import yaml

from jobs.core.compose import CONF
from jobs.core.errors import Refusal
from jobs.logic.endpoints.prompts import Prompts, Unusable
from jobs.logic.synth.scores import Rubric, rubric_of
from jobs.logic.synth.wording import SLOTS, Wording

PROMPTS, RUBRICS = CONF / "synth" / "prompts", CONF / "synth" / "rubrics"
KEY = "synth.rubric"


def wording(code: str, language: str) -> Wording:
    """The prompts of one language, for answers in `language`. Raises Refusal for a file that is amiss."""
    found = {path.stem: path.read_text(encoding="utf-8") for path in sorted((PROMPTS / code).glob("*.txt"))}
    try:
        return Wording(Prompts(found, SLOTS, f"conf/synth/prompts/{code}"), code, language)
    except Unusable as error:
        raise Refusal(str(error)) from None


def rubric(name: str) -> Rubric:
    """A rubric of ours by its name, or a person's file. Raises Refusal naming file and key for one that is none."""
    path, known = rubric_file(name), sorted(one.stem for one in RUBRICS.glob("*.yaml"))
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Refusal(f"{KEY}: {name} is no rubric of ours ({', '.join(known)}) and no file") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Refusal(f"{KEY}: {name}: {' '.join(str(error).split())[:200]}") from None
    try:
        return rubric_of(raw, name)
    except Unusable as error:
        raise Refusal(f"{KEY}: {error}") from None


def rubric_file(name: str) -> Path:
    """Where the rubric is."""
    own = RUBRICS / f"{name}.yaml"
    return own if own.is_file() else Path(name)
