"""What to set for rows whose columns are of no known shape, as a person would find it by looking at them.

A line to paste is told only after the rows were read by it and came out whole (`shapes.detect` asks `reads`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

import orjson

from jobs.logic.rows import guessing, out_of_scope
from jobs.logic.rows.column_names import LONGEST, LOOKED_AT
from jobs.logic.rows.guessing import Records, Way
from jobs.logic.rows.usual import ALONE, TALKS

OURS = ("messages", "conversations", "instruction", "output", "prompt", "completion", "text")
"""Columns that some shape cannot do without."""
SEEDS = (
    "self-instruct seeds hold several rows in one; take them apart with "
    "jq -c '. as $seed | .instances[] | {source: $seed.id, instruction: $seed.instruction, input, output}'"
)
SQUAD = (
    "a row holds the paragraphs of an article with their questions, as SQuAD has them; take them apart with "
    'jq -c \'(.data? // .) | (if type == "array" then .[] else . end) | .title as $title | .paragraphs[] | .context as '
    "$context | .qas[] | select((.answers // []) | length > 0) | {id, source: $title, context: $context, question, "
    "answer: .answers[0].text}'"
)
TREE = (
    "a row is a tree of answers to one prompt, as Open Assistant has them; follow the first answers with "
    'jq -c \'{messages: [.prompt | recurse(.replies[0]? // empty) | {role: (if .role == "prompter" then "user" else '
    '"assistant" end), content: .text}]}\' and set prepare.last_user=trim'
)
SAID_IN_TURN = (
    "`{0}` is a list of what was said, without who said it; where the user begins and both take turns, write it with "
    'jq -c \'{{messages: [.{0} | to_entries[] | {{role: (if .key % 2 == 0 then "user" else "assistant" end), content: '
    ".value}}]}}' and set prepare.last_user=trim"
)
TEXT = "a `text` has no prompt and no answer: part it into two columns, `prompt` and `completion`"
NAME_THEM = "give the column that asks the name `prompt` and the one that answers the name `completion`"
SHOWN = 8
"""Columns that a message names."""
BARE = re.compile(r"[^\s,:=\[\]](?:[^,:=\[\]]*[^\s,:=\[\]])?")
KNOWN_WORDS = re.compile(r"null|true|false|nan|inf|[-+]?[0-9.]+", re.IGNORECASE)
"""Names that the config takes as they are: no number and no word that it knows, without a sign between entries."""
UNSAID = set("\"$`\\!'{}\n\r")
"""What a shell, make or the config reads as something else, wherever it stands."""


def way_out(records: Records, reads: Callable[[Way], bool]) -> str:
    """What to do about rows without the columns of a shape. `reads`: whether a way gives whole conversations."""
    for record in records:
        other = other_kind(record)
        if other:
            return other
    found = guessing.guess(records)
    told = [f"{_if(way)}set {setting(way)}" for way in found.ways if is_sayable(way) and reads(way)]
    if found.together and not told:
        return _join(found.together)
    if told:
        left = ", ".join(f"`{name}`" for name in found.unread[:SHOWN])
        return "; or ".join(told[:2]) + (
            f"; {left} would not be read: what answers need goes into the question" if left else ""
        )
    return _by_name(tuple(islice((name for record in records for name in record if len(name) <= LONGEST), LOOKED_AT)))


def row_way_out(record: Mapping[str, Any], missing: str) -> str:
    """What to do about one row without a column that its file has."""
    return other_kind(record) or _by_name(
        tuple(islice((name for name in record if len(name) <= LONGEST), LOOKED_AT)), missing
    )


def other_kind(record: Mapping[str, Any]) -> str | None:
    """What to do about a row that is of another kind than those with a conversation."""
    if is_seed(record):
        return SEEDS
    paragraphs = record.get("paragraphs")
    if isinstance(paragraphs, list) and paragraphs and isinstance(paragraphs[0], dict) and "qas" in paragraphs[0]:
        return SQUAD
    prompt = record.get("prompt")
    if isinstance(prompt, dict) and isinstance(prompt.get("replies"), list):
        return TREE
    said = next((name for name in (*TALKS, *ALONE) if _are_texts(record.get(name)) and name.isascii()), None)
    return SAID_IN_TURN.format(said) if said else out_of_scope.pair(record)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 1 and all(isinstance(one, str) for one in value)


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


def setting(way: Way) -> str:
    """What a person sets for a way: the words stand as they are at a shell's prompt and in make's ARGS="..."."""
    shape = f"prepare.shape={way.shape} " if way.asks == way.answers or not way.columns else ""
    return shape + columns_setting(way.columns) if way.columns else shape.strip()


def columns_setting(columns: Mapping[str, str]) -> str:
    """The column map as words to paste."""
    return f"prepare.columns='{{{','.join(f'{ours}:{_value(theirs)}' for ours, theirs in columns.items())}}}'"


def is_sayable(way: Way) -> bool:
    """Whether every name can be typed in one spelling at a shell's prompt and inside make's ARGS."""
    return UNSAID.isdisjoint("".join(way.columns.values()))


def _value(name: str) -> str:
    """A name in the map. A single quote inside single quotes is `'\\''` for a shell, in ARGS="..." too."""
    return name if BARE.fullmatch(name) and not KNOWN_WORDS.fullmatch(name) else f"'\\''{name}'\\''"


def _short(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(islice((name for name in names if len(name) <= LONGEST), LOOKED_AT))


def _if(way: Way) -> str:
    return f"to read `{way.asks}` " if way.asks == way.answers else f"if `{way.answers}` answers `{way.asks}`, "


def _join(names: Sequence[str]) -> str:
    """What to do where more belongs to the question than a row has places for."""
    each = ", ".join(f"`{name}`" for name in names)
    parts = ", ".join(f".{orjson.dumps(name).decode()}" for name in names)
    aside = ", ".join(f".{orjson.dumps(name).decode()}" for name in names if name != "prompt")
    put = "put them into one column"
    if not UNSAID.isdisjoint("".join(names)):
        return f"{each} all belong to the question: {put}"
    command = f"jq -c '.prompt = ([{parts}] | map(strings) | join(\"\\n\\n\")) | del({aside})'"
    return f"{each} all belong to the question: {put}, {command}"


@lru_cache(maxsize=1024)
def _by_name(names: tuple[str, ...], missing: str | None = None) -> str:
    for name in names:
        close = difflib.get_close_matches(name, (missing,) if missing else OURS, 1, 0.8)
        if close and close[0] not in names:
            return f"did you mean `{close[0]}`? If so, give `{name}` that name"
    if missing:
        return f"other rows have it: give the row its `{missing}`"
    return TEXT if "text" in names else NAME_THEM
