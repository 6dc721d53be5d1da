"""How alike two texts are, counted in characters: Japanese has no spaces to count words by."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def tidy(text: str) -> str:
    """NFC, without white space at both ends: what two texts are compared as."""
    return unicodedata.normalize("NFC", text).strip()


def common_subsequence(a: str, b: str) -> int:
    """Length of the longest common subsequence of characters.

    Bit-parallel (Hyyrö 2004): one bit per character of `a` in a Python integer, so the cost is len(b) x len(a) / 64.
    """
    places: dict[str, int] = {}
    for index, character in enumerate(a):
        places[character] = places.get(character, 0) | 1 << index
    full = (1 << len(a)) - 1
    row = full
    for character in b:
        hits = row & places.get(character, 0)
        row = ((row + hits) | (row - hits)) & full
    return len(a) - row.bit_count()


def rouge_l(text: str, reference: str) -> float:
    """Character-level ROUGE-L F1 (Lin 2004): 1 for equal texts, 0 for texts that share no character.

    Two empty texts are equal; an empty one and another are not.
    """
    if not text and not reference:
        return 1.0
    return 2 * common_subsequence(text, reference) / (len(text) + len(reference))


class TrainingAnswers:
    """What the model was trained to say, to find it again in what it says.

    `length` characters in a row are the smallest piece that counts as taken over.
    """

    def __init__(self, answers: Sequence[str], length: int) -> None:
        self.length = length
        tidied = [tidy(answer) for answer in answers]
        counts: dict[str, int] = {}
        for answer in tidied:
            counts[answer] = counts.get(answer, 0) + 1
        self.unique = frozenset(answer for answer, count in counts.items() if count == 1 and answer)
        """Answers that belong to one row only: labels that many rows share are a vocabulary, not something copied."""
        self._owners: dict[str, set[int]] = {}
        for number, answer in enumerate(counts):
            for piece in self._pieces(answer):
                self._owners.setdefault(piece, set()).add(number)

    def overlap(self, text: str) -> float:
        """The share of the pieces of `text` that one single training answer has, at its highest; 0 for short texts."""
        pieces = self._pieces(tidy(text))
        hits: dict[int, int] = {}
        for piece in pieces:
            for owner in self._owners.get(piece, ()):
                hits[owner] = hits.get(owner, 0) + 1
        return max(hits.values(), default=0) / len(pieces) if pieces else 0.0

    def _pieces(self, text: str) -> list[str]:
        return [text[start : start + self.length] for start in range(len(text) - self.length + 1)]
