"""The words for why a candidate is not among the made rows, besides those of `prepare`'s row checks and of a call."""

from __future__ import annotations

REASONS = {
    "empty-part": "the model left a part of the example empty",
    "broken-field": "a field holds another field's JSON, line breaks written as \\n, or a slot that was not filled",
    "control-tokens": "the candidate, or the passage behind it, holds the text of control tokens",
    "too-like-another": "ROUGE-L to a seed or an accepted row is at the limit or above it",
    "copies-seed": "it is one of its own examples again, or has the long answer of one",
    "copies-prompt": "it holds words of the prompt that asked for it, or speaks of the examples it was shown",
    "no-material": "the prompt points to a text that does not stand in it",
    "cannot": "the model says that it cannot, or found nothing to answer",
    "no-gain": "what was evolved asks for the same as before",
    "only-longer": "what was evolved is longer and asks for nothing more",
    "label-missing": "the answer is none of the labels that it was to be",
    "inconsistent-answers": "answers to the prompt, asked for anew, do not agree with the one that was written",
    "not-comparable": "its answers cannot be compared with each other, and no scorer is given",
    "low-replies": "the worst of several replies to the prompt is scored below the limit",
    "unfaithful": "by its scorer the answer does not follow from its passage",
    "irrelevant": "by its scorer the answer does not answer the prompt",
    "unsound-question": "by its scorer the prompt is not one that a person would ask, or cannot be understood alone",
    "addresses-scorer": "it tells whoever scores it what to give",
    "low-score": "a criterion is below its floor, or the mean below the least",
    "cannot-say": "the scorer could not say how good it is: neither a pass nor a middling score",
    "scorer-failed": "the scorer gave nothing that can be read",
    "surplus": "it came after the last row that was asked for",
}
"""Word to what it means, one line each."""
