"""Embeddings of texts by /v1/embeddings, each asked for once."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from typing import Any

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


async def embed(texts: Sequence[str], model: str, store: Store, pool: Pool, asked_as: str) -> tuple[Vectors, int]:
    """`[texts, dimensions]`, and the tokens that were read for it, as far as the server tells.

    Raises EnvironmentProblem where a request failed after all its tries.
    """
    names = {text_id(model, text): text for text in texts}
    missing = [name for name in names if store.vector(name) is None]
    tokens = 0

    async def one(part: Sequence[str]) -> int:
        body = json.dumps({"model": asked_as, "input": [names[name] for name in part]}).encode("ascii")
        try:
            found, used = await pool.post("/embeddings", body, lambda data: read(data, len(part)))
        except Fault as fault:
            raise EnvironmentProblem(
                f"embeddings: no answer ({fault}); the server may have no /v1/embeddings"
            ) from None
        store.keep_vectors(dict(zip(part, found, strict=True)))
        return used

    parts = [missing[start : start + BATCH] for start in range(0, len(missing), BATCH)]
    tokens = sum(await asyncio.gather(*(one(part) for part in parts)))
    rows = [store.vector(text_id(model, text)) for text in texts]
    whole = [row for row in rows if row is not None]
    if len({row.shape for row in whole}) > 1:
        raise EnvironmentProblem("embeddings: the servers' vectors have different lengths; give servers of one model")
    return np.stack(whole) if whole else np.zeros((0, 0), np.float32), tokens


def read(data: Any, num: int) -> tuple[list[Vectors], int]:
    """The vectors of an answer in the order of the texts; raises NoAnswer."""
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
    return vectors, used if isinstance(used, int) else 0
