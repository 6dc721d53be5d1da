"""Do the answers of what ships hold where prompts are longer than any that was trained? The rules are verify's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jobs.checks.behaviour import Generation, MeasureConfig, behaviours
from jobs.core.model import Count, Several, StrictModel
from jobs.core.rule import Gate, Skip
from jobs.logic.pages.amounts import beside, percent, score
from jobs.logic.parity.lengths import rows_within, times_within

Prompts = Mapping[int, Mapping[str, list[int]]]
"""Times the longest trained row to row to the ids of its prompt at that length."""


class LengthsConfig(StrictModel):
    """How long, and on how many prompts."""

    times: list[Several]
    """Multiples of the longest trained row that prompts are stretched to."""
    num_rows: Count
    """Held-out rows of `smoke` that are asked at each length."""
    max_tokens: Count
    """Prompt tokens at each length; fewer rows are asked where they would be more."""
    model_length: Count | str
    """Tokens that the model was trained to attend to; auto: its config's."""


class LengthLimits(StrictModel):
    """What an answer to a longer prompt must still be."""

    min_stop_rate: float
    max_agreement_loss: float
    """Below the agreement of the same rows at their own length."""


class Stretched(StrictModel):
    """A line of `lengths.jsonl`: the answer to a prompt of `times` the longest row."""

    times: int
    num_prompt_tokens: int
    answer: Generation


class AtLength(StrictModel):
    """What one artefact does at one length, under the default prompt."""

    artifact: str
    times: int
    """Of the longest trained row, the prompt with its answer apart; 1: each row's own prompt."""
    num_rows: int
    shortest: int
    longest: int
    """Tokens of the prompts."""
    stop_rate: float
    agreement: float
    exact_rate: float


class LengthFacts(StrictModel):
    """Every file that ships, on the same rows at their own length and at longer ones."""

    longest_row: int
    """Tokens of the longest row that was trained."""
    longest_prompt: int
    """Tokens of the longest prompt that was asked as it is."""
    most: int
    """Tokens that the model attends to."""
    budget: int
    """Tokens that an answer may take."""
    times: list[int]
    """What was asked for."""
    too_long: list[int]
    """Of these, what the model has no room for."""
    num_rows: int
    """Rows whose prompts could be stretched."""
    found: list[AtLength]

    def of(self, artifact: str) -> dict[int, AtLength]:
        """Times to what was found, shortest first."""
        return {one.times: one for one in sorted(self.found, key=lambda one: one.times) if one.artifact == artifact}

    @property
    def sizes(self) -> dict[int, int]:
        """Times to the most tokens of a prompt, of the lengths that there is room for."""
        return {times: times * self.longest_row for times in self.times if times not in self.too_long}

    @property
    def artifacts(self) -> list[str]:
        return list(dict.fromkeys(one.artifact for one in self.found))

    def lines(self) -> list[tuple[str, str]]:
        return [
            (
                f"{one.artifact}, prompts of {tokens(one)}",
                f"stops {percent(one.stop_rate)}, agreement {score(one.agreement)} "
                f"({score(self.of(one.artifact)[1].agreement)} at their own length), {one.num_rows} rows",
            )
            for one in self.found
            if one.times > 1
        ]


def asked(cfg: LengthsConfig, facts: Mapping[str, Mapping[str, Any]]) -> LengthFacts:
    """Which lengths are asked, from what fetch, preflight and smoke measured; nothing is answered yet."""
    longest, length = facts["preflight"]["train"]["longest"], facts["fetch"]["length"]
    most = min(length, cfg.model_length) if isinstance(cfg.model_length, int) else length
    budget = facts["smoke"]["max_new_tokens"]
    fits = times_within(cfg.times, longest, budget, most)
    return LengthFacts(
        longest_row=longest,
        longest_prompt=0,
        most=most,
        budget=budget,
        times=cfg.times,
        too_long=[times for times in cfg.times if times not in fits],
        num_rows=0,
        found=[],
    )


def num_rows(cfg: LengthsConfig, before: LengthFacts) -> int:
    """How many rows are asked at each length; fewer than the multiple of the longest prompt asked for, where too many
    tokens would come of it."""
    return rows_within(cfg.num_rows, max(before.sizes.values(), default=0), cfg.max_tokens)


def measured(
    before: LengthFacts,
    prompts: Prompts,
    lines: Sequence[Stretched],
    artifacts: Sequence[str],
    answered: Mapping[tuple[str, str, str], Generation],
    rows: Sequence[Mapping[str, Any]],
    measure: MeasureConfig,
) -> tuple[LengthFacts, int]:
    """What the lines show, and how many of them are missing.

    `answered`: the answers at the rows' own length by (row, artefact, prompt); `rows`: those of prompts.jsonl, with the
    references.
    """
    own = {
        artifact: {name: one for (name, who, prompt), one in answered.items() if (who, prompt) == (artifact, "default")}
        for artifact in artifacts
    }
    by_name = {row["id"]: row for row in rows}
    names = list(dict.fromkeys(name for found in prompts.values() for name in found))
    written = {(one.answer.model, one.times, one.answer.id, one.num_prompt_tokens): one.answer for one in lines}
    said: dict[tuple[str, int], list[tuple[Generation, int]]] = {}
    for artifact, answers in own.items():
        said[artifact, 1] = [(answers[name], len(by_name[name]["prompt_ids"])) for name in names if name in answers]
        for times, found in prompts.items():
            there = [(written.get((artifact, times, name, len(ids))), len(ids)) for name, ids in found.items()]
            said[artifact, times] = [
                (one.model_copy(update={"reference": by_name[one.id]["reference"]}), size)
                for one, size in there
                if one is not None
            ]
    num_asked = len(own) * sum(len(found) for found in prompts.values())
    num_answered = sum(len(found) for (_, times), found in said.items() if times > 1)
    seen = at_lengths({key: found for key, found in said.items() if found}, measure)
    asked_as_is = [len(by_name[name]["prompt_ids"]) for answers in own.values() for name in answers if name in by_name]
    facts = {"num_rows": len(names), "longest_prompt": max(asked_as_is, default=0), "found": seen}
    return before.model_copy(update=facts), num_asked - num_answered


def at_lengths(
    answers: Mapping[tuple[str, int], Sequence[tuple[Generation, int]]], measure: MeasureConfig
) -> list[AtLength]:
    """(artefact, times) to (answer, tokens of its prompt), as facts; what has no answer is left out."""
    named = {f"{artifact} at {times}": (artifact, times) for artifact, times in answers}
    said = [
        one.model_copy(update={"model": label, "prompt": "default"})
        for label, key in named.items()
        for one, _ in answers[key]
    ]
    found = []
    for one in behaviours(said, [], measure):
        sizes = [tokens_ for _, tokens_ in answers[named[one.model]]]
        artifact, times = named[one.model]
        found.append(
            AtLength(
                artifact=artifact,
                times=times,
                num_rows=one.num_rows,
                shortest=min(sizes),
                longest=max(sizes),
                stop_rate=one.stop_rate,
                agreement=one.agreement,
                exact_rate=one.exact_rate,
            )
        )
    return found


def tokens(one: AtLength) -> str:
    """The length of the prompts in words."""
    return f"{one.longest:,} tokens" if one.shortest == one.longest else f"{one.shortest:,} to {one.longest:,} tokens"


def lost(own: AtLength, one: AtLength, limits: LengthLimits) -> list[str]:
    """What does not hold at a length, in words."""
    found = []
    if not one.stop_rate >= limits.min_stop_rate:
        shown, least = beside(one.stop_rate, limits.min_stop_rate, percent)
        found.append(f"{shown} of the answers stop, the least is {least}")
    loss = own.agreement - one.agreement
    if not loss <= limits.max_agreement_loss:
        shown, most = beside(loss, limits.max_agreement_loss, score)
        found.append(
            f"agreement {score(one.agreement)} and {score(own.agreement)} at their own length, {shown} less; the most "
            f"is {most}"
        )
    return found


def held(facts: LengthFacts, limits: LengthLimits, artifact: str) -> AtLength | None:
    """The longest length at which the artefact holds, and at every shorter one; None where nothing was measured."""
    found = facts.of(artifact)
    best = found.get(1)
    for times, one in found.items():
        if times > 1 and best is not None:
            if lost(found[1], one, limits):
                break
            best = one
    return best


def reach(facts: LengthFacts, limits: LengthLimits, artifact: str) -> int | None:
    """Tokens of the longest prompt that was measured to hold; None where nothing was measured.

    Prompts as they are hold where verify's other rules pass; of some of them is known what longer ones do.
    """
    best = held(facts, limits, artifact)
    return max(best.longest if best else 0, facts.longest_prompt) or None


def context(facts: LengthFacts, limits: LengthLimits, artifact: str) -> int | None:
    """Tokens of context to run it with: the longest prompts that held and an answer, no less than a trained row.

    Never more than the model attends to; None where nothing was measured.
    """
    longest = reach(facts, limits, artifact)
    return None if longest is None else min(facts.most, max(facts.longest_row, longest + facts.budget))


def context_said(facts: LengthFacts, limits: LengthLimits, artifact: str) -> str:
    """Why that context, in words; empty where there is none."""
    longest, chosen = reach(facts, limits, artifact), context(facts, limits, artifact)
    if longest is None or chosen is None:
        return ""
    why = f"prompts held up to {longest:,} tokens, and an answer may take {facts.budget:,}"
    if chosen == facts.most:
        return f"{chosen:,} tokens: {why}; more than these the model does not attend to"
    if chosen > longest + facts.budget:
        return f"{chosen:,} tokens: the longest row, for {why}"
    return f"{chosen:,} tokens: {why}"


def length_said(facts: LengthFacts, limits: LengthLimits, artifact: str) -> str:
    """Up to which length the artefact was measured to hold, in sentences."""
    found, best = facts.of(artifact), held(facts, limits, artifact)
    longer = [one for one in found.values() if one.times > 1]
    if best is None or not longer:
        return f"Longer prompts were not measured{_why_not(facts)}."
    said = []
    if best.times > 1:
        said.append(
            f"With other documents in front, prompts of up to {best.longest:,} tokens hold: of {best.num_rows} at "
            f"{tokens(best)}, {percent(best.stop_rate)} of the answers end by themselves, agreement "
            f"{score(best.agreement)}, {score(found[1].agreement)} at their own length."
        )
    fallen = next((one for one in longer if one.times > best.times), None)
    if fallen is not None:
        said.append(
            f"Longer prompts do not hold: with other documents in front, at {tokens(fallen)} "
            f"{percent(fallen.stop_rate)} of {fallen.num_rows} answers end by themselves, agreement "
            f"{score(fallen.agreement)}, {score(found[1].agreement)} at their own length."
        )
    else:
        said.append(f"Longer ones were not measured{_why_not(facts)}.")
    return " ".join(said)


def tried(facts: LengthFacts, artifact: str) -> str:
    """How far was tried, in words."""
    longest = max((one.longest for one in facts.of(artifact).values() if one.times > 1), default=0)
    return f"up to {longest:,} were tried" if longest else "longer ones were not tried"


def _why_not(facts: LengthFacts) -> str:
    if facts.too_long:
        asked = " and ".join(f"{one} times" for one in facts.too_long)
        return f": {asked} the longest row and an answer are more than the {facts.most:,} tokens the model attends to"
    return "" if facts.num_rows else ": no held-out prompt could be stretched"


def table(facts: LengthFacts, limits: LengthLimits) -> dict[str, list[Any]] | None:
    """Every artefact at every length, for the pages; None where nothing was measured."""
    rows = [
        [
            one.artifact, tokens(one), f"{one.times} × the longest row" if one.times > 1 else "as they are",
            percent(one.stop_rate), score(one.agreement), percent(one.exact_rate), f"{one.num_rows:,}",
            "" if one.times == 1 else "no" if lost(facts.of(one.artifact)[1], one, limits) else "yes",
        ]
        for artifact in facts.artifacts
        for one in facts.of(artifact).values()
    ]  # fmt: skip
    heads = ["artefact", "prompts", "length", "stops", "agreement", "exact", "answers", "holds"]
    return {"heads": heads, "rows": rows} if rows else None


def register(gate: Gate[Any, Any]) -> None:
    """Add the rules to verify's gate."""
    gate.rule("040", "falls-off-with-length", level="warn")(falls_off_with_length)
    gate.rule("041", "length-not-measured", level="warn")(length_not_measured)


def falls_off_with_length(facts: Any, limits: Any) -> Iterator[str]:
    """A file that ships no longer answers as it was trained to where prompts are longer than the rows.

    Why: a small set of short rows teaches a form and its length; users paste longer text, and get loops.
    Fix: train on rows as long as what will be sent; until then say the length: the card and num_ctx do.
    """
    found = facts.lengths
    if not any(one.times > 1 for one in found.found):
        raise Skip("no longer prompt was asked")
    for artifact in found.artifacts:
        at = found.of(artifact)
        for one in at.values():
            said = lost(at[1], one, limits.lengths) if one.times > 1 and 1 in at else []
            if said:
                yield f"{artifact}, {one.num_rows} prompts of {tokens(one)}: {'; '.join(said)}"


def length_not_measured(facts: Any, limits: Any) -> Iterator[str]:
    """A length that was to be asked was not.

    Why: what an answer to a longer prompt is like is then not known; nothing is told of it.
    Fix: hold out at least two rows that end in a user's turn; take a base that attends to more, or ask for fewer
    verify.lengths.times.
    """
    found = facts.lengths
    for times in found.too_long:
        needed = times * found.longest_row + found.budget
        yield f"{times} times the longest row and an answer are {needed:,} tokens, the most is {found.most:,}"
    if not found.num_rows and len(found.too_long) < len(found.times):
        yield "0 held-out prompts could be stretched, the least is 1"
