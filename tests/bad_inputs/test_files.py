"""Section A of the list of bad inputs: what `prepare` answers to files, by their bytes."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.csv
import pyarrow.parquet
import pytest

import jobs.prepare
from jobs.core import chain
from jobs.core.compose import compose
from jobs.core.errors import Refusal
from tests.bad_inputs.conftest import Ask, Prepare, quoted
from tests.bad_inputs.good_rows import (
    ROWS,
    TEXT,
    answer,
    assistant,
    lines,
    prompt,
    user,
    with_answer,
    with_line,
    with_prompt,
)

NOBODY = 65534
BOM = b"\xef\xbb\xbf"
JAPANESE = TEXT.decode()
DEEP = b'{"id": "deep", "messages": ' + b"[" * 2000 + b"]" * 2000 + b"}"
LATIN = b'{"id": "two", "note": "caf\xe9"}'
STRIP = "prepare.clean.control_characters=strip"
MOJIBAKE = "prepare.limits.max_mojibake_share=0.1"
LENIENT = "prepare.max_bad_fraction=0.1"
EVERY_ROW = {row["id"]: row["messages"] for row in ROWS}


def one_row(text: str) -> bytes:
    """A file of one row, whose prompt is written as JSON already."""
    return f'{{"id": "one", "messages": [{{"role": "user", "content": "{text}"}}, ' \
        '{"role": "assistant", "content": "はい"}]}\n'.encode()  # fmt: skip


def large(num_bytes: int) -> bytes:
    return with_line(2, b'{"id": "large", "messages": "' + b"x" * num_bytes + b'"}')


def table() -> pyarrow.Table:
    columns = {"id": [row["id"] for row in ROWS], "prompt": [], "completion": []}
    for number in range(1, len(ROWS) + 1):
        columns["prompt"].append(prompt(number))
        columns["completion"].append(answer(number))
    return pyarrow.table(columns)


def parquet() -> bytes:
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(table(), sink)
    return bytes(sink.getvalue())


def comma_separated() -> bytes:
    sink = pyarrow.BufferOutputStream()
    pyarrow.csv.write_csv(table(), sink)
    return bytes(sink.getvalue())


def mojibake(text: str) -> str:
    return text.encode().decode("cp1252")


REFUSED: dict[str, tuple[bytes, list[str]]] = {
    "A01-malformed-json": (
        with_line(2, b'{"id": "bad", "messages": [}'),
        ["rows.jsonl:2 (id bad)", "bad-json", "column 28", "prepare.max_bad_fraction"],
    ),
    "A02-truncated-last-line": (TEXT[: TEXT.rindex(b'"content"')], ["rows.jsonl:40", "truncated-json", "download"]),
    "A02-truncated-in-a-letter": (
        TEXT[: TEXT.rindex(answer(40).encode()) + 1], ["rows.jsonl:40", "truncated-json", "download"],
    ),
    "A03-trailing-comma": (with_line(2, b'{"id": "bad", "messages": [],}'), ["rows.jsonl:2 (id bad)", "bad-json"]),
    "A07-utf-16-le": (JAPANESE.encode("utf-16"), ["rows.jsonl", "UTF-16", "prepare.encoding=utf-16"]),
    "A07-utf-16-le-without-mark": (JAPANESE.encode("utf-16-le"), ["rows.jsonl", "UTF-16", "prepare.encoding=utf-16"]),
    "A07-utf-16-be": (JAPANESE.encode("utf-16-be"), ["rows.jsonl", "UTF-16", "prepare.encoding=utf-16"]),
    "A08-shift-jis": (JAPANESE.encode("cp932"), ["rows.jsonl:1", "at offset", "Shift_JIS", "prepare.encoding=cp932"]),
    "A10-lone-surrogate": (one_row("\\ud800"), ["rows.jsonl:1 (id one)", "lone-surrogate", "U+D800"]),
    "A11-raw-bell": (one_row("a\ab"), ["rows.jsonl:1 (id one)", "control-character", "U+0007"]),
    "A11-escaped-bell": (with_prompt(2, "a\ab"), ["rows.jsonl:2", "control-character", "U+0007"]),
    "A12-escaped-nul": (with_prompt(2, "a\0b"), ["rows.jsonl:2", "control-character", "U+0000"]),
    "A13-raw-nul": (with_line(2, b'{"id": "nul\0"}'), ["rows.jsonl:2", "control-character", "U+0000"]),
    "A16-empty": (b"", ["rows.jsonl", "is empty"]),
    "A17-blank-lines": (b"\n \n\r\n\t\n", ["rows.jsonl", "only blank lines"]),
    "A17-mark-and-blank-lines": (BOM + b"\n\n", ["rows.jsonl", "only blank lines"]),
    "A19-damaged-array": (b"[" + TEXT.rstrip().replace(b"\n", b"\n,"), ["rows.jsonl", "line "]),
    "A20-row-is-a-list": (with_line(2, b"[1, 2, 3]"), ["rows.jsonl:2", "not-an-object", "a list"]),
    "A21-row-is-a-text": (with_line(2, b'"text"'), ["rows.jsonl:2", "not-an-object", "text"]),
    "A21-row-is-a-number": (with_line(2, b"5"), ["rows.jsonl:2", "not-an-object", "a number"]),
    "A22-deep": (with_line(2, DEEP), ["rows.jsonl:2 (id deep)", "too-deep", "32 levels"]),
    "A23-large": (large(1_000_000), ["rows.jsonl:2", "too-large", "the most is 1,000,000"]),
    "A23-ten-megabytes": (large(10_000_000), ["rows.jsonl:2", "too-large", "10,000,0", "the most is 1,000,000"]),
    "A24-damaged-gzip": (b"\x1f\x8b\x08\x00" + b"\xff" * 40, ["rows.jsonl", "gzip", "fetch it again"]),
    "A24-truncated-gzip": (gzip.compress(TEXT)[:-200], ["rows.jsonl", "gzip", "download"]),
    "A26-csv-of-other-columns": (b"x,y\n1,2\n3,4\n", ["rows.jsonl", "`x`", "`y`", "prepare.columns"]),
    "A26-damaged-parquet": (b"PAR1" + b"\0" * 40 + b"PAR1", ["rows.jsonl", "Parquet"]),
    "A26-zip": (b"PK\x03\x04" + b"\0" * 40, ["rows.jsonl", "is zip", "unzip"]),
    "A26-sqlite": (b"SQLite format 3\x00" + b"\0" * 40, ["rows.jsonl", "is SQLite", "CSV"]),
    "A27-lfs-pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", ["rows.jsonl", "git lfs pull"]),
    "A28-html": (b"<!DOCTYPE html>\n<html><body>404</body></html>", ["rows.jsonl", "HTML page", "fetch the file"]),
}  # fmt: skip


@pytest.mark.parametrize(("data", "parts"), REFUSED.values(), ids=REFUSED)
def test_refused(prepare: Prepare, data: bytes, parts: list[str]) -> None:
    prepare({"rows.jsonl": data}).refused(*parts)


def test_a08_the_offset_is_that_in_the_file(prepare: Prepare) -> None:
    data = with_line(2, LATIN)
    place = data.index(LATIN) + LATIN.index(0xE9)
    prepare({"rows.jsonl": data}).refused("rows.jsonl:2 (id two)", "encoding", f"byte 0xe9 at offset {place}")


DROPPED = {
    "A01-malformed-json": (with_line(2, b'{"id": "bad", "messages": [}'), "bad", "bad-json"),
    "A02-truncated-last-line": (TEXT[: TEXT.rindex(b'"content"')], ROWS[39]["id"], "truncated-json"),
    "A08-latin-1": (with_line(2, LATIN), "two", "encoding"),
    "A10-lone-surrogate": (with_line(2, one_row("\\ud800").strip()), "one", "lone-surrogate"),
    "A13-raw-nul": (with_line(2, b'{"id": "nul", "messages": "\0"}'), "nul", "control-character"),
    "A20-row-is-a-list": (with_line(2, b"[1, 2, 3]"), "rows.jsonl:2", "not-an-object"),
    "A22-deep": (with_line(2, DEEP), "deep", "too-deep"),
    "A23-large": (large(1_000_000), "rows.jsonl:2", "too-large"),
}


@pytest.mark.parametrize(("data", "identity", "reason"), DROPPED.values(), ids=DROPPED)
def test_dropped_and_counted(prepare: Prepare, data: bytes, identity: str, reason: str) -> None:
    found = prepare({"rows.jsonl": data}, LENIENT)
    found.passed()
    assert found.dropped == {identity: reason}
    assert found.facts["dropped"] == {reason: 1}
    assert len(found.kept) == len(ROWS) - 1


ACCEPTED: dict[str, tuple[str, bytes, list[str], list[str]]] = {
    "A04-byte-order-mark": ("rows.jsonl", BOM + TEXT, [], ["byte-order mark in rows.jsonl"]),
    "A05-crlf": ("rows.jsonl", TEXT.replace(b"\n", b"\r\n"), [], []),
    "A06-cr-only": ("rows.jsonl", TEXT.replace(b"\n", b"\r"), [], ["lone carriage returns in rows.jsonl"]),
    "A07-utf-16-said": ("rows.jsonl", JAPANESE.encode("utf-16"), ["prepare.encoding=utf-16"], []),
    "A08-shift-jis-said": ("rows.jsonl", JAPANESE.encode("cp932"), ["prepare.encoding=cp932"], []),
    "A18-no-final-newline": ("rows.jsonl", TEXT.rstrip(), [], []),
    "A19-array": ("rows.jsonl", json.dumps(ROWS).encode(), [], ["rows.jsonl (JSON, messages, 40 rows)"]),
    "A19-indented-array": ("rows.json", json.dumps(ROWS, indent=2).encode(), [], ["rows.json (JSON, messages, 40"]),
    "A24-gzip-named-jsonl": ("rows.jsonl", gzip.compress(TEXT), [], ["rows.jsonl (JSON Lines (gzip), messages"]),
    "A24-zstd-named-jsonl": (
        "rows.jsonl",
        pyarrow.compress(TEXT, "zstd", asbytes=True),
        [],
        ["rows.jsonl (JSON Lines (zstd), messages"],
    ),
    "A24-jsonl-named-gz": ("rows.jsonl.gz", TEXT, [], ["rows.jsonl.gz (JSON Lines, messages"]),
    "A26-csv-named-jsonl": ("rows.jsonl", comma_separated(), [], ["rows.jsonl (CSV, prompt_completion, 40 rows)"]),
    "A26-parquet-named-jsonl": ("rows.jsonl", parquet(), [], ["rows.jsonl (Parquet, prompt_completion, 40 rows)"]),
    "A32-spaces-and-quotes": ("it's a “file” & more.jsonl", TEXT, [], ["it's a “file” & more.jsonl"]),
    "A32-newline": ("two\nlines.jsonl", TEXT, [], ["two\\nlines.jsonl"]),
    "A32-emoji": ("🗡️ 名刀.jsonl", TEXT, [], ["名刀.jsonl"]),
    "A32-255-bytes": ("x" * 249 + ".jsonl", TEXT, [], []),
}


@pytest.mark.parametrize(("name", "data", "words", "parts"), ACCEPTED.values(), ids=ACCEPTED)
def test_read_without_a_change(prepare: Prepare, name: str, data: bytes, words: list[str], parts: list[str]) -> None:
    found = prepare({name: data}, *words)
    found.passed(*parts)
    assert found.kept == EVERY_ROW
    assert found.dropped == {}


MENDED = {
    "A05-crlf-in-a-text": (with_answer(2, answer(2) + "\r\n、と"), [], "line-ends", answer(2) + "\n、と"),
    "A09-mojibake": (
        with_answer(2, answer(2) + mojibake(" café crème")),
        [MOJIBAKE],
        "mojibake",
        answer(2) + " café crème",
    ),
    "A11-bell": (with_answer(2, answer(2) + "\a"), [STRIP], "control-character", answer(2)),
    "A12-nul": (with_answer(2, answer(2) + "\0"), [STRIP], "control-character", answer(2)),
    "A14-override": (with_answer(2, "\u202e" + answer(2)), [], "invisible", answer(2)),
    "A14-zero-width": (with_answer(2, answer(2)[0] + "\u200b" + answer(2)[1:]), [], "invisible", answer(2)),
    "A14-tags": (with_answer(2, answer(2) + "\U000e0041\U000e0042\U000e007f"), [], "invisible", answer(2)),
    "A15-decomposed": (with_answer(2, "か\u3099" + answer(2)), [], "nfc", "が" + answer(2)),
}


@pytest.mark.parametrize(("data", "words", "change", "text"), MENDED.values(), ids=MENDED)
def test_put_right_and_counted(prepare: Prepare, data: bytes, words: list[str], change: str, text: str) -> None:
    found = prepare({"rows.jsonl": data}, *words)
    found.passed(change)
    identity = ROWS[1]["id"]
    assert found.kept[identity][-1]["content"] == text
    assert found.changed == {identity: [change]}
    assert found.facts["changed"] == {change: 1}


def test_a09_much_mojibake_is_not_good(prepare: Prepare) -> None:
    found = prepare({"rows.jsonl": with_answer(2, answer(2) + mojibake(" café crème"))})
    found.failed("DAT010", "1 of 40 rows (2.5%), the most is 1.0%")
    assert found.changed == {ROWS[1]["id"]: ["mojibake"]}


def test_a14_what_is_kept_is_counted(prepare: Prepare) -> None:
    data = with_answer(2, answer(2)[0] + "\u200b" + answer(2)[1:])
    found = prepare({"rows.jsonl": data}, "prepare.clean.invisible=keep")
    found.passed("invisible 1")
    assert "\u200b" in found.kept[ROWS[1]["id"]][-1]["content"]


def test_a15_forms_of_one_text_are_one_text(prepare: Prepare) -> None:
    twins = [
        {"id": form, "source": form, "messages": [user(prompt(1)), assistant(answer(1) + text)]}
        for form, text in (("nfc", "が"), ("nfd", "か\u3099"))
    ]
    found = prepare({"rows.jsonl": lines([*ROWS[1:], *twins])})
    found.passed()
    assert found.dropped == {"nfd": "duplicate"}


BOMBS = {
    "A25-zeros": (bytes(1 << 20), "bomb.jsonl: is binary data"),
    "A25-one-line": (b"x" * (1 << 20), "rows cannot be read: bomb.jsonl:1: too-large: 1,073,741,824 bytes"),
    "A25-blank-lines": (b"\n" * (1 << 20), "bomb.jsonl: has only blank lines"),
}


@pytest.mark.parametrize(("block", "part"), BOMBS.values(), ids=BOMBS)
def test_a_gigabyte_of_nothing_takes_little_memory(tmp_path: Path, block: bytes, part: str) -> None:
    bomb = tmp_path / "bomb.jsonl"
    bomb.write_bytes(gzip.compress(block) * 1024)
    code = (
        "import sys; from jobs.core import chain; code = chain.load('prepare')(sys.argv[1:]);"
        "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))); sys.exit(code)"
    )
    words = [f"prepare.files=['{bomb}']", f"run.folder={tmp_path}/runs"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=300)
    assert done.returncode == 2, done.stderr
    assert part in done.stderr
    assert int(done.stdout.split()[1]) < 500 * 1024


def test_a25_a_file_that_grows_is_stopped(prepare: Prepare) -> None:
    found = prepare({"bomb.jsonl": gzip.compress(TEXT * 100)}, "prepare.max_file_bytes=1000000")
    found.refused("bomb.jsonl", "more than 1,000,000 bytes", "prepare.max_file_bytes")


def test_a29_a_file_that_changes_meanwhile(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(TEXT)
    measure = jobs.prepare.measure

    def later(*arguments: Any) -> Any:
        path.write_bytes(TEXT + b"\n")
        return measure(*arguments)

    monkeypatch.setattr(jobs.prepare, "measure", later)
    answer = ask(chain.load("prepare"), f"prepare.files={quoted(iter([path]))}")
    answer.refused("rows.jsonl", "was changed while it was read", "run the command again")


def loop(folder: Path) -> Path:
    (folder / "loop.jsonl").symlink_to(folder / "loop.jsonl")
    return folder / "loop.jsonl"


def dangling(folder: Path) -> Path:
    (folder / "dangling.jsonl").symlink_to(folder / "gone.jsonl")
    return folder / "dangling.jsonl"


def outside(folder: Path) -> Path:
    (folder.parent / "secret.jsonl").write_bytes(TEXT)
    (folder / "link.jsonl").symlink_to(folder.parent / "secret.jsonl")
    return folder


def folder_loop(folder: Path) -> Path:
    (folder / "again").symlink_to(folder)
    return folder


def fifo(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.jsonl")
    return folder / "pipe.jsonl"


def fifo_in_a_folder(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.jsonl")
    return folder


PATHS: dict[str, tuple[Callable[[Path], Path], list[str]]] = {
    "A30-loop": (loop, ["loop.jsonl", "leads back to itself"]),
    "A30-dangling": (dangling, ["dangling.jsonl", "gone.jsonl", "not there"]),
    "A30-outside": (outside, ["link.jsonl", "leads out of the folder"]),
    "A30-folder-loop": (folder_loop, ["again", "link to a folder"]),
    "A30-missing": (lambda folder: folder / "missing.jsonl", ["missing.jsonl", "no such file"]),
    "A30-empty-folder": (lambda folder: folder, ["data", "no data file"]),
    "A31-fifo": (fifo, ["pipe.jsonl", "not a regular file"]),
    "A31-fifo-in-a-folder": (fifo_in_a_folder, ["pipe.jsonl", "not a regular file"]),
    "A31-dev-zero": (lambda folder: Path("/dev/zero"), ["/dev/zero", "not a regular file"]),
}


@pytest.mark.parametrize(("make", "parts"), PATHS.values(), ids=PATHS)
def test_paths(ask: Ask, tmp_path: Path, make: Callable[[Path], Path], parts: list[str]) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    path = make(folder)
    ask(chain.load("prepare"), f"prepare.files={quoted(iter([path]))}").refused("prepare.files", *parts)


def test_a30_one_file_twice(ask: Ask, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(TEXT)
    (tmp_path / "same.jsonl").symlink_to(path)
    words = f"prepare.files={quoted(iter([path, tmp_path / 'same.jsonl']))}"
    ask(chain.load("prepare"), words).refused("prepare.files", "same.jsonl", "stands twice")


def test_a33_unreadable(tmp_path: Path) -> None:
    stage = chain.load("prepare")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for place, mode in (("good.jsonl", 0o644), ("bad.jsonl", 0)):
            (folder / place).write_bytes(TEXT)
            (folder / place).chmod(mode)
        good, bad = (
            stage.slice(compose([f"prepare.files={quoted(iter([folder / place]))}"]))
            for place in ("good.jsonl", "bad.jsonl")
        )
        assert stage.outside is not None
        stage.outside(good)
        mine = os.geteuid()
        os.seteuid(NOBODY if mine == 0 else mine)  # root may read everything
        try:
            with pytest.raises(Refusal, match=r"prepare\.files: .*bad\.jsonl: may not be read: check its permissions"):
                stage.outside(bad)
        finally:
            os.seteuid(mine)
