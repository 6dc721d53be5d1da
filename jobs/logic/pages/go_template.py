"""Go's text/template, as much of it as Modelfiles here are written in: to know what such a template makes of a
conversation where there is no Ollama.

Actions: output, `$x := ...`, `range`, `if`, `else`, `else if`, `end`, comments; trim markers. Operands: strings, whole
numbers, `true`, `false`, `nil`, `.`, `$`, fields, variables, parentheses. Functions: and, eq, index, len, ne, not, or,
slice. Lengths and slices of strings are not in it, for Go counts bytes. What is not in the subset is a ValueError,
never a guess; so is a template that takes more steps, or writes more, than any prompt does: ranges in ranges count.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SPACE = " \t\r\n"
"""What a trim marker removes (`spaceChars` in Go's text/template/parse/lex.go), and nothing else: not U+3000."""
# Strings may hold braces, so an action is cut at its end only outside them.
INSIDE = re.compile(r'[^"`}]+|"(?:\\.|[^"\\\n])*"|`[^`]*`|\}(?!\})', re.DOTALL)
TOKEN = re.compile(
    r"\s*(?:(?P<string>\"(?:\\.|[^\"\\\n])*\")|(?P<raw>`[^`]*`)|(?P<number>-?\d+(?![\w.]))|(?P<sign>:=|[(),|])"
    r"|(?P<field>(?:\.\w+)+)|(?P<dot>\.(?!\w))|(?P<variable>\$\w*(?:\.\w+)*)|(?P<word>[A-Za-z_]\w*))"
)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
BLOCKS = ("range", "if", "else", "end")
MOST_STEPS = 100_000
"""Actions and texts that are run, and variables that are handed on; a template of Qwen takes a few dozen a turn."""
MOST_CHARACTERS = 1_000_000
"""That are written."""

Token = tuple[str, str]


@dataclass
class Output:
    words: list[Any]


@dataclass
class Declare:
    name: str
    words: list[Any]


@dataclass
class If:
    words: list[Any]
    then: list[Any]
    otherwise: list[Any]


@dataclass
class Range:
    names: list[str]
    words: list[Any]
    body: list[Any]
    otherwise: list[Any]


@dataclass
class Spent:
    """What a template has taken so far."""

    steps: int = 0
    characters: int = 0

    def step(self, num: int = 1) -> None:
        """Raises ValueError beyond MOST_STEPS."""
        self.steps += num
        if self.steps > MOST_STEPS:
            raise ValueError(f"takes more than {MOST_STEPS:,} steps, which no prompt does")

    def write(self, text: str) -> str:
        """The text; raises ValueError beyond MOST_CHARACTERS."""
        self.characters += len(text)
        if self.characters > MOST_CHARACTERS:
            raise ValueError(f"writes more than {MOST_CHARACTERS:,} characters, which no prompt does")
        return text


@dataclass
class Scope:
    """Where an action runs: the dot, and variables by name, the innermost last."""

    dot: Any
    variables: dict[str, Any] = field(default_factory=dict)
    spent: Spent = field(default_factory=Spent)

    def inner(self, dot: Any, **more: Any) -> Scope:
        self.spent.step(len(self.variables) + len(more))
        return Scope(dot, {**self.variables, **more}, self.spent)


def render(template: str, data: Mapping[str, Any]) -> str:
    """What the template writes for `data`; raises ValueError for what is not in the subset."""
    parts = list(_parts(template))
    nodes, place = _block(parts, 0)
    if place < len(parts):
        raise ValueError(f"{parts[place]}: without an `if` or `range` before it")
    return "".join(_run(nodes, Scope(data, {"$": data})))


def _parts(template: str) -> Iterator[str | list[Token]]:
    """Texts, trimmed by the markers beside them, and actions as their tokens; comments and empty texts left out."""
    start, trim = 0, False
    while (opening := template.find("{{", start)) >= 0:
        inside, end = _action(template, opening + 2)
        left = inside[:1] == "-" and inside[1:2] in tuple(SPACE)
        right = inside[-1:] == "-" and inside[-2:-1] in tuple(SPACE)
        yield from _text(template[start:opening], trim, left)
        words = inside[1 if left else 0 : -1 if right else None].strip(SPACE)
        if not words.startswith("/*"):
            yield list(_tokens(words))
        start, trim = end, right
    yield from _text(template[start:], trim, False)


def _text(text: str, trim: bool, trimmed: bool) -> Iterator[str]:
    """The text, `trim` at its start, `trimmed` at its end; nothing where nothing is left."""
    text = text.lstrip(SPACE) if trim else text
    text = text.rstrip(SPACE) if trimmed else text
    if text:
        yield text


def _action(template: str, start: int) -> tuple[str, int]:
    """What is between the braces, and the place after them."""
    place = start
    while not template.startswith("}}", place):
        found = INSIDE.match(template, place)
        if found is None:
            raise ValueError(f"an action without an end: {template[start - 2 : start + 40]!r}")
        place = found.end()
    return template[start:place], place + 2


def _tokens(inside: str) -> Iterator[Token]:
    place = 0
    while place < len(inside.rstrip(SPACE)):
        found = TOKEN.match(inside, place)
        if found is None:
            raise ValueError(f"{inside[place:]!r} is not in the subset")
        kind = found.lastgroup or ""
        yield kind, found[kind]
        place = found.end()


def _block(parts: Sequence[str | list[Token]], place: int) -> tuple[list[Any], int]:
    """The nodes up to an `else` or `end` of this block, or to the end; and where that is."""
    nodes: list[Any] = []
    while place < len(parts):
        part = parts[place]
        if isinstance(part, str):
            nodes.append(part)
        elif not part:
            raise ValueError("an action without a value")
        elif part[0] in (("word", "else"), ("word", "end")):
            return nodes, place
        elif part[0] in (("word", "if"), ("word", "range")):
            node, place = _nested(parts, place, part)
            nodes.append(node)
        elif len(part) > 2 and part[0][0] == "variable" and part[1] == ("sign", ":="):
            nodes.append(Declare(part[0][1], _pipeline(part[2:])))
        else:
            nodes.append(Output(_pipeline(part)))
        place += 1
    return nodes, place


def _nested(parts: Sequence[str | list[Token]], place: int, head: list[Token]) -> tuple[Any, int]:
    """An `if` or `range` with its bodies, and the place of its `end`. An `else if` is an `if` inside the else."""
    body, place = _block(parts, place + 1)
    otherwise: list[Any] = []
    if _at(parts, place)[0] == ("word", "else"):
        more = _at(parts, place)[1:]
        if more and head[0][1] == "if" and more[0] == ("word", "if"):
            node, place = _nested(parts, place, more)
            otherwise = [node]
            return If(_pipeline(head[1:]), body, otherwise), place
        if more:
            raise ValueError(f"else {more}: not in the subset")
        otherwise, place = _block(parts, place + 1)
    if _at(parts, place) != [("word", "end")]:
        raise ValueError(f"{_at(parts, place)}: an `end` was expected")
    if head[0][1] == "if":
        return If(_pipeline(head[1:]), body, otherwise), place
    names, words = [], head[1:]
    if ("sign", ":=") in words:
        at = words.index(("sign", ":="))
        names = [text for kind, text in words[:at] if kind == "variable"]
        words = words[at + 1 :]
    return Range(names, _pipeline(words), body, otherwise), place


def _at(parts: Sequence[str | list[Token]], place: int) -> list[Token]:
    if place >= len(parts) or isinstance(parts[place], str):
        raise ValueError("the template ends inside an `if` or `range`")
    found = parts[place]
    assert not isinstance(found, str)
    return found


def _pipeline(tokens: Sequence[Token]) -> list[Any]:
    """A command: its words in order, parentheses as lists."""
    open_lists: list[list[Any]] = [[]]
    for kind, text in tokens:
        if text == "(" and kind == "sign":
            open_lists.append([])
        elif text == ")" and kind == "sign" and len(open_lists) > 1:
            inner = open_lists.pop()
            open_lists[-1].append(inner)
        elif kind == "sign" or (kind == "word" and text in BLOCKS):
            raise ValueError(f"`{text}` is not in the subset here")
        else:
            open_lists[-1].append((kind, text))
    if len(open_lists) != 1 or not open_lists[0] or [] in open_lists[0]:
        raise ValueError(f"{list(tokens)}: parentheses that do not match, or nothing in them")
    return open_lists[0]


def _run(nodes: Sequence[Any], scope: Scope) -> Iterator[str]:
    for node in nodes:
        scope.spent.step()
        if isinstance(node, str):
            yield scope.spent.write(node)
        elif isinstance(node, Output):
            yield scope.spent.write(_printed(_value(node.words, scope)))
        elif isinstance(node, Declare):
            scope.variables[node.name] = _value(node.words, scope)
        elif isinstance(node, If):
            taken = node.then if _truth(_value(node.words, scope)) else node.otherwise
            yield from _run(taken, scope.inner(scope.dot))
        else:
            yield from _ranged(node, scope)


def _ranged(node: Range, scope: Scope) -> Iterator[str]:
    """The body for each element; one name is the element, two are its index and the element."""
    elements = _value(node.words, scope)
    if not isinstance(elements, Sequence) or isinstance(elements, str):
        raise ValueError(f"range over {type(elements).__name__}: not in the subset")
    for number, element in enumerate(elements):
        named = dict(
            zip(node.names, (number, element) if len(node.names) == 2 else (element,), strict=bool(node.names))
        )
        yield from _run(node.body, scope.inner(element, **named))
    if not elements:
        yield from _run(node.otherwise, scope.inner(scope.dot))


def _value(words: Sequence[Any], scope: Scope) -> Any:
    """A command's value: a function with what follows it, or a single operand."""
    first = words[0]
    if isinstance(first, tuple) and first[0] == "word" and first[1] not in ("true", "false", "nil"):
        return _called(first[1], words[1:], scope)
    if len(words) > 1:
        raise ValueError(f"{words}: only functions take operands")
    return _operand(first, scope)


def _operand(word: Any, scope: Scope) -> Any:
    scope.spent.step()
    if isinstance(word, list):
        return _value(word, scope)
    kind, text = word
    if kind == "string":
        return re.sub(r"\\(.)", lambda found: _unescaped(found[1]), text[1:-1])
    if kind == "word" and text in ("true", "false", "nil"):
        return {"true": True, "false": False, "nil": None}[text]
    if kind == "variable":
        name, *fields = text.split(".")
        if name not in scope.variables:
            raise ValueError(f"{name}: an undefined variable")
        return _fields(scope.variables[name], fields)
    plain: dict[str, Callable[[], Any]] = {
        "raw": lambda: text[1:-1],
        "number": lambda: int(text),
        "dot": lambda: scope.dot,
        "field": lambda: _fields(scope.dot, text[1:].split(".")),
    }
    if kind not in plain:
        raise ValueError(f"`{text}`: not in the subset as an operand")
    return plain[kind]()


def _unescaped(sign: str) -> str:
    if sign not in ESCAPES:
        raise ValueError(f"\\{sign}: not in the subset of what stands in a string")
    return ESCAPES[sign]


def _fields(value: Any, names: Sequence[str]) -> Any:
    for name in names:
        if not isinstance(value, Mapping) or name not in value:
            raise ValueError(f".{name}: no such field")
        value = value[name]
    return value


def _called(name: str, words: Sequence[Any], scope: Scope) -> Any:
    """A function's value. `and` and `or` return an operand and stop at the one that decides, as in Go 1.18 on."""
    if name in ("and", "or"):
        value = None
        for word in words:
            value = _operand(word, scope)
            if _truth(value) == (name == "or"):
                break
        return value
    values = [_operand(word, scope) for word in words]
    functions: dict[str, Callable[..., Any]] = {
        "not": lambda value: not _truth(value),
        "eq": lambda one, *others: any(_equal(one, other) for other in others),
        "ne": lambda one, other: not _equal(one, other),
        "len": lambda value: len(_list(value)),
        "slice": lambda value, start=0, end=None: _list(value)[_within(start, value) : _within(end, value)],
        "index": lambda value, *places: _indexed(value, places),
    }
    if name not in functions:
        raise ValueError(f"`{name}`: not in the subset")
    try:
        return functions[name](*values)
    except TypeError:
        raise ValueError(f"`{name}`: {len(values)} operands, which is not what it takes") from None


def _equal(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        raise ValueError(f"{one!r} and {other!r}: Go compares values of one type only")
    return bool(one == other)


def _list(value: Any) -> Sequence[Any]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ValueError(f"{type(value).__name__}: only lists have a length and parts here")
    return value


def _within(place: Any, value: Sequence[Any]) -> int | None:
    if place is not None and not 0 <= place <= len(value):
        raise ValueError(f"index out of range: {place}")
    return place  # type: ignore[no-any-return]


def _indexed(value: Any, places: Sequence[Any]) -> Any:
    for place in places:
        if not 0 <= place < len(_list(value)):
            raise ValueError(f"index out of range: {place}")
        value = value[place]
    return value


def _truth(value: Any) -> bool:
    """Go's: false, 0, nil, and what is empty are not true."""
    return bool(value)


def _printed(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, (str, int)):
        raise ValueError(f"{type(value).__name__}: only texts, numbers and truths are written here")
    return str(value)
