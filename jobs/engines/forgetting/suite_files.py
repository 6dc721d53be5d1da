"""The suite's files, as they ship."""

from __future__ import annotations

from jobs.core.provenance import ROOT, data_digest, file_digest
from jobs.logic.forgetting.suite import LANGUAGES, Item, items

FOLDER = ROOT / "conf" / "forgetting"


def suite() -> list[Item]:
    """Every item, Japanese first."""
    found: list[Item] = []
    for language in LANGUAGES:
        found += items((FOLDER / f"{language}.jsonl").read_text(encoding="utf-8").splitlines(), language)
    return found


def digest() -> str:
    """Of both files."""
    return data_digest([file_digest(FOLDER / f"{language}.jsonl") for language in LANGUAGES])
