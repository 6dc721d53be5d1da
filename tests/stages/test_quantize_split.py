"""quantize.max_file_bytes: parts that hold the whole quant, none larger; what no part can hold is refused."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs import quantize, verify
from jobs.checks.advised import Shipped
from jobs.checks.quantize import GATE
from jobs.core.artifact import Artifact, listing
from jobs.core.errors import Refusal
from jobs.engines.gguf import file as gguf_file, llama_tools, split
from tests import gguf_tamper
from tests.stages import small_chain, small_run
from tests.stages.test_quantize import asked

MOST = 32_000_000
PARTS = [f"model-Q4_K_M-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
Damage = Callable[[Path], Any]


def limited(*words: str) -> quantize.QuantizeConfig:
    return asked("quantize.types=[Q4_K_M]", f"quantize.max_file_bytes={MOST}", *words)


@pytest.fixture(scope="module")
def parts(converted_run: dict[str, Artifact], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("parts") / "quantize"
    out.mkdir()
    quantize.make(limited(), converted_run, out)
    return out


def test_a_larger_quant_is_written_in_parts(converted_run: dict[str, Artifact], parts: Path, tmp_path: Path) -> None:
    assert listing(parts) == [*PARTS, "split.json"]
    facts = quantize.measure(limited(), converted_run, parts)
    assert small_chain.offences(facts, GATE, limited().limits) == {}
    (quant,) = facts.quants
    assert quant.files == {name: (parts / name).stat().st_size for name in PARTS}
    assert max(quant.files.values()) <= MOST
    assert quant.num_bytes == sum(quant.files.values())
    llama_tools.quantize(converted_run["convert"].file("model-f32.gguf"), tmp_path / "whole.gguf", "Q4_K_M")
    whole = gguf_file.read(tmp_path / "whole.gguf")
    assert quant.joined == quant.whole == split.content(whole)
    assert split.read_whole(parts / PARTS[0]).metadata == whole.metadata


def test_verify_is_given_the_first_part_and_the_size_of_all(parts: Path) -> None:
    root = parts.parent
    inputs = {"quantize": small_run.publish(root, "quantize", {"asked": ["Q4_K_M"]})}
    sizes = sum((parts / name).stat().st_size for name in PARTS)
    assert verify.quants(inputs) == {"Q4_K_M": parts / PARTS[0]}
    assert verify.ships(inputs) == [Shipped(type="Q4_K_M", num_bytes=sizes)]
    (parts / "artifact.json").unlink()


def test_a_lost_part_is_refused_by_verify(parts: Path, tmp_path: Path) -> None:
    shutil.copytree(parts, tmp_path / "quantize")
    inputs = {"quantize": small_run.publish(tmp_path, "quantize")}
    (tmp_path / "quantize" / PARTS[2]).unlink()
    with pytest.raises(Refusal, match=rf"{PARTS[2]}: is missing; make `quantize` again"):
        verify.quants(inputs)


def test_what_fits_stays_one_file(converted_run: dict[str, Artifact], tmp_path: Path) -> None:
    quantize.make(limited("quantize.max_file_bytes=40000000"), converted_run, tmp_path)
    assert listing(tmp_path) == ["model-Q4_K_M.gguf"]


def test_a_tensor_above_the_limit_is_refused_before_work_with_the_least_that_does(
    converted_run: dict[str, Artifact], tmp_path: Path
) -> None:
    cfg = limited("quantize.types=[Q4_K_M,Q8_0]", "quantize.max_file_bytes=10000000")
    with pytest.raises(Refusal, match=r"max_file_bytes=10000000: token_embd\.weight of Q8_0 takes") as refused:
        quantize.make(cfg, converted_run, tmp_path)
    assert listing(tmp_path) == []
    least = re.search(r"set quantize.max_file_bytes=(\d+) or more", str(refused.value))
    assert least
    enough = limited("quantize.types=[Q8_0]", f"quantize.max_file_bytes={least[1]}")
    quantize.make(enough, converted_run, tmp_path)
    assert max(path.stat().st_size for path in tmp_path.glob("*.gguf")) == int(least[1])


def test_the_f16_that_ships_is_the_proven_one_in_parts_too(converted_run: dict[str, Artifact], tmp_path: Path) -> None:
    cfg = limited("quantize.types=[F16]", "quantize.max_file_bytes=80000000")
    quantize.make(cfg, converted_run, tmp_path)
    names = [f"model-F16-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
    assert listing(tmp_path) == [*names, "split.json"]
    facts = quantize.measure(cfg, converted_run, tmp_path)
    assert facts.is_verified_f16 is True
    assert small_chain.offences(facts, GATE, cfg.limits) == {}
    gguf_tamper.set_first_value(tmp_path / names[2], "blk.1.ffn_up.weight", b"\x01")
    assert quantize.is_verified(tmp_path / names[0], converted_run) is False


def swapped(out: Path) -> None:
    first, last = (out / PARTS[0]).read_bytes(), (out / PARTS[2]).read_bytes()
    (out / PARTS[0]).write_bytes(last)
    (out / PARTS[2]).write_bytes(first)


def of_another_quant(out: Path) -> None:
    """The same tensors in the same types, of other weights."""
    gguf_tamper.set_first_value(out / PARTS[2], "blk.1.attn_k_norm.weight", b"\x00\x00\x00\x40")


def whole_beside(out: Path) -> None:
    (out / "model-Q4_K_M.gguf").write_bytes(b"GGUF")


@pytest.mark.parametrize(
    ("damage", "code", "said"),
    [
        (lambda out: (out / PARTS[0]).unlink(), "QNT001", "made nothing, asked for Q4_K_M"),
        (lambda out: (out / PARTS[1]).unlink(), "QNT001", f"{PARTS[0]}: {PARTS[1]}: is missing"),
        (lambda out: gguf_tamper.truncate(out / PARTS[2], 64), "QNT001", f"{PARTS[0]}: {PARTS[2]}: the header"),
        (swapped, "QNT001", f"{PARTS[0]}: split.no is 2, expected 0"),
        (whole_beside, "QNT001", f"{PARTS[0]}: model-Q4_K_M.gguf is none of its 3 files"),
        (of_another_quant, "QNT017", f"{PARTS[0]}: the parts have the digest "),
        (lambda out: gguf_tamper.append(out / PARTS[0], bytes(MOST)), "QNT018", f"{PARTS[0]}: 37,9"),
    ],
)  # fmt: skip
def test_parts_that_were_changed_are_noticed(
    converted_run: dict[str, Artifact], parts: Path, tmp_path: Path, damage: Damage, code: str, said: str
) -> None:
    out = small_chain.damaged(parts, tmp_path / "out", damage)
    facts = quantize.measure(limited(), converted_run, out)
    failing = {finding.code: finding.messages for finding in GATE.judge(facts, limited().limits, {}).failing}
    assert failing[code][0].startswith(said), failing
    assert str(tmp_path) not in facts.model_dump_json()
    shutil.rmtree(out)
