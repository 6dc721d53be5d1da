"""The shapes that rows come in, which of them a file has, and the conversation in a row of each.

    messages           {"messages": [{"role": "user", "content": "..."}, ...]}
    sharegpt           {"conversations": [{"from": "human", "value": "..."}, ...]}
    alpaca             {"instruction": "...", "input": "...", "output": "..."}
    prompt_completion  {"prompt": ..., "completion": ...}, each a text or a list of messages
    text               {"text": "..."}, in which a chat template's signs or speakers' names mark the turns

A row of any shape may have `system`, a text that is put first, `thoughts`, which are put before its last answer, and
`id`, `source` and `label`. An Alpaca prompt is the instruction, a blank line and the input, or the instruction alone
where the input is empty; its `history` is a list of [prompt, answer] that came before. What a file calls its columns
otherwise, a column map says: ours to theirs. Where nobody says it and nothing else can be meant, it is found:
`question`, `context`, `answer` are an Alpaca row's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from jobs.logic.row import Message
from jobs.logic.rows import cells, extras, guessing, marked_text, turns
from jobs.logic.rows.guessing import Way
from jobs.logic.rows.shape_hints import is_seed, like, other_kind, row_way_out, told, way_out
from jobs.logic.rows.strict_json import BadRow, kind_of
from jobs.logic.rows.turns import OPENAI, SHAREGPT, is_spelled

Columns = Mapping[str, str]


class Shape(NamedTuple):
    """The columns of a shape; a row that has the first of `needed` is taken for one of it."""

    title: str
    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()


SHAPES = {
    "messages": Shape("messages", ("messages",)),
    "sharegpt": Shape("ShareGPT", ("conversations",)),
    "alpaca": Shape("Alpaca", ("instruction", "output"), ("input", "history")),
    "prompt_completion": Shape("prompt and completion", ("prompt", "completion")),
    "text": Shape("marked text", ("text",)),
}
ANY_SHAPE = ("system", "thoughts", "id", "source", "label")
"""Columns that a row of every shape may have."""
COLUMNS = (*(name for shape in SHAPES.values() for name in (*shape.needed, *shape.optional)), *ANY_SHAPE)
"""The names that a column map may give to theirs."""
MARKS = {shape.needed[0]: name for name, shape in SHAPES.items() if name != "text"}
"""First columns to shapes. A `text` beside the columns of another shape is that row once more, or something else."""
OTHER_MARKS = {name: frozenset(MARKS) - {shape.needed[0]} for name, shape in SHAPES.items()}
TURN_KEYS = {key for spelling in turns.SPELLINGS for key in (spelling.role, spelling.content)} | extras.TURN_KEYS
NO_INPUT = ("<noinput>", "<no input>")
"""Written into the `input` of generated instructions that have none."""


class Unknown(ValueError):
    """The rows have no shape that is known, or not the columns that the map names."""


class Ambiguous(ValueError):
    """The rows have more than one shape."""


class Detected(NamedTuple):
    """How the rows of a file are read."""

    shape: str
    columns: Columns
    """What was said and what was found: ours to theirs."""

    def told(self, said: Columns) -> str:
        """The shape, and the columns that nobody said."""
        found = ",".join(f"{ours}:{theirs}" for ours, theirs in self.columns.items() if said.get(ours) != theirs)
        return f"{self.shape} {{{found}}}" if found else self.shape


def detect(records: Sequence[Mapping[str, Any]], columns: Columns, said: str = "auto") -> Detected:
    """The shape of a file by its first rows, or the one that was said; the map must fit either.

    Raises Unknown or Ambiguous, with what to set in `prepare.shape` or `prepare.columns`.
    """
    _check_map(records, columns, said)
    if said != "auto" and (not records or any(_is_whole(record, said, columns) for record in records)):
        return Detected(said, columns)
    if not records:
        raise Unknown(f"no row can be read that would tell the shape: set prepare.shape to one of {', '.join(SHAPES)}")
    if said != "auto":
        raise Unknown(f"no row is of the {SHAPES[said].title} shape: {told(records)}; {_way_out(records)}")
    mapped = [name for name, shape in SHAPES.items() if not columns.keys().isdisjoint((*shape.needed, *shape.optional))]
    seen: dict[str, None] = {}
    for record in records:
        seen.update(dict.fromkeys(name for name in mapped or MARKS.values() if _carries(record, name, columns)))
        if len(seen) > 1:
            raise Ambiguous(_two(seen, record, columns))
    for shape in seen:
        if any(_is_whole(record, shape, columns) for record in records):
            return Detected(shape, columns) if mapped else _with_context(records, shape, columns)
    found = None if mapped or any(map(other_kind, records)) else _found(records)
    if found is not None:
        return Detected(found.shape, {**found.columns, **columns})
    raise Unknown(f"the columns of the rows are of no known shape: {told(records)}; {_way_out(records)}")


def known_columns(shape: str, columns: Columns) -> frozenset[str]:
    """What a row of the shape may have, as its file calls it; any other column is not read."""
    return frozenset(columns.get(name, name) for name in (*SHAPES[shape].needed, *SHAPES[shape].optional, *ANY_SHAPE))


def ignored(record: Mapping[str, Any], known: frozenset[str]) -> set[str]:
    """The columns of a row that are not read, and as `messages[].name` the keys of its turns that are not."""
    found = {name for name in record.keys() - known if not extras.is_read(name, record[name])}
    for column in known:
        value = record.get(column)
        if type(value) is list:
            for turn in value:
                if type(turn) is dict and len(turn) > 2:
                    found.update(f"{column}[].{key}" for key in turn.keys() - TURN_KEYS)
    return found


def messages(record: Mapping[str, Any], shape: str, columns: Columns, changes: dict[str, str]) -> list[Message]:
    """The conversation in a row; what is put right in it is noted in `changes`. Raises BadRow.

    That the turns stand in an order to learn from is not looked at here.
    """
    found = READERS[shape](record, columns, changes)
    column = columns.get("system", "system")
    system = record.get(column)
    if system is not None and turns.text(system, f"`{column}`").strip():
        if found[0].role == "system":
            raise BadRow("role-order", f"`{column}` is a system's text, and so is the first message")
        found.insert(0, Message("system", system))
    return found


def check_single(record: Mapping[str, Any], shape: str, columns: Columns) -> None:
    """Refuse a row that another shape could be read from as well, unless the column map says which. Raises BadRow."""
    if not OTHER_MARKS[shape].isdisjoint(record) and columns.keys().isdisjoint(SHAPES[shape].needed):
        both = [name for name in SHAPES if name == shape or _carries(record, name, columns)]
        if len(both) > 1:
            raise BadRow("two-shapes", _two(both, record, columns))


def _messages(record: Mapping[str, Any], columns: Columns, changes: dict[str, str]) -> list[Message]:
    column = columns.get("messages", "messages")
    return turns.read(_needed(record, "messages", "messages", columns), column, OPENAI, changes)


def _sharegpt(record: Mapping[str, Any], columns: Columns, changes: dict[str, str]) -> list[Message]:
    column = columns.get("conversations", "conversations")
    return turns.read(_needed(record, "sharegpt", "conversations", columns), column, SHAREGPT, changes)


def _alpaca(record: Mapping[str, Any], columns: Columns, changes: dict[str, str]) -> list[Message]:
    prompt, answer = (
        cells.text(_needed(record, "alpaca", name, columns), f"`{columns.get(name, name)}`", changes)
        for name in SHAPES["alpaca"].needed
    )
    column = columns.get("input", "input")
    value = record.get(column)
    given = cells.text(value, f"`{column}`", changes) if value is not None and value != [] else ""
    if given.strip():
        if given.startswith("<") and given.strip().lower() in NO_INPUT:
            changes["no-input"] = given.strip()
        else:
            prompt = f"{prompt}\n\n{given}" if prompt.strip() else given
    return [*_history(record, columns), Message("user", prompt), Message("assistant", answer)]


def _history(record: Mapping[str, Any], columns: Columns) -> list[Message]:
    column = columns.get("history", "history")
    pairs = record.get(column) or []
    if not isinstance(pairs, list):
        raise BadRow("column-type", f"`{column}` is {kind_of(pairs)}, expected a list of [prompt, answer]")
    found = []
    for number, pair in enumerate(pairs, 1):
        where = f"item {number} of `{column}`"
        if not isinstance(pair, list) or len(pair) != 2:
            raise BadRow("column-type", f"{where} is not a pair [prompt, answer]")
        found += [Message("user", turns.text(pair[0], where)), Message("assistant", turns.text(pair[1], where))]
    return found


def _prompt_completion(record: Mapping[str, Any], columns: Columns, changes: dict[str, str]) -> list[Message]:
    found = []
    for name, role in (("prompt", "user"), ("completion", "assistant")):
        column = columns.get(name, name)
        value = _needed(record, "prompt_completion", name, columns)
        if isinstance(value, list) and not (len(value) == 1 and isinstance(value[0], str)):
            found += turns.read(value, column, OPENAI, changes)
        else:
            found.append(Message(role, cells.text(value, f"`{column}`", changes)))
    return found


def _text(record: Mapping[str, Any], columns: Columns, changes: dict[str, str]) -> list[Message]:
    column = columns.get("text", "text")
    value = cells.text(_needed(record, "text", "text", columns), f"`{column}`", changes)
    return marked_text.parted(value, f"`{column}`", changes)


READERS: dict[str, Callable[[Mapping[str, Any], Columns, dict[str, str]], list[Message]]] = {
    "messages": _messages,
    "sharegpt": _sharegpt,
    "alpaca": _alpaca,
    "prompt_completion": _prompt_completion,
    "text": _text,
}


def _needed(record: Mapping[str, Any], shape: str, name: str, columns: Columns) -> Any:
    column = columns.get(name, name)
    value = record.get(column)
    if value is not None:
        return value
    mark = columns.get(SHAPES[shape].needed[0], SHAPES[shape].needed[0])
    if record.get(mark) is None:
        for other, of_shape in MARKS.items():
            if of_shape != shape and record.get(other) is not None and not is_seed(record):
                title = SHAPES[of_shape].title
                raise BadRow("other-shape", f"there is no `{mark}`; with `{other}` the row is of the {title} shape")
    if column in record:
        raise BadRow("content-null", f"`{column}` is null")
    there = f"there is no `{column}`; there are: {told([record])}"
    raise BadRow("column-missing", f"{there}; {row_way_out(record, column)}")


def _carries(record: Mapping[str, Any], shape: str, columns: Columns) -> bool:
    """Whether the row has the first column of the shape; lists of turns count by how their first turn is spelled."""
    mark = SHAPES[shape].needed[0]
    value = record.get(columns.get(mark, mark))
    if value is None or value == "":
        return False
    other = {"messages": SHAREGPT, "sharegpt": OPENAI}.get(shape)
    return other is None or not is_spelled(value, other)


def _is_whole(record: Mapping[str, Any], shape: str, columns: Columns) -> bool:
    return all(columns.get(name, name) in record for name in SHAPES[shape].needed)


def _two(found: Iterable[str], record: Mapping[str, Any], columns: Columns) -> str:
    marks = {name: columns.get(SHAPES[name].needed[0], SHAPES[name].needed[0]) for name in found}
    there = " and ".join(f"`{mark}` ({SHAPES[name].title})" for name, mark in marks.items())
    whole = [name for name in marks if _is_whole(record, name, columns)]
    ways = " or ".join(f"prepare.shape={name}" for name in whole or marks)
    return f"there are {there}: say which is meant with {ways}"


def _found(records: Sequence[Mapping[str, Any]]) -> Way | None:
    """The one way to read rows whose columns have other names, where there is no other and nothing is lost by it."""
    guessed = guessing.guess(records)
    marked = [way for way in marked_text.ways(records) if _reads(records, way)]
    if len(marked) == 1 and all(way.asks == marked[0].asks for way in guessed.ways):
        return marked[0]
    return guessed.ways[0] if guessed.is_sure and _reads(records, guessed.ways[0]) else None


def _way_out(records: Sequence[Mapping[str, Any]]) -> str:
    return way_out(records, partial(_reads, records))


def _reads(records: Sequence[Mapping[str, Any]], way: Way) -> bool:
    """Whether a way gives whole conversations for most of the rows."""
    return sum(_is_conversation(record, way) for record in records) * 2 > len(records)


def _is_conversation(record: Mapping[str, Any], way: Way) -> bool:
    try:
        found = messages(record, way.shape, way.columns, {})
    except BadRow:
        return False
    return {"user", "assistant"} <= {role for role, content in found if content.strip()}


def _with_context(records: Sequence[Mapping[str, Any]], shape: str, columns: Columns) -> Detected:
    """The shape with what belongs to the question beside it: `context` beside prompt and completion.

    Raises Ambiguous where there is more than a row has a place for.
    """
    if shape not in ("alpaca", "prompt_completion"):
        return Detected(shape, columns)
    question, answer = (columns.get(name, name) for name in SHAPES[shape].needed)
    given = [name for name in guessing.contexts(records) if guessing.stands_apart(records, name, question, answer)]
    if not given:
        return Detected(shape, columns)
    theirs = columns.get("input", "input")
    if len(given) > 1 or (shape == "alpaca" and any(cells.is_text(record.get(theirs)) for record in records)):
        each = " and ".join(f"`{name}`" for name in given)
        ways = f"to leave out what does not, say prepare.shape={shape}; what does goes into `{question}`"
        raise Ambiguous(f"{each} may belong to `{question}`: {ways}")
    found = guessing.differing({"instruction": question, "input": given[0], "output": answer})
    return Detected("alpaca", {**columns, **found})


def _check_map(records: Sequence[Mapping[str, Any]], columns: Columns, said: str) -> None:
    """Raise Unknown where the map gives a column that the shape does not have, or that no row has."""
    ours = COLUMNS if said == "auto" else (*SHAPES[said].needed, *SHAPES[said].optional, *ANY_SHAPE)
    theirs = list({key: None for record in records for key in record})
    for name, column in columns.items():
        if name not in ours:
            of = "no shape has" if said == "auto" else f"{SHAPES[said].title} rows have no"
            raise Unknown(f"prepare.columns: {of} `{name}`{like(name, ours)}; there are: {', '.join(ours)}")
        if records and column not in theirs:
            near = like(column, theirs)
            raise Unknown(f"prepare.columns: no row has `{column}`, given for {name}{near}; there are: {told(records)}")
