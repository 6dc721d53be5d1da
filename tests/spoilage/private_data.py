"""Made-up keys of the real shapes and made-up personal data.

Everything is put together when it is needed, from pieces that mean nothing: no scanner of secrets finds one here.
"""

from __future__ import annotations

import base64
import json
import re
import string
from collections.abc import Callable
from random import Random

from tests.spoilage.clean_rows import CleanRow
from tests.spoilage.spoiled import Spoiled

LETTERS = string.ascii_letters + string.digits
UPPER = string.ascii_uppercase + string.digits
HEX = "0123456789abcdef"
DASHED = LETTERS + "-_"
PIECE = re.compile(r"[A-Za-z0-9+/_-]{14,}")
"""What must be gone of a key: half a private key is a leak as well, a name in front of it is none."""


def drawn(rng: Random, characters: str, number: int) -> str:
    return "".join(rng.choices(characters, k=number))


def token(rng: Random) -> str:
    """One key of one of many services."""
    head, characters, number = rng.choice(SHAPES)
    return "".join(head) + drawn(rng, characters, number)


SHAPES: tuple[tuple[tuple[str, ...], str, int], ...] = (
    (("s", "k-"), LETTERS, 48),
    (("s", "k-pro", "j-"), DASHED, 120),
    (("s", "k-an", "t-api03-"), DASHED, 95),
    (("AK", "IA"), string.ascii_uppercase + "234567", 16),
    (("gh", "p_"), LETTERS, 36),
    (("gh", "o_"), LETTERS, 36),
    (("gh", "s_"), LETTERS, 36),
    (("github", "_pat_"), LETTERS, 82),
    (("gl", "pat-"), DASHED, 20),
    (("AI", "za"), DASHED, 35),
    (("h", "f_"), string.ascii_letters, 34),
    (("np", "m_"), LETTERS, 36),
    (("sk", "_live_"), LETTERS, 24),
    (("rk", "_live_"), LETTERS, 24),
    (("GOC", "SPX-"), DASHED, 28),
    (("dop", "_v1_"), HEX, 64),
    (("py", "pi-AgEIcHlwaS5vcmc"), DASHED, 80),
    (("ya", "29."), DASHED, 120),
    (("sq0", "csp-"), DASHED, 43),
    (("shp", "at_"), HEX, 32),
)


def slack(rng: Random) -> str:
    head = "".join(("xo", "x", rng.choice("bp")))
    return f"{head}-{drawn(rng, string.digits, 12)}-{drawn(rng, string.digits, 12)}-{drawn(rng, LETTERS, 24)}"


def slack_hook(rng: Random) -> str:
    host = ".".join(("hooks", "slack", "com"))
    return f"https://{host}/services/T{drawn(rng, UPPER, 8)}/B{drawn(rng, UPPER, 8)}/{drawn(rng, LETTERS, 24)}"


def sendgrid(rng: Random) -> str:
    return f"{'S' + 'G'}.{drawn(rng, DASHED, 22)}.{drawn(rng, DASHED, 43)}"


def json_web_token(rng: Random) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    head = part({"alg": "HS256", "typ": "JWT"})
    return (
        f"{head}.{part({'sub': drawn(rng, string.digits, 10), 'iat': rng.randrange(2**31)})}.{drawn(rng, DASHED, 43)}"
    )


def private_key(rng: Random) -> str:
    name = rng.choice(("RSA PRIVATE", "PRIVATE", "OPENSSH PRIVATE", "EC PRIVATE"))
    lines = [drawn(rng, LETTERS + "+/", 64) for _ in range(rng.randint(4, 8))]
    return "\n".join((f"-----{'BEG' + 'IN'} {name} KEY-----", *lines, f"-----{'EN' + 'D'} {name} KEY-----"))


def login(rng: Random) -> str:
    scheme = rng.choice(("postgres", "postgresql", "mysql", "mongodb+srv", "redis", "https", "amqp"))
    return (
        f"{scheme}://{drawn(rng, string.ascii_lowercase, 6)}:{drawn(rng, LETTERS, 14)}@db.{drawn(rng, HEX, 6)}.net/main"
    )


def assignment(rng: Random) -> str:
    name = rng.choice(
        ("password", "PASSWORD", "api_key", "API_KEY", "secret_key", "AWS_SECRET_ACCESS_KEY", "client_secret")
    )
    mark = rng.choice((" = ", "=", ": "))
    return f'{name}{mark}"{drawn(rng, LETTERS + "+/", 40)}"'


def bearer(rng: Random) -> str:
    return f"Authorization: {'Bear' + 'er'} {drawn(rng, DASHED, 44)}"


SECRETS: tuple[Callable[[Random], str], ...] = (
    *[token] * 8, slack, slack_hook, sendgrid, json_web_token, private_key, login, assignment, bearer,
)  # fmt: skip


def luhn(digits: str) -> str:
    """The check digit of a card number: every other digit counts twice, from the last one on."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits), 1)]
    return str(-sum(value - 9 if value > 9 else value for value in doubled) % 10)


def card(rng: Random) -> str:
    digits = rng.choice(("4", "51", "52", "55"))
    digits += drawn(rng, string.digits, 15 - len(digits))
    digits += luhn(digits)
    joint = rng.choice((" ", "-", ""))
    return joint.join(digits[place : place + 4] for place in range(0, 16, 4))


def email(rng: Random) -> str:
    name = rng.choice(("ken", "hanako.sato", "j.weld", "nora_q", "taro-yamada", "info.m", "p+news"))
    host = rng.choice(
        ("gmail.com", "yahoo.co.jp", "outlook.com", "docomo.ne.jp", "hotmail.co.uk", "icloud.com", "nifty.com")
    )
    return f"{name}{rng.randint(1, 9999)}@{host}"


def phone(rng: Random) -> str:
    def block(number: int) -> str:
        return rng.choice("23456789") + drawn(rng, string.digits, number - 1)

    return rng.choice(
        (
            f"0{rng.choice('789')}0-{block(4)}-{block(4)}",
            f"03-{block(4)}-{block(4)}",
            f"06-{block(4)}-{block(4)}",
            f"0{rng.choice('789')}0{block(4)}{block(4)}",
            f"+81 {rng.choice('789')}0-{block(4)}-{block(4)}",
            f"+81-3-{block(4)}-{block(4)}",
            f"({block(3)}) {block(3)}-{block(4)}",
            f"+1 {block(3)}-{block(3)}-{block(4)}",
            f"+1 ({block(3)}) {block(3)}-{block(4)}",
            f"+44 20 7{block(3)} {block(4)}",
        )
    )


def social_security(rng: Random) -> str:
    return f"{rng.randint(100, 665)}-{rng.randint(10, 99)}-{rng.randint(1000, 9999)}"


def my_number(rng: Random) -> str:
    """Japan's twelve digits, the last of which checks the others (ministerial ordinance 85 of 2014)."""
    digits = drawn(rng, string.digits, 11)
    weights = [place + 1 if place <= 6 else place - 5 for place in range(1, 12)]
    rest = sum(int(digit) * weight for digit, weight in zip(reversed(digits), weights, strict=True)) % 11
    number = f"{digits}{0 if rest <= 1 else 11 - rest}"
    return rng.choice((number, f"{number[:4]} {number[4:8]} {number[8:]}", f"{number[:4]}-{number[4:8]}-{number[8:]}"))


PERSONAL: dict[str, tuple[tuple[str, str, Callable[[Random], str]], ...]] = {
    "ja": (
        ("連絡先は", "です。", email),
        ("メール：", "。", email),
        ("電話は", "までお願いします。", phone),
        ("TEL ", "（担当）。", phone),
        ("カード番号は", "です。", card),
        ("マイナンバーは", "でした。", my_number),
    ),
    "en": (
        ("Write to ", " for details.", email),
        ("E-mail: ", ".", email),
        ("Call ", " after six.", phone),
        ("Tel. ", " (ask for the manager).", phone),
        ("The card number is ", ".", card),
        ("Her SSN is ", ".", social_security),
    ),
}
AROUND = {"ja": ("鍵は", "です。"), "en": ("The key is ", " as of today.")}


def secrets(row: CleanRow, rng: Random) -> Spoiled:
    """A key in the answer or in the prompt."""
    found = rng.choice(SECRETS)(rng)
    before, after = AROUND[row.language]
    text = f"{before}{found}{after}" if rng.random() < 0.7 else f"\n\n{found}"
    return _told(row, text, tuple(piece for piece in PIECE.findall(found) if not piece.endswith("_KEY")), rng)


def personal(row: CleanRow, rng: Random) -> Spoiled:
    """An address, a telephone number, a number of a card or a person."""
    before, after, make = rng.choice(PERSONAL[row.language])
    found = make(rng)
    return _told(row, f"{before}{found}{after}", (found,), rng)


def _told(row: CleanRow, sentence: str, traces: tuple[str, ...], rng: Random) -> Spoiled:
    in_answer = row.task in ("question", "summary", "chat") and rng.random() < 0.6
    joint = "" if sentence.startswith("\n") or row.language == "ja" else " "
    if in_answer:
        return Spoiled(row.answered(f"{row.answer}{joint}{sentence}"), traces)
    return Spoiled(row.asked(f"{row.prompt}{joint}{sentence}"), traces)
