"""Files of other formats are told by their first bytes, wrong encodings by the byte."""

import gzip

import pytest

from jobs.logic.raw_bytes import encoding_problem, foreign_format

START = len('{"content": "')
ROW = '{"messages": [{"role": "user", "content": "題"}]}\n'


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (gzip.compress(b"{}"), "gzip"),
        (b"PAR1\x15\x04", "Parquet"),
        (b"PK\x03\x04", "zip"),
        (b"\x28\xb5\x2f\xfd\x00", "zstandard"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a git-LFS pointer"),
        (b"<!DOCTYPE html>\n<html>", "an HTML page"),
        (ROW.encode("utf-16"), "UTF-16LE text"),
        (ROW.encode("utf-16-be"), "UTF-16BE text"),
        (b"[\n {}\n]", "a JSON array"),
        (b'[{"messages": []}]', "a JSON array"),
        (b'{\n "messages": []\n}', "indented JSON"),
        (b"instruction,output\nq,a\n", "CSV"),
        (b"instruction\toutput\nq\ta\n", "TSV"),
        (b"", None),
        (ROW.encode(), None),
        (b"\xef\xbb\xbf" + ROW.encode(), None),
        (b"[1, 2, 3]\n", None),
        (b"broken, row\n" + ROW.encode(), None),
        (ROW.encode("cp932"), None),
    ],
)
def test_foreign_format(head: bytes, name: str | None) -> None:
    assert foreign_format(head) == name


@pytest.mark.parametrize(("codec", "name"), [("cp932", "Shift_JIS"), ("euc_jp", "EUC-JP")])
def test_encoding_problem(codec: str, name: str) -> None:
    data = '{"content": "題名の付け方"}'.encode(codec)
    found = encoding_problem(data, 100)
    assert f"at offset {100 + START} is not UTF-8" in found
    assert name in found


def test_latin_1() -> None:
    assert "byte 0xe9 at offset 7 is not UTF-8; it looks like Latin-1" in encoding_problem(b'{"a":"caf\xe9"}', -2)
