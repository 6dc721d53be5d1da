"""What is typed after make, and what arrives: through a shell, make and its recipe."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.core.errors import Refusal
from jobs.launch import lines, typed

ROOT = Path(__file__).resolve().parents[2]
TAKERS = ["prepare", "train", "all", "demo", "test", "pod-submit", "k8s-submit"]
OTHERS = ["help", "doctor", "clean"]
ECHO = [sys.executable, "-c", "import json, sys; print(json.dumps(sys.argv[1:]))"]


def make(line: str) -> subprocess.CompletedProcess[str]:
    """`line` typed in a shell in the project's folder."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(["bash", "-c", line], cwd=ROOT, env=kept, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("run.name=a  train.x=1", ["run.name=a", "train.x=1"]),
        ("prepare.files=[my rows.jsonl,  b.jsonl] x=1", ["prepare.files=[my rows.jsonl,  b.jsonl]", "x=1"]),
        ("prepare.columns='{prompt:質問,completion:回答}'", ["prepare.columns={prompt:質問,completion:回答}"]),
        ("prepare.columns={prompt:質問,completion:回答} a=b", ["prepare.columns={prompt:質問,completion:回答}", "a=b"]),
        ("prepare.files=['a, b.jsonl','c']", ["prepare.files=['a, b.jsonl','c']"]),
        ("prepare.files=[it's.jsonl,that's.jsonl]", ["prepare.files=[it's.jsonl,that's.jsonl]"]),
        ('waivers.X="costs $5; a & b" y=it\'s', ["waivers.X=costs $5; a & b", "y=it's"]),
        ("-k 'a or b' tests/x.py::t[a b]", ["-k", "a or b", "tests/x.py::t[a", "b]"]),
        ("a='it'\"'\"'s' b=\\$5 c=a\\,b d=\\ e", ["a=it's", "b=$5", "c=a\\,b", "d= e"]),
        ("run.name=[12 b=c", ["run.name=[12", "b=c"]),
        ("a=$(x) b=${y} c=`z` d=# e=*", ["a=$(x)", "b=${y}", "c=`z`", "d=#", "e=*"]),
        ("", []),
        ("''", [""]),
    ],
)
def test_args_are_taken_apart_at_blanks_alone(text: str, words: list[str]) -> None:
    assert lines.split(text) == words
    assert lines.split(lines.joined(words)) == words


def test_a_quote_without_its_end_is_refused() -> None:
    with pytest.raises(Refusal, match="has no end"):
        lines.split("run.name='mine")


@pytest.mark.parametrize(
    "words",
    [["run.name=a"], ["waivers.X=it's $5"], ["prepare.files=['a b.jsonl']", "x=`y`"], ["a=!b", 'c="d"'], ["a=\\"],
     ["=  "]],
)  # fmt: skip
def test_a_printed_line_is_what_was_meant(words: list[str]) -> None:
    line = lines.line("train", words, {"RUNNER": "native", "IMAGE": "a b", "HF_TOKEN": "no"})
    assert line.startswith("make train RUNNER=native IMAGE='a b' ARGS=")
    found = dict(word.partition("=")[::2] for word in shlex.split(line)[2:])
    assert lines.split(found["ARGS"]) == words


def test_no_secret_is_on_a_line() -> None:
    secret = "hf_" + "A1b2C3d4E5f6G7h8I9j0"
    assert lines.line("train", [f"model.id={secret}", "fetch.token=x", "run.name=a"]) == 'make train ARGS="run.name=a"'


@pytest.mark.parametrize(
    "flags",
    [" --no-print-directory -- {}", "n -- {}", "-- {}"],
)
def test_words_beside_args_are_found(flags: str) -> None:
    said = r"b=x\\y RUNNER=native run.name=記\ 事 ARGS=a=$$5"
    assert typed.told(flags.format(said)) == [
        ("ARGS", "a=$5"), ("run.name", "記 事"), ("RUNNER", "native"), ("b", "x\\y"),
    ]  # fmt: skip
    assert typed.told("n") == []


def test_words_beside_args_are_taken() -> None:
    environment = {"KIWAME_ARGS": "run.name=a", "MAKEFLAGS": "-- model=qwen3_4b RUNNER=native run.name=a"}
    assert typed.words_of("train", environment) == ["run.name=a", "model=qwen3_4b"]


@pytest.mark.parametrize(
    ("args", "beside", "said", "line"),
    [
        ("run.name=a x=1", "run.name=b", "ARGS says run.name=a, and beside it stands run.name=b",
         'make train ARGS="x=1 run.name=b"'),
        ("RUNNER=native run.name=a", "", "RUNNER: is for make", 'make train RUNNER=native ARGS="run.name=a"'),
    ],
)  # fmt: skip
def test_words_that_cannot_both_hold_are_named(args: str, beside: str, said: str, line: str) -> None:
    with pytest.raises(Refusal) as refusal:
        typed.words_of("train", {"KIWAME_ARGS": args, "MAKEFLAGS": f"-- {beside}"})
    assert said in str(refusal.value)
    assert str(refusal.value).endswith(f"\n-> {line}")


@pytest.mark.parametrize(
    ("args", "beside", "words"),
    [
        ("", "model=q job.run=m image=i", ["image=i", "job.run=m", "--", "model=q"]),
        ("job.run=m", "image=i", ["job.run=m", "image=i"]),
        ("job.run=m -- model=q", "image=i redo=true", ["job.run=m", "image=i", "--", "model=q", "redo=true"]),
    ],
)  # fmt: skip
def test_a_pods_words_stand_before_the_jobs(args: str, beside: str, words: list[str]) -> None:
    assert typed.words_of("pod-submit", {"KIWAME_ARGS": args, "MAKEFLAGS": f"-- {beside}"}) == words


@pytest.mark.parametrize(
    ("goals", "flags", "said", "line"),
    [
        ("trian", "run.name=a", "did you mean train?", 'make train ARGS="run.name=a"'),
        ("train", "RUNER=native", "did you mean RUNNER?", "make train RUNNER=native"),
        ("train", "runner=native run.name=記", "did you mean RUNNER?", 'make train RUNNER=native ARGS="run.name=記"'),
        ("train", "DRY_RUN=1", "did you mean DRY?", "make train DRY=1"),
        ("doctor", "run.name=a", "doctor: takes no words", "make doctor"),
        ("train 記事.jsonl", "", "rows are named by prepare.files", 'make train ARGS="prepare.files=[記事.jsonl]"'),
        ("train train.epochs", "", "a word of the config is key=value", 'make train ARGS="train.epochs=VALUE"'),
        ("wholly_else", "", "is no target", "make help"),
    ],
)
def test_what_make_would_not_take_is_named_with_the_line(goals: str, flags: str, said: str, line: str) -> None:
    with pytest.raises(Refusal) as refusal:
        typed.check(TAKERS, OTHERS, goals.split(), f"-- {flags}")
    assert said in str(refusal.value)
    assert str(refusal.value).endswith(f"\n-> {line}")


@pytest.mark.parametrize("flags", ["image=i job.run=m", "HF_TOKEN=x", "DRY=1 CUDA_VISIBLE_DEVICES=0"])
def test_what_is_read_is_not_named(flags: str, capsys: pytest.CaptureFixture[str]) -> None:
    typed.check(TAKERS, OTHERS, ["pod-submit"], f"-- {flags}")
    assert capsys.readouterr().err == ""


def test_a_variable_that_nothing_reads_is_noted(capsys: pytest.CaptureFixture[str]) -> None:
    typed.check(TAKERS, OTHERS, ["train"], "-- NAME=mine")
    assert "note: NAME is no variable that anything here reads" in capsys.readouterr().err


def test_make_itself_says_so_and_runs_nothing() -> None:
    done = make("make trian run.name=記事")
    assert done.returncode == 2
    assert '-> make train ARGS="run.name=記事"' in done.stderr.splitlines()
    assert done.stdout == ""


def test_with_dry_what_knows_no_dry_run_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    environment = {"DRY": "1", "KIWAME_ARGS": "a=$5 'b c'"}
    assert typed.main(["chat", *ECHO], environment) == 0
    assert shlex.split(capfd.readouterr().out) == [*ECHO, "a=$5", "b c"]
    assert typed.main(["chat", "/no/such/python", "-m", "jobs", "train"], environment) == 0
    assert "`make setup` would make it first" in capfd.readouterr().err
    assert typed.main(["chat", "/no/such/python", "-m", "jobs", "train"], {}) == 4


@pytest.mark.parametrize("target", ["clean", "setup", "test"])
def test_make_with_dry_prints_what_it_would_run(target: str) -> None:
    done = make(f"make {target} DRY=1")
    assert done.returncode == 0, done.stderr
    assert {"clean": "rm -rf .venv", "setup": "", "test": "-m pytest"}[target] in done.stdout
    assert (ROOT / ".venv").exists()


def test_dry_is_not_ignored_natively(tmp_path: Path) -> None:
    done = make(f"make train experiment=demo 'run.folder={tmp_path}/記 事' RUNNER=native DRY=1")
    assert done.returncode == 0, done.stderr
    assert "nothing was run; this makes prepare, fetch, preflight, train" in done.stderr
    assert not any(tmp_path.iterdir())
    refused = make(f"make all run.folder={tmp_path} prepare.files=[無い.jsonl] model=qwen3_0_6b RUNNER=native DRY=1")
    assert refused.returncode == 2
    assert "無い.jsonl" in refused.stderr
    assert not any(tmp_path.iterdir())


def test_nothing_is_lost_between_the_shell_and_the_program() -> None:
    words = ["a=$5 $$ $(x) ${y}", "b=;&|<>*?#!~`", "c='q' \"r\" \\", "d=日本 語", "prepare.files=[a b.jsonl,'c, d']"]
    environment = {"KIWAME_ARGS": lines.joined(words), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-m", "jobs.launch.typed", "train", *ECHO], cwd=ROOT, env=environment, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == words
