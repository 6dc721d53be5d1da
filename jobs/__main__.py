"""`python -m jobs <stage> key=value ...`: the chain up to that stage, one process each, its exit code.

`python -m jobs` lists the stages; `rules` prints docs/rules.md, `failures` docs/failures.md; `preview` shows which
tokens of the rows are graded; `estimate` says what a run will need; `diagnose` goes from what is on disk to the cause;
`chat` talks to a run's GGUF, `serve` serves it, `forgetting` asks it and its base a suite of questions; `compare` holds
two models beside each other, `compare-votes` tells what people voted on a blind sheet, `compare-live` what two arms in
real use have shown so far, `judge-sheet` makes a sheet of what a judge was asked; `certificate FOLDER [key=FILE]`
checks a shipped folder offline.
"""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs.core import memory, pipeline, process, terminal, way_out
from jobs.core.endings import ending
from jobs.core.errors import EnvironmentProblem, Exit, Refusal

COMPARING = ("compare", "compare-votes", "compare-live", "judge-sheet")
BESIDE = (
    "all", "look", "chat", "serve", "forgetting", "estimate", "fits", "preview", *COMPARING, "diagnose", "rules",
    "failures", "certificate",
)  # fmt: skip
"""Commands that are no stage."""
DRY = "dry=true"
"""Says what a stage and all before it would do, and does nothing."""


def main(words: Sequence[str]) -> int:
    """Answer one command line; returns the exit code."""
    process.install_stop_handlers()
    if not words or words[0] in ("help", "-h", "--help"):
        return ending("help", usage)
    command, rest = words[0], [word for word in words[1:] if word not in (DRY, "dry=false")]
    return ending(command, lambda: answer(command, rest, DRY in words), rest)


def answer(command: str, rest: Sequence[str], is_dry: bool = False) -> int:
    """Dispatch; raises Refusal for a command that does not exist."""
    if command == "rules":
        from jobs.core.documents import rules_page

        print(rules_page(), end="")
        return Exit.PASSED
    if command == "failures":
        from jobs.logic.diagnosing.failures import failures_page

        print(failures_page(), end="")
        return Exit.PASSED
    if command == "diagnose":
        return diagnosing(rest)
    if command == "estimate":
        return estimating(rest)
    if command == "fits":
        return fits(rest)
    if command == "preview":
        from jobs.preflight import preview

        return preview(rest)
    if command == "look":
        return look(rest)
    if command == "chat":
        from jobs.engines.chat.command import chat

        return chat(rest)
    if command == "serve":
        from jobs.engines.chat.serving import serve

        return serve(rest)
    if command == "forgetting":
        from jobs.engines.forgetting.command import forgetting

        return forgetting(rest)
    if command in COMPARING:
        return comparing(command, rest, is_dry)
    if command == "certificate":
        from jobs.report import check_command

        return check_command(rest)
    stage = pipeline.NAMES[-1] if command == "all" else command
    if stage not in pipeline.NAMES:
        near = difflib.get_close_matches(command, (*pipeline.NAMES, *BESIDE), n=1)
        raise Refusal(
            f"no such stage; there are: {', '.join(pipeline.NAMES)}, {', '.join(BESIDE)}", command=(near or ["help"])[0]
        )
    from jobs.core.compose import compose  # a wrong key is answered before the stages' models are loaded

    recalled = memory.recall(rest)
    try:
        composed = compose(recalled.words)
    except Refusal as refusal:
        raise recalled.told(refusal) from None
    if recalled.line:
        terminal.say(recalled.line)
    from jobs.core import chain

    require_fit(stage, composed)
    return chain.run_chain(stage, recalled.words, composed, way_out.Typed(command, tuple(rest)), is_dry)


def diagnosing(words: Sequence[str]) -> int:
    """From what is on disk to the cause; rows are read as `prepare` reads them."""
    from jobs.checks.diagnose import options
    from jobs.core.compose import compose
    from jobs.engines.diagnosing.command import chosen, diagnose
    from jobs.prepare import surveyor

    asked = options(words)
    files = chosen(asked.look, asked.out, asked.runs, asked.run)
    return diagnose(files, *surveyor(compose(words)))


def require_fit(target: str, composed: Mapping[str, Any]) -> None:
    """Raises EnvironmentProblem where this machine cannot make what is asked for; what else is wrong the chain says."""
    from jobs.checks.estimate import least

    try:
        from jobs.core.config import run_config

        smallest, run = least(composed), run_config(composed)
    except Refusal:
        return
    if smallest is not None:
        from jobs.engines.estimating.fitting import require_fit as on_this_machine

        on_this_machine(smallest, Path(run.folder) / run.name, [stage.name for stage in pipeline.up_to(target)])


def fits(words: Sequence[str]) -> int:
    """What launchers ask before anything is rented: on stdout, as JSON, the least that the run needs of a machine, and
    the words that make it fit each of `estimate.cards`; `null` where that is not known."""
    from jobs.checks.estimate import least, settings
    from jobs.core.compose import compose
    from jobs.logic.estimating import cards, fitting

    composed = compose(words)
    smallest = least(composed)
    if smallest is None:
        print("null")
        return Exit.PASSED
    judged = [cards.judged(smallest, gib) for gib in settings(composed).cards]
    needed = {
        "gpu_gib": fitting.gpu_gib(smallest),
        "ram_bytes": {"gpu": fitting.ram_bytes(smallest, True), "cpu": fitting.ram_bytes(smallest, False)},
        "words": {str(one.gib): list(one.words) for one in judged if one.fits},
    }
    print(json.dumps(needed))
    return Exit.PASSED


def estimating(words: Sequence[str]) -> int:
    """What a run would need, before anything is downloaded; its rows go through `prepare`."""
    from functools import partial

    from jobs.checks import estimate as checked
    from jobs.core.compose import compose
    from jobs.core.config import run_config
    from jobs.engines.estimating import counting
    from jobs.engines.estimating.command import Asked, estimate
    from jobs.prepare import for_estimate

    recalled = memory.recall(words)
    composed = compose(recalled.words)
    cfg, run, base = checked.settings(composed), run_config(composed), checked.base(composed)
    counted = counting.counted(composed, run, partial(for_estimate, composed))
    asked = Asked(
        recipe=checked.recipe(composed, counted.rows),
        base=base.said,
        counted=counted,
        run=run.name,
        runs=Path(run.folder),
        cards=tuple(cfg.cards),
        card=cfg.card,
        usd_per_hour=cfg.usd_per_hour,
        out=Path(cfg.out) if cfg.out else Path(run.folder) / run.name / "estimate",
    )
    return estimate(asked, recalled.words, checked.recipe)


def comparing(command: str, words: Sequence[str], is_dry: bool) -> int:
    """Two models beside each other, people's votes on blind sheets, and two arms in real use."""
    if command == "compare-live":
        from jobs.checks.compare_live import options as live_options
        from jobs.engines.comparing.live_command import compare_live

        return compare_live(live_options(words))
    from jobs.checks.compare import options

    asked = options(words)
    if command == "compare":
        from jobs.engines.comparing.comparison import compare

        return compare(asked, is_dry)
    if command == "compare-votes":
        from jobs.engines.comparing.voting import compare_votes

        return compare_votes(asked)
    from jobs.engines.comparing.judge_sheet import judge_sheet

    return judge_sheet(asked)


def look(words: Sequence[str]) -> int:
    """The first rows of `prepare.files`, as `prepare` would read them; launchers ask before anything is rented."""
    from jobs.core.compose import compose

    try:
        from jobs.prepare import look as first_rows, main as prepare

        for line in first_rows(prepare.slice(compose(words))):
            terminal.say(line)
    except ModuleNotFoundError as error:
        raise EnvironmentProblem(f"rows are not looked at: {error.name} is not installed here") from None
    return Exit.PASSED


def usage() -> int:
    """The stages in order."""
    rows = [(stage.name, stage.title) for stage in pipeline.PIPELINE]
    terminal.table("python -m jobs <stage> key=value ...", ("stage", "what it does"), rows)
    return Exit.PASSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
