"""The stage as a whole, with a scripted server that knows the demo's world: rows made, joined, counted, taken up."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

from jobs import prepare, synth
from jobs.core.artifact import RECORD, Artifact
from jobs.core.errors import Exit
from jobs.core.provenance import ROOT
from jobs.logic.demo.world import write_article
from tests.scripted_server import Reply, ScriptedServer, digest, prompt_of, says
from tests.synth_teacher import FENCED, Teacher

FILES = ("rows.jsonl", "dropped.jsonl", "train.jsonl", "scores.jsonl", "making.json")
WORDS = ("experiment=demo", "synth=self_instruct", "synth.rubric=title_quality", "synth.seeds.most_scored=40",
         "synth.generator.max_tokens=512")  # fmt: skip
SURE = "Sure! Here is a new example for you."


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with nothing but its rows."""
    folder = tmp_path_factory.mktemp("runs")
    assert prepare.main([WORDS[0], f"run.folder={folder}"]) == Exit.PASSED
    return folder / "demo"


@pytest.fixture
def run(prepared: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(prepared, tmp_path / "demo"))


@pytest.fixture(scope="module")
def marker() -> Iterator[ScriptedServer]:
    with ScriptedServer(Teacher(), models=("marker-9b",)) as server:
        yield server


def words(run: Path, writer: ScriptedServer | None, marker: ScriptedServer | None, *more: str) -> list[str]:
    found = [*WORDS, f"run.folder={run.parent}"]
    found += [f"synth.generator.url={writer.url}"] if writer else []
    found += [f"synth.scorer.url={marker.url}"] if marker else []
    return [*found, *more]


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def facts(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "synth" / RECORD).read_text(encoding="utf-8"))["facts"]
    return found


def statuses(run: Path) -> dict[str, str]:
    return dict(Artifact.open(run / "synth").record.verdict.statuses)


def files(run: Path) -> dict[str, bytes]:
    return {name: (run / "synth" / name).read_bytes() for name in FILES}


@pytest.fixture(scope="module")
def made(prepared: Path, marker: ScriptedServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty rows by two methods; do not write in it."""
    run = Path(shutil.copytree(prepared, tmp_path_factory.mktemp("made") / "demo"))
    with ScriptedServer(Teacher(wrong=0.3), models=("teacher-70b",)) as writer:
        more = ("synth=[self_instruct,evol_instruct]", "synth.rows=30")
        assert synth.main(words(run, writer, marker, *more)) == Exit.PASSED
    return run


def test_rows_are_made_joined_and_accounted_for(made: Path) -> None:
    rows, dropped = entries(made / "synth/rows.jsonl"), entries(made / "synth/dropped.jsonl")
    before, train = entries(made / "prepare/train.jsonl"), entries(made / "synth/train.jsonl")
    assert len(rows) == 30
    assert train[: len(before)] == before
    assert [{**row, "made": None} for row in train[len(before) :]] == [{**row, "made": None} for row in rows]
    ids = Counter(entry["id"] for entry in (*rows, *dropped))
    assert set(ids.values()) == {1}
    assert len(ids) == sum(one["tried"] for one in facts(made)["taken"]) == facts(made)["making"]["num_candidates"]
    assert {entry["reason"] for entry in dropped} >= {"low-score"}
    assert all(entry["made"]["calls"] for entry in (*rows, *dropped))


def test_parents_are_training_rows_and_a_row_has_its_seeds_source(made: Path) -> None:
    rows = entries(made / "synth/rows.jsonl")
    known = {row["id"]: row["source"] for row in (*entries(made / "prepare/train.jsonl"), *rows)}
    held_out = {row["id"] for row in entries(made / "prepare/val.jsonl")}
    sources = {row["source"] for row in entries(made / "prepare/val.jsonl")}
    for row in rows:
        assert row["made"]["parents"]
        assert held_out.isdisjoint(row["made"]["parents"])
        assert row["source"] == known[row["made"]["parents"][0]] not in sources
        assert row["made"]["model"] == "teacher-70b"
        assert row["made"]["scores"]["mean"] >= 3.5


def test_wrong_rows_are_what_the_scorer_takes_out(made: Path) -> None:
    knows = Teacher()
    right = [row["messages"][1]["content"] in knows.titles(row["messages"][0]["content"])
             for row in entries(made / "synth/rows.jsonl")]  # fmt: skip
    assert all(right)
    scored = [row for row in entries(made / "synth/dropped.jsonl") if row["reason"] == "low-score"]
    assert not any(row["messages"][1]["content"] in knows.titles(row["messages"][0]["content"]) for row in scored)


def test_every_rule_passes_and_both_kinds_of_seeds_are_told(made: Path) -> None:
    assert {code for code, status in statuses(made).items() if status == "fail"} == set()
    assert {arm["arm"] for arm in facts(made)["arms"]} == {"best", "random"}
    assert facts(made)["making"]["usd"] is None  # nobody knows what teacher-70b costs, which is not nothing


def test_what_is_there_is_not_made_again(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(made)
    remembered = json.loads((made / "synth" / RECORD).read_text())["key"]["config"]
    more = [f"synth.generator.url={remembered['generator']['url'][0]}", "synth=[self_instruct,evol_instruct]"]
    scorer = [f"synth.scorer.url={remembered['scorer']['url'][0]}", "synth.rows=30"]
    assert synth.main([*words(made, None, None), *more, *scorer]) == Exit.PASSED
    assert files(made) == before


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda folder: change(folder / "rows.jsonl", 0, {"source": "another"}), "SYN007"),
        (lambda folder: change(folder / "rows.jsonl", 0, {"messages": held_out(folder)}), "SYN002"),
        (lambda folder: drop(folder / "dropped.jsonl"), "SYN004"),
        (lambda folder: drop(folder / "train.jsonl"), "SYN006"),
        (lambda folder: change(folder / "rows.jsonl", 1, {"made": {"parents": ["nobody"]}}), "SYN007"),
    ],
)  # fmt: skip
def test_a_folder_that_was_edited_fails_its_own_gate(made: Path, tmp_path: Path, damage: Any, code: str) -> None:
    run = Path(shutil.copytree(made, tmp_path / "demo"))
    damage(run / "synth")
    cfg = synth.main.slice(composed(run))
    found = synth.GATE.judge(
        synth.measure(cfg, {"prepare": Artifact.open(run / "prepare")}, run / "synth"), cfg.limits, {}
    )
    assert found.statuses[code] == "fail", found.failing


def composed(run: Path, *more: str) -> dict[str, Any]:
    from jobs.core.compose import compose

    return compose([*WORDS, f"run.folder={run.parent}", "synth.rows=30", *more])


def change(path: Path, number: int, what: Mapping[str, Any]) -> None:
    rows = entries(path)
    for key, value in what.items():
        rows[number][key] = rows[number][key] | value if isinstance(value, dict) else value
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def drop(path: Path) -> None:
    path.write_text("".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[1:]), encoding="utf-8")


def held_out(folder: Path) -> Any:
    return entries(folder.parent / "prepare/val.jsonl")[0]["messages"]


def test_killed_and_taken_up_again_it_makes_the_same_bytes(run: Path, tmp_path: Path, marker: ScriptedServer) -> None:
    """Whenever it is killed; and what was answered is not asked again."""
    draw, other = Random(5), Path(shutil.copytree(run, tmp_path / "other" / "demo"))
    with ScriptedServer(Teacher(wrong=0.2), models=("teacher-70b",), latency=0.03, slots=2) as writer:
        prices = ("synth.generator.price={input: 0.7, output: 1.9}", "synth.scorer.price={input: 0.3, output: 1.1}")
        more = ("synth.rows=24", "synth.generator.max_concurrency=2", *prices)
        assert synth.main(words(other, writer, marker, *more)) == Exit.PASSED
        asked = len(writer.asked)
        writer.asked.clear()
        writer.bodies.clear()
        for _ in range(4):
            command = [sys.executable, "-m", "jobs.synth", *words(run, writer, marker, *more)]
            child = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
            before = sum(writer.asked.values())
            until = time.monotonic() + 60
            wanted = before + draw.randrange(1, 12)
            while sum(writer.asked.values()) < wanted and child.poll() is None and time.monotonic() < until:
                time.sleep(0.01)
            child.send_signal(signal.SIGKILL)
            child.wait()
        assert synth.main(words(run, writer, marker, *more)) == Exit.PASSED
        own = Counter(digest(body) for body in writer.bodies if FENCED.search(prompt_of(body)))
        assert len(writer.asked) == asked
    assert files(run) == files(other)
    assert sum(count - 1 for count in own.values()) <= 4 * 2, "at most what was under way when it was killed"


def test_a_teacher_that_yields_nothing_is_told_by_what_it_said(
    run: Path, marker: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    with ScriptedServer(lambda prompt: SURE, models=("tiny-1b",), obeys=False) as writer:
        more = ("synth.rows=50", "synth.candidates.after=20", "synth.candidates.block=16")
        assert synth.main(words(run, writer, marker, *more, "synth.generator.max_concurrency=4")) == Exit.GATE_FAILED
    said = capsys.readouterr().err
    assert "0 of 50 rows after" in said
    shown = " ".join(said.split())  # as a table has cut its lines
    assert "fewer candidates were taken than synth.candidates.min_acceptance (unparsable" in shown
    assert SURE in shown
    assert {code for code, status in statuses(run).items() if status == "fail"} == {"SYN001", "SYN008"}
    assert all(entry["raw"] == SURE for entry in entries(run / "synth/dropped.jsonl"))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), ("synth.generator.url=", "synth.generator.gguf=FILE.gguf", "synth.generator.gguf=base")),
        (("synth.generator.gguf=nowhere.gguf", "synth.score=false"), ("nowhere.gguf", "is not there")),
        (("synth=off",), ("synth: no method is chosen",)),
        (("synth=craft", "synth.generator.gguf=x.gguf"), ("synth.craft.folder",)),
        (("synth.rubric=quality", "synth.generator.gguf=x.gguf"), ("synth.rubric: quality: no such", "title_quality")),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_in_one_line(
    run: Path, more: tuple[str, ...], said: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert synth.main(words(run, None, None, *more)) == Exit.REFUSED
    line = next(line for line in capsys.readouterr().err.splitlines() if line.startswith("synth: refused:"))
    assert all(part in line for part in said), line
    assert not (run / "synth").exists()


def test_a_model_does_not_mark_its_own_rows_unless_somebody_says_why(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ScriptedServer(Teacher(), models=("teacher-70b",)) as writer:
        assert synth.main(words(run, writer, writer, "synth.rows=8")) == Exit.REFUSED
        assert "teacher-70b is the model that writes" in capsys.readouterr().err
        assert synth.main(words(run, writer, None, "synth.rows=8")) == Exit.REFUSED
        assert "synth.scorer: no model to score rows" in capsys.readouterr().err
        assert synth.main(words(run, writer, writer, "synth.rows=8", "synth.same_model='one for now'")) == Exit.PASSED
    assert statuses(run)["SYN009"] == "warn"


def test_a_cap_that_the_estimate_is_above_or_nobody_could_hold_is_refused(
    run: Path, marker: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    with ScriptedServer(Teacher(), models=("teacher-70b",)) as writer:
        assert synth.main(words(run, writer, marker, "synth.rows=40", "synth.max_usd=1")) == Exit.REFUSED
        assert "max_usd: nobody knows what teacher-70b costs" in capsys.readouterr().err
        capped = words(run, writer, marker, "synth.rows=12")
        assert synth.main([*capped, "synth.max_calls=60"]) == Exit.REFUSED
        said = capsys.readouterr().err
        assert "synth.max_calls: about" in said
        enough = re.search(r"-> .* synth\.max_calls=(\d+)$", said, re.MULTILINE)
        assert enough is not None, said
        assert synth.main([*capped, f"synth.max_calls={enough[1]}"]) == Exit.PASSED
        assert facts(run)["making"]["estimated_calls"] < int(enough[1])
        assert synth.main([*capped, "redo=true", "synth.max_calls=20"]) == Exit.ENVIRONMENT
        said = capsys.readouterr().err
        assert "20 of 20 calls are made" in said
        assert said.rstrip().endswith("synth.max_calls=40")


def test_the_table_of_calls_has_all_that_is_paid_for(run: Path) -> None:
    """The probe of the server too, once, though it writes and scores; and the sums are those of the money."""
    with ScriptedServer(Teacher(), models=("teacher-70b",)) as writer:
        priced = ("synth.generator.price={input: 1.0, output: 2.0}", "synth.same_model='one for now'")
        assert synth.main(words(run, writer, None, "synth.rows=8", *priced)) == Exit.PASSED
        num_calls = writer.count
    making = facts(run)["making"]
    calls = {one["purpose"]: one["calls"] for one in making["asked"]}
    assert calls["probe"] == 3
    assert sum(calls.values()) == num_calls
    prompt, completion = (sum(one[f"{of}_tokens"] for one in making["asked"]) for of in ("prompt", "completion"))
    assert making["usd"] == pytest.approx((prompt + 2 * completion) / 1e6)


def test_faults_of_a_server_are_counted_and_the_rows_are_the_same(
    run: Path, tmp_path: Path, marker: ScriptedServer
) -> None:
    def fault(number: int, body: Mapping[str, Any]) -> Any:
        faults = {7: lambda *_: Reply(503, b"{}"), 9: lambda *_: Reply(200, b""), 12: says("{", finish="length")}
        return faults.get(number % 16)

    with ScriptedServer(Teacher(), models=("teacher-70b",), script=fault) as writer:
        more = ("synth.rows=12", "synth.limits.max_failed_share=0.5", "synth.generator.max_concurrency=1")
        assert synth.main(words(run, writer, marker, *more)) == Exit.PASSED
    failed = Counter[str]()
    for one in facts(run)["making"]["asked"]:
        failed.update(one["failed"])
    assert set(failed) <= {"cut", "call-failed"}
    assert failed["cut"] > 0
    dropped = entries(run / "synth/dropped.jsonl")
    assert any(entry["reason"] == "cut" and entry["raw"] == "{" for entry in dropped)


def test_held_out_rows_are_in_no_prompt(run: Path, marker: ScriptedServer) -> None:
    with ScriptedServer(Teacher(), models=("teacher-70b",)) as writer:
        writer.keeps_bodies = True
        assert synth.main(words(run, writer, marker, "synth.rows=12")) == Exit.PASSED
        asked = "\n".join(json.dumps(body, ensure_ascii=False) for body in writer.bodies)
    for row in entries(run / "prepare/val.jsonl"):
        article = row["messages"][0]["content"].split("\n\n", 1)[1]
        assert json.dumps(article, ensure_ascii=False)[1:-1] not in asked


def test_a_dry_run_tells_what_it_will_cost_and_makes_nothing(
    run: Path, marker: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    from jobs.__main__ import main

    with ScriptedServer(Teacher(), models=("teacher-70b",)) as writer:
        given = words(run, writer, marker, "synth.rows=100", "synth.generator.price={input: 1.0, output: 2.0}")
        assert main(["synth", *given, "dry=true"]) == Exit.PASSED
    said = capsys.readouterr().err
    assert "synth: estimated by a probe:" in said
    assert "nothing was run" in said
    assert not (run / "synth").exists()
    assert (run / "answers").is_dir()


def test_rows_of_a_persons_own_texts_say_which_passage_they_are_of(
    run: Path, tmp_path: Path, marker: ScriptedServer
) -> None:
    notes, draw, teacher = tmp_path / "my notes", Random(3), Teacher()
    notes.mkdir()
    for number in range(40):
        article = write_article(draw.choice(teacher.subjects), draw)
        (notes / f"{number}.txt").write_text(article, encoding="utf-8")
    with ScriptedServer(teacher, models=("teacher-70b",)) as writer:
        more = ("synth=craft", "synth.rows=6", f"synth.craft.folder={notes}", "synth.craft.min_characters=40")
        assert synth.main(words(run, writer, marker, *more)) == Exit.PASSED
    for row in entries(run / "synth/rows.jsonl"):
        passage = row["made"]["notes"]["passage"]
        text = (notes / passage["file"]).read_bytes()[passage["start"] : passage["end"]]
        assert hashlib.sha256(text).hexdigest() == passage["sha256"]
    assert facts(run)["making"]["passages"]["taken"] > 6
    read = facts(run)["making"]["corpus"]
    assert all(hashlib.sha256((notes / name).read_bytes()).hexdigest() == digest for name, digest in read.items())


def test_thoughts_stand_beside_the_answer_where_the_chat_keeps_them(run: Path, marker: ScriptedServer) -> None:
    class Muttering(Teacher):
        """Thinks in broken text of a third of what it is asked."""

        def __call__(self, prompt: str, body: Mapping[str, Any]) -> str:
            is_broken = hashlib.sha256(prompt.encode()).digest()[0] % 3 == 0
            return super().__call__(prompt, body).replace("Which thing", "\ufffd\ufffd" if is_broken else "Which thing")

    with ScriptedServer(Muttering(), models=("teacher-70b",)) as writer:
        more = ("synth=cot_self_instruct", "synth.rows=6", "chat=thinking")
        assert synth.main(words(run, writer, marker, *more)) == Exit.PASSED
    rows = entries(run / "synth/rows.jsonl")
    assert all(row["messages"][-1]["reasoning_content"] == "Which thing is it, and what of it?" for row in rows)
    assert entries(run / "synth/train.jsonl")[-1]["messages"] == rows[-1]["messages"]
    dropped = entries(run / "synth/dropped.jsonl")
    assert any(row["reason"] == "mojibake" and "\ufffd" in row["evidence"] for row in dropped), (
        "what it thought is seen"
    )
