"""Answers whose form departs from the rest of their set: other marks, another language, cut off, far too long or short.

`measured` turns each answer into a few numbers, block by block; `profile` says from all of them what the set is like;
`faults` compares rows with that. A profile can be stored and applied again: what it kept, it keeps.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.logic.form import as_asked, brief, endings as ends, features, frames, norms, open_ended, traits
from jobs.logic.form.options import FormOptions as FormOptions
from jobs.logic.row import Row, shown
from jobs.logic.text import language
from jobs.logic.text.markup import without_thought

REASONS = ("", "odd-form", "other-language", "cut-off", "wrong-length")
"""Why a row departs from its set, by the number that `faults` gives; 0 is none."""
ODD_FORM, OTHER_LANGUAGE, CUT_OFF, WRONG_LENGTH = range(1, len(REASONS))
FORM = np.dtype(
    [
        ("length", np.uint32),
        ("core", np.uint32),
        ("inner", np.uint32),
        ("traits", np.uint32, (features.NUM_TRAITS,)),
        ("language", np.uint8),
        ("script", np.uint8),
        ("asked_in", np.uint8),
        ("flags", np.uint16),
        ("ending", np.uint8),
        ("opening", np.uint32),
        ("closing", np.uint32),
        ("marks", np.uint16),
        ("sign", np.uint8),
    ]
)
"""What is known of an answer, 57 bytes: `core` stands for its letters, `inner` for those between the literal words that
open and end it; `asked_in` is the prompt's language, `marks` what it has of `features.NOTED_MARKS`; `sign` stands
at the start before a number."""
Forms = NDArray[np.void]
TRAIT_FIELDS = ("odd", "required", "mixed")
TASK_PART = 12
"""Characters at either end of a prompt that tell what it asks for."""
COPY_LENGTH = 200
"""Characters of an answer that is looked for in its prompt."""


@dataclass(frozen=True)
class Profile:
    """What the answers of a set have in common."""

    num_rows: int
    odd: dict[int, int]
    """Traits of answers that are not of the set's make, and how many have each."""
    required: dict[int, int]
    """Traits that nearly all answers have, and how many."""
    mixed: dict[int, int]
    """Traits of so many answers that the set has two forms; nothing is dropped for them."""
    speech: norms.Speech
    endings: ends.Manner
    min_characters: int
    max_characters: int
    brief_tasks: list[int] | None
    """Openings and closings of prompts that want shorter answers; None where the configuration gives the least."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a JSON file."""
        plain = asdict(self)
        for name in TRAIT_FIELDS:
            plain[name] = {str(trait): num for trait, num in plain[name].items()}
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Profile:
        """The profile that `as_dict` was called on."""
        read = dict(plain)
        for name in TRAIT_FIELDS:
            read[name] = {int(trait): num for trait, num in plain[name].items()}
        read["speech"] = norms.Speech(**plain["speech"])
        read["endings"] = ends.Manner(**plain["endings"])
        return cls(**read)

    def mixed_forms(self) -> dict[str, int]:
        """What the two forms of the set are told by, in words, and how many answers have it."""
        return {features.described(trait): num for trait, num in self.mixed.items()}


def measured(rows: Sequence[Row]) -> Forms:
    """Numbers about the last answer of each row, [len(rows)] of FORM."""
    table = np.zeros(len(rows), FORM)
    if not rows:
        return table
    answers = [_said(row) for row in rows]
    prompts = [_prompt(row) for row in rows]
    table["opening"] = [zlib.crc32(prompt[:TASK_PART].encode()) for prompt in prompts]
    table["closing"] = [zlib.crc32(prompt[-TASK_PART:].encode()) for prompt in prompts]
    block = features.sampled(answers)
    table["length"] = np.fromiter(map(len, answers), np.int64, len(rows))
    table["core"] = features.cores(block)
    words = features.literals(block)
    table["inner"] = features.inner_cores(block, table["core"], words)
    table["traits"] = features.traits(block, words, prompts)
    table["sign"] = features.signed_heads(block)
    table["ending"] = ends.endings(answers, prompts)
    said, asked = language.spoken(answers), language.spoken([row.messages[-2].content for row in rows])
    table["language"], table["script"], table["asked_in"] = said.languages, said.scripts, asked.languages
    table["flags"] = np.where(features.is_rich(block), features.RICH, 0)
    table["flags"] |= np.where(said.sure, features.SURE, 0).astype(np.uint16)
    table["flags"] |= np.where(said.certain, features.CERTAIN, 0).astype(np.uint16)
    copied = [_is_copied(answer, prompt) for answer, prompt in zip(answers, prompts, strict=True)]
    table["flags"] |= np.where(copied, features.COPIED, 0).astype(np.uint16)
    as_asked.excuse(table, answers, prompts)
    for place in np.flatnonzero(table["core"] % features.NOTED_EVERY == 0).tolist():
        table["flags"][place] |= features.NOTED
        table["marks"][place] = features.noted_marks(prompts[place])
        if frames.is_of(answers[place][: frames.SENTENCE_LENGTH], prompts[place].lower()):
            table["flags"][place] |= features.OF_PROMPT
    for place in np.flatnonzero(table["length"] <= brief.BRIEF).tolist():
        if brief.is_asked(answers[place], prompts[place]) or open_ended.is_code(prompts[place]):
            table["flags"][place] |= features.BRIEF_ASKED
    for place in np.flatnonzero(norms.is_elsewhere(table, asked.scripts)).tolist():
        said_in = language.LANGUAGES[table["language"][place]]
        if language.is_requested(prompts[place]) or language.is_own(said_in, answers[place], prompts[place]):
            table["flags"][place] |= features.ASKED
    return table


def _said(row: Row) -> str:
    """The answer without the thoughts before it."""
    return without_thought(row.answer)


def _is_copied(answer: str, prompt: str) -> bool:
    return len(answer) <= COPY_LENGTH and answer[:8] in prompt and answer in prompt


def _prompt(row: Row) -> str:
    """All that was asked."""
    if len(row.messages) == 2:
        return row.messages[0].content
    return "\n".join(content for role, content in row.messages[:-1] if role != "assistant")


def profile(forms: Forms, options: FormOptions) -> Profile:
    """What the set is like. Each question is asked of the answers that the ones before it left."""
    odd, mixed = traits.odd_traits(forms, options.min_odd_share, options.min_odd_rows, options.max_odd_share)
    left = forms[~traits.has_any(forms, odd)]
    required = traits.required_traits(left)
    left = left[~traits.lacks_any(left, required)]
    speech = norms.speech_of(left, options.language, options.main_language_share)
    left = left[~norms.is_foreign(left, speech)]
    endings = ends.manner(left)
    left = left[~ends.is_cut(left, endings)]
    shortest, longest = norms.usual_lengths(left["length"], left["core"], options.length_spread)
    kept = options.form == "keep"
    return Profile(
        num_rows=len(forms),
        odd={} if kept else odd,
        required={} if kept else required,
        mixed=mixed,
        speech=speech,
        endings=replace(endings, cut=["none", "none"]) if kept else endings,
        min_characters=shortest if options.min_characters is None else options.min_characters,
        max_characters=longest if options.max_characters is None else options.max_characters,
        brief_tasks=norms.brief_tasks(left, shortest) if options.min_characters is None else None,
    )


def faults(forms: Forms, found: Profile) -> NDArray[np.uint8]:
    """Why each row departs from the set, [len(forms)] of indices into REASONS; the first reason that holds."""
    too_short = norms.is_too_short(forms, found.min_characters, found.brief_tasks)
    holds = (
        traits.has_any(forms, found.odd) | traits.lacks_any(forms, found.required),
        norms.is_foreign(forms, found.speech),
        ends.is_cut(forms, found.endings),
        too_short | (forms["length"] > found.max_characters),
    )
    return np.select(holds, (ODD_FORM, OTHER_LANGUAGE, CUT_OFF, WRONG_LENGTH), 0).astype(np.uint16)


def evidence(row: Row, reason: str, found: Profile) -> str:
    """What a person needs to see why `row` was dropped for `reason`."""
    answer, form = _said(row), measured([row])[0]
    if reason == REASONS[ODD_FORM]:
        said = _oddity([int(trait & ~features.EXPLAINED) for trait in form["traits"]], answer, found)
    elif reason == REASONS[OTHER_LANGUAGE]:
        spoken = language.LANGUAGES[form["language"]] or language.SCRIPTS[form["script"]]
        said = f"{spoken}, the set is {found.speech.language or language.SCRIPTS[found.speech.script]}"
    elif reason == REASONS[CUT_OFF]:
        share = found.endings.closed_shares[int(form["ending"] >= ends.SEVERAL)]
        return shown(f"ends with `{answer[-16:]}`, {int(share * 100)}% with a closing mark")
    else:
        said = f"{len(answer):,} characters, usual are {found.min_characters:,} to {found.max_characters:,}"
    return shown(f"{said}: {answer}")


def _oddity(own: Sequence[int], answer: str, found: Profile) -> str:
    for trait in own:
        if trait in found.odd:
            return f"{features.described(trait, answer)}; {found.odd[trait]:,} of {found.num_rows:,} do"
    missing = next(trait for trait in found.required if trait not in own)
    return f"not one that {features.described(missing)}; {found.required[missing]:,} of {found.num_rows:,} do"
