"""Whoever is stopped is told by what: a message of a rule says the limit that it was judged by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from jobs.core import chain, model, pipeline
from jobs.core.evidence import evidence
from jobs.core.rule import Gate
from jobs.logic.pages import amounts
from tests.stages import records

SAYS = (
    amounts.percent,
    amounts.score,
    amounts.score_gain,
    amounts.number,
    amounts.loss,
    amounts.p_value,
    amounts.count,
)
NOT_ASKED = {
    "prepare.enough_val_rows": "allows what min_val_share does not; it breaks nothing",
    "train.max_validation_rise": "asked where validation losses rise beyond noise",
    "train.implausible_loss": "asked where training loss is next to nothing",
    "preflight.max_prompt_share": "asked where prompts have a weight",
    "preflight.max_neftune_alpha": "asked where noise is added",
    "verify.advised_retention": "asked where several types were made",
    "smoke.min_power": "asked where answers go with any reference as well",
    "verify.min_power": "likewise",
    "quantize.min_imatrix_tokens": "asked where there is an importance matrix",
}
"""Limits that the plausible facts of a good run cannot be beyond, whatever they are set to."""
LEAST = ("max_validation_rise",)
STAGES = [stage.name for stage in pipeline.CHAIN if stage.name in records.FACTS]


def every_limit(limits: dict[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in limits.items():
        if isinstance(value, dict):
            yield from every_limit(value, (*before, key))
        elif isinstance(value, int | float):
            yield (*before, key)


def changed(limits: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    key, *rest = path
    return limits | {key: changed(limits[key], tuple(rest), value) if rest else value}


def told(gate: Gate[Any, Any], facts: Any, limits: dict[str, Any]) -> dict[str, list[str]]:
    """Code to messages of the rules that found something."""
    verdict = gate.judge(facts, gate.limits.model_validate(limits), {})
    return {one.code: one.messages for one in verdict.findings if one.status in ("fail", "warn", "crashed")}


@pytest.mark.parametrize("stage", STAGES)
def test_a_broken_limit_stands_in_the_message(stage: str) -> None:
    gate = chain.load(stage).gate
    usual = records.limits()[stage]
    facts = gate.facts.model_validate({**records.nothing(gate.facts), **records.FACTS[stage]()}, strict=False)
    before = told(gate, facts, usual)
    unbroken = set()
    for path in every_limit(usual):
        readers = {
            code
            for code, (_, limits) in evidence(gate, facts, gate.limits.model_validate(usual)).items()
            if path[0] in limits
        }
        found = False
        for value in (-0.123, 987.654, -123, 987_654_321):
            if isinstance(value, float) == isinstance(usual_value(usual, path), int):
                continue
            if path == LEAST and value < model.EQUAL:
                continue  # refused by its name
            now = told(gate, facts, changed(usual, path, value))
            for code in readers:
                for message in now.get(code, []):
                    if message not in before.get(code, []):
                        found = True
                        assert any(say(value) in message for say in SAYS), f"{code}, {path}={value}: {message}"
        if not found:
            unbroken.add(".".join((stage, path[0])))
    assert unbroken <= NOT_ASKED.keys() | other_types(stage, usual), unbroken


def usual_value(limits: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        limits = limits[key]
    return limits


def other_types(stage: str, limits: dict[str, Any]) -> set[str]:
    """Limits for each type of a GGUF, of which a run has few."""
    return {f"{stage}.{name}" for name, value in limits.items() if isinstance(value, dict)}
