"""A Job and its pods as the API server gives them, in; a word, a reason and an exit code of ours, out."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.core.errors import Exit
from jobs.launch.kubernetes.state import WORDS, State, exit_code, has_log, judge, last_words, meaning, told


def job(*conditions: tuple[str, str, str], suspend: bool = False, **status: Any) -> dict[str, Any]:
    listed = [{"type": kind, "status": "True", "reason": why, "message": said} for kind, why, said in conditions]
    return {
        "metadata": {"name": "kiwame-x"},
        "spec": {"suspend": suspend},
        "status": status | ({"conditions": listed} if listed else {}),
    }


def pod(name: str, phase: str, state: dict[str, Any] | None = None, at: int = 0, **status: Any) -> dict[str, Any]:
    containers = [{"name": "sidecar", "state": {}}, {"name": "kiwame", "state": state}] if state is not None else []
    return {
        "metadata": {"name": name, "creationTimestamp": f"2026-11-22T10:00:{at:02d}Z"},
        "spec": {"containers": [{"name": "kiwame"}]},
        "status": {"phase": phase, **({"containerStatuses": containers} if containers else {}), **status},
    }


def ended(code: int, name: str = "p", at: int = 0, reason: str = "Error", message: str = "") -> dict[str, Any]:
    state = {"terminated": {"exitCode": code, "reason": reason, "message": message}}
    return pod(name, "Succeeded" if code == 0 else "Failed", state, at)


POLICY = "Container kiwame for pod team/kiwame-x-abcde failed with exit code {} matching FailJob rule at index 2"
OVER = "its hours are over; deleted and submitted again it goes on from what it saved"
RUNNING = {"running": {"startedAt": "2026-11-22T10:00:00Z"}}


@pytest.mark.parametrize(
    ("the_job", "pods", "expected"),
    [
        (job(), [], State("starting", "it has no pod yet")),
        (job(suspend=True), [], State("queued", "suspended: it starts when the queue has room")),
        (job(), [pod("p", "Running", RUNNING)], State("running")),
        (job(("Complete", "CompletionsReached", "")), [ended(0)], State("passed", exit=Exit.PASSED)),
        (job(("SuccessCriteriaMet", "CompletionsReached", "")), [ended(0)], State("ending", "CompletionsReached")),
        (
            job(("Failed", "PodFailurePolicy", POLICY.format(3))),
            [ended(3)],
            State("a gate said no", exit=Exit.GATE_FAILED),
        ),
        (
            job(("Failed", "PodFailurePolicy", POLICY.format(2))),
            [],
            State("refused before work", exit=Exit.REFUSED),
        ),
        (
            job(("Failed", "DeadlineExceeded", "Job was active longer than specified deadline")),
            [],
            State("interrupted", OVER, Exit.INTERRUPTED),
        ),
        (job(("Failed", "DeadlineExceeded", "")), [ended(137)], State("interrupted", OVER, Exit.INTERRUPTED)),
        (
            job(("Failed", "DeadlineExceeded", "")),
            [ended(137, "a", 1), ended(75, "b", 2)],
            State(WORDS[Exit.INTERRUPTED], OVER, Exit.INTERRUPTED),
        ),
        (
            job(),
            [ended(143, "a", 1), pod("b", "Running", RUNNING, 2)],
            State("running", "pod 2; the one before ended with exit code 143: told to stop before it had begun"),
        ),
        (
            job(("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"), failed=3),
            [ended(4, "a", 1), ended(75, "b", 2), ended(1, "c", 3)],
            State("crashed", "given up after 3 failures", Exit.CRASHED),
        ),
        (
            job(("Failed", "BackoffLimitExceeded", ""), failed=3),
            [ended(137, "c", 3, "OOMKilled"), ended(1, "a", 1)],
            State(
                WORDS[Exit.ENVIRONMENT],
                "given up after 3 failures, exit code 137: killed for lack of memory",
                Exit.ENVIRONMENT,
            ),
        ),
        (
            job(("Failed", "BackoffLimitExceeded", "so it is"), failed=3),
            [],
            State(
                WORDS[Exit.ENVIRONMENT],
                "no pod of it has an exit code (BackoffLimitExceeded: so it is)",
                Exit.ENVIRONMENT,
            ),
        ),
        (
            job(("FailureTarget", "PodFailurePolicy", "said")),
            [pod("p", "Running", RUNNING)],
            State("ending", "PodFailurePolicy: said"),
        ),
        (
            job(failed=1),
            [ended(4, "a", 1)],
            State("retrying", "the last pod ended with exit code 4: the machine cannot; a new one goes on"),
        ),
        (
            job(failed=1),
            [ended(75, "a", 1), pod("b", "Running", RUNNING, 2)],
            State("running", "pod 2; the one before ended with exit code 75: interrupted, state saved"),
        ),
        (
            job(),
            [pod("p", "Pending", {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}})],
            State("waiting", "ImagePullBackOff, no such image"),
        ),
        (
            job(),
            [pod("p", "Pending", conditions=[{"type": "PodScheduled", "status": "False", "message": "0/3 nodes"}])],
            State("waiting", "no node has room: 0/3 nodes"),
        ),
        (job(), [pod("p", "Pending")], State("waiting", "pending")),
    ],
)
def test_judge(the_job: dict[str, Any], pods: list[dict[str, Any]], expected: State) -> None:
    assert judge(the_job, pods) == expected


def test_a_condition_that_is_not_true_counts_for_nothing() -> None:
    one = job(("Failed", "DeadlineExceeded", ""))
    one["status"]["conditions"][0]["status"] = "False"
    assert judge(one, []).exit is None


def test_what_is_being_deleted_is_stopping() -> None:
    one, its_pod = job(), pod("p", "Running", RUNNING)
    one["metadata"]["deletionTimestamp"] = "2026-11-22T10:00:00Z"
    assert judge(one, [its_pod]).word == "stopping"
    its_pod["metadata"]["deletionTimestamp"] = "2026-11-22T10:00:00Z"
    assert judge(job(), [its_pod]).word == "stopping"


@pytest.mark.parametrize(
    ("code", "expected"),
    [*((int(each), each) for each in Exit), (7, Exit.CRASHED), (127, Exit.ENVIRONMENT), (137, Exit.ENVIRONMENT),
     (139, Exit.ENVIRONMENT), (143, Exit.INTERRUPTED)],
)  # fmt: skip
def test_an_exit_code_means_what_it_means_elsewhere(code: int, expected: Exit) -> None:
    assert meaning(code) is expected


def test_every_exit_has_a_word_of_its_own() -> None:
    assert set(WORDS) == set(Exit)
    assert len(set(WORDS.values())) == len(Exit)


def test_a_pod_that_the_kubelet_has_not_seen() -> None:
    bare: dict[str, Any] = {"metadata": {"name": "p"}}
    assert (exit_code(bare), has_log(bare), last_words(bare), told(bare)) == (None, False, [], "unknown")


def test_an_evicted_pod_says_why() -> None:
    assert told(pod("p", "Failed", reason="Evicted", message="low on disk")) == "failed: Evicted: low on disk"


def test_last_words_are_the_last_lines() -> None:
    message = "\n".join(f"line {number}" for number in range(9)) + "\n"
    assert last_words(ended(2, message=message)) == ["line 5", "line 6", "line 7", "line 8"]
