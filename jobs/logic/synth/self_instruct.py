"""Self-Instruct (Wang et al. 2023): a new request after eight examples, then its instance.

Six examples are of the set and, as soon as there are some, two of what was made. Where the instruction is the same for
all rows of a form it is not asked for. A request whose right answers are a few labels is made from the answer back
(output-first), so that not all of them get the same one; any other from the input on (input-first).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from jobs.logic.endpoints.calls import Ask
from jobs.logic.endpoints.prompts import fenced
from jobs.logic.row import Message
from jobs.logic.synth import drafting, wording
from jobs.logic.synth.candidate import Made, Plan, Seed, State, arm_of
from jobs.logic.synth.drafting import NotMade, Talk
from jobs.logic.synth.forms import Form
from jobs.logic.synth.kit import Kit, planned

MOST_LABELS = 12
LONGEST_LABEL = 60
"""Characters."""


@dataclass(frozen=True)
class Draft:
    """Of one candidate."""

    lead: Seed
    shots: tuple[Seed, ...]
    topic: str
    turn: float
    """0 to 1: which of the labels is to be the answer, where the answer is one."""


class SelfInstruct:
    """The method; see `Method`."""

    name = "self_instruct"

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    def plan(self, number: int, rng: random.Random, state: State) -> Plan | None:
        arm = arm_of(number, state.control)
        if not state.seeds(arm):
            return None
        lead = rng.choice(state.seeds(arm))
        shots = self._kit.shots(lead, rng, arm, state)
        draft = Draft(lead, shots, rng.choice(self._kit.topics), rng.random())
        return planned(number, self.name, arm, rng, (lead, *shots), draft)

    async def make(self, plan: Plan, ask: Ask) -> Made:
        return await drafting.carried_out(plan, ask, self._work)

    async def _work(self, talk: Talk) -> tuple[Message, ...]:
        draft: Draft = talk.plan.data
        lead = draft.lead
        form = self._kit.parts(lead.prompt).form
        given: tuple[str, ...] = ()
        labels = self._kit.group(lead).drawn_labels if form.is_fixed else ()
        if not form.is_fixed:
            given, labels = await self._instruction(talk, draft, form)
        label = labels[int(draft.turn * len(labels))] if labels else None
        missing = form.slots[len(given) :]
        talk.notes["order"] = "output-first" if label and missing else "input-first"
        if not missing:
            prompt = drafting.prompt_of(form, given)
            answer = await drafting.answered(talk, self._kit, lead, draft.shots, prompt)
            drafting.looked_at(self._kit, draft.shots, form, given, answer)
            return drafting.conversation(lead, prompt, answer)
        said = await self._instance(talk, draft, form, given, label)
        values = (*given, *(said[name] for name in missing))
        prompt = drafting.prompt_of(form, values)
        answer = label or drafting.must_answer(said["answer"], prompt)
        drafting.looked_at(self._kit, draft.shots, form, values, answer)
        return drafting.conversation(lead, prompt, answer)

    async def _instruction(self, talk: Talk, draft: Draft, form: Form) -> tuple[tuple[str], tuple[str, ...]]:
        """A new instruction, and its labels where it is a classification."""
        kit, name = self._kit, form.slots[0]
        rows = [{"instruction": kit.shown(seed, [name])[name]} for seed in draft.shots]
        messages = kit.wording.messages(
            "self_instruct_instruction",
            shots=wording.shots(rows),
            frame=fenced(form.fill(["[instruction]", *(f"[{other}]" for other in form.slots[1:])])),
            topic=draft.topic,
            lengths=kit.lengths(draft.lead, [name]).replace(f'"{name}"', '"instruction"'),
        )
        labels = {"type": "array", "items": {"type": "string"}, "maxItems": MOST_LABELS}
        kinds = wording.texts("instruction") | {"classification": {"type": "boolean"}, "labels": labels}
        said = await talk.value("instruction", messages, wording.schema(kinds), kit.writing)
        if not said["instruction"]:
            raise NotMade("empty-part", "instruction")
        found = dict.fromkeys(label.strip() for label in said["labels"] if 0 < len(label.strip()) <= LONGEST_LABEL)
        is_known = said["classification"] and len(found) > 1
        return (said["instruction"],), tuple(found) if is_known else ()

    async def _instance(
        self, talk: Talk, draft: Draft, form: Form, given: tuple[str, ...], label: str | None
    ) -> dict[str, Any]:
        """The parts that are missing, and the answer unless it is the label."""
        kit, missing = self._kit, form.slots[len(given) :]
        asked = missing if label else (*missing, "answer")
        filled = {
            "shots": wording.shots([kit.shown(seed, (*form.slots, "answer")) for seed in draft.shots]),
            "frame": fenced(form.fill([*given, *(f"[{name}]" for name in missing)])),
            "topic": draft.topic,
            "fields": wording.fields(missing),
            "reply": wording.fields(asked),
            "lengths": kit.lengths(draft.lead, asked),
        }
        name = "self_instruct_label" if label else "self_instruct_instance"
        filled |= {"label": fenced(label)} if label else {}
        step = "output-first" if label else "input-first"
        schema = wording.schema(wording.texts(*asked))
        return await talk.value(step, kit.wording.messages(name, **filled), schema, kit.writing)
