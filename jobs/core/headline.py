"""Which of the findings that stopped a run is told first: the one that explains the others (docs/design.md)."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.core.model import StrictModel
from jobs.core.rule import Finding, Gate, Measured, Rule, Skip, Verdict
from jobs.core.values import rounded

ENOUGH = 0.5
"""A cause is at least this part as far beyond its limit as what it explains."""
LIMIT = re.compile(r"\b[a-z]+\.limits(?:\.\w+)+")


@dataclass(frozen=True)
class Failure:
    """A finding that keeps a stage from passing."""

    stage: str
    finding: Finding
    title: str
    why: str
    explains: tuple[str, ...]
    distance: float | None
    """How far beyond its limit, 0 to 1 (`Measured`); None where there is nothing to measure, only right and wrong."""
    inherited: bool
    """What the model was made from has the same fault to the same extent, so that this stage did not bring it."""
    words: tuple[str, ...] = ()
    """Of a command line that mends it, where the rule knows."""

    @property
    def said(self) -> list[str]:
        """What was found and how to mend it, in words."""
        return [*self.finding.messages, self.finding.fix]

    @property
    def code(self) -> str:
        return self.finding.code


def failures(
    stage: str, gate: Gate[Any, Any], verdict: Verdict, facts: StrictModel | None, limits: StrictModel
) -> list[Failure]:
    """The failing findings of one stage, in rule order; its rules are asked again for how far they are beyond."""
    rules = {rule.code: rule for rule in gate.rules}
    return [_failure(stage, finding, rules.get(finding.code), facts, limits) for finding in verdict.failing]


def _failure(
    stage: str, finding: Finding, rule: Rule[Any, Any] | None, facts: StrictModel | None, limits: StrictModel
) -> Failure:
    if rule is None:
        return Failure(stage, finding, finding.name, "", (), None, False)
    said: list[str] = []
    if facts is not None and finding.status == "fail":
        with contextlib.suppress(Skip):  # under the limits of today; then there is nothing to measure
            said = list(rule.check(facts, limits))
    measured = [message for message in said if isinstance(message, Measured)]
    far = max((message.distance for message in measured), default=None) if len(measured) == len(said) else None
    inherited = bool(measured) and len(measured) == len(said) and all(message.inherited for message in measured)
    words = tuple(dict.fromkeys(word for message in measured for word in message.words))
    words = words or tuple(allowed(rule, measured[:1]))
    return Failure(stage, finding, rule.title, rule.why, rule.explains, far, inherited, words)


def allowed(rule: Rule[Any, Any], measured: Sequence[Measured]) -> Iterator[str]:
    """The limit that lets pass what was measured, where the rule's `Fix:` names its key: then a person may allow it."""
    for message in measured:
        for key in LIMIT.findall(rule.fix)[:1]:
            if math.isfinite(message.value) and message.value != message.limit:
                yield f"{key}={rounded(message.value, up=message.value > message.limit)}"


def ranked(found: Iterable[Failure]) -> list[Failure]:
    """The failures of the stage that stopped the chain, the headline first. `found`: of all stages, in their order.

    What was there before comes last; then what another explains. Of the others the one that explains the most is first,
    then the one that is furthest beyond its limit.
    """
    every = list(found)
    if not every:
        return []
    explained = {one.code: explained_by(one, every) for one in every}
    effects = {code for codes in explained.values() for code in codes}
    here = [one for one in every if one.stage == every[0].stage]

    def order(one: Failure) -> tuple[bool, bool, int, float]:
        far = 1.0 if one.distance is None else one.distance
        return one.inherited, one.code in effects, -len(explained[one.code]), -far

    return sorted(here, key=order)


def explained_by(cause: Failure, every: Sequence[Failure]) -> list[str]:
    """Codes of the other failures that follow from this one, directly or by way of each other."""
    waiting, found = [cause], list[str]()
    while waiting:
        one = waiting.pop()
        for other in every:
            if other.code not in (*found, cause.code) and _follows(one, other):
                found.append(other.code)
                waiting.append(other)
    return [other.code for other in every if other.code in found]


def _follows(cause: Failure, effect: Failure) -> bool:
    if effect.code not in cause.explains or cause.inherited:
        return False
    return cause.distance is None or effect.distance is None or cause.distance >= ENOUGH * effect.distance


def behind(code: str, told: Iterable[tuple[Gate[Any, Any], Verdict]]) -> list[Finding]:
    """Findings that did not stop the chain, warned of or waived, whose rules explain this code: where to look first."""
    found = []
    for gate, verdict in told:
        causes = {rule.code for rule in gate.rules if code in rule.explains}
        found += [one for one in verdict.findings if one.code in causes and one.status in ("warn", "waived")]
    return found
