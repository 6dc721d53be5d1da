"""A folder of `judge` read again: every verdict out of the judge's own words, and whether the judge is usable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.engines.judging.files import read_calls, read_lines
from jobs.logic.judging.conduct import Conduct, conduct
from jobs.logic.judging.pairs import Judged, Pair
from jobs.logic.judging.qualifying import drawn, pairs_of
from jobs.logic.judging.usable import CHECKS, HUGGING_FACE, PAIRS, Wanted, why_no_blame, why_not
from jobs.logic.judging.wording import JudgesWording


@dataclass(frozen=True)
class Plan:
    """What the judge was to be asked."""

    pairs: Sequence[Pair]
    """Of the GGUF, as it was shown them; `held` has each with its reference."""
    others: Sequence[Pair]
    """The same with the answers of Hugging Face; none where those are not judged."""
    held: Sequence[Pair]
    num_qualify: int
    seed: int
    tries: int
    wanted: Wanted


@dataclass(frozen=True)
class Found:
    """What the files say."""

    judged: dict[str, list[Judged]]
    """By check, and PAIRS and HUGGING_FACE where they were asked."""
    unusable: list[str]
    no_blame: list[str]
    """Why nothing is said of the answers in Hugging Face, where the judge is usable."""
    unaccounted: int

    def conduct(self, name: str) -> Conduct:
        return conduct(self.judged[name])


def read_folder(out: Path, plan: Plan, wording: JudgesWording) -> Found:
    """Qualification first: of a judge that failed it nothing else is expected to be there."""
    judged: dict[str, list[Judged]] = {}
    unaccounted = 0
    lines = read_lines(out / "qualification.jsonl")
    some = drawn(plan.held, plan.num_qualify, plan.seed)
    for name in CHECKS:
        of = [line for line in lines if line["of"] == name]
        read = read_calls(of, pairs_of(name, some, wording, plan.seed), wording, plan.tries, asks_equal=True)
        judged[name] = read.judged
        unaccounted += read.unaccounted
    unaccounted += sum(line["of"] not in CHECKS for line in lines)
    reasons = why_not({name: conduct(one) for name, one in judged.items()}, plan.wanted)
    asked = {} if reasons else {PAIRS: plan.pairs, HUGGING_FACE: plan.others}
    lines = read_lines(out / "verdicts.jsonl")
    for name, pairs in asked.items():
        read = read_calls([line for line in lines if line["of"] == name], pairs, wording, plan.tries, asks_equal=False)
        judged[name] = read.judged
        unaccounted += read.unaccounted
    unaccounted += sum(line["of"] not in asked for line in lines)
    conducts = {name: conduct(one) for name, one in judged.items()}
    if not reasons:
        reasons = why_not(conducts, plan.wanted)
    return Found(judged, reasons, [] if reasons else why_no_blame(conducts, plan.wanted), unaccounted)
