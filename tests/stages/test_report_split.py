"""A quant in parts: what ships, what the pages say of it, and parts that were lost or changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs import report
from tests.stages import records
from tests.stages.test_report import GGUF, LOG, PAGES, Page, made, names

PARTS = [f"model-Q4_K_M-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
OF_PARTS = {"file": PARTS[0], "files": dict.fromkeys(PARTS, 132_235_157), "whole": "aa", "joined": "aa"}
SPLIT = {"quantize": {"quants": [records.quantize()["quants"][0] | OF_PARTS], "max_file_bytes": 132_235_157}}


def test_a_split_quant_ships_in_parts(tmp_path: Path) -> None:
    out, facts = made(tmp_path, records.build(tmp_path, SPLIT))
    first, *others = PARTS
    assert names(out) == sorted([*PAGES, "Modelfile", first, *others, LOG])
    assert facts.certified
    assert facts.closing[0] == f"certified: {{run}}/report/{first}"
    assert report.check(out)[1] == []
    card = (out / "README.md").read_text(encoding="utf-8")
    assert f"llama-completion -m {first} " in card
    assert "with the 2 parts after it, is the model that was trained" in card
    merge = f"llama-gguf-split --merge {first} {GGUF}"
    assert f"{merge}\nollama create test -f Modelfile\nrm {GGUF}\nollama run test\n" in card
    modelfile = (out / "Modelfile").read_text(encoding="utf-8")
    assert f"# Ollama takes one file: {merge}\n" in modelfile
    assert f"\nFROM ./{GGUF}\n" in modelfile
    assert f"{first} in 3 files, 5.32 bits a weight" in Page((out / "report.html").read_text(encoding="utf-8")).text


def swap_parts(out: Path) -> None:
    one, other = ((out / name).read_bytes() for name in PARTS[:2])
    (out / PARTS[0]).unlink(), (out / PARTS[1]).unlink()
    (out / PARTS[0]).write_bytes(other), (out / PARTS[1]).write_bytes(one)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda out: (out / PARTS[1]).unlink(), f"{PARTS[1]}: is missing"),
        (swap_parts, f"{PARTS[0]}: its bytes are not the ones"),
        (lambda out: (out / GGUF).write_text("merged"), f"{GGUF}: is a file that is not in the certificate; remove it"),
    ],
)
def test_a_lost_or_swapped_part_is_a_difference(tmp_path: Path, damage: Callable[[Path], Any], said: str) -> None:
    out, _ = made(tmp_path, records.build(tmp_path, SPLIT))
    damage(out)
    assert any(said in problem for problem in report.check(out)[1]), report.check(out)[1]
