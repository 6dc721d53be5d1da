"""Secrets and personal data: found, taken out, and never shown.

What nobody owns is left alone: example.com, 555-0100, 090-0000-0000, private and documentation networks, keys that say
`example` or `your-key`. Numbers of cards and bank accounts must pass their check.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jobs.logic.text.signs import AT, BETWEEN, DIGIT, VISIBLE, Block

SECRET = "secret"
PERSONAL = ("email", "iban", "card", "my-number", "ssn", "phone", "ip-address")
"""Kinds, in the order in which a number that may be several is told."""
MARKS = {kind: f"[{kind.upper()}]" for kind in (SECRET, *PERSONAL)}
"""What stands where something of the kind was taken out."""
Places = NDArray[np.int64]


class Span(NamedTuple):
    """A piece of a text that is of a kind."""

    start: int
    end: int
    kind: str


KEY = re.compile(
    r"(?<![A-Za-z0-9])(?:sk-[\w-]{20,}"  # OpenAI, Anthropic, OpenRouter
    r"|hf_[A-Za-z0-9]{30,}|gsk_[A-Za-z0-9]{40,}|r8_[A-Za-z0-9]{35,}|(?:xai|pplx)-[A-Za-z0-9]{40,}"
    r"|gh[opsur]_[A-Za-z0-9]{36,}|github_pat_\w{22,}|glpat-[\w-]{20,}"
    r"|(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA)[A-Z0-9]{16}(?![A-Za-z0-9])"  # AWS
    r"|AIza[\w-]{35}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}"  # Google
    r"|xox[abeoprs]-[A-Za-z0-9-]{16,}|xapp-[A-Za-z0-9-]{20,}|hooks\.slack\.com/services/T\w+/B\w+/\w{16,}"
    r"|[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9]{20,}"  # Stripe
    r"|SG\.[\w-]{16,}\.[\w-]{16,}|npm_[A-Za-z0-9]{36}|pypi-AgE[\w-]{50,}|dop_v1_[0-9a-f]{64}|dapi[0-9a-f]{32}"
    r"|shp(?:at|ca|pa|ss)_[0-9a-f]{32}|sq0[a-z]{3}-[\w-]{22,}|(?:dckr_pat|figd|sbp|lin_api|tvly|ntn)[_-][\w-]{20,}"
    r"|\d{8,10}:AA[\w-]{33}|[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,})",  # Telegram, Discord
    re.ASCII,
)
WEB_TOKEN_BEGINNING = "eyJ"
WEB_TOKEN = re.compile(
    r"(?<![\w-])(?>[\w-]*?(?<![A-Za-z0-9])(?P<key>eyJ)[\w-]{8,}+)\.eyJ[\w-]{8,}+\.[\w-]{10,}+", re.ASCII
)
"""JSON Web Token. What stands before it without a blank is a part of the match, so that a word is gone through once."""
KEY_BEGINNINGS = (
    *("sk-", "hf_", "ghp_", "gho_", "ghs_", "ghu_", "github_pat_", "glpat-", "AKIA", "ASIA", "AIza", "ya29.", "eyJ"),
    *("xoxb-", "xoxp-", "xoxa-", "sk_live_", "sk_test_", "rk_live_", "rk_test_", "PRIVATE KEY-----"),
)
CUT_KEY = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, KEY_BEGINNINGS))})\S{{4,}}")
"""A key that was cut short; only ever masked."""
PEM = "-----BEGIN"
PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?=[^-]{0,300}?[A-Za-z0-9+/]{24})"
    r"(?:(?!-----END)[\s\S]){0,20000}(?:-----END [A-Z ]{0,40}-----)?"
)
SHORTEST_SECRET, SHORTEST_KEY = 8, 16
"""Characters: of what is called a password, and of what is known for a key by its own form."""
LONG_WORD = re.compile(rf"[!-~]{{{SHORTEST_SECRET},}}")
LETTER, DIGIT_OR_CAPITAL = re.compile("[A-Za-z]"), re.compile("[0-9A-Z]")
ASSIGNS = re.compile("[:=：＝は]|is|earer", re.IGNORECASE)
"""Stands in front of every secret that is known by its name."""
_VALUE = r"(?P<value>[!#$%&*+./0-9:=?@A-Z\\^_a-z|~-]{8,200})"
ASSIGNED = re.compile(
    r"(?:(?<![a-z])(?:password|passwd|passphrase|pwd|secret|token|credential|(?:api|access|secret|private|auth|account)"
    r"[ _-]?key|bearer)|パスワード|パスフレーズ|暗証番号|シークレット|トークン|(?:API|アクセス|秘密)キー|秘密鍵)s?"
    r"[\"'`」』)）]{0,2}(?:\s{0,2}(?::=|=>|[:=：＝])\s{0,2}|\s?は、?\s?|\sis\s|(?<=bearer)\s)[\"'`「『]{0,2}" + _VALUE,
    re.IGNORECASE | re.ASCII,
)
IN_ADDRESS = re.compile(r"(?<=://)[^\s:/@]{1,64}:(?P<value>[!-.0-?A-~]{8,100})@(?=[\w.-])", re.ASCII)
PLACEHOLDER = re.compile(
    r"EXAMPLE|example|(?<![A-Za-z0-9])(?:your|my|sample|dummy|fake)(?![A-Za-z0-9])|placeholder|x{5}|X{5}|\*{3}|\.{3}"
    r"|redacted|change_?me|[Pp][a@]ss?w[o0]rd|\$\{|environ|getenv|://"
)
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
"""Of a name in a program: `settings.token2`, `Qwen2Tokenizer`."""
LONG_WORDS = 4
"""Letters, on the average; letters drawn by lot change between capitals and small ones sooner."""
LEAST_ENTROPY = 2.75
"""Bits a character; random letters and digits have 3 where they are 10 and more."""

EMAIL = re.compile(
    r"(?<![\w.%+-])[A-Za-z0-9][\w.%+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,6}[A-Za-z]{2,24}(?![\w@-])", re.ASCII
)
NOBODY = re.compile(
    r"[@.]example\.(?:com|org|net)$|@(?:domain|your-?(?:domain|company))\.\w+$"
    r"|\.(?:example|test|invalid|localhost|local|lan)$|\.(?:png|jpe?g|gif|svg|webp|py|js|css)$"
    r"|^(?:no-?reply|your[._-]?(?:name|e?mail)|user(?:name)?|name|you|foo|x{2,}|git)@",
    re.IGNORECASE,
)
_EDGE = r"(?<![\w.+/=-])"
PHONE = re.compile(
    rf"{_EDGE}(?:0[5789]0(?P<a>[- .]?)\d{{4}}(?P=a)\d{{4}}|010-\d{{4}}-\d{{4}}"  # mobiles of Japan and Korea
    r"|\(0\d{1,4}\)[- ]?\d{1,4}[- ]?\d{4}|0\d{1,4}(?:-\d{1,4}-|\(\d{1,4}\)| \d{1,4} )\d{4}"  # Japan, by area
    r"|(?:1[-. ])?(?:\([2-9]\d\d\)[- ]?|[2-9]\d\d[-.])[2-9]\d\d[-.]\d{4})(?![\w-])"  # North America
    r"|(?<![\w)\]=+])\+\d{1,3}(?:[- ]?\(?\d{1,5}\)?){2,5}(?!\d)",
    re.ASCII,
)
NOBODYS_NUMBER = re.compile(r"0120|0800|0570|0990|1?8(?:00|33|44|55|66|77|88)\d{7}$|1?[2-9]\d\d555\d{4}$")
"""Numbers of companies that are free to call, and those of films."""
CARD = re.compile(
    rf"{_EDGE}(?:\d{{14,16}}|\d{{19}}|\d{{4}}([ -])\d{{4}}\1\d{{4}}\1\d{{4}}|3\d{{3}}([ -])\d{{6}}\2\d{{4,5}})"
    r"(?![\w-])",
    re.ASCII,
)
ISSUER = re.compile(r"(?:4\d{15}(?:\d{3})?|(?:5[1-5]|2[2-7]|35|6[0245])\d{14}|3[47]\d{13}|3[0689]\d{12})$")
MY_NUMBER = re.compile(
    r"(?:マイナンバー|個人番号|my ?number)[^\d\n]{0,20}(?P<number>\d{4}([- ]?)\d{4}\2\d{4})(?!\d)",
    re.IGNORECASE | re.ASCII,
)
SSN = re.compile(
    r"(?:\bSSN\b|social security)[^\d\n]{0,30}"
    r"(?P<number>(?!000|666|9|123-45-6789)\d{3}-(?!00)\d\d-(?!0000)\d{4})(?!\d)",
    re.IGNORECASE | re.ASCII,
)
IBAN = re.compile(r"[A-Z]{2}(?<!\w[A-Z]{2})\d\d(?: ?[A-Z0-9]){11,30}", re.ASCII)
IBAN_LENGTHS = dict(
    re.findall(
        r"([A-Z]{2})(\d\d)",
        "AD24AE23AT20BE16BG22CH21CY28CZ24DE22DK18EE20ES24FI18FR27GB22GR27HR21HU28IE22IL23IS26IT27LI21LT20LU20LV21MC27"
        "NL18NO15PL28PT25RO24SA24SE24SI19SK24TR26",
    )
)
IPV4 = re.compile(
    r"(?<![\w.-])(?<!version )(?<!バージョン)(?:\d{1,3}\.){3}\d{1,3}(?!\.?[\w-])", re.IGNORECASE | re.ASCII
)
COLONS = re.compile(":[0-9A-Fa-f]{0,4}:")
IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]{9,39}(?![\w:.])", re.ASCII)
RESOLVERS = ("8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9")
ALSO_WIDE = ("email", "phone", "card", "my-number")
WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
WIDE_SIGN = re.compile("[０-９＠]")
DASH = re.compile(r"(?<=\d)[ー―−‐‑‒–—](?=\d)")


def found(text: str, kinds: Collection[str]) -> list[Span]:
    """What the text has of those kinds, in order, none over another."""
    is_wide = not text.isascii() and WIDE_SIGN.search(text) is not None
    plain = DASH.sub("-", text.translate(WIDE)) if is_wide else text
    spans: list[Span] = []
    taken = bytearray(len(text))
    for kind, search in SEARCHES.items():
        if kind in kinds and HINTS[kind].search(plain):
            for start, end in search(plain if kind in ALSO_WIDE else text):
                if taken.find(1, start, end) < 0:
                    taken[start:end] = b"\1" * (end - start)
                    spans.append(Span(start, end, kind))
    return sorted(spans)


def without(text: str, kinds: Collection[str]) -> tuple[str, Counter[str]]:
    """The text with a mark for everything of those kinds, and how often each was there."""
    spans = found(text, kinds)
    kept, place = [], 0
    for span in spans:
        kept += [text[place : span.start], MARKS[span.kind]]
        place = span.end
    return "".join([*kept, text[place:]]), Counter(span.kind for span in spans)


def masked(text: str) -> str:
    """The text as it may be shown to a person: no secrets, also none that were cut short, and no personal data."""
    text, _ = without(text, MARKS)
    return CUT_KEY.sub(MARKS[SECRET], text) if any(beginning in text for beginning in KEY_BEGINNINGS) else text


def suspects(texts: Block, kinds: Collection[str]) -> NDArray[np.bool_]:
    """[texts] Whether `found` may find one of the kinds; never misses what it finds.

    A secret is a long word, or a shorter one of letters and digits; personal data has an @, many digits close to each
    other, or the beginning of a number or an address.
    """
    digits = texts.places(DIGIT)
    suspected = np.zeros(len(texts.starts), np.bool_)
    if SECRET in kinds:
        suspected |= texts.marked(_secret_words(texts, digits))
    if any(kind in kinds for kind in PERSONAL):
        suspected |= texts.marked(_personal_signs(texts, digits))
    return suspected


def _secret_words(texts: Block, digits: Places) -> Places:
    """Where words of ASCII begin that are long enough for a secret, and have digits and letters or are very long."""
    visible = texts.signs & VISIBLE
    for shift in (1, 2, 4):
        visible = visible[:-shift] & visible[shift:]
    edges = np.flatnonzero(visible[1:] != visible[:-1]) + 1  # visible here and in the seven places behind
    if visible[:1].any():
        edges = np.concatenate((np.zeros(1, np.int64), edges))
    begins, ends = edges[0::2], edges[1::2] + SHORTEST_SECRET - 1
    mixed = (np.searchsorted(digits, ends) > np.searchsorted(digits, begins)) | (ends - begins >= SHORTEST_KEY)
    words = zip(begins[mixed].tolist(), ends[mixed].tolist(), strict=True)
    found = [begin for begin, end in words if _may_be_secret(texts.joined, begin, end)]
    if PEM in texts.joined:
        found += [key.start() for key in re.finditer(PEM, texts.joined)]
    return np.array(found, np.int64)


def _may_be_secret(text: str, begin: int, end: int) -> bool:
    """Whether it is an address with a password, or has letters and digits and is a key by its form or by what is said
    in front of it.
    """
    if text.find("://", begin, end) >= 0 and IN_ADDRESS.search(text, begin, end):
        return True
    if not (LETTER.search(text, begin, end) and DIGIT_OR_CAPITAL.search(text, begin + 1, end)):
        return False
    if end - begin >= SHORTEST_KEY and next(_keys(text, begin, end), None) is not None:
        return True
    if not ASSIGNS.search(text, max(0, begin - 6), end):
        return False
    return ASSIGNED.search(text, max(0, begin - 40), end) is not None


def _personal_signs(texts: Block, digits: Places) -> Places:
    """Where there is an @, nine digits with little but separators between them, or the beginning of an address."""
    apart = np.diff(digits)
    close = apart <= 4
    for away in (1, 2, 3):
        wider = np.flatnonzero(close & (apart > away))
        close[wider[(texts.signs[digits[wider] + away] & BETWEEN) == 0]] = False
    dots = digits[:-1][close & (apart == 2)]
    for shift in (1, 2, 4):
        close = close[:-shift] & close[shift:]
    pairs = digits[:-1][apart == 1]
    pairs = pairs[pairs > 1]
    pairs = pairs[(texts.signs[pairs - 1] & texts.signs[pairs - 2] & VISIBLE) != 0]
    capitals = [place for place in pairs.tolist() if texts.joined[place - 2 : place].isupper()]
    colons = [found.start() for found in COLONS.finditer(texts.joined)]
    return np.concatenate(
        (
            texts.places(AT),
            digits[: len(close)][close],
            dots[:-1][np.diff(dots) <= 4],
            np.array([*capitals, *colons], np.int64),
        )
    )


def _secrets(text: str) -> Iterator[tuple[int, int]]:
    if PEM in text:
        yield from (key.span() for key in PRIVATE_KEY.finditer(text))
    for word in LONG_WORD.finditer(text):
        start, end = word.span()
        if not _may_be_secret(text, start, end):
            continue
        if end - start >= SHORTEST_KEY:
            for first, beyond in _keys(text, start, end):
                key = text[first:beyond]
                if not PLACEHOLDER.search(key) and len(set(key)) > 7:
                    yield first, beyond
        for value in ASSIGNED.finditer(text, max(0, start - 40), end):
            if _is_random(value["value"]):
                yield value.span("value")
        for value in IN_ADDRESS.finditer(text, start, end):  # what stands there is a password, whatever it looks like
            if not PLACEHOLDER.search(value["value"]) and value["value"] != MARKS[SECRET]:
                yield value.span("value")


def _keys(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """What is a key by its own form, from left to right, none over another."""
    spans = [key.span() for key in KEY.finditer(text, start, end)]
    if text.find(WEB_TOKEN_BEGINNING, start, end) >= 0:
        spans += [(token.start("key"), token.end()) for token in WEB_TOKEN.finditer(text, start, end)]
    taken = start
    for first, beyond in sorted(spans):
        if first >= taken:
            yield first, beyond
            taken = beyond


def _is_random(value: str) -> bool:
    """Whether it looks drawn by lot: many different letters and digits, and both cases or signs if it is short."""
    words = WORD.findall(value)
    if PLACEHOLDER.search(value) or sum(map(len, words)) >= LONG_WORDS * max(len(words), 1):
        return False
    classes = [r"[a-z]", r"[A-Z]", r"\d", r"[!#$%&*+=?@^~]"]
    num_classes = sum(bool(re.search(one, value, re.ASCII)) for one in classes)
    has_both = re.search(r"[A-Za-z]", value) is not None and re.search(r"\d", value, re.ASCII) is not None
    shares = [number / len(value) for number in Counter(value).values()]
    entropy = -sum(share * math.log2(share) for share in shares)
    return has_both and entropy >= LEAST_ENTROPY and num_classes >= (2 if len(value) >= SHORTEST_KEY else 3)


def _emails(text: str) -> Iterator[tuple[int, int]]:
    return (address.span() for address in EMAIL.finditer(text) if not NOBODY.search(address[0]))


def _phones(text: str) -> Iterator[tuple[int, int]]:
    for number in PHONE.finditer(text):
        digits = re.sub(r"\D", "", number[0])
        if number[0].startswith("+"):
            right = 10 <= len(digits) <= 15
        elif digits.startswith("0"):
            right = len(digits) == (11 if re.match("0[15789]0", digits) else 10)
        else:
            right = True
        if right and len(set(digits[-8:])) > 1 and not NOBODYS_NUMBER.match(digits):
            yield number.span()


def _cards(text: str) -> Iterator[tuple[int, int]]:
    for number in CARD.finditer(text):
        digits = re.sub(r"\D", "", number[0])
        doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
        if ISSUER.match(digits) and sum(value // 10 + value % 10 for value in doubled) % 10 == 0:
            yield number.span()


def _accounts(text: str) -> Iterator[tuple[int, int]]:
    for number in IBAN.finditer(text):
        length = int(IBAN_LENGTHS.get(number[0][:2], 0))
        own = re.match(rf"(?: ?[A-Z0-9]){{{length}}}(?![A-Z0-9])", number[0]) if length else None
        if own is not None:
            compact = own[0].replace(" ", "")
            if (
                sum(sign.isdigit() for sign in compact) > 7
                and int("".join(str(int(sign, 36)) for sign in compact[4:] + compact[:4])) % 97 == 1
            ):
                yield number.start(), number.start() + own.end()


def _numbers(pattern: re.Pattern[str]) -> Callable[[str], Iterator[tuple[int, int]]]:
    def search(text: str) -> Iterator[tuple[int, int]]:
        return (one.span("number") for one in pattern.finditer(text) if len(set(one["number"])) > 2)

    return search


def _addresses(text: str) -> Iterator[tuple[int, int]]:
    for address in (*IPV4.finditer(text), *(one for one in IPV6.finditer(text) if one[0].count(":") > 2)):
        try:
            is_global = ipaddress.ip_address(address[0]).is_global
        except ValueError:
            continue
        is_section = ":" not in address[0] and max(int(part) for part in address[0].split(".")) < 32
        if is_global and not is_section and address[0] not in RESOLVERS:
            yield address.span()


SEARCHES: dict[str, Callable[[str], Iterator[tuple[int, int]]]] = {
    SECRET: _secrets,
    "email": _emails,
    "iban": _accounts,
    "card": _cards,
    "my-number": _numbers(MY_NUMBER),
    "ssn": _numbers(SSN),
    "phone": _phones,
    "ip-address": _addresses,
}
_NINE_DIGITS = re.compile(r"(?:[0-9][ .()-]{0,3}){8}[0-9]")
HINTS: dict[str, re.Pattern[str]] = {
    SECRET: LONG_WORD,
    "email": re.compile("@"),
    "iban": re.compile("[A-Z]{2}[0-9]{2}"),
    "ip-address": re.compile(rf"[0-9]\.[0-9]{{1,3}}\.[0-9]|{COLONS.pattern}"),
    **dict.fromkeys(("card", "my-number", "ssn", "phone"), _NINE_DIGITS),
}
"""What is found at once, and is in every text that has the kind."""
