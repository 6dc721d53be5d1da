from __future__ import annotations

import pytest

from jobs.logic.estimating import cards, fitting
from tests.logic.estimating.recipes import recipe, rows

LEAST = rows(8, 4, 1, 1)


@pytest.mark.parametrize(("size", "gib"), [("0.6B", 4), ("4B", 19), ("8B", 38), ("32B", 149)])
def test_the_smallest_gpu_that_may_do(size: str, gib: int) -> None:
    assert fitting.gpu_gib(recipe(size, LEAST)) == gib
    assert fitting.lack(recipe(size, LEAST), gib, 0, 1e15) is None
    assert fitting.lack(recipe(size, LEAST), gib - 1, 0, 1e15) is not None


def test_what_is_lacking_is_said_with_the_words_that_mend_it() -> None:
    found = fitting.lack(recipe("8B", LEAST), 24, 0, 1e15)
    assert found is not None
    assert found.words[0] == "train.dtype=bfloat16"
    assert "a GPU of 24 GB" in found.said
    hopeless = fitting.lack(recipe("32B", LEAST), 24, 0, 1e15)
    assert hopeless is not None
    assert hopeless.words == ()
    assert cards.NOT_DONE in hopeless.said


def test_memory_and_disk_are_asked_for_what_is_left_to_make() -> None:
    least = recipe("32B", LEAST)
    found = fitting.lack(least, 0, 32 * (1 << 30), 1e15)
    assert found is not None
    assert "of memory, and this machine has" in found.said
    ram = fitting.ram_bytes(least, has_gpu=False)
    assert fitting.lack(least, 0, ram / (0.99 * fitting.SURELY), 1e15) is None
    assert fitting.lack(least, 0, ram / (1.01 * fitting.SURELY), 1e15) is not None
    full = fitting.lack(recipe("8B", LEAST), 0, 0, 50e9)
    assert full is not None
    assert "of disk" in full.said
    assert fitting.lack(recipe("8B", LEAST), 0, 0, 50e9, made=("merge", "convert")) is None
    assert fitting.lack(least, 0, 1, 0, made=[*fitting_stages()]) is None


def fitting_stages() -> list[str]:
    return ["prepare", "fetch", "preflight", "train", "smoke", "merge", "convert", "quantize", "verify", "report"]
