"""Which GGUF of a run is talked to, and what is said of a run that has none, or is not certified."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.core.artifact import Record, write_record
from jobs.core.errors import Refusal
from jobs.core.rule import Finding, Verdict
from jobs.core.run_dir import RunDir
from jobs.engines.chat.choice import choose
from tests.stages import small_run

Q4, Q8 = "model-Q4_K_M.gguf", "model-Q8_0.gguf"
QUANTS = {"quants": [{"type": "Q8_0", "file": Q8}, {"type": "Q4_K_M", "file": Q4}]}


def publish(root: Path, stage: str, *names: str, facts: dict[str, object] | None = None) -> None:
    (root / stage).mkdir(parents=True)
    for name in names:
        (root / stage / name).write_text(f"{name} of {stage}")
    small_run.publish(root, stage, facts)


def run_of(root: Path) -> RunDir:
    """A run as the chain leaves it."""
    for stage in ("fetch", "prepare", "train", "smoke", "merge", "verify"):
        publish(root, stage, "some.json")
    publish(root, "preflight", "train.jsonl", facts={"lengths": {"longest": 143}})
    publish(root, "convert", "model-f32.gguf", "model-f16.gguf")
    publish(root, "quantize", Q4, Q8, facts=QUANTS)
    publish(root, "report", Q4, Q8, "README.md")
    return RunDir(root)


def failed(root: Path, stage: str) -> None:
    """The stage's gate said no."""
    record = small_run.publish(root, stage).record
    finding = Finding(code="PAR006", name="little-survived", level="error", status="fail", fix="", messages=[])
    data = record.model_dump() | {"verdict": Verdict(status="fail", findings=[finding], notes=[])}
    write_record(root / stage, Record.model_validate(data))


@pytest.mark.parametrize(
    ("wanted", "place", "why_not"),
    [
        ("", f"report/{Q8}", ""),
        ("Q4_K_M", f"report/{Q4}", ""),
        ("q4_k_m", f"report/{Q4}", ""),
        ("F16", "convert/model-f16.gguf", "F16 is not among the files that ship"),
    ],
)
def test_what_ships_comes_first(tmp_path: Path, wanted: str, place: str, why_not: str) -> None:
    choice = choose(run_of(tmp_path / "mine"), wanted)
    assert choice.gguf == tmp_path / "mine" / place
    assert (choice.why_not, choice.longest_row) == (why_not, 143)


def test_a_run_that_is_not_certified_has_files_too(tmp_path: Path) -> None:
    run_dir = run_of(tmp_path / "mine")
    failed(run_dir.root, "report")
    failed(run_dir.root, "verify")
    choice = choose(run_dir, "")
    assert choice.gguf == run_dir.root / "quantize" / Q8
    assert choice.why_not == "stopped at `verify` by PAR006 little-survived"


def test_a_file_in_parts_is_opened_by_its_first(tmp_path: Path) -> None:
    parts = [f"model-Q8_0-0000{number}-of-00002.gguf" for number in (1, 2)]
    publish(tmp_path / "mine", "quantize", *parts, facts={"quants": [{"type": "Q8_0", "file": parts[0]}]})
    choice = choose(RunDir(tmp_path / "mine"), "Q8_0")
    assert (choice.gguf.name, choice.why_not) == (parts[0], "`prepare` was not made")
    (tmp_path / "mine" / "quantize" / parts[1]).write_text("another text of the same length"[:33])
    with pytest.raises(Refusal, match=parts[1]):
        choose(RunDir(tmp_path / "mine"), "Q8_0")


def test_what_is_missing_is_said_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"there is no run .*/mine; there is none in .*; `make demo` makes one"):
        choose(RunDir(tmp_path / "mine"), "")
    run_of(tmp_path / "other")
    with pytest.raises(Refusal, match=r"there is no run .*/mine; there are other: say run\.name=other"):
        choose(RunDir(tmp_path / "mine"), "")
    publish(tmp_path / "early", "fetch", "some.json")
    with pytest.raises(Refusal, match="has no GGUF yet: `prepare` was not made; `make all` with the words"):
        choose(RunDir(tmp_path / "early"), "")
    with pytest.raises(Refusal, match=r"file=Q5_K_M: this run has Q8_0, Q4_K_M, F16, F32"):
        choose(RunDir(tmp_path / "other"), "Q5_K_M")


def test_a_file_that_was_changed_is_not_talked_to(tmp_path: Path) -> None:
    run_dir = run_of(tmp_path / "mine")
    path = run_dir.root / "report" / Q8
    path.write_text(path.read_text().upper())
    with pytest.raises(Refusal, match="its bytes are not the ones that were recorded"):
        choose(run_dir, "")
