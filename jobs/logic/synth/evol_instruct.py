"""Evol-Instruct (Xu et al. 2023): a request grows harder or goes wider, round after round, and is answered anew.

A pool holds the seeds and what was evolved from them. What is eliminated, for no gain, "I cannot", words of the prompt
or mere length, leaves its parent in the pool for another try; what passes joins the pool, one round further on. Where
the instruction is the same for all rows of a form, it stays, and what it works on evolves.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise

from jobs.logic.endpoints.calls import Ask
from jobs.logic.endpoints.prompts import fenced
from jobs.logic.row import Message
from jobs.logic.synth import drafting, wording
from jobs.logic.synth.candidate import Arm, Made, Plan, Pooled, Seed, State, arm_of
from jobs.logic.synth.drafting import NotMade, Talk
from jobs.logic.synth.kit import Kit, planned
from jobs.logic.synth.overlap import rouge_l, units
from jobs.logic.synth.wording import OPERATIONS

OF_MATERIAL = ("concretise", "complicate", "breadth")
"""Operations that fit where only the material can evolve."""
SAME = 0.95
"""ROUGE-L to its parent from which on nothing was gained, whoever is asked."""
LONGER, NEW = 1.2, 0.2
"""Times as long as its parent, with fewer new units than this share of what was added: that is more words alone."""
GAINS = ("gain", "only-longer", "same")
ANSWER_SHOTS = 3


@dataclass(frozen=True)
class Step:
    """Of one candidate."""

    parent: Seed
    operation: str
    round: int
    """That the candidate would be of."""
    shots: tuple[Seed, ...]
    """For the form of the answer."""


class EvolInstruct:
    """The method; see `Method`."""

    name = "evol_instruct"

    def __init__(self, kit: Kit, rounds: int) -> None:
        self._kit = kit
        self._rounds = rounds

    def plan(self, number: int, rng: random.Random, state: State) -> Plan | None:
        arm = arm_of(number, state.control)
        entries = [entry for entry in state.pool if entry.arm == arm and entry.round < self._rounds]
        if not entries or not state.seeds(arm):
            return None
        # Every entry has a turn, then what came of them has, round by round, before one has its second.
        fewest = min((entry.turns, entry.round) for entry in entries)
        parent, _, before, _ = rng.choice([entry for entry in entries if (entry.turns, entry.round) == fewest])
        is_fixed = self._kit.parts(parent.prompt).form.is_fixed
        operation = rng.choice(OF_MATERIAL if is_fixed else OPERATIONS)
        shots = tuple(seed for seed in self._kit.shots(parent, rng, arm, state, ANSWER_SHOTS + 1, 0))
        return planned(number, self.name, arm, rng, (parent,), Step(parent, operation, before + 1, shots))

    async def make(self, plan: Plan, ask: Ask) -> Made:
        return await drafting.carried_out(plan, ask, self._work)

    async def _work(self, talk: Talk) -> tuple[Message, ...]:
        step: Step = talk.plan.data
        kit, parent = self._kit, step.parent
        talk.notes.update(operation=step.operation, round=step.round)
        parts = kit.parts(parent.prompt)
        slots = parts.form.slots
        messages = kit.wording.messages(
            "evol",
            given=wording.shots([kit.shown(parent, slots)]),
            frame=fenced(parts.form.frame()),
            operation=kit.wording.prompts.text(f"evol_{step.operation}"),
            lengths=kit.lengths(parent, slots),
            fields=wording.fields(slots),
            reply=wording.fields(slots),
        )
        said = await talk.value("evolve", messages, wording.schema(wording.texts(*slots)), kit.writing)
        values = tuple(said[name] for name in slots)
        prompt = drafting.prompt_of(parts.form, values)
        drafting.looked_at(kit, (), parts.form, values, "", known=(parent.prompt,))
        self._not_the_same(parts.telling, "\n".join(values))
        await self._gains(talk, parent.prompt, prompt)
        answer = await drafting.answered(talk, kit, parent, step.shots, prompt)
        drafting.looked_at(kit, step.shots, parts.form, values, answer, known=(parent.prompt,))
        return drafting.conversation(parent, prompt, answer)

    def _not_the_same(self, before: str, after: str) -> None:
        """Raises NotMade where the texts alone show that nothing, or nothing but length, was gained."""
        by_characters = self._kit.by_characters
        if rouge_l(before, after, by_characters) >= SAME:
            raise NotMade("no-gain", after, after)
        old, new = units(before, by_characters), units(after, by_characters)
        added = len(new) - len(old)
        unseen = len(_pairs(new) - _pairs(old))
        if len(new) >= LONGER * len(old) and unseen < NEW * added:
            raise NotMade("only-longer", after, after)

    async def _gains(self, talk: Talk, before: str, after: str) -> None:
        """Raises NotMade where the model says that the new request asks for no more than the old one."""
        messages = self._kit.wording.scorers_messages("evol_gain", before=fenced(before), after=fenced(after))
        schema = wording.schema({"gain": {"enum": list(GAINS)}})
        said = await talk.value("gain", messages, schema, self._kit.answering)
        talk.notes["gain"] = said["gain"]
        if said["gain"] != "gain":
            raise NotMade("no-gain" if said["gain"] == "same" else "only-longer", after, after)


def first_pool(best: tuple[Seed, ...], drawn: tuple[Seed, ...]) -> tuple[Pooled, ...]:
    """The pool before anything was evolved."""
    arms: tuple[tuple[Arm, tuple[Seed, ...]], ...] = (("best", best), ("random", drawn))
    return tuple(Pooled(seed, arm, 0) for arm, seeds in arms for seed in seeds)


def _pairs(of: list[str]) -> set[tuple[str, str]]:
    return set(pairwise(of))
