"""The memory of a Job: as the overlay says, or what its run takes at least."""

from __future__ import annotations

import pytest

from jobs.core.errors import EnvironmentProblem
from jobs.launch.kubernetes import command, render, spec
from tests.launch.kubernetes import manifests as there

pytestmark = there.needs_kustomize
GIB = 1 << 30


def limit(*words: str) -> int | None:
    given = ["run.name=mine", "prepare.files=[/workspace/x]", there.IMAGE, *words]
    return render.memory_limit(command.sized(spec.plan(given)))


@pytest.mark.parametrize(
    ("words", "least"),
    [
        (["model=qwen3_0_6b"], 32),  # as the overlay says
        (["model=qwen3_32b"], 130),  # the float32 model is loaded before it is moved
        (["model=qwen3_32b", "estimate.refuse=false"], 32),
        (["model=qwen3_32b", "k8s.memory=200Gi"], 200),
        (["model.id=somebody/Else"], 32),
    ],
)
def test_a_job_has_what_its_run_takes(words: list[str], least: int) -> None:
    found = limit(*words)
    assert found is not None
    assert least * GIB <= found <= 1.1 * least * GIB


def test_less_than_that_is_refused() -> None:
    with pytest.raises(EnvironmentProblem, match="and the run takes") as problem:
        limit("model=qwen3_32b", "k8s.memory=32Gi")
    assert problem.value.words[0].startswith("k8s.memory=13")
