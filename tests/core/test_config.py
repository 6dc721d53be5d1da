"""What is wrong with a command line is said in one line, fast, before anything heavy is loaded."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.core import chain, config, pipeline, stage
from jobs.core.errors import Refusal

ROOT = Path(__file__).resolve().parents[2]
SECRET = "hf_" + "A1b2C3d4E5f6G7h8I9j0"


ANSWERS = """
import json, os, sys, tempfile
from jobs import __main__ as program
from jobs.core import chain, compose, pipeline
for name in pipeline.NAMES:
    chain.load(name)
for line in sys.stdin:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if not child:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            code = program.main(json.loads(line))
            if "torch" in sys.modules:
                print("torch was loaded", file=sys.stderr)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        out.seek(0)
        err.seek(0)
        print(json.dumps([code, out.read().decode(), err.read().decode()]), flush=True)
"""
"""Command lines, one after the other, each in a process forked from one that has loaded the config's models."""
Answers = subprocess.Popen[str]


@pytest.fixture(scope="module")
def answers() -> Iterator[Answers]:
    with subprocess.Popen(
        [sys.executable, "-c", ANSWERS], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        yield child
        child.communicate()


def command(child: Answers, *words: str) -> subprocess.CompletedProcess[str]:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(json.dumps(words) + "\n")
    child.stdin.flush()
    return subprocess.CompletedProcess(words, *json.loads(child.stdout.readline()))


def started(*words: str) -> subprocess.CompletedProcess[str]:
    """The same, from an interpreter that has loaded nothing."""
    return subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "jobs", *words], capture_output=True, text=True, cwd=ROOT, timeout=60
    )


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if not line.startswith("import time:")]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("train.schedule.learning_rat=1", ["train.schedule.learning_rat", "did you mean train.schedule.learning_rate"]),
        ("train.lrr=1", ["train.lrr", "unknown key"]),
        ("nonsense.key=1", ["nonsense.key", "unknown key", "the config has"]),
        ("train.schedule.learning_rate=abc", ["train.schedule.learning_rate", "valid number", "'abc'"]),
        ("train.schedule.learning_rate=0", ["train.schedule.learning_rate", "greater than 0"]),
        ("train.schedule.learning_rate=-0.001", ["train.schedule.learning_rate", "greater than 0"]),
        ("train.schedule.learning_rate=1e6", ["train.schedule.learning_rate", "less than or equal to 0.1"]),
        ("train.lora.rank=0", ["train.lora.rank", "greater than or equal to 1"]),
        ("train.lora.alpha=0", ["train.lora.alpha", "greater than 0"]),
        ("train.lora.dropout=1.0", ["train.lora.dropout", "less than 1"]),
        ("train.schedule.num_epochs=0", ["train.schedule.num_epochs", "greater than 0"]),
        ("train.schedule.batch_size=0", ["train.schedule.batch_size", "greater than or equal to 1"]),
        ("train.schedule.batch_size=2.5", ["train.schedule.batch_size", "valid integer"]),
        ("quantize.types=[Q4_KM]", ["quantize.types", "Q4_K_M"]),
        ("fetch=nowhere", ["fetch=nowhere", "no such option", "hub"]),
        ("fetch=local", ["fetch.source.folder", "has no value"]),
        ("train._target_=os.system", ["_target_", "forbidden"]),
        ("+train.extra=1", ["keys cannot be added"]),
        ("train.lora", ["expected key=value"]),
        ("run.name=../up", ["run.name", "letters, digits"]),
        ("run.name='a;b'", ["run.name"]),
        ("run.name=" + "a" * 300, ["run.name", "64"]),
        ("waivers.TOK004=", ["waivers.TOK004", "reason"]),
        ("waivers=3", ["waivers", "expected rule codes with reasons"]),
        ("waivers.CRT001=known", ["waivers.CRT001", "cannot be waived"]),
        ("redo=yes", ["redo", "expected true or false"]),
        ("report.title=${oc.env:HOME}", ["report.title", "give the value itself"]),
        ("model=../model/demo", ["model", "no such option"]),
        ("run.folder=/proc/nowhere", ["run.folder", "cannot be made or written to"]),
    ],
)
def test_wrong_words_are_refused_in_one_line_and_one_to_paste(answers: Answers, word: str, expected: list[str]) -> None:
    done = command(answers, "train", "experiment=demo", word)
    assert done.returncode == 2, done.stderr[-2000:]
    lines = said(done)
    assert len(lines) == 2
    assert all(part in lines[0] for part in expected), lines[0]
    assert re.match(r"(then )?-> .*-m jobs train ", lines[1]), lines[1]
    pasted = shlex.split(lines[1].partition(" train ")[2])
    assert set(pasted) != {"experiment=demo", word}
    assert "torch was loaded" not in done.stderr
    assert refusal_of(pasted) != lines[0].removeprefix("train: refused: ")


def refusal_of(words: list[str]) -> str:
    """What is said of a command line before anything is made; empty where nothing is."""
    try:
        composed = config.compose(words)
        config.run_config(composed)
        for name in pipeline.NAMES:
            chain.load(name).waivers(composed)
            chain.load(name).slice(composed)
        stage.checked_redo(composed)
    except Refusal as refusal:
        return str(refusal)
    return ""


@pytest.mark.parametrize(
    ("key", "word", "value"),
    [
        ("model.revision", "1234567890123456789012345678901234567890", "1234567890123456789012345678901234567890"),
        ("model.revision", "0012345678901234567890123456789012345e10", "0012345678901234567890123456789012345e10"),
        ("run.name", "2024", "2024"),
        ("report.title", "名刀の極め, 第12回 (= a title)", "名刀の極め, 第12回 (= a title)"),
        ("report.title", "'in quotes'", "in quotes"),
        ("prepare.files", "[a_target_.jsonl, 'b c.jsonl']", ["a_target_.jsonl", "b c.jsonl"]),
        ("train.schedule.learning_rate", "1e-3", 1e-3),
        ("redo", "true", True),
        ("prepare.workers", "4", 4),
        ("prepare.workers", "auto", "auto"),
        ("fetch.source.cache", "null", None),
        ("waivers.TRN007", "short answers", "short answers"),
    ],
)
def test_values_are_what_was_typed(key: str, word: str, value: object) -> None:
    composed: Any = config.compose([f"{key}={word}"])
    for name in key.split("."):
        composed = composed[name]
    assert composed == value


def test_missing_value_names_the_key() -> None:
    done = started("train", "run.name=missing-value-test")
    assert done.returncode == 2
    assert "| torch" not in done.stderr
    assert "prepare.files: has no value; set it with prepare.files=value" in said(done)[0]


SECRETS = [
    f"run.name={SECRET}",
    "train.api_key=whatever",
    "hf_token=swordfish",
    "train.password=hunter2",
    f"report.title={SECRET}",
    SECRET,
]


@pytest.mark.parametrize("word", SECRETS)
def test_secrets_are_refused_and_never_repeated(answers: Answers, word: str, tmp_path: Path) -> None:
    done = command(answers, "train", "experiment=demo", f"run.folder={tmp_path}", word)
    assert done.returncode == 2
    assert "environment variable" in said(done)[0]
    assert (word.partition("=")[2] or word) not in done.stdout + done.stderr
    assert not list(tmp_path.iterdir())


def test_unknown_stage_lists_the_stages() -> None:
    done = started("trian")
    assert done.returncode == 2
    assert "prepare" in said(done)[0]


def test_config_errors_do_not_need_the_run_folder(answers: Answers, tmp_path: Path) -> None:
    done = command(answers, "train", "experiment=demo", f"run.folder={tmp_path / 'runs'}", "train.lrr=1")
    assert done.returncode == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "model"),
    [
        ([], "Qwen/Qwen3-0.6B"),
        (["fetch=local"], "unnamed"),
        (["fetch=demo"], "kiwame/demo"),
        (["experiment=demo"], "kiwame/demo"),
        (["experiment=demo", "fetch=local"], "unnamed"),
        (["fetch=local", "model=qwen3_4b"], "Qwen/Qwen3-4B"),
        (["experiment=demo", "fetch=local", "model=qwen3_8b"], "Qwen/Qwen3-8B"),
        (["fetch=local", "model.id=模型"], "模型"),
        (["fetch=local", "model.id=0123"], "0123"),
    ],
)
def test_a_folder_never_gets_the_name_of_a_model_that_nobody_chose(words: list[str], model: str) -> None:
    assert config.compose(words)["fetch"]["id"] == model
