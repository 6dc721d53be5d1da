"""Which columns of rows ask and which answer, by what they are called, and whether a reading keeps every column.

A `Way` is a shape and a column map. It is `sure` where nothing else can be meant and nothing is lost by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

from jobs.logic.rows import cells, column_names, extras, nested
from jobs.logic.rows.column_names import INSTRUCTIONS, Roles, plain
from jobs.logic.rows.strict_json import Number
from jobs.logic.rows.turns import OPENAI, SHAREGPT, is_spelled

Records = Sequence[Mapping[str, Any]]
LONG = 40
"""Characters on the average from which on a column of an unknown name may be part of the question."""
TURNS = (("messages", "messages", OPENAI), ("sharegpt", "conversations", SHAREGPT))


class Way(NamedTuple):
    """A way to read rows."""

    shape: str
    columns: dict[str, str]
    """Our names to theirs, where they differ."""
    asks: str
    answers: str
    """The columns that it takes for question and answer; the same one where turns stand in one column."""


class Guess(NamedTuple):
    """What the columns may mean."""

    ways: list[Way]
    """The likeliest first."""
    unread: list[str]
    """Columns that no way reads and that may belong to the question."""
    together: list[str]
    """Columns that belong to the question, more than a row can have."""
    is_sure: bool


def guess(records: Records) -> Guess:
    """Every way to read the rows that their columns' names and values suggest."""
    names = list(dict.fromkeys(name for record in records for name in record))
    talks = [
        Way(shape, differing({ours: name}), name, name)
        for name in names
        for shape, ours, spelling in TURNS
        if len(name) <= column_names.LONGEST and any(is_spelled(record.get(name), spelling) for record in records)
    ]
    found = column_names.roles(name for name in names if any(_is_value(record.get(name)) for record in records))
    answers = nested.answers(records)
    if answers:
        return _answers(records, found, answers)
    if talks:
        ways = [way._replace(columns={**way.columns, **_beside(found)}) for way in talks]
        return Guess(ways, [], [], len(talks) == 1)
    return _pairs(records, found)


def _answers(records: Records, found: Roles, answers: Sequence[str]) -> Guess:
    """Ways for rows of a tool that says which columns are answers."""
    rest = Roles(*([name for name in group if name not in answers] for group in found))
    texts = [name for name in rest.others if any(cells.is_text(record.get(name)) for record in records)]
    asking = rest.questions or rest.inputs or rest.contexts or texts
    guessed = _pairs(records, rest._replace(questions=asking, answers=list(answers), others=[]))
    return guessed._replace(is_sure=len(guessed.ways) == 1 and not guessed.together)


def contexts(records: Records) -> list[str]:
    """The columns of texts that belong to a question by their name."""
    names = list(dict.fromkeys(name for record in records for name in record))
    known = column_names.roles(name for name in names if any(cells.is_text(record.get(name)) for record in records))
    return known.contexts


def stands_apart(records: Records, name: str, question: str, answer: str) -> bool:
    """Whether the texts of a column are no part of the question, nor question and answer once more."""
    return any(_says_more(record.get(name), record.get(question), record.get(answer)) for record in records)


def _says_more(value: Any, asked: Any, answered: Any) -> bool:
    if not cells.is_text(value) or not isinstance(value, str) or not isinstance(asked, str):
        return False
    told = value.strip()
    return told not in asked and asked.strip() not in told and told != str(answered).strip()


def _pairs(records: Records, found: Roles) -> Guess:
    """Ways that read one column as the question and one as the answer."""
    asking = found.questions or found.inputs or found.contexts
    answering = found.answers or found.labels or found.derived
    unread = [name for name in found.others if _is_long(records, name) and name.lower() not in extras.COLUMNS]
    unread += [name for name in found.options if asking and answering]
    if not asking or not answering:
        texts = [name for name in found.others if any(cells.is_text(record.get(name)) for record in records)]
        both = [*asking, *answering, *texts]
        ways = [_pair(one, other, [], found) for one, other in product(both, both) if one != other]
        return Guess(ways if len(both) == 2 else [], [], [], False)
    ways, together = [], list[str]()
    for question, answer in product(asking, answering):
        given = [name for name in (*found.questions, *found.inputs, *found.contexts) if name not in (question, answer)]
        given = [name for name in given if stands_apart(records, name, question, answer)]
        if len(given) > 1:
            together = [question, *given]
        else:
            ways.append(_pair(question, answer, given, found))
    by_name = bool(found.questions or found.inputs) and bool(found.answers)
    is_class = asking == found.contexts and answering == found.labels and not found.derived
    sure = len(ways) == 1 and not unread and not together and len(found.histories) < 2 and len(found.systems) < 2
    return Guess(ways, unread, together, sure and (by_name or (is_class and _are_words(records, answering[0]))))


def _pair(question: str, answer: str, given: Sequence[str], found: Roles) -> Way:
    if given or found.histories or plain(question) in INSTRUCTIONS:
        columns = {"instruction": question, **dict.fromkeys(("input",) if given else (), *given), "output": answer}
        columns |= dict(zip(("history",), found.histories, strict=False))
        return Way("alpaca", differing(columns | _beside(found)), question, answer)
    return Way(
        "prompt_completion", differing({"prompt": question, "completion": answer} | _beside(found)), question, answer
    )


def _beside(found: Roles) -> dict[str, str]:
    return differing(dict(zip(("system",), found.systems, strict=False)))


def differing(columns: Mapping[str, str]) -> dict[str, str]:
    """A column map without the names that are the same."""
    return {ours: theirs for ours, theirs in columns.items() if ours != theirs}


def _is_value(value: Any) -> bool:
    return value is not None and value not in ("", [], {})


def _is_long(records: Records, name: str) -> bool:
    """Whether the texts of a column are too long to describe a row only, and no addresses."""
    texts = [value for record in records if isinstance(value := record.get(name), str) and value]
    texts = [text for text in texts if "://" not in text[:12]]
    return bool(texts) and sum(map(len, texts)) >= LONG * len(texts)


def _are_words(records: Records, name: str) -> bool:
    """Whether labels are said in words: a number may stand for a word."""
    values = [record.get(name) for record in records]
    texts = [value[0] if isinstance(value, list) and len(value) == 1 else value for value in values]
    return all(isinstance(text, str) and not isinstance(text, Number) for text in texts if _is_value(text))
