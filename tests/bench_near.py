"""Precision, recall and F1 of the near-duplicate search on pairs labelled by how they were made (spoilage/pairs.py).

The search is asked through the whole stage: a pair counts as found where one of its rows is dropped as a duplicate.
Apart from the labels, the table says how often the stage does what its own definition says: Jaccard similarity of
5-grams of characters without what most rows share, computed here pair by pair.

`python -m tests.bench_near PAIRS SEED [overrides ...]` is the process that measures.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from jobs import prepare
from tests.bench_rows import Row, child
from tests.spoilage.clean_rows import CleanRow
from tests.spoilage.gate import dropped_rows, stage_config
from tests.spoilage.pairs import Found, LabelledPair, boilerplate_pairs, labelled_pairs, scores, tally

GOAL = 0.97
COPIES = ("duplicate", "near-duplicate")
OVERRIDES = ("prepare.workers=1",)
GRAM = 5
MARGIN = 0.01
"""Pairs that are this close to a threshold are not held against the search."""
Named = Sequence[tuple[LabelledPair, str, str]]
"""Pairs with the ids of their rows."""


def measure(options: Any) -> list[Row]:
    """For `make bench`."""
    answer = child("bench_near", str(options.pairs), "1")
    found = {kind: Found(**seen) for kind, seen in answer["kinds"].items()}
    as_defined = Row(
        "as defined", answer["as_defined"], "", None, "share of pairs in which search and definition agree"
    )
    return [*table(found), as_defined]


def table(found: dict[str, Found]) -> list[Row]:
    """F1 and what it is made of, then every kind."""
    precision, recall, f1 = scores(found.values())
    rows = [
        Row("F1", f1, "", None, f"goal {GOAL}"),
        Row("precision", precision, "", None, "of the pairs that were taken for near duplicates"),
        Row("recall", recall, "", None, "of the pairs that are"),
    ]
    for kind, seen in found.items():
        what = "near duplicates that were found" if seen.near else "others that were left alone"
        share = seen.taken / seen.total if seen.near else 1 - seen.taken / seen.total
        rows.append(Row(f"  {kind}", share, "", None, f"of {seen.total} {what}"))
    return rows


def near_duplicates(num: int, seed: int, overrides: Sequence[str] = OVERRIDES) -> dict[str, Found]:
    """By kind of pair, over both languages; `num` pairs of a kind and language. `scores` makes F1 of the values."""
    return by_kind(searched(num, seed, stage_config(overrides)))


def by_kind(searches: Iterable[tuple[Named, set[str]]]) -> dict[str, Found]:
    """The tallies of several sets of rows, joined."""
    found: dict[str, Found] = {}
    for named, gone in searches:
        for kind, seen in tally(named, gone).items():
            total = found.setdefault(kind, Found(seen.near))
            total.total += seen.total
            total.taken += seen.taken
    return found


def searched(num: int, seed: int, cfg: prepare.PrepareConfig) -> Iterator[tuple[Named, set[str]]]:
    """Four sets of rows, each with the ids of those that the stage drops as duplicates."""
    for language in ("ja", "en"):
        for make in (labelled_pairs, boilerplate_pairs):
            pairs = make(language, num, seed)
            named = [(pair, f"{number}-a", f"{number}-b") for number, pair in enumerate(pairs)]
            yield named, dropped(named, cfg)


def dropped(named: Named, cfg: prepare.PrepareConfig) -> set[str]:
    """Ids of rows; in the file all the first rows stand before all the second ones."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "rows.jsonl", Path(folder) / "prepare"
        out.mkdir()
        firsts = ((pair.first, one) for pair, one, _ in named)
        seconds = ((pair.second, other) for pair, _, other in named)
        with path.open("w", encoding="utf-8") as file:
            for row, name in (*firsts, *seconds):
                entry = {"id": name, "source": name, "messages": row.messages()}
                file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        prepare.make(cfg.model_copy(update={"files": [str(path)]}), {}, out)
        return {name for name, reason in dropped_rows(out).items() if reason in COPIES}


def as_defined(searches: Iterable[tuple[Named, set[str]]], cfg: prepare.PrepareConfig) -> float:
    """The share of pairs in which the search does what a comparison of their grams says; see the module's text."""
    agreed = counted = 0
    for named, gone in searches:
        texts = [grams(joined(row)) for pair, _, _ in named for row in (pair.first, pair.second)]
        common = {gram for gram, count in Counter(gram for text in texts for gram in text).items()
                  if count > cfg.duplicates.boilerplate_share * len(texts)}  # fmt: skip
        for number, (pair, one, other) in enumerate(named):
            whole = jaccard(texts[2 * number] - common, texts[2 * number + 1] - common)
            answers = jaccard(*(grams(normalised(row.answer)) for row in (pair.first, pair.second)))
            gaps = (whole - cfg.duplicates.threshold, answers - cfg.duplicates.answer_threshold)
            if min(map(abs, gaps)) > MARGIN:
                counted += 1
                agreed += (min(gaps) > 0) == (one in gone or other in gone)
    return agreed / counted


def joined(row: CleanRow) -> str:
    """The text that the stage compares."""
    return "\n".join(normalised(content) for role, content in row.turns if role != "system")


def normalised(text: str) -> str:
    """As the stage compares it: the normal form is its own affair, the search is looked at here."""
    from jobs.logic.rows import keys

    return keys.normalised(text)


def grams(text: str) -> set[str]:
    return {text[place : place + GRAM] for place in range(max(1, len(text) - GRAM + 1))}


def jaccard(a: set[str], b: set[str]) -> float:
    return len(a & b) / len(a | b) if a or b else 1.0


def main(num: int, seed: int, overrides: Sequence[str]) -> dict[str, Any]:
    """The tally of every kind, and the agreement with the definition."""
    cfg = stage_config([*OVERRIDES, *overrides])
    searches = list(searched(num, seed, cfg))
    kinds = {kind: dataclasses.asdict(seen) for kind, seen in by_kind(searches).items()}
    return {"kinds": kinds, "as_defined": as_defined(searches, cfg)}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])))
