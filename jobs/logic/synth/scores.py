"""Scores of a row: a rubric, the call that asks for them, and what was said.

A score is a whole number from 1 to 5 or "cannot say", which is neither a 3 nor a pass. What is judged stands in a
fence: a text in it that says which score to give is a text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jobs.logic.endpoints.calls import Answer, Ask, Call, Sampling
from jobs.logic.endpoints.prompts import Unusable, fenced
from jobs.logic.row import Message
from jobs.logic.synth import wording
from jobs.logic.synth.wording import Wording

CANNOT_SAY = "cannot say"
SCORES = ("1", "2", "3", "4", "5", CANNOT_SAY)
LANGUAGES = ("ja", "en")
MOST_CRITERIA = 12
RUBRIC_KEYS, CRITERION_KEYS = {"least_mean", "criteria"}, {"floor", *LANGUAGES}


@dataclass(frozen=True)
class Criterion:
    """One thing that is scored."""

    name: str
    texts: Mapping[str, str]
    """What is asked, by the prompts' language."""
    floor: int
    """The least score that passes."""


@dataclass(frozen=True)
class Rubric:
    """What a row is scored by."""

    criteria: tuple[Criterion, ...]
    least_mean: float


@dataclass(frozen=True)
class Scored:
    """What a scorer said of a row."""

    scores: Mapping[str, int | None] = field(default_factory=dict)
    """By criterion; None: it cannot say."""
    grounds: str = ""
    call_id: str = ""
    failure: str | None = None
    """The name of what is wrong with the scorer's answer."""
    raw: str = ""

    @property
    def mean(self) -> float | None:
        """None where one of the criteria has no score."""
        known = [score for score in self.scores.values() if score is not None]
        return sum(known) / len(known) if known and len(known) == len(self.scores) else None

    def as_dict(self) -> dict[str, Any]:
        """As it stands beside a row: "cannot say" is said."""
        said = {name: CANNOT_SAY if score is None else score for name, score in self.scores.items()}
        return {"mean": self.mean, "criteria": said, "grounds": self.grounds, "call_id": self.call_id}


class Scorer:
    """Scores rows by one rubric with one model."""

    def __init__(self, ask: Ask, wording: Wording, rubric: Rubric, sampling: Sampling) -> None:
        self.rubric = rubric
        self._ask, self._wording, self._sampling = ask, wording, sampling

    async def score(self, messages: Sequence[Message], passage: str | None = None, purpose: str = "score") -> Scored:
        """What the model says of the first exchange of a conversation, and of the passage that it was made from."""
        call = scoring_call(messages, passage, self.rubric, self._wording, self._sampling, purpose)
        return read(await self._ask(call), self.rubric)

    async def check(
        self, question: str, messages: Sequence[Message], passage: str, purpose: str
    ) -> tuple[str, str, Answer]:
        """(`yes`, `no` or `cannot say`; the grounds; the answer) to one of CRAFT's questions."""
        prompt, answer = exchange(messages)
        asked = self._wording.scorers_messages(
            "craft_check",
            passage=fenced(passage),
            prompt=fenced(prompt),
            answer=fenced(answer),
            question=self._wording.prompts.text(question),
        )
        schema = wording.schema(wording.texts("grounds") | {"verdict": {"enum": ["yes", "no", CANNOT_SAY]}})
        said = await self._ask(Call(asked, self._sampling, schema, purpose))
        if said.failure is not None:
            return CANNOT_SAY, said.failure, said
        return said.value["verdict"], said.value["grounds"], said


def scoring_call(
    messages: Sequence[Message], passage: str | None, rubric: Rubric, words: Wording, sampling: Sampling, purpose: str
) -> Call:
    """The call that asks for scores; the scorer sees the whole prompt, and the passage where there is one."""
    prompt, answer = exchange(messages)
    names = [criterion.name for criterion in rubric.criteria]
    asked = words.scorers_messages(
        "score",
        prompt=fenced(prompt),
        answer=fenced(answer),
        standing=words.standing(messages[0] if messages[0].role == "system" else None),
        passage=words.prompts.text("score_passage", passage=fenced(passage)) + "\n" if passage else "",
        criteria="\n".join(f'"{criterion.name}": {criterion.texts[words.code]}' for criterion in rubric.criteria),
        fields=wording.fields(names),
    )
    kinds = wording.texts("grounds") | {name: {"enum": list(SCORES)} for name in names}
    return Call(asked, sampling, wording.schema(kinds), purpose)


def read(answer: Answer, rubric: Rubric) -> Scored:
    """What was said; nothing is read out of an answer that does not obey the schema."""
    if answer.failure is not None:
        return Scored(call_id=answer.call_id, failure=answer.failure, raw=answer.text)
    said = {criterion.name: answer.value[criterion.name] for criterion in rubric.criteria}
    scores = {name: None if score == CANNOT_SAY else int(score) for name, score in said.items()}
    return Scored(scores, str(answer.value.get("grounds", "")).strip(), answer.call_id, None, answer.text)


def why_not(scored: Scored, rubric: Rubric) -> tuple[str, str] | None:
    """(reason, evidence) where a row does not pass its scores."""
    if scored.failure is not None:
        return "scorer-failed", scored.failure
    unsaid = [name for name, score in scored.scores.items() if score is None]
    if unsaid or scored.mean is None:
        return "cannot-say", f"{', '.join(unsaid)}: {scored.grounds}"
    for criterion in rubric.criteria:
        score = scored.scores[criterion.name]
        if score is None or score < criterion.floor:
            return "low-score", f"{criterion.name} {score}, its floor is {criterion.floor}: {scored.grounds}"
    if not scored.mean >= rubric.least_mean:
        return "low-score", f"mean {scored.mean:.2f}, the least is {rubric.least_mean}: {scored.grounds}"
    return None


def exchange(messages: Sequence[Message]) -> tuple[str, str]:
    """The first prompt and its answer."""
    prompt = next(message.content for message in messages if message.role == "user")
    return prompt, next(message.content for message in messages if message.role == "assistant")


def rubric_of(raw: Any, file: str) -> Rubric:
    """A rubric from what a YAML file says. Raises Unusable with one line that names file and key."""
    _has_keys(raw, RUBRIC_KEYS, file, "")
    criteria = raw["criteria"]
    if not isinstance(criteria, dict) or not 0 < len(criteria) <= MOST_CRITERIA:
        raise Unusable(
            f"{file}: criteria is {_seen(criteria)}, expected 1 to {MOST_CRITERIA} names, each with its texts"
        )
    least_mean = raw["least_mean"]
    if isinstance(least_mean, bool) or not isinstance(least_mean, int | float) or not 1 <= least_mean <= 5:
        raise Unusable(f"{file}: least_mean is {_seen(least_mean)}, expected a number from 1 to 5")
    return Rubric(tuple(_criterion(name, said, file) for name, said in criteria.items()), float(least_mean))


def _criterion(name: Any, said: Any, file: str) -> Criterion:
    place = f"criteria.{name}"
    if not isinstance(name, str) or not name.isidentifier() or not name.isascii() or name == "grounds":
        raise Unusable(f"{file}: {place} is no name, expected ASCII letters, digits and _, and not `grounds`")
    _has_keys(said, CRITERION_KEYS, file, f"{place}.")
    floor = said["floor"]
    if isinstance(floor, bool) or not isinstance(floor, int) or not 1 <= floor <= 5:
        raise Unusable(f"{file}: {place}.floor is {_seen(floor)}, expected a whole number from 1 to 5")
    for language in LANGUAGES:
        if not isinstance(said[language], str) or not said[language].strip():
            raise Unusable(f"{file}: {place}.{language} is {_seen(said[language])}, expected what is asked, in words")
    return Criterion(name, {language: " ".join(said[language].split()) for language in LANGUAGES}, floor)


def _has_keys(said: Any, keys: set[str], file: str, place: str) -> None:
    expected = ", ".join(sorted(keys))
    if not isinstance(said, dict):
        raise Unusable(f"{file}: {place.rstrip('.') or 'the file'} is {_seen(said)}, expected the keys {expected}")
    for key in sorted(map(str, said)):
        if key not in keys:
            raise Unusable(f"{file}: unknown key {place}{key}, expected {expected}")
    for key in sorted(keys):
        if key not in said:
            raise Unusable(f"{file}: {place}{key} is missing, expected {expected}")


def _seen(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
