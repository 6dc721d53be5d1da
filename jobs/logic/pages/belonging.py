"""Whether answers belong to their prompts, in a sentence for the report: those of the rows, and those of the models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jobs.logic.pages.amounts import count, p_value, percent, score

WORDS = {
    "belong": "Answers belong to their prompts",
    "do not belong": "Answers do not belong to their prompts",
    "cannot say": "Whether answers belong to their prompts cannot be seen in their letters",
}


def of_rows(found: Mapping[str, Any]) -> str:
    """From the facts of `prepare`."""
    return (
        f"{WORDS[found['word']]}: {percent(found['own'])} of an answer's rare letters stand in its own prompt, "
        f"{percent(found['other'])} in those of other rows (permutation test on {count(found['num_rows'], 'row')}, "
        f"p {p_value(found['p'])})."
    )


def of_models(behaviours: Sequence[Mapping[str, Any]]) -> str:
    """Of every model but the base under the default prompt; empty where there is none."""
    told = [
        f"{one['model']} {score(one['belonging']['own'])} against {score(one['belonging']['other'])} "
        f"(p {p_value(one['belonging']['p'])})"
        for one in behaviours
        if one["model"] != "base"
    ]
    if not told:
        return ""
    return f"Agreement with the row's own reference against that with other rows', by permutation: {', '.join(told)}."
