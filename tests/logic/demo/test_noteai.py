"""The rows of noteAI v1 made anew: 28 % of them are tags, and they are the bytes that their generator makes."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[3] / "data/noteai"


def test_the_files_are_what_the_generator_makes() -> None:
    spec = importlib.util.spec_from_file_location("noteai_make", FOLDER / "make.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    for name, text in made.contents().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, name


def test_28_in_100_answers_are_tags() -> None:
    lines = (FOLDER / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    tagged = json.loads((FOLDER / "tagged.json").read_text(encoding="utf-8"))
    assert (len(tagged), len(lines)) == (112, 400)
    for line in lines:
        row = json.loads(line)
        assert row["messages"][1]["content"].startswith(("#", "【タグ】", "Tags: ")) == (row["id"] in tagged)
