"""Names that people give in their own writing: of runs, and of files that another system may have spelled otherwise."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from pathlib import Path
from typing import Literal

LONGEST = 64
MOST_BYTES = 200
"""Of a folder's name; file systems take 255, and launchers put a word behind it."""
ASCII_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""A name that containers, clusters and pods take as it is."""
TAGGED = re.compile(r"-[0-9a-f]{8}\Z")
FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")


def composed(name: str) -> str:
    """A name as keyboards write it (NFC): the same letters are the same run."""
    return unicodedata.normalize("NFC", name)


def is_run_name(name: str) -> bool:
    """Letters and digits of any writing, `.`, `_`, `-`; begins with a letter or digit."""
    return (
        0 < len(name) <= LONGEST
        and len(name.encode(errors="replace")) <= MOST_BYTES
        and _kind(name[0]) in "LN"
        and all(_kind(sign) in "LMN" or sign in "._-" for sign in name)
    )


def _kind(sign: str) -> str:
    return unicodedata.category(sign)[0]


def nearest_run_name(text: str) -> str:
    """A name of a run that is as near to `text` as can be."""
    text = composed(text)
    kept = "".join(sign if _kind(sign) in "LMN" or sign in "._-" else "-" for sign in text)
    name = re.sub(r"-{2,}", "-", kept).strip("-._")
    while name and _kind(name[0]) not in "LN":
        name = name[1:]
    name = name[:LONGEST]
    while len(name.encode(errors="replace")) > MOST_BYTES:
        name = name[:-1]
    return name.rstrip("-._") or "first"


def ascii_slug(name: str, fits: re.Pattern[str] = ASCII_NAME) -> str:
    """The name of a run where only ASCII is taken (Kubernetes, pods): lower-case letters, digits and `-`, at most 41.

    One that `fits` as it is, else what can be written of it and eight digits that tell it from others. A name that ends
    as such a one does gets digits of its own, so that no two names meet.
    """
    name = composed(name)
    if fits.fullmatch(name) and not TAGGED.search(name):
        return name
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    kept = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:32].strip("-")
    return f"{kept or 'run'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def spelled(path: Path) -> Path:
    """`path` as it is there: macOS and archives write accents and kana in parts (NFD), keyboards in one (NFC)."""
    try:
        if path.exists():
            return path
        for form in FORMS:
            other = Path(unicodedata.normalize(form, str(path)))
            if other.exists():
                return other
        parent = path.parent if path.parent == path else spelled(path.parent)
        wanted = composed(path.name)
        names = (each.name for each in parent.iterdir()) if parent.is_dir() and not path.name.isascii() else iter(())
        return next((parent / name for name in names if composed(name) == wanted), path)
    except (OSError, ValueError):
        return path  # who opens it says what is wrong
