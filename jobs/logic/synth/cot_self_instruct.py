"""CoT-Self-Instruct (Yu et al. 2025): plan, write, answer; then the request is answered k times anew.

Where answers can be compared, most of the new ones must be what was written (answer-consistency). Where they cannot, a
scorer scores them and the worst decides (RIP); the best is the answer. Reasoning is kept beside the row, never in it.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Any

from jobs.logic.endpoints.calls import Answer, Ask
from jobs.logic.endpoints.prompts import fenced
from jobs.logic.row import Message
from jobs.logic.synth import comparable, drafting, wording
from jobs.logic.synth.candidate import Made, Plan, Seed, State, arm_of
from jobs.logic.synth.drafting import NotMade, Talk
from jobs.logic.synth.kit import Kit, planned
from jobs.logic.synth.scores import Scorer, why_not
from jobs.logic.text import markup

HUMAN_SHOTS, MADE_SHOTS = 4, 0


@dataclass(frozen=True)
class Draft:
    """Of one candidate."""

    lead: Seed
    shots: tuple[Seed, ...]
    topic: str


@dataclass(frozen=True)
class Reply:
    """One of the k answers."""

    thoughts: str
    text: str


class CotSelfInstruct:
    """The method; see `Method`."""

    name = "cot_self_instruct"

    def __init__(self, kit: Kit, replies: int, scorer: Scorer | None) -> None:
        """`replies`: k, three at least for a majority to mean something."""
        self._kit, self._replies, self._scorer = kit, replies, scorer

    def plan(self, number: int, rng: random.Random, state: State) -> Plan | None:
        arm = arm_of(number, state.control)
        if not state.seeds(arm):
            return None
        lead = rng.choice(state.seeds(arm))
        shots = self._kit.shots(lead, rng, arm, state, HUMAN_SHOTS, MADE_SHOTS)
        draft = Draft(lead, shots, rng.choice(self._kit.topics))
        return planned(number, self.name, arm, rng, (lead, *shots), draft)

    async def make(self, plan: Plan, ask: Ask) -> Made:
        return await drafting.carried_out(plan, ask, self._work)

    async def _work(self, talk: Talk) -> tuple[Message, ...]:
        draft: Draft = talk.plan.data
        kit, lead = self._kit, draft.lead
        form = kit.parts(lead.prompt).form
        names = (*form.slots, "answer")
        messages = kit.wording.messages(
            "cot",
            shots=wording.shots([kit.shown(seed, names) for seed in draft.shots]),
            frame=fenced(form.frame()),
            topic=draft.topic,
            lengths=kit.lengths(lead, names),
            fields=wording.fields(form.slots),
            reply=wording.fields(("plan", *names)),
        )
        said = await talk.value("write", messages, wording.schema(wording.texts("plan", *names)), kit.writing)
        talk.notes["reasoning"] = said["plan"]
        values = tuple(said[name] for name in form.slots)
        prompt = drafting.prompt_of(form, values)
        written = drafting.must_answer(said["answer"], prompt)
        drafting.looked_at(kit, draft.shots, form, values, written)
        replies = await self._answers(talk, draft, prompt)
        best = await self._settled(talk, draft, prompt, written, replies)
        drafting.looked_at(kit, draft.shots, form, values, best.text)
        talk.notes["thoughts"] = best.thoughts
        return drafting.conversation(lead, prompt, best.text)

    async def _answers(self, talk: Talk, draft: Draft, prompt: str) -> list[Reply | None]:
        """The k answers; None for each that failed, is empty or has tokens or tags in its thoughts."""
        kit, names = self._kit, (*self._kit.parts(draft.lead.prompt).form.slots, "answer")
        messages = kit.wording.messages(
            "cot_answer",
            shots=wording.shots([kit.shown(seed, names) for seed in draft.shots]),
            standing=kit.wording.standing(draft.lead.system),
            prompt=fenced(prompt),
            lengths=kit.lengths(draft.lead, ["answer"]),
        )
        schema = wording.schema(wording.texts("thoughts", "answer"))
        asked = [talk.answer("reply", messages, schema, kit.writing) for _ in range(self._replies)]
        return [_reply(answer) for answer in await asyncio.gather(*asked)]

    async def _settled(self, talk: Talk, draft: Draft, prompt: str, written: str, replies: list[Reply | None]) -> Reply:
        """The answer that stays, with its thoughts; raises NotMade where none does."""
        said = [reply for reply in replies if reply]
        labels = self._kit.group(draft.lead).labels
        expected = comparable.key(written, prompt, labels)
        if expected is not None:
            keys = [comparable.key(reply.text, prompt, labels) if reply else None for reply in replies]
            talk.notes["replies"] = {"agreeing": keys.count(expected), "asked": len(replies)}
            if not comparable.agreeing(expected, keys):
                texts = "; ".join(reply.text if reply else "failed" for reply in replies)
                raise NotMade("inconsistent-answers", f"{written}: {keys.count(expected)} of {len(keys)}: {texts}")
            first = next(reply for reply, key in zip(replies, keys, strict=True) if reply and key == expected)
            return Reply(first.thoughts, written)
        if self._scorer is None:
            raise NotMade("not-comparable", written)
        if len(said) < len(replies):
            raise NotMade("inconsistent-answers", f"{len(replies) - len(said)} of {len(replies)} replies failed")
        return await self._best(talk, self._scorer, draft, prompt, said)

    async def _best(self, talk: Talk, scorer: Scorer, draft: Draft, prompt: str, said: list[Reply]) -> Reply:
        """The reply with the highest mean; raises NotMade unless the worst one passes (RIP)."""
        asked = [
            scorer.score(drafting.conversation(draft.lead, prompt, reply.text), None, f"{self.name}/reply score")
            for reply in said
        ]
        found = await asyncio.gather(*asked)
        talk.call_ids.extend(scored.call_id for scored in found)
        talk.scores["replies"] = [scored.mean for scored in found]
        ranked: list[tuple[float, int]] = []
        for place, scored in enumerate(found):
            no = why_not(scored, scorer.rubric)
            if no:
                reason, evidence = no
                raise NotMade("low-replies" if reason == "low-score" else reason, evidence, said[place].text)
            ranked.append((scored.mean or 0.0, -place))
        return said[-max(ranked)[1]]


def _reply(answer: Answer) -> Reply | None:
    if answer.failure is not None:
        return None
    fields: dict[str, Any] = answer.value
    thoughts, text = drafting.tidied(fields["thoughts"]), drafting.tidied(fields["answer"])
    is_plain = markup.control_token(thoughts) is None and markup.stray_think_tag(thoughts, answers=False) is None
    return Reply(thoughts, text) if text and is_plain else None
