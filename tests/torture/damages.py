"""Damaged checkpoints: a training that was stopped in the middle ends with the same bytes, whatever was damaged."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

from tests.torture import cases, runs
from tests.torture.compare import require
from tests.torture.events import Shot
from tests.torture.runs import Bench

NOTE = ".train.key.json"


def start_training(bench: Bench) -> None:
    """In the trial's folder: a training that is killed right after its last checkpoint was put in its place."""
    cases.link(bench.case, bench.folder, runs.before("train"))
    bench.start("train", shot=Shot(bench.stop_at))


def require_checkpoints(bench: Bench) -> None:
    """Several, the best and the newest among them."""
    steps = [path.name for path in checkpoints(bench.run)]
    require(len(steps) > 1, f"a training that was killed at event {bench.stop_at} has the checkpoints {steps}")


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
    found, said, hit = checkpoints(bench.run), [], set[str]()
    what = draw.choice(["any", "any", "any", "oldest", "newest", "all", "note", "whole"])
    if what == "note":
        said.append(hurt(bench.run / NOTE, draw))
    elif what == "whole":
        gone = draw.choice(found)
        hit = {gone.name}
        shutil.rmtree(gone)
        said.append(f"removed {gone.name}")
    else:
        chosen = {"oldest": found[:1], "newest": found[-1:], "all": found}.get(what, [draw.choice(found)])
        hit = {path.name for path in chosen}
        for checkpoint in chosen:
            files = sorted(path for path in checkpoint.rglob("*") if path.is_file())
            said.append(hurt(draw.choice(files), draw, beside=files))
    text = f"{what}: {'; '.join(said)}"
    command = bench.start("train")
    require(command.wait() == 0, f"{text}: ended with exit code {command.code}:\n{runs.tail(command.said)}")
    best = f"step-{json.loads((bench.case.whole / 'train/outcome.json').read_text())['chosen_step']}"
    left = [path.name for path in found if path.name not in hit]
    # training goes on from any other checkpoint, unless what is lost is the best step, which all later ones stand on
    must = bool(left) and (best in left or best not in {path.name for path in found})
    require(not must or "goes on from step" in command.said, f"{text}: began anew though {', '.join(left)} are whole")
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
