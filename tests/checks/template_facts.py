"""Facts of a chat template that llama.cpp ran, and what may be wrong with it: for both gates that ask."""

from __future__ import annotations

from typing import Any

from jobs.checks.templates import Difference, TemplateFacts

LOST = Difference(
    what="one question", byte=17, expected="<|im_start|>user⏎What·is…", found="<|im_start|>user⏎%s<|im_e…"
)
GOOD = TemplateFacts(
    file="model-Q8_0.gguf",
    failure=None,
    num_rows=64,
    num_probes=29,
    num_equal=279,
    refused=[],
    num_refused=0,
    untrained=[],
    num_untrained=0,
    differing=[],
    num_differing=0,
    not_rendered=["a question with content: null (Hugging Face cannot render turns of user)"],
    num_asked=6,
    other_tokens=[],
    num_typed=0,
)


def template(**changes: Any) -> TemplateFacts:
    return GOOD.model_copy(update=changes)


NOT_RUN = TemplateFacts.not_run("model-Q8_0.gguf", "llama-server ended with exit code 1")
CASES: list[tuple[list[TemplateFacts], int, str]] = [
    ([NOT_RUN], 0, "fail"),
    ([template(refused=["one question: llama.cpp says Unknown operator"], num_refused=1)], 0, "fail"),
    ([template(num_rows=0)], 0, "fail"),
    ([template(num_probes=12)], 0, "fail"),
    ([template(num_probes=13)], 0, "pass"),
    ([template(num_asked=0)], 0, "fail"),
    ([], 0, "skip"),
    ([template(differing=[LOST], num_differing=84)], 1, "fail"),
    ([GOOD, template(differing=[LOST], num_differing=1)], 1, "fail"),
    ([NOT_RUN], 1, "skip"),
    ([template(untrained=[LOST], num_untrained=1)], 2, "fail"),
    ([NOT_RUN], 2, "skip"),
    ([template(other_tokens=[LOST])], 3, "fail"),
    ([NOT_RUN], 3, "skip"),
]
"""Facts, the rule counted from the first of the four, its status."""
