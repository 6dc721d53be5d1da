"""Evidence to a diagnosis: every cause asked, ranked by how certain it is, then by where in the chain it sits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from jobs.logic.diagnosing.cause import CAUSES, Cause, Outcome, asked
from jobs.logic.diagnosing.certainty import Certainty
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.symptoms_seen import SymptomSeen, symptoms_seen

MOST_EXPERIMENTS = 2


@dataclass(frozen=True)
class Told:
    """One cause and what the evidence says of it."""

    cause: Cause
    outcome: Outcome
    under: str
    """Code of the found cause that it follows from; empty: of none."""

    @property
    def certainty(self) -> Certainty:
        return self.outcome.certainty


@dataclass(frozen=True)
class Diagnosis:
    """Everything that is told, in the order in which it is told."""

    told: tuple[Told, ...]
    symptoms: tuple[SymptomSeen, ...] = ()
    """What answers show, whatever its cause."""

    def told_from(self, folder: str) -> Diagnosis:
        """The same, files below `folder` said from there on."""
        front = folder.rstrip("/") + "/"
        symptoms = tuple(replace(one, file=one.file.removeprefix(front)) for one in self.symptoms)
        return Diagnosis(tuple(replace(one, outcome=one.outcome.told_from(folder)) for one in self.told), symptoms)

    @property
    def failed(self) -> tuple[Told, ...]:
        """Causes whose check ended with an error."""
        return tuple(one for one in self.told if one.outcome.failed)

    def of(self, certainty: Certainty) -> tuple[Told, ...]:
        """Causes of one class, in their order."""
        return tuple(one for one in self.told if one.certainty is certainty)

    @property
    def found(self) -> tuple[Told, ...]:
        """Causes that were proven or measured."""
        return tuple(one for one in self.told if one.certainty.found)

    @property
    def roots(self) -> tuple[Told, ...]:
        """Those that follow from no other, and those that merely fit, the first one first."""
        wanted = (Certainty.PROVEN, Certainty.MEASURED, Certainty.CONSISTENT)
        return tuple(one for one in self.told if one.certainty in wanted and not one.under)

    def following(self, code: str) -> tuple[Told, ...]:
        """What stands under a cause."""
        return tuple(one for one in self.told if one.under == code)

    @property
    def experiments(self) -> tuple[tuple[Told, str], ...]:
        """For the first open causes, the cheapest command that tells them from others; each command once."""
        found: dict[str, Told] = {}
        for one in self.of(Certainty.CONSISTENT):
            if not one.under and one.cause.separates and one.cause.separates not in found:
                found[one.cause.separates] = one
        return tuple((one, command) for command, one in found.items())[:MOST_EXPERIMENTS]

    @property
    def missing(self) -> Mapping[str, tuple[Told, ...]]:
        """What was not given, by name, and the causes that could therefore not be seen; the most telling one first."""
        found: dict[str, list[Told]] = {}
        for one in self.of(Certainty.NOT_CHECKED):
            for name in one.outcome.decides:
                found.setdefault(name, []).append(one)
        ordered = sorted(found.items(), key=lambda item: -len(item[1]))
        return {name: tuple(causes) for name, causes in ordered}


def diagnosed(evidence: Evidence, causes: Sequence[Cause] | None = None) -> Diagnosis:
    """Ask every cause. What follows from a cause that was found stands under it."""
    listed = CAUSES if causes is None else causes
    outcomes = {one.code: asked(one, evidence) for one in listed}
    by_code = {one.code: one for one in listed}
    ordered = sorted(listed, key=lambda one: (outcomes[one.code].certainty.rank, one.link, one.code))
    above = _above(ordered, outcomes, by_code)
    told = tuple(Told(one, outcomes[one.code], above.get(one.code, "")) for one in ordered)
    return Diagnosis(told, symptoms_seen(evidence))


def _above(ordered: Iterable[Cause], outcomes: Mapping[str, Outcome], by_code: Mapping[str, Cause]) -> dict[str, str]:
    """Code to the code of the found root that it follows from. A root is explained by no other that was found."""
    listed = list(ordered)
    found = [one.code for one in listed if outcomes[one.code].certainty.found]
    told = {*found, *(one.code for one in listed if outcomes[one.code].certainty is Certainty.CONSISTENT)}
    below = {code: _below(code, by_code) for code in found}
    above: dict[str, str] = {}
    for root in found:
        if not any(root in below[other] for other in found):
            above |= dict.fromkeys((below[root] & told) - above.keys(), root)
    return above


def _below(root: str, by_code: Mapping[str, Cause]) -> set[str]:
    """Everything that usually follows from a cause, over others too; never the cause itself."""
    waiting, seen = list(by_code[root].explains), {root}
    while waiting:
        code = waiting.pop()
        if code not in seen and code in by_code:
            seen.add(code)
            waiting += by_code[code].explains
    return seen - {root}
