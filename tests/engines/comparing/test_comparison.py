"""`compare` on real GGUFs of a tiny model: what it makes, that it makes it whole, and what it refuses."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from jobs.__main__ import main
from jobs.core.artifact import Key, write_record
from jobs.engines.comparing import comparison, sheet_page
from jobs.logic.comparing.sheet import read_key
from tests.scripted_server import ScriptedServer
from tests.stages import small_run

QUESTIONS = [
    f"次の{noun}に題名を付けてください。" for noun in ("記事", "手紙", "日記", "詩", "報告", "物語", "歌", "記録")
]
MADE = [".comparison", "answers.jsonl", "compare.html", "compare.json", "sheet-key.json", "sheet.html"]


def rows(path: Path, questions: list[str] = QUESTIONS, answer: str = "題名") -> Path:
    lines = [
        {"id": f"r{n}", "source": f"s{n}", "messages": [{"role": "user", "content": question},
                                                        {"role": "assistant", "content": f"{answer}{n}"}]}
        for n, question in enumerate(questions)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return path


def run_of(root: Path, gguf: Path, held_out: list[str], trained: list[str]) -> Path:
    """A run that ships one GGUF, with the rows that it held out and was trained on."""
    for stage in ("prepare", "quantize", "report"):
        (root / stage).mkdir(parents=True)
    rows(root / "prepare" / "val.jsonl", held_out)
    rows(root / "prepare" / "train.jsonl", trained)
    for stage in ("quantize", "report"):
        shutil.copyfile(gguf, root / stage / "model-Q4_K_M.gguf")
    small_run.publish(root, "prepare")
    small_run.publish(root, "quantize", {"quants": [{"type": "Q4_K_M", "file": "model-Q4_K_M.gguf"}]})
    small_run.publish(root, "report")
    return root


def compare(runs: Path, a: Path, b: Path, *words: str) -> int:
    return main(
        ["compare", f"run.folder='{runs}'", f"compare.a='{a}'", f"compare.b='{b}'", "compare.max_tokens=6",
         "compare.context=256", "compare.gpu_layers=0", "compare.num_resamples=200", *words]
    )  # fmt: skip


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_two_files_are_told_side_by_side(
    f16_gguf: Path, q4_gguf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    meteor, comet = tmp_path / "meteor v1.gguf", tmp_path / "comet.gguf"
    meteor.symlink_to(f16_gguf)
    comet.symlink_to(q4_gguf)
    runs, out = tmp_path / "runs", tmp_path / "runs/compare/meteor-v1-and-comet"
    asked = rows(tmp_path / "asked.jsonl", [*QUESTIONS, QUESTIONS[0]])
    assert compare(runs, meteor, comet, f"compare.rows=['{asked}']") == 0
    said, told = capsys.readouterr()
    assert said == "cannot say: 8 rows are too few to say anything of\n"
    assert "8 rows of 8 rows of your files; 0 left out" in told
    assert listing(out) == MADE
    assert listing(runs / "compare") == ["answers", "meteor-v1-and-comet"]
    first = {name: (out / name).read_bytes() for name in MADE}
    sheet = first["sheet.html"].decode().lower()
    for name in ("meteor", "comet", "q4_k", "gguf", "f16", str(tmp_path).lower(), "r0", "qwen"):
        assert name not in sheet
    assert str(tmp_path) not in first["compare.json"].decode() + first["answers.jsonl"].decode()
    assert len(json.loads(first["sheet-key.json"])["pairs"]) > 4

    assert compare(runs, meteor, comet, f"compare.rows=['{asked}']") == 0  # votes may be under way: the same sheet
    assert {name: (out / name).read_bytes() for name in MADE} == first

    changed = rows(tmp_path / "asked.jsonl", QUESTIONS[:6])
    assert compare(runs, meteor, comet, f"compare.rows=['{changed}']") == 2
    assert {name: (out / name).read_bytes() for name in MADE} == first
    assert "a sheet of it may be with people" in capsys.readouterr().err
    assert compare(runs, meteor, comet, f"compare.rows=['{changed}']", "redo=true") == 0
    assert first["sheet.html"] != (out / "sheet.html").read_bytes()


def test_a_run_against_itself_under_another_name_leaves_trained_rows_out(
    q4_gguf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = run_of(tmp_path / "runs/one", q4_gguf, QUESTIONS[:6], ["Ｘ"])
    two = run_of(tmp_path / "runs/two", q4_gguf, QUESTIONS[2:], [QUESTIONS[2].replace("に", " に ").upper(), "y"])
    trees = [{path: path.read_bytes() for path in root.rglob("*") if path.is_file()} for root in (one, two)]
    assert compare(tmp_path / "runs", one, two) == 0
    said, told = capsys.readouterr()
    assert said == "no difference shown: one Q4_K_M and two Q4_K_M are one file: what differs is chance\n"
    assert "4 rows of 4 held-out rows of both; 0 left out" in told
    assert "are one file, by its digest" in told
    assert listing(tmp_path / "runs/compare/one-Q4_K_M-and-two-Q4_K_M") == [
        name for name in MADE if "sheet" not in name
    ]
    assert trees == [{path: path.read_bytes() for path in root.rglob("*") if path.is_file()} for root in (one, two)]

    three = run_of(tmp_path / "runs/three", q4_gguf, QUESTIONS, [QUESTIONS[3], f" {QUESTIONS[4]} "])
    assert compare(tmp_path / "runs", one, three / "report") == 0
    assert "4 rows of 6 held-out rows of both; 2 left out" in capsys.readouterr().err


def test_a_judge_that_takes_the_first_is_not_listened_to(
    f16_gguf: Path, q4_gguf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = rows(tmp_path / "asked.jsonl")
    with ScriptedServer(lambda _: json.dumps({"grounds": "the first", "verdict": "A"})) as judge:
        words = (f"compare.rows=['{asked}']", f"compare.judge.url=[{judge.url}]")
        assert compare(tmp_path / "runs", f16_gguf, q4_gguf, *words) == 0
    assert (
        "the judge is NOT USABLE: it cannot be qualified: 8 pairs of right and wrong answers" in capsys.readouterr().err
    )
    (made,) = (tmp_path / "runs/compare").glob("*-and-*")
    assert listing(made) == MADE  # what it said of the pairs is nothing to hold people against
    assert json.loads((made / "compare.json").read_text(encoding="utf-8"))["judge"]["wins"] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"a": None}, "compare.a: names no model"),
        ({"a": "nowhere"}, "nowhere is not there"),
        ({"a": "asked.jsonl"}, "is no GGUF file"),
        ({"a": "."}, "has no GGUF, and is no run"),
        ({"rows": None}, "neither model is of a run here"),
        ({"rows": "none.jsonl"}, "compare.rows"),
        ({"rows": "empty.jsonl"}, "empty.jsonl: is empty"),
        ({"out": "."}, "is there and is no comparison"),
        ({"typo": "1"}, "unknown key"),
    ],
)
def test_what_cannot_be_compared_is_one_line_before_anything_is_asked(
    q4_gguf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: dict[str, str | None], said: str
) -> None:
    rows(tmp_path / "asked.jsonl")
    (tmp_path / "empty.jsonl").write_text("")
    given: dict[str, str | None] = {"a": str(q4_gguf), "b": str(q4_gguf), "rows": "asked.jsonl", **words}
    paths = {key: value and str(tmp_path / value) for key, value in given.items()}
    line = [
        f"compare.{key}=['{value}']" if key == "rows" else f"compare.{key}='{value}'"
        for key, value in paths.items()
        if value
    ]
    assert main(["compare", f"run.folder={tmp_path / 'runs'}", *line]) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if not line.startswith(("-> ", "then -> "))]
    assert len(told) == 1
    assert said in told[0]
    assert not (tmp_path / "runs").exists()


def judged_run(root: Path, number: int = 60) -> None:
    """A run as far as `judge`, with what a sheet of it is made of."""

    def lines(place: str, found: list[dict[str, Any]]) -> None:
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text("".join(json.dumps(line) + "\n" for line in found))

    names = [f"r{n}" for n in range(number)]
    prompt = {"source": None, "prompt": [["user", "?"]], "reference": "right"}
    pairs = [{"id": name, "first": f"one {name}", "second": f"two {name}", **prompt} for name in names]
    lines("judge/answers.jsonl", pairs)
    calls = [
        {"of": "pairs", "pair": name, "order": order, "choice": choice}
        for name, both in zip(names, ["first", "second", "tie"] * number, strict=False)
        for order, choice in enumerate((both, both))
    ]
    lines("judge/verdicts.jsonl", calls)
    record = small_run.publish(root, "judge").record
    key = Key(config={"against": "base", "rows": number, "seed": 1}, inputs={}, outside={})
    write_record(root / "judge", record.model_copy(update={"key": key}))


def test_the_sheet_of_a_judge_is_drawn_from_its_pairs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    judged_run(tmp_path / "runs/mine")
    assert main(["judge-sheet", f"run.folder={tmp_path / 'runs'}", "run.name=mine"]) == 0
    made = tmp_path / "runs/compare/judge-mine"
    assert listing(made) == [".comparison", "judged.json", "sheet-key.json", "sheet.html"]
    key = read_key((made / sheet_page.KEY).read_bytes())
    assert (len(key.pairs), key.num_asked, key.first, key.second) == (40, 60, "mine", "base")
    said = json.loads((made / "judged.json").read_text())
    assert [said[f"r{n}"] for n in range(3)] == ["first", "second", "tie"]
    assert "judge.votes=[FILE.json]" in capsys.readouterr().out


def test_a_sheet_of_a_judge_that_would_be_another_one_is_made_where_a_person_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    judged_run(tmp_path / "runs/mine")
    key = tmp_path / "runs/compare/judge-mine" / sheet_page.KEY

    def make(*more: str) -> int:
        return main(["judge-sheet", f"run.folder={tmp_path / 'runs'}", "run.name=mine", *more])

    assert make() == 0
    first = key.read_bytes()
    assert make() == 0
    assert key.read_bytes() == first
    assert make("compare.sheet.seed=mine") == make("compare.sheet.pairs=20") == 2
    assert "a blind sheet that may be with people" in capsys.readouterr().err
    assert key.read_bytes() == first
    assert make("compare.sheet.pairs=20", "redo=true") == 0
    assert len(read_key(key.read_bytes()).pairs) == 20
    assert read_key(key.read_bytes()).seed != read_key(first).seed  # the old key tells no side of the new sheet
    assert make("compare.out=.") == 2
    assert "has no name of its own" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "said"), [("yours", "there is no run"), ("mine", "was not judged yet")])
def test_a_run_without_a_judge_has_no_sheet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    (tmp_path / "mine").mkdir()
    assert main(["judge-sheet", f"run.folder={tmp_path}", f"run.name={name}"]) == 2
    assert said in capsys.readouterr().err


def test_what_cannot_be_said_is_null(tmp_path: Path) -> None:
    comparison._json(tmp_path / "a.json", {"p": math.nan, "all": [(1.5, math.inf)], "name": "x"})
    assert json.loads((tmp_path / "a.json").read_text()) == {"p": None, "all": [[1.5, None]], "name": "x"}
