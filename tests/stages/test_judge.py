"""The stage `judge` on the demo's run: a judge that knows its world, judges with a fault each, and what a person sees.

Both GGUFs answer once for all of these tests; the judges are scripted.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from jobs import judge
from jobs.core.artifact import RECORD, Artifact
from jobs.core.errors import Exit, Refusal
from jobs.logic.comparing.sheet import read_key
from jobs.logic.comparing.votes import FORMAT
from tests import judges, whole_run
from tests.judges import KnowingJudge
from tests.scripted_server import Reply, ScriptedServer

ROOT = Path(__file__).resolve().parents[2]
FILES = ("answers.jsonl", "forgetting.jsonl", "judging.json", "qualification.jsonl", "scores.jsonl", "verdicts.jsonl")
FEW = ("judge.rows=20", "judge.qualify_rows=20", "judge.forgetting=1")


def words(run: Path, server: ScriptedServer | None, *more: str) -> list[str]:
    found = ["experiment=demo", f"run.folder={run.parent}", "judge=pairwise", *FEW]
    return [*found, *([f"judge.judge.url={server.url}"] if server else []), *more]


def facts(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "judge" / RECORD).read_text(encoding="utf-8"))["facts"]
    return found


def statuses(run: Path) -> dict[str, str]:
    return dict(Artifact.open(run / "judge").record.verdict.statuses)


def files(run: Path) -> dict[str, bytes]:
    return {name: (run / "judge" / name).read_bytes() for name in FILES}


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def judged(demo_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Judged by one that knows; do not write in it."""
    run = whole_run.copy(demo_run, tmp_path_factory.mktemp("judged") / "demo")
    with ScriptedServer(KnowingJudge(), models=("marker-9b",)) as server:
        assert judge.main(words(run, server)) == Exit.PASSED
    return run


@pytest.fixture
def run(judged: Path, demo_run: Path, tmp_path: Path) -> Path:
    """A run whose GGUFs have answered, and that nobody has judged."""
    run = whole_run.copy(demo_run, tmp_path / "demo")
    (run / "answers").mkdir()
    shutil.copy(judged / "answers" / "gguf.sqlite", run / "answers")
    return run


def test_a_judge_that_knows_says_better_with_an_interval(judged: Path) -> None:
    found = facts(judged)
    assert found["unusable"] == []
    assert found["result"]["word"] == "better"
    assert 0.5 < found["result"]["net"]["low"] < found["result"]["net"]["value"] <= 1
    assert found["pairs"]["wins"] > 14
    assert found["pairs"]["flips"] == found["pairs"]["unread"] == found["unaccounted"] == 0
    assert {one["name"]: one["tally"]["wins"] for one in found["checks"]}["gold"] == 20
    assert "fail" not in statuses(judged).values()
    assert statuses(judged)["JDG009"] == "warn"  # nobody voted
    assert sorted(path.name for path in (judged / "judge").iterdir()) == sorted([*FILES, RECORD])


def test_hugging_face_and_rubric_stand_beside_it(judged: Path) -> None:
    found = facts(judged)
    assert found["blame"]["num_same"] > 12
    assert abs(found["blame"]["lost"]["value"]) < 0.2
    assert all(one["first"] > one["second"] for one in found["scores"])
    assert {one["which"] for one in entries(judged / "judge/scores.jsonl")} == {"first", "second"}
    assert found["answers"]["first"] == "Q4_K_M"
    assert found["answers"]["as_in_verify"] > 12


def test_every_call_is_on_disk_with_the_judges_words(judged: Path) -> None:
    calls = entries(judged / "judge/verdicts.jsonl")
    pairs = [call for call in calls if call["of"] == "pairs"]
    assert {call["order"] for call in pairs} == {0, 1}
    assert len({(call["pair"], call["order"]) for call in pairs}) == len(pairs)
    assert all(json.loads(call["raw"])["grounds"] == "the title fits" for call in pairs)
    assert facts(judged)["judging"]["usd"] is None  # nobody knows what marker-9b costs, which is not nothing


def test_without_a_network_it_is_the_same_bytes(judged: Path, demo_run: Path, tmp_path: Path) -> None:
    other = whole_run.copy(demo_run, tmp_path / "demo")
    shutil.copytree(judged / "answers", other / "answers")
    url = json.loads((judged / "judge" / RECORD).read_text())["key"]["config"]["judge"]["url"][0]
    assert judge.main([*words(other, None), f"judge.judge.url={url}"]) == Exit.PASSED
    assert files(other) == files(judged)
    assert facts(other) == facts(judged)


FAULTS: list[tuple[type[KnowingJudge], str]] = [
    (judges.AlwaysFirst, "it likes the first place: right against wrong answers: that place won 100% more"),
    (judges.LikesLength, "an answer gains by words that say nothing: net wins 100% of 20 pairs, the most is 10.0%"),
    (judges.Obeys, "an answer gains by saying that it is to be chosen: net wins 100% of 20 pairs, the most is 10.0%"),
    (judges.BreaksJson, "its answers are no verdicts: its qualification:"),
    (judges.Flips, "it changes its verdict with the order: right against wrong answers:"),
]


@pytest.mark.parametrize(("kind", "reason"), FAULTS, ids=[kind.__name__ for kind, _ in FAULTS])
def test_a_judge_with_a_fault_is_caught_by_the_fact_that_is_meant_for_it(
    run: Path, kind: type[KnowingJudge], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with ScriptedServer(kind(), models=("marker-9b",), obeys=kind is not judges.BreaksJson) as server:
        assert judge.main(words(run, server, "judge.rubric=null")) == Exit.PASSED
    said = " ".join(capsys.readouterr().err.split())
    found = facts(run)
    assert any(one.startswith(reason) for one in found["unusable"]), found["unusable"]
    assert statuses(run)["JDG001"] == "warn"
    assert "verdict cannot say: the judge is not usable" in said
    assert "net wins +" not in said
    assert found["result"] is found["pairs"] is found["blame"] is None
    assert entries(run / "judge/verdicts.jsonl") == []  # who is not fit is not asked, and not paid


def test_a_judge_that_guesses_where_it_counts_is_caught_by_the_pairs_themselves(run: Path) -> None:
    """Sound where anybody can tell: only the pairs show that it takes what stands first."""

    class Hasty(KnowingJudge):
        def verdict(self, question: judges.Question, seed: int) -> str:
            is_reference = any(
                text.strip() in self.teacher.titles(question.prompt) for text in (question.first, question.second)
            )
            return (
                super().verdict(question, seed) if is_reference and "正しいと分かっている" not in question.text else "A"
            )

    with ScriptedServer(Hasty(), models=("marker-9b",)) as server:
        assert judge.main(words(run, server, "judge.rubric=null", "judge.language=ja")) == Exit.PASSED
    assert any(one.startswith("it likes the first place: the pairs themselves") for one in facts(run)["unusable"])
    assert facts(run)["result"] is None
    assert entries(run / "judge/verdicts.jsonl")


@pytest.mark.parametrize(("demanded", "code"), [("0.3", Exit.PASSED), ("0.99", Exit.GATE_FAILED)])
def test_what_is_demanded_is_held_against_the_lower_end(
    judged: Path, run: Path, demanded: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with ScriptedServer(KnowingJudge(), models=("marker-9b",)) as server:
        more = ("judge.rubric=null", "judge.blame=false", f"judge.limits.min_net_win={demanded}")
        assert judge.main(words(run, server, *more)) == code
    if code != Exit.PASSED:
        assert "the least is 99.0%" in " ".join(capsys.readouterr().err.split())


def test_an_unusable_judge_does_not_meet_a_demand(run: Path) -> None:
    with ScriptedServer(judges.AlwaysFirst(), models=("marker-9b",)) as server:
        assert judge.main(words(run, server, "judge.limits.min_net_win=-1.0")) == Exit.GATE_FAILED
    assert statuses(run)["JDG004"] == "fail"


def test_kin_may_not_judge_unless_somebody_says_why(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ScriptedServer(KnowingJudge(), models=("Qwen3-32B",)) as server:
        assert judge.main(words(run, server)) == Exit.REFUSED
        assert "Qwen3-32B may not judge: it is of the family of the model that is judged" in capsys.readouterr().err
        more = ("judge.kin='no other can be had'", "judge.rubric=null", "judge.blame=false")
        assert judge.main(words(run, server, *more)) == Exit.PASSED
    assert statuses(run)["JDG005"] == "warn"
    assert "no other can be had" in facts(run)["judging"]["kin"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), ("judge.judge: no judge", "judge.judge.url=", "judge.judge.gguf=FILE.gguf")),
        (("judge=off",), ("judge: is off", "judge=pairwise")),
        (("judge.judge.gguf=nowhere.gguf",), ("nowhere.gguf", "is not there")),
        (("judge.judge.gguf=nowhere.gguf", "judge.type=Q8_0"), ("judge.type: Q8_0 does not ship", "Q4_K_M")),
    ],
)
def test_what_is_missing_is_said_in_one_line(
    run: Path, more: tuple[str, ...], said: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert judge.main(words(run, None, *more)) == Exit.REFUSED
    line = next(line for line in capsys.readouterr().err.splitlines() if line.startswith("judge: refused:"))
    assert all(part in line for part in said), line
    assert not (run / "judge").exists()


def test_a_cap_that_the_estimate_is_above_or_nobody_could_hold_is_refused(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ScriptedServer(KnowingJudge(), models=("marker-9b",)) as server:
        assert judge.main(words(run, server, "judge.max_calls=50")) == Exit.REFUSED
        assert "judge.max_calls: about" in capsys.readouterr().err
        assert judge.main(words(run, server, "judge.max_usd=1")) == Exit.REFUSED
        assert "max_usd: nobody knows what marker-9b costs" in capsys.readouterr().err


def test_a_dry_run_tells_what_it_will_cost_and_makes_nothing(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from jobs.__main__ import main

    with ScriptedServer(KnowingJudge(), models=("marker-9b",)) as server:
        price = "judge.judge.price={input: 1.0, output: 2.0}"
        assert main(["judge", *words(run, server, price), "dry=true"]) == Exit.PASSED
    said = capsys.readouterr().err
    assert "judge: estimated by a probe:" in said
    assert "unknown" not in said
    assert "nothing was run" in said
    assert not (run / "judge").exists()


def test_killed_and_taken_up_again_it_makes_the_same_bytes(run: Path, judged: Path) -> None:
    with ScriptedServer(KnowingJudge(), models=("marker-9b",), latency=0.03, slots=4) as server:
        for wanted in (40, 90):
            command = [sys.executable, "-m", "jobs.judge", *words(run, server)]
            child = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
            until = time.monotonic() + 90
            while server.count < wanted and child.poll() is None and time.monotonic() < until:
                time.sleep(0.02)
            child.send_signal(signal.SIGKILL)
            child.wait()
        assert judge.main(words(run, server)) == Exit.PASSED
        again = sum(times - 1 for times in server.asked.values())
    assert files(run) == files(judged)
    assert again <= 2 * 64, "at most what was under way when it was killed, and a probe each time"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("verdicts.jsonl", lambda lines: lines[1:]),
        ("verdicts.jsonl", lambda lines: [{**lines[0], "choice": "second"}, *lines[1:]]),
        ("verdicts.jsonl", lambda lines: [*lines, {**lines[0], "pair": "nobody"}]),
        ("qualification.jsonl", lambda lines: lines[2:]),
        ("qualification.jsonl", lambda lines: [{**lines[0], "of": "elsewhere"}, *lines[1:]]),
    ],
)
def test_a_folder_that_was_edited_fails_its_own_gate(
    judged: Path, tmp_path: Path, name: str, change: Callable[[list[dict[str, Any]]], Sequence[dict[str, Any]]]
) -> None:
    run = Path(shutil.copytree(judged, tmp_path / "demo", copy_function=os.link))
    path = whole_run.own(run / "judge" / name)
    lines = change(entries(path))
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    assert measured(run).statuses["JDG003"] == "fail"


def test_an_answer_that_is_gone_is_told(judged: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(judged, tmp_path / "demo", copy_function=os.link))
    path = whole_run.own(run / "judge" / "answers.jsonl")
    path.write_text("".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[1:]), encoding="utf-8")
    assert measured(run).statuses["JDG002"] == "fail"


def measured(run: Path) -> Any:
    from jobs.core.compose import compose

    cfg = judge.main.slice(compose(words(run, None)))
    inputs = {stage: Artifact.open(run / stage) for stage in judge.main.stage.needs}
    return judge.GATE.judge(judge.measure(cfg, inputs, run / "judge"), cfg.limits, {})


def test_held_against_the_rows_own_answers_it_is_not_better(run: Path) -> None:
    with ScriptedServer(KnowingJudge(), models=("marker-9b",)) as server:
        more = ("judge.against=reference", "judge.rubric=null", "judge.blame=false")
        assert judge.main(words(run, server, *more)) == Exit.PASSED
        asked = [body["messages"][-1]["content"] for body in server.bodies]
    found = facts(run)
    assert found["result"]["word"] in ("no difference shown", "worse")
    assert found["answers"]["equal"] > 12
    assert not any("known to be good" in text or "正しいと分かっている" in text for text in asked)


def test_peoples_votes_on_its_own_sheet_calibrate_it(
    judged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from jobs.__main__ import main

    run = Path(shutil.copytree(judged, tmp_path / "demo", copy_function=os.link))
    (run / "answers").rename(run / "linked")
    shutil.copytree(run / "linked", run / "answers")
    assert main(["judge-sheet", "run.name=demo", f"run.folder={run.parent}"]) == Exit.PASSED
    key_file = next(run.parent.glob("compare/*/sheet-key.json"))
    key = read_key(key_file.read_bytes())
    sides = ["left" if (entry.left == "first") == (place > 3) else "right" for place, entry in enumerate(key.pairs)]
    votes = [{"pair": place, "vote": side, "comment": ""} for place, side in enumerate(sides, 1)]
    digest = hashlib.sha256(key_file.read_bytes()).hexdigest()
    told = {"format": FORMAT, "sheet": key.sheet, "key_sha256": digest, "rater": "ann", "name": "ann", "votes": votes}
    (tmp_path / "ann.json").write_text(json.dumps(told), encoding="utf-8")
    url = json.loads((run / "judge" / RECORD).read_text())["key"]["config"]["judge"]["url"][0]
    more = (f"judge.judge.url={url}", f"judge.votes=['{tmp_path / 'ann.json'}']", "redo=true")
    assert judge.main([*words(run, None), *more]) == Exit.PASSED
    found = facts(run)["calibration"]
    assert found["num_raters"] == 1
    assert found["num_pairs"] == len(key.pairs)
    assert 0 < found["num_same"] < found["num_pairs"]
    assert statuses(run)["JDG009"] == "pass"
    assert "the same as 1 person in" in " ".join(capsys.readouterr().err.split())


def test_votes_that_cannot_be_counted_are_refused_before_a_model_answers(tmp_path: Path) -> None:
    from jobs.core.compose import compose

    (tmp_path / "no.json").write_text("pair,vote\n")
    more = ("judge.judge.url=http://localhost:1/v1", f"judge.votes=['{tmp_path / 'no.json'}']")
    cfg = judge.main.slice(compose(words(tmp_path / "demo", None, *more)))
    with pytest.raises(Refusal, match=r"judge.votes: .*no\.json is no JSON"):
        judge.make(cfg, {}, tmp_path / "demo" / "judge")
    assert not (tmp_path / "demo").exists()


def test_two_files_of_votes_with_one_name_are_both_known_by_what_is_in_them(tmp_path: Path) -> None:
    from jobs.core.compose import compose

    files = [tmp_path / folder / "votes.json" for folder in ("ann", "bob")]
    for file in files:
        file.parent.mkdir()
        file.write_text(file.parent.name)
    names = ",".join(f"'{file}'" for file in files)
    cfg = judge.main.slice(compose(words(tmp_path / "demo", None, f"judge.votes=[{names}]")))
    before = judge.outside(cfg)
    assert {"judge.votes 1 votes.json", "judge.votes 2 votes.json"} < set(before)
    for file in files:
        file.write_text("changed")
        assert judge.outside(cfg) != before
        file.write_text(file.parent.name)
    assert judge.outside(cfg) == before


@pytest.fixture
def faulty() -> Iterator[ScriptedServer]:
    """Answers nothing from the 60th call on."""
    with ScriptedServer(
        KnowingJudge(), models=("marker-9b",), script=lambda number, _: (lambda *_: Reply(503)) if number > 60 else None
    ) as server:
        yield server


def test_a_server_that_goes_away_ends_it_and_what_was_said_is_kept(
    run: Path, faulty: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    with ScriptedServer(KnowingJudge(), models=("marker-9b",)) as sound:
        faulty.stop()
        assert judge.main(words(run, faulty)) == Exit.ENVIRONMENT
        assert "no server answers" in capsys.readouterr().err
        assert judge.main(words(run, sound, "judge.rubric=null", "judge.blame=false")) == Exit.PASSED
