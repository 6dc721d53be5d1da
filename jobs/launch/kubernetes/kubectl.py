"""kubectl as a child process: what it answers, and its errors in our words."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from tempfile import TemporaryFile
from typing import Any

from jobs.core.errors import EnvironmentProblem, Refusal

ASK_SECONDS = 60
"""For a question or a creation; what waits or follows says how long itself."""


class AlreadyThere(Refusal):
    """The API server has an object of that name."""


class Kubectl:
    """kubectl for one context and namespace; None leaves the choice to kubectl's own configuration."""

    def __init__(self, context: str | None, namespace: str | None) -> None:
        if shutil.which("kubectl") is None:
            raise EnvironmentProblem("kubectl is not here; install it, or render on a machine without it: k8s-render")
        self.context, self.namespace = context, namespace
        self.words = ["kubectl"]
        if context is not None:
            self.words.append(f"--context={context}")
        if namespace is not None:
            self.words.append(f"--namespace={namespace}")

    def text(self, *words: str, stdin: str | None = None, seconds: float = ASK_SECONDS) -> str:
        """What kubectl writes to stdout; raises AlreadyThere, Refusal or EnvironmentProblem for what it cannot do."""
        command = [*self.words, *words]
        try:
            done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            raise EnvironmentProblem(f"kubectl {words[0]}: no answer in {seconds:.0f} s; try again") from None
        if done.returncode:
            raise problem(words, done.stderr)
        return done.stdout

    def place(self) -> str:
        """Which cluster and namespace that is, to say before something is made or removed there."""
        known = self.json("config", "view") or {}
        name = self.context or known.get("current-context") or ""
        contexts = {each["name"]: each["context"] for each in known.get("contexts") or []}
        namespace = self.namespace or contexts.get(name, {}).get("namespace")
        return f"context {name or 'of kubectl itself'}, namespace {namespace or 'default'}"

    def json(self, *words: str, stdin: str | None = None) -> Any:
        """The object that kubectl answers with; None where it answers nothing."""
        said = self.text(*words, "--output=json", stdin=stdin)
        return json.loads(said) if said.strip() else None

    def lines(self, *words: str) -> Iterator[str]:
        """The lines of stdout as they come; raises as `text` does where kubectl ends with an error after them."""
        with (
            TemporaryFile("w+", errors="replace") as errors,
            subprocess.Popen(
                [*self.words, *words], stdout=subprocess.PIPE, stderr=errors, text=True, errors="replace"
            ) as child,
        ):
            assert child.stdout is not None
            try:
                yield from child.stdout
                code = child.wait()
            finally:
                child.kill()
            if code:
                errors.seek(0)
                raise problem(words, errors.read())


def problem(words: Sequence[str], stderr: str) -> Exception:
    """An error of kubectl in one line."""
    lines = [line.strip() for line in stderr.strip().splitlines() if line.strip()]
    said = (lines[-1] if lines else "no reason given").removeprefix("error: ").removeprefix("Error from server ")[:400]
    if "(AlreadyExists)" in stderr:
        return AlreadyThere(f"kubectl {words[0]}: {said}")
    if "is invalid:" in stderr or "(BadRequest)" in stderr:
        return Refusal(f"kubectl {words[0]}: the cluster does not take it: {said}")
    if "(Forbidden)" in stderr and "exceeded quota" not in stderr:
        return EnvironmentProblem(f"kubectl {words[0]}: you may not do that in this namespace: {said}")
    return EnvironmentProblem(f"kubectl {words[0]}: {said}")
