"""Characters that a person cannot see, by name: in a report on broken answers they are often the reason."""

from __future__ import annotations

import re

# C0 and C1 controls other than tab and newline, soft hyphen, zero width space, marks and bidirectional controls,
# line separators, the byte order mark, replacement and tag characters, lone surrogates. Joiners stay: emoji need them.
HIDDEN = re.compile(
    "([\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff\U000e0000-\U000e007f\ud800-\udfff])"
)


def pieces(text: str) -> list[tuple[str, bool]]:
    """The text cut at every hidden character: (piece, whether it stands for a hidden character)."""
    return [
        (f"‹U+{ord(piece):04X}›", True) if i % 2 else (piece, False)
        for i, piece in enumerate(HIDDEN.split(text))
        if piece
    ]


def seen(text: str) -> str:
    """The same as one string."""
    return "".join(piece for piece, _ in pieces(text))
