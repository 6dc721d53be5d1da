"""Rows from models: score what is there, take the best as seeds, make candidates, write where each of them ended."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from jobs.core import terminal
from jobs.core.errors import Refusal
from jobs.engines.endpoints.asking import Asker, Session
from jobs.engines.synth import corpus, retrieval
from jobs.engines.synth.blocks import THOUGHTS, BlockOptions, Blocks, Methods, row_id
from jobs.engines.synth.corpus import Corpus, CorpusOptions, Passage
from jobs.engines.synth.vetting import Vetter
from jobs.logic.endpoints.calls import Sampling
from jobs.logic.endpoints.costs import Estimate, Usage, estimate
from jobs.logic.synth import seeds, state as states
from jobs.logic.synth.candidate import Method, Seed, Settled
from jobs.logic.synth.cot_self_instruct import CotSelfInstruct
from jobs.logic.synth.craft import Craft
from jobs.logic.synth.ends import Ended
from jobs.logic.synth.evol_instruct import EvolInstruct
from jobs.logic.synth.kit import Kit
from jobs.logic.synth.overlap import Texts
from jobs.logic.synth.scores import CANNOT_SAY, Rubric, Scored, Scorer
from jobs.logic.synth.self_instruct import SelfInstruct
from jobs.logic.synth.wording import Wording

PROBED = 10
"""Rows that are scored, and candidates that are made, to tell what all of them will cost."""
Number = TypeVar("Number", int, float)
SHOWN = 8
"""Of what could not be read of a corpus."""
EXPECTED = 0.5
"""Share of candidates that are taken, where the probe was too small to tell: with the probe's own as two more rows."""


@dataclass(frozen=True)
class MakingOptions:
    """What `synth` is told, as far as making rows goes."""

    methods: Mapping[str, float]
    blocks: BlockOptions
    control: float
    seed_share: float
    seed_min_score: float
    most_scored: int
    evol_rounds: int
    cot_answers: int
    corpus: CorpusOptions | None
    writing: Sampling
    scoring: Sampling
    shots_characters: int


class Found:
    """A passage as CRAFT takes it."""

    def __init__(self, passage: Passage) -> None:
        self.text, self.sha256 = passage.text, passage.sha256
        self._note = passage.note()

    def as_dict(self) -> dict[str, object]:
        return self._note


class Making:
    """One run of the stage. `asker` writes; `judge` scores, None where nothing does."""

    def __init__(
        self, options: MakingOptions, rows: Sequence[Seed], wording: Wording, rubric: Rubric, session: Session,
        asker: Asker, judge: Asker | None, vetter: Vetter,
    ) -> None:  # fmt: skip
        self.options, self.rows, self.wording, self.rubric = options, list(rows), wording, rubric
        self.session, self._asker, self._vetter = session, asker, vetter
        self.scorer = None if judge is None else Scorer(judge.ask, wording, rubric, options.scoring)
        answering = replace(options.writing, temperature=0.0)
        self.kit = Kit(rows, wording, options.writing, answering, options.shots_characters)
        self.corpus: Corpus | None = None
        self.scored: dict[str, Scored] = {}
        self.num_seeds = {"best": 0, "random": 0}
        self._expected = EXPECTED
        self.settled: list[Settled] = []

    async def read_corpus(self, prepared: Path, scratch: Path, embed: Asker | None) -> None:
        """The passages that CRAFT takes, and what finds them."""
        if self.options.corpus is None:
            return
        self.corpus = await asyncio.to_thread(
            corpus.read, self.options.corpus, "synth.craft.folder", prepared, scratch / "corpus"
        )
        unread = self.corpus.left_out
        told = f"; not read: {'; '.join(unread[:SHOWN])}{' ...' if len(unread) > SHOWN else ''}" if unread else ""
        terminal.say(f"corpus: {len(self.corpus):,} passages of {len(self.corpus.files):,} files{told}")
        if embed is None:
            self._retriever: retrieval.Retriever = await asyncio.to_thread(retrieval.Bm25, self.corpus.texts())
        else:
            texts = list(self.corpus.texts())
            asked = list(dict.fromkeys([*texts, *(self.kit.telling(row.prompt) for row in self.rows)]))
            known = dict(zip(asked, await embed.embed(asked), strict=True))
            self._retriever = retrieval.Embedded(texts, lambda some: np.stack([known[text] for text in some]))

    async def probe(self) -> Estimate:
        """What all will cost, by some rows scored and some candidates made of random seeds.

        They are asked for once: what is asked again later is not paid for again.
        """
        before, started = self.session.ledger.total, time.monotonic()
        some = list(seeds.drawn(self.rows, PROBED, self.options.blocks.seed))
        scoring = await self._scored(some) if self.scorer else {}
        after_scores = self.session.ledger.total
        few = replace(self.options.blocks, rows=PROBED, most_per_row=1.0, block=PROBED)
        state = states.begun(some, some, self.options.control)
        blocks = self._blocks(few, lambda *_: None, judged_by=_Copy(self._vetter))
        await blocks.run(state)
        seconds = time.monotonic() - started
        self._expected = (blocks.num_rows + 2 * EXPECTED) / (len(blocks.settled) + 2)
        return self._estimated(len(scoring), (before, after_scores, self.session.ledger.total), blocks, seconds)

    async def score_rows(self) -> None:
        """Every training row, or as many as are to be, drawn at random."""
        if self.scorer is None:
            return
        rows = self.rows
        if len(rows) > self.options.most_scored:
            chosen = {row.id for row in seeds.drawn(rows, self.options.most_scored, self.options.blocks.seed)}
            rows = [row for row in rows if row.id in chosen]
        self.scored = await self._scored(rows, "synth: rows scored")
        self.rows = [replace(row, score=found.mean) if (found := self.scored.get(row.id)) else row for row in self.rows]

    async def run(self) -> Ended:
        """Make the rows; `settled` has the end of every candidate."""
        options = self.options
        known = [row for row in self.rows if row.score is not None and row.score >= options.seed_min_score]
        number = max(1, round(options.seed_share * len(self.scored or self.rows)))
        drawn = seeds.drawn(self.rows, number, options.blocks.seed)
        best = seeds.best(known, number, options.blocks.seed)
        if self.scorer and not best:
            raise Refusal(_no_seed(self.rows, options.seed_min_score))
        self.num_seeds = {"best": len(best), "random": len(drawn)}
        with terminal.progress("synth: rows made", options.blocks.rows) as advance:

            def told(num_rows: int, note: str) -> None:
                advance(num_rows, f"{note} · {self.session.ledger.note()}")

            blocks = self._blocks(replace(options.blocks, expected=self._expected), told)
            ended = await blocks.run(states.begun(best, drawn, options.control if self.scorer else 1.0))
        self.settled = blocks.settled
        return ended

    def _blocks(self, options: BlockOptions, advance: Any, judged_by: Any = None) -> Blocks:
        texts = Texts([self.kit.telling(row.prompt) or row.answer for row in self.rows], self.kit.by_characters)
        methods = Methods([(self._method(name), share) for name, share in self.options.methods.items()], options.seed)
        vetter = judged_by or self._vetter
        return Blocks(methods, self._asker.ask, self.scorer, vetter, texts, self.kit.telling, options, advance)

    def _method(self, name: str) -> Method:
        options = self.options
        if name == SelfInstruct.name:
            return SelfInstruct(self.kit)
        if name == EvolInstruct.name:
            return EvolInstruct(self.kit, options.evol_rounds)
        if name == Craft.name:
            return Craft(self.kit, self._retrieve, self.scorer)
        return CotSelfInstruct(self.kit, options.cot_answers, self.scorer)

    def _retrieve(self, query: str, num: int) -> Sequence[Found]:
        assert self.corpus is not None
        return [Found(self.corpus.passage(hit.number)) for hit in self._retriever.best(query, num)]

    async def _scored(self, rows: Sequence[Seed], label: str = "") -> dict[str, Scored]:
        assert self.scorer is not None
        found: dict[str, Scored] = {}
        with _bar(label, len(rows)) as advance:

            async def one(row: Seed) -> None:
                assert self.scorer is not None
                found[row.id] = await self.scorer.score(row.messages)
                advance(len(found), self.session.ledger.note())

            tasks = [asyncio.ensure_future(one(row)) for row in rows]
            try:
                await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()
        return found

    def _estimated(
        self, num_scored: int, totals: tuple[Usage, Usage, Usage], blocks: Blocks, seconds: float
    ) -> Estimate:
        """The cost of the probes, and that of as many rows and candidates as there will be."""
        options, tried = self.options, max(1, len(blocks.settled))
        candidates = min(options.blocks.most, round(options.blocks.rows / self._expected))
        rows = min(len(self.rows), options.most_scored) if num_scored else 0
        scoring, making = _less(totals[1], totals[0]), _less(totals[2], totals[1])
        at_once = min(PROBED, options.blocks.at_once), options.blocks.at_once
        parts = [estimate(making, seconds, tried, candidates, at_once), estimate(totals[0] + making, 0.0, 1, 1)]
        parts += [estimate(scoring, 0.0, num_scored, rows)] if num_scored else []
        tokens = [(one.prompt_tokens, one.completion_tokens) for one in parts]
        return Estimate(
            candidates, sum(one.calls for one in parts), _sum([prompt for prompt, _ in tokens]),
            _sum([completion for _, completion in tokens]), parts[0].minutes, _sum([one.usd for one in parts]),
        )  # fmt: skip


class _Copy:
    """A vetter that takes nothing in: the probe's rows are no rows of the set."""

    def __init__(self, vetter: Vetter) -> None:
        self.judge = vetter.judge

    def accept(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Looked at, and not kept."""


def write(settled: Iterable[Settled], out: Path, before: Path, model: str) -> None:
    """`rows.jsonl`, `dropped.jsonl`, and `train.jsonl`: the rows of the file `before`, then the made ones."""
    with (
        (out / "rows.jsonl").open("wb") as rows,
        (out / "dropped.jsonl").open("wb") as dropped,
        (out / "train.jsonl").open("wb") as train,
    ):
        for line in before.open("rb"):
            train.write(line if line.endswith(b"\n") else line + b"\n")
        for one in settled:
            made = {"made": _how(one, model)}
            if one.row is None:
                dropped.write(_line({"id": row_id(one.made.plan), **_why(one), **_said(one), **made}))
                continue
            row = {"id": one.row.id, "source": one.row.source, "messages": _messages(one)}
            rows.write(_line(row | made))
            train.write(_line(row))


def write_scores(scored: Mapping[str, Scored], path: Path) -> None:
    """What the scorer said of each row that was there."""
    with path.open("wb") as file:
        for identity, found in sorted(scored.items()):
            file.write(_line({"id": identity, **found.as_dict(), "failure": found.failure}))


def _messages(one: Settled) -> list[dict[str, str]]:
    assert one.row is not None
    messages = [{"role": message.role, "content": message.content} for message in one.row.messages]
    if thoughts := one.made.notes[THOUGHTS]:
        last = messages[-1]
        messages[-1] = {"role": last["role"], "reasoning_content": thoughts, "content": last["content"]}
    return messages


def _how(one: Settled, model: str) -> dict[str, Any]:
    """How a candidate came about; `calls`: by which questions, each with its whole prompt in its id."""
    plan, made = one.made.plan, one.made
    return {
        "number": plan.number, "method": plan.method, "arm": plan.arm, "parents": list(plan.parents), "model": model,
        "calls": list(made.call_ids), "scores": dict(made.scores), "novelty": one.novelty,
        "notes": {name: found for name, found in made.notes.items() if name != THOUGHTS},
    }  # fmt: skip


def _why(one: Settled) -> dict[str, str]:
    return {"reason": one.reason or "", "evidence": one.evidence}


def _said(one: Settled) -> dict[str, Any]:
    """What there was of it: the messages, or the model's own words."""
    messages = [{"role": message.role, "content": message.content} for message in one.made.messages or ()]
    return {"messages": messages} if messages else {"raw": one.made.raw}


def scores_of(scored: Mapping[str, Scored]) -> dict[str, int]:
    """How many rows have which mean, rounded."""
    counts = Counter(CANNOT_SAY if found.mean is None else str(round(found.mean)) for found in scored.values())
    return dict(sorted(counts.items()))


def _no_seed(rows: Sequence[Seed], least: float) -> str:
    known = [row.score for row in rows if row.score is not None]
    best = f"the best has {max(known):.2f}" if known else "the scorer could say nothing of any row"
    return f"synth.seeds.min_score: no training row has {least} of 5, {best}; lower it, or look at the rubric"


@contextmanager
def _bar(label: str, total: int) -> Iterator[Any]:
    if not label:
        yield lambda *_: None
        return
    with terminal.progress(label, total) as advance:
        yield advance


def _less(whole: Usage, part: Usage) -> Usage:
    usd = None if whole.usd is None or part.usd is None else whole.usd - part.usd
    return Usage(
        whole.calls - part.calls, whole.prompt_tokens - part.prompt_tokens,
        whole.completion_tokens - part.completion_tokens, whole.untold - part.untold, usd,
    )  # fmt: skip


def _sum(values: Sequence[Number | None]) -> Number | None:
    """None where one is not known."""
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if len(known) == len(values) else None


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=False).encode("utf-8", "surrogatepass") + b"\n"
