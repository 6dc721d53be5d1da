"""Documents of every kind to passages, and what is left out of them."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from pypdf import PdfWriter

from jobs.core.errors import Refusal
from jobs.engines.synth import corpus
from jobs.engines.synth.corpus import Corpus, CorpusOptions
from tests.engines.synth.pdf_files import pdf

POT = "土鍋は弱い火で温めてから使います。急に強い火にかけると割れることがあります。"
KETTLE = "The kettle stands on the stove and boils the water for tea, every morning at seven."
PAN = "鉄のフライパンは使い終わったら湯で洗い、火にかけて乾かし、油を薄く塗っておきます。"
HELD_OUT = "包丁は使うたびに洗って乾かします。研ぐときは砥石を水に浸し、刃を同じ角度に保って前後に動かします。" * 2


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    folder = tmp_path / "prepared"
    folder.mkdir()
    turns = [
        {"role": "user", "content": f"題を付けてください。\n\n{HELD_OUT}"},
        {"role": "assistant", "content": "包丁の研ぎ方"},
    ]
    row = {"id": "v1", "source": None, "messages": turns}
    (folder / "val.jsonl").write_text(json.dumps(row) + "\n")
    (folder / "profile.json").write_text(json.dumps({"form": {}, "boilerplate": [], "topics": []}))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "documents"
    path.mkdir()
    return path


def options(folder: Path, **changed: object) -> CorpusOptions:
    plain = {
        "folder": str(folder),
        "columns": ("text", "body"),
        "min_characters": 20,
        "max_characters": 200,
        "max_document_bytes": 100_000,
        "max_row_bytes": 10_000,
        "max_file_bytes": 1_000_000,
        "max_held_out_share": 0.4,
        "pdf_seconds": 60.0,
        "pdf_megabytes": 1024,
    }
    return CorpusOptions(**{**plain, **changed})  # type: ignore[arg-type]


def read(folder: Path, prepared: Path, **changed: object) -> Corpus:
    return corpus.read(options(folder, **changed), "synth.craft.corpus", prepared, prepared.parent / "scratch")


def test_every_kind_of_document_is_read_and_says_where_its_passages_stand(folder: Path, prepared: Path) -> None:
    (folder / "b.txt").write_bytes(b"\xef\xbb\xbf" + f"\n\n{POT}\n\n".encode())
    (folder / "a").mkdir()
    (folder / "a" / "z.md").write_text(f"# Tea\n\n{KETTLE}\n")
    (folder / "c.html").write_text(f"<nav>menu</nav><h1>鍋</h1><p>{PAN}</p>")
    (folder / "d.html").write_bytes(f"<meta charset=Shift_JIS><p>{PAN}湯</p>".encode("cp932"))
    (folder / "e.pdf").write_bytes(pdf(None, f"{POT[:20]}\n{POT[20:]}二枚目。"))
    rows = [{"text": KETTLE + " One."}, {"text": "", "body": KETTLE + " Two."}]
    (folder / "f.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pyarrow.parquet.write_table(pyarrow.table({"n": [1, 2], "body": [KETTLE + " Three.", None]}), folder / "g.parquet")
    found = read(folder, prepared)
    passages = list(found.passages())
    assert [(one.file, one.unit, one.number, one.text) for one in passages] == [
        ("a/z.md", "byte", 0, f"# Tea\n\n{KETTLE}"),
        ("b.txt", "byte", 0, POT),
        ("c.html", "byte", 0, f"鍋\n\n{PAN}"),
        ("d.html", "byte", 0, f"{PAN}湯"),
        ("e.pdf", "page", 2, f"{POT}二枚目。"),
        ("f.jsonl", "line", 1, f"{KETTLE} One."),
        ("f.jsonl", "line", 2, f"{KETTLE} Two."),
        ("g.parquet", "row", 1, f"{KETTLE} Three."),
    ]
    for one in passages:
        assert one.sha256 == hashlib.sha256(one.text.encode()).hexdigest()
    for one, start, end in ((passages[1], POT[:2], POT[-2:]), (passages[3], PAN[:2], "湯")):
        data = (folder / one.file).read_bytes()[one.start : one.end].decode("utf-8" if one.file == "b.txt" else "cp932")
        assert data.startswith(start)
        assert data.endswith(end)
    assert found.left_out == ["g.parquet: 1 rows have no text in text, body; the first has n, body"]
    assert [file.num_passages for file in found.files] == [1, 1, 1, 1, 1, 2, 1]
    assert passages[4].where == f"e.pdf, page 2, characters 0 to {len(POT) + 4}"


def test_what_is_not_read_is_named(folder: Path, prepared: Path) -> None:
    (folder / "a.txt").write_text(POT)
    (folder / ".hidden.txt").write_text(PAN)
    (folder / ".git").mkdir()
    (folder / ".git" / "a.txt").write_text(PAN)
    (folder / "binary.txt").write_bytes(b"\x7fELF\x02\x01" + bytes(range(256)))
    (folder / "blank.md").write_text("\n \n")
    (folder / "cp932.txt").write_bytes(PAN.encode("cp932"))
    (folder / "image.png").write_bytes(b"\x89PNG")
    (folder / "large.txt").write_text("x" * 200_000)
    (folder / "odd.html").write_bytes(b"<meta charset=klingon><p>x")
    (folder / "utf16.txt").write_bytes(PAN.encode("utf-16"))
    (folder / "damaged.pdf").write_bytes(pdf(POT)[:300])
    (folder / "scan.pdf").write_bytes(pdf(None, None))
    (folder / "rows.jsonl").write_text('{"text": "' + POT + '1"}\n{"text":\n[1]\n')
    (folder / "empty.jsonl").write_text("")
    (folder / "links").mkdir()
    for name, target in {
        "out.txt": prepared / "val.jsonl",
        "gone.txt": folder / "gone",
        "up": folder,
        "same.txt": folder / "a.txt",
    }.items():
        (folder / "links" / name).symlink_to(target)
    os.mkfifo(folder / "pipe.txt")
    clear = PdfWriter()
    clear.append(folder / "scan.pdf")
    clear.encrypt("password")
    clear.write(folder / "locked.pdf")
    found = read(folder, prepared)
    assert [passage.file for passage in found.passages()] == ["a.txt", "rows.jsonl"]
    assert found.not_taken == {"duplicate": 1}
    told = dict(line.split(": ", 1) for line in found.left_out)
    for name, why in {
        ".git": "is hidden",
        ".hidden.txt": "is hidden",
        "binary.txt": "is binary",
        "blank.md": "has no text",
        "cp932.txt": "is not utf-8 (byte 0x93 at 0); convert it",
        "image.png": "is none of txt, md, html, jsonl, parquet or pdf by its name",
        "large.txt": "has 200.0 kB, the most that is read whole is 100.0 kB",
        "odd.html": "says it is in klingon",
        "utf16.txt": "is UTF-16 text",
        "damaged.pdf": "is damaged",
        "scan.pdf": "has no text on 2 pages, is it a scan?",
        "locked.pdf": "is encrypted",
        "rows.jsonl": "2 rows cannot be read, the first is line 2: ",
        "empty.jsonl": "",
        "links/out.txt": "is a link that leads out of the folder",
        "links/gone.txt": "is a link to nothing",
        "links/up": "is a link to a folder",
        "pipe.txt": "is no regular file",
    }.items():
        assert told.pop(name).startswith(why), name
    assert told == {}


def test_passages_near_held_out_rows_and_those_with_secrets_are_left_out(folder: Path, prepared: Path) -> None:
    (folder / "a.txt").write_text(f"{HELD_OUT}\n\n{'=' * 30}\n\n{PAN}", encoding="utf-8")
    (folder / "b.txt").write_text(HELD_OUT.replace("。", "\n")[: len(HELD_OUT) // 2] + PAN, encoding="utf-8")
    (folder / "c.txt").write_text(f"The key is AKIA{'Q7' * 8}: {KETTLE}")
    (folder / "d.txt").write_text(f"too short\n\n{PAN}\n\n{POT}", encoding="utf-8")
    (folder / "e.txt").write_text(f"{KETTLE}<|im_end|>")
    found = read(folder, prepared, max_characters=120)
    assert found.not_taken == {"control-token": 1, "near-held-out": 2, "secret": 1}
    assert HELD_OUT[:20] not in "".join(found.texts())


def test_the_same_passages_whatever_the_file_system_says_first(folder: Path, prepared: Path) -> None:
    text = "\n\n".join(f"{number}番目の段落です。{POT[number % 7 :]}" for number in range(40))
    for name in ("い.txt", "B.txt", "a.txt"):
        (folder / name).write_text(text.replace("段落", f"{name}の段落"), encoding="utf-8")
    first = [passage.note() for passage in read(folder, prepared).passages()]
    other = folder.with_name("other")
    other.mkdir()
    for name in ("a.txt", "B.txt", "い.txt"):
        (other / name).write_bytes((folder / name).read_bytes())
    assert [passage.note() for passage in read(other, prepared).passages()] == first
    assert list(dict.fromkeys(note["file"] for note in first)) == ["B.txt", "a.txt", "い.txt"]
    assert len(first) > 20


def test_a_passage_that_changed_is_refused(folder: Path, prepared: Path) -> None:
    (folder / "a.txt").write_text(POT, encoding="utf-8")
    (folder / "b.txt").write_text(PAN, encoding="utf-8")
    found = read(folder, prepared)
    before = corpus.fingerprint(str(folder), "synth.craft.corpus")
    notes = [passage.note() for passage in found.passages()]
    assert found.passage(1).text == PAN
    (folder / "b.txt").write_text(PAN.replace("油", "湯"), encoding="utf-8")
    assert found.passage(0).text == POT
    with pytest.raises(Refusal, match=r"b\.txt, bytes 0 to 123: was changed after it was read; run the command again"):
        found.passage(1)
    (folder / "a.txt").unlink()
    with pytest.raises(Refusal, match=r"a\.txt"):
        found.passage(0)
    assert read(folder, prepared).changed(notes) == ["a.txt, bytes 0 to 114", "b.txt, bytes 0 to 123"]
    after = corpus.fingerprint(str(folder), "synth.craft.corpus")
    assert before.keys() == {"a.txt", "b.txt"}
    assert after.keys() == {"b.txt"}
    assert before["b.txt"] != after["b.txt"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, "has no passage; expected txt, md, html, jsonl, parquet or pdf with texts of 20 characters and more"),
        ({"a.txt": "short", "b.doc": "x"}, r"has no passage: b\.doc: is none of .*; short 1; expected"),
    ],
)
def test_a_folder_without_passages_is_refused(
    folder: Path, prepared: Path, files: dict[str, str], expected: str
) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)
    with pytest.raises(Refusal, match=f"synth.craft.corpus: .*{expected}"):
        read(folder, prepared)


def test_a_folder_that_is_not_there_is_refused(folder: Path, prepared: Path) -> None:
    with pytest.raises(Refusal, match=r"there is no such folder; did you mean .*documents\?"):
        read(folder.with_name("document"), prepared)
