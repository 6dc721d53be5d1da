"""What every stage does around its `run`: check the config, open the ancestors, judge, publish, say, exit."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from pydantic import ValidationError

from jobs.core import config, headline, pipeline, process, room, terminal
from jobs.core.artifact import (
    SCHEMA,
    Artifact,
    Inputs,
    Key,
    Record,
    differing as differing,
    hash_files,
    reads_fingerprint,
    write_record,
)
from jobs.core.compose import compose
from jobs.core.endings import ending
from jobs.core.errors import Damaged, EnvironmentProblem, Exit, Refusal
from jobs.core.looks import Looks
from jobs.core.model import Facts, Limits, StageConfig
from jobs.core.provenance import Stopwatch, maker
from jobs.core.rule import Finding, Gate, Verdict
from jobs.core.run_dir import NOTE, RunDir

C = TypeVar("C", bound=StageConfig)
F = TypeVar("F", bound=Facts)
L = TypeVar("L", bound=Limits)
Run = Callable[[C, Inputs, Path], F]
Outside = Callable[[C], dict[str, str]]
"""Fingerprints of what a stage takes from outside the run: label to digest."""
Look = Callable[[C], list[str]]
"""What is seen of that before anything is made or fetched, in lines; raises Refusal as the stage would."""
Estimate = Callable[[C, Inputs, Path], Iterable[str]]
"""What making it will cost, in lines, from a small part that is made for it; the folder is the run's."""
Foresight = Callable[[C, Inputs], None]
"""Raises Refusal for what a later stage would refuse, where the ancestors tell it already."""


@dataclass(frozen=True)
class State:
    """Where a stage stands with respect to what is asked of it."""

    kind: Literal["missing", "done", "differs"]
    artifact: Artifact | None = None
    differences: tuple[str, ...] = ()


class StageMain(Generic[C, F, L]):
    """A stage: its config model, its run, its gate. Called with overrides, it is the stage's command."""

    def __init__(
        self, name: str, config_model: type[C], run: Run[C, F], gate: Gate[F, L], outside: Outside[C] | None = None,
        look: Look[C] | None = None, estimate: Estimate[C] | None = None, foresight: Foresight[C] | None = None,
    ) -> None:  # fmt: skip
        self.stage, self.config_model, self.run, self.gate = pipeline.stage(name), config_model, run, gate
        self.outside, self.look, self.estimate, self.foresight = outside, look, estimate, foresight

    def slice(self, composed: Mapping[str, Any]) -> C:
        """This stage's part of the config, checked."""
        return config.checked(self.config_model, composed.get(self.stage.name), self.stage.name)

    def inputs(self, run_dir: RunDir, cfg: C) -> dict[str, Artifact]:
        """The ancestors; raises Refusal where one that is needed is missing, failed or stale."""
        found, taken = {}, cfg.takes()
        for name in self.stage.needed(taken):
            artifact = run_dir.artifact(name)
            if artifact is None:
                raise Refusal(f"{run_dir.root / name}: is missing; run `make {name}` first")
            if not artifact.passed:
                codes = ", ".join(finding.code for finding in artifact.record.verdict.failing)
                raise Refusal(
                    f"{run_dir.root / name}: its gate said no ({codes}); `make {self.stage.name}` will not open it"
                )
            stale = stale_because(run_dir, artifact)
            if stale:
                raise Refusal(f"{run_dir.root / name}: is stale: {stale}; run `make {name}` with redo=true")
            found[name] = artifact
        for name in self.stage.read(taken):
            artifact = run_dir.artifact(name)
            if artifact is not None:
                found[name] = artifact
        return found

    def key(self, cfg: C, inputs: Inputs) -> Key:
        """What the artifact would be made from; raises Refusal where it is foreseen that a later stage will."""
        if self.foresight:
            self.foresight(cfg, inputs)
        return Key(
            config=cfg.model_dump(mode="json", exclude=set(cfg.beside())),
            inputs={
                name: reads_fingerprint(artifact) if name in self.stage.reads else artifact.digest
                for name, artifact in inputs.items()
            },
            outside=self.outside(cfg) if self.outside else {},
        )

    def state(self, run_dir: RunDir, key: Key) -> State:
        """Compare what is on disk with what is asked."""
        artifact = run_dir.artifact(self.stage.name)
        if artifact is None:
            return State("missing")
        damage = artifact.problems(whole=False)
        if damage:
            raise Damaged(
                f"{artifact.root}: was changed after it was made: {'; '.join(damage[:3])}; say redo=true",
                words=["redo=true"],
            )
        differences = tuple(differing(self.stage.name, artifact.record.key, key))
        if not differences:
            self.facts(artifact.record.facts)
        return State("differs" if differences else "done", artifact, differences)

    def judge(self, facts: Mapping[str, Any], cfg: C, waivers: Mapping[str, str]) -> Verdict:
        """The verdict on stored facts under the limits of today."""
        limits: L = cfg.limits  # type: ignore[attr-defined]
        return self.gate.judge(self.facts(facts), limits, waivers)

    def facts(self, stored: Mapping[str, Any]) -> F:
        """Stored facts as the gate's model; raises Damaged where another version of this program measured them."""
        found = self.facts_or_none(stored)
        if found is None:
            raise Damaged(
                f"{self.stage.name}: its facts were measured by another version of this program; "
                "make it again with redo=true"
            )
        return found

    def facts_or_none(self, stored: Mapping[str, Any]) -> F | None:
        """Stored facts as the gate's model; None where they are not what it knows today."""
        try:
            return self.gate.facts.model_validate(dict(stored), strict=False)
        except ValidationError:
            return None

    def waivers(self, composed: Mapping[str, Any]) -> dict[str, str]:
        """The waivers; raises Refusal for one of the certificate's own rules, which only retell what others found."""
        waivers = checked_waivers(composed)
        own = [code for code in waivers if self.stage.follows and code.startswith(self.gate.prefix)]
        if own:
            raise Refusal(
                f"waivers.{own[0]}: a rule of `{self.stage.name}` cannot be waived; waive the rule it repeats",
                without=[f"waivers.{own[0]}"],
            )
        return waivers

    def rejudge(self, artifact: Artifact, cfg: C, waivers: Mapping[str, str]) -> Artifact:
        """Judge a finished artifact again; its record is rewritten only where the verdict differs."""
        verdict = self.judge(artifact.record.facts, cfg, waivers)
        if verdict == artifact.record.verdict:
            return artifact
        write_record(artifact.root, artifact.record.model_copy(update={"verdict": verdict}))
        return Artifact.open(artifact.root)

    def make(self, run_dir: RunDir, cfg: C, inputs: Inputs, key: Key, waivers: Mapping[str, str]) -> Artifact:
        """Run the stage and publish what it made."""
        watch = Stopwatch()
        partial = run_dir.begin(self.stage.name, key, self.stage.resumes)
        goes_on = any(path.name != NOTE for path in partial.iterdir())
        try:
            facts = self.run(cfg, inputs, partial)
        except Refusal:
            if not goes_on:
                run_dir.abandon(self.stage.name)
            raise
        except Exception as error:
            lacking = isinstance(error, EnvironmentProblem) or room.told(error) is not None
            if lacking and not self.stage.resumes:
                run_dir.abandon(self.stage.name)  # or it would keep the disk full
            raise
        stored = as_read_back(facts)
        with process.deferred_stop():
            return self._publish(run_dir, partial, key, stored, cfg, waivers, watch)

    def _publish(
        self, run_dir: RunDir, partial: Path, key: Key, stored: dict[str, Any], cfg: C, waivers: Mapping[str, str],
        watch: Stopwatch,
    ) -> Artifact:  # fmt: skip
        run_dir.seal(self.stage.name)
        record = Record(
            schema_version=SCHEMA,
            stage=self.stage.name,
            key=key,
            files=hash_files(partial),
            facts=stored,
            verdict=self.judge(stored, cfg, waivers),
            made_by=maker() if self.stage.follows else watch.made_by(),  # what ships must follow from the certificate
        )
        return run_dir.publish(record)

    def __call__(self, words: Sequence[str] | None = None) -> int:
        """The command `python -m jobs.<stage> key=value ...`; returns the exit code."""
        process.install_stop_handlers()
        given = sys.argv[1:] if words is None else words
        return ending(self.stage.name, lambda: self._command(given), given)

    def _command(self, words: Sequence[str]) -> int:
        composed = compose(words)
        run, cfg = config.run_config(composed), self.slice(composed)
        waivers = self.waivers(composed)
        run_dir = RunDir(Path(run.folder) / run.name)
        with run_dir.lock():
            inputs = self.inputs(run_dir, cfg)
            key = self.key(cfg, inputs)
            redo = checked_redo(composed)
            state = State("missing") if redo else self.state(run_dir, key)
            if is_kept(state) and not self.stage.follows:
                raise refusal_to_rebuild(run_dir, self.stage.name, state.differences)
            if state.kind == "done" and state.artifact is not None:
                Looks(run_dir.root).require_same(state.artifact, ships=self.stage.follows)
                artifact = self.rejudge(state.artifact, cfg, waivers)
            else:
                artifact = self.make(run_dir, cfg, inputs, key, waivers)
        facts, limits = self.facts(artifact.record.facts), cfg.limits  # type: ignore[attr-defined]
        failing = headline.failures(self.stage.name, self.gate, artifact.record.verdict, facts, limits)
        show(artifact, facts, [one.finding for one in headline.ranked(failing)])
        return Exit.PASSED if artifact.passed else Exit.GATE_FAILED


stage_main = StageMain


def as_read_back(facts: Facts) -> dict[str, Any]:
    """Facts as a record gives them back: a verdict's words follow their order."""
    found: dict[str, Any] = json.loads(json.dumps(facts.model_dump(mode="json"), sort_keys=True))
    return found


def is_kept(state: State) -> bool:
    """Whether there is something that passed, made otherwise than is asked for. What failed is made again without a
    word: nobody can have built on it."""
    return state.kind == "differs" and state.artifact is not None and state.artifact.passed


def refusal_to_rebuild(run_dir: RunDir, stage: str, differences: Sequence[str]) -> Refusal:
    """Why a finished artifact is not silently replaced, and the two ways out."""
    return Refusal(
        f"{run_dir.root / stage}: {'; '.join(differences[:6])}. Say redo=true to make it again, "
        "or another run.name to keep both",
        words=["redo=true"],
    )


def stale_because(run_dir: RunDir, artifact: Artifact) -> str | None:
    """Why an artifact no longer stands on what is there, or None."""
    made_from = artifact.record.key.inputs
    for name in pipeline.stage(artifact.record.stage).needed(made_from):
        ancestor = run_dir.artifact(name)
        if ancestor is None:
            return f"`{name}`, which it was made from, is gone"
        if made_from.get(name) != ancestor.digest:
            return f"`{name}` was made again after it"
        older = stale_because(run_dir, ancestor)
        if older:
            return older
    return None


def checked_redo(composed: Mapping[str, Any]) -> bool:
    """`redo`; raises Refusal for anything but true and false."""
    redo = composed["redo"]
    if not isinstance(redo, bool):
        raise Refusal(f"redo: expected true or false, got {redo!r}", words=["redo=true"])
    return redo


def checked_waivers(composed: Mapping[str, Any]) -> dict[str, str]:
    """`waivers` as code to reason; raises Refusal where a reason is missing."""
    waivers = composed.get("waivers") or {}
    if not isinstance(waivers, dict):
        said = 'waivers: expected rule codes with reasons, for example waivers.TRN007="short answers"'
        raise Refusal(said, without=["waivers"])
    for code, reason in waivers.items():
        if not isinstance(reason, str) or not reason.strip():
            said = f'waivers.{code}: expected the reason as text, for example waivers.{code}="known, see notes"'
            raise Refusal(said, without=[f"waivers.{code}"])
    return dict(waivers)


def show(artifact: Artifact, facts: Facts, failing: Sequence[Finding]) -> None:
    """The small tables a stage ends with: what it measured, and what the gate said where it is not a pass.

    `failing`: what keeps it from passing, the headline first.
    """
    record = artifact.record
    terminal.table(f"{record.stage}: what was measured", ("", ""), facts.lines())
    terminal.drawing(facts.drawing)
    said = [
        (finding.code, finding.status, f"{finding.name}: {message}")
        for finding in [*failing, *(one for one in record.verdict.findings if one.status in ("waived", "warn"))]
        for message in shortened(finding.messages)
    ]
    if said:
        terminal.table("", ("rule", "status", "what"), said)
    for finding in failing:
        terminal.say(f"  fix for {finding.code}: {finding.fix}")
    for note in record.verdict.notes:
        terminal.say(f"  note: {note}")
    passed = sum(finding.status == "pass" for finding in record.verdict.findings)
    terminal.say(f"{record.stage}: {record.verdict.status} ({passed} of {len(record.verdict.findings)} rules passed)")


def shortened(messages: Sequence[str], most: int = 3) -> list[str]:
    """The first `most` messages and a count of the rest."""
    rest = len(messages) - most
    return list(messages[:most]) + ([f"... and {rest} more"] if rest > 0 else [])
