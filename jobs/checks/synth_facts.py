"""What `synth` measures, and the words for it."""

from __future__ import annotations

from typing import Literal

from jobs.core.model import Facts, StrictModel
from jobs.logic.pages.amounts import by_count, count, mark, part as share_in, percent, score, signed, usd
from jobs.logic.synth.ends import ENDED, Ended


class Taken(StrictModel):
    """What became of the candidates of one method, from one kind of seeds."""

    method: str
    arm: Literal["best", "random"]
    tried: int
    accepted: int
    dropped: dict[str, int]
    """Reason to candidates."""


class Arm(StrictModel):
    """Seeds of one kind, and what came of them; None where there is nothing to measure."""

    arm: Literal["best", "random"]
    num_seeds: int
    tried: int
    accepted: int
    acceptance: float | None
    mean_score: float | None
    """Of the rows that were made."""
    novelty: float | None
    """Mean of 1 - ROUGE-L to the nearest row that was there before."""


class Difference(StrictModel):
    """Rows from the best seeds less rows from random ones, with its 95 % interval; None where too few say nothing."""

    measure: Literal["acceptance", "mean_score", "novelty"]
    mean: float | None
    low: float | None
    high: float | None


class Asked(StrictModel):
    """The questions of one kind that were asked for these rows; `probe`: to find out what a server does."""

    purpose: str
    calls: int
    failed: dict[str, int]
    """What was wrong with an answer, to answers."""
    prompt_tokens: int
    completion_tokens: int


class ModelFacts(StrictModel):
    """A model that wrote or scored rows."""

    name: str
    served: Literal["server", "embedded"]
    file_sha256: str
    """Of the GGUF, where it was served here; a server's word cannot be checked."""
    probed: dict[str, str]
    """What was asked of the server before anything else, and what it did."""


class Diversity(StrictModel):
    """How varied rows are; None where there are none."""

    distinct_2: float | None
    """Share of pairs of neighbouring characters, or words, that are different ones, of equally many pairs."""
    answer_lengths: list[int]
    """Of the tenth, middle and ninetieth of a hundred answers, in characters or words; empty where there are none."""
    nearest: float | None
    """Mean of 1 - ROUGE-L of what its prompt says for itself to the nearest other row."""


class MadeRows(StrictModel):
    """Counted again in rows.jsonl and train.jsonl, after they were written."""

    num_rows: int
    num_joined: int
    """Rows of train.jsonl."""
    unclean: dict[str, int]
    """Reason to rows that should have been dropped."""
    near_held_out: int
    near_others: int
    """Rows that are near another made row or a training row."""
    not_joined: int
    """Rows that train.jsonl does not have as they are, and rows of `prepare` that it lacks."""
    held_out_parents: int
    unknown_parents: int
    other_sources: int
    """Rows with another `source` than their first parent's."""
    unaccounted: int
    """Candidates that are in neither rows.jsonl nor dropped.jsonl, or in both."""


class MadeExample(StrictModel):
    """A made row, or a candidate that was dropped."""

    id: str
    method: str
    reason: str
    """Empty for a row that was taken."""
    prompt: str
    answer: str
    evidence: str
    score: float | None


class Making(StrictModel):
    """How the rows were made, as `making.json` has it: what their files do not tell."""

    ended: Ended
    num_candidates: int
    num_seeds: dict[str, int]
    """Arm to seeds."""
    asked: list[Asked]
    usd: float | None
    """Of the questions above; None where the price is not known."""
    estimated_calls: int
    estimated_tokens: int | None
    estimated_usd: float | None
    generator: ModelFacts
    scorer: ModelFacts | None
    same_model: str
    """Why the model that wrote may score; empty where another one does."""
    rubric: str
    min_score: float
    """The least mean that a made row passes with."""
    language: Literal["ja", "en"]
    """Of the prompts."""
    digests: dict[str, str]
    """Of the prompts and the rubric: SHA-256."""
    scores_before: dict[str, int]
    """Of the training rows: `1` to `5`, rounded, or `cannot say`, to rows."""
    passages: dict[str, int]
    """What became of the pieces of the corpus, to pieces."""
    corpus: dict[str, str]
    """File of the corpus to its SHA-256."""
    num_left_out: int
    """Files and kinds of rows of the corpus that could not be read."""
    left_out: list[str]
    """`FILE: why`, of the first of them."""


class SynthFacts(Facts):
    """Counted in the files of the folder, and in the answers that they were made of."""

    wanted: int
    making: Making
    num_before: int
    """Training rows of `prepare`."""
    taken: list[Taken]
    arms: list[Arm]
    differences: list[Difference]
    before: Diversity
    made: Diversity
    novelty: float | None
    """Median over the made rows of 1 - ROUGE-L to the nearest row that was there before."""
    rows: MadeRows
    unparsable: list[str]
    """The beginnings of some answers that could not be read."""
    examples: list[MadeExample]

    @property
    def tried(self) -> int:
        return sum(one.tried for one in self.taken)

    @property
    def accepted(self) -> int:
        return sum(one.accepted for one in self.taken)

    @property
    def dropped(self) -> dict[str, int]:
        """Reason to candidates, over all methods."""
        found: dict[str, int] = {}
        for one in self.taken:
            for reason, num in one.dropped.items():
                found[reason] = found.get(reason, 0) + num
        return found

    @property
    def calls(self) -> int:
        return sum(one.calls for one in self.making.asked)

    @property
    def failed_calls(self) -> int:
        return sum(sum(one.failed.values()) for one in self.making.asked)

    @property
    def tokens(self) -> int:
        return sum(one.prompt_tokens + one.completion_tokens for one in self.making.asked)

    def _corpus(self) -> str:
        making = self.making
        told = f"{count(making.passages.get('taken', 0), 'passage')} of {count(len(making.corpus), 'file')}"
        more = making.num_left_out - len(making.left_out)
        return "; ".join([told, *making.left_out, *([f"and {count(more)} more not read"] if more else [])])

    def lines(self) -> list[tuple[str, str]]:
        return [
            ("made", f"{count(self.accepted)} of {count(self.wanted, 'row')} from {count(self.tried, 'candidate')}"),
            ("ended", ENDED[self.making.ended]),
            *(("accepted", _accepted(one)) for one in self.taken),
            ("dropped", ", ".join(f"{name} {count(num)}" for name, num in by_count(self.dropped)) or "nothing"),
            *(("corpus", self._corpus()) for _ in range(bool(self.making.passages))),
            ("to train on", f"{count(self.num_before)} rows before, {count(self.rows.num_joined)} now"),
            ("written by", _named(self.making.generator)),
            ("scored by", _named(self.making.scorer) if self.making.scorer else "nobody"),
            *(("same model", self.making.same_model) for _ in range(bool(self.making.same_model))),
            ("calls", f"{count(self.calls)} ({count(self.failed_calls)} failed), {count(self.tokens, 'token')}"),
            ("estimated", f"{count(self.making.estimated_calls)} calls, {_tokens(self.making.estimated_tokens)}"),
            ("cost", f"{usd(self.making.usd)}, estimated {usd(self.making.estimated_usd)}"),
            *((f"{one.arm} seeds", _arm(one)) for one in self.arms),
            *(("best less random", difference(one)) for one in self.differences if one.mean is not None),
            *(("novelty", score(found)) for found in [self.novelty] if found is not None),
        ]


def _named(model: ModelFacts) -> str:
    return f"{model.name} ({'served here' if model.served == 'embedded' else 'a server'})"


def _tokens(value: int | None) -> str:
    return "tokens unknown" if value is None else count(value, "token")


def _accepted(one: Taken) -> str:
    return f"{one.method}, {one.arm} seeds: {count(one.accepted)} of {count(one.tried)}"


def _arm(one: Arm) -> str:
    told = f"{count(one.num_seeds, 'seed')}, {share_in(one.accepted, one.tried) or 'none'} accepted"
    return told + (f", mean score {mark(one.mean_score)}" if one.mean_score is not None else "")


def difference(one: Difference) -> str:
    """In words."""
    say = {"acceptance": percent, "mean_score": mark, "novelty": score}[one.measure]
    told = f"{one.measure.replace('_', ' ')} {signed(one.mean or 0, say)}"
    if one.low is None or one.high is None:
        return f"{told}, too few for an interval"
    return f"{told} ({signed(one.low, say)} to {signed(one.high, say)})"
