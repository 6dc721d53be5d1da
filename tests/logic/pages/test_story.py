"""Answers side by side: equal ones together, and those that are the reference marked."""

from __future__ import annotations

import pytest

from jobs.logic.pages import story

THOUGHT = "<think>\nFrost.\n</think>\n\n霜の朝"


@pytest.mark.parametrize(
    ("text", "reference", "same"),
    [
        ("霜の朝", "霜の朝", True),
        ("<think>\n\n</think>\n\n霜の朝", "霜の朝", True),
        ("氷の朝", "霜の朝", False),
        (THOUGHT, THOUGHT, True),
        ("[the prompt has <think>]\nFrost.\n</think>\n\n霜の朝", THOUGHT, True),
        ("[the prompt has <think>]\nIce.\n</think>\n\n霜の朝", THOUGHT, False),
    ],
)
def test_an_answer_that_is_the_reference_is_marked(text: str, reference: str, same: bool) -> None:
    row = {"id": "v1", "prompt": "題名", "reference": reference, "texts": {"Q4_K_M": text, "F16": text}}
    (found,) = story.samples({"verify": {"samples": [row]}}, 8)
    assert [(one["models"], one["same"]) for one in found["answers"]] == [(["Q4_K_M", "F16"], same)]
