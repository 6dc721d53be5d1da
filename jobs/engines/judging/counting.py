"""What verdicts amount to: an interval, what the GGUF lost, scores side by side. Every number is counted from files."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jobs.engines.judging.files import grounds_of
from jobs.logic.judging.conduct import Conduct
from jobs.logic.judging.pairs import Judged, Outcome, Pair, outcomes
from jobs.logic.judging.verdicts import Conclusion, verdict
from jobs.logic.judging.wording import JudgesWording
from jobs.logic.stats.agreement import agreement
from jobs.logic.stats.clusters import cluster_ids
from jobs.logic.stats.exact import sign_test
from jobs.logic.stats.interval import Interval
from jobs.logic.stats.length import length_controlled
from jobs.logic.stats.means import clustered_mean, least_difference
from jobs.logic.synth.scores import CANNOT_SAY

Numbers = dict[str, Any]
WHICH = ("first", "second")
FIRST_TO_READ: tuple[Outcome, ...] = ("loss", "flip", "unread", "win", "tie")


@dataclass(frozen=True)
class Resampling:
    """Of every bootstrap."""

    num_resamples: int
    seed: int

    def mean(self, values: Sequence[float], sources: Sequence[str | None], most: float) -> Interval:
        """Over values from -most to most; NaN where there are none."""
        if not values:
            return Interval(math.nan, math.nan, math.nan, 0.95)
        return clustered_mean(values, sources, num_resamples=self.num_resamples, seed=self.seed, bounds=(-most, most))


def num_sources(pairs: Sequence[Pair]) -> int:
    """Clusters: a row that names no source is one."""
    return len(set(cluster_ids([pair.source for pair in pairs]).tolist()))


def tally(found: Conduct) -> Numbers:
    """As facts have it."""
    return asdict(found) | {"position_p": found.position_p}


def result(pairs: Sequence[Pair], judged: Sequence[Judged], how: Resampling, what: str) -> Numbers:
    """What a usable judge said of the pairs, as facts have it."""
    values = outcomes(judged)
    sources = [pair.source for pair in pairs]
    net = how.mean(values, sources, 1.0)
    least = least_difference(values, num_sources(pairs), clusters=sources) if values else math.nan
    equal = length_controlled(
        values, [len(pair.first) - len(pair.second) for pair in pairs], sources,
        num_resamples=how.num_resamples, seed=how.seed,
    ) if values else None  # fmt: skip
    said: Conclusion = verdict(net, least, what=what)
    return {
        "net": asdict(net), "sign_p": sign_test(values, sources), "least_difference": least,
        "at_equal_length": None if equal is None else asdict(equal), "word": said.word, "sentence": said.sentence,
    }  # fmt: skip


def blame(
    pairs: Sequence[Pair], judged: Sequence[Judged], others: Sequence[Pair], other: Sequence[Judged], how: Resampling
) -> Numbers:
    """The answers of Hugging Face (`others`) beside those of the GGUF, of the same rows in the same order."""
    sources = [pair.source for pair in pairs]
    ours, theirs = outcomes(judged), outcomes(other)
    lost = [one - two for one, two in zip(theirs, ours, strict=True)]
    return {
        "num_same": sum(one.first == two.first for one, two in zip(pairs, others, strict=True)),
        "net": asdict(how.mean(theirs, sources, 1.0)),
        "lost": asdict(how.mean(lost, sources, 2.0)),
    }


def criteria(
    lines: Sequence[Mapping[str, Any]], pairs: Sequence[Pair], names: Sequence[str], how: Resampling
) -> list[Numbers]:
    """Each criterion over the rows of which both answers have a score."""
    known_pairs = {pair.id for pair in pairs}
    said = {(line["id"], line["which"]): line for line in lines if line["id"] in known_pairs}
    found = []
    for name in names:
        both = [(pair.source, [_score(said.get((pair.id, which)), name) for which in WHICH]) for pair in pairs]
        known = [(source, first, second) for source, (first, second) in both if _known(first) and _known(second)]
        differences = [float(first - second) for _, first, second in known]
        found.append(
            {
                "name": name,
                "num_rows": len(known),
                "first": _mean([first for _, first, _ in known]),
                "second": _mean([second for _, _, second in known]),
                "difference": asdict(how.mean(differences, [source for source, _, _ in known], 4.0)),
                "cannot_say": sum(score == CANNOT_SAY for _, scores in both for score in scores),
                "failed": sum(line["criteria"].get(name) is None for line in said.values()),
            }
        )
    return found


def calibration(votes: Path, pairs: Sequence[Pair], judged: Sequence[Judged], how: Resampling) -> Numbers | None:
    """The judge beside people's votes on the same pairs, its interval by source; None where nobody voted."""
    if not votes.is_file():
        return None
    told = json.loads(votes.read_bytes())
    choice = {"win": "first", "loss": "second", "tie": "tie", "flip": "tie", "unread": None}
    units = [(told["chosen"][one.pair], choice[one.outcome]) for one in judged if one.pair in told["chosen"]]
    sources = {pair.id: pair.source for pair in pairs}
    clusters = [sources[one.pair] for one in judged if one.pair in told["chosen"]]
    found = agreement(units, clusters, num_resamples=how.num_resamples, seed=how.seed)
    same = sum(people == ours for people, ours in units)
    return {"num_pairs": len(units), "num_raters": told["raters"], "num_same": same, "agreement": asdict(found)}


def examples(pairs: Sequence[Pair], judged: Sequence[Judged], words: JudgesWording, num: int) -> list[Numbers]:
    """Pairs for people: lost ones first, then flips, then the others, each by its row's order."""
    ranked = sorted(zip(pairs, judged, strict=True), key=lambda both: FIRST_TO_READ.index(both[1].outcome))
    return [
        {
            "id": pair.id, "outcome": one.outcome, "prompt": pair.prompt[-1].content, "first": pair.first,
            "second": pair.second, "reference": pair.reference or "", "grounds": grounds_of(one, words),
        }
        for pair, one in ranked[:num]
    ]  # fmt: skip


def unaccounted_scores(lines: Sequence[Mapping[str, Any]], pairs: Sequence[Pair]) -> int:
    """Answers without a line of scores, lines of no answer, and more than one of an answer."""
    found = Counter((line["id"], line["which"]) for line in lines)
    wanted = Counter((pair.id, which) for pair in pairs for which in WHICH)
    return (wanted - found).total() + (found - wanted).total()


def _score(line: Mapping[str, Any] | None, name: str) -> Any:
    return None if line is None else line["criteria"].get(name)


def _known(score: Any) -> bool:
    return isinstance(score, int)


def _mean(values: Sequence[int]) -> float:
    return sum(values) / len(values) if values else math.nan
