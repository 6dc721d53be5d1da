"""What the whole gate finds of spoiled rows, and what it leaves alone: precision and recall on sets made for it.

The sets are generated (tests/spoilage): each kind of spoilage in many dresses, in Japanese and English, at 1 % to 40 %
of the rows, alone and together. A row counts as handled where it is dropped, or where what was spoiled is gone from
what is kept. `python -m tests.spoilage.gate listed 2` prints the tables for another seed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from jobs import prepare
from tests.spoilage import gate
from tests.spoilage.clean_rows import LANGUAGES, TASKS, clean_rows
from tests.spoilage.gate import Score, score
from tests.spoilage.kinds import CONTRADICTORY, LISTED
from tests.spoilage.sets import RATES, LabelledSet, clean_sets, labelled, mixed_sets, single_sets, spoiled
from tests.spoilage.spoiled import Kind, squeezed
from tests.spoilage.unlisted import UNLISTED

SEED = 1
OVERRIDES = ("prepare.workers=1", "prepare.clean.personal=redact")
GOAL = 0.99
"""Recall of listed kinds, and precision; measured 0.999 and 0.9998."""
LEAST_OF_A_KIND = 0.98
"""Recall of each listed kind; the least is that of cut answers, 0.989. With other seeds it is 0.977 or more."""
LEAST_OF_UNLISTED = 0.58
"""Recall of kinds that no rule lists; measured 0.595."""
MOST_OF_CLEAN = 0.01
"""Share of clean rows, traps among them, that may go or be altered."""
PRIVATE = [kind for kind in LISTED if kind.name in ("secret", "personal")]
MENDED = ("label", "template-header", "chatml", "markdown", "json", "mojibake", "invisible", "secret", "personal")


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Score:
    folder = tmp_path_factory.mktemp("listed")
    return score([*single_sets(LISTED, 200, SEED), *mixed_sets(LISTED, 300, SEED)], folder, OVERRIDES)


def test_listed_kinds_are_found_and_clean_rows_stay(listed: Score) -> None:
    assert listed.recall >= GOAL, f"\n{listed.table()}"
    assert listed.precision >= GOAL, f"\n{listed.table()}"


def test_no_listed_kind_is_missed(listed: Score) -> None:
    low = {name: tally.recall for name, tally in listed.kinds.items() if not tally.recall >= LEAST_OF_A_KIND}
    assert not low, f"\n{listed.table()}"


def test_clean_sets_stay(tmp_path: Path) -> None:
    found = score(clean_sets(300, SEED), tmp_path, OVERRIDES)
    assert found.num_wrongly <= MOST_OF_CLEAN * found.num_clean, f"\n{found.table()}"


def test_unlisted_kinds_are_counted(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    sets = [*single_sets(UNLISTED, 200, SEED, (0.05, 0.28)), *mixed_sets(UNLISTED, 300, SEED, (0.05, 0.28))]
    found = score(sets, tmp_path, OVERRIDES)
    record_property("recall_of_unlisted_kinds", round(found.recall, 4))
    print(f"\nkinds that no rule lists\n{found.table()}")
    assert found.recall >= LEAST_OF_UNLISTED, f"\n{found.table()}"
    assert found.num_wrongly <= MOST_OF_CLEAN * found.num_clean, f"\n{found.table()}"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("rate", RATES)
def test_contradictory_answers_are_counted(tmp_path: Path, language: str, rate: float) -> None:
    task = TASKS[RATES.index(rate)]
    data = labelled([CONTRADICTORY], language, task, rate, 200, SEED)
    cfg, out = prepared(data, tmp_path)
    facts = prepare.measure(cfg, {}, out)
    answers: dict[str, set[str]] = {}
    kept = gate.kept_rows(out).values()
    for messages in kept:
        answers.setdefault(squeezed(messages[-2]["content"]), set()).add(squeezed(messages[-1]["content"]))
    contradictory = sum(len(answers[squeezed(messages[-2]["content"])]) > 1 for messages in kept)
    assert facts.num_contradictory == contradictory > 0


@pytest.mark.parametrize("kind", PRIVATE, ids=lambda kind: kind.name)
def test_what_is_private_stands_in_no_file(tmp_path: Path, capfd: pytest.CaptureFixture[str], kind: Kind) -> None:
    data = labelled([kind], "en", "question", 0.4, 200, SEED)
    cfg, out = prepared(data, tmp_path)
    prepare.measure(cfg, {}, out)
    texts = [squeezed(path.read_text(encoding="utf-8")) for path in out.rglob("*") if path.is_file()]
    texts += map(squeezed, capfd.readouterr())
    traces = [trace for entry in data.entries if entry.spoiled for trace in entry.spoiled.traces]
    leaked = sum(any(squeezed(trace) in text for text in texts) for trace in traces)
    assert len(traces) >= 80
    assert leaked == 0  # how many, not which: they are private


def prepared(data: LabelledSet, folder: Path) -> tuple[prepare.PrepareConfig, Path]:
    out = folder / "prepare"
    out.mkdir()
    cfg = gate.stage_config(OVERRIDES).model_copy(update={"files": [str(data.write(folder / "rows.jsonl"))]})
    prepare.make(cfg, {}, out)
    return cfg, out


@pytest.mark.parametrize("kind", [*LISTED, *UNLISTED], ids=lambda kind: kind.name)
def test_a_spoiled_row_counts_until_it_is_mended(kind: Kind) -> None:
    rng = Random(kind.name)
    for language in LANGUAGES:
        for row in (row for task in kind.tasks for row in clean_rows(language, task, 6, SEED)):
            found = spoiled(kind, row, rng)
            assert found.is_handled(None)
            assert not found.is_handled(found.row.messages())
            if kind.name in MENDED and kind in LISTED:
                mended = found.original or row
                assert found.is_handled(mended.messages())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("task", TASKS)
def test_clean_rows_are_no_copies_of_each_other(language: str, task: str) -> None:
    texts = [f"{row.prompt} {row.answer}" for row in clean_rows(language, task, 150, SEED)]
    grams = [frozenset(text[place : place + 5] for place in range(len(text) - 4)) for text in texts]
    likeness = [len(one & other) / len(one | other) for place, one in enumerate(grams) for other in grams[place + 1 :]]
    assert sum(likeness) / len(likeness) < 0.25
    assert max(likeness) < 0.7
