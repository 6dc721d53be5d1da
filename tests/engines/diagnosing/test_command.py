"""A stranger's folder from its files to the answer, and what there is nothing to say about."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobs.__main__ import diagnosing
from jobs.core import way_out
from jobs.core.compose import compose
from jobs.core.errors import Exit, Refusal
from jobs.engines.diagnosing.command import chosen, diagnose
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
    text = (folder / "found/diagnosis.json").read_text()
    assert "that is a bug here" not in text
    return code, json.loads(text)


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
    assert said.index("What was read") < said.index("Causes") < said.index("Not checked") < said.index("Ruled out")
    assert "contaminated-rows" in (tmp_path / "found/diagnosis.html").read_text()
    assert json.loads((tmp_path / "found/diagnosis.sarif").read_text())["version"] == "2.1.0"


def test_good_rows_alone_are_no_cause(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", 0)
    code, found = answered(tmp_path, "rows.jsonl")
    assert code == Exit.PASSED
    assert str(found["headline"]).startswith("no cause was found")


def test_rows_that_are_none_cost_a_line(tmp_path: Path) -> None:
    (tmp_path / "bad.parquet").write_text("PAR1 and nothing more")
    write_rows(tmp_path / "rows.jsonl", 20)
    code, found = answered(tmp_path, "rows.jsonl", "bad.parquet")
    assert code == Exit.GATE_FAILED
    assert [one["kind"] for one in found["taken"]] == ["rows", "unreadable"]  # type: ignore[attr-defined]


def test_what_is_written_is_the_same_whenever_it_is_made(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", 20)
    written = []
    for _ in range(2):
        answered(tmp_path, "rows.jsonl")
        written.append({path.name: path.read_bytes() for path in (tmp_path / "found").iterdir()})
    assert sorted(written[0]) == ["diagnosis.html", "diagnosis.json", "diagnosis.sarif"]
    assert written[0] == written[1]


def test_without_a_folder_it_goes_beside_the_runs_by_what_was_looked_at(tmp_path: Path) -> None:
    first, again, other = (chosen(look_at, None, str(tmp_path), "mine").out for look_at in (("a",), ("a",), ("b",)))
    assert first == again != other
    assert first.parent == tmp_path
    assert chosen(("a",), "there", str(tmp_path), "mine").out == Path("there")
    (tmp_path / "mine").mkdir()
    assert chosen((), None, str(tmp_path), "mine").out == tmp_path / "mine/diagnose"


def test_a_run_that_was_cut_off_is_diagnosed_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "mine/prepare").mkdir(parents=True)
    write_rows(tmp_path / "mine/prepare/train.jsonl", 20)
    assert diagnosing([f"run.folder={tmp_path}", "run.name=mine"]) == Exit.GATE_FAILED
    data = json.loads((tmp_path / "mine/diagnose/diagnosis.json").read_text())
    assert data["taken"] == [{"path": "prepare/train.jsonl", "kind": "rows", "why": "as you say"}]
    places = [place["file"] for one in data["causes"] for place in one["places"]]
    assert places
    assert str(tmp_path) not in json.dumps(data)


def test_nothing_to_look_at_is_refused(tmp_path: Path) -> None:
    for name in ("gone", "empty"):
        (tmp_path / "empty").touch()
        asked = [f"diagnose.look=['{tmp_path / name}']", f"diagnose.out={tmp_path / 'out'}"]
        with pytest.raises(Refusal, match="nothing here can be read") as found:
            diagnosing(asked)
        line = way_out.line(way_out.Typed("diagnose", tuple(asked)), found.value)
        assert all(f"{tmp_path / one}" in line for one in (name, "out"))
    assert not (tmp_path / "out").exists()
    with pytest.raises(Refusal, match="there is no such run"):
        diagnosing([f"run.folder={tmp_path}", "run.name=gone"])


def test_a_run_without_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(Refusal, match=r"run.name=mine: nothing here can be read \(there is no file\)"):
        diagnosing([f"run.folder={tmp_path}", "run.name=mine"])


SAID = ("You can see it at noon.", "It lies behind the market.", "Nobody has seen it since spring.")
ANSWERS = {
    "empty": (["", "", *SAID], 1, "2 of 5 answers are empty"),
    "control tokens": (["<|im_start|>user", "Yes.<|im_end|>", *SAID], 1, "2 of 5 answers are with control tokens"),
    "an open block": (["<think>\nWell", "<think>\nSo", *SAID], 1, "2 of 5 answers are with a tag of thoughts"),
    "good": (["Yes.", "<think>\nWell\n</think>\n\nNo.", *SAID], 0, ""),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_alone_tell_what_they_show(tmp_path: Path, name: str) -> None:
    texts, num, shown = ANSWERS[name]
    (tmp_path / "answers.jsonl").write_text("\n".join(json.dumps({"answer": text}) for text in texts))
    code, found = answered(tmp_path, "answers.jsonl")
    assert code == (Exit.GATE_FAILED if num else Exit.PASSED)
    assert len(found["symptoms"]) == num  # type: ignore[arg-type]
    headline = str(found["headline"])
    assert headline.startswith("no cause was found among what could be checked")
    assert shown in headline


@pytest.mark.parametrize(("with_rows", "certainty"), [(True, "measured"), (False, "not checked")])
def test_answers_of_rows_to_other_prompts_are_counted(tmp_path: Path, with_rows: bool, certainty: str) -> None:
    write_rows(tmp_path / "rows.jsonl", 0)
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    copies = [json.dumps({"answer": row["messages"][1]["content"], "reference": "No."}) for row in rows[:12]]
    (tmp_path / "answers.jsonl").write_text("\n".join(copies))
    _, found = answered(tmp_path, "answers.jsonl", *(["rows.jsonl"] if with_rows else []))
    (cause,) = (one for one in found["causes"] if one["code"] == "CAU602")  # type: ignore[attr-defined]
    assert cause["certainty"] == certainty
    told = cause["signs"] if with_rows else cause["decides"]
    assert ("12 of 12 answers" if with_rows else "the rows that were trained on") in told[0]


def test_a_file_is_called_as_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("here", "there", "other"):
        (tmp_path / name).mkdir()
    write_rows(tmp_path / "there/rows.jsonl", 20)
    write_rows(tmp_path / "other/rows.jsonl", 20)
    (tmp_path / "here/link").symlink_to(tmp_path / "there")
    look_at = ("../other/rows.jsonl", "link/rows.jsonl")
    monkeypatch.chdir(tmp_path / "here")
    asked = chosen(look_at, str(tmp_path / "out"), "runs", "mine")
    assert diagnose(asked, *surveyor(compose([]))) == Exit.GATE_FAILED
    data = json.loads((tmp_path / "out/diagnosis.json").read_text())
    assert [one["path"] for one in data["taken"]] == list(look_at)
    assert {place["file"] for one in data["causes"] for place in one["places"]} <= set(look_at)
    assert str(tmp_path) not in json.dumps(data)


def test_what_a_run_links_to_is_called_by_its_place_in_the_run(tmp_path: Path) -> None:
    (tmp_path / "runs/mine").mkdir(parents=True)
    (tmp_path / "kept").mkdir()
    write_rows(tmp_path / "kept/train.jsonl", 20)
    (tmp_path / "runs/mine/prepare").symlink_to(tmp_path / "kept")
    assert diagnosing([f"run.folder={tmp_path / 'runs'}", "run.name=mine"]) == Exit.GATE_FAILED
    data = json.loads((tmp_path / "runs/mine/diagnose/diagnosis.json").read_text())
    assert [one["path"] for one in data["taken"]] == ["prepare/train.jsonl"]
