"""CRAFT (Ziegler et al. 2024): a passage of the user's own corpus is rewritten into the task that a few rows show.

The passage is found with the words of the row that leads. With a scorer the row is asked three things, in this order:
does the answer follow from the passage, does it answer the request, is the request one at all.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from jobs.logic.endpoints.calls import Ask
from jobs.logic.endpoints.prompts import fenced
from jobs.logic.row import Message
from jobs.logic.synth import drafting, wording
from jobs.logic.synth.candidate import Made, Plan, Seed, State, arm_of
from jobs.logic.synth.drafting import NotMade, Talk
from jobs.logic.synth.kit import Kit, planned
from jobs.logic.synth.scores import Scorer
from jobs.logic.text import markup

HUMAN_SHOTS, MADE_SHOTS = 4, 0
FOUND = 8
"""Passages that gave no row yet, of which one is drawn."""
LEADS = 20
"""Rows with whose words passages are looked for before none is left."""
REASONS = {"faithful": "unfaithful", "relevant": "irrelevant", "sound": "unsound-question"}


class Passage(Protocol):
    """A piece of the corpus."""

    @property
    def text(self) -> str: ...

    @property
    def sha256(self) -> str: ...

    def as_dict(self) -> dict[str, object]:
        """File, place and digest, as they stand beside a row."""


Retrieve = Callable[[str, int], Sequence[Passage]]
"""(query, k): the k passages that fit best, the best first; the same for the same query."""


@dataclass(frozen=True)
class Source:
    """Of one candidate."""

    lead: Seed
    shots: tuple[Seed, ...]
    passage: Passage


class Craft:
    """The method; see `Method`."""

    name = "craft"

    def __init__(self, kit: Kit, retrieve: Retrieve, scorer: Scorer | None) -> None:
        self._kit, self._retrieve, self._scorer = kit, retrieve, scorer

    def plan(self, number: int, rng: random.Random, state: State) -> Plan | None:
        arm = arm_of(number, state.control)
        seeds = state.seeds(arm)
        for lead in rng.sample(seeds, min(LEADS, len(seeds))):
            fresh = self._fresh(self._kit.telling(lead.prompt), state)
            if fresh:
                shots = self._kit.shots(lead, rng, arm, state, HUMAN_SHOTS, MADE_SHOTS)
                data = Source(lead, shots, rng.choice(fresh))
                return planned(number, self.name, arm, rng, (lead, *shots), data)
        return None

    def _fresh(self, query: str, state: State) -> list[Passage]:
        """The best passages that gave no row yet, looked for further down as long as there are too few."""
        number = FOUND
        while True:
            found = self._retrieve(query, number)
            fresh = [passage for passage in found if passage.sha256 not in state.used]
            if len(fresh) >= FOUND or len(found) < number:
                return fresh[:FOUND]
            number *= 2

    async def make(self, plan: Plan, ask: Ask) -> Made:
        return await drafting.carried_out(plan, ask, self._work)

    async def _work(self, talk: Talk) -> tuple[Message, ...]:
        source: Source = talk.plan.data
        kit, lead, passage = self._kit, source.lead, source.passage.text
        talk.notes["passage"] = source.passage.as_dict()
        token = markup.control_token(passage)
        if token:
            raise NotMade("control-tokens", token, passage)
        form = kit.parts(lead.prompt).form
        names = (*form.slots, "answer")
        messages = kit.wording.messages(
            "craft",
            shots=wording.shots([kit.shown(seed, names) for seed in source.shots]),
            frame=fenced(form.frame()),
            passage=fenced(passage),
            lengths=kit.lengths(lead, names),
            fields=wording.fields(form.slots),
            reply=wording.fields(names),
        )
        said = await talk.value("rewrite", messages, wording.schema(wording.texts(*names)), kit.writing)
        values = tuple(said[name] for name in form.slots)
        prompt = drafting.prompt_of(form, values)
        answer = drafting.must_answer(said["answer"], prompt)
        drafting.looked_at(kit, source.shots, form, values, answer, known=(passage,))
        made = drafting.conversation(lead, prompt, answer)
        if self._scorer is not None:
            await self._checked(talk, self._scorer, made, passage)
        return made

    async def _checked(self, talk: Talk, scorer: Scorer, made: tuple[Message, ...], passage: str) -> None:
        """Raises NotMade at the first question that is not answered with yes."""
        for check in wording.CHECKS:
            verdict, grounds, answer = await scorer.check(f"craft_{check}", made, passage, f"craft/{check}")
            talk.call_ids.append(answer.call_id)
            talk.scores[check] = verdict
            if answer.failure is not None:
                raise NotMade("scorer-failed", f"{check}: {answer.failure}", answer.text)
            if verdict != "yes":
                raise NotMade(REASONS[check] if verdict == "no" else "cannot-say", f"{check}: {grounds}")
