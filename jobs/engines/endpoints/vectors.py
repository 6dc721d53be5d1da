"""Embeddings of texts by /v1/embeddings, each asked for once."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import EnvironmentProblem
from jobs.engines.endpoints.client import Fault
from jobs.engines.endpoints.pool import Pool
from jobs.engines.endpoints.store import Store
from jobs.logic.endpoints.answers import NoAnswer, error_text

BATCH = 32
"""Texts of a request."""
Vectors = NDArray[np.float32]


def text_id(model: str, text: str) -> str:
    return hashlib.sha256(json.dumps([model, text]).encode("ascii")).hexdigest()


class Read(NamedTuple):
    """A request; `tokens`: that were read for it, None where the server does not tell."""

    tokens: int | None
    kept: bool
    """An earlier run made it."""


async def embed(
    texts: Sequence[str], model: str, store: Store, pool: Pool, asked_as: str
) -> tuple[Vectors, list[Read]]:
    """`[texts, dimensions]`, and the requests for it: the same ones, however often it was cut off.

    Raises EnvironmentProblem where a request failed after all its tries.
    """
    names = {text_id(model, text): text for text in texts}

    async def one(part: Sequence[str]) -> Read | None:
        missing = [name for name in part if store.vector(name) is None]
        if not missing:
            known = store.reading(_reading_id(part))
            return None if known is None else Read(known[0], kept=True)
        body = json.dumps({"model": asked_as, "input": [names[name] for name in missing]}).encode("ascii")
        try:
            found, used = await pool.post("/embeddings", body, lambda data: read(data, len(missing)))
        except Fault as fault:
            raise EnvironmentProblem(
                f"embeddings: no answer ({fault}); the server may have no /v1/embeddings"
            ) from None
        store.keep_vectors(dict(zip(missing, found, strict=True)), _reading_id(part), used)
        return Read(used, kept=False)

    whole = list(names)
    parts = [whole[start : start + BATCH] for start in range(0, len(whole), BATCH)]
    requests = [found for found in await asyncio.gather(*(one(part) for part in parts)) if found is not None]
    rows = [store.vector(text_id(model, text)) for text in texts]
    known = [row for row in rows if row is not None]
    if len({row.shape for row in known}) > 1:
        raise EnvironmentProblem("embeddings: the servers' vectors have different lengths; give servers of one model")
    return np.stack(known) if known else np.zeros((0, 0), np.float32), requests


def _reading_id(part: Sequence[str]) -> str:
    return hashlib.sha256("".join(part).encode("ascii")).hexdigest()


def read(data: Any, num: int) -> tuple[list[Vectors], int | None]:
    """The vectors of an answer in the order of the texts, and the tokens read; raises NoAnswer."""
    if not isinstance(data, dict):
        raise NoAnswer("no-object", "the body is no object")
    if data.get("error"):
        raise NoAnswer("error-object", error_text(data))
    entries = data.get("data")
    if not isinstance(entries, list) or len(entries) != num:
        raise NoAnswer("no-choices", f"expected {num} vectors")
    try:
        ordered = sorted(entries, key=lambda entry: entry["index"])
        vectors = [np.asarray(entry["embedding"], dtype=np.float32) for entry in ordered]
    except (KeyError, TypeError, ValueError) as error:
        raise NoAnswer("no-choices", f"a vector cannot be read ({error})") from None
    if any(vector.ndim != 1 or not vector.size or not np.isfinite(vector).all() for vector in vectors):
        raise NoAnswer("no-choices", "a vector is empty or not finite")
    usage = data["usage"] if isinstance(data.get("usage"), dict) else {}
    used = usage.get("prompt_tokens")
    return vectors, used if isinstance(used, int) else None
