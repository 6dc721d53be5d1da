"""Every kind of spoilage that the gate is told of, in many dresses."""

from __future__ import annotations

from tests.spoilage import answers, copies, damage, private_data
from tests.spoilage.spoiled import PLAIN, PROSE, Kind, dressed

FREE = ("title", "question", "summary", "chat")
"""Tasks whose answers are sentences or titles in the set's language."""

LISTED: tuple[Kind, ...] = (
    Kind("hashtags", dressed("hashtags")),
    Kind("label", dressed("label")),
    Kind("markup-tag", dressed("markup-tag")),
    Kind("bracket-tag", dressed("bracket-tag")),
    Kind("template-header", dressed("template-header")),
    Kind("role-label", dressed("role-label")),
    Kind("chatml", dressed("chatml")),
    Kind("control-token", dressed("control-token")),
    Kind("markdown", dressed("markdown"), PLAIN),
    Kind("json", dressed("json"), PLAIN),
    Kind("repeated-marks", damage.repeated_marks),
    Kind("repeated-letters", damage.repeated_letters),
    Kind("repeated-phrases", damage.repeated_phrases),
    Kind("mojibake", damage.mojibake),
    Kind("empty", damage.empty),
    Kind("invisible", damage.invisible),
    Kind("cut-off", answers.cut_off, (*PROSE, "extraction")),
    Kind("refusal", answers.refusal),
    Kind("copied-prompt", answers.copied),
    Kind("foreign", answers.foreign, FREE),
    Kind("wrong-length", answers.wrong_length, (*FREE, "label")),
    Kind("secret", private_data.secrets),
    Kind("personal", private_data.personal),
    Kind("duplicate", copies.exact_copy, beside=True),
    Kind("near-duplicate", copies.near_copy, beside=True),
)
CONTRADICTORY = Kind("contradictory", copies.contradictory, beside=True)
"""Counted by the gate, not dropped."""
