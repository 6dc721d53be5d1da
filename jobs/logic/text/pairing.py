"""Do texts go with the texts beside them, or would any order do as well: a permutation test on shared letters.

The share of rare letters that two texts have in common is held against the same with one side in another order (Good
2005, Permutation, Parametric, and Bootstrap Tests of Hypotheses). Texts change places only with those in the same
script: a set in two languages would else look paired by its languages alone.
"""

from __future__ import annotations

import math
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Features = Sequence[frozenset[str]]
WIDE = 0x2E80
"""From here on letters are kana, ideographs, hangul and the like, each of which tells as much as a few Latin ones."""


@dataclass(frozen=True)
class Pairing:
    """What a permutation test found."""

    own: float
    """Mean over the pairs as they are."""
    other: float
    """Mean over all permutations."""
    z: float
    """Their difference in standard deviations of the permutations; 0 where these do not differ."""
    p: float
    """Share of the permutations, counting the order as it is, that do as well: the one-sided p-value."""


def grams(text: str, sizes: Iterable[int]) -> frozenset[str]:
    """The pieces of `sizes` characters in a row, in lower case and compatibility form, any white space as one blank."""
    tidied = " ".join(unicodedata.normalize("NFKC", text).lower().split())
    return frozenset(tidied[at : at + size] for size in sizes for at in range(len(tidied) - size + 1))


def script(text: str) -> str:
    """`wide`, `latin` (any other letters), or `none` for numbers and signs: of most of the letters."""
    letters = [letter for letter in text if letter.isalpha()]
    if not letters:
        return "none"
    wide = sum(map(chr(WIDE).__le__, letters))
    return "wide" if 4 * wide >= len(letters) else "latin"


def shared(of: Features, within: Features) -> Matrix:
    """[within, of] The share of each text of `of` that stands in each of `within`, rare pieces counted for more.

    A piece's weight is the logarithm of how few texts of `within` have it; one that no text has counts as one of one.
    """
    found, totals = _common(of, within)
    return found / np.where(totals > 0, totals, 1.0)


def dice(texts: Features, references: Features) -> Matrix:
    """[texts, references] Twice the common pieces over all pieces of both, weighted as in `shared`: 0 to 1."""
    found, totals = _common(texts, references)
    own = np.diagonal(_common(references, references)[0])
    sums = totals[:, None] + own[None, :]
    return 2 * found.T / np.where(sums > 0, sums, 1.0)


def _common(of: Features, within: Features) -> tuple[Matrix, NDArray[np.float64]]:
    """[within, of] The weight of the pieces that two texts have in common, and [of] of all that a text has."""
    users, owners = defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)
    for place, pieces in enumerate(of):
        for piece in pieces:
            users[piece].append(place)
    used = frozenset(users)
    for place, pieces in enumerate(within):
        for piece in pieces & used:
            owners[piece].append(place)
    ranked = sorted(users)  # so that sums are the same in every process
    weights = [math.log((len(within) + 1) / max(len(owners.get(piece, ())), 1)) for piece in ranked]
    places = np.fromiter(chain.from_iterable(users[piece] for piece in ranked), np.int64)
    totals = np.bincount(places, np.repeat(weights, [len(users[piece]) for piece in ranked]), len(of)).astype(
        np.float64
    )
    found = np.zeros((len(within), len(of)))
    for piece, weight in zip(ranked, weights, strict=True):
        have = owners.get(piece)
        if have is None:
            continue
        if len(have) == len(users[piece]) == 1:
            found[have[0], users[piece][0]] += weight
        else:
            found[np.array(have)[:, None], users[piece]] += weight
    return found, totals


def orders(groups: Sequence[str], number: int, seed: int) -> NDArray[np.int64]:
    """[number, rows] Random orders of the rows in which each keeps to its group."""
    random = np.random.Generator(np.random.PCG64(seed))
    members: dict[str, list[int]] = {}
    for place, group in enumerate(groups):
        members.setdefault(group, []).append(place)
    found = np.tile(np.arange(len(groups)), (number, 1))
    for places in members.values():
        found[:, places] = random.permuted(np.tile(places, (number, 1)), axis=1)
    return found


def compared(matrix: Matrix, permutations: NDArray[np.int64]) -> Pairing:
    """Whether `matrix[i, i]` is on average more than `matrix[i, j]`, [rows, rows], over the given orders.

    Rows with equal texts may change places: it changes nothing, and counts as an order that does as well.
    """
    values = matrix[np.arange(len(matrix)), permutations].mean(axis=1)
    own = float(np.diagonal(matrix).mean())
    spread = float(values.std())
    other = float(values.mean())
    z = (own - other) / spread if spread > 1e-12 else 0.0
    as_well = int((values >= own - 1e-12).sum())
    return Pairing(own, other, z, (1 + as_well) / (1 + len(values)))
