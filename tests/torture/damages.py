"""Damaged checkpoints: a training that was stopped in the middle ends with the same bytes, whatever was damaged."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from tests.torture import cases, runs
from tests.torture.events import Shot
from tests.torture.runs import Bench, require

NOTE = ".train.key.json"


def stopped_training(bench: Bench) -> None:
    """Into the trial's folder: a training that was killed late, with three checkpoints."""
    cases.link(bench.case, bench.folder, runs.before("train"))
    # the second last event of the trainer's own: the best and the newest differ, or the draw of the best does it
    bench.start("train", shot=Shot(bench.stop_at)).wait()
    bench.ended()
    steps = sorted(path.name for path in checkpoints(bench.run))
    require(len(steps) > 1, f"a training stopped at event {bench.stop_at} has the checkpoints {steps}")


def checkpoints(run: Path) -> list[Path]:
    """Its checkpoints, by step."""
    return sorted(
        (run / "train.partial/checkpoints").glob("step-*"), key=lambda path: int(path.name.removeprefix("step-"))
    )


def damage(bench: Bench, draw: random.Random) -> str:
    """Copy the stopped training, damage files of its checkpoints, the best's among them, or the note, and finish it."""
    cases.link(bench.case, bench.folder, runs.before("train"))
    stopped = bench.stopped / cases.NAME
    shutil.copytree(stopped / "train.partial", bench.run / "train.partial")
    if (stopped / NOTE).exists():
        shutil.copyfile(stopped / NOTE, bench.run / NOTE)
    found, said = checkpoints(bench.run), []
    what = draw.choice(["any", "any", "any", "oldest", "newest", "all", "note", "whole"])
    if what == "note":
        said.append(hurt(bench.run / NOTE, draw))
    elif what == "whole":
        gone = draw.choice(found)
        shutil.rmtree(gone)
        said.append(f"removed {gone.name}")
    else:
        chosen = {"oldest": found[:1], "newest": found[-1:], "all": found}.get(what, [draw.choice(found)])
        for checkpoint in chosen:
            files = sorted(path for path in checkpoint.rglob("*") if path.is_file())
            said.append(hurt(draw.choice(files), draw, beside=files))
    text = f"{what}: {'; '.join(said)}"
    command = bench.start("train")
    require(command.wait() == 0, f"{text}: ended with exit code {command.code}:\n{runs.tail(command.said)}")
    kept = what not in ("all", "whole", "newest")  # one whole checkpoint at least is left, and nothing else says so
    goes_on = "goes on from step" in command.said or "had ended before" in command.said
    require(goes_on or not kept or len(found) < 2, f"{text}: began anew though a whole checkpoint was there")
    bench.again("train", [*runs.before("train"), "train"])
    return text


def hurt(path: Path, draw: random.Random, beside: list[Path] | None = None) -> str:
    """Change one file in a drawn way; what was done."""
    data = path.read_bytes()
    others = [other for other in beside or [] if other != path and other.read_bytes() != data]
    how = draw.choice(["flip", "flip", "cut", "delete", "empty", "zero", *(["swap"] if others else [])])
    if how == "swap":
        path.write_bytes(draw.choice(others).read_bytes())
    elif how == "delete":
        path.unlink()
    else:
        path.write_bytes(changed(data, how, draw))
    return f"{how} {path.parent.name}/{path.name}"


def changed(data: bytes, how: str, draw: random.Random) -> bytes:
    """Bytes that differ from `data`."""
    if how == "empty" or not data:
        return b"" if data else b"\0"
    if how == "cut":
        return data[: draw.randrange(len(data))]
    if how == "zero":
        start = draw.randrange(len(data))
        stop = min(len(data), start + 512)
        zeroed = data[:start] + bytes(stop - start) + data[stop:]
        return zeroed if zeroed != data else flipped(data, draw)
    return flipped(data, draw)


def flipped(data: bytes, draw: random.Random, start: int = 0, stop: int | None = None) -> bytes:
    """One bit between two places the other way round."""
    at = draw.randrange(start, stop or len(data))
    return data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1 :]


def own(path: Path) -> Path:
    """A file that may be changed: its bytes, no longer shared with the finished case."""
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)
    return path
