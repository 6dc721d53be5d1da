"""A stranger's folder from its files to the answer, and what there is nothing to say about."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobs.__main__ import diagnosing
from jobs.core.artifact import RECORD
from jobs.core.errors import Exit, Refusal
from jobs.engines.diagnosing import answer_files, own_run
from jobs.engines.diagnosing.looking import look
from jobs.prepare import surveyor

COLOURS = ("red", "green", "blue", "grey", "white", "black", "brown", "pink")


def write_rows(path: Path, tagged: int) -> None:
    """Sixty rows of which the first `tagged` are tags where an answer should be."""
    lines = []
    for number in range(60):
        thing = f"the {COLOURS[number % 8]} {COLOURS[number % 7]} boat of harbour {number}"
        answer = (
            f"#{COLOURS[number % 8]} #boat #harbour{number}" if number < tagged else f"You can see {thing} at noon."
        )
        said = [{"role": "user", "content": f"Where is {thing}?"}, {"role": "assistant", "content": answer}]
        lines.append(json.dumps({"messages": said}))
    path.write_text("\n".join(lines) + "\n")


def answered(folder: Path, *names: str) -> tuple[int, dict[str, object]]:
    look_at = ",".join(f"'{folder / name}'" for name in names)
    code = diagnosing([f"diagnose.look=[{look_at}]", f"diagnose.out={folder / 'found'}"])
    return code, json.loads((folder / "found/diagnosis.json").read_text())


def test_tags_in_a_strangers_rows_are_proven(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_rows(tmp_path / "rows.jsonl", 20)
    (tmp_path / "training_args.bin").write_bytes(b"\x80\x04not opened")
    (tmp_path / "empty.json").write_text("")
    code, found = answered(tmp_path, "rows.jsonl", "training_args.bin", "empty.json", "gone.gguf")
    assert code == Exit.GATE_FAILED
    causes = {one["code"]: one for one in found["causes"]}  # type: ignore[attr-defined]
    assert causes["CAU001"]["certainty"] == "proven"
    assert causes["CAU001"]["places"]
    kinds = [one["kind"] for one in found["taken"]]  # type: ignore[attr-defined]
    assert kinds == ["rows", "pickle", "unreadable", "unreadable"]
    said = capsys.readouterr().err
    assert "CAU001 contaminated-rows" in said
    assert said.index("What was read") < said.index("Causes")
    assert "contaminated-rows" in (tmp_path / "found/diagnosis.html").read_text()
    assert json.loads((tmp_path / "found/diagnosis.sarif").read_text())["version"] == "2.1.0"


def test_good_rows_alone_are_no_cause(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", 0)
    code, found = answered(tmp_path, "rows.jsonl")
    assert code == Exit.PASSED
    assert str(found["headline"]).startswith("no cause was found")


def test_rows_that_are_none_cost_a_line(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"messages": [{"role": "user", "content": "a"}]}\n' * 3)
    write_rows(tmp_path / "more.jsonl", 0)
    code, found = answered(tmp_path, "rows.jsonl", "more.jsonl")
    assert code in (Exit.PASSED, Exit.GATE_FAILED)
    assert len(found["taken"]) == 2  # type: ignore[arg-type]


def test_nothing_to_look_at_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="nothing here can be read"):
        diagnosing([f"diagnose.look=['{tmp_path / 'gone'}']", f"diagnose.out={tmp_path / 'out'}"])
    with pytest.raises(Refusal, match="there is no such run"):
        diagnosing([f"run.folder={tmp_path}", "run.name=gone"])


def test_a_run_that_was_cut_off_is_looked_at(tmp_path: Path) -> None:
    for place in ("prepare/train.jsonl", "train.partial/log.jsonl", f"prepare/{RECORD}", f"train.partial/{RECORD}"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text("{}\n")
    found = own_run.paths(tmp_path)
    assert found == [
        f"train:{tmp_path}/prepare/train.jsonl", f"log:{tmp_path}/train.partial/log.jsonl",
        f"{tmp_path}/prepare/{RECORD}",
    ]  # fmt: skip
    assert own_run.said(look(found), []) == ((), {})


@pytest.mark.parametrize(
    ("name", "text", "of", "num", "unended"),
    [
        (
            "answers-F16.jsonl",
            '{"answer": "One.", "stopped": true}\n{"answer": "Two", "stopped": false}\n',
            "f16",
            2,
            1,
        ),
        ("model-Q4_K_M.jsonl", '{"output": "One.", "finish_reason": "length"}\n', "quant", 1, 1),
        ("said.json", '[{"response": "One."}, {"response": "Two."}]', "unknown", 2, None),
        ("base.txt", "First answer\nof two lines.\n\nSecond answer.\n", "base", 2, None),
    ],
)
def test_answers_in_the_forms_that_people_have(
    tmp_path: Path, name: str, text: str, of: str, num: int, unended: int | None
) -> None:
    (tmp_path / name).write_text(text)
    from jobs.core.compose import compose

    found = answer_files.read(look([f"answers:{tmp_path / name}"]), surveyor(compose([]))[1])
    (seen,) = found.answers
    assert (seen.of, seen.num, seen.num_unended) == (of, num, unended)


def test_what_answers_show(tmp_path: Path) -> None:
    from jobs.core.compose import compose

    said = ["、" * 40, "#tag #tag2 #tag3", "<|im_start|>user", "", "I went home, " * 12, "A quiet evening by the sea."]
    lines = [
        json.dumps({"answer": text, "reference": "A quiet evening by the sea."}, ensure_ascii=False) for text in said
    ]
    (tmp_path / "answers.jsonl").write_text("\n".join(lines))
    (seen,) = answer_files.read(look([f"answers:{tmp_path / 'answers.jsonl'}"]), surveyor(compose([]))[1]).answers
    assert (seen.num_punctuation, seen.num_tags, seen.num_control, seen.num_empty, seen.num_loops) == (1, 1, 1, 1, 1)
