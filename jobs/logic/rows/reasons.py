"""The words for why a row is not trained on, and for what is counted in rows that are."""

from __future__ import annotations

SECRET = "secret"
PERSONAL = ("email", "iban", "card", "my-number", "ssn", "phone", "ip-address")
"""Kinds of personal data."""
TAG_REASONS = ("template-header", "hashtags", "label", "role-label", "bracket-tag", "markup-tag")
ALLOWABLE = (
    "mojibake",
    *TAG_REASONS,
    "repeated-character",
    "repeated-phrase",
    "refusal",
    "copied-prompt",
    "cut-off",
)
"""Reasons that a task may give to keep a row all the same."""
REASONS = (
    "empty-answer",
    "empty-prompt",
    "control-token",
    "think-tag",
    "invisible",
    "secret",
    "personal",
    *ALLOWABLE,
)
"""Every word a row can be dropped for here."""
BAD_REASONS = (
    "too-large",
    "encoding",
    "bad-json",
    "bad-csv",
    "bad-cell",
    "truncated-json",
    "control-character",
    "duplicate-key",
    "not-a-number",
    "lone-surrogate",
    "too-deep",
    "not-an-object",
    "other-shape",
    "two-shapes",
    "preference-pair",
    "column-missing",
    "column-type",
    "empty-conversation",
    "message-type",
    "role-missing",
    "unknown-role",
    "tool-call",
    "tool-role",
    "turn-mark",
    "two-thoughts",
    "content-null",
    "content-type",
    "no-answer",
    "answers-differ",
    "role-order",
    "ends-without-answer",
    "id-type",
    "source-type",
    "label-type",
    "duplicate-id",
)
"""Every word for a row that is not a conversation."""
NOT_TO_LEARN = "not-to-learn"
NOT_PREFERRED = "not-preferred"
LEFT_OUT = (NOT_TO_LEARN, NOT_PREFERRED)
"""The words for rows that are sound, and that their own file says are not to be learnt."""
DUPLICATE, NEAR_DUPLICATE = "duplicate", "near-duplicate"
"""The words for rows that say what an earlier one says."""
BETWEEN_SIDES = "between-sides"
"""The word for rows that are like training rows and like held-out rows."""
IN_EVALUATION = "in-evaluation"
"""The word for rows that say what a row of an evaluation file says."""
