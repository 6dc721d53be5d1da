"""A headless Chromium spoken to through a pipe (Chrome DevTools Protocol), where this machine has one."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PROGRAM = next(filter(None, map(shutil.which, NAMES)), None)
WAIT_SECONDS = 60.0
CODES = {"u": "KeyU", "c": "KeyC", "ArrowLeft": "ArrowLeft", "ArrowRight": "ArrowRight"}


class Page:
    """One tab."""

    def __init__(self, asking: int, answering: int) -> None:
        self._asking, self._answering = asking, answering
        self._number, self._session, self._buffer = 0, "", b""
        self.complaints: list[str] = []
        """What the console and the policy said."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> Any:
        """The result of a command; events that come before it are looked through for complaints."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        message |= {"sessionId": self._session} if self._session else {}
        os.write(self._asking, json.dumps(message).encode() + b"\0")
        while True:
            found = self._next()
            if found.get("id") == self._number:
                if "error" in found:
                    raise RuntimeError(f"{method}: {found['error']}")
                return found["result"]
            if found.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"):
                self.complaints.append(json.dumps(found["params"])[:300])
            if found.get("method") == "Network.requestWillBeSent":
                url = found["params"]["request"]["url"]
                if not url.startswith(("file:", "blob:", "data:")):
                    self.complaints.append(f"asked for {url}")

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            some = os.read(self._answering, 1 << 16)
            if not some:
                raise RuntimeError("the browser is gone")
            self._buffer += some
        line, _, self._buffer = self._buffer.partition(b"\0")
        found: dict[str, Any] = json.loads(line)
        return found

    def go(self, url: str, width: int, height: int) -> None:
        """Open a page at the size of a window, and wait until its script has run."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 500)  # fmt: skip
        self.call("Page.navigate", url=url)
        until = time.monotonic() + WAIT_SECONDS
        while self.value("document.readyState") != "complete":
            assert time.monotonic() < until
            time.sleep(0.05)

    def value(self, expression: str) -> Any:
        """What JavaScript says."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, key: str) -> None:
        """A key, down and up."""
        code = CODES.get(key, f"Digit{key}")
        for kind in ("keyDown", "keyUp"):
            text = {"text": key} if kind == "keyDown" and len(key) == 1 else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=code, **text)


@contextmanager
def opened(profile: Path, downloads: Path) -> Iterator[Page]:
    """A browser that keeps what a page stores in `profile`, and saves to `downloads`."""
    assert PROGRAM is not None
    theirs, asking = os.pipe()
    answering, ours = os.pipe()
    ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (theirs, ours)]
    words = [PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--remote-debugging-pipe", f"--user-data-dir={profile}"]  # fmt: skip

    def at_three_and_four() -> None:
        for wanted, end in enumerate(ends, 3):
            os.dup2(end, wanted)

    child = subprocess.Popen(
        words, close_fds=False, preexec_fn=at_three_and_four, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    for end in ends:
        os.close(end)
    os.close(theirs)
    os.close(ours)
    try:
        page = Page(asking, answering)
        page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))
        yield page
        page.call("Browser.close")
        child.wait(WAIT_SECONDS)
    finally:
        child.kill()
        child.wait()
        os.close(asking)
        os.close(answering)
