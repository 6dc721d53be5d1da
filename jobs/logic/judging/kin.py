"""Who may not judge: the model that is judged, its base, what made its rows, and all of their families."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from jobs.logic.endpoints.family import Identity, kinship

ARCHITECTURE = "qwen3"
"""Of every model that is trained here: `fetch` takes no other."""


@dataclass(frozen=True)
class Kin:
    """What names and files tell."""

    related: list[str]
    """In words: to whom, and how."""
    unknown: list[str]
    """Those of whom nothing tells."""


def kin(judge: Identity, others: Mapping[str, Identity]) -> Kin:
    """How a judge stands to each of `others`, who are named as a person knows them."""
    related, unknown = [], []
    for name, other in others.items():
        found = kinship(judge, other)
        if found == "same":
            related.append(f"it is {name}")
        elif found == "family":
            related.append(f"it is of the family of {name}")
        elif found == "unknown":
            unknown.append(name)
    return Kin(related, unknown)


def judged_models(base: str, judged: Identity, made: Mapping[str, Any]) -> dict[str, Identity]:
    """Who may not judge. `base`: its name; `judged`: of the GGUF, by whose names a server may have it; `made`: how
    `synth` made rows."""
    found = {
        "the model that is judged": replace(judged, architecture=ARCHITECTURE),
        "its base": Identity((base,) if base else (), None, ARCHITECTURE),
    }
    for what, word in (("generator", "what wrote its rows"), ("scorer", "what scored its rows")):
        model = made.get(what)
        if model is not None:
            found[f"{word}, {model['name']}"] = Identity((model["name"],), model["file_sha256"] or None)
    return found
