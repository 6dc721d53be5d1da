"""A row is one JSON object that every parser reads alike, or there is a word for why not."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from jobs.logic.rows.reasons import BAD_REASONS
from jobs.logic.rows.strict_json import MAX_DEPTH, BadRow, Number, decoded, parse_line, proven, quoted_id, record

ROW = '{"id": "r1", "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}'


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"messages": [}', "bad-json"),
        (b'{"id": "r1",}', "bad-json"),
        (b'{"id": "r1"} {}', "bad-json"),
        (b"{'id': 'r1'}", "bad-json"),
        (b'{"id": 01}', "bad-json"),
        (b'{"messages": [{"role": "us', "bad-json"),
        (b'\xef\xbb\xbf{"id": "r1"}', "bad-json"),
        (b'{"id": "\xe9"}', "encoding"),
        (b'{"id": "\xed\xa0\x80"}', "encoding"),
        (b'{"id": "a\x07"}', "control-character"),
        (b'{"id": "a\tb"}', "control-character"),
        (b'{"id": 1}\x00', "control-character"),
        (b'{"messages": 1, "messages": 2}', "duplicate-key"),
        (b'{"messages" : "\\"x\\": 1", "messages": 2}', "duplicate-key"),
        (b'{"a": {"b": [{"c": 1, "c": 1}]}}', "duplicate-key"),
        (b'{"score": NaN}', "not-a-number"),
        (b'{"score": -Infinity}', "not-a-number"),
        (b'{"score": 1e400}', "not-a-number"),
        (b'{"id": "\\ud800"}', "lone-surrogate"),
        (b'{"\\udc00\\ud800": 1}', "lone-surrogate"),
        (b'{"x": ' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}", "too-deep"),
        (b'{"x": ' + b'{"x": ' * 2000 + b"1" + b"}" * 2001, "too-deep"),
        (b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too-deep"),
        (b"[1, 2, 3]", "not-an-object"),
        (b'"text"', "not-an-object"),
        (b"null", "not-an-object"),
    ],
)
def test_bad_rows(data: bytes, reason: str) -> None:
    assert proven(data) is None
    with pytest.raises(BadRow) as caught:
        record(data, 0, False)
    assert caught.value.reason == reason
    assert reason in BAD_REASONS
    assert caught.value.evidence


def test_a_fault_is_placed() -> None:
    with pytest.raises(BadRow, match="byte 0xe9 at offset 109 is not UTF-8"):
        record(b'{"id": "r\xe9"}', 100, False)
    with pytest.raises(BadRow, match="bad-json: column 13: "):
        record(b'{"id": "r1",}', 100, False)


def test_a_cut_last_row_is_told_from_a_typo() -> None:
    with pytest.raises(BadRow, match=r"truncated-json.*column 83: an unfinished download\?"):
        record(ROW[:-9].encode(), 0, True)
    with pytest.raises(BadRow, match="bad-json"):
        record(ROW[:-9].encode(), 0, False)


@pytest.mark.parametrize(
    "number",
    ["0", "-0", "5", "-5", "1.50", "0.1", "1e30", "1E5", "18446744073709551615", "18446744073709551616", "9" * 400],
)
@pytest.mark.parametrize("template", ['{"id": %s}', '{"a": [1, {"id": %s}]}', '{"text": "-0", "a": [[%s]]}'])
def test_numbers_keep_their_text(number: str, template: str) -> None:
    text = template % number
    found = record(text.encode(), 0, False)
    assert typed(found) == typed(parse_line(text, False))
    assert f"number {number}" in str(typed(found))


@pytest.mark.parametrize(
    "data",
    [
        ROW,
        '{"id" :1, "a":"「」を\\u304b\\n\\"b\\"", "c" : [true, null, {}]}',
        '{"a": "he said \\"x\\" : y"}',
        '{"a": "\\ud83d\\ude00", "b": "\\u0000\\u001f\x7f"}',
        '{"x": ' + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1) + "}",
        '{"x": [' + ",".join(["{}"] * 100) + "]}",
    ],
)
def test_odd_but_sound_rows(data: str) -> None:
    assert typed(record(data.encode(), 0, False)) == typed(parse_line(data, False))


def test_what_is_proven_is_what_the_strict_parser_gives() -> None:
    random, num_sound, num_proven = Random(3407), 0, 0
    for data in [*mutated(random, 6000), *written(random, 6000)]:
        try:
            strict = parse_line(decoded(data, 0), False)
        except BadRow:
            assert proven(data) is None, data
            continue
        fast = proven(data)
        assert fast is None or typed(fast) == typed(strict), data
        num_sound += 1
        num_proven += fast is not None
    assert num_sound > 2000
    assert num_proven > num_sound / 3


@pytest.mark.parametrize(("text", "found"), [('{"id": "r1", "mess', "r1"), ('{"id":12,', "12"), ("{", None)])
def test_quoted_id(text: str, found: str | None) -> None:
    assert quoted_id(text) == found
    assert quoted_id(text.replace("id", "the.key"), "the.key") == found


def typed(value: Any) -> Any:
    """A parsed value whose numbers differ from texts of the same signs."""
    if isinstance(value, dict):
        return {key: typed(child) for key, child in value.items()}
    if isinstance(value, list):
        return [typed(child) for child in value]
    return f"number {value}" if isinstance(value, Number) else value if value is None else (type(value), value)


SOUND = [
    ROW.encode(),
    '{"id": 17, "source": "京都", "messages": [{"role": "user", "content": "題は\\n「茶碗」\\u3002"}]}'.encode(),
    b'{"a": {"b": [1, -0, 2.50, true, null]}, "c" : "he said \\"d\\": no", "e": ""}',
]
PIECES = [
    *(b'"', b"\\", b":", b",", b"{", b"}", b"[", b"]", b" ", b"\t", b"\n", b"\r", b"\x00", b"\x07", b"\x7f", b"\x0c"),
    *(b'"id": ', b'"id" :', b'"a":1,', b'\\"a\\":', b'\\"', b"\\n", b"\\u0000", b"\\ud800", b"\\ude00", b"\\u0022"),
    *(b"0", b"-0", b"-", b"1.5", b"1e400", b"1e30", b"9" * 30, b"NaN", b"Infinity", b"true", b"null", b"[[", b"]]"),
    *(b"\xe9", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xe2\x80\xa8", b"\xc2\x85", b"\xf0\x9f\x98\x80", b"/*", b"//"),
]


def mutated(random: Random, num: int) -> Iterator[bytes]:
    """Sound rows with one to three places spoiled."""
    for _ in range(num):
        data = random.choice(SOUND)
        for _ in range(random.randint(1, 3)):
            start = random.randrange(len(data) + 1)
            end = start + random.choice((0, 0, 1, 1, 2, 9))
            data = data[:start] + random.choice((b"", data[start:end] * 2, *PIECES)) + data[end:]
        yield data


def written(random: Random, num: int) -> Iterator[bytes]:
    """Objects that are mostly JSON, with equal keys, quotes in texts, odd numbers, and spaces where they may be."""
    for _ in range(num):
        yield thing(random, 0).encode()


def thing(random: Random, level: int) -> str:
    def space() -> str:
        return random.choice(("", "", "", " ", "\t", "\r\n "))

    def text() -> str:
        return '"' + random.choice(("a", "b", "c", "d", 'a\\":', "\\u0022 :", "\\\\", "題", "", "\\u0061")) + '"'

    kind = "object" if level == 0 else random.choice(("text", "text", "number", "word", "object", "list"))
    if kind == "object" and level < 4:
        names = random.sample(["a", "b", "c", "d", 'a\\":', "\\u0061"], random.randint(0, 4))
        names += [random.choice("abcd")] if random.random() < 0.05 else []
        inner = [f'{space()}"{name}"{space()}:{space()}{thing(random, level + 1)}{space()}' for name in names]
        return "{" + ",".join(inner) + "}"
    if kind == "list" and level < 4:
        return "[" + ",".join(space() + thing(random, level + 1) for _ in range(random.randint(0, 3))) + "]"
    if kind == "number":
        return random.choice(("0", "1", "-0", "-12", "0.5", "1.50", "1e5", "1e999", "9" * 20, "01", "123456789"))
    return random.choice(("true", "false", "null", "nul")) if kind == "word" else text()
