"""The chain: every stage up to one, a process each, stopping at the first gate that says no."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs.core import command_line, config, dry, headline, pipeline, process, terminal
from jobs.core.artifact import Artifact
from jobs.core.errors import Damaged, EnvironmentProblem, Exit, MissingValue, Refusal
from jobs.core.headline import Failure
from jobs.core.looks import Looks
from jobs.core.run_dir import LOCK_VARIABLE, RunDir
from jobs.core.stage import StageMain, checked_redo, checked_waivers, refusal_to_rebuild, shortened, stale_because

Main = StageMain[Any, Any, Any]
LAST = pipeline.PIPELINE[-1].name


def load(name: str) -> Main:
    """The stage's module, which imports nothing heavy."""
    main: Main = importlib.import_module(f"jobs.{name}").main
    return main


def run_chain(target: str, words: Sequence[str], composed: Mapping[str, Any], is_dry: bool = False) -> int:
    """Make everything up to `target`; returns the exit code of the first stage that did not pass, or 0.

    `composed` is what `words` compose to; the words themselves go to each stage's process.

    Where a gate says no, the report is still made, uncertified.
    """
    run = config.run_config(composed)
    run_dir = RunDir(Path(run.folder) / run.name)
    run_dir.require_idle()
    _check_typed(words, composed)
    stages = pipeline.up_to(target)
    mains = {stage.name: load(stage.name) for stage in pipeline.PIPELINE}
    slices = _slices(mains, composed, {stage.name for stage in stages})
    checked_redo(composed)
    mains[LAST].waivers(composed)
    _warn_of_unknown_waivers(composed, mains)
    if is_dry:
        asked, waivers = [mains[stage.name] for stage in stages], checked_waivers(composed)
        return dry.tell(target, words, asked, slices, run_dir, checked_redo(composed), waivers)
    with run_dir.lock() as lock:
        code, looks = int(Exit.PASSED), Looks(run_dir.root)
        for stage in stages:
            is_target = stage.name == target
            code = _one(mains[stage.name], slices[stage.name], run_dir, composed, words, lock, is_target, looks)
            if code != Exit.PASSED:
                break
        if code == Exit.GATE_FAILED and stage.name != LAST and LAST in slices:
            _report_failure(mains[LAST], slices[LAST], run_dir, composed, words, lock, looks)
        stopped = _stopped(run_dir, stages, mains, slices) if code == Exit.GATE_FAILED else []
        show(run_dir, stages, stopped)
        _say_why(run_dir, stages, code, stopped, mains)
        if target == LAST and code == Exit.PASSED:
            for line in _closing(run_dir.artifact(LAST), run):
                terminal.say(line)
    return code


def _report_failure(
    main: Main, cfg: Any, run_dir: RunDir, composed: Mapping[str, Any], words: Sequence[str], lock: int, looks: Looks
) -> None:
    """Make the uncertified report; that it cannot be made does not hide which gate said no."""
    try:
        _one(main, cfg, run_dir, composed, words, lock, True, looks)
    except (Refusal, EnvironmentProblem) as problem:
        terminal.say(f"{LAST}: not made: {problem}")


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


def _check_typed(words: Sequence[str], composed: Mapping[str, Any]) -> None:
    """Check the slices that `words` name first: a wrong value is answered by its own key, before the rest is loaded."""
    for name in dict.fromkeys(word.split(".")[0] for word in words):
        if name in pipeline.NAMES:
            with contextlib.suppress(MissingValue):
                load(name).slice(composed)


def _one(
    main: Main, cfg: Any, run_dir: RunDir, composed: Mapping[str, Any], words: Sequence[str], lock: int, target: bool,
    looks: Looks,
) -> int:  # fmt: skip
    """Bring one stage up to date: answer from its record where nothing changed, else a child makes it."""
    name, waivers = main.stage.name, main.waivers(composed)
    redo = checked_redo(composed)
    key = main.key(cfg, main.inputs(run_dir))
    try:
        state = main.state(run_dir, key) if not (redo and target) else None
        if state is not None and state.kind == "done" and state.artifact is not None:
            looks.require_same(state.artifact, ships=name == LAST)
    except Damaged:
        if not redo:
            raise
        state = None
    if state is not None and state.kind == "done" and state.artifact is not None:
        artifact = main.rejudge(state.artifact, cfg, waivers)
        terminal.say(f"{name}: nothing to do, {artifact.record.verdict.status}")
        return Exit.PASSED if artifact.passed else Exit.GATE_FAILED
    if state is not None and state.kind == "differs" and not redo and not main.stage.follows:
        raise Refusal(refusal_to_rebuild(run_dir, name, state.differences))
    again = redo and (state is None or state.kind == "differs")
    kept = [word for word in words if not word.startswith("redo=")]
    command = [sys.executable, "-m", f"jobs.{name}", *kept, *(["redo=true"] if again else [])]
    terminal.say(f"{name}: {main.stage.title}")
    child = process.run_child(command, process.environment(**{LOCK_VARIABLE: str(lock)}), (lock,))
    if process.stop_requested() and (child < 0 or child in (Exit.PASSED, Exit.INTERRUPTED)):
        return Exit.INTERRUPTED
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
            rows.append((stage.name, "-", "", "", "not made"))
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
