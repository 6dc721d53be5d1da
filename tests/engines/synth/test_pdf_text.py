"""PDFs in their child process: what does not end, or needs too much, is left out by name, and the next one is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.engines.synth.pdf_text import PdfBounds, PdfPages, Unreadable
from tests.engines.synth.pdf_files import pdf

BUSY = "tests.engines.synth.busy_pdf_worker"
TEXT = "土鍋は弱い火で温めてから使います。"


def test_a_document_beyond_its_bounds_is_left_out_and_the_next_is_read(tmp_path: Path) -> None:
    beyond = {
        "slow": r"took more than 5 s after page 1 \(synth\.craft\.pdf\.seconds\)",
        "large": r"needs more than 1024 MB after page 1 \(synth\.craft\.pdf\.megabytes\)",
        "gone": r"took the process down that read it after page 1 \(exit code 9\)",
    }
    for name in (*beyond, "plain"):
        (tmp_path / f"{name}.pdf").write_bytes(pdf(TEXT, None, f"{TEXT}二枚目。"))
    with PdfPages(PdfBounds(5, 1024, 1000), BUSY) as reader:
        for name, said in beyond.items():
            with pytest.raises(Unreadable, match=said):
                reader.of(tmp_path / f"{name}.pdf")
            assert [number for number, _ in reader.of(tmp_path / "plain.pdf")] == [1, 3]


def test_more_text_than_there_may_be_is_not_taken_in(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf(*[TEXT] * 50))
    with PdfPages(PdfBounds(60, 1024, 200)) as reader, pytest.raises(Unreadable, match="more than 200 characters"):
        reader.of(tmp_path / "a.pdf")
