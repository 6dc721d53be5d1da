from __future__ import annotations

from dataclasses import replace

import pytest

from jobs.logic.estimating import cards, disk, durations, measured, memory
from jobs.logic.estimating.durations import Machine
from jobs.logic.estimating.measured import Seen
from jobs.logic.estimating.plan import planned
from jobs.logic.estimating.recipe import Recipe
from tests.logic.estimating.recipes import recipe, rows

ADAPTER = 28 * 16 * (3072 + 2048 + 2048 + 3072 + 3 * 4096)


def stage(name: str, asked: Recipe, has_gpu: bool) -> dict[str, float]:
    found = memory.needed(asked, planned(asked.rows, asked.training, not has_gpu), has_gpu)
    one = next(each for each in found if each.stage == name)
    return {part.name: part.num_bytes for part in (one.gpu if one.on_gpu else one.ram)}


def test_training_of_the_smallest_by_hand() -> None:
    found = stage("train", recipe("0.6B"), has_gpu=False)
    assert found["base weights"] == 4 * 596_049_920
    assert (found["adapter"], found["gradients"], found["Adam"]) == (4 * ADAPTER, 4 * ADAPTER, 8 * ADAPTER)
    # a token and layer: 4 x 3072 + 6 x 2048 + 1024 + 4 x 1024 + 7 x 16 + 2 x 16 + 8 + 2 floats; then one layer at work
    kept = 28 * 4 * (4 * 3072 + 6 * 2048 + 1024 + 4 * 1024 + 112 + 42) + 2 * 128 * 4
    assert found["activations"] == 2000 * kept + 2000 * (2 * 3072 + 2 * 1024) * 8
    assert found["loss"] == 400 * 151_936 * 4  # a CPU keeps the odds of every graded position


def test_weights_of_8b_by_dtype() -> None:
    asked = recipe("8B")
    assert stage("train", asked, True)["base weights"] == 4 * 8_190_735_360
    assert stage("train", asked.trained_with(dtype="bfloat16"), True)["base weights"] == 2 * 8_190_735_360
    assert stage("smoke", asked, True)["KV cache"] == pytest.approx(32 * 700 * 2 * 36 * 1024 * 4 * (1 + 1 / 36))


def test_what_is_loaded_before_it_is_moved_is_in_ram() -> None:
    asked = recipe("32B").trained_with(dtype="bfloat16")
    found = memory.needed(asked, planned(asked.rows, asked.training, False), True)
    by_stage = {one.stage: one.ram_bytes for one in found}
    assert by_stage["train"] > 2 * 32.7e9
    assert by_stage["verify"] > 4 * 32.7e9  # 32Gi would be a fourth of it


@pytest.mark.parametrize("size", ["0.6B", "1.7B", "4B", "8B", "14B", "32B"])
@pytest.mark.parametrize("gib", [12, 16, 24, 48, 80])
@pytest.mark.parametrize("changes", [{}, {"backend": "unsloth", "dtype": "bfloat16"}, {"dtype": "bfloat16"}])
def test_what_is_said_to_fit_does(size: str, gib: int, changes: dict[str, object]) -> None:
    found = cards.judged(recipe(size, rows(300, 60)).trained_with(**changes), gib)
    assert found.fits == (found.peak <= cards.usable(gib))
    assert bool(found.why) is not found.fits
    assert found.fits or not found.words


def test_verdicts_of_the_sizes_that_people_ask_for() -> None:
    short = rows(150, 20)
    assert cards.judged(recipe("0.6B", short), 12).words == ()
    assert cards.judged(recipe("32B", short), 24).why == cards.NOT_DONE
    found = cards.judged(recipe("8B", short), 24)
    assert found.words[0] == "train.dtype=bfloat16"
    assert found.words[-4:] == ("smoke.device=cpu", "merge.device=cpu", "convert.device=cpu", "verify.device=cpu")
    long = cards.judged(recipe("8B", rows(1500, 200)), 24)
    assert (long.fits, long.why) == (False, cards.NO_CHECKPOINTING)


def test_smaller_passes_come_before_coarser_weights() -> None:
    found = cards.judged(recipe("0.6B", rows(1000, 200)), 12)
    assert found.fits
    assert found.words[0].startswith("train.schedule.max_tokens_per_batch=")


def test_disk_is_what_the_stages_ask_for() -> None:
    found = disk.needed(recipe("8B"))
    assert found["fetch"] == 2 * 8_190_735_360
    assert found["merge"] == 4 * 8_190_735_360
    assert found["convert"] == int(6.4 * 8_190_735_360)
    # layers Q4_K (4.5 bits), embedding Q4_K, head Q6_K (6.5625 bits)
    layers, matrix = 36 * 4096 * 47_104, 151_936 * 4096
    assert found["quantize"] == int(layers * 0.5625 + matrix * 0.5625 + matrix * 210 / 256)
    assert found["verify"] == 4 * 151_936 * 5000
    assert disk.needed(replace(recipe("8B"), fetched=False))["fetch"] == 0


def test_time_grows_with_work_and_falls_with_speed() -> None:
    small, large = recipe("0.6B"), recipe("8B")
    slow, fast = Machine(durations.cpu(2), None), Machine(durations.cpu(8), cards.speed(24))
    took = {
        (name, where): durations.seconds(one, planned(one.rows, one.training, machine is slow), machine)["train"]
        for name, one in (("small", small), ("large", large))
        for where, machine in (("slow", slow), ("fast", fast))
    }
    assert took["large", "slow"] > 8 * took["small", "slow"]
    assert took["small", "slow"] > 10 * took["small", "fast"]
    twice = small.trained_with(num_epochs=6)
    assert (
        durations.seconds(twice, planned(twice.rows, twice.training, True), slow)["train"] > 1.8 * took["small", "slow"]
    )


def test_a_guess_is_corrected_by_what_was_measured() -> None:
    seen = [
        Seen("a", "train", 10, 30, 1e9, 2e9),
        Seen("b", "train", 10, 50, 1e9, 3e9),
        Seen("c", "train", 10, 20, 1e9, 1e9),
    ]
    fit = measured.fitted(seen)
    assert fit.corrected({"train": 100.0, "smoke": 7.0}, fit.seconds) == {"train": 300.0, "smoke": 7.0}
    assert fit.ram == {"train": 2.0}
    assert fit.gpu == {}
