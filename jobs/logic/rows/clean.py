"""What makes a conversation unfit to learn from, and what can be put right without a doubt."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jobs.logic.row import THINK_OPEN, Message, Row, block, parted, shown
from jobs.logic.text import explained, markup, mojibake, placeholders, private, refusals, repetition, signs
from jobs.logic.text.repetition import RepetitionLimits
from jobs.logic.text.wanted import Asked

SEEN = ("secret", *private.PERSONAL, "invisible", "nested-dialog", "placeholder", "thoughts", "turn-not-to-learn")
"""Every word for what is left in a row and counted."""
IN_THOUGHTS = ("control-token", "think-tag")
"""Reasons that thoughts give as well as what is said after them."""
FILLERS = "\u115f\u1160\u3164\uffa0"
"""Letters that take no room."""
IN_NAMES = (private.SECRET, "email")
"""What an id, a source or a label may not be, whatever is done about it in texts: they are shown to name a row."""
AT_ONCE = 1000
"""Rows that are screened together: enough to share the cost of a pass, few enough for the cache."""


@dataclass(frozen=True)
class CleanOptions:
    """What is mended, what is taken out, and what a row is dropped for."""

    mojibake: Literal["mend", "drop"]
    invisible: Literal["strip", "keep", "drop"]
    secrets: Literal["drop", "redact", "keep"]
    personal: Literal["keep", "redact", "drop"]
    allow: Collection[str]
    """Reasons of ALLOWABLE that rows are not dropped for."""
    repetition: RepetitionLimits

    def kinds(self, what: str) -> list[str]:
        """The kinds of private data that `drop`, `redact` or `keep` is the rule for."""
        secrets = [private.SECRET] if self.secrets == what else []
        return [*secrets, *(private.PERSONAL if self.personal == what else ())]


class Fault(NamedTuple):
    """Why a row is dropped: one of REASONS, and a short piece of what was seen."""

    reason: str
    evidence: str


def tidy_all(rows: Sequence[Row], options: CleanOptions) -> None:
    """Put the text of each row into the form that is trained on, and note in its `changes` what that altered.

    Line ends become `\\n`, white space around a turn goes, text becomes NFC (Qwen's tokenizer does that too, but
    llama.cpp does not); mojibake is turned back where that is possible without loss, stray invisible characters and
    private data are taken out, each if the options say so. A private id, source or label is replaced.
    """
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        _hide_names(some)
        beyond_ascii = [text for row in some for _, text in row.messages if not text.isascii()]
        notable = iter((signs.block(beyond_ascii).of_each() & signs.NOTABLE).astype(np.bool_).tolist())
        for row in some:
            _tidy(row, options, notable)


def tidy(row: Row, options: CleanOptions) -> None:
    """The same for one row."""
    found = (signs.CLASSES[signs.NOTABLE].search(text) for _, text in row.messages if not text.isascii())
    _tidy(row, options, (sign is not None for sign in found))


def is_tidy(messages: Sequence[Message]) -> bool:
    """Whether line ends, outer space and Unicode form are as `tidy` leaves them; `faults` looks for the rest."""
    return all(
        text == text.strip() and "\r" not in text and unicodedata.is_normalized("NFC", text) for _, text in messages
    )


def faults(rows: Sequence[Row], options: CleanOptions) -> list[Fault | None]:
    """For each row the first thing that makes it unfit, or None."""
    return examined(rows, options)[0]


def examined(rows: Sequence[Row], options: CleanOptions) -> tuple[list[Fault | None], NDArray[np.uint16]]:
    """`faults`, and for each row a bit for every word of SEEN that it has and keeps."""
    unwanted, kept = [*options.kinds("drop"), *options.kinds("redact")], options.kinds("keep")
    found: list[Fault | None] = []
    words = np.zeros(len(rows), np.uint16)
    for start in range(0, len(rows), AT_ONCE):
        turns = list(_turns(rows[start : start + AT_ONCE], unwanted, kept, options.repetition))
        found += [_fault(own, unwanted, options) for _, own in groupby(turns, key=itemgetter(0))]
        for turn in turns:
            if turn.kept or turn.signs & (signs.NOTABLE | signs.DRESS | signs.TOKEN):
                for word in _words_for(turn, kept, options):
                    words[start + turn.row] |= 1 << SEEN.index(word)
    words[[bool(row.unlearnt) for row in rows]] |= 1 << SEEN.index("turn-not-to-learn")
    return found, words


class _Turn(NamedTuple):
    """One message, and what the screens of its block say of it."""

    row: int
    role: str
    text: str
    prompt: str
    """What the user said before; empty in front of the first answer."""
    messages: Sequence[Message]
    """Every turn of the row."""
    place: int
    """Which of them this is."""
    signs: int
    private: bool
    """Whether it may have private data that is not wanted."""
    kept: bool
    """Whether it may have private data that is kept."""
    repeats: int
    is_learnt: bool


def _turns(
    rows: Sequence[Row], unwanted: Collection[str], kept: Collection[str], limits: RepetitionLimits
) -> Iterator[_Turn]:
    """The turns of a block, screened for the kinds of private data in `unwanted` and `kept`, and for repetition."""
    texts = signs.block([text for row in rows for _, text in row.messages])
    private_data = (private.suspects(texts, kinds).tolist() for kinds in (unwanted, kept))
    screened = zip(texts.of_each().tolist(), *private_data, strict=True)
    answers = [text for row in rows for role, text in row.messages if role == "assistant"]
    repeats = iter(repetition.suspects(answers, limits).tolist())
    for number, row in enumerate(rows):
        prompt = ""
        for place, (role, text) in enumerate(row.messages):
            may_repeat = next(repeats) if role == "assistant" else 0
            its_signs, is_private, is_kept = next(screened)
            is_learnt = not row.unlearnt or place not in row.unlearnt
            screens = its_signs, is_private, is_kept, may_repeat, is_learnt
            yield _Turn(number, role, text, prompt, row.messages, place, *screens)
            prompt = text if role == "user" else ""


def _words_for(turn: _Turn, kept: Collection[str], options: CleanOptions) -> Iterator[str]:
    if turn.kept:
        yield from {span.kind for span in private.found(turn.text, kept)}
    if options.invisible == "keep" and turn.signs & signs.NOTABLE and markup.stray_invisible(turn.text):
        yield "invisible"
    if turn.role == "user" and turn.signs & signs.DRESS and markup.is_nested_dialog(turn.text):
        yield "nested-dialog"
    if turn.role == "assistant" and markup.thought(turn.text):
        yield "thoughts"
    if turn.role == "assistant" and placeholders.unfilled(turn.text, turn.prompt) is not None:
        yield "placeholder"


def _fault(turns: Iterable[_Turn], unwanted: Collection[str], options: CleanOptions) -> Fault | None:
    for turn in turns:
        asked = None
        for reason, piece in _offences(turn, unwanted, options):
            if reason not in options.allow:
                asked = asked or _asked(turn)
                is_whole = turn.role != "assistant" or reason in IN_THOUGHTS
                said = turn.text if is_whole else markup.without_thought(turn.text)
                if explained.is_wanted(reason, piece, said, asked):
                    continue
                return Fault(reason, shown(f"{turn.role}: {_without_private(turn.text, piece)}"))
    return None


def _asked(turn: _Turn) -> Asked:
    """What an answer was asked by; no other turn is asked for."""
    if turn.role != "assistant":
        return Asked("")
    before = [text for role, text in turn.messages[: turn.place] if role != "assistant"]
    return Asked(turn.prompt, before[:-1] if turn.prompt else before)


def _offences(turn: _Turn, unwanted: Collection[str], options: CleanOptions) -> Iterable[tuple[str, str]]:
    """(reason, what was seen) for whatever is wrong with the turn, the worst first."""
    if turn.role == "assistant" and turn.is_learnt:
        return _offences_of_answer(turn, unwanted, options)
    if turn.role == "assistant":  # read and never written by the model: a draft that is wrong may look so
        return _offences_of_text(turn, unwanted, options) if _is_suspect(turn) else ()
    if not _says_something(turn.text):
        return [("empty-prompt", turn.text or "nothing")]
    return _offences_of_text(turn, unwanted, options) if _is_suspect(turn) else ()


def _is_suspect(turn: _Turn) -> bool:
    """Whether the turn may have something that none may have."""
    return bool(turn.signs & (signs.TOKEN | signs.NOTABLE)) or turn.private or mojibake.BARE in turn.text


def _offences_of_text(turn: _Turn, unwanted: Collection[str], options: CleanOptions) -> Iterator[tuple[str, str]]:
    """What no turn may have."""
    text = turn.text
    if turn.signs & signs.TOKEN:
        token = markup.control_token(text)
        if token is not None:
            yield "control-token", token
        tag = markup.stray_think_tag(text, answers=turn.role == "assistant")
        if tag is not None:
            yield "think-tag", tag
    if turn.signs & signs.NOTABLE or mojibake.BARE in text:
        if mojibake.is_mojibake(text):
            yield "mojibake", text
        stray = markup.stray_invisible(text) if options.invisible != "keep" else []
        if stray:
            yield "invisible", _code_points(stray)
    if turn.private:
        for span in private.found(text, unwanted):
            reason = "secret" if span.kind == private.SECRET else "personal"
            yield reason, f"{private.MARKS[span.kind]} at character {span.start + 1}"


def _offences_of_answer(turn: _Turn, unwanted: Collection[str], options: CleanOptions) -> Iterator[tuple[str, str]]:
    """That, and what only an answer must not have."""
    said = markup.without_thought(turn.text)
    if not _says_something(said):
        yield "empty-answer", turn.text or "nothing"
        return
    if _is_suspect(turn):
        yield from _offences_of_text(turn, unwanted, options)
    if turn.signs & (signs.TOKEN | signs.DRESS) or markup.STARTS_LIKE_ONE.match(said):
        yield from markup.tag_forms(said)
    if turn.repeats:
        yield from _repeated(said, turn.repeats, options.repetition)
    sentence = repetition.repeated_sentence(said, options.repetition)
    if sentence is not None:
        yield "repeated-phrase", sentence
    refused = refusals.refusal(said)
    if refused is not None:
        yield "refusal", refused
    if refusals.is_copied(said, turn.prompt):
        yield "copied-prompt", said
    end = refusals.cut_off(said)
    if end is not None:
        yield "cut-off", end


def _repeated(said: str, may_repeat: int, limits: RepetitionLimits) -> Iterator[tuple[str, str]]:
    found = repetition.repeated_character(said, limits) if may_repeat & repetition.CHARACTER else None
    if found is not None:
        yield "repeated-character", found
    found = repetition.repeated_phrase(said, limits) if may_repeat & repetition.PHRASE else None
    if found is not None:
        yield "repeated-phrase", found


def _says_something(text: str) -> bool:
    """Whether there is more than white space and what takes no room."""
    return (text[:1].isalnum() and text[0] not in FILLERS) or bool(
        markup.INVISIBLE.sub("", text).replace("\u2800", "").strip()
    )


def _without_private(text: str, piece: str) -> str:
    """The piece, or the beginning of the text without secrets where it has some: half a secret may be in the piece."""
    hidden = private.masked(text)
    if hidden == text:
        return piece
    return hidden if piece in text else private.masked(piece)


def _tidy(row: Row, options: CleanOptions, notable: Iterator[bool]) -> None:
    """`notable`: for each text that is not ASCII, whether it has a sign of mojibake or an invisible character."""
    for place, (role, text) in enumerate(row.messages):
        tidied = _tidied(text, options, row.changes, not text.isascii() and next(notable))
        if tidied is not text:
            row.messages[place] = Message(role, tidied)
    if row.thoughts:
        _tidy_blocks(row)
    kinds = options.kinds("redact")
    if kinds:
        _redact(row, kinds)
    if row.source is not None:
        row.source = unicodedata.normalize("NFC", row.source)


def _tidy_blocks(row: Row) -> None:
    """Thoughts from a field, and the answer behind them, without outer space; no block where no thoughts are left."""
    for place in row.thoughts:
        row.messages[place] = Message("assistant", block(*parted(row.messages[place].content)))
    row.thoughts = tuple(place for place in row.thoughts if row.messages[place].content.startswith(THINK_OPEN))


def _hide_names(rows: Sequence[Row]) -> None:
    """A name that is private becomes one that stands for it: rows that shared it share that."""
    names = [name for row in rows for name in (row.id, row.source or "", row.label or "")]
    suspects = private.suspects(signs.block(names), IN_NAMES)
    for place in np.flatnonzero(suspects).tolist():
        row, name, what = rows[place // 3], names[place], ("id", "source", "label")[place % 3]
        if private.found(name, IN_NAMES):
            setattr(row, what, f"{what}-{hashlib.blake2b(name.encode(), digest_size=6).hexdigest()}")
            row.changes["private-name"] = what


def _tidied(text: str, options: CleanOptions, changes: dict[str, str], is_notable: bool) -> str:
    if "\r" in text:
        changes["line-ends"] = "carriage returns"
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if is_notable or mojibake.BARE in text:
        text = _with_right_signs(text, options, changes)
    if not unicodedata.is_normalized("NFC", text):
        changes["nfc"] = shown(private.masked(text))
        text = unicodedata.normalize("NFC", text)
    stripped = text.strip()
    if stripped != text:
        changes["outer-space"] = shown(private.masked(text))
    return stripped


def _redact(row: Row, kinds: Collection[str]) -> None:
    redacted: Counter[str] = Counter()
    for place, (role, text) in enumerate(row.messages):
        kept, counts = private.without(text, kinds)
        if counts:
            row.messages[place] = Message(role, kept)
            redacted.update(counts)
    if redacted:
        row.changes["redacted"] = _listed(redacted)


def _with_right_signs(text: str, options: CleanOptions, changes: dict[str, str]) -> str:
    """The text with mojibake mended and stray invisible characters out; what cannot be mended is left as it is."""
    if "mojibake" not in options.allow and mojibake.is_mojibake(text):
        meant = mojibake.mended(text) if options.mojibake == "mend" else None
        if meant is None:
            return text
        changes["mojibake"] = shown(private.masked(text))
        text = meant
    stray = markup.stray_invisible(text) if options.invisible == "strip" else []
    if stray:
        changes["invisible"] = _code_points(stray)
        text = markup.without_stray_invisible(text)
    return text


def _code_points(signs: Sequence[str]) -> str:
    """`U+200B x 3, U+FEFF x 1`, the most frequent first."""
    return _listed(Counter(f"U+{ord(sign):04X}" for piece in signs for sign in piece))


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} x {number}" for name, number in counts.most_common())
