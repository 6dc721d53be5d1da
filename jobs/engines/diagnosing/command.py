"""`python -m jobs diagnose key=value ...`: from what is on disk to the cause, beside the chain; it only reads.

A run of ours, or with diagnose.look=[...] anybody's files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jobs.core import pipeline, provenance, terminal
from jobs.core.artifact import write_whole
from jobs.core.errors import Exit, Refusal
from jobs.engines.diagnosing import answer_files, model_files, own_run, recipe_files, row_files
from jobs.engines.diagnosing.looking import Looked, look
from jobs.engines.diagnosing.row_files import Survey
from jobs.logic.diagnosing import files, kinds, words
from jobs.logic.diagnosing.every_cause import CAUSES
from jobs.logic.diagnosing.evidence import Evidence, Taken
from jobs.logic.diagnosing.page import page
from jobs.logic.diagnosing.ranking import Diagnosis, diagnosed
from jobs.logic.rows.clean import CleanOptions

FOLDER = "diagnose"
DIGITS = 8


@dataclass(frozen=True)
class Asked:
    """What is looked at, and where the files go."""

    title: str
    root: Path
    """What paths are told from."""
    paths: tuple[str, ...]
    out: Path


def diagnose(asked: Asked, survey: Survey, clean: CleanOptions) -> int:
    """Say what each file is, what was found, and write `diagnosis.html`, `.json` and `.sarif`.

    0: no cause among what was checked; 3: causes. Raises Refusal where there is nothing to look at.
    """
    terminal.say(f"{asked.title}: looking at {len(asked.paths):,} paths")
    looked = look(asked.paths)
    seen, looked = evidence(looked, survey, clean)
    if not looked.of(*(set(kinds.KINDS) - set(kinds.NEVER_READ))):
        said = "; ".join(f"{one.path}: {one.why}" for one in looked.taken[:3])
        raise Refusal(f"diagnose.look: nothing here can be read ({said})", without=["diagnose.look"])
    found = diagnosed(seen, CAUSES).told_from(str(asked.root))
    asked.out.mkdir(parents=True, exist_ok=True)
    about = [replace(one, path=_short(one.path, asked.root)) for one in looked.taken]
    as_json = files.as_json(found, about, looked.left_out)
    for name, data in (("diagnosis.json", as_json), ("diagnosis.sarif", files.as_sarif(found, provenance.commit()))):
        write_whole(asked.out / name, (json.dumps(data, ensure_ascii=False, indent=2) + "\n").encode())
    write_whole(asked.out / "diagnosis.html", page(asked.title, found, about, looked.left_out).encode())
    show(asked, found, about, looked.left_out)
    return Exit.GATE_FAILED if found.found else Exit.PASSED


def chosen(look_at: tuple[str, ...], out: str | None, runs: str, run: str) -> Asked:
    """The files that were named, or those of the run."""
    if look_at:
        digest = hashlib.sha256("\n".join(look_at).encode()).hexdigest()[:DIGITS]
        return Asked("Diagnosis", Path.cwd(), look_at, Path(out) if out else Path(runs) / f"{FOLDER}-{digest}")
    root = Path(runs) / run
    if not root.is_dir():
        raise Refusal(f"{root}: there is no such run; name one with run.name=, or files with diagnose.look=[...]")
    return Asked(f"Diagnosis: {run}", root, tuple(own_run.paths(root)), Path(out) if out else root / FOLDER)


def evidence(looked: Looked, survey: Survey, clean: CleanOptions) -> tuple[Evidence, Looked]:
    """All that the files say; what turned out to be unreadable is said in what is given back."""
    order = [stage.name for stage in pipeline.PIPELINE]
    findings, facts = own_run.said(looked, order)
    recipe = recipe_files.read(looked)
    models = model_files.read(recipe.looked)
    rows = row_files.read(models.looked, survey)
    answered = answer_files.read(rows.looked, clean)
    seen = Evidence(
        taken=answered.looked.taken,
        findings=findings,
        facts=facts,
        train_rows=rows.train_rows,
        held_out_rows=rows.held_out_rows,
        answers=answered.answers,
        settings=recipe.settings,
        log=recipe.log,
        base_tokenizer=recipe.base_tokenizer,
        tokenizer=recipe.tokenizer,
        labels=recipe.labels,
        other_tokenizers=recipe.other_tokenizers,
        texts=recipe.texts,
        base=models.base,
        adapter=models.adapter,
        merged=models.merged,
        weights=models.weights,
        ggufs=models.ggufs,
        modelfile=models.modelfile,
    )
    return seen, answered.looked


def _short(path: str, root: Path) -> str:
    """As a person would say it: from `root` on, where it is below."""
    try:
        return str(Path(path).resolve().relative_to(root.resolve()))
    except ValueError:
        return path


def show(asked: Asked, found: Diagnosis, taken: Sequence[Taken], left_out: str) -> None:
    """What was read, the causes, what is not checked and ruled out, what to do; the answer is said last."""
    terminal.table(f"What was read, in {asked.root}", words.TAKEN_HEADS, words.taken(words.without_records(taken)))
    if left_out:
        terminal.say(f"not looked at: {left_out}")
    if causes := words.causes(found):
        terminal.table("Causes", words.CAUSE_HEADS, causes)
    if not_seen := words.not_seen(found):
        terminal.table("Not checked", words.NOT_SEEN_HEADS, not_seen)
    if out := words.ruled_out_by_link(found):
        terminal.table("Ruled out", words.RULED_OUT_HEADS, out)
    for line in (*words.what_to_do(found), *words.experiments(found)):
        terminal.say(line)
    terminal.say(f"diagnose: {words.headline(found)}")
    terminal.say(f"all of it: {asked.out / 'diagnosis.html'}")
