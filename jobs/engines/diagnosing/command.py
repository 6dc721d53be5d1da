"""`python -m jobs diagnose key=value ...`: from what is on disk to the cause, beside the chain; it only reads.

A run of ours, or with diagnose.look=[...] anybody's files.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jobs.core import pipeline, provenance, terminal
from jobs.core.artifact import write_whole
from jobs.core.errors import Exit, Refusal
from jobs.engines.diagnosing import answer_files, model_files, own_run, recipe_files, row_files, row_lengths
from jobs.engines.diagnosing.looking import Looked, look
from jobs.engines.diagnosing.row_files import FirstRows, Survey
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
    word: str
    """That asks for it."""
    root: Path
    """What paths are told from: the run's folder; of files that were named, where they were named."""
    paths: tuple[str, ...]
    out: Path


def diagnose(asked: Asked, survey: Survey, clean: CleanOptions, first: FirstRows) -> int:
    """Say what each file is, what was found, and write `diagnosis.html`, `.json` and `.sarif`.

    0: no cause and no symptom among what was checked; 3: causes, or answers that show a symptom. Raises Refusal where
    there is nothing to look at.
    """
    terminal.say(f"{asked.title}: looking at {len(asked.paths):,} paths")
    looked = look(asked.paths)
    seen, looked = evidence(looked, survey, clean, first)
    if not looked.of(*(set(kinds.KINDS) - set(kinds.NEVER_READ))):
        said = "; ".join(f"{_short(one.path, asked.root)}: {one.why}" for one in looked.taken[:3])
        raise Refusal(
            f"{asked.word}: nothing here can be read ({said or 'there is no file'}); give it rows, "
            "settings, a log, weights or answers, and where a name does not say what a file is, say it in front of it, "
            "as in diagnose.look=[train:FILE]"
        )
    found = diagnosed(seen, CAUSES).told_from(str(asked.root))
    asked.out.mkdir(parents=True, exist_ok=True)
    about = [replace(one, path=_short(one.path, asked.root)) for one in looked.taken]
    as_json = files.as_json(found, about, looked.left_out)
    for name, data in (("diagnosis.json", as_json), ("diagnosis.sarif", files.as_sarif(found, provenance.commit()))):
        text = json.dumps(files.encodable(data), ensure_ascii=False, indent=2)
        write_whole(asked.out / name, f"{text}\n".encode())
    html = page(asked.title, found, about, looked.left_out)
    write_whole(asked.out / "diagnosis.html", html.encode("utf-8", "backslashreplace"))
    show(asked, found, about, looked.left_out)
    return Exit.GATE_FAILED if found.found or found.symptoms else Exit.PASSED


def chosen(look_at: tuple[str, ...], out: str | None, runs: str, run: str) -> Asked:
    """The files that were named, or those of the run."""
    if look_at:
        digest = hashlib.sha256(os.fsencode("\n".join(look_at))).hexdigest()[:DIGITS]
        return Asked(
            "Diagnosis", "diagnose.look", Path(), look_at, Path(out) if out else Path(runs) / f"{FOLDER}-{digest}"
        )
    root = Path(runs) / run
    if not root.is_dir():
        raise Refusal(f"{root}: there is no such run; name one with run.name=, or files with diagnose.look=[...]")
    return Asked(
        f"Diagnosis: {run}", f"run.name={run}", root, tuple(own_run.paths(root)), Path(out) if out else root / FOLDER
    )


def evidence(looked: Looked, survey: Survey, clean: CleanOptions, first: FirstRows) -> tuple[Evidence, Looked]:
    """All that the files say; what turned out to be unreadable is said in what is given back."""
    records = own_run.read(looked, [stage.name for stage in pipeline.PIPELINE])
    recipe = recipe_files.read(records.looked)
    models = model_files.read(recipe.looked)
    rows = row_files.read(models.looked, survey)
    known = any(one.code == "TOK009" for one in records.findings)  # a run of ours counted its rows' tokens itself
    counter = None if known or rows.train_rows is None else row_lengths.counter(recipe)
    wanted = counter is not None or bool(rows.looked.of(kinds.ANSWERS))
    said = row_files.first_rows(rows.looked, first) if wanted else ()
    lengths = row_lengths.read(rows.looked, rows.train_rows, said, counter)
    answered = answer_files.read(lengths.looked, clean, [row.answer for row in said])
    seen = Evidence(
        taken=answered.looked.taken,
        findings=records.findings,
        facts=records.facts,
        train_rows=lengths.train_rows,
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
    """From `root` on, where it is below; else as it was given."""
    inside = Path(path).is_relative_to(root)
    return str(Path(path).relative_to(root)) if inside else path


def show(asked: Asked, found: Diagnosis, taken: Sequence[Taken], left_out: str) -> None:
    """What was read, the causes, what is not checked and ruled out, what to do; the answer is said last."""
    where = "" if asked.root == Path() else f", in {asked.root}"
    terminal.table(f"What was read{where}", words.TAKEN_HEADS, words.taken(words.without_records(taken)))
    if left_out:
        terminal.say(f"not looked at: {left_out}")
    if causes := words.causes(found):
        terminal.table("Causes", words.CAUSE_HEADS, causes)
    if not_seen := words.not_seen(found):
        terminal.table("Not checked", words.NOT_SEEN_HEADS, not_seen)
    if out := words.ruled_out_by_link(found):
        terminal.table("Ruled out", words.RULED_OUT_HEADS, out)
    for line in words.symptoms(found):
        terminal.say(f"answers: {line}")
    for line in (*words.what_to_do(found), *words.experiments(found)):
        terminal.say(line)
    terminal.say(f"diagnose: {words.headline(found)}")
    terminal.say(f"all of it: {asked.out / 'diagnosis.html'}")
