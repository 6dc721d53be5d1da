"""GGUFs that are not the ones that were made: the chain, the next stage and the certificate each say no.

Mutations are drawn when they are needed; none is kept in the project.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

from jobs.core import pipeline
from jobs.core.artifact import Artifact, hash_files, write_record
from jobs.core.errors import Exit
from jobs.engines.gguf import file as gguf_file
from tests.torture import cases, damages, runs
from tests.torture.compare import require
from tests.torture.runs import TRACEBACK, Bench

NAME = "model-Q8_0.gguf"
NO = (Exit.REFUSED, Exit.GATE_FAILED)
HOW = ("header", "header", "data", "data", "cut", "append", "empty", "zero", "rename", "link", "gone")


def mutate(bench: Bench, draw: random.Random) -> str:
    """Change a GGUF of the finished run; one in ten also in the record, so that its content has to be read."""
    if draw.random() < 0.1:
        return recorded(bench, draw)
    asked = draw.choice(["verify", "all", "certificate", "certificate"])
    cases.link(bench.case, bench.folder, pipeline.USUAL if asked != "verify" else runs.before("verify"))
    path = bench.run / ("report" if asked == "certificate" else draw.choice(["quantize", "quantize", "report"])) / NAME
    if asked == "verify":
        path = bench.run / "quantize" / NAME
    text = f"{asked}: {path.parent.name}/{changed(bench, path, draw, HOW)}"
    if asked == "certificate":
        command = bench.start_words(["-m", "jobs", "certificate", str(bench.run / "report")])
    else:
        command = bench.start(asked)
    code = command.wait()
    require(TRACEBACK not in command.said, f"{text}: crashed:\n{runs.tail(command.said)}")
    if code == Exit.PASSED and asked == "all" and path.parent.name == "report":
        bench.same()  # a report may be made again, from what is whole
        return f"{text}, made again"
    require(code in NO, f"{text}: ended with exit code {code}:\n{runs.tail(command.said)}")
    return text


def recorded(bench: Bench, draw: random.Random) -> str:
    """A changed file that the record says is right: `verify` reads it, and may find it good, but does not crash."""
    cases.link(bench.case, bench.folder, runs.before("verify"))
    path = bench.run / "quantize" / NAME
    text = f"verify, recorded: {changed(bench, path, draw, ('header', 'header', 'data', 'cut', 'append', 'zero'))}"
    damages.own(path.parent / "artifact.json")
    record = Artifact.open(path.parent).record
    write_record(path.parent, record.model_copy(update={"files": hash_files(path.parent)}))
    command = bench.start("verify")
    code = command.wait()
    require(code in (Exit.PASSED, *NO), f"{text}: ended with exit code {code}:\n{runs.tail(command.said)}")
    return text


def changed(bench: Bench, path: Path, draw: random.Random, how: tuple[str, ...]) -> str:
    """Change the file in a drawn way; what was done."""
    chosen = draw.choice(how)
    if chosen == "rename":
        path.rename(path.with_name("model-Q4_K_M.gguf"))
    elif chosen == "gone":
        path.unlink()
    elif chosen == "link":
        aside = bench.folder / "aside.gguf"
        os.link(path, aside)
        path.unlink()
        path.symlink_to(aside)
    else:
        data_offset = gguf_file.read(path).data_offset
        data = damages.own(path).read_bytes()
        if chosen == "header":
            data = damages.flipped(data, draw, 0, data_offset)
        elif chosen == "data":
            data = damages.flipped(data, draw, data_offset)
        elif chosen == "append":
            data += draw.randbytes(draw.choice([1, 32, 4096]))
        else:
            data = damages.changed(data, chosen, draw)
        path.write_bytes(data)
    return f"{path.name} {chosen}"
