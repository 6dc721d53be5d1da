"""What a run needs at least decides which GPU types are asked for."""

from __future__ import annotations

import pytest

from jobs.launch.runpod.command import large_enough
from jobs.launch.runpod.models import GpuType
from jobs.launch.runpod.place import offers
from jobs.launch.runpod.spec import PodFile, checked, load
from tests.launch.conftest import ROOT, WORDS
from tests.launch.runpod.fake_runpod import gpu

CATALOG = [GpuType.model_validate(gpu(name, 0.5, memory=memory)) for name, memory in (("A", 24), ("B", 80), ("C", 180))]


def asked(*words: str) -> PodFile:
    spec = checked(load(ROOT / "runpod.yaml", [*WORDS, "gpu.id=[A, B, C]"]))
    return spec.model_copy(
        update={"job": spec.job.model_copy(update={"words": ["prepare.files=[/workspace/x]", *words]})}
    )


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (["model=qwen3_0_6b"], ["A", "B", "C"]),
        (["model=qwen3_8b"], ["B", "C"]),
        (["model=qwen3_32b"], ["C"]),
        (["model=qwen3_32b", "estimate.refuse=false"], ["A", "B", "C"]),
        (["model.id=somebody/Else"], ["A", "B", "C"]),  # whose shape nobody knows here
    ],
)
def test_only_gpus_that_the_run_can_fit_are_asked_for(words: list[str], ids: list[str]) -> None:
    spec, _ = large_enough(asked(*words))
    assert [offer.gpu.id for offer in offers(spec, CATALOG, "XX-1")] == ids


def test_the_words_for_a_smaller_one_are_said() -> None:
    _, told = large_enough(asked("model=qwen3_8b"))
    assert told.startswith("the run takes a GPU of 38 GB at least; 24 GB do with -- train.dtype=bfloat16")
