"""Tokens of rows, by the tokenizer and the template that were given."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.engines.diagnosing import recipe_files, row_lengths
from jobs.engines.diagnosing.boundary import Unreadable
from jobs.engines.diagnosing.looking import look
from jobs.logic.diagnosing import causes_log
from jobs.logic.diagnosing.evidence import Evidence, FindingSeen
from jobs.logic.row import Message, Row
from tests.engines.diagnosing.conftest import small_tokenizer
from tests.logic.diagnosing.test_causes_rows import GOOD

FRAME = len("user\n") + len("assistant\n") + 2 * len("\n") + 4
"""Tokens around two texts: bytes, and four control tokens."""


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    small_tokenizer(folder)
    return folder


def rows(*lengths: int) -> list[Row]:
    return [
        Row(str(n), None, [Message("user", "a"), Message("assistant", "b" * (length - 1))], "r.jsonl", n + 1, {})
        for n, length in enumerate(lengths)
    ]


def measured(tokenizer: Path, folder: Path, most: int, *lengths: int) -> Evidence:
    """Rows of so many bytes in their two texts, and settings with a maximal length."""
    (folder / "args.json").write_text(
        json.dumps({"learning_rate": 1e-4, "num_train_epochs": 3, "max_length": most, "packing": False})
    )
    recipe = recipe_files.read(look([tokenizer, folder / "args.json"]))
    seen = replace(GOOD, num_rows=len(lengths))
    found = row_lengths.read(recipe.looked, seen, rows(*lengths), row_lengths.counter(recipe))
    return Evidence(settings=recipe.settings, train_rows=found.train_rows, taken=found.looked.taken)


@pytest.mark.parametrize(
    ("most", "lengths", "longest", "num_above", "certainty"),
    [
        (100 + FRAME, (100, 20, 30), 100 + FRAME, 0, "ruled out"),
        (99 + FRAME, (100, 20, 30), 100 + FRAME, 1, "proven"),
        (30, (100, 90), 100 + FRAME, 2, "proven"),
    ],
)
def test_tokens_are_counted(
    tokenizer: Path, tmp_path: Path, most: int, lengths: tuple[int, ...], longest: int, num_above: int, certainty: str
) -> None:
    evidence = measured(tokenizer, tmp_path, most, *lengths)
    seen = evidence.train_rows
    assert seen
    assert (seen.num_tokens_longest, seen.num_above, seen.num_counted) == (longest, {most: num_above}, len(lengths))
    assert causes_log.rows_longer_than_max_length(evidence).certainty.value == certainty


def test_beyond_the_bound_the_longest_are_counted_and_that_is_said(
    tokenizer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_lengths, "MOST_ROWS", 2)
    evidence = measured(tokenizer, tmp_path, 30, 10, 100, 90, 80)
    assert evidence.train_rows
    assert (evidence.train_rows.num_tokens_longest, evidence.train_rows.num_counted) == (100 + FRAME, 2)
    assert causes_log.rows_longer_than_max_length(evidence).signs[0].startswith("at least 2 of 4 rows")


def test_without_a_tokenizer_the_cause_says_so(tmp_path: Path) -> None:
    evidence = measured(tmp_path / "none", tmp_path, 30, 100)
    assert causes_log.rows_longer_than_max_length(evidence).decides == ("the rows' tokenizer, with its chat template",)


@pytest.mark.parametrize("text", ["{}", '{"model": {"type": "BPE", "vocab": 3}}'])
def test_a_tokenizer_that_the_library_does_not_take_is_said(tokenizer: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "tokenizer.json").write_text(text)
    with pytest.raises(Unreadable, match=r"its tokenizer.json cannot be used: .+"):
        row_lengths.counted(tmp_path / "tokenizer.json", ["a"])


def test_a_template_that_fails_on_rows_is_said_on_the_tokenizers_line(tokenizer: Path, tmp_path: Path) -> None:
    (tmp_path / "tokenizer").mkdir()
    for path in tokenizer.iterdir():
        (tmp_path / "tokenizer" / path.name).write_bytes(path.read_bytes())
    failing = "{% if messages[0].content == 'a' %}{{ raise_exception('not so') }}{% endif %}{{ messages[0].content }}"
    (tmp_path / "tokenizer/chat_template.jinja").write_text(failing)
    evidence = measured(tmp_path / "tokenizer", tmp_path, 30, 100)
    assert evidence.train_rows
    assert evidence.train_rows.num_tokens_longest is None
    assert any("tokens of rows were not counted" in one.why and "not so" in one.why for one in evidence.taken)


@pytest.mark.parametrize(
    ("status", "certainty"), [("pass", "ruled out"), ("fail", "measured"), ("waived", "measured"), ("skip", "proven")]
)
def test_what_a_gate_counted_goes_before_what_is_counted_here(
    tokenizer: Path, tmp_path: Path, status: str, certainty: str
) -> None:
    finding = FindingSeen("preflight", "TOK009", "row-too-long", status, ("2 of 2 rows",))
    evidence = replace(measured(tokenizer, tmp_path, 30, 100, 90), findings=(finding,))
    assert causes_log.rows_longer_than_max_length(evidence).certainty.value == certainty
