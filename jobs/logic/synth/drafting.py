"""Asking for the parts of a candidate, and what must hold of any that is drafted, whatever the method."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from jobs.logic.endpoints.calls import Answer, Ask, Call, Sampling
from jobs.logic.endpoints.prompts import fenced
from jobs.logic.row import Message, shown
from jobs.logic.synth import wording
from jobs.logic.synth.addressing import addressed
from jobs.logic.synth.candidate import Made, Plan, Seed
from jobs.logic.synth.forms import Form
from jobs.logic.synth.kit import SEEDS, Kit
from jobs.logic.synth.overlap import rouge_l
from jobs.logic.text import declines, markup, refusals
from jobs.logic.text.wanted import Asked

COPY, LONG_ANSWER = 0.9, 40
"""ROUGE-L to an example from which on it is a copy; characters from which on an answer is a text, no label."""
META = re.compile(
    r"\b(?:(?:rewritten|evolved) prompt|#(?:given|rewritten|created) prompt#|as in the examples?"
    r" (?:above|before|given|shown)|like the (?:other )?examples above"
    r"|here(?: i|')s (?:another|(?:a|one) (?:new|further|more)) (?:example|request|instruction)"
    r"|training (?:set|data) (?:example|request|row))\b"
    r"|(?:元の(?:依頼|指示|プロンプト)|書き換え(?:た|後の)(?:依頼|指示|プロンプト)|上の例と(?:同じ|同様)|新しい事例(?:です|を)|学習用データの事例)",
    re.IGNORECASE,
)
"""Talk about the task of writing examples, and no part of one."""
POINTS = re.compile(
    r"\b(?:(?:the )?(?:following|below|given|above)(?: \w+)? (?:text|article|passage|paragraph|sentences?"
    r"|story|email|code|table|list|data|document|poem|essay|review)\b"
    r"|(?:the )?(?:text|article|passage|paragraph|code|table|email) (?:below|above))"
    r"|(?:次|以下|下記|上記)の(?:文章|文|記事|テキスト|段落|コード|表|データ|メール|リスト|会話|資料|文書)",
    re.IGNORECASE,
)
"""A prompt that speaks of a text beside it."""
DECLINED = re.compile(
    r"\W{0,3}(?:i'?m |i am )?(?:sorry|afraid|unfortunately|as an ai)\b[^.\n]{0,60}(?:can ?not|can'?t|unable to|won'?t)"
    r" (?:rewrite|evolve|create|generate|write|provide|produce)\b"
    r"|(?:申し訳|恐れ入り|すみません)[^\n]{0,40}(?:書き換え|作成|生成|変更|提供)[^\n]{0,12}(?:できません|かねます)",
    re.IGNORECASE,
)
"""A model that will not write, where a request should stand; people's requests open with apologies too."""
LEAST_MATERIAL = 3
"""Characters of a text that is spoken of, beside the sentence that does: there are short ones to translate."""
ESCAPED, LEAST_ESCAPED = "\\n", 2
"""A line break that was escaped once too often; one of them may stand in a line of code."""
WRAPPED = 60
"""Characters at the start of a value in which a field of JSON begins."""
SENTENCE_END = re.compile(r"[。.!?！？:：\n]")


class NotMade(Exception):
    """Why nothing came of a plan."""

    def __init__(self, reason: str, evidence: str, raw: str = "") -> None:
        super().__init__(reason)
        self.reason, self.evidence, self.raw = reason, evidence, raw


class Talk:
    """The calls of one candidate, one after the other; each draws by a seed of its own."""

    def __init__(self, plan: Plan, ask: Ask) -> None:
        self.plan = plan
        self.notes: dict[str, Any] = {}
        self.scores: dict[str, Any] = {}
        self.call_ids: list[str] = []
        self._ask = ask
        self._number = 0

    async def answer(
        self, step: str, messages: tuple[Message, ...], schema: Mapping[str, Any], sampling: Sampling
    ) -> Answer:
        """What came back, whatever is wrong with it."""
        drawn = replace(sampling, seed=(self.plan.seed + self._number) % SEEDS)
        self._number += 1
        place = len(self.call_ids)
        self.call_ids.append("")  # in the order in which they are asked, whatever the order of answers
        answer = await self._ask(Call(messages, drawn, schema, f"{self.plan.method}/{step}"))
        self.call_ids[place] = answer.call_id
        return answer

    async def value(
        self, step: str, messages: tuple[Message, ...], schema: Mapping[str, Any], sampling: Sampling
    ) -> dict[str, Any]:
        """The fields that came back; raises NotMade where there are none."""
        answer = await self.answer(step, messages, schema, sampling)
        if answer.failure is not None:
            raise NotMade(answer.failure, answer.evidence, answer.text)
        return {name: tidied(said) for name, said in answer.value.items()}


async def carried_out(plan: Plan, ask: Ask, work: Callable[[Talk], Awaitable[tuple[Message, ...]]]) -> Made:
    """A plan with what came of it."""
    talk = Talk(plan, ask)
    try:
        messages = await work(talk)
    except NotMade as no:
        ids = tuple(talk.call_ids)
        return Made(plan, None, no.reason, shown(no.evidence), no.raw, ids, talk.scores, talk.notes)
    return Made(plan, messages, None, "", "", tuple(talk.call_ids), talk.scores, talk.notes)


def conversation(lead: Seed, prompt: str, answer: str) -> tuple[Message, ...]:
    """The made row: the lead's system message as it is, one turn of the user and its answer."""
    system = (lead.system,) if lead.system else ()
    return (*system, Message("user", prompt), Message("assistant", answer))


async def answered(talk: Talk, kit: Kit, lead: Seed, examples: Sequence[Seed], prompt: str) -> str:
    """The model's answer to a finished prompt, after the examples' answers; raises NotMade where it finds none."""
    names = [*kit.parts(lead.prompt).form.slots, "answer"]
    messages = kit.wording.messages(
        "answer",
        shots=wording.shots([kit.shown(seed, names) for seed in examples]),
        standing=kit.wording.standing(lead.system),
        prompt=fenced(prompt),
        lengths=kit.lengths(lead, ["answer"]),
    )
    said = await talk.value("answer", messages, wording.schema(wording.texts("answer")), kit.answering)
    return must_answer(said["answer"], prompt)


def must_answer(answer: str, prompt: str) -> str:
    """The answer; raises NotMade where it is none."""
    if not answer:
        raise NotMade("cannot", f"left empty: {prompt}")
    refused = refusals.refusal(answer)
    if refused and not declines.is_answer(answer, Asked(prompt)):
        raise NotMade("cannot", refused, answer)
    return answer


def prompt_of(form: Form, values: Sequence[str]) -> str:
    """The prompt with what the model wrote in its slots; raises NotMade where a part is empty."""
    for name, value in zip(form.slots, values, strict=True):
        if not value:
            raise NotMade("empty-part", name)
    return form.fill(values)


def looked_at(
    kit: Kit, examples: Sequence[Seed], form: Form, values: Sequence[str], answer: str, known: Sequence[str] = ()
) -> None:
    """Raises NotMade for what no method keeps. What a row alone is worth is for the checks that all rows go through.

    `known`: texts besides the examples whose words the candidate may have.
    """
    prompt, written = form.fill(values), "\n".join((*values, answer))
    token = markup.control_token(written)
    if token:
        raise NotMade("control-tokens", token, written)
    shared = [text for seed in examples for text in (seed.prompt, seed.answer)] + list(known)
    broken = _broken_field((*values, answer), (*form.slots, "answer"), shared)
    if broken:
        raise NotMade("broken-field", broken, written)
    told = addressed("\n".join(values), answer)
    if told:
        raise NotMade("addresses-scorer", told, written)
    copied = _spoken_of(written, shared) or kit.wording.copied(written, shared)
    if copied:
        raise NotMade("copies-prompt", copied, written)
    telling = "\n".join(values).replace("’", "'")
    declined = DECLINED.match(telling)
    refused = declined[0] if declined else refusals.refusal(telling)
    if refused:
        raise NotMade("cannot", refused, written)
    copy = _copied_seed(kit, examples, "\n".join(values), answer)
    if copy:
        raise NotMade("copies-seed", copy, written)
    missing = _missing_material(prompt)
    if missing:
        raise NotMade("no-material", missing, written)


def tidied(said: Any) -> Any:
    """A text without white space at its ends and carriage returns."""
    return said.replace("\r\n", "\n").strip() if isinstance(said, str) else said


def _broken_field(values: Sequence[str], names: Sequence[str], known: Sequence[str]) -> str | None:
    """What of a value is the dress of a JSON answer, where the set's own rows have none of it."""
    for value in values:
        slot = next((name for name in names if f"[{name}]" in value), None)
        if slot:
            return f"[{slot}]"
        head = value[:WRAPPED]
        if head.startswith("{") and any(f'"{name}":' in head for name in names) and not _any_has(known, "{"):
            return head
        if value.count(ESCAPED) >= LEAST_ESCAPED and "\n" not in value and not _any_has(known, ESCAPED):
            return ESCAPED
    return None


def _any_has(texts: Sequence[str], sign: str) -> bool:
    return any(sign in text for text in texts)


def _spoken_of(written: str, known: Sequence[str]) -> str | None:
    """Talk about examples, where none of the set's own rows talks so."""
    found = META.search(written)
    return found[0] if found and not any(META.search(text) for text in known) else None


def _copied_seed(kit: Kit, examples: Sequence[Seed], telling: str, answer: str) -> str | None:
    for seed in examples:
        if rouge_l(telling, kit.telling(seed.prompt), kit.by_characters) >= COPY:
            return seed.prompt
        if len(answer) >= LONG_ANSWER and answer == seed.answer:
            return seed.answer
    return None


def _missing_material(prompt: str) -> str | None:
    """The words that speak of a text which is not there: nothing stands before the sentence or behind it."""
    found = POINTS.search(prompt)
    if not found or any(sign in prompt for sign in "「\"“'`"):
        return None
    end = SENTENCE_END.search(prompt, found.end())
    rest = prompt[end.end() :].strip() if end else ""
    is_before = SENTENCE_END.search(prompt, 0, found.start()) is not None
    return None if is_before or len(rest) >= LEAST_MATERIAL else found[0]
