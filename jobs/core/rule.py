"""Gates: rules that turn a stage's facts into a verdict.

A rule is a generator over (facts, limits) that yields one message per offence. Its docstring is its documentation:
the first line is the title, then `Why:` and `Fix:`. docs/rules.md is generated from it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from jobs.core.model import StrictModel

Level = Literal["error", "warn", "info"]
Status = Literal["pass", "fail", "warn", "skip", "waived", "crashed"]

F = TypeVar("F", bound=StrictModel)
L = TypeVar("L", bound=StrictModel)
Check = Callable[[F, L], Iterator[str]]


class Skip(Exception):
    """Raised by a rule that has nothing to look at; the text says why."""


class Measured(str):
    """A message that knows how far `value` is beyond `limit`, which orders findings (`core/headline.py`).

    `distance` is the part of the way from the limit to `worst`, the worst that there can be: 0 at the limit, 1 at the
    end. `inherited`: what this model was made from has the fault to the same extent. `words`: those of a command line
    that mends it, such as `preflight.max_length=1024`.
    """

    distance: float
    inherited: bool
    value: float
    limit: float
    words: tuple[str, ...]

    def __new__(
        cls, text: str, value: float, limit: float, worst: float = math.inf, inherited: bool = False,
        words: Sequence[str] = (),
    ) -> Measured:  # fmt: skip
        message = super().__new__(cls, text)
        message.value, message.limit, message.words = value, limit, tuple(words)
        message.distance, message.inherited = distance(value, limit, worst), inherited
        return message


def distance(value: float, limit: float, worst: float) -> float:
    """Of the way from `limit` to `worst`; where there is no worst, 1 less the limit's part of the value."""
    if not math.isfinite(value):
        return 1.0
    if math.isinf(worst):
        way = 1 - abs(limit / value) if value else 0.0
    else:
        way = (value - limit) / (worst - limit) if worst != limit else 1.0
    return min(max(way, 0.0), 1.0)


class Finding(StrictModel):
    """What one rule said."""

    code: str
    name: str
    level: Level
    status: Status
    messages: list[str]
    fix: str


class Verdict(StrictModel):
    """What a gate said of a stage: `pass` only if it asked something and nothing failed or crashed."""

    status: Literal["pass", "fail"]
    findings: list[Finding]
    notes: list[str]
    """Said about the judging itself: waivers that match nothing, a gate that asked nothing."""

    @property
    def statuses(self) -> dict[str, Status]:
        """Rule code to status."""
        return {finding.code: finding.status for finding in self.findings}

    @property
    def failing(self) -> list[Finding]:
        """The findings that keep the stage from passing, in rule order."""
        return [finding for finding in self.findings if finding.status in ("fail", "crashed")]


@dataclass(frozen=True)
class Rule(Generic[F, L]):
    """One question a gate asks."""

    code: str
    name: str
    level: Level
    explains: tuple[str, ...]
    title: str
    why: str
    fix: str
    check: Check[F, L]


class Gate(Generic[F, L]):
    """The rules of one stage, in the order they are asked.

    `facts` and `limits` are the models the rules look at; `prefix` opens every code (`TOK` gives `TOK002`).
    """

    def __init__(self, stage: str, prefix: str, facts: type[F], limits: type[L]) -> None:
        self.stage, self.prefix, self.facts, self.limits = stage, prefix, facts, limits
        self.rules: list[Rule[F, L]] = []

    def rule(
        self, number: str, name: str, level: Level = "error", explains: tuple[str, ...] = ()
    ) -> Callable[[Check[F, L]], Check[F, L]]:
        """Register a rule; raises ValueError where its code is taken or its docstring lacks `Why:` or `Fix:`."""
        code = f"{self.prefix}{number}"
        if any(code == rule.code or name == rule.name for rule in self.rules):
            raise ValueError(f"{code} {name}: the code or the name is taken")

        def register(check: Check[F, L]) -> Check[F, L]:
            title, why, fix = _sections(code, check.__doc__ or "")
            self.rules.append(Rule(code, name, level, explains, title, why, fix, check))
            return check

        return register

    def judge(self, facts: F, limits: L, waivers: Mapping[str, str]) -> Verdict:
        """Ask every rule. `waivers` maps codes to reasons; only codes of this gate are looked at."""
        findings = [_ask(rule, facts, limits, waivers) for rule in self.rules]
        failed = any(finding.status in ("fail", "crashed") for finding in findings)
        asked = any(finding.status != "skip" for finding in findings)
        notes = [] if asked else [f"the {self.stage} gate asked nothing, which is never a pass"]
        used = {finding.code for finding in findings if finding.status == "waived"}
        for code in sorted(waivers):
            if code.startswith(self.prefix) and code not in used:
                notes.append(f"the waiver for {code} matches nothing: take it out")
        return Verdict(status="pass" if asked and not failed else "fail", findings=findings, notes=notes)


def _ask(rule: Rule[F, L], facts: F, limits: L, waivers: Mapping[str, str]) -> Finding:
    status: Status
    try:
        messages = list(rule.check(facts, limits))
        status = "pass" if not messages else "fail" if rule.level == "error" else "warn"
        if status == "fail" and rule.code in waivers:
            status, messages = "waived", [*messages, f"waived: {waivers[rule.code]}"]
    except Skip as skip:
        status, messages = "skip", [str(skip)]
    except Exception as error:  # a rule that crashed must be seen as such, never as a pass
        status, messages = "crashed", [f"{type(error).__name__}: {error}"]
    return Finding(code=rule.code, name=rule.name, level=rule.level, status=status, messages=messages, fix=rule.fix)


def _sections(code: str, docstring: str) -> tuple[str, str, str]:
    found = re.fullmatch(r"\s*(.+?)\n\s*\n\s*Why: (.+?)\n\s*Fix: (.+?)\s*", docstring, re.DOTALL)
    if found is None:
        raise ValueError(f"{code}: the docstring must be a title, an empty line, `Why: ...` and `Fix: ...`")
    title, why, fix = (re.sub(r"\s+", " ", part).strip() for part in found.groups())
    return title, why, fix
