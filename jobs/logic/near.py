"""Which texts are nearly the same: alike in their 5-grams of characters.

Found by MinHash (Broder 1997) with locality-sensitive hashing; every candidate is then checked by its exact Jaccard
similarity. Characters, not words: Japanese has no spaces. Without spaces and sentence marks, for those are what differs
between copies that went through other hands.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
"""Of 5-grams, or of bands."""
Ints = NDArray[np.int64]

GRAM = 5
NUM_PERM = 126
SEED = 1
RECALL = 0.995
"""Of pairs that are exactly as alike as the threshold; more alike ones are found more surely."""
PIECE = 1 << 15
"""Characters hashed at a time: what stays in a core's cache."""
MAX_BUCKET = 64
"""Texts of one bucket that are compared each with each; of more, each with the first and the one before."""
COMMON_ROWS = 20
"""What stands in fewer texts is a copy, not boilerplate."""
TABLE_BITS = 16
LAST_CODE = 0xFFFF
"""Characters beyond count as this one."""
TELLING_MARKS = "-%#&@*/\\_"
"""Punctuation that changes what is said: 3-4 is not 3/4."""
NUMBER = re.compile(r"[0-9]+")
ODD = 0x9E3779B97F4A7C15
MIX = np.uint64(0xBF58476D1CE4E5B9)


class Pair(NamedTuple):
    """Two texts by their index, `first` < `second`, and how alike they are, 0 to 1."""

    first: int
    second: int
    similarity: float


def grams(text: str) -> Hashes:
    """Hashes of the distinct 5-grams of a text, sorted; a text of up to five letters is one gram."""
    return grams_of([text])[0]


def grams_of(texts: Sequence[str]) -> list[Hashes]:
    """`grams` of each text."""
    found = []
    for start, stop in _pieces(texts):
        hashes, offsets = _gram_hashes(texts[start:stop])
        for first, last in pairwise(offsets.tolist()):
            own = np.sort(hashes[first:last])
            found.append(own[np.concatenate(([True], own[1:] != own[:-1]))])
    return found


def jaccard(a: Hashes, b: Hashes) -> float:
    """Shared over all distinct grams; 1 for two empty sets."""
    shared = len(np.intersect1d(a, b, assume_unique=True))
    together = len(a) + len(b) - shared
    return shared / together if together else 1.0


def alike(a: str, b: str) -> float:
    """How alike two short texts are, such as two answers."""
    return 1.0 if a == b else jaccard(grams(a), grams(b))


def same_numbers(a: str, b: str) -> bool:
    """Whether two texts hold the same numbers: of two answers that are alike but for one, both are wanted."""
    return sorted(NUMBER.findall(a)) == sorted(NUMBER.findall(b))


def boilerplate(sample: Sequence[str], share: float) -> Hashes:
    """The grams that more than `share` of the sample have, such as those of an instruction; sorted."""
    if not sample:
        return np.zeros(0, np.uint64)
    found, counts = np.unique(np.concatenate([grams(text) for text in sample]), return_counts=True)
    return np.asarray(found[counts > max(share * len(sample), COMMON_ROWS)])


def similarity(a: Hashes, b: Hashes, common: Hashes) -> float:
    """Jaccard similarity of two texts by their `grams`, without those in `common`."""
    return jaccard(_without(a, common), _without(b, common))


def band_shape(threshold: float) -> tuple[int, int]:
    """(bands, rows a band): as selective as they can be while a pair at the threshold is found with RECALL."""
    for rows in range(NUM_PERM, 1, -1):
        bands = NUM_PERM // rows
        if 1 - (1 - threshold**rows) ** bands >= RECALL:
            return bands, rows
    return NUM_PERM, 1


def bands(texts: Sequence[str], threshold: float, common: Hashes) -> Hashes:
    """What stands for each text in the search, [len(texts), bands]: texts that agree in a column are candidates."""
    from rensa import RMinHash

    num_bands, num_rows = band_shape(threshold)
    keys = np.zeros((len(texts), num_bands), np.uint64)
    for start, stop in _pieces(texts):
        hashes, offsets = _gram_hashes(texts[start:stop])
        if len(common):
            hashes, offsets = _strip(hashes, offsets, common)
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, NUM_PERM, SEED)
        signatures = np.asarray(matrix.to_rows(), np.uint64)[:, : num_bands * num_rows]
        parts = signatures.reshape(stop - start, num_bands, num_rows)
        mixed = keys[start:stop]
        for column in range(num_rows):
            mixed ^= parts[:, :, column]
            mixed *= np.uint64(ODD)
            mixed ^= mixed >> np.uint64(31)
    return keys


def candidates(keys: Hashes) -> Ints:
    """Pairs of rows that agree in a whole band, [pairs, 2], sorted, each once; `keys` is [rows, bands]."""
    found: list[Ints] = []
    for band in range(keys.shape[1]):
        column = np.ascontiguousarray(keys[:, band])
        order = np.argsort(column)
        edges = np.flatnonzero(np.diff(column[order])) + 1
        pairs = [
            pair for start, stop in _runs(edges, len(order)) for pair in _paired(np.sort(order[start:stop]).tolist())
        ]
        if pairs:
            found.append(np.asarray(pairs, np.int64))
    if not found:
        return np.zeros((0, 2), np.int64)
    return np.unique(np.concatenate(found), axis=0)


def copies(pairs: Sequence[Pair]) -> dict[int, Pair]:
    """Rows to leave out, each with the pair that says why: the earlier row of it stays.

    Goes through the rows in order and keeps a row unless a kept one is near: nothing goes because of a row that went
    itself.
    """
    gone: dict[int, Pair] = {}
    for pair in sorted(pairs, key=lambda pair: (pair.second, pair.first)):
        if pair.second not in gone and pair.first not in gone:
            gone[pair.second] = pair
    return gone


def _pieces(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Ranges of texts with about PIECE characters each; one long text is a range of its own."""
    start = size = 0
    for index, text in enumerate(texts):
        if size and size + len(text) > PIECE:
            yield start, index
            start, size = index, 0
        size += max(len(text), GRAM)
    if start < len(texts):
        yield start, len(texts)


def _gram_hashes(texts: Sequence[str]) -> tuple[Hashes, Ints]:
    """The hashes of all texts in a row, and where each text's begin and end: [total], [len(texts) + 1]."""
    codes, ends = _codes(texts)
    twos = codes[:-1] * np.uint64(ODD) + codes[1:]
    hashes = twos[:-3] * np.uint64(ODD * ODD % 2**64) + twos[2:-1]
    hashes *= np.uint64(ODD)
    hashes += codes[4:]
    hashes ^= hashes >> np.uint64(29)
    hashes *= MIX
    hashes ^= hashes >> np.uint64(32)
    inside = np.ones(len(hashes), bool)
    for back in range(1, GRAM):  # grams that begin in one text and end in the next
        inside[ends[:-1] - back] = False
    offsets = np.concatenate((np.zeros(1, np.int64), ends - (GRAM - 1) * np.arange(1, len(ends) + 1)))
    return hashes[inside], offsets


def _codes(texts: Sequence[str]) -> tuple[Hashes, Ints]:
    """The characters that tell of all texts in a row, at least GRAM of each, and where each text ends."""
    filled = [text or "\0" for text in texts]
    lengths = np.fromiter(map(len, filled), np.int64, len(filled))
    starts = np.cumsum(lengths) - lengths
    codes = np.frombuffer("".join(filled).encode("utf-32-le", "surrogatepass"), np.uint32)
    telling = _telling()[np.minimum(codes, LAST_CODE)]
    counts = np.add.reduceat(telling, starts, dtype=np.int64)
    for empty in np.flatnonzero(counts == 0):  # nothing but marks: then these are what tells
        telling[starts[empty] : starts[empty] + lengths[empty]] = True
        counts[empty] = lengths[empty]
    ends = np.cumsum(counts)
    missing = np.maximum(GRAM - counts, 0)
    told = codes[telling].astype(np.uint64)
    if missing.any():
        told = np.insert(told, np.repeat(ends, missing), 0)
        ends += np.cumsum(missing)
    return told, ends


@cache
def _telling() -> NDArray[np.bool_]:
    """For each code up to LAST_CODE whether it tells texts apart: spaces and sentence marks do not."""
    return np.asarray(
        [
            unicodedata.category(chr(code))[0] in "LMNS" or chr(code) in TELLING_MARKS or code == LAST_CODE
            for code in range(LAST_CODE + 1)
        ],
        bool,
    )


def _strip(hashes: Hashes, offsets: Ints, common: Hashes) -> tuple[Hashes, Ints]:
    keep = ~_is_in(hashes, common)
    left = np.add.reduceat(keep, offsets[:-1])
    for empty in np.flatnonzero(left == 0):
        keep[offsets[empty] : offsets[empty + 1]] = True
    return hashes[keep], np.concatenate(([0], np.cumsum(np.add.reduceat(keep, offsets[:-1]))))


def _without(hashes: Hashes, common: Hashes) -> Hashes:
    """The hashes but the common ones; where nothing would be left, all of them."""
    if not len(common):
        return hashes
    kept = hashes[~_is_in(hashes, common)]
    return kept if len(kept) else hashes


def _is_in(hashes: Hashes, common: Hashes) -> NDArray[np.bool_]:
    table = np.zeros(1 << TABLE_BITS, bool)
    low = np.uint64((1 << TABLE_BITS) - 1)
    table[common & low] = True
    found: NDArray[np.bool_] = table[hashes & low]
    found[found] = np.isin(hashes[found], common)
    return found


def _runs(edges: Ints, total: int) -> Iterator[tuple[int, int]]:
    starts, stops = np.concatenate(([0], edges)), np.concatenate((edges, [total]))
    several = stops - starts > 1
    yield from zip(starts[several].tolist(), stops[several].tolist(), strict=True)


def _paired(bucket: Sequence[int]) -> Iterator[tuple[int, int]]:
    if len(bucket) <= MAX_BUCKET:
        yield from ((a, b) for place, a in enumerate(bucket) for b in bucket[place + 1 :])
        return
    yield from ((bucket[0], other) for other in bucket[1:])
    yield from pairwise(bucket)
