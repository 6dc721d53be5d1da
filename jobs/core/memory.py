"""What a run remembers: the words that it was made with, so that no later command has to repeat them.

They stand in the run's folder, without those that say which run it is and without `redo`. What is given again counts
before what is remembered, and that before conf/. Any Python 3.9, nothing installed: who starts a container reads them.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.core.errors import Refusal
from jobs.core.names import composed
from jobs.core.values import as_text, plain_text
from jobs.core.words import key, replaces, whole, with_words

NOTE = ".words.json"
CONF = Path(__file__).resolve().parents[2] / "conf"
RUN = ("run.name", "run.folder")
OWN = (*RUN, "redo")
"""Never remembered: which run it is, and what is meant once."""
LONGEST = 300
"""Characters of what is said of remembered words; a file has them all."""


@dataclass(frozen=True)
class Recalled:
    """A command line with what the run remembers."""

    words: list[str]
    """To compose: what is remembered, then what was given."""
    remembered: list[str]
    """Of these, what nobody typed this time."""
    line: str
    """What is taken from memory and what is changed of it; empty where nothing is."""
    file: Path

    def told(self, refusal: Refusal) -> Refusal:
        """The refusal, where it is about a word that nobody typed with the file that it stands in."""
        if not any(word in self.remembered for word in refusal.without):
            return refusal
        return Refusal(f"{refusal} (the run remembers it: take it out of {self.file})")


def recall(given: Sequence[str]) -> Recalled:
    """The words of a command with those that its run remembers."""
    words = whole(given)
    root = folder(words)
    before = read(root)
    if not before:
        return Recalled(words, [], "", root / NOTE)
    new = [word for word in words if word not in before]
    kept = [word for word in before if word not in words and not any(_ends(other, word) for other in new)]
    remembered = [word for word in kept if word not in words]
    which = [f"run.name={root.name}", f"run.folder={as_text(str(root.parent))}"]
    which = [word for word in which if not any(key(other) == key(word) for other in words)]
    return Recalled([*kept, *words, *which], remembered, _line(root.name, before, remembered, words), root / NOTE)


def keep(root: Path, words: Sequence[str]) -> None:
    """Remember `words`; the file is not touched where it says so already."""
    kept = [word for word in with_words([], words) if key(word) not in OWN]
    if kept != read(root):
        text = json.dumps({"words": kept}, ensure_ascii=False, indent=1) + "\n"
        temporary = root / f"{NOTE}.new"
        temporary.write_text(text, encoding="utf-8")
        temporary.rename(root / NOTE)


def take_back(root: Path, before: Sequence[str], stages: Sequence[str], all_of_them: bool) -> None:
    """Forget what a refused command has said of `stages`, the one that refused and those behind it, or of everything.

    `before`: what was remembered when the command began.
    """
    kept = [] if all_of_them else [word for word in read(root) if _part(word) not in stages]
    words = [word for word in before if all_of_them or _part(word) in stages]
    if kept or words:
        keep(root, [*kept, *words])
    else:
        (root / NOTE).unlink(missing_ok=True)


def _part(word: str) -> str:
    return key(word).partition(".")[0]


def read(root: Path) -> list[str]:
    """What a run remembers; nothing where there is no such run, or its note cannot be read."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads((root / NOTE).read_text(encoding="utf-8"))["words"]
        return [str(word) for word in found if "=" in str(word)]
    return []


def folder(words: Sequence[str]) -> Path:
    """The folder of the run that these words are about."""
    name, place = _said("run.name", words), _said("run.folder", words)
    experiment = _said("experiment", words)
    files = [CONF / "experiment" / f"{experiment}.yaml"] if re.fullmatch(r"\w[\w.-]*", experiment) else []
    for file in [*files, CONF / "config.yaml"]:
        with contextlib.suppress(OSError):
            text = file.read_text(encoding="utf-8")
            name, place = name or _of_run(text, "name"), place or _of_run(text, "folder")
    return Path(place or "runs") / (composed(name) or "first")


def default_folder() -> str:
    """Where runs live if nobody says otherwise."""
    return str(folder([]).parent)


def _said(name: str, words: Sequence[str]) -> str:
    return plain_text(next((word.partition("=")[2] for word in reversed(words) if key(word) == name), ""))


def _of_run(text: str, name: str) -> str:
    """`name` in the part `run:` of a YAML file of ours."""
    part = re.search(r"^run:[^\n]*\n((?:[ #][^\n]*\n|\n)*)", text, re.MULTILINE)
    found = re.search(rf"^ +{name}: *([^#\n]*?) *(?:#.*)?$", part[1], re.MULTILINE) if part else None
    return plain_text(found[1]) if found else ""


def _ends(new: str, word: str) -> bool:
    """Whether nothing is left of a remembered word: it is said otherwise, or another option of its group is chosen, as
    `model=b` ends `model.length=4096`, which was said of `model=a`."""
    return replaces(new, word) or ("." not in key(new) and key(word).startswith(f"{key(new)}."))


def _line(name: str, before: Sequence[str], remembered: Sequence[str], given: Sequence[str]) -> str:
    changes = []
    for word in given:
        if word in before or key(word) in OWN or key(word) == "experiment":
            continue
        ended = [other for other in before if _ends(word, other)]
        changes.append(f"{word} instead of {' '.join(ended)}" if ended else f"{word} new")
    parts = [" ".join(remembered)] if remembered else []
    said = "; ".join([*parts, *changes])
    return f"run {name} remembers: {said if len(said) <= LONGEST else said[: LONGEST - 1] + '…'}" if said else ""
