"""Whether a finished artifact is still the one that was judged, without reading gigabytes at every command.

A file is read and hashed again where its size, times or inode are not those it had when it was last found whole, and
every file where that was more than `FULL_LOOK_SECONDS` ago: a disk that lost a bit changes none of them. What ships is
read every time. What was seen is noted in the run's folder; without the note everything is read.
"""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any

from jobs.core import terminal
from jobs.core.artifact import Artifact, FileEntry, file_problem, kind, write_whole
from jobs.core.errors import Damaged

NOTE = ".looked.json"
FULL_LOOK_SECONDS = 7 * 24 * 3600
LONG_BYTES = 2 * 10**9
"""What is said beforehand: it takes more than a few seconds."""
SETTLED_SECONDS = 2
"""A file that changed more recently may change again without another time: some file systems count in seconds."""

Seen = list[Any]


class Looks:
    """The note of one run; its user holds the run's lock."""

    def __init__(self, root: Path) -> None:
        self.path, now = root / NOTE, time.time()
        found = _read(self.path)
        due = not 0 <= now - found["whole"] < FULL_LOOK_SECONDS
        self.whole: float = now if due else found["whole"]
        self.files: dict[str, Seen] = {} if due else found["files"]

    def problems(self, artifact: Artifact, ships: bool) -> list[str]:
        """What differs from the record, by digest; with `ships`, of every file, whatever the note says."""
        found = artifact.problems(whole=False)
        if found:
            return found
        stage, entries = artifact.record.stage, artifact.record.files
        again = {
            name: seen
            for name, entry in entries.items()
            if (seen := _seen(artifact.root / name, entry)) != self.files.get(f"{stage}/{name}") or ships
        }
        num_bytes = sum(entries[name].bytes for name in again)
        if num_bytes > LONG_BYTES:
            terminal.say(f"{stage}: reads {terminal.size(num_bytes)} again, to see that nothing changed")
        for name, seen in again.items():
            path = artifact.root / name
            self.files.pop(f"{stage}/{name}", None)
            problem = file_problem(path, entries[name])
            if problem:
                found.append(f"{name}: {problem}")
            elif time.time() - path.stat().st_ctime > SETTLED_SECONDS and _seen(path, entries[name]) == seen:
                self.files[f"{stage}/{name}"] = seen
        return found

    def require_same(self, artifact: Artifact, ships: bool) -> None:
        """Raises Damaged where a finished artifact is not the one that was judged: nothing may be said of it."""
        problems = self.problems(artifact, ships)
        if problems:
            way_out = "say redo=true to make it again; if it happens again, check the disk"
            raise Damaged(
                f"{artifact.root}: was changed after it was made: {'; '.join(problems[:3])}; {way_out}",
                words=["redo=true"],
            )
        self.keep()

    def keep(self) -> None:
        """Write the note, by rename; where there is no room for it, everything is read again the next time."""
        note = {"whole": self.whole, "files": self.files}
        if _read(self.path) != note:
            with contextlib.suppress(OSError):
                write_whole(self.path, (json.dumps(note, indent=1, sort_keys=True) + "\n").encode())


def _seen(path: Path, entry: FileEntry) -> Seen:
    """What would be another if the file had been written, replaced or moved since, and what it was found to be."""
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, entry.sha256]


def _read(path: Path) -> dict[str, Any]:
    """The note; an empty one where there is none that can be read, so that everything is looked at."""
    if kind(path) != "a file":
        return {"whole": 0.0, "files": {}}
    try:
        found = json.loads(path.read_bytes())
        return {"whole": float(found["whole"]), "files": dict(found["files"])}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {"whole": 0.0, "files": {}}
