"""What is known of an adapter that was trained elsewhere, and what is to be said of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from jobs.core.model import StrictModel
from jobs.core.rule import Skip
from jobs.logic.training import base_names

T = TypeVar("T")


class Adopted(StrictModel):
    """An adapter folder as its maker saved it."""

    base_named: str
    """The base model by its adapter_config.json; empty where it names none."""
    base_id: str
    """The base model of this run."""
    revision_named: str | None
    peft_version: str | None
    rank: int
    """Of the modules that no pattern names."""
    scales: dict[str, float]
    """Target to its effective scale; of several, the largest."""
    has_rslora: bool
    changed: list[str]
    """Files of the folder that are not the ones that were taken."""


def trained(value: T | None) -> T:
    """What only a training log can tell; raises Skip where there is none."""
    if value is None:
        raise Skip("the adapter was adopted, not trained here: there is no training log to look at")
    return value


def adopted_lines(adopted: Adopted) -> list[tuple[str, str]]:
    """For people."""
    by = f"PEFT {adopted.peft_version}" if adopted.peft_version else "PEFT"
    scales = sorted(set(adopted.scales.values()))
    if len(scales) == 1:
        said = f"{scales[0]:g}"
    else:
        said = ", ".join(f"{name} {scale:g}" for name, scale in sorted(adopted.scales.items()))
    return [
        (
            "adopted",
            f"not trained here; saved by {by} for {adopted.base_named or 'a base that it does not name'}",
        ),
        (
            "rank and scale",
            f"rank {adopted.rank}{' with rsLoRA' if adopted.has_rslora else ''}, effective scale {said}",
        ),
    ]


def another_base(adopted: Adopted) -> Iterator[str]:
    """Where the names contradict each other."""
    named, base = adopted.base_named, adopted.base_id
    if base_names.another_size(named, base) or base_names.another_variant(named, base):
        yield f"the adapter was trained on {named}, by its adapter_config.json; the base of this run is {base}"


def doubtful_base(adopted: Adopted) -> Iterator[str]:
    """Where the names do not say that the two are one."""
    named, base = adopted.base_named, adopted.base_id
    if not named:
        yield f"the adapter names no base model; the base of this run is {base}"
    elif not base_names.same(named, base):
        if not any(another_base(adopted)):
            yield f"the adapter names {named}, the base of this run is {base}"
    elif base_names.is_quantized(named):
        yield f"the adapter was trained on {named}, weights of few bits; it is folded into {base}, which has more"


def changed_files(adopted: Adopted) -> Iterator[str]:
    """One message a file."""
    for name in adopted.changed:
        yield f"{name}: has other bytes than the file that was adopted"


def unknown_rows(adopted: Adopted, num_rows: int) -> Iterator[str]:
    """Said of every adopted adapter."""
    yield f"whether the adapter has seen any of the {num_rows} held-out rows cannot be told from its files"
