"""What a made row's checks cost, and how often the search for passages finds the right one.

`python -m tests.bench_synth vet [CANDIDATES] [TRAIN]` makes a set of TRAIN rows, judges CANDIDATES made rows against
it in blocks of 64, of which more than half may join, and measures those again. `python -m tests.bench_synth find FILE`
asks the questions of a file of rows, whose prompt is a passage and a last line with the question, for their own
passages among all of these. Each prints one JSON object; seconds are a processor's.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from jobs.engines.synth.retrieval import Bm25
from jobs.engines.synth.vetting import Vetter, measure
from tests.engines.synth.made_rows import Made, made, prepared, said
from tests.stages.prepare_run import SIDES, TOPICS, entries, words, written

BLOCK = 64
CHARACTERS = 700
"""Of a prompt."""


def main(arguments: list[str]) -> int:
    work = {"vet": vet, "find": find}[arguments[0]]
    print(json.dumps(work(*arguments[1:]), ensure_ascii=False))
    return 0


def vet(num: str = "10000", num_train: str = "2000") -> dict[str, Any]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        rows = [{"id": f"r{number}", **long_row(number)} for number in range(int(int(num_train) * 1.25))]
        prepare, options = prepared(folder, rows)
        train = entries(prepare / "train.jsonl")
        candidates = with_new(made("titles", 1, int(num) // 2, train), int(num))
        start, before = time.process_time(), peak()
        vetter, reasons, kept = Vetter(prepare, options, folder / "scratch"), Counter[str](), list[Made]()
        ready = time.process_time()
        for first in range(0, len(candidates), BLOCK):
            found = vetter.judge(candidates[first : first + BLOCK])
            joining = [vetted.row for vetted in found if vetted.row is not None]
            vetter.accept(joining)
            kept += joining
            reasons.update(vetted.reason or "accepted" for vetted in found)
        done = time.process_time()
        again = measure(written(folder / "rows.jsonl", kept), prepare, options, folder / "again")
        return {
            "train": len(train),
            "reasons": dict(reasons.most_common()),
            "seconds_to_start": round(ready - start, 2),
            "seconds_per_1000": round((done - ready) / len(candidates) * 1000, 3),
            "measured_seconds_per_1000": round((time.process_time() - done) / len(kept) * 1000, 3),
            "measured_faults": again.faults,
            "mib_before": round(before),
            "mib_peak": round(peak()),
        }


def long_row(number: int) -> Made:
    """A row whose prompt has about CHARACTERS."""
    topic, side = TOPICS[number % len(TOPICS)], SIDES[number // len(TOPICS) % len(SIDES)]
    text = "".join(words(number * 7 + part) for part in range(CHARACTERS // 120))
    return said(f"{topic}の記事です。{side}を聞きました。{text}", f"{topic}、{side}")


def with_new(rows: list[Made], num: int) -> list[Made]:
    """Those and new ones, `num` in all, in any order."""
    fresh = [{"id": f"n{number}", **long_row(10**6 + number)} for number in range(num - len(rows))]
    together = [*rows, *fresh]
    Random(2).shuffle(together)
    return together


def find(path: str, num: str = "1500") -> dict[str, Any]:
    pairs = []
    for row in entries(Path(path))[: int(num)]:
        passage, _, question = row["messages"][0]["content"].rpartition("\n")
        pairs.append((passage.strip(), question.removeprefix("質問: ")))
    texts = list(dict.fromkeys(passage for passage, _ in pairs))
    start = time.process_time()
    index = Bm25(texts)
    ready = time.process_time()
    places = [[texts[hit.number] for hit in index.best(question, 10)] for _, question in pairs]
    return {
        "questions": len(pairs),
        "passages": len(texts),
        "first": round(
            sum(found[:1] == [passage] for found, (passage, _) in zip(places, pairs, strict=True)) / len(pairs), 4
        ),
        "in_ten": round(
            sum(passage in found for found, (passage, _) in zip(places, pairs, strict=True)) / len(pairs), 4
        ),
        "seconds_to_index": round(ready - start, 2),
        "milliseconds_a_question": round((time.process_time() - ready) / len(pairs) * 1000, 2),
    }


def peak() -> float:
    """MiB that this process had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
