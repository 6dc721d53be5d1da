"""A pod's way to end itself: delete, or where its key may not do that, terminate, or at least release the GPU."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from itertools import chain, repeat

import httpx2

from jobs.core import terminal

ADDRESS = "https://api.runpod.io"
AGENT = "kiwame/0.1"  # the edge in front of the API turns generic clients away with a 403
KEYS = ("KIWAME_RUNPOD_API_KEY", "RUNPOD_API_KEY")
"""The second is set by RunPod and is the pod's own; the first can be given where that one may not delete."""
WAITS = (0.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Seconds before each round; the last one again and again."""
PATIENT = 4
"""Rounds in which a failure that is not a matter of what the key may do keeps the milder ways for later."""
WAYS = (("DELETE", ""), ("POST", "terminate"), ("POST", "stop"))
NOT_ALLOWED = (401, 403, 404, 405)
WAY_OUT = "it costs money until it is deleted: run `make pod-reap`, or delete it in RunPod's console"


class OwnPod:
    """The pod that this process runs in, by what RunPod put into the environment."""

    def __init__(
        self,
        environment: Mapping[str, str],
        sleep: Callable[[float], None] = time.sleep,
        say: Callable[[str], None] = terminal.say,
    ) -> None:
        self.id = environment.get("RUNPOD_POD_ID", "")
        given = [environment.get(name, "").strip() for name in KEYS]
        self.keys = [key for key in dict.fromkeys(given) if re.fullmatch(r"[\x21-\x7e]+", key)]
        self.address = environment.get("KIWAME_RUNPOD_URL", ADDRESS).rstrip("/")
        self.sleep, self.say = sleep, say

    def problem(self) -> str | None:
        """Why it cannot end itself, as far as can be seen without doing it; None where nothing speaks against it."""
        lacking = self._lacking()
        if lacking:
            return lacking
        answers = [self._ask("GET", "", key) for key in self.keys]
        return None if any(200 <= status < 300 for status in answers) else f"its key is answered {answers[0] or 'not'}"

    def end(self) -> None:
        """Try until the pod is going, for ever: where this process ended, its container would be started again.

        A deletion that fails for another reason than the key is given PATIENT rounds; then every way is tried in each.
        Only a success ends it. A 404 is none, for here we are: the API says it of what a key may not see, too. Where
        there is nothing to try with, this says so once and holds, so that the job's last lines stay the last.
        """
        lacking = self._lacking()
        if lacking:
            self.say(f"this pod cannot delete itself ({lacking}); {WAY_OUT}")
        told: set[tuple[str, int]] = set()
        for place, seconds in enumerate(chain(WAITS, repeat(WAITS[-1]))):
            self.sleep(seconds)
            for number, key in enumerate(self.keys if self.id else [], 1):
                for method, action in WAYS:
                    status = self._ask(method, action, key)
                    way = f"{action or 'delete'} with key {number} of {len(self.keys)}"
                    if 200 <= status < 300:
                        self.say(f"pod {self.id}: {way} was accepted ({status})")
                        return
                    if (way, status) not in told:  # each answer once: a log is read by its last lines
                        self.say(f"pod {self.id}: {way} was answered {status or 'not'}")
                        if not told:
                            self.say(f"  it is tried for as long as it takes; {WAY_OUT}")
                        told.add((way, status))
                    if status not in NOT_ALLOWED and place < PATIENT:
                        break  # not a matter of what the key may do: the same again, later

    def _lacking(self) -> str | None:
        """What is missing in the environment, in words."""
        if not self.id:
            return "RUNPOD_POD_ID is not set"
        return None if self.keys else f"neither {' nor '.join(KEYS)} is set"

    def _ask(self, method: str, action: str, key: str) -> int:
        """The status of one call, 0 where there was no answer, for whatever reason. The key is in no message."""
        try:
            response = httpx2.request(
                method,
                f"{self.address}/v2/pods/{self.id}{'/action' if action else ''}",
                headers={"Authorization": f"Bearer {key}", "User-Agent": AGENT},
                json={"action": action} if action else None,
                timeout=30,
                trust_env=False,  # a proxy or a certificate file that the job is told of may not keep the pod alive
            )
        except Exception:
            return 0
        return response.status_code
