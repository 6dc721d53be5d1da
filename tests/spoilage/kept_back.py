"""Further kinds of spoilage that no rule lists, which no limit was set by: what is found of them, is found of any."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.spoilage.clean_rows import JOINTS, CleanRow
from tests.spoilage.spoiled import PLAIN, PROSE, Kind, Spoil, Spoiled, of_answer

ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
KANA_ROWS = ("たていすかんなにらせ", "ちとしはきくまのりれ", "つさそひこみもねるめ")
SIGNS = ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.."
MORSE = dict(zip("abcdefghijklmnopqrstuvwxyz", SIGNS.split(), strict=True))
LEET = str.maketrans("aeiostAEIOST", "431057431057")


def turned(*changes: Callable[[CleanRow, Random], str]) -> Spoil:
    """Spoils by a function of the row."""

    def spoil(row: CleanRow, rng: Random) -> Spoiled:
        return of_answer(row, rng.choice(changes)(row, rng))

    return spoil


def mashed(row: CleanRow, rng: Random) -> str:
    """Keys side by side, about as many as the answer has."""
    keys = KANA_ROWS if row.language == "ja" else ROWS
    words = ["".join(rng.choices(rng.choice(keys), k=rng.randint(3, 9))) for _ in range(1 + len(row.answer) // 7)]
    return JOINTS[row.language].join(words)


def word_order(row: CleanRow, rng: Random) -> str:
    """The words from the last to the first."""
    joint = JOINTS[row.language]
    pieces = row.answer.split(joint) if joint else [row.answer[at : at + 3] for at in range(0, len(row.answer), 3)]
    return joint.join(reversed(pieces))


def cut_bytes(row: CleanRow, rng: Random) -> str:
    """Stopped at a number of bytes, in the middle of a word and often of a character."""
    data = row.answer.encode()
    return data[: max(4, int(len(data) * rng.uniform(0.4, 0.8)))].decode("utf-8", "replace")


def controls(row: CleanRow, rng: Random) -> str:
    """What stands around an answer on a chat page."""
    ends = (
        "\nCopy code",
        " 👍👎",
        "\n1/2 ›",
        "\n[Regenerate]",
        "\n⧉ Copy | ↻ Retry",
        " ▍",
        "\nGood response | Bad response",
    )
    return row.answer + rng.choice(ends)


def leftovers(row: CleanRow, rng: Random) -> str:
    """A number or a key of the sheet that it was copied from."""
    number = rng.randint(1, 99)
    heads = (f"Q{number} > ", f"[{number}/100] ", f"{number}|", f"<{number}> ", f"§{number} ", f"A{number}=")
    return rng.choice(heads) + row.answer


def morse(row: CleanRow, rng: Random) -> str:
    text = row.answer.lower() if row.answer.isascii() else "titles are written here"
    return " ".join(MORSE.get(sign, "/") for sign in text[:60])


def leet(row: CleanRow, rng: Random) -> str:
    if row.answer.isascii():
        return row.answer.translate(LEET)
    return "".join(f"{sign}゛" if place % 2 else sign for place, sign in enumerate(row.answer))


def punctuated(row: CleanRow, rng: Random) -> str:
    """A mark behind every word."""
    mark = rng.choice(("_", "|", ";", "~"))
    return (mark + " ").join(row.answer.split(" ") if " " in row.answer else list(row.answer))


def quoted_print(row: CleanRow, rng: Random) -> str:
    """As a debugger prints it."""
    return rng.choice(("Answer(text={!r})", "<Row {!r}>", "b{!r}", "({!r},)", "{{{!r}: None}}")).format(row.answer)


def upside(row: CleanRow, rng: Random) -> str:
    """Letters of other alphabets that look alike or stand for them."""
    moved = {code: code + 0x3B0 - 0x60 for code in range(0x61, 0x7B)}
    return (
        row.answer.translate(moved)
        if row.answer.isascii()
        else "".join(chr(0xAC00 + ord(s) % 11172) for s in row.answer)
    )


KEPT_BACK: tuple[Kind, ...] = (
    Kind("keyboard", turned(mashed), ("title", *PROSE)),
    Kind("word-order", turned(word_order), PROSE),
    Kind("cut-bytes", turned(cut_bytes), PROSE),
    Kind("page-controls", turned(controls), PLAIN),
    Kind("leftovers", turned(leftovers), PLAIN),
    Kind("morse", turned(morse), ("title", *PROSE, "chat")),
    Kind("leet", turned(leet), ("title", *PROSE)),
    Kind("punctuated", turned(punctuated), ("title", *PROSE)),
    Kind("debugger", turned(quoted_print), PLAIN),
    Kind("other-alphabet", turned(upside), ("title", *PROSE)),
)
