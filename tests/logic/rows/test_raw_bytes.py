"""Files of other formats are told by their first bytes, wrong encodings by the byte."""

import gzip

import pytest

from jobs.logic.rows.raw_bytes import (
    encoding_problem,
    foreign,
    is_surely_utf8,
    line_end,
    packing,
    text_format,
    wide_encoding,
)

START = len('{"content": "')
ROW = '{"messages": [{"role": "user", "content": "題"}]}\n'


@pytest.mark.parametrize(("codec", "name"), [("cp932", "Shift_JIS"), ("euc_jp", "EUC-JP")])
def test_encoding_problem(codec: str, name: str) -> None:
    data = '{"content": "題名の付け方"}'.encode(codec)
    found = encoding_problem(data, 100)
    assert f"at offset {100 + START} is not UTF-8" in found
    assert name in found


def test_latin_1() -> None:
    assert "byte 0xe9 at offset 7 is not UTF-8; it looks like Latin-1" in encoding_problem(b'{"a":"caf\xe9"}', -2)


def test_a_row_of_csv_is_guessed_as_well() -> None:
    found = encoding_problem("題名,付け方,".encode("cp932"), 7)
    assert found.startswith("byte 0x91 at offset 7 is not UTF-8; it looks like Shift_JIS: ")
    assert found.endswith("set prepare.encoding=cp932")


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (gzip.compress(b"{}", mtime=0), "gzip"),
        (b"\x28\xb5\x2f\xfd\x00", "zstd"),
        (b"\x50\x2a\x4d\x18\x04\x00\x00\x00", "zstd"),
        (b"PK\x03\x04", None),
        (ROW.encode(), None),
        (b"", None),
    ],
)
def test_packing(head: bytes, name: str | None) -> None:
    assert packing(head) == name


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"PK\x03\x04" + bytes(22) + b"rows.jsonl", "zip"),
        (b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "an OpenDocument file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(20), "an old or a protected Office file"),
        (b"7z\xbc\xaf\x27\x1c\x00", "7z"),
        (b"\xff\xff\xff\xff\x10\x00", "Arrow"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a git-LFS pointer"),
        (b"\n<html>", "an HTML page"),
        (bytes(100), "binary data"),
        (bytes(range(256)), "binary data"),
        (ROW.encode("utf-16"), None),
        (ROW.encode(), None),
        (b'{"a": "\x00"}\n' * 20, None),
        (b"PK,BZh,%PDF\n", None),
        (b"", None),
    ],
)
def test_foreign(head: bytes, name: str | None) -> None:
    found = foreign(head)
    assert (found[0] if found else None) == name


@pytest.mark.parametrize("text", [ROW, "prompt,completion\nq,a\n", "題名,答え\n" * 20])
@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_encoding(text: str, codec: str) -> None:
    if text.isascii() or text is ROW or codec.startswith("utf-32"):
        assert wide_encoding(text.encode(codec)) == codec
    assert wide_encoding(("\ufeff" + text).encode(codec)) == codec[:6]


@pytest.mark.parametrize(
    "head", [b"", ROW.encode(), b'{"a": "\x00\x00\x00\x00"}\n' * 9, bytes(1000), ROW.encode("cp932")]
)
def test_text_of_one_byte_a_sign_is_not_wide(head: bytes) -> None:
    assert wide_encoding(head) is None


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"[\n {}\n]", "json"),
        (b"[]", "json"),
        (b' [ {"messages": []}]', "json"),
        (b'{\n "messages": []\n}', "json"),
        (b'{"messages": [\n  {"role": "user"}\n]}', "json"),
        (b'{"a": 1,\n"b": 2}', "json"),
        (b"{", "jsonl"),
        (b"[1, 2, 3]\n", "jsonl"),
        (b'[{"role": "user"}]\n[{"role": "user"}]\n', "jsonl"),
        (b'{"a": 1}\n{"a": 2}\n', "jsonl"),
        (b'{"damaged": [\n' + ROW.encode(), "jsonl"),
        (b'{"a": 1}\r{"a": 2}\r', "jsonl"),
        (b'"a,b\n' + ROW.encode(), None),
        (b"broken, row\n" + ROW.encode(), None),
        (b'prompt,completion\n"{""a"": 1}",b\n', "csv"),
        (b'"prompt","completion"\r\n', "csv"),
        (b"prompt,completion\rq,a\r", "csv"),
        (b"prompt\tcompletion\nq,\ta\n", "tsv"),
        (b"prompt\nq\n", None),
        (b"", None),
    ],
)
def test_text_format(head: bytes, name: str | None) -> None:
    assert text_format(head) == name


@pytest.mark.parametrize(
    ("head", "in_quotes", "end"),
    [
        (b"{}\n{}\n", False, b"\n"),
        (b"{}\r\n{}\r\n", False, b"\n"),
        (b"{}\r{}\r", False, b"\r"),
        (b"{}\r{}\n", False, b"\n"),
        (b"{}", False, b"\n"),
        (b'a,b\r"1\n2",3\r', True, b"\r"),
        (b'a,b\n"1\r2",3\n', True, b"\n"),
        (b'a,b\r\n"1\r2",3\r\n', True, b"\n"),
    ],
)
def test_line_end(head: bytes, in_quotes: bool, end: bytes) -> None:
    assert line_end(head, in_quotes) == end


@pytest.mark.parametrize(
    ("head", "is_utf8"),
    [
        ("題名の付け方を書く".encode(), True),
        ("題名の付け方を書く".encode()[:-1], True),
        ("題名の付け方を書く".encode("cp932"), False),
        ("題名の付け方を書く".encode("euc_jp"), False),
        (b"caf\xe9 " * 20, False),
        (b"plain", False),
        ("é".encode(), False),
    ],
)
def test_is_surely_utf8(head: bytes, is_utf8: bool) -> None:
    assert is_surely_utf8(head) == is_utf8
