"""From answers to rates."""

from __future__ import annotations

import pytest

from jobs.checks.behaviour import Generation, MeasureConfig, behaviours, rates_above, samples, wilson

MEASURE = MeasureConfig(thinking_block="empty", repeat_chars=12, loop_repeats=4, loop_chars=20, overlap_chars=3)


def generation(
    row: str, text: str, model: str = "tuned", prompt: str = "default", stopped: bool = True, opening: str = ""
) -> Generation:
    return Generation(
        id=row, model=model, prompt=prompt, opening=opening, text=text, ids=[1, 2], stopped=stopped,
        reference=f"{row}の日",
    )  # fmt: skip


def test_one_behaviour_per_model_and_prompt() -> None:
    found = behaviours(
        [
            generation("猫", "猫の日"),
            generation("犬", "港の夕暮れ"),
            generation("猫", "", model="base", stopped=False),
            generation("猫", "<think>考え</think>猫の日", prompt="no_thinking"),
        ],
        ["港の夕暮れ"],
        MEASURE,
    )
    assert [(one.model, one.prompt, one.num_rows, one.num_tokens) for one in found] == [
        ("tuned", "default", 2, 4),
        ("base", "default", 1, 2),
        ("tuned", "no_thinking", 1, 2),
    ]
    tuned, base, other = found
    assert (tuned.stop_rate, tuned.exact_rate, tuned.copy_rate, tuned.overlap) == (1.0, 0.5, 0.5, 0.5)
    assert (base.stop_rate, base.empty_rate, base.agreement) == (0.0, 1.0, 0.0)
    assert (other.think_leak_rate, other.exact_rate, other.agreement) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("opening", "text", "leaks", "agreement"),
    [
        ("<think>\n", "考え\n</think>\n\n猫の日", 0.0, 1.0),
        ("", "<think>\n考え\n</think>\n\n猫の日", 0.0, 1.0),
        ("", "考え\n</think>\n\n猫の日", 1.0, 0.316),
        ("<think>\n", "<think>\n考え\n</think>\n\n猫の日", 1.0, 1.0),
        ("<think>\n", "考えている", 1.0, 0.0),
        ("<think>\n\n</think>\n\n", "猫の日", 0.0, 1.0),
        ("<think>\n\n</think>\n\n", "<think>\n\n</think>\n\n猫の日", 1.0, 0.24),
    ],
)
def test_an_answer_begins_where_the_prompt_opened_it(opening: str, text: str, leaks: float, agreement: float) -> None:
    keep = MEASURE.model_copy(update={"thinking_block": "keep"})
    (found,) = behaviours([generation("猫", text, opening=opening)], [], keep)
    assert (found.think_leak_rate, round(found.agreement, 3)) == (leaks, agreement)


@pytest.mark.parametrize(
    ("opening", "shown"),
    [
        ("", "猫の日"),
        ("<think>\n\n</think>\n\n", "猫の日"),
        ("<think>\n", "[the prompt has <think>]\n猫の日"),
    ],
)
def test_people_see_what_the_model_wrote_and_where_it_began(opening: str, shown: str) -> None:
    assert samples([generation("猫", "猫の日", opening=opening)], {}, "tuned", 1)[0].texts == {"tuned": shown}


def test_samples_are_half_the_worst() -> None:
    rows = [generation(f"{number}", f"{number}の日" if number != 7 else "違う") for number in range(9)]
    found = samples([*rows, generation("3", "x", "base", "no_thinking")], {"7": "質問"}, "tuned", 4)
    assert [one.id for one in found] == ["7", "0", "1", "2"]
    assert found[0].prompt == "質問"
    assert samples([*rows, generation("0", "x", "base", "no_thinking")], {}, "tuned", 4)[1].texts == {
        "tuned": "0の日",
        "base (no_thinking)": "x",
    }


@pytest.mark.parametrize(
    ("rate", "number", "low", "high"),
    [(1.0, 60, 0.9398, 1.0), (0.5, 10, 0.2366, 0.7634), (0.0, 20, 0.0, 0.1611), (0.0, 0, 0.0, 1.0)],
)
def test_wilson(rate: float, number: int, low: float, high: float) -> None:
    assert wilson(rate, number) == pytest.approx((low, high), abs=1e-4)


def test_a_rate_that_is_no_number_is_above_any_limit() -> None:
    one = behaviours([generation("猫", "猫の日")], [], MEASURE)[0].model_copy(update={"loop_rate": float("nan")})
    assert len(list(rates_above([one], "loop_rate", "loop", 1.0))) == 1
