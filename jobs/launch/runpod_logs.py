"""Follow a pod's log over every cut, without doubling or losing a line.

The stream never ends by itself, and a cut is the rule: a proxy, a laptop's lid, a deploy. After one we ask for what
came after a line that was seen some seconds before the last, and leave out what was shown already. So it does not
matter whether the service counts the line we name, nor that lines of one moment may share an id.
"""

from __future__ import annotations

import json
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from jobs.core import terminal
from jobs.core.errors import EnvironmentProblem
from jobs.launch.pod_job import ended_code
from jobs.launch.runpod_api import ApiRefusal, Busy, NoAnswer, Quiet, RunPod
from jobs.launch.runpod_models import Pod

BACKFILL = 5000
"""Lines asked for at first; the most that the API gives."""
OVERLAP = timedelta(seconds=5)
KEPT = 1000
"""Lines remembered before the older ones are forgotten."""
WAITS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
FAILURES = 40
"""Broken connections in a row without a line, while the pod is there, before we give up: about 20 minutes."""
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Line:
    """One line of a log."""

    id: str
    moment: datetime
    source: str
    """`container`: the job's own; `system`: RunPod's, such as pulling the image."""
    text: str


class Seen:
    """Which lines were shown since the line from which the log would be asked for again."""

    def __init__(self) -> None:
        self.recent: deque[Line] = deque()
        self.counts: Counter[Line] = Counter()
        self.replayed: Counter[Line] = Counter()
        self.catching_up = False
        self.forget_at = KEPT

    @property
    def cursor(self) -> str | None:
        """The id to ask for what came after; None while no line is old enough, and where lines have no ids."""
        if not self.recent or self.recent[0].moment > self.recent[-1].moment - OVERLAP:
            return None
        return self.recent[0].id or None

    def reconnected(self) -> None:
        """From here on lines may be ones that were shown."""
        self.replayed.clear()
        self.catching_up = bool(self.recent)

    def is_new(self, line: Line) -> bool:
        """Whether `line` was not shown before; it is taken for shown from now on."""
        if self.catching_up and line.moment < self.recent[0].moment:
            return False  # from before the cursor: more was sent than was asked for
        self.catching_up = False
        self.replayed[line] += 1
        if self.replayed[line] <= self.counts[line]:
            return False
        self.counts[line] += 1
        self.recent.append(line)
        if len(self.recent) >= self.forget_at:
            self._forget(line.moment - OVERLAP)
            self.forget_at = max(KEPT, 2 * len(self.recent))
        return True

    def _forget(self, until: datetime) -> None:
        """Move the cursor to the last line at or before `until`, and keep every line of its moment."""
        old = [place for place, line in enumerate(self.recent) if line.moment <= until]
        if not old:
            return
        cursor = self.recent[old[-1]]
        while self.recent[0].moment < cursor.moment:
            line = self.recent.popleft()
            self.counts[line] -= 1
            if not self.counts[line]:
                del self.counts[line]


def follow(api: RunPod, pod: Pod, show: Callable[[Line], None]) -> int | None:
    """Show every line until the job's ending line, whose exit code is returned, or the pod's end, which gives None.

    Raises EnvironmentProblem where the log cannot be had although the pod is there.
    """
    seen, failures, last_look = Seen(), 0, False
    while True:
        try:
            for line in lines(api, pod.id, seen.cursor, api.patience.quiet):
                failures = 0
                if not seen.is_new(line):
                    continue
                show(line)
                code = ended_code(pod.job or "", line.text) if line.source == "container" else None
                if code is not None:
                    return code
            failures += 1
        except Quiet:
            failures = 0
        except (NoAnswer, Busy, ApiRefusal) as problem:
            if isinstance(problem, ApiRefusal) and problem.status not in (404, 409):
                raise
            failures += 1
        if last_look:
            return None
        there = api.pod(pod.id)
        if there is None:
            return None
        last_look = there.status in ("EXITED", "ERROR", "TERMINATED")
        if failures > FAILURES:
            raise EnvironmentProblem(f"pod {pod.id} is {there.status}, but its log gave no line in {failures} tries")
        api.sleep(WAITS[min(failures, len(WAITS) - 1)])
        seen.reconnected()


def ended(api: RunPod, pod: Pod) -> int | None:
    """The job's exit code where the pod's last lines have it: a container that ended is not a pod that ended."""
    until = time.monotonic() + api.patience.glance
    try:
        for line in lines(api, pod.id, None, api.patience.glance, tail=200):
            code = ended_code(pod.job or "", line.text)
            if code is not None or time.monotonic() > until:
                return code
    except (NoAnswer, Busy, ApiRefusal):
        pass  # the stream has no end: silence is how the last lines are known to be over
    return None


def lines(api: RunPod, pod: str, after: str | None, quiet: float, tail: int = BACKFILL) -> Iterator[Line]:
    """Lines of one connection; raises what `RunPod.log_events` raises."""
    moment = EARLIEST
    with api.log_events(pod, tail, after, quiet) as events:
        for event in events:
            try:
                data = json.loads(event.data)
                source, text, stamp = str(data["source"]), str(data["line"]), str(data["ts"])
            except (ValueError, KeyError, TypeError):
                if not event.data:
                    continue
                source, text, stamp = "container", event.data, ""
            moment = parsed(stamp) or moment
            yield Line(event.id, moment, source, api.hidden(text))


def parsed(stamp: str) -> datetime | None:
    """RFC 3339 as a moment in UTC; digits below a microsecond are cut."""
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def shown(line: Line) -> None:
    """The job's own lines on stdout, RunPod's on stderr."""
    if line.source == "container":
        print(line.text, flush=True)
    else:
        terminal.say(f"  runpod: {line.text}")
