"""A blind sheet: pairs in an order and on sides that a seed draws, and the key that says who wrote what.

The sheet names no model. It shows the digest of its key, so that a key that was changed afterwards is seen; the seed is
in the key, so that nobody makes the same key out of a guess and compares digests.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

from jobs.logic.parity.behaviour import split_thinking
from jobs.logic.row import Message
from jobs.logic.text.similarity import tidy

KEY_FORMAT = "kiwame-sheet-key-1"
Side = Literal["first", "second"]
HALF = re.compile("[\ud800-\udfff]")
"""Half of a character, as a model may write; UTF-8 has no bytes for it."""


class Asked(Protocol):
    """What a pair has to have: `logic/judging/pairs.py` has one."""

    @property
    def id(self) -> str: ...
    @property
    def source(self) -> str | None: ...
    @property
    def prompt(self) -> Sequence[Message]: ...
    @property
    def first(self) -> str: ...
    @property
    def second(self) -> str: ...


class BadKey(ValueError):
    """What is no key of a sheet; the message says why."""


@dataclass(frozen=True)
class Entry:
    """A pair of the key, in the sheet's order."""

    id: str
    source: str | None
    left: Side


@dataclass(frozen=True)
class Key:
    """Who wrote what."""

    sheet: str
    seed: str
    first: str
    """What people call the one that is asked about, and the other: never in the sheet."""
    second: str
    num_asked: int
    """Prompts that both were asked."""
    num_differing: int
    """Of these, with two different answers; nobody is asked about the others."""
    pairs: tuple[Entry, ...]
    """Those of them that were drawn, in the sheet's order."""

    def as_bytes(self) -> bytes:
        """The file; its digest is in the sheet."""
        data = {"format": KEY_FORMAT, **asdict(self)}
        return (HALF.sub("\ufffd", json.dumps(data, ensure_ascii=False, indent=1)) + "\n").encode()


@dataclass(frozen=True)
class Sheet:
    """What the page holds."""

    data: Mapping[str, Any]
    """`sheet`, `key_sha256`, `language` and `pairs` of prompt, left and right."""
    title: str
    key: Key


def drawn(pairs: Sequence[Asked], seed: str, title: str, language: str, names: tuple[str, str], most: int) -> Sheet:
    """The sheet of the pairs whose answers differ, and of these at most `most`.

    `names` are those of the first and the second; they go into the key alone. Raises ValueError where two pairs have
    one id.
    """
    if len({pair.id for pair in pairs}) < len(pairs):
        raise ValueError("two pairs have the same id")
    by_lot = sorted(pairs, key=lambda pair: _lot(seed, "order", pair.id))
    differing = [pair for pair in by_lot if said(pair.first) != said(pair.second)]
    chosen = differing[:most]
    sides: list[Side] = ["second" if _lot(seed, "side", pair.id)[0] & 1 else "first" for pair in chosen]
    shown = [_shown(pair, left) for pair, left in zip(chosen, sides, strict=True)]
    sheet = hashlib.sha256(json.dumps(shown).encode()).hexdigest()
    entries = [Entry(pair.id, pair.source, left) for pair, left in zip(chosen, sides, strict=True)]
    key = Key(sheet, seed, *names, len(pairs), len(differing), tuple(entries))
    digest = hashlib.sha256(key.as_bytes()).hexdigest()
    return Sheet({"sheet": sheet, "key_sha256": digest, "language": language, "pairs": shown}, title, key)


def said(text: str) -> str:
    """What a person is shown of an answer: without the block of thoughts before it, which one model may write and the
    other not."""
    return tidy(split_thinking(text)[1])


def telling(pairs: Sequence[Asked], names: Sequence[str]) -> dict[str, int]:
    """Names of the models that stand in answers, where a rater could read who wrote them: name to answers."""
    found: dict[str, int] = {}
    for name in dict.fromkeys(name.casefold() for name in names if len(name) > 2):
        held = sum(name in said(text).casefold() for pair in pairs for text in (pair.first, pair.second))
        found |= {name: held} if held else {}
    return found


def data_block(data: Mapping[str, Any]) -> str:
    """JSON that can stand in a page's script element: nothing in it ends the element or opens a comment."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    text = HALF.sub(lambda half: f"\\u{ord(half[0]):04x}", text)
    return re.sub(r"[<>&\u2028\u2029]", lambda sign: f"\\u{ord(sign[0]):04x}", text)


def read_key(data: bytes) -> Key:
    """Raises BadKey for anything else than what `as_bytes` writes."""
    try:
        found = json.loads(data)
        if found.pop("format") != KEY_FORMAT:
            raise BadKey("is of another version")
        found["pairs"] = tuple(Entry(**entry) for entry in found["pairs"])
        key = Key(**found)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        if isinstance(error, BadKey):
            raise
        raise BadKey("is no key of a sheet") from None
    if key.as_bytes() != data:
        raise BadKey("was edited: it is not as it was written")
    return key


def is_of(key: Key, pairs: Sequence[Asked]) -> bool:
    """Whether the key's sheet shows these very answers: drawn again by its seed, it is the same sheet."""
    by_id = {pair.id: pair for pair in pairs}
    if not all(entry.id in by_id for entry in key.pairs):
        return False
    shown = [_shown(by_id[entry.id], entry.left) for entry in key.pairs]
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest() == key.sheet


def _shown(pair: Asked, left: Side) -> dict[str, Any]:
    first, second = said(pair.first), said(pair.second)
    sides = (first, second) if left == "first" else (second, first)
    prompt = [[turn.role, turn.content] for turn in pair.prompt]
    return {"prompt": prompt, "left": sides[0], "right": sides[1]}


def _lot(seed: str, what: str, name: str) -> bytes:
    """A draw that follows from the seed and the pair alone, and from which nobody gets back to the seed."""
    message = f"{what}\0{name}".encode(errors="surrogatepass")
    return hmac.new(seed.encode(), message, hashlib.sha256).digest()
