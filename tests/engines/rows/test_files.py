"""Files become raw rows in order, each as it stands in the file, wherever a block happens to end."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from jobs.core.errors import Refusal
from jobs.engines.rows import files as row_files, sources, streams
from jobs.engines.rows.files import Line
from jobs.engines.rows.sources import Source

ROOT = Path(__file__).resolve().parents[3]
MOST_ROW, MOST_FILE = 300, 1_000_000
ROWS = [
    {"id": "1", "prompt": 'say "so",\nand [again]', "completion": "はい、\tどうぞ"},
    {"id": "2", "prompt": "", "completion": "\\ {'}"},
    {"id": "3", "prompt": "題" * 40, "completion": "b" * 50},
    {"id": "4", "prompt": "last", "completion": "1"},
]
CONTENT = b'\xef\xbb\xbf{"a": 1}\n\n  \n{"b": "longer than allowed"}\n{"c": 3}\n\n{"d": 4}'


def source(path: Path, encoding: str = "utf-8") -> Source:
    return sources.sources([str(path)], "prepare.files", encoding).files[0]


def lines(path: Path, encoding: str = "utf-8", most: int = MOST_ROW) -> list[Line]:
    return list(_lines(path, encoding, most))


def _lines(path: Path, encoding: str, most: int) -> Iterator[Line]:
    before = 0
    for block in row_files.blocks(source(path, encoding), most, MOST_FILE, encoding):
        assert before <= block.num_read <= path.stat().st_size
        before = block.num_read
        yield from row_files.split_block(pickle.loads(pickle.dumps(block)))


def as_csv(delimiter: str) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, ["id", "prompt", "completion"], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(ROWS)
    return text.getvalue().encode()


def as_parquet() -> bytes:
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), sink, row_group_size=2)
    return sink.getvalue()


def as_lines(end: str) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + end for row in ROWS).encode()


CONTENTS = {
    "lines": as_lines("\n"),
    "crlf": as_lines("\r\n"),
    "cr": as_lines("\r"),
    "mark": b"\xef\xbb\xbf" + as_lines("\n"),
    "blank": b"\n \n" + as_lines("\n\n"),
    "unended": as_lines("\n")[:-1],
    "array": json.dumps(ROWS, ensure_ascii=False).encode(),
    "indented-array": b"\xef\xbb\xbf \n" + json.dumps(ROWS, ensure_ascii=False, indent=2).encode() + b"\n\n",
    "indented": "\n".join(json.dumps(row, ensure_ascii=False, indent="\t") for row in ROWS).encode(),
    "csv": as_csv(","),
    "csv-mark": b"\xef\xbb\xbf\n" + as_csv(","),
    "csv-unended": as_csv(",")[:-2],
    "csv-cr": as_csv(",").replace(b"\r\n", b"\r"),
    "tsv": as_csv("\t"),
    "parquet": as_parquet(),
}


@pytest.mark.parametrize("chunk", [7, 64, 1 << 20])
@pytest.mark.parametrize(
    ("name", "packing"),
    [(name, packing) for name in CONTENTS for packing in (None, "gzip", "zstd") if not packing or name != "parquet"],
)
def test_every_format_gives_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, packing: str | None, chunk: int
) -> None:
    path, content = tmp_path / "rows.jsonl", CONTENTS[name]
    path.write_bytes(pyarrow.compress(content, packing, asbytes=True) if packing else content)
    monkeypatch.setattr(streams, "CHUNK", chunk)
    found = lines(path)
    assert [json.loads(line.data) for line in found] == ROWS
    assert all(line.fault is None for line in found)
    assert [line.ended for line in found[:-1]] == [True] * 3
    if name not in ("parquet", "csv-cr", "cr"):
        plain = content.replace(b"\r\n", b"\n")
        assert [line.number for line in found] == [
            plain.count(b"\n", 0, len(content[: line.offset].replace(b"\r\n", b"\n"))) + 1 for line in found
        ]
    if "csv" not in name and name not in ("parquet", "tsv"):
        assert [content[line.offset :][: line.num_bytes] for line in found] == [line.data for line in found]


@pytest.mark.parametrize("chunk", [7, 20, 64, 1 << 20])
@pytest.mark.parametrize(
    ("content", "places"),
    [
        ('[{"a": 1}, {"a": 2},{"a": 3}]', ["1", "1.2", "1.3"]),
        ('[\n{"a": 1}, {"a": 2},\n{"a": 3}\n , {"a": 4}, {"a": 5}]\n', ["2", "2.2", "3", "4", "4.2"]),
        ('{\n"a": 1} {"a": 2}\n{"a": 3}{"a":\n4} {"a": 5}', ["1", "2", "3", "3.2", "4"]),
        ('[{"a": 1}, {"b": "longer than allowed"}, {"a": 3}]', ["1", "1.2", "1.3"]),
    ],
)
def test_rows_of_one_line_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, places: list[str], chunk: int
) -> None:
    path = tmp_path / "rows.json"
    path.write_text(content)
    monkeypatch.setattr(streams, "CHUNK", chunk)
    assert [line.place for line in lines(path, most=12)] == places


@pytest.mark.parametrize("chunk", range(3, 60, 3))
@pytest.mark.parametrize("separator", [b"\n", b"\r\n", b"\r"])
def test_chunks_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int, separator: bytes) -> None:
    path, content = tmp_path / "a.jsonl", CONTENT.replace(b"\n", separator)
    path.write_bytes(content)
    monkeypatch.setattr(streams, "CHUNK", chunk)
    found = lines(path, most=12)
    assert [line.data.strip() for line in found] == [b'{"a": 1}', b"", b'{"c": 3}', b'{"d": 4}']
    assert [line.fault and line.fault.reason for line in found] == [None, "too-large", None, None]
    assert [line.number for line in found] == [1, 4, 5, 7]
    assert [line.ended for line in found] == [True, True, True, False]
    for line in found:
        assert content[line.offset : line.offset + line.num_bytes].startswith(line.data)


@pytest.mark.parametrize(
    ("encoding", "separator"),
    [("utf-16", "\n"), ("utf-16-le", "\r\n"), ("utf-32", "\n"), ("cp932", "\r"), ("euc_jp", "\n")],
)
@pytest.mark.parametrize("chunk", [5, 1000])
def test_other_encodings_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, separator: str, chunk: int
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(gzip.compress(as_lines(separator).decode().encode(encoding)))
    monkeypatch.setattr(streams, "CHUNK", chunk)
    assert [json.loads(line.data) for line in lines(path, encoding)] == ROWS


def test_a_byte_that_is_not_of_the_encoding_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "CHUNK", 7)
    (tmp_path / "a.jsonl").write_bytes('{"a": "題"}\n{"b": "'.encode("cp932") + b'\x81"}\n')
    with pytest.raises(Refusal, match=r"^a.jsonl: byte 0x81 at offset 19, line 2, is not cp932; set prepare.encoding"):
        lines(tmp_path / "a.jsonl", "cp932")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b'[{"a": 1},, {"a": 2},]', [b'{"a": 1}', "bad-json", b'{"a": 2}', "bad-json"]),
        (b'[\n1, "a,b", {"c": "]"}, [2, 3]\n]', [b"1", b'"a,b"', b'{"c": "]"}', b"[2, 3]"]),
        (b'{\n "a": 1\n},\n{"b": 2}\n', [b'{\n "a": 1\n}', b',\n{"b": 2}']),
        (b"a,b\n1\n1,2,3\n\n1,2\n", ["bad-csv", "bad-csv", b'{"a":"1","b":"2"}']),
        (b'a,b\n"1" ,2\n"1""",2\n', ["bad-csv", b'{"a":"1\\"","b":"2"}']),
        (b"a,b\n\xe9,2\n1,2\n", ["encoding", b'{"a":"1","b":"2"}']),
        (
            b"a,b\n" + b"1" * 400 + b',2\n"1' + b"\n" * 400 + b'",2\n1,2',
            ["too-large", "too-large", b'{"a":"1","b":"2"}'],
        ),
        (b",a\n0,x\n", [b'{"":"0","a":"x"}']),
        (b'a,b\n5" disk,"x"\n', [b'{"a":"5\\" disk","b":"x"}']),
        (b"a,b\nNaN,null\n01,1e400\n", [b'{"a":"NaN","b":"null"}', b'{"a":"01","b":"1e400"}']),
    ],
)
@pytest.mark.parametrize("chunk", [1, 1000])
def test_a_row_that_does_not_fit_is_one_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, found: list[bytes | str], chunk: int
) -> None:
    (tmp_path / "a").write_bytes(content)
    monkeypatch.setattr(streams, "CHUNK", max(chunk, 3))
    assert [line.fault.reason if line.fault else line.data for line in lines(tmp_path / "a")] == found


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b" \n\n\t\n", "has only blank lines; fetch or make it again"),
        (b"\xef\xbb\xbf\n", "has only blank lines"),
        (b"[\n]\n", "has an empty array or only blank lines"),
        (b"a,b\n", "has a header and no rows"),
        (b"a,b\r\n\r\n", "has a header and no rows"),
        (b"a,b,a\n1,2,3\n", "line 1: the header names the column 'a' twice; give each column a name of its own"),
        (b'\na,"b" x\n1,2\n', "line 2: the header cannot be read: the quotes do not fit: .*; mend the first line"),
        (b"\xe9,b\n1,2\n", "line 1: the header cannot be read: byte 0xe9 at offset 0 is not UTF-8"),
        (b'a,b\n1,2\n"3,4\n5,6\n', "line 3, byte 8: the row that begins here has a quote that is never closed; mend"),
        (b'[{"a": 1},\n {"a": 2', "line 2, byte 12: the row that begins here is never closed: an unfinished"),
        (b'[{"a": 1}]\n{"a": 2}\n', "line 2, byte 11: there is text after the end of the array; mend it there"),
        (b'{\n"a": 1}\n}\n', "line 3, byte 10: `}` closes nothing"),
        (b'a,"' + b"x\n" * 400 + b'"\n1,2\n', "its header has 80[0-9] bytes; close the quotes or raise"),
        (b"{}\n" * 400_000, "has more than 1,000,000 bytes; where that is right, raise prepare.max_file_bytes"),
        (gzip.compress(b"{}\n" * 400_000), "unpacks to more than 1,000,000 bytes; .* raise prepare.max_file_bytes"),
        (gzip.compress(b"{}\n" * 99_000)[:-20], "ends inside its gzip stream, at byte [0-9,]+: an unfinished download"),
        (gzip.compress(b"{}\n" * 99_000) + b"more", "is damaged: its gzip stream cannot be unpacked near byte"),
    ],
)  # fmt: skip
def test_a_file_without_rows_that_can_be_told_apart_is_refused(tmp_path: Path, content: bytes, text: str) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(Refusal, match=f"^a: {text}"):
        lines(tmp_path / "a")


@pytest.mark.parametrize(
    ("content", "kind", "found"),
    [
        (b"prompt;answer\na;b\n", "CSV (semicolons)", [{"prompt": "a", "answer": "b"}]),
        (b"prompt;answer\na, x;b, y\nc, x;d, y\n", "CSV (semicolons)", [{"prompt": "a, x", "answer": "b, y"}] * 2),
        (b"prompt\tanswer\na, x\tb\nc, x\td\n", "TSV", [{"prompt": "a, x", "answer": "b"}] * 2),
        (b'prompt,answer\n"a;x",b;y\nc;x,d;y\n', "CSV", [{"prompt": "a;x", "answer": "b;y"}] * 2),
        (b"prompt,answer,,\na,b,,\n,,,\nc,d,,\n,,,\n", "CSV", [{"prompt": "a", "answer": "b"}] * 2),
        (b"prompt,,answer\na,,b\n , ,\t\nc,,d\n", "CSV", [{"prompt": "a", "answer": "b"}] * 2),
        (b"prompt,answer\na,b,,\nc,d,,\n", "CSV", [{"prompt": "a", "answer": "b"}] * 2),
        (b"prompt,answer,,\na,b\nc,d,\n", "CSV", [{"prompt": "a", "answer": "b"}] * 2),
        (b"text\na;b\nc;d\n", "CSV", [{"text": "a;b"}, {"text": "c;d"}]),
    ],
)  # fmt: skip
def test_tables_as_spreadsheets_write_them(
    tmp_path: Path, content: bytes, kind: str, found: list[dict[str, str]]
) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    assert source(tmp_path / "a.csv").kind == kind
    texts = [json.loads(line.data) for line in lines(tmp_path / "a.csv")]
    assert [row.keys() for row in texts] == [row.keys() for row in found]
    assert texts[0] == found[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"prompt,answer,\na,b,c\n", "field 3 holds 'c', and its column has no name"),
        (b"prompt,answer\na,b,c\n", "3 fields, the header has 2"),
        (b"prompt,answer,\na\n", "1 fields, the header has 3"),
    ],
)
def test_a_field_without_a_name_is_not_thrown_away(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    (line,) = lines(tmp_path / "a.csv")
    assert line.fault is not None
    assert line.fault.evidence == said


def test_what_spreadsheets_leave_is_counted(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"prompt,answer,,\na,b,,\n,,,\n\nc,d,,\n,,,\n")
    found = source(tmp_path / "a.csv")
    assert row_files.notes(found).left_aside == ["2 columns without a name"]
    assert sum(map(row_files.num_empty, row_files.blocks(found, MOST_ROW, MOST_FILE, "utf-8"))) == 2


def test_a_header_below_titles(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfSurvey of 2024,,\n\n,,\nprompt,answer,\na,b,\nc,d,\n")
    found = sources.sources([str(tmp_path / "a.csv")], "k", "utf-8", sources.Inside(header_row=4)).files[0]
    assert found.kind == "CSV (header in line 4)"
    read = [line for block in row_files.blocks(found, 300, 300, "utf-8") for line in row_files.split_block(block)]
    assert [(line.number, json.loads(line.data)["prompt"]) for line in read] == [(5, "a"), (6, "c")]


def test_a_field_longer_than_the_csv_module_likes(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b'a,b\n"' + b"x" * 200_000 + b'",2\n')
    assert [len(json.loads(line.data)["a"]) for line in lines(tmp_path / "a.csv", most=300_000)] == [200_000]


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        (b"\0", "is binary data"),
        (b"x", "too-large"),
        (b" ", "too-large"),
        (b'{"a":[', "too-large"),
        (b'[{"', "it is nested more than 100,000 levels"),
    ],
)
def test_a_bomb_needs_little_memory(tmp_path: Path, unit: bytes, text: str) -> None:
    """A gigabyte without a line end, packed in a megabyte."""
    member = gzip.compress(unit * ((32 << 20) // len(unit)), 1)
    (tmp_path / "bomb.jsonl").write_bytes(member * 32)
    code = f"""
import re
from pathlib import Path
from jobs.core.errors import Refusal
from jobs.engines.rows import files as row_files
from jobs.engines.rows import sources as row_sources
try:
    for source in row_sources.sources([{str(tmp_path / "bomb.jsonl")!r}], "prepare.files", "utf-8").files:
        for block in row_files.blocks(source, 1_000_000, 1 << 31, "utf-8"):
            print([(line.fault, line.num_bytes) for line in row_files.split_block(block)])
except Refusal as refusal:
    print(refusal)
print(re.search(r"VmHWM:\\s*([0-9]+) kB", Path("/proc/self/status").read_text())[1])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    said, kibibytes = done.stdout.rsplit("\n", 2)[:2]
    assert text in said
    assert int(kibibytes) < 200_000


def test_a_digest_is_that_of_the_file_on_disk(tmp_path: Path) -> None:
    content = gzip.compress(CONTENT * 1000)
    (tmp_path / "a.jsonl").write_bytes(content)
    assert row_files.digest(tmp_path / "a.jsonl") == (hashlib.sha256(content).hexdigest(), len(content))


def test_notes(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(CONTENT.replace(b"\n", b"\r"))
    assert row_files.notes(source(tmp_path / "a.jsonl")) == (True, True, [])
    (tmp_path / "a.jsonl").write_bytes(b"{}\r\n")
    assert row_files.notes(source(tmp_path / "a.jsonl")) == (False, False, [])


def test_a_header_whose_names_would_fill_every_row_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(f"{'a' * 1001},b\n".encode() + b",\n" * 3)
    with pytest.raises(Refusal, match=r"^a.csv: line 1: the header names a column with 1,001 characters, 'a{20}' ..."):
        list(row_files.blocks(source(path), 5000, MOST_FILE, "utf-8"))
