"""Files are read as they are, wherever a block of bytes happens to end."""

import hashlib
from pathlib import Path

import pytest

from jobs.core.errors import Refusal
from jobs.engines import row_files

CONTENT = b'\xef\xbb\xbf{"a": 1}\n\n  \n{"b": "longer than allowed"}\n{"c": 3}\n\n{"d": 4}'


@pytest.mark.parametrize("block", range(1, 60, 3))
@pytest.mark.parametrize("separator", [b"\n", b"\r\n", b"\r"])
def test_blocks_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, separator: bytes) -> None:
    monkeypatch.setattr(row_files, "BLOCK", max(block, 3))  # a byte-order mark is never cut: the first block is a MiB
    path = tmp_path / "a.jsonl"
    content = CONTENT.replace(b"\n", separator)
    path.write_bytes(content)
    found = list(row_files.lines(path, "a.jsonl", 12))
    assert [line.data.strip() for line in found] == [b'{"a": 1}', b"", b'{"c": 3}', b'{"d": 4}']
    assert [line.number for line in found] == [1, 4, 5, 7]
    assert [line.ended for line in found] == [True, True, True, False]
    for line in found:
        assert content[line.offset : line.offset + line.num_bytes].startswith(line.data)
    survey = row_files.survey(path)
    assert survey == (hashlib.sha256(content).hexdigest(), len(content), 4)


def test_marks_and_ends_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(CONTENT.replace(b"\n", b"\r"))
    assert row_files.has_bom(path)
    assert row_files.has_only_cr(path)
    path.write_bytes(b"{}\r\n")
    assert not row_files.has_bom(path)
    assert not row_files.has_only_cr(path)


def test_a_link_to_a_file_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"{}\n")
    (tmp_path / "b.jsonl").symlink_to(tmp_path / "a.jsonl")
    assert list(row_files.labels([str(tmp_path / "b.jsonl")], "prepare.files")) == ["b.jsonl"]
    with pytest.raises(Refusal, match="stands twice"):
        row_files.labels([str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl")], "prepare.files")
