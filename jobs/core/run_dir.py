"""A run's folder: where artifacts are begun, published by rename, and recovered after a kill; one command at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.core import room, terminal
from jobs.core.artifact import RECORD, Artifact, Key, Record, differing, kind, sync, write_record, write_whole
from jobs.core.errors import EnvironmentProblem, Refusal

NOTE = ".key.json"
"""What a partial folder is being made from: in it, and beside it as `.<stage>.key.json`, so that either may be lost."""
GLANCE_SECONDS = 0.2
"""For so long a lock is asked for: another command may only be looking whether somebody works."""
LOCK_VARIABLE = "KIWAME_RUN_LOCK"


class RunDir:
    """One run's folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def artifact(self, stage: str) -> Artifact | None:
        """The published artifact of `stage`, or None."""
        root = self.root / stage
        return Artifact.open(root) if (root / RECORD).exists() else None

    def partial(self, stage: str) -> Path:
        return self.root / f"{stage}.partial"

    def begin(self, stage: str, key: Key, resumes: bool) -> Path:
        """An empty `<stage>.partial`; with `resumes`, what a former attempt with the same key left in it.

        Raises Refusal where something was left that could be gone on from, and both notes of its key are unreadable.
        """
        partial = self.partial(stage)
        left = sorted(path.name for path in partial.iterdir() if path.name != NOTE) if partial.is_dir() else []
        if left and resumes:
            known = [noted for note in self._notes(stage) if (noted := _read_key(note)) is not None]
            if not known:
                raise Refusal(
                    f"{partial}: holds {', '.join(left)} of an attempt that was cut off, and no readable note of its "
                    f"config; remove the folder to begin anew, or put it elsewhere to keep it"
                )
            if key not in known:
                why = "; ".join(differing(stage, known[0], key)[:3])
                terminal.say(f"{stage}: dropped what an attempt that was cut off has left ({', '.join(left)}): {why}")
                left = []
        if not (left and resumes):
            self._drop(stage)
            partial.mkdir(parents=True)
        for note in self._notes(stage)[
            : 1 + resumes
        ]:  # a report hashes its folder while it is made, and does not resume
            if _read_key(note) != key:
                write_whole(note, key.model_dump_json().encode())
        return partial

    def _drop(self, stage: str) -> None:
        """Remove the partial folder; under another name first, so that a half of it is never gone on from."""
        partial, dropped = self.partial(stage), self.root / f".{stage}.dropped"
        remove(dropped)
        if partial.is_dir():
            partial.rename(dropped)
        remove(partial)
        remove(dropped)

    def _notes(self, stage: str) -> tuple[Path, Path]:
        return self.root / f".{stage}{NOTE}", self.partial(stage) / NOTE

    def seal(self, stage: str) -> None:
        """Take the note out of the partial folder: what is in it from now on is the artifact's."""
        (self.partial(stage) / NOTE).unlink(missing_ok=True)

    def abandon(self, stage: str) -> None:
        """Remove what an attempt has begun."""
        self._drop(stage)
        (self.root / f".{stage}{NOTE}").unlink(missing_ok=True)

    def recover(self) -> None:
        """Finish what a kill interrupted: the new artifact if it is whole, else the old one; and no litter."""
        for partial in self.root.glob("*.partial"):
            if (partial / RECORD).exists():
                if _is_whole(partial):
                    self._put(partial.name.removesuffix(".partial"))
                else:
                    (partial / RECORD).unlink()
        for old in self.root.glob(".*.old"):
            final = self.root / old.name.removeprefix(".").removesuffix(".old")
            if final.exists():
                shutil.rmtree(old)
            else:
                old.rename(final)
        for dropped in self.root.glob(".*.dropped"):
            remove(dropped)
        for left in self.root.glob(".*.json.new"):  # of a record, of a note
            left.unlink()
        for note in self.root.glob(f".*{NOTE}"):
            if not self.partial(note.name.removeprefix(".").removesuffix(NOTE)).exists():
                note.unlink()

    def publish(self, record: Record) -> Artifact:
        """Write the record, sync everything, and put the partial folder in the place of the stage's."""
        partial = self.partial(record.stage)
        write_record(partial, record)
        for folder, _, names in os.walk(partial):
            for name in names:
                sync(Path(folder) / name)
            sync(Path(folder))
        self._put(record.stage)
        return Artifact.open(self.root / record.stage)

    def _put(self, stage: str) -> None:
        """The partial folder, which is whole, in the place of the stage's."""
        final, old = self.root / stage, self.root / f".{stage}.old"
        remove(old)
        if final.exists():
            final.rename(old)
        self.partial(stage).rename(final)
        sync(self.root)
        remove(old)
        (self.root / f".{stage}{NOTE}").unlink(missing_ok=True)

    @contextmanager
    def lock(self) -> Iterator[int]:
        """Held by one command at a time; a child that inherits the descriptor shares it.

        Raises EnvironmentProblem where another command holds it.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            if error.errno in room.SPACE or error.errno in room.SPENT:
                raise
            raise Refusal(
                f"run.folder: {self.root} cannot be made or written to ({error.strerror}); give a folder that can",
                without=["run.folder"],
            ) from None
        room.writes_to(self.root)
        inherited = os.environ.get(LOCK_VARIABLE, "")
        if inherited.isdecimal() and _same_file(int(inherited), descriptor):
            os.close(descriptor)
            yield int(inherited)
            return
        try:
            self._take(descriptor)
            _sign(descriptor)
            try:
                self.recover()
                yield descriptor
            finally:
                os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)

    def require_idle(self) -> None:
        """Raises EnvironmentProblem where another command holds the lock: asked before anything is loaded for it."""
        inherited = os.environ.get(LOCK_VARIABLE, "")
        try:
            descriptor = os.open(self.root / ".lock", os.O_RDWR)
        except OSError:
            return  # nobody has worked here, or `lock` says why it cannot be
        try:
            if not (inherited.isdecimal() and _same_file(int(inherited), descriptor)):
                self._take(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    def _take(self, descriptor: int, how: int = fcntl.LOCK_EX) -> None:
        """Raises EnvironmentProblem where another command holds the lock for longer than `require_idle` does."""
        until = time.monotonic() + GLANCE_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, how | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() < until:
                    time.sleep(GLANCE_SECONDS / 10)
                    continue
            holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip()
            raise EnvironmentProblem(
                f"{self.root}: another command is working on this run{f' ({holder})' if holder else ''}; "
                "wait for it or use another run.name"
            ) from None


def remove(path: Path) -> None:
    """Remove a folder, or whatever else stands where it should be."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def _read_key(note: Path) -> Key | None:
    """The key in a note; None where there is none, or it is not whole."""
    if kind(note) != "a file":
        return None
    try:
        return Key.model_validate_json(note.read_bytes())
    except (OSError, ValueError):
        return None


def _is_whole(folder: Path) -> bool:
    try:
        return not Artifact.open(folder).problems(whole=True)
    except Refusal:
        return False


def _sign(descriptor: int) -> None:
    """Say in the lock's file who holds it; a full disk does not keep the lock from being held."""
    text = f"pid {os.getpid()} on {socket.gethostname()}, since {time.strftime('%Y-%m-%d %H:%M:%S %Z')}"
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)


def _same_file(left: int, right: int) -> bool:
    """Whether two descriptors are of one file; False for one that is not open."""
    try:
        return os.path.sameopenfile(left, right)
    except OSError:
        return False
