"""`python -m jobs judge-sheet run.name=...`: a blind sheet of what a run's judge was asked, for people."""

from __future__ import annotations

import json
from pathlib import Path

from jobs.core import terminal
from jobs.core.artifact import Artifact
from jobs.core.errors import Exit, Refusal
from jobs.core.provenance import data_digest
from jobs.core.run_dir import RunDir
from jobs.engines.comparing import places, sheets
from jobs.engines.comparing.voting import JUDGED
from jobs.engines.judging import files
from jobs.logic.comparing.options import Options
from jobs.logic.comparing.votes import Choice
from jobs.logic.judging.pairs import Judged, Pair
from jobs.logic.judging.usable import PAIRS
from jobs.logic.pages.amounts import count
from jobs.logic.row import Message

JUDGE = "judge"


def judge_sheet(asked: Options) -> int:
    """Raises Refusal where the run was not judged, or its answers are all the same."""
    run = RunDir(Path(asked.runs) / asked.run)
    if not run.root.is_dir():
        raise Refusal(f"run.name: there is no run {run.root}; name one that was judged", without=["run.name"])
    judge = run.artifact(JUDGE)
    if judge is None:
        raise Refusal(
            f"{run.root}: was not judged yet; `make judge` with judge=pairwise does that",
            words=["judge=pairwise"],
            command=JUDGE,
        )
    pairs = pairs_of(judge.file("answers.jsonl"))
    out = Path(asked.out).expanduser() if asked.out else Path(asked.runs) / places.COMPARISONS / f"judge-{asked.run}"
    same = data_digest([judge.digest, asked.sheet.pairs])
    with places.whole(out, asked.redo, same) as folder:
        number = sheets.write(pairs, (asked.run, str(judge.record.key.config["against"])), asked, folder, out)
        if not number:
            raise Refusal(f"{run.root}: all {len(pairs):,} pairs are of one text twice; people have nothing to choose")
        (folder / JUDGED).write_text(json.dumps(said(judge), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    terminal.say(
        f"{count(number, 'pair')} of {len(pairs):,}: send {out / 'sheet.html'} to people, keep the key beside it"
    )
    print(f'then: make judge ARGS="run.name={asked.run} judge.votes=[FILE.json] redo=true"', flush=True)
    return Exit.PASSED


def pairs_of(answers: Path) -> list[Pair]:
    """The pairs of a `judge` artifact's answers.jsonl, as it wrote them."""
    return [
        Pair(
            one["id"], one["source"], tuple(Message(*turn) for turn in one["prompt"]), one["first"], one["second"],
            one["reference"],
        )
        for one in files.read_lines(answers)
    ]  # fmt: skip


def said(judge: Artifact) -> dict[str, Choice | None]:
    """What the judge said of each pair that it was asked about."""
    last: dict[str, list[Choice | None]] = {}
    for call in files.read_lines(judge.file("verdicts.jsonl")):
        if call["of"] == PAIRS:
            last.setdefault(call["pair"], [None, None])[call["order"]] = call["choice"]
    return {pair: sheets.choice_of(Judged(pair, (both[0], both[1]))) for pair, both in last.items()}
