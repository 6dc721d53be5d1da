"""What to set for rows whose columns are of no known shape, as a person would find it by looking at them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from jobs.logic.rows import out_of_scope
from jobs.logic.rows.turns import OPENAI, SHAREGPT, is_spelled

OURS = ("messages", "conversations", "instruction", "output", "prompt", "completion")
"""Columns that some shape cannot do without."""
QUESTIONS = ("prompt", "instruction", "question", "query", "problem", "input", "user")
ANSWERS = ("completion", "output", "response", "answer", "solution", "reply", "target", "assistant")
INPUT = "context"
"""What goes with an `instruction` where there is no `input`."""
SEEDS = (
    "self-instruct seeds hold several rows in one; take them apart with "
    "jq -c '. as $seed | .instances[] | {source: $seed.id, instruction: $seed.instruction, input, output}'"
)
TEXT = "a `text` has no prompt and no answer: part it into two columns, `prompt` and `completion`"
MAP_THEM = "say which they are with prepare.columns='{prompt:question,completion:answer}' or the like"
SHOWN = 8
"""Columns that a message names."""
LONGEST, LOOKED_AT = 40, 100
"""Characters of a column's name, and the first of such names that are looked at for what is meant by them."""


def way_out(record: Mapping[str, Any]) -> str:
    """What to do about a row without the columns of a shape."""
    if is_seed(record):
        return SEEDS
    pair = out_of_scope.pair(record)
    if pair is not None:
        return pair
    for column, value in record.items():
        for shape, ours, spelling in (("messages", "messages", OPENAI), ("sharegpt", "conversations", SHAREGPT)):
            if is_spelled(value, spelling) and len(column) <= LONGEST:
                return f"to read `{column}` set prepare.shape={shape} {_columns({ours: column})}"
    return _by_name(tuple(islice((name for name in record if len(name) <= LONGEST), LOOKED_AT)))


def is_seed(record: Mapping[str, Any]) -> bool:
    """Whether the row is one of self-instruct's seeds: an instruction with a list of inputs and outputs."""
    return "instances" in record and "output" not in record


def told(records: Iterable[Mapping[str, Any]]) -> str:
    """The columns of the rows, as many as a message can hold."""
    names = list(dict.fromkeys(key for record in records for key in record))
    return (", ".join(f"`{name[:LONGEST]}`" for name in names[:SHOWN]) or "none") + " ..." * (len(names) > SHOWN)


def like(name: str, names: Sequence[str]) -> str:
    """The one of `names` that was probably meant, as the end of a message, or nothing."""
    close = difflib.get_close_matches(name, names, 1)
    return f"; did you mean `{close[0]}`?" if close else ""


@lru_cache(maxsize=1024)
def _by_name(names: tuple[str, ...]) -> str:
    for name in names:
        close = difflib.get_close_matches(name, OURS, 1, 0.8)
        if close and close[0] not in names:
            return f"did you mean `{close[0]}`? If so, set {_columns({close[0]: name})}"
    question = next((name for name in QUESTIONS if name in names), None)
    answer = next((name for name in ANSWERS if name in names), None)
    if question is None or answer is None:
        return TEXT if "text" in names else MAP_THEM
    if question == "instruction":
        given = {"input": INPUT} if "input" not in names and INPUT in names else {}
        return f"if `{answer}` answers `{question}`, set {_columns({**given, 'output': answer})}"
    return f"if `{answer}` answers `{question}`, set {_columns({'prompt': question, 'completion': answer})}"


def _columns(ours_to_theirs: Mapping[str, str]) -> str:
    """An override that a shell and `make` take as it stands."""
    entries = ",".join(f"{ours}:{theirs}" for ours, theirs in ours_to_theirs.items() if ours != theirs)
    return f"prepare.columns='{{{entries}}}'"
