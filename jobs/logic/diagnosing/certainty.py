"""How certain a cause is: a class of evidence, never a percentage."""

from __future__ import annotations

from enum import Enum


class Certainty(Enum):
    """In the order in which causes are told."""

    PROVEN = "proven"
    """Bytes, ids or weights show it."""
    MEASURED = "measured"
    """A run showed it, with its interval."""
    CONSISTENT = "consistent with"
    """The symptom fits; nothing decides."""
    NOT_CHECKED = "not checked"
    """A file that would decide was not given, or could not be read."""
    RULED_OUT = "ruled out"
    """What was seen cannot be if this were the cause, or it was looked for and is not there."""

    @property
    def rank(self) -> int:
        """0 for what is told first."""
        return list(Certainty).index(self)

    @property
    def found(self) -> bool:
        """Whether it counts as a cause that was found (exit code 3)."""
        return self in (Certainty.PROVEN, Certainty.MEASURED)


JAPANESE = {
    Certainty.PROVEN: "証明済み",
    Certainty.MEASURED: "測定済み",
    Certainty.CONSISTENT: "矛盾しない",
    Certainty.NOT_CHECKED: "未確認",
    Certainty.RULED_OUT: "否定",
}
"""The same words in Japanese."""
