"""ARGS as a person types it and as it is printed to be pasted. Any Python 3.9, nothing installed.

Nothing in it is read but quotes, blanks and brackets: `$`, `;`, `&`, `*` and `#` are letters, as any other. Quotes
around a word or a value go, as in a shell; inside `[...]` and `{...}` all is the value's own.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from jobs.core.command_line import with_args
from jobs.core.errors import EnvironmentProblem, Refusal
from jobs.core.words import is_secret, key, with_words

KEPT = ("RUNNER", "ENGINE", "IMAGE", "ACCELERATOR", "GPUS", "MOUNTS", "PASS", "PYTHON")
"""Variables without which a line that is pasted would do something else."""
CLOSING = {"[": "]", "{": "}"}
ESCAPED = set(" \t\n'\"\\$`;&|<>()*?#!~")
"""What a backslash protects from a shell; before anything else it is a letter."""
NAME = re.compile(r"[A-Za-z_]\w*")


def split(text: str) -> list[str]:
    """The words of ARGS. Raises Refusal for a quote without its end."""
    words: list[str] = []
    word, place = "", 0
    begun, after_quote = False, False
    while place < len(text):
        sign = text[place]
        opens = not begun or after_quote or word.endswith("=")
        if sign.isspace():
            if begun:
                words.append(word)
            word, begun, after_quote, place = "", False, False, place + 1
            continue
        if sign in "'\"" and opens:
            inside, place = _quoted(text, place)
            word, begun, after_quote = word + inside, True, True
            continue
        end = _closed(text, place) if sign in CLOSING and word.endswith("=") and not after_quote else None
        if end is not None:
            word, place, after_quote = word + text[place:end], end, False
            continue
        if sign == "\\" and text[place + 1 : place + 2] in ESCAPED and place + 1 < len(text):
            place += 1
        word, begun, after_quote, place = word + text[place], True, False, place + 1
    return [*words, word] if begun else words


def _quoted(text: str, start: int) -> tuple[str, int]:
    """What stands between the quote at `start` and its end, and the place behind that."""
    quote, found, place = text[start], "", start + 1
    while place < len(text):
        sign = text[place]
        if sign == quote:
            return found, place + 1
        if quote == '"' and sign == "\\" and text[place + 1 : place + 2] in ('"', "\\", "$", "`"):
            place += 1
            sign = text[place]
        found, place = found + sign, place + 1
    raise Refusal(f"ARGS: the quote in {text[start : start + 40]!r} has no end; write it twice, or leave it out")


def _closed(text: str, start: int) -> int | None:
    """The place behind the bracket that closes the one at `start`; None where none does."""
    waiting, place, before = [CLOSING[text[start]]], start + 1, text[start]
    while place < len(text):
        sign = text[place]
        if sign == "\\":
            place += 1
        elif sign in "'\"" and before in "[{,:":
            end = text.find(sign, place + 1)
            while end > 0 and text[end - 1] == "\\":
                end = text.find(sign, end + 1)
            place = end if end > 0 else place
        elif sign in CLOSING:
            waiting.append(CLOSING[sign])
        elif sign == waiting[-1]:
            waiting.pop()
            if not waiting:
                return place + 1
        before = before if sign.isspace() else sign
        place += 1
    return None


def joined(words: Sequence[str]) -> str:
    """ARGS that `split` takes apart into these words."""
    return " ".join(word if _is_plain(word) else shlex.quote(word) for word in words)


def _is_plain(word: str) -> bool:
    try:
        return bool(word) and split(word) == [word]
    except Refusal:
        return False


def line(target: str, words: Sequence[str], variables: Mapping[str, str] | str = "") -> str:
    """`make TARGET VARIABLE=value ARGS="..."` as it is typed in a shell."""
    told = variables if isinstance(variables, str) else told_to_make(variables)
    return with_args(target, told, joined([word for word in words if not is_secret(word)]))


def told_to_make(environment: Mapping[str, str], names: Sequence[str] = KEPT) -> str:
    """What `make` has to be told again beside ARGS, as it is typed in a shell."""
    said = {name: environment[name] for name in names if environment.get(name)}
    if not all(NAME.fullmatch(name) and not is_secret(name) for name in said.get("PASS", "").split()):
        del said["PASS"]  # where names belong, a person may have written a value
    return " ".join(f"{name}={shlex.quote(value)}" for name, value in said.items())


@contextmanager
def mended(target: str, words: Sequence[str], variables: str = "") -> Iterator[None]:
    """A Refusal that knows the words which would do ends in the whole line that has them."""
    try:
        yield
    except (Refusal, EnvironmentProblem) as problem:
        if not (problem.words or problem.without):
            raise
        said = f"{problem}\n-> {line(target, without(words, problem), variables)}"
        raise type(problem)(said) from None


def without(words: Sequence[str], problem: Refusal | EnvironmentProblem) -> list[str]:
    """The words that were given, with those that would do in the place of those that would not."""
    gone = {*problem.without, *map(key, problem.words)}
    return with_words([word for word in words if word not in gone and key(word) not in gone], problem.words)
