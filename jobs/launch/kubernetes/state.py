"""How a run on Kubernetes stands: a Job's conditions and its pods' exit codes in the words of `core.errors.Exit`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.core.errors import Exit

CONTAINER = "kiwame"
WORDS = {
    Exit.PASSED: "passed",
    Exit.CRASHED: "crashed",
    Exit.REFUSED: "refused before work",
    Exit.GATE_FAILED: "a gate said no",
    Exit.ENVIRONMENT: "the machine cannot",
    Exit.INTERRUPTED: "interrupted, state saved",
    Exit.NOBODY_READS: "nobody read what it said",
}
SAID_BY_POLICY = re.compile(r"failed with exit code (\d+)")
KILLED, STOPPED = 137, 143
"""128 + SIGKILL; 128 + SIGTERM, which reached the program before it could answer."""
Object = Mapping[str, Any]


@dataclass(frozen=True)
class State:
    """Where a run stands. `exit` is None while it has not ended."""

    word: str
    detail: str = ""
    exit: Exit | None = None

    @property
    def line(self) -> str:
        return f"{self.word}: {self.detail}" if self.detail else self.word


def judge(job: Object, pods: Sequence[Object]) -> State:
    """The state of a Job and its pods, as the API server gives them."""
    status = job.get("status", {})
    true = {each["type"]: each for each in status.get("conditions") or [] if each.get("status") == "True"}
    ordered = in_order(pods)
    if "Complete" in true:
        return State(WORDS[Exit.PASSED], exit=Exit.PASSED)
    if "Failed" in true:
        return _failed(true["Failed"], status, ordered)
    if job["metadata"].get("deletionTimestamp"):
        return State("stopping", "it is being deleted and has its grace period to save its state")
    if "FailureTarget" in true or "SuccessCriteriaMet" in true:
        return State("ending", _reason(true.get("FailureTarget") or true["SuccessCriteriaMet"]))
    if job["spec"].get("suspend"):
        return State("queued", "suspended: it starts when the queue has room")
    return _going(ordered)


def in_order(pods: Sequence[Object]) -> list[Object]:
    """The oldest first."""
    return sorted(pods, key=lambda pod: (str(pod["metadata"].get("creationTimestamp", "")), pod["metadata"]["name"]))


def container(pod: Object) -> Object:
    """The status of our container; empty where the kubelet has not said anything yet."""
    statuses = pod.get("status", {}).get("containerStatuses") or []
    return next((each for each in statuses if each["name"] == CONTAINER), {})


def has_log(pod: Object) -> bool:
    """Whether our container has begun."""
    state = container(pod).get("state", {})
    return "running" in state or "terminated" in state


def exit_code(pod: Object) -> int | None:
    """The exit code of our container, or None where it has not ended."""
    ended = container(pod).get("state", {}).get("terminated")
    return None if ended is None else int(ended["exitCode"])


def meaning(code: int) -> Exit:
    """A container's exit code as ours. A signal, or a command that could not be started, is the machine's doing."""
    if code in WORDS:
        return Exit(code)
    if code == STOPPED:
        return Exit.INTERRUPTED
    return Exit.ENVIRONMENT if code > 125 else Exit.CRASHED


def told(pod: Object) -> str:
    """How a pod ended or what it is doing, in a phrase."""
    state, phase = container(pod).get("state", {}), pod.get("status", {}).get("phase", "")
    code = exit_code(pod)
    if code is not None:
        killed = " for lack of memory" if state["terminated"].get("reason") == "OOMKilled" else ""
        if code in WORDS:
            return f"exit code {code}: {WORDS[Exit(code)]}"
        signalled = {KILLED: f": killed{killed}", STOPPED: ": told to stop before it had begun"}
        return f"exit code {code}{signalled.get(code, '')}"
    if "waiting" in state:
        waiting = state["waiting"]
        return ", ".join(filter(None, (str(waiting.get("reason", "waiting")), str(waiting.get("message", ""))[:300])))
    if phase == "Pending":
        return _unscheduled(pod) or "pending"
    return f"{phase.lower() or 'unknown'}{'' if phase != 'Failed' else ': ' + _reason(pod['status'])}"


def last_words(pod: Object, most: int = 4) -> list[str]:
    """The last lines that a failed container left in its status."""
    message = container(pod).get("state", {}).get("terminated", {}).get("message", "")
    return [line.rstrip()[:300] for line in str(message).strip().splitlines()[-most:]]


def _failed(condition: Object, status: Object, pods: Sequence[Object]) -> State:
    reason, message = str(condition.get("reason", "")), str(condition.get("message", ""))
    codes = [code for code in map(exit_code, pods) if code]
    if reason == "DeadlineExceeded":  # the cluster deletes its pod, and then nobody knows whether it had time to save
        word = WORDS[Exit.INTERRUPTED] if codes[-1:] == [Exit.INTERRUPTED] else "interrupted"
        return State(
            word, "its hours are over; deleted and submitted again it goes on from what it saved", Exit.INTERRUPTED
        )
    said = SAID_BY_POLICY.search(message)
    code = int(said[1]) if said else codes[-1] if codes else None
    if code is None:
        return State(
            WORDS[Exit.ENVIRONMENT], f"no pod of it has an exit code ({reason}: {message[:300]})", Exit.ENVIRONMENT
        )
    ending = meaning(code)
    why = [f"given up after {status.get('failed', len(codes))} failures"] if reason == "BackoffLimitExceeded" else []
    why += [told(pods[-1])] if code not in WORDS and codes else []
    return State(WORDS[ending], ", ".join(why), ending)


def _going(pods: Sequence[Object]) -> State:
    if not pods:
        return State("starting", "it has no pod yet")
    newest = pods[-1]
    phase = newest.get("status", {}).get("phase", "Pending")
    if newest["metadata"].get("deletionTimestamp"):
        return State("stopping", "its pod has its grace period to save its state; a new one goes on")
    if phase == "Running":
        return State("running", _attempt(pods))
    if phase == "Pending":
        return State("waiting", told(newest))
    if phase == "Failed":
        return State("retrying", f"the last pod ended with {told(newest)}; a new one goes on")
    return State("ending")


def _attempt(pods: Sequence[Object]) -> str:
    ended = [pod for pod in pods[:-1] if exit_code(pod) is not None]
    return f"pod {len(ended) + 1}; the one before ended with {told(ended[-1])}" if ended else ""


def _unscheduled(pod: Object) -> str:
    for condition in pod["status"].get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return f"no node has room: {str(condition.get('message', ''))[:300]}"
    return ""


def _reason(holder: Object) -> str:
    return ": ".join(filter(None, (str(holder.get("reason", "")), str(holder.get("message", ""))[:300])))
