"""The list of bad inputs has a hundred rows that these stages answer; each has a test that carries its number."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

SECTIONS = {"A": range(1, 34), "B": range(34, 71), "C": range(71, 82), "D": range(82, 101)}


@pytest.mark.parametrize("section", SECTIONS)
def test_every_row_has_a_test(section: str) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    found = re.findall(rf'"{section}(\d+)-|def test_{section.lower()}(\d+)_', text)
    assert {int(one or other) for one, other in found} == set(SECTIONS[section])
