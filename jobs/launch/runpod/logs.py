"""Follow a pod's log over every cut, without doubling or losing a line.

The stream never ends by itself, and a cut is the rule: a proxy, a laptop's lid, a deploy. After one we ask for what
came since the timestamp of a line that was seen some seconds before the last, and leave out what was shown already. So
it does not matter whether the service counts that line, nor that lines of one moment share their timestamp.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from jobs.core import terminal
from jobs.core.errors import EnvironmentProblem
from jobs.launch.inside.pod_job import ended_code
from jobs.launch.runpod.api import ApiRefusal, Busy, NoAnswer, Quiet, RunPod, too_long
from jobs.launch.runpod.models import Pod

BACKFILL = 5000
"""Lines asked for at first; the most that the API gives."""
OVERLAP = timedelta(seconds=5)
KEPT = 1000
"""Lines remembered before the older ones are forgotten."""
WAITS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
LEAST_MINUTES = 30.0
"""Waited for without a new line, over broken connections and calls without an answer, before we give up."""
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
"""What may be named as Last-Event-ID. The ids of events are not: they have a counter at their end."""
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Line:
    """One line of a log."""

    id: str
    moment: datetime
    source: str
    """`container`: the job's own; `system`: RunPod's, such as pulling the image."""
    text: str
    stamp: str = field(default="", compare=False)
    """`moment` as it was given."""


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
        """The timestamp to ask from; None while no line is old enough, and where it is none by RFC 3339."""
        if not self.recent or self.recent[0].moment > self.recent[-1].moment - OVERLAP:
            return None
        return self.recent[0].stamp if TIMESTAMP.fullmatch(self.recent[0].stamp) else None

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

    Raises EnvironmentProblem where nothing can be had for longer than the pod may take to start.
    """
    seen, resumable, failures, waited, last_look = Seen(), True, 0, 0.0, False
    most = 60 * max(LEAST_MINUTES, min(pod.number("BOOT_MINUTES"), 24 * 60))
    while True:
        after, problem = seen.cursor if resumable else None, Exception("the connection was closed")
        failures += 1
        began = time.monotonic()
        try:
            for line in lines(api, pod.id, after, api.patience.quiet):
                waited, began = 0.0, time.monotonic()
                if not seen.is_new(line):
                    continue  # no reason to come back at once: some send the whole log anew
                failures = 0
                show(line)
                code = ended_code(pod.job or "", line.text) if line.source == "container" else None
                if code is not None:
                    return code
            waited, began = 0.0, time.monotonic()
        except Quiet:
            failures, waited, began = 0, 0.0, time.monotonic()
        except (NoAnswer, Busy) as error:
            problem = error
        except ApiRefusal as error:
            if error.status in (400, 422) and after:
                resumable = False  # without, the last lines are sent anew
            elif error.status not in (404, 409):
                raise
            problem = error
        if last_look:
            return None
        try:
            there = api.glance(pod.id)
            if there is None:
                return None
            last_look = there.status in ("EXITED", "ERROR", "TERMINATED")
        except (NoAnswer, Busy) as error:
            problem = error
        seconds = max(WAITS[min(failures, len(WAITS) - 1)], getattr(problem, "seconds", 0.0))
        waited += time.monotonic() - began  # calls without an answer take their time too
        if seconds > api.patience.retry_after:
            raise EnvironmentProblem(too_long(seconds, str(problem)))
        if waited > most:
            raise EnvironmentProblem(f"pod {pod.id}: no new line of its log in {waited / 60:.0f} minutes ({problem})")
        api.sleep(seconds)
        waited += seconds
        seen.reconnected()


def ended(api: RunPod, pod: Pod) -> int | None:
    """The job's exit code where the pod's last lines have it: a container that ended is not a pod that ended."""
    until = time.monotonic() + api.patience.glance
    with contextlib.suppress(NoAnswer, Busy, ApiRefusal):  # it has no end: silence is how the last lines are over
        for line in lines(api, pod.id, None, api.patience.glance, tail=200):
            code = ended_code(pod.job or "", line.text)
            if code is not None or time.monotonic() > until:
                return code
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
            yield Line(event.id, moment, source, api.hidden(text), stamp)


def parsed(stamp: str) -> datetime | None:
    """RFC 3339 as a moment in UTC; digits below a microsecond are cut."""
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def shown(line: Line) -> None:
    """The job's own lines on stdout, RunPod's on stderr; raises BrokenPipeError where nobody reads any more."""
    if line.source == "container":
        print(line.text, flush=True)
    else:
        terminal.say(f"  runpod: {line.text}")
