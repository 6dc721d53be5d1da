"""A dry run: what each stage up to one would do, from what, and what a real run would refuse. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jobs.core import command_line, terminal
from jobs.core.errors import Damaged, Exit
from jobs.core.run_dir import RunDir
from jobs.core.stage import StageMain, checked_redo, is_kept, refusal_to_rebuild
from jobs.core.way_out import Typed

TO_MAKE, MADE, FAILED = "to make", "made", "failed"
Main = StageMain[Any, Any, Any]


def tell(
    target: str, asked: Typed, mains: Sequence[Main], slices: Mapping[str, Any], run_dir: RunDir,
    composed: Mapping[str, Any],
) -> int:  # fmt: skip
    """The table of the stages, and the command. Raises the Refusal that the run would meet before it makes anything."""
    rows: list[tuple[str, str, str]] = []
    waiting: list[str] = []
    code = Exit.PASSED
    for main in mains:
        name = main.stage.name
        if code != Exit.PASSED:
            rows.append((name, "-", "not reached"))
            continue
        how, why = _standing(main, slices[name], run_dir, waiting, name == target, composed)
        if how == TO_MAKE:
            waiting.append(name)
        elif how == FAILED:
            code = Exit.GATE_FAILED
        rows.append((name, how, why))
    terminal.table(f"dry run of {run_dir.root.name}, in {run_dir.root}", ("stage", "how it stands", ""), rows)
    for line in _estimated(mains[-1], slices, run_dir, waiting) if waiting else []:
        terminal.say(line)
    if waiting:
        terminal.say(f"nothing was run; this makes {', '.join(waiting)}:")
        terminal.say(f"-> {command_line.line(asked.command, asked.words)}")
    else:
        terminal.say("nothing was run; there is nothing to make")
    return code


def _standing(
    main: Main, cfg: Any, run_dir: RunDir, waiting: Sequence[str], is_target: bool, composed: Mapping[str, Any]
) -> tuple[str, str]:
    """How a stage stands, and what it is made from; `waiting`: those before it that are to be made."""
    stage, artifact, redo = main.stage, run_dir.artifact(main.stage.name), checked_redo(composed)
    ancestors = stage.stands_on(cfg.takes())
    stands_on = ", ".join(ancestors)
    if artifact is None or (redo and is_target) or set(waiting) & set(ancestors):
        seen = [stands_on] if stands_on else _seen(main, cfg)
        saved = "; goes on from what was saved" if stage.resumes and run_dir.partial(stage.name).exists() else ""
        return TO_MAKE, f"{'again, ' if artifact is not None else ''}from {'; '.join(seen)}{saved}"
    try:
        state = main.state(run_dir, main.key(cfg, main.inputs(run_dir, cfg)))
    except Damaged:
        if not redo:
            raise
        return TO_MAKE, "again, it was changed after it was made"
    except ModuleNotFoundError as error:
        return MADE, f"whether from the same is not known: {error.name} is not installed here"
    if state.kind == "differs":
        if is_kept(state) and not redo and not stage.follows:
            raise refusal_to_rebuild(run_dir, stage.name, state.differences)
        return TO_MAKE, f"again: {'; '.join(state.differences[:3])}"
    failing = main.judge(artifact.record.facts, cfg, main.waivers(composed)).failing
    if failing:
        return FAILED, "; ".join(f"{one.code} {one.name}" for one in failing)
    return MADE, "passed, nothing to do"


def _estimated(main: Main, slices: Mapping[str, Any], run_dir: RunDir, waiting: Sequence[str]) -> Iterable[str]:
    """What the stage that was asked for will cost, where it can tell and what it stands on is made."""
    name = main.stage.name
    if main.estimate is None or list(waiting) != [name]:
        return []
    return main.estimate(slices[name], main.inputs(run_dir, slices[name]), run_dir.root)


def _seen(main: Main, cfg: Any) -> list[str]:
    """What a stage that stands on no other takes from outside."""
    try:
        return main.look(cfg) if main.look else ["the config"]
    except ModuleNotFoundError as error:
        return [f"what it reads, not looked at: {error.name} is not installed here"]
