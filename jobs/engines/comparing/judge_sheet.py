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
from jobs.logic.comparing.options import Options
from jobs.logic.judging.pairs import Pair
from jobs.logic.pages.amounts import count
from jobs.logic.row import Message

JUDGE = "judge"


def judge_sheet(asked: Options) -> int:
    """Raises Refusal where the run has no judge, or its answers are all the same."""
    run = RunDir(Path(asked.runs) / asked.run)
    if not run.root.is_dir():
        raise Refusal(f"run.name: there is no run {run.root}; name one that was judged", without=["run.name"])
    judge = run.artifact(JUDGE)
    if judge is None:
        raise Refusal(
            f"{run.root}: was not judged yet; `make judge` with judge=pairwise does that", words=["judge=pairwise"],
            command=JUDGE,
        )  # fmt: skip
    pairs = read_pairs(judge)
    out = Path(asked.out).expanduser() if asked.out else Path(asked.runs) / places.COMPARISONS / f"judge-{asked.run}"
    same = data_digest([judge.digest, asked.sheet.pairs])
    with places.whole(out, asked.redo, same) as folder:
        number = sheets.write(pairs, names(judge, asked.run), asked, folder, out)
        if not number:
            raise Refusal(f"{run.root}: all {len(pairs):,} pairs are of one text twice; people have nothing to choose")
    terminal.say(
        f"{count(number, 'pair')} of {len(pairs):,}: send {out / 'sheet.html'} to people, keep the key beside it"
    )
    print(f'with their files: make judge ARGS="run.name={asked.run} judge.votes=[FILE.json]"', flush=True)
    return Exit.PASSED


def names(judge: Artifact, run: str) -> tuple[str, str]:
    """What the two sides are called, in the key alone."""
    config = judge.record.key.config
    return run, str(config.get("against", "the other"))


def read_pairs(judge: Artifact) -> list[Pair]:
    """The pairs of a `judge` artifact, as it wrote them."""
    found = []
    with judge.file("answers.jsonl").open(encoding="utf-8", errors="surrogatepass") as file:
        for line in file:
            one = json.loads(line)
            prompt = tuple(Message(role, content) for role, content in one["prompt"])
            found.append(Pair(one["id"], one["source"], prompt, one["first"], one["second"], one.get("reference")))
    return found
