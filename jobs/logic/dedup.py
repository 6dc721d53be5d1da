"""Which conversations say the same: equal after normalisation, or alike in their 5-grams of characters.

Near duplicates are found by MinHash (Broder 1997) with locality-sensitive hashing, and every candidate is checked by
its exact Jaccard similarity. Characters, not words: Japanese has no spaces.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jobs.logic.markup import INVISIBLE
from jobs.logic.rows import DUPLICATE, NEAR_DUPLICATE, Dropped, Message, Row

Grams = NDArray[np.uint64]
"""Hashes of 5-grams."""

GRAM = 5
NUM_PERM = 128
SEED = 1
RECALL = 0.995
"""Of pairs that are exactly as alike as the threshold; more alike ones are found more surely."""
BLOCK = 4096
"""Texts hashed at a time."""
SAMPLE = 500
"""Texts that the boilerplate is read from."""
COMMON_ROWS = 20
"""What stands in fewer texts is a copy, not boilerplate."""
MAX_BUCKET = 64
"""Texts of one bucket that are compared each with each; of more, each with the first and the one before."""
ODD = np.uint64(0x9E3779B97F4A7C15)
MIX = np.uint64(0xBF58476D1CE4E5B9)


class Pair(NamedTuple):
    """Two texts by their index, `first` < `second`, and how alike they are, 0 to 1."""

    first: int
    second: int
    similarity: float


def normalised(text: str) -> str:
    """NFKC, case folded, white space collapsed, invisible characters out: equal for texts that read the same."""
    if text.isascii():
        return " ".join(text.casefold().split())
    folded = unicodedata.normalize("NFKC", INVISIBLE.sub("", text)).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def digest(texts: Sequence[str]) -> bytes:
    """Stands for a list of texts; 128 bits."""
    state = hashlib.blake2b(digest_size=16)
    for text in texts:
        state.update(b"%d:" % len(text))
        state.update(text.encode())
    return state.digest()


def conversation_key(messages: Sequence[Message]) -> bytes:
    """Equal for conversations that read the same."""
    return digest([part for role, content in messages for part in (role, normalised(content))])


def prompt_key(messages: Sequence[Message]) -> bytes:
    """Equal for conversations whose last question is the same: everything before the last answer."""
    return conversation_key(messages[:-1])


def comparable(messages: Sequence[Message]) -> str:
    """The text that near duplicates are looked for in: what was said, without the system message."""
    return "\n".join(normalised(content) for role, content in messages if role != "system")


def grams(text: str) -> Grams:
    """Hashes of the distinct 5-grams of a text, sorted; a text of up to five characters is one gram."""
    hashes, _ = _gram_hashes([text])
    hashes.sort()
    return hashes[np.concatenate(([True], hashes[1:] != hashes[:-1]))]


def jaccard(a: Grams, b: Grams) -> float:
    """Shared over all distinct grams; 1 for two empty sets."""
    shared = len(np.intersect1d(a, b, assume_unique=True))
    together = len(a) + len(b) - shared
    return shared / together if together else 1.0


def alike(a: str, b: str) -> float:
    """How alike two short texts are, such as two answers."""
    return 1.0 if a == b else jaccard(grams(a), grams(b))


def near_pairs(texts: Sequence[str], threshold: float, boilerplate_share: float) -> list[Pair]:
    """Every pair of texts at least `threshold` alike, but for the few that hashing misses (under 1 - RECALL).

    Grams that more than `boilerplate_share` of the texts have are left out, or an instruction that all rows share
    would make them all alike. The result depends on which texts there are, not on their order.
    """
    if len(texts) < 2:
        return []
    prints = _fingerprints(texts)
    order = np.argsort(prints, kind="stable")
    common = _boilerplate([texts[index] for index in order], boilerplate_share)
    signatures = _signatures(texts, common)
    kept = _Cache(lambda index: _without(grams(texts[index]), common))
    pairs = []
    for first, second in _candidates(signatures[order], *_bands(threshold)):
        low, high = sorted((int(order[first]), int(order[second])))
        similarity = jaccard(kept[low], kept[high])
        if similarity >= threshold:
            pairs.append(Pair(low, high, similarity))
    return sorted(pairs)


def copies(pairs: Iterable[Pair]) -> dict[int, Pair]:
    """Rows to leave out, each with the pair that says why: the earlier row of it stays.

    Goes through the rows in order and keeps a row unless a kept one is near: nothing goes because of a row that went
    itself.
    """
    gone: dict[int, Pair] = {}
    for pair in sorted(pairs, key=lambda pair: (pair.second, pair.first)):
        if pair.second not in gone and pair.first not in gone:
            gone[pair.second] = pair
    return gone


def first_of_each(rows: Sequence[Row]) -> tuple[list[Row], list[Dropped]]:
    """The rows without those that an earlier one says word for word."""
    seen: dict[bytes, str] = {}
    kept, dropped = [], []
    for row in rows:
        first = seen.setdefault(conversation_key(row.messages), row.id)
        if first == row.id:
            kept.append(row)
        else:
            dropped.append(Dropped(row.id, row.file, row.line, DUPLICATE, f"the same as {first}"))
    return kept, dropped


def distinct(
    rows: Sequence[Row], threshold: float, answer_threshold: float, boilerplate_share: float, drop: bool
) -> tuple[list[Row], list[Dropped], list[Pair]]:
    """The rows without near duplicates (with `drop`), those that go, and the pairs that are near among what stays.

    Rows go where the conversations are `threshold` alike and the answers `answer_threshold`: two questions on one
    long passage are near each other and are still two questions.
    """
    left = list(rows)
    dropped: list[Dropped] = []
    while True:
        pairs = near_pairs([comparable(row.messages) for row in left], threshold, boilerplate_share)
        gone = copies([pair for pair in pairs if _answers_alike(left, pair, answer_threshold)]) if drop else {}
        if not gone:
            return left, dropped, pairs
        for index, pair in gone.items():
            row, evidence = left[index], f"{pair.similarity:.2f} like {left[pair.first].id}"
            dropped.append(Dropped(row.id, row.file, row.line, NEAR_DUPLICATE, evidence))
        left = [row for index, row in enumerate(left) if index not in gone]


def _answers_alike(rows: Sequence[Row], pair: Pair, threshold: float) -> bool:
    return alike(normalised(rows[pair.first].answer), normalised(rows[pair.second].answer)) >= threshold


class _Cache:
    """Values by index, made when asked for."""

    def __init__(self, make: Callable[[int], Grams]) -> None:
        self.make = make
        self.values: dict[int, Grams] = {}

    def __getitem__(self, index: int) -> Grams:
        if index not in self.values:
            if len(self.values) >= BLOCK:
                self.values.clear()
            self.values[index] = self.make(index)
        return self.values[index]


def _gram_hashes(texts: Sequence[str]) -> tuple[Grams, NDArray[np.int64]]:
    """The hashes of all texts in a row, and where each text's begin and end: [total], [len(texts) + 1]."""
    padded = [text if len(text) >= GRAM else text.ljust(GRAM, "\0") for text in texts]
    lengths = np.fromiter(map(len, padded), np.int64, len(padded))
    codes = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    hashes = np.zeros(len(codes) - GRAM + 1, np.uint64)
    for place in range(GRAM):
        hashes = hashes * ODD + codes[place : place + len(hashes)]
    hashes ^= hashes >> np.uint64(29)
    hashes *= MIX
    hashes ^= hashes >> np.uint64(32)
    ends = np.cumsum(lengths)
    inside = np.ones(len(hashes), bool)
    for back in range(1, GRAM):  # grams that begin in one text and end in the next
        inside[ends[:-1] - back] = False
    offsets = np.concatenate(([0], np.cumsum(lengths - (GRAM - 1))))
    return hashes[inside], offsets


def _fingerprints(texts: Sequence[str]) -> Grams:
    return np.fromiter((int.from_bytes(digest([text])[:8], "little") for text in texts), np.uint64, len(texts))


def _boilerplate(texts: Sequence[str], share: float) -> Grams:
    """The grams that more than `share` of the texts have, read from a sample."""
    sample = texts[:: max(1, len(texts) // SAMPLE)]
    found, counts = np.unique(np.concatenate([grams(text) for text in sample]), return_counts=True)
    return np.asarray(found[counts > max(share * len(sample), COMMON_ROWS)])


def _without(hashes: Grams, common: Grams) -> Grams:
    """The hashes but the common ones; where nothing would be left, all of them."""
    if not len(common):
        return hashes
    kept = hashes[~_is_in(hashes, common)]
    return kept if len(kept) else hashes


def _is_in(hashes: Grams, common: Grams) -> NDArray[np.bool_]:
    table = np.zeros(1 << 16, bool)
    low = np.uint64(0xFFFF)
    table[common & low] = True
    found: NDArray[np.bool_] = table[hashes & low]
    found[found] = np.isin(hashes[found], common)
    return found


def _signatures(texts: Sequence[str], common: Grams) -> NDArray[np.uint32]:
    """MinHash signatures [len(texts), NUM_PERM]."""
    from rensa import RMinHash

    signatures = np.empty((len(texts), NUM_PERM), np.uint32)
    for start in range(0, len(texts), BLOCK):
        hashes, offsets = _gram_hashes(texts[start : start + BLOCK])
        if len(common):
            hashes, offsets = _strip(hashes, offsets, common)
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, NUM_PERM, SEED)
        signatures[start : start + BLOCK] = matrix.to_rows()
    return signatures


def _strip(hashes: Grams, offsets: NDArray[np.int64], common: Grams) -> tuple[Grams, NDArray[np.int64]]:
    keep = ~_is_in(hashes, common)
    left = np.add.reduceat(keep, offsets[:-1])
    for empty in np.flatnonzero(left == 0):
        keep[offsets[empty] : offsets[empty + 1]] = True
    return hashes[keep], np.concatenate(([0], np.cumsum(np.add.reduceat(keep, offsets[:-1]))))


def _bands(threshold: float) -> tuple[int, int]:
    """(bands, rows a band): as selective as they can be while a pair at the threshold is found with RECALL."""
    for rows in range(NUM_PERM, 1, -1):
        bands = NUM_PERM // rows
        if 1 - (1 - threshold**rows) ** bands >= RECALL:
            return bands, rows
    return NUM_PERM, 1


def _candidates(signatures: NDArray[np.uint32], num_bands: int, num_rows: int) -> list[tuple[int, int]]:
    """Pairs of rows that agree in a whole band."""
    found: set[tuple[int, int]] = set()
    for band in range(num_bands):
        keys = np.zeros(len(signatures), np.uint64)
        for column in range(band * num_rows, (band + 1) * num_rows):
            keys = (keys ^ signatures[:, column]) * ODD
            keys ^= keys >> np.uint64(31)
        order = np.argsort(keys, kind="stable")
        edges = np.flatnonzero(np.diff(keys[order])) + 1
        for start, stop in _long_runs(edges, len(order)):
            found.update(_paired(order[start:stop].tolist()))
    return sorted(found)


def _long_runs(edges: NDArray[np.int64], total: int) -> Iterator[tuple[int, int]]:
    starts, stops = np.concatenate(([0], edges)), np.concatenate((edges, [total]))
    several = stops - starts > 1
    yield from zip(starts[several].tolist(), stops[several].tolist(), strict=True)


def _paired(bucket: Sequence[int]) -> Iterator[tuple[int, int]]:
    if len(bucket) <= MAX_BUCKET:
        yield from ((a, b) for place, a in enumerate(bucket) for b in bucket[place + 1 :])
        return
    yield from ((bucket[0], other) for other in bucket[1:])
    yield from pairwise(bucket)
