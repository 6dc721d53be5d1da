"""What is known of an adapter that was trained elsewhere, and what is to be said of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeVar

from jobs.core.model import StrictModel
from jobs.core.rule import Skip
from jobs.logic.pages.amounts import count, number
from jobs.logic.training import base_names

if TYPE_CHECKING:
    from jobs.checks.train import TrainFacts, TrainLimits

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
        said = f"{number(scales[0])}"
    else:
        said = ", ".join(f"{name} {number(scale)}" for name, scale in sorted(adopted.scales.items()))
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


def adopted_of(facts: TrainFacts) -> Adopted:
    """What is known of it; raises Skip where the adapter was trained here."""
    if facts.adopted is None:
        raise Skip("the adapter was trained here")
    return facts.adopted


def adapter_of_another_base(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """The adopted adapter names another base model than the run's.

    Why: a base and what was made of it have the same shapes; an update of one folds into the other without a word.
    Fix: set model= to the model the adapter names; where the names mislead and the weights are the same, waive it.
    """
    adopted = adopted_of(facts)
    if _contradicts(adopted):
        yield (
            f"the adapter was trained on {adopted.base_named}, by its adapter_config.json; the base of this run is "
            f"{adopted.base_id}"
        )


def _contradicts(adopted: Adopted) -> bool:
    named, base = adopted.base_named, adopted.base_id
    return base_names.another_size(named, base) or base_names.another_variant(named, base)


def adapter_is_not_the_adopted_one(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """The adapter in the folder is not the one that was adopted, byte for byte.

    Why: an adopted adapter is proven as it is; what is folded must be what was given.
    Fix: adopt it again with redo=true.
    """
    for name in adopted_of(facts).changed:
        yield f"{name}: has other bytes than the file that was adopted"


def held_out_rows_may_be_known(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """The adapter was trained elsewhere: whether it has seen the held-out rows is not known.

    Why: agreement and losses on rows that a model was trained on say little about rows that it was not.
    Fix: take rows that are newer than the adapter, or that were never given to it, as prepare.files.
    """
    adopted_of(facts)
    rows = count(facts.num_val_rows, "held-out row")
    yield f"whether the adapter has seen any of the {rows} cannot be told from its files"


def base_not_known_to_be_its_own(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """By their names, the adapter's base model may or may not be the run's.

    Why: nothing in an adapter's file tells which weights it was trained on; shapes only tell the size.
    Fix: name the base as its hub does (fetch.id or model=), and the adapter's base_model_name_or_path likewise.
    """
    adopted = adopted_of(facts)
    named, base = adopted.base_named, adopted.base_id
    if not named:
        yield f"the adapter names no base model; the base of this run is {base}"
    elif not base_names.same(named, base) and not _contradicts(adopted):
        yield f"the adapter names {named}, the base of this run is {base}"
    elif base_names.same(named, base) and base_names.is_quantized(named):
        yield f"the adapter was trained on {named}, weights of few bits; it is folded into {base}, which has more"
