"""Kinds of spoilage that no rule lists: what a gate finds of them it finds by their departing from the rest.

Detectors are not written against this list. A figure on it says how a contamination is met that nobody thought of.
"""

from __future__ import annotations

import base64
import codecs
import html
import json
import urllib.parse
from collections.abc import Callable
from random import Random

from tests.spoilage.clean_rows import JOINTS, TASKS, CleanRow
from tests.spoilage.spoiled import PLAIN, PROSE, Kind, Spoil, Spoiled, dressed, of_answer

SHORT = ("title", "label", "summary", "extraction")


def changed(*changes: Callable[[str], str]) -> Spoil:
    """Spoils by a function of the answer."""

    def spoil(row: CleanRow, rng: Random) -> Spoiled:
        return of_answer(row, rng.choice(changes)(row.answer))

    return spoil


def shuffled_words(row: CleanRow, rng: Random) -> Spoiled:
    """Word salad."""
    joint, answer = JOINTS[row.language], row.answer
    words = answer.split(joint) if joint else [answer[place : place + 3] for place in range(0, len(answer), 3)]
    rng.shuffle(words)
    return of_answer(row, joint.join(words))


def timestamped(row: CleanRow, rng: Random) -> Spoiled:
    """A line of a log."""
    clock = f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}"
    day = f"20{rng.randint(10, 25)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
    head = rng.choice((f"{day} {clock} INFO ", f"[{clock}] ", f"{day}T{clock}Z ", f"{clock},123 root DEBUG - "))
    return Spoiled(row.answered(head + row.answer), (head,))


def numbered(row: CleanRow, rng: Random) -> Spoiled:
    """As an entry of a list."""
    number = rng.randint(1, 40)
    heads = (
        f"{number}. ",
        f"({number}) ",
        f"{number}) ",
        f"No.{number} ",
        f"#{number} ",
        f"{number}: ",
        f"第{number}位 ",
    )
    return of_answer(row, rng.choice(heads) + row.answer)


def base_32(text: str) -> str:
    return base64.b32encode(text.encode()).decode()


def base_64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def hexadecimal(text: str) -> str:
    return text.encode().hex()


def escaped(text: str) -> str:
    return "".join(f"\\x{ord(sign):02x}" for sign in text) if text.isascii() else json.dumps(text)[1:-1]


def entities(text: str) -> str:
    return html.escape(text).replace("e", "&#101;") if text.isascii() else "".join(f"&#{ord(sign)};" for sign in text)


def quoted_printable(text: str) -> str:
    return codecs.encode(text.encode(), "quopri").decode().strip()


def code_points(text: str) -> str:
    return " ".join(f"U+{ord(sign):04X}" for sign in text[:40])


def rotated(text: str) -> str:
    return codecs.encode(text, "rot13") if text.isascii() else text[::-1]


def reversed_text(text: str) -> str:
    return text[::-1]


def full_width(text: str) -> str:
    return "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text)


def shouted(text: str) -> str:
    return text.upper() if text.isascii() else full_width(text.replace("。", "．").replace("、", "，"))


def in_pieces(mark: str) -> Callable[[str], str]:
    """As a tokenizer cuts it: at spaces, or after every second letter where there are none."""

    def cut(text: str) -> str:
        pieces = text.split(" ") if " " in text else [text[place : place + 2] for place in range(0, len(text), 2)]
        return mark.join(pieces)

    return cut


def token_numbers(text: str) -> str:
    return " ".join(str(1000 + ord(sign)) for sign in text[:60])


def as_list(text: str) -> str:
    return str(list(text[:30]))


def patterns(kind: str) -> Spoil:
    """Spoils by the patterns of unlisted.toml."""
    return dressed(kind, "unlisted")


UNLISTED: tuple[Kind, ...] = (
    Kind("preface", patterns("preface"), SHORT),
    Kind("thinking", patterns("thinking"), SHORT),
    Kind("quoted", patterns("quoted"), PLAIN),
    Kind("numbered", numbered, PLAIN),
    Kind("counted", patterns("counted"), PLAIN),
    Kind("several", patterns("several"), ("title", "label")),
    Kind("rated", patterns("rated"), PLAIN),
    Kind("emoji", patterns("emoji"), PLAIN),
    Kind("bilingual", patterns("bilingual"), PLAIN),
    Kind("speech-marks", patterns("speech-marks"), PLAIN),
    Kind("other-markdown", patterns("other-markdown"), PLAIN),
    Kind("mail-quote", patterns("mail-quote"), PLAIN),
    Kind("page-debris", patterns("page-debris"), PLAIN),
    Kind("front-matter", patterns("front-matter"), PLAIN),
    Kind("csv-line", patterns("csv-line"), PLAIN),
    Kind("sql", patterns("sql"), PLAIN),
    Kind("latex", patterns("latex"), PLAIN),
    Kind("diff", patterns("diff"), PLAIN),
    Kind("address", patterns("address"), PLAIN),
    Kind("placeholder", patterns("placeholder")),
    Kind("error-text", patterns("error-text")),
    Kind("log-line", timestamped),
    Kind("base-64", changed(base_64, base_32, hexadecimal)),
    Kind("escaped", changed(escaped, urllib.parse.quote, quoted_printable, code_points, entities), (*PROSE, "title")),
    Kind("enciphered", changed(rotated, reversed_text)),
    Kind("spaced-out", changed(" ".join, "\n".join, "-".join), (*PLAIN, "chat")),
    Kind("shouted", changed(shouted), PROSE),
    Kind("full-width", changed(full_width), ("extraction",)),
    Kind("word-pieces", changed(in_pieces(" ▁"), in_pieces("Ġ"), in_pieces(" ##"), token_numbers, as_list)),
    Kind("word-salad", shuffled_words, PROSE),
)

assert {task for kind in UNLISTED for task in kind.tasks} == set(TASKS)
