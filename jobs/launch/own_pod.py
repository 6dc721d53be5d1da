"""A pod's way to end itself: delete, or where its key may not do that, terminate, or at least release the GPU."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping

import httpx2

from jobs.core import terminal

ADDRESS = "https://api.runpod.io"
AGENT = "kiwame/0.1"  # the edge in front of the API turns generic clients away with a 403
KEYS = ("KIWAME_RUNPOD_API_KEY", "RUNPOD_API_KEY")
"""The second is set by RunPod and is the pod's own; the first can be given where that one may not delete."""
WAITS = (0.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
TRIES = 40
WAYS = (("DELETE", ""), ("POST", "terminate"), ("POST", "stop"))
NOT_ALLOWED = (401, 403, 404, 405)


class OwnPod:
    """The pod that this process runs in, by what RunPod put into the environment."""

    def __init__(self, environment: Mapping[str, str], sleep: Callable[[float], None] = time.sleep) -> None:
        self.id = environment.get("RUNPOD_POD_ID", "")
        given = [environment.get(name, "").strip() for name in KEYS]
        self.keys = [key for key in dict.fromkeys(given) if re.fullmatch(r"[\x21-\x7e]+", key)]
        self.address = environment.get("KIWAME_RUNPOD_URL", ADDRESS).rstrip("/")
        self.sleep = sleep
        self._http = httpx2.Client(timeout=30, headers={"User-Agent": AGENT})

    def problem(self) -> str | None:
        """Why it cannot end itself, as far as can be seen without doing it; None where nothing speaks against it."""
        if not self.id:
            return "RUNPOD_POD_ID is not set"
        if not self.keys:
            return f"neither {' nor '.join(KEYS)} is set"
        answers = [self._ask("GET", "", key) for key in self.keys]
        return None if any(200 <= status < 300 for status in answers) else f"its key is answered {answers[0] or 'not'}"

    def end(self) -> bool:
        """Try until the pod is going. False: it stays, and costs money.

        A 404 alone does not mean that it is gone, for here we are: the API says it of what a key may not see, too.
        """
        perhaps = False
        for attempt in range(TRIES if self.id and self.keys else 0):
            self.sleep(WAITS[min(attempt, len(WAITS) - 1)])
            for key in self.keys:
                for way in WAYS:
                    status = self._ask(*way, key)
                    if 200 <= status < 300 or (status == 404 and perhaps):
                        terminal.say(f"pod {self.id}: {way[0]} {way[1]} accepted ({status})")
                        return True
                    terminal.say(f"pod {self.id}: {way[0]} {way[1]} answered {status or 'not'}")
                    perhaps = perhaps or status == 0 or status >= 500
                    if status not in NOT_ALLOWED:
                        break  # not a matter of what the key may do: the same again, later
        return False

    def _ask(self, method: str, action: str, key: str) -> int:
        """The status of one call, 0 where there was no answer. The key is in no message."""
        try:
            response = self._http.request(
                method,
                f"{self.address}/v2/pods/{self.id}{'/action' if action else ''}",
                headers={"Authorization": f"Bearer {key}"},
                json={"action": action} if action else None,
            )
        except httpx2.HTTPError:
            return 0
        return response.status_code
