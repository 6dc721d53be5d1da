"""`python -m jobs compare-live compare.use=FILE ...`: two arms in real use, and whether to stop.

Without a file: how many votes a difference needs. The JSON lies below the runs, in `compare/live/`, under the name of
the file and the first digits of its digest: files of one name, and one that grew, do not take each other's place.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from jobs.core import room, terminal
from jobs.core.artifact import write_whole
from jobs.core.errors import Exit, Refusal
from jobs.core.names import nearest_run_name, spelled
from jobs.engines.comparing import live_reading
from jobs.engines.comparing.places import COMPARISONS
from jobs.logic.comparing import live, live_told
from jobs.logic.comparing.live import Vote, shown
from jobs.logic.comparing.live_arms import unsound
from jobs.logic.comparing.live_options import LiveOptions
from jobs.logic.comparing.live_outcomes import Scale
from jobs.logic.pages.amounts import count

FOLDER = "live"
MOST_ARMS = 8
"""Names that a message repeats."""


def compare_live(asked: LiveOptions) -> int:
    """Tell what is known, and write it down. Raises Refusal for a file that cannot be counted, and where the arms may
    not be compared: then all is told and written first."""
    if asked.use is None:
        print(f"before there are votes: {live_told.needs(live_told.need(asked), asked)}", flush=True)
        return Exit.PASSED
    path = spelled(Path(asked.use).expanduser())
    votes = live_reading.read(path, Scale(asked.range, asked.edited))
    arms = both(shown(path.name), votes, asked.arms)
    found = told(votes, arms, asked)
    sentence = live_told.verdict(found, asked)
    print(sentence, flush=True)
    terminal.table(f"real use in {shown(path.name)}", live_told.HEADS, live_told.table(found, asked))
    terminal.say(live_told.account(found, asked))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    name = path.name.encode(errors="backslashreplace").decode()  # not every name of a file is UTF-8; a JSON is
    data = {"file": name, "sha256": digest, **live_told.as_data(found, asked)}
    to = Path(asked.runs) / COMPARISONS / FOLDER / f"{nearest_run_name(path.stem)}-{digest[:8]}.json"
    terminal.say(f"written down in {write(data, to)}")
    if found.known.verdict == "cannot say":
        raise Refusal(f"compare.use: {shown(path.name)}: {sentence}")
    return Exit.PASSED


def told(votes: Sequence[Vote], arms: tuple[str, str], asked: LiveOptions) -> live_told.Told:
    """Everything of a file's votes."""
    seen = live.seen(votes, asked.window_hours)
    cases = live.cases(seen.users, arms, asked.randomised)
    reasons = list(unsound(votes, arms, asked.randomised, asked.share))
    known = live.known(cases, reasons, difference=asked.difference, level=asked.level)
    return live_told.Told(arms, votes, seen, cases, known, live_told.need(asked, seen, cases))


def both(name: str, votes: Sequence[Vote], asked: tuple[str, str] | None) -> tuple[str, str]:
    """The two arms. Raises Refusal where one has no votes, or there are others."""
    found = Counter(vote.arm for vote in votes)
    arms = sorted(found) if asked is None else list(asked)
    there = ", ".join(f"{shown(arm)} ({count(num, 'row')})" for arm, num in found.most_common(MOST_ARMS))
    empty = [arm for arm in arms if not found[arm]]
    if empty:
        raise Refusal(f"compare.use: {name}: the arm {shown(empty[0])} has no rows; there are: {there}")
    others = [arm for arm in found if arm not in arms]
    if others or len(arms) != 2:
        raise Refusal(
            f"compare.use: {name}: expected rows of two arms, there are: {there}; take the others out, or name the two "
            "with compare.live.arms=[new,old]"
            if len(found) > 2
            else f"compare.use: {name}: expected rows of two arms, there is: {there}"
        )
    return arms[0], arms[1]


def write(data: dict[str, object], path: Path) -> Path:
    """As JSON, there whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        room.writes_to(path.parent)
        write_whole(path, (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode())
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise Refusal(f"run.folder: {path.parent}: {error.strerror}; name another folder for the runs") from None
    return path
