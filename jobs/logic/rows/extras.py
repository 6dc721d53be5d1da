"""What a turn or a row may say beside what was said: the thoughts before an answer, and what is not to be learnt.

Thoughts that stand in a field of their own become the block that Qwen3's template has before an answer. Marks are
those of trainers: `weight` (OpenAI), `train` (axolotl), `loss` and `loss_mask` (ms-swift, InternLM) and their like.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

from jobs.logic.row import THINK_CLOSE, THINK_OPEN, Message, block, parted, shown
from jobs.logic.rows.strict_json import BadRow, Number, kind_of
from jobs.logic.text.markup import thought

MARKS = ("weight", "train", "loss", "loss_weight", "trainable", "loss_mask")
"""Keys that say of a turn, or of all turns of a row, whether it is to be learnt."""
FIELDS = ("reasoning_content", "thinking", "reasoning", "thought", "thoughts")
"""Keys of a turn with the thoughts before its answer."""
COLUMNS = frozenset((
    *FIELDS, "complex_cot", "cot", "chain_of_thought", "thinking_content", "reasoning_trace", "reasoning_chain",
    "thought_process", "thinking_process", "思考", "思考過程", "推論過程", "思维链", "思考过程", "推理过程",
))  # fmt: skip
"""Columns of a row with the thoughts before its last answer, in any case."""
TURN_KEYS = frozenset((*MARKS, *FIELDS))
LEARNT = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False, "yes": True, "no": False}
"""What a table's cells say."""
NUMBER = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,12})?")
PLAINLY = (
    "a turn is learnt or it is not: write 0, 1, true or false, or call the key otherwise if it says something else"
)


class LeftOut(BadRow):
    """A row that is sound, and that its own file says is not to be learnt."""


class Marked(Message):
    """A turn that says more than its text."""

    learn: bool | None
    """Whether it is to be learnt; None where it does not say."""
    from_field: bool
    """Its thoughts stood in a field of their own."""

    @classmethod
    def of(cls, role: str, content: str, learn: bool | None, from_field: bool) -> Marked:
        found = cls(role, content)
        found.learn, found.from_field = learn, from_field
        return found


def like(message: Message, content: str) -> Message:
    """The message with another text."""
    if isinstance(message, Marked):
        return Marked.of(message.role, content, message.learn, message.from_field)
    return Message(message.role, content)


def is_read(name: str, value: Any) -> bool:
    """Whether a column of a row is read here."""
    if name in MARKS:
        return isinstance(value, bool | Number | list) or (isinstance(value, str) and _is_cell(value))
    return _is_text(value) and name.lower() in COLUMNS


def turn(role: str, content: str, given: Mapping[str, Any], inner: str, where: str, changes: dict[str, str]) -> Message:
    """The turn with what its keys in `given` say; `inner` are thoughts that stood among the parts of its content."""
    learn = _mark({key: given[key] for key in MARKS if given.get(key) is not None}, where)
    said = {key: _thoughts(given[key], f"`{key}` of {where}") for key in FIELDS if given.get(key)}
    thoughts = {key: text for key, text in (*said.items(), ("content", inner.strip())) if text}
    if not thoughts:
        return Message(role, content) if learn is None else Marked.of(role, content, learn, False)
    key, text = next(iter(thoughts.items()))
    if len(set(thoughts.values())) > 1:
        raise BadRow("two-thoughts", f"{where} has other thoughts in {' and '.join(f'`{key}`' for key in thoughts)}")
    if role != "assistant":
        changes["prompt-thoughts"] = f"`{key}` of {where} is left out"
        return Message(role, content) if learn is None else Marked.of(role, content, learn, False)
    changes["thoughts"] = f"`{key}` of {where}"
    return Marked.of(role, _together(text, content, f"`{key}` of {where}"), learn, True)


def with_thoughts(
    data: Mapping[str, Any], columns: Mapping[str, str], messages: list[Message], changes: dict[str, str]
) -> None:
    """Put the thoughts in a column of the row before its last answer."""
    known = _columns(tuple(data), columns.get("thoughts"))
    if not known:
        return
    taken = set(columns.values()) - {columns.get("thoughts")}
    names = [name for name in known if name not in taken]
    said = {name: data[name].strip() for name in names if _is_text(data[name]) and data[name].strip()}
    places = [place for place, (role, _) in enumerate(messages) if role == "assistant"]
    if not said or not places:
        return
    if len(set(said.values())) > 1:
        raise BadRow("two-thoughts", f"{' and '.join(f'`{name}`' for name in said)} differ; say which is meant with "
                     f"prepare.columns='{{thoughts:{next(iter(said))}}}'")  # fmt: skip
    name, text = next(iter(said.items()))
    last = messages[places[-1]]
    learn = last.learn if isinstance(last, Marked) else None
    changes.setdefault("thoughts", f"`{name}`")
    text = _without_tags(text)
    messages[places[-1]] = Marked.of("assistant", _together(text, last.content, f"`{name}`"), learn, True)


def with_marks(data: Mapping[str, Any], mapped: Collection[str], messages: list[Message]) -> None:
    """Put what the row says of all its turns, or of each, on the turns; refuse what grading cannot follow."""
    said = {key: data[key] for key in MARKS if key in data and key not in mapped and is_read(key, data[key])}
    lists = {key: value for key, value in said.items() if isinstance(value, list)}
    whole = _mark({key: value for key, value in said.items() if key not in lists}, "the row")
    for key, values in lists.items():
        _with_list(key, values, messages)
    if whole is not None:
        for place, message in enumerate(messages):
            own = message.learn if isinstance(message, Marked) else None
            if own and not whole:
                raise BadRow("turn-mark", f"the row is not to be learnt, and message {place + 1} is: {PLAINLY}")
            _put(messages, place, whole if own is None else own)
    learn = [message.learn if isinstance(message, Marked) else None for message in messages]
    asked = [place for place, message in enumerate(messages) if learn[place] and message.role != "assistant"]
    if asked and False in learn:
        place, role = asked[0] + 1, messages[asked[0]].role
        raise BadRow("turn-mark", f"message {place} is the {role}'s and is marked to be learnt: only answers are; "
                     "mark it 0 or false, or take the mark out")  # fmt: skip


def unlearnt(messages: Sequence[Message]) -> list[int]:
    """The places of the answers that are not to be learnt."""
    return [
        place
        for place, message in enumerate(messages)
        if isinstance(message, Marked) and message.role == "assistant" and message.learn is False
    ]


def with_field(messages: Sequence[Message]) -> tuple[int, ...]:
    """The places of the answers whose thoughts stood in a field of their own."""
    return tuple(place for place, one in enumerate(messages) if isinstance(one, Marked) and one.from_field)


def _together(thoughts: str, content: str, where: str) -> str:
    """The answer behind its thoughts, which it may bring along once more. Raises BadRow where those differ."""
    own = thought(content.strip())
    if own is None:
        return block(thoughts, content)
    if own.strip() and own.strip() != thoughts:
        raise BadRow("two-thoughts", f"{where} is not what stands in the answer's own <think> block: take one out")
    return block(thoughts, parted(content.strip())[1])


def _thoughts(value: Any, where: str) -> str:
    if isinstance(value, list) and all(map(_is_text, value)):
        value = "\n".join(value)
    if not _is_text(value):
        raise BadRow("content-type", f"{where} is {kind_of(value)}, expected the thoughts as text")
    return _without_tags(value.strip())


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not isinstance(value, Number)


def _is_cell(text: str) -> bool:
    """Whether a table's cell says what is learnt, or tries to."""
    cell = text.strip().lower()
    return cell in LEARNT or NUMBER.fullmatch(cell) is not None


def _without_tags(text: str) -> str:
    """The thoughts without the tags that may stand around them."""
    return text.removeprefix(THINK_OPEN).removesuffix(THINK_CLOSE).strip() if text.startswith(THINK_OPEN) else text


@lru_cache(maxsize=1024)
def _columns(names: tuple[str, ...], mapped: str | None) -> tuple[str, ...]:
    if mapped is not None:
        return (mapped,) if mapped in names else ()
    return tuple(name for name in names if name.lower() in COLUMNS)


def _mark(said: Mapping[str, Any], where: str) -> bool | None:
    found = {key: _learn(value, key, where) for key, value in said.items()}
    if len(set(found.values())) > 1:
        raise BadRow("turn-mark", f"{where} is to be learnt by one and not by another of {', '.join(found)}; {PLAINLY}")
    return next(iter(found.values()), None)


def _learn(value: Any, key: str, where: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, Number) and float(value) in (0, 1):
        return bool(float(value))
    if isinstance(value, str) and not isinstance(value, Number) and value.strip().lower() in LEARNT:
        return LEARNT[value.strip().lower()]
    seen = shown(value) if isinstance(value, str) else kind_of(value)
    raise BadRow("turn-mark", f"`{key}` of {where} is {seen}; {PLAINLY}")


def _with_list(key: str, values: list[Any], messages: list[Message]) -> None:
    begins = len(messages) - len(values)
    if begins not in (0, 1) or (begins and messages[0].role != "system"):
        raise BadRow(
            "turn-mark", f"`{key}` has {len(values)} values for {len(messages)} messages: one each is expected"
        )
    for place, value in enumerate(values, begins):
        if value is None:
            continue
        learn, message = _learn(value, key, f"message {place + 1}"), messages[place]
        if isinstance(message, Marked) and message.learn not in (None, learn):
            raise BadRow("turn-mark", f"message {place + 1} says other than `{key}` whether it is to be learnt")
        _put(messages, place, learn)


def _put(messages: list[Message], place: int, learn: bool) -> None:
    message = messages[place]
    from_field = isinstance(message, Marked) and message.from_field
    messages[place] = Marked.of(message.role, message.content, learn, from_field)
