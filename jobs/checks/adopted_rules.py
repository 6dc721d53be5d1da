"""The rules of `train` that only an adopted adapter is asked."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.checks.adopted import Adopted, another_base, changed_files, doubtful_base, unknown_rows
from jobs.checks.train import GATE, TrainFacts, TrainLimits
from jobs.core.rule import Skip


@GATE.rule("020", "adapter-of-another-base", explains=("TRN005", "PAR001"))
def adapter_of_another_base(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """The adopted adapter names another base model than the run's.

    Why: a base and what was made of it have the same shapes; an update of one folds into the other without a word.
    Fix: set model= to the model the adapter names; where the names mislead and the weights are the same, waive it.
    """
    yield from another_base(_adopted(facts))


@GATE.rule("021", "adapter-is-not-the-adopted-one", explains=("GEN007", "PAR001"))
def adapter_is_not_the_adopted_one(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """The adapter in the folder is not the one that was adopted, byte for byte.

    Why: an adopted adapter is proven as it is; what is folded must be what was given.
    Fix: adopt it again with redo=true.
    """
    yield from changed_files(_adopted(facts))


@GATE.rule("022", "held-out-rows-may-be-known", level="info", explains=("GEN006",))
def held_out_rows_may_be_known(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """The adapter was trained elsewhere: whether it has seen the held-out rows is not known.

    Why: agreement and losses on rows that a model was trained on say little about rows that it was not.
    Fix: take rows that are newer than the adapter, or that were never given to it, as prepare.files.
    """
    yield from unknown_rows(_adopted(facts), facts.num_val_rows)


@GATE.rule("023", "base-not-known-to-be-its-own", level="warn", explains=("TRN005", "PAR001"))
def base_not_known_to_be_its_own(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """By their names, the adapter's base model may or may not be the run's.

    Why: nothing in an adapter's file tells which weights it was trained on; shapes only tell the size.
    Fix: name the base as its hub does (fetch.id or model=), and the adapter's base_model_name_or_path likewise.
    """
    yield from doubtful_base(_adopted(facts))


def _adopted(facts: TrainFacts) -> Adopted:
    if facts.adopted is None:
        raise Skip("the adapter was trained here")
    return facts.adopted
