"""Divergences token by token, as lines that can be kept, and what they add up to for each artefact."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from jobs.logic.parity.divergence import retention

Line = dict[str, Any]


class Scores(Protocol):
    """One model against the reference, `[tokens]` each, in the order of rows and places."""

    @property
    def kl(self) -> NDArray[np.float64]: ...
    @property
    def same_top(self) -> NDArray[np.bool_]: ...
    @property
    def nll(self) -> NDArray[np.float64]: ...


def as_lines(
    ids: Sequence[str], sizes: Sequence[int], reference_nll: NDArray[np.float64], scores: Mapping[str, Scores]
) -> list[Line]:
    """A line per row: `kl` of every token, and sums of `same_top` and `nll`, for each model that was scored on it.

    A model may have been scored on the first rows only. What is not finite is null.
    """
    ends = np.cumsum(sizes).tolist()
    lines = []
    for name, size, end in zip(ids, sizes, ends, strict=True):
        here = {model: slice(end - size, end) for model, found in scores.items() if len(found.kl) >= end}
        lines.append(
            {
                "id": name,
                "num_tokens": size,
                "kl": {model: [kept(value) for value in scores[model].kl[part]] for model, part in here.items()},
                "same_top": {model: int(scores[model].same_top[part].sum()) for model, part in here.items()},
                "nll": {"reference": kept(reference_nll[end - size : end].sum())}
                | {model: kept(scores[model].nll[part].sum()) for model, part in here.items()},
            }
        )
    return lines


def kept(value: float) -> float | None:
    """Nine significant digits; null where JSON has no number for it."""
    return float(f"{value:.9g}") if math.isfinite(value) else None


def token_mean(lines: Sequence[Line], model: str, what: str) -> float:
    """Mean of `kl` or `nll` over all tokens of the lines that have it; NaN if one is not finite, or there is none."""
    having = [line for line in lines if model in line[what]]
    values = [value for line in having for value in (line[what][model] if what == "kl" else [line[what][model]])]
    count: int = sum(line["num_tokens"] for line in having)
    if not count or any(value is None for value in values):
        return math.nan
    return math.fsum(values) / count


def whole(lines: Sequence[Line], model: str) -> list[Line]:
    """The lines with a divergence of `model`, and of the base, for each token."""
    return [
        line for line in lines if all(len(line["kl"].get(one, ())) == line["num_tokens"] for one in ("base", model))
    ]


def parities(lines: Sequence[Line], artifacts: Sequence[str], num_resamples: int, seed: int) -> list[dict[str, Any]]:
    """The parity of each artefact that was scored, as keyword arguments: means, p99, retention with its interval."""
    found = []
    for artifact in artifacts:
        having = whole(lines, artifact)
        if not having:
            continue
        kl = _numbers(having, artifact)
        prompts = np.repeat(np.arange(len(having)), [line["num_tokens"] for line in having])
        value, low, high = retention(_numbers(having, "base"), kl, prompts, num_resamples, seed)
        found.append(
            {
                "artifact": artifact,
                "num_rows": len(having),
                "num_tokens": len(kl),
                "kl_mean": float(kl.mean()),
                "kl_p99": float(np.percentile(kl, 99)),
                "same_top": sum(line["same_top"][artifact] for line in having) / len(kl),
                "retention": value,
                "retention_low": low,
                "retention_high": high,
                "nll": token_mean(having, artifact, "nll"),
                "nonfinite": int((~np.isfinite(kl)).sum()),
            }
        )
    return found


def _numbers(lines: Sequence[Line], model: str) -> NDArray[np.float64]:
    return np.array([math.nan if one is None else one for line in lines for one in line["kl"][model]], np.float64)
