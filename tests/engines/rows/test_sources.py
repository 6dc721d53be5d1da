"""What is no data file is refused by name before a row is read; what is one is known by its content."""

from __future__ import annotations

import gzip
import io
import os
import sqlite3
import tarfile
import zipfile
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from jobs.core.errors import Refusal
from jobs.engines.rows import sources
from jobs.engines.rows.sources import Source

KEY = "prepare.files"
ROW = '{"messages": [{"role": "user", "content": "題名"}]}\n'
LINES = (ROW * 3).encode()
CSV = "prompt,completion\n題,答\n".encode()


def one(path: Path, encoding: str = "utf-8") -> Source:
    return sources.sources([str(path)], KEY, encoding).files[0]


def zstd(data: bytes) -> bytes:
    return bytes(pyarrow.compress(data, codec="zstd", asbytes=True))


def parquet() -> bytes:
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"prompt": ["a"]}), sink)
    return sink.getvalue()


def arrow() -> bytes:
    sink = io.BytesIO()
    table = pyarrow.table({"prompt": ["a"]})
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def archive(name: str) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as file:
        file.writestr(name, "x" * 100)
    return sink.getvalue()


def tar() -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as file:
        file.addfile(tarfile.TarInfo("a.jsonl"))
    return sink.getvalue()


def sqlite(folder: Path) -> bytes:
    with sqlite3.connect(folder / "a.db") as base:
        base.execute("create table rows (a)")
    return (folder / "a.db").read_bytes()


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.txt", "rows"])
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (LINES, "JSON Lines"),
        (b"\xef\xbb\xbf" + LINES, "JSON Lines"),
        (LINES.replace(b"\n", b"\r"), "JSON Lines"),
        (gzip.compress(LINES), "JSON Lines (gzip)"),
        (zstd(LINES), "JSON Lines (zstd)"),
        (b'[{"messages": []}]', "JSON"),
        (b'[\n {"messages": []}\n]\n', "JSON"),
        (b'{\n "messages": []\n}\n', "JSON"),
        (b'{"messages": [\n  {"role": "user"}]\n}\n', "JSON"),
        (b"[1, 2, 3]\n", "JSON Lines"),
        (b'[{"role": "user"}]\n[{"role": "user"}]\n', "JSON Lines"),
        (b"broken, row\n" + LINES, "JSON Lines"),
        (b'{"broken": 1,\n' + LINES, "JSON Lines"),
        (CSV, "CSV"),
        (CSV.replace(b",", b"\t"), "TSV"),
        (gzip.compress(CSV), "CSV (gzip)"),
        (parquet(), "Parquet"),
    ],
    ids=lambda value: "content" if isinstance(value, bytes) else None,
)
def test_the_content_tells_the_format(tmp_path: Path, name: str, content: bytes, kind: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert one(path).kind == kind


@pytest.mark.parametrize(
    ("name", "content", "kind", "misnamed"),
    [
        ("a.csv", b"answer\nyes\n", "CSV", False),
        ("a.tsv", b"answer\nyes\n", "TSV", False),
        ("a.jsonl", b"answer\nyes\n", "JSON Lines", False),
        ("a.csv", LINES, "JSON Lines", True),
        ("a.json", LINES, "JSON Lines", False),
        ("a.jsonl", CSV, "CSV", True),
        ("a.jsonl", parquet(), "Parquet", True),
        ("a.jsonl", gzip.compress(LINES), "JSON Lines (gzip)", True),
        ("a.jsonl.gz", gzip.compress(LINES), "JSON Lines (gzip)", False),
        ("a.jsonl.gz", LINES, "JSON Lines", True),
        ("a.JSONL", LINES, "JSON Lines", False),
    ],
    ids=lambda value: "content" if isinstance(value, bytes) else None,
)
def test_the_name_decides_only_where_nothing_else_does(
    tmp_path: Path, name: str, content: bytes, kind: str, misnamed: bool
) -> None:
    (tmp_path / name).write_bytes(content)
    found = one(tmp_path / name)
    assert (found.kind, found.misnamed) == (kind, misnamed)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "is empty; expected JSON Lines, JSON, CSV, TSV, Excel or Parquet"),
        (gzip.compress(b""), "unpacks to nothing"),
        (gzip.compress(gzip.compress(LINES)), "is gzip inside gzip; unpack it once: gunzip"),
        (zstd(parquet()), "is Parquet inside zstd; unpack it once: zstd -d"),
        (gzip.compress(LINES * 100)[:-3], "ends inside its gzip stream, at byte [0-9]+: an unfinished download"),
        (gzip.compress(LINES)[:6], "ends inside its gzip stream, at byte 6"),
        (zstd(LINES * 100)[:-3], "ends inside its zstd stream, at byte [0-9]+: an unfinished download"),
        (gzip.compress(LINES)[:-8] + bytes(8), "is damaged: its gzip stream cannot be unpacked near byte"),
        (zstd(LINES)[:4] + b"\xff" * 40, "is damaged: its zstd stream cannot be unpacked near byte"),
        (b"\x28\xb5\x2f\xfd\x00\xa8" + bytes(20), "needs more than 128 MiB to unpack; pack it again without"),
        (archive("rows.jsonl"), "is zip, .*; unpack it first: unzip"),
        (archive("[Content_Types].xml"), "is zip, .*; unpack it first"),
        (tar(), "is a tar archive, .*; unpack it first: tar -xf"),
        (gzip.compress(tar()), "is a tar archive"),
        (b"BZh91AY&SY\0\0", "is bzip2, .*; unpack it first: bunzip2"),
        (b"\xfd7zXZ\x00\0\0", "is xz, .*; unpack it first: unxz"),
        (b"%PDF-1.7\n", "is PDF"),
        (arrow(), "is Arrow, .*; save it as Parquet"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is a git-LFS pointer, .*git lfs pull"),
        (b"<!DOCTYPE html>\n<html>", "is an HTML page, .*fetch the file again"),
        (gzip.compress(b"\xef\xbb\xbf \n<HTML>"), "is an HTML page"),
        (b"<?xml version='1.0'?>", "is XML"),
        (bytes(5000), "is binary data"),
        (gzip.compress(bytes(5000)), "is binary data"),
        (ROW.encode("utf-16"), "is UTF-16 text, prepare.encoding says utf-8; set prepare.encoding=utf-16, or convert"),
        (ROW.encode("utf-16-le"), "is UTF-16-LE text, .*; set prepare.encoding=utf-16-le"),
        (ROW.encode("utf-16-be"), "is UTF-16-BE text, .*; set prepare.encoding=utf-16-be"),
        (ROW.encode("utf-32"), "is UTF-32 text, .*; set prepare.encoding=utf-32"),
        (ROW.encode("utf-32-le"), "is UTF-32-LE text"),
        (ROW.encode("utf-32-be"), "is UTF-32-BE text"),
        (gzip.compress(ROW.encode("utf-16")), "is UTF-16 text"),
    ],
    ids=lambda value: "content" if isinstance(value, bytes) else None,
)
def test_what_holds_no_rows_is_refused(tmp_path: Path, content: bytes, text: str) -> None:
    (tmp_path / "a.jsonl").write_bytes(content)
    with pytest.raises(Refusal, match=f"^a.jsonl: {text}"):
        one(tmp_path / "a.jsonl")


def test_sqlite_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(sqlite(tmp_path))
    with pytest.raises(Refusal, match=r"^a.jsonl: is SQLite, .*; export the table as CSV"):
        one(tmp_path / "a.jsonl")


@pytest.mark.parametrize(
    ("encoding", "content", "text"),
    [
        ("utf-16", LINES, "has no zero bytes, .*; set prepare.encoding=utf-8"),
        ("utf-16", ROW.encode("utf-16-be"), "is UTF-16-BE text, .*; set prepare.encoding=utf-16-be"),
        ("cp932", LINES * 3, "is UTF-8 text, prepare.encoding says cp932; set prepare.encoding=utf-8"),
        ("cp932", ROW.encode("utf-16"), "is UTF-16 text"),
        ("cp932", b'{"a": "\x81', "byte 0x81 at offset 7, line 1, is not cp932"),
    ],
)
def test_text_of_another_encoding_than_said(tmp_path: Path, encoding: str, content: bytes, text: str) -> None:
    (tmp_path / "a.jsonl").write_bytes(content)
    with pytest.raises(Refusal, match=f"^a.jsonl: {text}"):
        list(_text(one(tmp_path / "a.jsonl", encoding), encoding))


def _text(source: Source, encoding: str) -> list[bytes]:
    from jobs.engines.rows import files as row_files

    return [block.data for block in row_files.blocks(source, 1000, 10_000, encoding)]


@pytest.mark.parametrize("encoding", ["nonsense", "hex", "rot13", "utf-7", "unicode_escape"])
def test_what_is_no_encoding_of_text(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.jsonl").write_bytes(LINES)
    with pytest.raises(Refusal, match=f"^prepare.encoding={encoding}: is no encoding of text; expected utf-8"):
        one(tmp_path / "a.jsonl", encoding)


@pytest.mark.parametrize(
    "name",
    [
        "with space",
        "say \"hi\" 'there'",
        "two\nlines",
        "絵文字😀",
        "tab\tand\\backslash",
        "é" * 127 + "z",
        "%s{}",
        "-rf",
    ],
)
def test_any_name_works(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    (folder / name).write_bytes(LINES)
    (folder / "b.jsonl").write_bytes(LINES)
    files = sources.sources([str(folder / name), str(folder / "b.jsonl")], KEY, "utf-8").files
    assert [file.path.read_bytes() for file in files] == [LINES, LINES]
    assert "\n" not in files[0].label
    assert files[1].label == "b.jsonl"
    assert [file.path for file in sources.sources([str(folder)], KEY, "utf-8").files] == [folder / "b.jsonl"]


def test_names_that_are_no_text_get_a_label_that_is(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff.jsonl"
    with open(path, "wb") as file:  # noqa: PTH123 - a path of bytes
        file.write(LINES)
    assert one(Path(os.fsdecode(path))).label == r"\udcff.jsonl"


def test_labels_are_the_shortest_that_differ(tmp_path: Path) -> None:
    for name in ("one/train.jsonl", "two/train.jsonl"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(LINES)
    names = [str(tmp_path / "one/train.jsonl"), str(tmp_path / "two/train.jsonl")]
    files = sources.sources(names, KEY, "utf-8").files
    assert [file.label for file in files] == ["one/train.jsonl", "two/train.jsonl"]
    assert files == sources.sources([str(tmp_path)], KEY, "utf-8").files


def test_a_folder_is_taken_whole_and_in_order(tmp_path: Path) -> None:
    for name in ("b/10.jsonl", "b/9.jsonl.gz", "a/z.parquet", "a/é.CSV", "c.json", ".hidden/x.jsonl", "b/.x.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(parquet() if "parquet" in name else LINES)
    for name in ("README.md", "b/rows.jsonl.bak", "b/rows.gz"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "c.jsonl").symlink_to(tmp_path / "b/rows.jsonl.bak")
    (tmp_path / "b/rows.jsonl.bak").write_bytes(LINES)
    found = sources.sources([str(tmp_path)], KEY, "utf-8")
    names = ["a/z.parquet", "a/é.CSV", "b/10.jsonl", "b/9.jsonl.gz", "c.json", "c.jsonl"]
    assert [file.path.relative_to(tmp_path).as_posix() for file in found.files] == names
    assert found.left_aside == ["README.md", "b/rows.gz", "b/rows.jsonl.bak"]


def test_nothing_and_twice_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(LINES)
    (tmp_path / "b.jsonl").symlink_to(tmp_path / "a.jsonl")
    with pytest.raises(Refusal, match=r"prepare.files: names no file; set it, for example prepare.files=\["):
        sources.sources([], KEY, "utf-8")
    for names in (["a.jsonl", "b.jsonl"], ["a.jsonl", "."], ["."]):
        with pytest.raises(Refusal, match="stands twice; take one out"):
            sources.sources([str(tmp_path / name) for name in names], KEY, "utf-8")
    assert one(tmp_path / "b.jsonl").label == "b.jsonl"


def test_paths_that_lead_nowhere_are_refused(tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "a.jsonl").write_bytes(LINES)
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other/notes.txt").write_bytes(b"x")
    for name, text in (
        ("gone", "there is no such file; check the spelling"),
        ("dangling", "is a link to .*gone, which is not there"),
        ("loop", "is a link that leads back to itself"),
        ("pipe", "is not a regular file"),
        ("a.jsonl/b", "cannot be opened .Not a directory"),
        ("x" * 256, "cannot be opened .File name too long"),
        ("a\0b", "cannot be opened .embedded null byte"),
        ("empty", "is a folder with no data file; expected names that end in .jsonl"),
        ("other", "is a folder with no data file, only notes.txt; expected names"),
    ):
        with pytest.raises(Refusal, match=f"^prepare.files: .*{text}"):
            sources.sources([f"{tmp_path}/{name}"], KEY, "utf-8")
    with pytest.raises(Refusal, match=r"^prepare.files: /dev/zero: is not a regular file"):
        sources.sources(["/dev/zero"], KEY, "utf-8")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(LINES)
    (tmp_path / "a.jsonl").chmod(0)
    with pytest.raises(Refusal, match="may not be read: check its permissions"):
        one(tmp_path / "a.jsonl")


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("..", "a.jsonl is a link to a folder, which may go round in circles; take it out"),
        (".", "a.jsonl is a link to a folder"),
        ("a.jsonl", "a.jsonl is a link that leads back to itself"),
        ("gone", "a.jsonl is a link to gone, which is not there"),
        ("../../outside.jsonl", "a.jsonl is a link that leads out of the folder; name the file itself, or copy it"),
        ("/dev/zero", "a.jsonl is a link that leads out of the folder"),
        ("pipe", "a.jsonl: is not a regular file"),
    ],
)
def test_links_in_a_folder(tmp_path: Path, target: str, text: str) -> None:
    (tmp_path / "outside.jsonl").write_bytes(LINES)
    (tmp_path / "in/deep").mkdir(parents=True)
    os.mkfifo(tmp_path / "in/deep/pipe")
    (tmp_path / "in/deep/a.jsonl").symlink_to(target)
    with pytest.raises(Refusal, match=f"^prepare.files: .*{text}"):
        sources.sources([str(tmp_path / "in")], KEY, "utf-8")
