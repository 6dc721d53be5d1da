"""What every method works with: the prompts, how the set's own rows are put together, and how a model is to draw."""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from jobs.logic.endpoints.calls import Sampling
from jobs.logic.synth.candidate import Arm, Plan, Seed, State
from jobs.logic.synth.forms import Form, Forms, Parts, labels_of
from jobs.logic.synth.overlap import counts_characters
from jobs.logic.synth.wording import Wording

TOPIC = re.compile(
    r"(?<![一-鿿々])[一-鿿々]{2,8}(?![一-鿿々])|(?<![ァ-ヴー])[ァ-ヴー]{3,12}(?![ァ-ヴー])|\b[A-Za-z][a-z]{4,14}\b"
)
"""A word that may be a subject: in a text of Han characters or katakana, or a longer one in Latin letters."""
NO_SUBJECT = ("ly", "ed", "ing", "ous", "ful", "ive", "able", "ward", "self", "selves")
"""What Latin words that name no thing end in, mostly."""
COMMON = (
    "about above after again against among answer answers because before being below between could different does each"
    " enough every example explain first follow given great having their there these thing things think those three"
    " through under until using usually where whether which while whose within without would write please people"
    " number question should since sentence still might never often other others second several shall short"
    " describe create provide suggest maybe quite rather really right small large little total years"
)
"""Latin words that name none either."""
COMMON_TOPIC = 0.1
"""Of the rows: a word that more of them have is of the task and no subject."""
TOPICS_WITHIN = 4000
"""Characters of a prompt that are looked at."""
HUMAN_SHOTS, MADE_SHOTS = 6, 2
"""Examples in context (Wang et al. 2023): of the set, and of what was made already."""
SEEDS = 2**31
MOST_KNOWN = 8
"""Tuples of rows whose forms are remembered: the seeds of both arms, and what was made up to a block or two."""
T = TypeVar("T")
Kin = tuple[Form, str]


@dataclass(frozen=True)
class Group:
    """The rows of one form: what each slot and the answers are like."""

    texts: dict[str, list[str]]
    labels: tuple[str, ...]
    """Where the answers are labels."""

    @cached_property
    def drawn_labels(self) -> tuple[str, ...]:
        """The labels as often as the rows have them: a made one is drawn from these."""
        return tuple(answer for answer in self.texts["answer"] if answer in self.labels)


class Kit:
    """The same for all methods of a run."""

    def __init__(
        self, rows: Sequence[Seed], wording: Wording, writing: Sampling, answering: Sampling, shots_characters: int
    ) -> None:
        """`rows`: the training side; `answering` draws answers and `writing` all else; a plan gives both its seed.

        `shots_characters`: so long are the examples in one prompt at most, but for the first of them.
        """
        self.rows = tuple(rows)
        self.wording, self.writing, self.answering = wording, writing, answering
        self.shots_characters = shots_characters
        self.forms = Forms([row.prompt for row in rows])
        self.by_characters = counts_characters([text for row in rows for text in (row.prompt, row.answer)])
        self._parts: dict[str, Parts] = {}
        self._known: dict[int, tuple[Any, dict[Kin, list[Any]]]] = {}
        self._groups = self._grouped()
        self._lengths: dict[tuple[Kin, tuple[str, ...]], str] = {}

    def parts(self, prompt: str) -> Parts:
        """The prompt taken apart by the set's forms."""
        found = self._parts.get(prompt)
        if found is None:
            found = self._parts[prompt] = self.forms.parts(prompt)
        return found

    def telling(self, prompt: str) -> str:
        """What a prompt says for itself, without what all of its form say: what novelty is counted in."""
        return self.parts(prompt).telling

    def group(self, seed: Seed) -> Group:
        """The rows of the seed's form; the seed alone where no row is of it."""
        return self._groups.get(self._kin(seed)) or self._group([seed])

    def lengths(self, seed: Seed, names: Sequence[str]) -> str:
        """How long these fields are in the rows of the seed's form, in words of the prompts' language."""
        key = self._kin(seed), tuple(names)
        if key not in self._lengths:
            texts = self.group(seed).texts
            self._lengths[key] = "; ".join(f'"{name}": {self.wording.length(texts[name])}' for name in names)
        return self._lengths[key]

    def shown(self, seed: Seed, names: Sequence[str]) -> dict[str, str]:
        """Fields of a seed as a model is to write them."""
        parts = self.parts(seed.prompt)
        values = {**dict(zip(parts.form.slots, parts.values, strict=True)), "answer": seed.answer}
        return {name: values[name] for name in names}

    @cached_property
    def topics(self) -> tuple[str, ...]:
        """Words of the rows that may be a subject, each once."""
        counts, common = Counter[str](), frozenset(COMMON.split())
        for row in self.rows:
            found = TOPIC.findall(self.telling(row.prompt)[:TOPICS_WITHIN])
            counts.update({word for word in found if not word.endswith(NO_SUBJECT) and word.lower() not in common})
        most = max(2, COMMON_TOPIC * len(self.rows))
        return tuple(sorted(word for word, number in counts.items() if number <= most)) or ("",)

    def shots(
        self, lead: Seed, rng: random.Random, arm: Arm, state: State, human: int = HUMAN_SHOTS, made: int = MADE_SHOTS
    ) -> tuple[Seed, ...]:
        """The lead and others of its kin: so many of the set, and as soon as there are some, of what was made.

        In a shuffled order, so that a model does not take the last of them for the best. As many as there is room for.
        """
        kin = self._kin(lead)
        ours = self._sorted(state.seeds(arm), lambda seed: seed).get(kin, [])
        theirs = [row for row in self._sorted(state.grown, lambda row: row.seed).get(kin, []) if row.arm == arm]
        drawn = [seed for seed in _drawn(rng, ours, human) if seed.id != lead.id][: human - 1]
        drawn += [row.seed for row in _drawn(rng, theirs, made) if row.seed.id != lead.id]
        rng.shuffle(drawn)
        room, kept = self.shots_characters - _size(lead), [lead]
        for seed in drawn:
            if _size(seed) <= room:
                room -= _size(seed)
                kept.append(seed)
        rng.shuffle(kept)
        return tuple(kept)

    def _kin(self, seed: Seed) -> Kin:
        """Rows that are examples of each other have one form, and one system message for their answers to keep to."""
        return kind(self.parts(seed.prompt).form), seed.system.content if seed.system else ""

    def _sorted(self, rows: tuple[T, ...], seed_of: Callable[[T], Seed]) -> dict[Kin, list[T]]:
        """Rows by their kin. The same tuple is asked about for all plans of a block: it is sorted once."""
        known = self._known.get(id(rows))
        if known is None or known[0] is not rows:
            found: dict[Kin, list[T]] = defaultdict(list)
            for row in rows:
                found[self._kin(seed_of(row))].append(row)
            while len(self._known) >= MOST_KNOWN:
                del self._known[next(iter(self._known))]
            known = self._known[id(rows)] = (rows, dict(found))
        return known[1]

    def _grouped(self) -> dict[Kin, Group]:
        return {kin: self._group(rows) for kin, rows in self._sorted(self.rows, lambda row: row).items()}

    def _group(self, rows: Sequence[Seed]) -> Group:
        texts: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            parts = self.parts(row.prompt)
            for name, value in (*zip(parts.form.slots, parts.values, strict=True), ("answer", row.answer)):
                texts[name].append(value)
        return Group(dict(texts), labels_of(texts["answer"]))


def kind(form: Form) -> Form:
    """The form without what tells apart only the spaces between its slots: such rows are examples of each other."""
    return form if form.is_fixed else Form(("",) * len(form.fixed), form.slots)


def planned(number: int, method: str, arm: Arm, rng: random.Random, parents: Sequence[Seed], data: object) -> Plan:
    """A plan whose first parent leads: its source and its form are the descendant's."""
    ids = tuple(dict.fromkeys(seed.id for seed in parents))
    return Plan(number, method, arm, ids, parents[0].source, rng.randrange(SEEDS), data)


def _drawn(rng: random.Random, of: Sequence[T], number: int) -> list[T]:
    return rng.sample(of, min(number, len(of)))


def _size(seed: Seed) -> int:
    return len(seed.prompt) + len(seed.answer)
