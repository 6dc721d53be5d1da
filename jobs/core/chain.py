"""The chain: every stage up to one, a process each, stopping at the first gate that says no."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jobs.core import command_line, config, dry, headline, memory, offers, pipeline, process, terminal, way_out
from jobs.core.artifact import Artifact, differing
from jobs.core.errors import Damaged, EnvironmentProblem, Exit, Interrupted, MissingValue, Refusal
from jobs.core.headline import Failure
from jobs.core.looks import Looks
from jobs.core.run_dir import LOCK_VARIABLE, RunDir
from jobs.core.stage import (
    StageMain,
    checked_redo,
    checked_waivers,
    is_kept,
    refusal_to_rebuild,
    shortened,
    stale_because,
)
from jobs.core.way_out import Typed
from jobs.core.words import with_words

Main = StageMain[Any, Any, Any]
LAST = pipeline.PIPELINE[-1].name


@dataclass(frozen=True)
class Work:
    """What every stage of one command is made with."""

    run_dir: RunDir
    composed: Mapping[str, Any]
    words: Sequence[str]
    """Those that compose to it."""
    asked: Typed
    lock: int
    looks: Looks


def load(name: str) -> Main:
    """The stage's module, which imports nothing heavy."""
    main: Main = importlib.import_module(f"jobs.{name}").main
    return main


def run_chain(
    target: str, words: Sequence[str], composed: Mapping[str, Any], asked: Typed | None = None, is_dry: bool = False
) -> int:
    """Make everything up to `target`; returns the exit code of the first stage that did not pass, or 0.

    `composed` is what `words` compose to; the words themselves go to each stage's process. `asked`: what was typed,
    where that is something else.

    Where a gate says no, the report is still made, uncertified.
    """
    run, asked = config.run_config(composed), asked or Typed(target, tuple(words))
    run_dir = RunDir(Path(run.folder) / run.name)
    run_dir.require_idle()
    _check_typed(words, composed)
    mains = {stage.name: load(stage.name) for stage in pipeline.PIPELINE}
    stages = pipeline.up_to(target, _takes(_slices(mains, composed, ())))
    slices = _slices(mains, composed, {stage.name for stage in stages})
    checked_redo(composed)
    mains[LAST].waivers(composed)
    _warn_of_unknown_waivers(composed, mains)
    if is_dry:
        _require_kept(run_dir, stages, slices, checked_redo(composed))
        return dry.tell(target, asked, [mains[stage.name] for stage in stages], slices, run_dir, composed)
    with run_dir.lock() as lock:
        _require_kept(run_dir, stages, slices, checked_redo(composed))
        known = memory.read(run_dir.root)
        memory.keep(run_dir.root, words)
        work = Work(run_dir, composed, words, replace(asked, known=tuple(known)), lock, Looks(run_dir.root))
        stage, code = _made(stages, mains, slices, work, target)
        if code not in (Exit.PASSED, Exit.GATE_FAILED):
            return code  # its process has said why, and that is what is to be read last
        if code == Exit.GATE_FAILED and stage.name != LAST and LAST in slices:
            _report_failure(mains[LAST], slices[LAST], work)
        stopped = _stopped(run_dir, stages, mains, slices) if code == Exit.GATE_FAILED else []
        show(run_dir, stages, stopped)
        _say_why(run_dir, stages, code, stopped, mains)
        if code == Exit.GATE_FAILED:
            terminal.say(_way_on(work, stages, stopped, mains))
        elif target == LAST:
            for line in _closing(run_dir.artifact(LAST), run):
                terminal.say(line)
    return code


def _made(
    stages: Sequence[pipeline.Stage], mains: Mapping[str, Main], slices: Mapping[str, Any], work: Work, target: str
) -> tuple[pipeline.Stage, int]:
    """Make stages up to the first that does not pass; that one, or the last, and its exit code.

    What a refused command has said is not remembered, it may have been wrong; what has made something is.
    """
    code = int(Exit.PASSED)
    for stage in stages:
        try:
            code = _one(mains[stage.name], slices[stage.name], work, stage.name == target)
        except Refusal:
            _unlearn(work, stages, stage)
            raise
        if code == Exit.REFUSED:
            _unlearn(work, stages, stage)
        if code != Exit.PASSED:
            break
    return stage, code


def _unlearn(work: Work, stages: Sequence[pipeline.Stage], refused: pipeline.Stage) -> None:
    behind = pipeline.NAMES[pipeline.NAMES.index(refused.name) :]
    memory.take_back(work.run_dir.root, work.asked.known or (), behind, all_of_them=refused == stages[0])


def _report_failure(main: Main, cfg: Any, work: Work) -> None:
    """Make the uncertified report; that it cannot be made does not hide which gate said no."""
    try:
        _one(main, cfg, work, True)
    except (Refusal, EnvironmentProblem) as problem:
        terminal.say(f"{LAST}: not made: {problem}")


def _require_kept(run_dir: RunDir, stages: Sequence[pipeline.Stage], slices: Mapping[str, Any], redo: bool) -> None:
    """Raises Refusal where what passed was made with another config, before anything is made or fetched."""
    differences: dict[str, list[str]] = {}
    for stage in stages if not redo else ():
        with contextlib.suppress(Refusal):  # a damaged record: its own stage says so
            artifact, cfg = run_dir.artifact(stage.name), slices[stage.name]
            if artifact is not None and artifact.passed and not stage.follows:
                old = artifact.record.key
                asked = old.model_copy(update={"config": cfg.model_dump(mode="json", exclude=set(cfg.beside()))})
                differences[stage.name] = differing(stage.name, old, asked)
    changed = [name for name, found in differences.items() if found]
    if changed:
        raise refusal_to_rebuild(run_dir, changed[0], [one for name in changed for one in differences[name]])


def _slices(mains: Mapping[str, Main], composed: Mapping[str, Any], asked: Collection[str]) -> dict[str, Any]:
    """Every stage's config, checked; a value that only a later stage needs may still be missing."""
    slices: dict[str, Any] = {}
    for name, main in mains.items():
        try:
            slices[name] = main.slice(composed)
        except MissingValue:
            if name in asked:
                raise
    return slices


def _takes(slices: Mapping[str, Any]) -> pipeline.Takes:
    """What each stage takes by its config; nothing where that is not known yet."""
    return lambda name: slices[name].takes() if name in slices else ()


def _check_typed(words: Sequence[str], composed: Mapping[str, Any]) -> None:
    """Check the slices that `words` name first: a wrong value is answered by its own key, before the rest is loaded."""
    for name in dict.fromkeys(word.split(".")[0] for word in words):
        if name in pipeline.NAMES:
            with contextlib.suppress(MissingValue):
                load(name).slice(composed)


def _one(main: Main, cfg: Any, work: Work, target: bool) -> int:
    """Bring one stage up to date: answer from its record where nothing changed, else a child makes it."""
    name, waivers, run_dir = main.stage.name, main.waivers(work.composed), work.run_dir
    redo = checked_redo(work.composed)
    key = main.key(cfg, main.inputs(run_dir, cfg))
    try:
        state = main.state(run_dir, key) if not (redo and target) else None
        if state is not None and state.kind == "done" and state.artifact is not None:
            work.looks.require_same(state.artifact, ships=name == LAST)
    except Damaged:
        if not redo:
            raise
        state = None
    if state is not None and state.kind == "done" and state.artifact is not None:
        artifact = main.rejudge(state.artifact, cfg, waivers)
        terminal.say(f"{name}: nothing to do, {artifact.record.verdict.status}")
        return Exit.PASSED if artifact.passed else Exit.GATE_FAILED
    if state is not None and is_kept(state) and not redo and not main.stage.follows:
        raise refusal_to_rebuild(run_dir, name, state.differences)
    if state is not None and state.kind == "differs" and not main.stage.follows and not is_kept(state):
        terminal.say(f"{name}: is made again, since it did not pass: {'; '.join(state.differences[:3])}")
    again = redo and (state is None or state.kind == "differs")
    kept = [word for word in work.words if not word.startswith("redo=")]
    command = [sys.executable, "-m", f"jobs.{name}", *kept, *(["redo=true"] if again else [])]
    terminal.say(f"{name}: {main.stage.title}")
    variables = {LOCK_VARIABLE: str(work.lock), way_out.TYPED: work.asked.as_variable()}
    child = process.run_child(command, process.environment(**variables), (work.lock,))
    if process.stop_requested() and (child < 0 or child == Exit.PASSED):
        raise Interrupted("stopped")
    if child < 0:
        raise EnvironmentProblem(
            f"`{name}` was ended by signal {-child}, often for lack of memory; run the command again"
        )
    return child


def _stopped(
    run_dir: RunDir, stages: Sequence[pipeline.Stage], mains: Mapping[str, Main], slices: Mapping[str, Any]
) -> list[Failure]:
    """What failed at the stage where the chain stopped, the headline first."""
    found: list[Failure] = []
    for stage in stages:
        artifact, main = run_dir.artifact(stage.name), mains[stage.name]
        if artifact is not None and not artifact.passed:
            facts, limits = main.facts_or_none(artifact.record.facts), slices[stage.name].limits
            found += headline.failures(stage.name, main.gate, artifact.record.verdict, facts, limits)
    return headline.ranked(found)


def show(run_dir: RunDir, stages: Sequence[pipeline.Stage], stopped: Sequence[Failure] = ()) -> None:
    """The table of every stage and its verdict; `stopped`: what failed where the chain stopped, the headline first."""
    rows = []
    for stage in stages:
        artifact = run_dir.artifact(stage.name)
        if artifact is None:
            rows += [] if stopped else [(stage.name, "-", "", "", "not made")]
            continue
        record, by = artifact.record, artifact.record.made_by
        failing = [one.finding for one in stopped if one.stage == stage.name] or record.verdict.failing
        said = "; ".join(f"{finding.code} {finding.name}" for finding in failing)
        warned = ", ".join(finding.code for finding in record.verdict.findings if finding.status == "warn")
        note = said or (f"warned: {warned}" if warned else "")
        stale = stale_because(run_dir, artifact)
        if stopped and stage.name != LAST and pipeline.NAMES.index(stage.name) > pipeline.NAMES.index(stopped[0].stage):
            note = f"made before {stopped[0].stage} failed"
        rows.append(
            (
                stage.name,
                record.verdict.status,
                terminal.seconds(by["seconds"]) if "seconds" in by else "",
                terminal.memory(by["peak_rss_bytes"]) if "peak_rss_bytes" in by else "",
                f"stale: {stale}" if stale else note,
            )
        )
    terminal.table(f"run {run_dir.root.name}", ("stage", "verdict", "took", "peak memory", ""), rows)


def _say_why(
    run_dir: RunDir, stages: Sequence[pipeline.Stage], code: int, stopped: Sequence[Failure], mains: Mapping[str, Main]
) -> None:
    for first in stopped[:1]:
        finding = first.finding
        terminal.say(f"stopped at {first.stage} by {finding.code} {finding.name}")
        for message in shortened(finding.messages):
            terminal.say(f"  {message}")
        terminal.say(f"  fix: {finding.fix}")
        made = [(mains[one.name].gate, artifact) for one in stages if (artifact := run_dir.artifact(one.name))]
        causes = headline.behind(first.code, [(gate, artifact.record.verdict) for gate, artifact in made])
        if causes:
            terminal.say(f"  may come from: {', '.join(f'{one.code} {one.name} ({one.status})' for one in causes)}")
        follows = headline.explained_by(first, stopped)
        for other in stopped[1:]:
            how = "follows from it" if other.code in follows else "failed too"
            terminal.say(f"  {how}: {other.code} {other.finding.name}: {other.finding.messages[0]}")
    report = run_dir.root / LAST / "report.html"
    told = stages[-1].name == LAST or code == Exit.GATE_FAILED  # an older report tells of an older run
    if told and report.exists():
        terminal.say(f"report: {os.path.relpath(report)}")


def _way_on(work: Work, stages: Sequence[pipeline.Stage], stopped: Sequence[Failure], mains: Mapping[str, Main]) -> str:
    """The line to paste after a gate's no: with what its rule names, where that has a value, and `redo` where that is
    about something that passed."""
    first, asked = stopped[0] if stopped else None, replace(work.asked, known=None)
    if first is None:
        return way_out.arrow(asked, [])
    found = list(first.words) or next(offers.taken("\n".join(first.said), asked.words), [])
    with contextlib.suppress(Refusal):
        composed = config.compose(with_words(work.words, found))
        _require_kept(work.run_dir, stages, _slices(mains, composed, ()), False)
        return way_out.arrow(asked, found)
    return way_out.arrow(asked, [*found, "redo=true"])


def _closing(report: Artifact | None, run: config.RunConfig) -> list[str]:
    """The report's last lines: what was made, and how to use it."""
    if report is None:
        return []
    meant = {"{run}": os.path.relpath(report.root.parent)}
    meant |= {f"{{{command}}}": command_line.typed(command, run) for command in ("chat", "serve")}
    lines = report.record.facts.get("closing", [])
    return [re.sub(r"{\w+}", lambda found: meant.get(found[0], found[0]), str(line)) for line in lines]


def _warn_of_unknown_waivers(composed: Mapping[str, Any], mains: Mapping[str, Main]) -> None:
    known = {rule.code for main in mains.values() for rule in main.gate.rules}
    for code in sorted(checked_waivers(composed)):
        if code not in known:
            terminal.say(f"warning: waivers.{code}: no rule has this code; docs/rules.md lists them")
