"""One fault in one seed: into a run of ours until a gate stops it, into a stranger's folder, and `diagnose` on both."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from jobs.core import pipeline
from jobs.core.artifact import RECORD
from jobs.core.errors import Exit
from tests import whole_run
from tests.faults import peer, small
from tests.faults.fault import Fault, Ours, Theirs
from tests.faults.small import Small
from tests.torture import warm

LAST, WARNS = "verify", " (warns)"
TOLD = ("proven", "measured", "consistent with")
STAGES = tuple(name for name in pipeline.USUAL if name != "report")


@dataclass(frozen=True)
class Seen:
    """What `diagnose` made of the true cause."""

    rank: int | None
    """Among the causes that are told as found or as fitting, from 1; None where it is not among them."""
    certainty: str
    """Of the true cause, whatever its rank."""
    first: str
    """The name of what was told first."""
    found: tuple[str, ...] = ()
    """Names of all that were proven or measured."""


@dataclass(frozen=True)
class Result:
    """One line of results.jsonl."""

    fault: str
    seed: int
    gate: str
    """Stage and codes that spoke first; `none`, or empty where it does not get into a run of ours."""
    right: str | None
    """`stopped` or `warned` by a rule that the fault names, else `missed`."""
    ours: Seen | None
    theirs: Seen | None

    def line(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False) + "\n"

    @staticmethod
    def read(line: str) -> Result:
        data = json.loads(line)
        for side in ("ours", "theirs"):
            data[side] = Seen(**{**data[side], "found": tuple(data[side]["found"])}) if data[side] else None
        return Result(**data)


def tried(fault: Fault, case: Small, folder: Path) -> Result:
    """Both sides of it, in `folder`."""
    gate, right, ours, theirs = "", None, None, None
    if fault.ours is not None:
        run = folder / "runs" / small.NAME
        stage, codes = stopped(fault.ours, case, run, f"{case.seed} {fault.name}")
        gate, right = f"{stage} {' '.join(codes)}".strip(), how(codes, fault.ours.gates.split())
        if right != "warned":  # what `prepare` drops and warns of is not in the run any more
            ours = diagnosed(of_run(run), fault.causes, folder / "of-records")
    if fault.theirs is not None:
        made = strange(fault.theirs, case, folder / "stranger", fault.name)
        theirs = diagnosed(of_files(str(made)), fault.causes, folder / "of-files")
    return Result(fault.name, case.seed, gate, right, ours, theirs)


def stopped(ours: Ours, case: Small, run: Path, draw: str) -> tuple[str, list[str]]:
    """Stage and codes of the gate that stops it first; later stages are not there any more."""
    if ours.spoil is not None:
        whole_run.copy(case.whole, run, STAGES)
        base = [*case.words(), f"run.folder={run.parent}", *ours.words]
        if ours.words:
            whole_run.judged(run, ours.stage, base=base)
        ours.spoil(run)
        return first_gate(run, ours, base)
    rows = case.rows
    if ours.rows is not None:
        rows = small.write_rows(run.parent / "rows.jsonl", ours.rows(small.read_rows(case.rows), Random(draw)))
    whole_run.copy(case.whole, run, ("fetch",))
    words = [*case.words(rows), f"run.folder={run.parent}", *ours.words]
    for stage in STAGES[STAGES.index("prepare") :]:
        command(["-m", "jobs", stage, *words], run.parent / "output.txt")
        if codes := spoken(run / stage, ours.gates.split()):
            return stage, codes
    return "none", []


def how(codes: Sequence[str], named: Sequence[str]) -> str:
    """Whether a rule that the fault names said no, or warned."""
    if set(codes) & set(named):
        return "stopped"
    return "warned" if {code.removesuffix(WARNS) for code in codes} & set(named) else "missed"


def spoken(artifact: Path, named: Sequence[str]) -> list[str]:
    """The codes of rules that say no to an artifact, and of those that the fault names which warn."""
    record = artifact / RECORD
    if not record.is_file():
        return ["no record"]
    findings = json.loads(record.read_text())["verdict"]["findings"]
    failing = {one["code"] for one in findings if one["status"] in ("fail", "crashed")}
    warned = {f"{one['code']}{WARNS}" for one in findings if one["status"] == "warn" and one["code"] in named}
    return sorted(failing | warned)


def first_gate(run: Path, ours: Ours, base: Sequence[str]) -> tuple[str, list[str]]:
    """Judge the stage as it is, then make the later ones, until a gate speaks; what lies behind it is taken away."""
    for place, name in enumerate(STAGES):
        if place < STAGES.index(ours.stage):
            continue
        whole_run.judged(run, name, again=name != ours.stage, base=base)
        codes = spoken(run / name, ours.gates.split())
        if codes:
            for later in STAGES[place + 1 :]:
                shutil.rmtree(run / later, ignore_errors=True)
            return name, codes
    return "none", []


def command(words: Sequence[str], output: Path) -> int:
    """Run `python words` to its end, forked from this process."""
    output.parent.mkdir(parents=True, exist_ok=True)
    pid = warm.start(words, output)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def healthy(case: Small) -> None:
    """The base of a seed: its rows, its run of ours and a stranger's folder, each made once."""
    rows = [row.as_dict(number) for number, row in enumerate(small.drawn(case.seed), 1)]
    small.write_rows(case.rows, rows)
    if not (case.whole / LAST / RECORD).is_file():
        shutil.rmtree(case.runs, ignore_errors=True)
        code = command(["-m", "jobs", LAST, *case.words(), f"run.folder={case.runs}"], case.root / "output.txt")
        if code:
            raise SystemExit(f"faults: the healthy run of seed {case.seed} ended with {code}: {case.root}/output.txt")
    if not (case.stranger / "Modelfile").is_file():
        shutil.rmtree(case.stranger, ignore_errors=True)
        train, val = sides(case, case.root)
        peer.whole(case.model, train, val, peer.Ways(), case.seed, case.stranger)


def sides(case: Small, folder: Path) -> tuple[Path, Path]:
    rows = small.read_rows(case.rows)[: small.NUM_OF_STRANGER]
    cut = round(0.8 * len(rows))
    return small.write_rows(folder / "train.jsonl", rows[:cut]), small.write_rows(folder / "val.jsonl", rows[cut:])


def strange(theirs: Theirs, case: Small, folder: Path, name: str) -> Path:
    """A stranger's folder with the fault in it."""
    draw = Random(f"{case.seed} {name}")
    if theirs.trains:
        rows = small.read_rows(case.rows)[: small.NUM_OF_STRANGER]
        rows = theirs.rows(rows, draw) if theirs.rows else rows
        cut = round(0.8 * len(rows))
        train, val = rows[:cut], rows[cut:]
        if theirs.sides:
            train, val = theirs.sides(train, val, draw)
        beside = folder.with_name("rows")
        paths = small.write_rows(beside / "train.jsonl", train), small.write_rows(beside / "val.jsonl", val)
        peer.whole(case.model, *paths, theirs.ways or peer.Ways(), case.seed, folder)
    else:
        shutil.copytree(case.stranger, folder, copy_function=os.link)
        shutil.copyfile(peer.prompts_of(case.stranger), peer.prompts_of(folder))
    if theirs.after:
        theirs.after(folder)
    for step in theirs.remake.split():
        remake(step, case, folder)
    return folder


def remake(step: str, case: Small, folder: Path) -> None:
    """What is made of a file that was changed; the old one is shared with the healthy folder."""
    both = ("f16", "q4_k_m")
    made = {
        "merged": ["merged"],
        "converted": [f"model-{name}.gguf" for name in both],
        "quantized": ["model-q4_k_m.gguf"],
        "answered": [f"answers-model-{name}.jsonl" for name in both],
    }[step]
    for name in made:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    if step == "merged":
        peer.merged(case.model, folder)
    elif step == "converted":
        peer.converted(folder)
    elif step == "quantized":
        peer.quantized(folder)
    else:
        peer.answered(case.model, folder)


def of_run(run: Path) -> list[str]:
    """What `diagnose` is told of a run of ours."""
    return [f"run.name={run.name}", f"run.folder={run.parent}"]


def of_files(*paths: str) -> list[str]:
    """What it is told of anybody's files; a path may say what it is."""
    return [f"diagnose.look={json.dumps(paths)}"]


def diagnosed(words: Sequence[str], causes: str, out: Path) -> Seen:
    """Where the true cause, by any of its names, stands in what the command writes into `out`."""
    shutil.rmtree(out, ignore_errors=True)
    code = command(["-m", "jobs", "diagnose", *words, f"diagnose.out={out}"], out.with_suffix(".txt"))
    if code not in (Exit.PASSED, Exit.GATE_FAILED):
        raise RuntimeError(f"diagnose ended with {code}: {out.with_suffix('.txt').read_text()[-2000:]}")
    told = json.loads((out / "diagnosis.json").read_text(encoding="utf-8"))["causes"]
    failed = [wanted for one in told for wanted in one["decides"] if "that is a bug here" in wanted]
    if failed:
        raise RuntimeError(f"a check ended with an error: {failed[0]}")
    names = causes.split()
    listed = [one["name"] for one in told if one["certainty"] in TOLD and not one["under"]]
    places = [place for place, name in enumerate(listed, 1) if name in names]
    true = [one["certainty"] for one in told if one["name"] in names]
    return Seen(
        rank=min(places, default=None),
        certainty=true[0] if true else "no such cause",
        first=listed[0] if listed else "",
        found=tuple(one["name"] for one in told if one["certainty"] in TOLD[:2]),
    )
