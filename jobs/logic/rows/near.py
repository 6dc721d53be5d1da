"""Which texts are nearly the same: alike in their 5-grams of characters.

Found by MinHash (Broder 1997) with locality-sensitive hashing; every candidate is then checked by its exact Jaccard
similarity. Characters, not words: Japanese has no spaces. Without spaces and sentence marks, for those are what differs
between copies that went through other hands.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from math import comb
from struct import Struct
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from jobs.logic.text import plane

Hashes = NDArray[np.uint64]
"""Of 5-grams."""
Sketches = NDArray[np.void]
"""Rows of `sketch_type`: what stands for a text in the search."""
Ints = NDArray[np.int64]
Integer = TypeVar("Integer", np.uint64, np.int64)

GRAM = 5
NUM_PERM = 126
SEED = 1
RECALL = 0.995
"""Of pairs that are exactly as alike as the threshold; more alike ones are found more surely."""
MISSED = 1e-4
"""Of them, that may go because their marks agree too seldom."""
PIECE = 1 << 15
"""Characters hashed at a time: what stays in a core's cache."""
MAX_BUCKET = 64
"""Texts of one bucket that are compared each with each; of more, each with the first and the one before."""
CHUNK = 1 << 15
"""Pairs whose marks are compared at a time."""
COMMON_ROWS = 20
"""What stands in fewer texts is a copy, not boilerplate."""
TABLE_BITS = 16
LAST_CODE = 0xFFFF
"""Characters beyond count as this one."""
TELLING_MARKS = "-%#&@*/\\_"
"""Punctuation that changes what is said: 3-4 is not 3/4."""
NUMBER = re.compile(r"[0-9]+")
WORD = re.compile(r"\w+")
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


def other_numbers(a: str, b: str) -> bool:
    """Whether each text has a number that the other has not: one that only has a sentence less asks the same."""
    first, second = (Counter(NUMBER.findall(text)) for text in (a, b))
    return bool(first - second) and bool(second - first)


def same_words(a: str, b: str) -> bool:
    """Whether two texts differ in spaces, marks, case, two letters that changed places, or a note at one end."""
    shorter, longer = sorted(("".join(WORD.findall(text.casefold())) for text in (a, b)), key=len)
    if longer.startswith(shorter) or longer.endswith(shorter):
        return True
    start = next(place for place, letters in enumerate(zip(shorter, longer, strict=False)) if letters[0] != letters[1])
    swapped = f"{longer[:start]}{longer[start : start + 2][::-1]}{longer[start + 2 :]}"
    return shorter == swapped


def boilerplate(sample: Sequence[str], share: float) -> Hashes:
    """The grams that more than `share` of the sample have, such as those of an instruction; sorted."""
    if not sample:
        return np.zeros(0, np.uint64)
    ranked = np.sort(np.concatenate(grams_of(sample)))
    begins = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
    counts = np.diff(np.append(begins, len(ranked)))
    return np.asarray(ranked[begins[counts > max(share * len(sample), COMMON_ROWS)]])


def similarity(a: Hashes, b: Hashes, common: Hashes) -> float:
    """Jaccard similarity of two texts by their `grams`, without those in `common`."""
    return jaccard(without(a, common), without(b, common))


def band_shape(threshold: float) -> tuple[int, int]:
    """(bands, rows a band): as selective as they can be while a pair at the threshold is found with RECALL."""
    for rows in range(NUM_PERM, 1, -1):
        bands = NUM_PERM // rows
        if 1 - (1 - threshold**rows) ** bands >= RECALL:
            return bands, rows
    return NUM_PERM, 1


def sketch_type(threshold: float) -> np.dtype[np.void]:
    """The fields of a text's sketch: its bands, and a byte of each minimum (Li and Koenig 2010)."""
    return np.dtype([("bands", np.uint64, (band_shape(threshold)[0],)), ("marks", np.uint8, (NUM_PERM,))])


def sketches(texts: Sequence[str], threshold: float, common: Hashes) -> Sketches:
    """What stands for each text in the search, [len(texts)] of `sketch_type`."""
    from rensa import RMinHash

    num_bands, num_rows = band_shape(threshold)
    found = np.zeros(len(texts), sketch_type(threshold))
    packed = Struct(f"={NUM_PERM}Q").pack
    for start, stop in _pieces(texts):
        hashes, offsets = _gram_hashes(texts[start:stop])
        if len(common):
            hashes, offsets = _strip(hashes, offsets, common)
        rows = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, NUM_PERM, SEED).to_rows()
        minima = np.frombuffer(b"".join([packed(*row) for row in rows]), np.uint64).reshape(-1, NUM_PERM)
        found["marks"][start:stop] = minima
        parts = minima[:, : num_bands * num_rows].reshape(stop - start, num_bands, num_rows)
        mixed = np.zeros((stop - start, num_bands), np.uint64)
        for column in range(num_rows):
            mixed ^= parts[:, :, column]
            mixed *= np.uint64(ODD)
            mixed ^= mixed >> np.uint64(31)
        found["bands"][start:stop] = mixed
    return found


def candidates(found: Sketches, threshold: float) -> Ints:
    """Pairs that may be at least `threshold` alike by their sketches, [pairs, 2], sorted, each once.

    The order of the texts decides nothing: those of a crowded bucket are compared in the order of their sketches.
    """
    num, order = len(found), _by_content(found)
    codes = [np.zeros(0, np.int64)]
    for band in range(found["bands"].shape[1]):
        first, second = (order[places] for places in _agreeing(found["bands"][order, band]))
        codes.append(np.minimum(first, second) * num + np.maximum(first, second))
    return _agreeing_marks(found, found, distinct(np.concatenate(codes)), threshold)


def is_crowded(found: Sketches) -> bool:
    """Whether a bucket holds so many texts that not all of them are compared."""
    ranked = np.sort(found["bands"], axis=0)
    return bool(np.any(ranked[MAX_BUCKET:] == ranked[:-MAX_BUCKET]))


def crowded(found: Sketches) -> NDArray[np.bool_]:
    """Whether each text, [len(found)], is in such a bucket."""
    bands = found["bands"]
    crowd = np.zeros(len(found), bool)
    for band in range(bands.shape[1] if is_crowded(found) else 0):
        ranked = np.sort(bands[:, band])
        crowd |= np.isin(bands[:, band], ranked[MAX_BUCKET:][ranked[MAX_BUCKET:] == ranked[:-MAX_BUCKET]])
    return crowd


def between(ours: Sketches, theirs: Sketches, threshold: float) -> Ints:
    """Pairs of one of `ours` and one of `theirs` that may be at least `threshold` alike, [pairs, 2], each once.

    Of the texts of `theirs` in one bucket the first MAX_BUCKET are compared; the other texts of `ours` change nothing.
    """
    codes = [np.zeros(0, np.int64)]
    for band in range(ours["bands"].shape[1] if len(theirs) else 0):
        order = np.argsort(theirs["bands"][:, band], kind="stable")
        ranked = theirs["bands"][order, band]
        begins = np.searchsorted(ranked, ours["bands"][:, band])
        ends = np.searchsorted(ranked, ours["bands"][:, band], side="right")
        for place in range(min(MAX_BUCKET, int((ends - begins).max(initial=0)))):
            here = np.flatnonzero(begins + place < ends)
            codes.append(here * len(theirs) + order[begins[here] + place])
    return _agreeing_marks(ours, theirs, distinct(np.concatenate(codes)), threshold)


@cache
def fewest_marks(threshold: float) -> int:
    """The marks in which a pair at the threshold agrees, but for a share of MISSED of such pairs."""
    same = threshold + (1 - threshold) / 256
    tail = 0.0
    for number in range(NUM_PERM + 1):
        tail += comb(NUM_PERM, number) * same**number * (1 - same) ** (NUM_PERM - number)
        if tail > MISSED:
            return number
    return NUM_PERM


def distinct(values: NDArray[Integer]) -> NDArray[Integer]:
    """Each value once, sorted: what `np.unique` gives, which hashes integers and takes five times as long."""
    ranked = np.sort(values)
    is_new = np.concatenate((np.ones(min(1, len(ranked)), bool), ranked[1:] != ranked[:-1]))
    return np.asarray(ranked[is_new], values.dtype)


def copies(pairs: Sequence[Pair], favoured: frozenset[int] = frozenset()) -> dict[int, tuple[int, float]]:
    """Rows to leave out, each with the row that stays instead and how alike they are.

    Goes through the rows in order, the `favoured` first, and keeps a row unless a kept one is near: nothing goes
    because of a row that went itself.
    """
    turn = {row: (row not in favoured, row) for pair in pairs for row in (pair.first, pair.second)}
    gone: dict[int, tuple[int, float]] = {}
    for pair in sorted(pairs, key=lambda pair: sorted((turn[pair.first], turn[pair.second]), reverse=True)):
        stays, goes = sorted((pair.first, pair.second), key=lambda row: turn[row])
        if goes not in gone and stays not in gone:
            gone[goes] = (stays, pair.similarity)
    return gone


def _by_content(found: Sketches) -> Ints:
    """The places of texts in an order that only their sketches decide; alike ones often stand side by side."""
    head = np.ascontiguousarray(found["marks"][:, :8]).view(">u8").ravel()
    mixed = np.zeros(len(found), np.uint64)
    for band in range(found["bands"].shape[1]):
        mixed = (mixed ^ found["bands"][:, band]) * MIX
    return np.lexsort((mixed, head))


def _agreeing_marks(ours: Sketches, theirs: Sketches, codes: Ints, threshold: float) -> Ints:
    """The pairs whose marks agree as those at the threshold do; a code is first * len(theirs) + second."""
    kept = [np.zeros((0, 2), np.int64)]
    for start in range(0, len(codes), CHUNK):
        first, second = np.divmod(codes[start : start + CHUNK], len(theirs))
        agree = np.count_nonzero(ours["marks"][first] == theirs["marks"][second], axis=1)
        alike = agree >= fewest_marks(threshold)
        kept.append(np.stack((first[alike], second[alike]), axis=1))
    return np.concatenate(kept)


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
    telling = _telling().take(codes, mode="clip")
    told = np.flatnonzero(telling)
    counts = np.diff(np.searchsorted(told, np.append(starts, len(codes))))
    if not counts.all():
        for empty in np.flatnonzero(counts == 0):  # nothing but marks: then these are what tells
            telling[starts[empty] : starts[empty] + lengths[empty]] = True
            counts[empty] = lengths[empty]
        told = np.flatnonzero(telling)
    ends = np.cumsum(counts)
    missing = np.maximum(GRAM - counts, 0)
    kept = codes.take(told).astype(np.uint64)
    if missing.any():
        kept = np.insert(kept, np.repeat(ends, missing), 0)
        ends += np.cumsum(missing)
    return kept, ends


@cache
def _telling() -> NDArray[np.bool_]:
    """For each code up to LAST_CODE whether it tells texts apart: spaces and sentence marks do not."""
    found = plane.categories()
    tells = {category: category[0] in "LMNS" for category in set(found)}
    table = np.fromiter(map(tells.__getitem__, found), bool, LAST_CODE + 1)
    table[[*map(ord, TELLING_MARKS), LAST_CODE]] = True
    return table


def _strip(hashes: Hashes, offsets: Ints, common: Hashes) -> tuple[Hashes, Ints]:
    keep = ~_is_in(hashes, common)
    left = np.add.reduceat(keep, offsets[:-1])
    for empty in np.flatnonzero(left == 0):
        keep[offsets[empty] : offsets[empty + 1]] = True
    return hashes[keep], np.concatenate(([0], np.cumsum(np.add.reduceat(keep, offsets[:-1]))))


def without(hashes: Hashes, common: Hashes) -> Hashes:
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


def _agreeing(column: Hashes) -> tuple[Ints, Ints]:
    """Pairs of places with the same hash, the earlier one first; see MAX_BUCKET."""
    ranked = np.sort(column)
    several = distinct(ranked[1:][ranked[1:] == ranked[:-1]])
    rows = np.flatnonzero(_is_in(column, several))
    rows = rows[np.argsort(column[rows], kind="stable")]
    hashes = column[rows]
    begins = np.flatnonzero(np.concatenate((np.ones(min(1, len(rows)), bool), hashes[1:] != hashes[:-1])))
    sizes = np.diff(np.append(begins, len(rows)))
    left, size = np.repeat(begins + sizes, sizes) - np.arange(len(rows)), np.repeat(sizes, sizes)
    firsts, seconds = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for ahead in range(1, min(MAX_BUCKET, int(sizes.max(initial=1)))):
        here = np.flatnonzero((left > ahead) & ((size <= MAX_BUCKET) | (ahead == 1)))
        firsts.append(rows[here])
        seconds.append(rows[here + ahead])
    crowded = np.flatnonzero((size > MAX_BUCKET) & (left < size))
    firsts.append(rows[(crowded + left[crowded] - size[crowded])])
    seconds.append(rows[crowded])
    return np.concatenate(firsts), np.concatenate(seconds)
