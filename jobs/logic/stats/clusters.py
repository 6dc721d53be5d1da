"""Cases by the source they came from: two prompts about one document are not two independent cases."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ClusterSums:
    """By cluster, in the order of first appearance: the sum of its values and how many they are."""

    sums: NDArray[np.float64]
    sizes: NDArray[np.float64]

    @property
    def num_clusters(self) -> int:
        return len(self.sums)


def cluster_ids(clusters: Sequence[Hashable | None]) -> NDArray[np.int64]:
    """0, 1, ... by first appearance; each None is a cluster of its own."""
    known: dict[Hashable, int] = {}
    ids = [
        known.setdefault((place,) if label is None else ("", label), len(known)) for place, label in enumerate(clusters)
    ]
    return np.asarray(ids, np.int64)


def cluster_sums(values: Sequence[float], clusters: Sequence[Hashable | None]) -> ClusterSums:
    """Raises ValueError where values and clusters are not equally many, or a value is not a finite number."""
    found = np.asarray(values, np.float64)
    if len(found) != len(clusters):
        raise ValueError(f"{len(found)} values and {len(clusters)} clusters")
    if not np.isfinite(found).all():
        raise ValueError("a value is not a finite number")
    ids = cluster_ids(clusters)
    most = int(ids.max(initial=-1)) + 1
    sums, ones = np.bincount(ids, weights=found, minlength=most), np.ones(len(found))
    sizes = np.bincount(ids, weights=ones, minlength=most)
    return ClusterSums(np.asarray(sums, np.float64), np.asarray(sizes, np.float64))
