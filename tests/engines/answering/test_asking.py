"""A GGUF that is asked: what it says, what is kept of it, and every other way it can end."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs.core.errors import EnvironmentProblem, Refusal
from jobs.engines.answering.asking import as_tokens, ask
from jobs.engines.answering.gguf_files import digest, parts
from jobs.engines.answering.prompts import Prompt
from jobs.engines.answering.store import open_answers
from jobs.engines.gguf import file as gguf_file, llama_tools, server, split
from jobs.logic.row import Message
from tests.engines.answering import asking_process

IDS = Prompt("ids", ids=(9707, 11, 1879))
HI = Prompt("hi", messages=(Message("user", "hi"),))
CHATML = "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
USUAL = {"max_tokens": 6, "context": 256, "label": "test", "gpu_layers": 0}
COUNT = 16


def without_llama(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the build only its name is left: no server can be started."""
    (folder / "build").mkdir()
    for name in ("PIN", "build/build.json"):
        (folder / name).write_bytes((llama_tools.VENDOR / name).read_bytes())
    monkeypatch.setattr(llama_tools, "VENDOR", folder)


def test_answers_come_in_the_order_of_the_prompts_and_are_asked_for_once(
    q4_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [IDS, HI, Prompt("ids again", ids=IDS.ids)]
    with open_answers(tmp_path / "answers") as store:
        first = ask(store, q4_gguf, asked, **USUAL)
    without_llama(tmp_path, monkeypatch)
    with open_answers(tmp_path / "answers") as store:
        second = ask(store, q4_gguf, asked, **USUAL)
        keys = store.keys("answer")
        questions = [store.asked(key) for key in keys]

    assert [said.id for said in first] == ["ids", "hi", "ids again"]
    assert [said.outcome for said in first] == ["cut"] * 3
    assert [said.num_tokens for said in first] == [6] * 3
    assert [said.num_prompt_tokens for said in first] == [3, 9, 3]
    assert [len(said.ids) for said in first] == [6, 0, 6]
    assert first[0].text == first[2].text != ""
    assert [said.seconds is None for said in first] == [False, False, True]
    assert all(said.seconds is None for said in second)
    assert [(said.text, said.ids) for said in second] == [(said.text, said.ids) for said in first]
    assert len(keys) == 2
    assert any(
        question["messages"] == [{"role": "user", "content": "hi"}] for question in questions if "ids" not in question
    )


def test_messages_as_tokens_are_what_the_chat_endpoint_reads(q4_gguf: Path, tmp_path: Path) -> None:
    with open_answers(tmp_path) as store:
        [tokens] = as_tokens(store, q4_gguf, [HI], context=256, label="test")
        by_tokens, by_chat = ask(store, q4_gguf, [tokens, HI], **USUAL)
    with server.serve(q4_gguf, context=256, num_threads=1) as running:
        exact = running.prompt_tokens({"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1})

    assert list(tokens.ids) == exact
    assert by_tokens.text.strip() == by_chat.text  # the chat endpoint takes blanks off
    assert by_tokens.num_prompt_tokens == by_chat.num_prompt_tokens


def test_a_template_may_stand_in_for_the_ggufs_own(q4_gguf: Path, tmp_path: Path) -> None:
    template = b"{% for m in messages %}{{ m.content }}{% endfor %}"
    with open_answers(tmp_path) as store:
        [own] = as_tokens(store, q4_gguf, [HI], context=256, label="test")
        [other] = as_tokens(store, q4_gguf, [HI], context=256, label="test", template=template)
        asked = ask(store, q4_gguf, [HI], **USUAL, template=template)

    assert len(own.ids) == 9
    assert len(other.ids) == 1
    assert asked[0].num_prompt_tokens == 1


def test_every_ending_has_its_name(q4_gguf: Path, tmp_path: Path) -> None:
    with open_answers(tmp_path) as store:
        [cut] = ask(store, q4_gguf, [IDS], **USUAL)
        [stopped] = ask(store, q4_gguf, [IDS], **USUAL, stop_ids=[cut.ids[2]])
        long = [Prompt("long", ids=(9707,) * 256), Prompt("long text", messages=(Message("user", "hi " * 300),))]
        told = ask(store, q4_gguf, long, **USUAL)
        [full] = ask(store, q4_gguf, [Prompt("full", ids=(9707,) * 250)], **{**USUAL, "max_tokens": 100})

    assert (stopped.outcome, stopped.ids, stopped.num_tokens) == ("stopped", cut.ids[:2], 3)
    assert stopped.stopped
    assert cut.text.startswith(stopped.text)
    assert [(one.outcome, one.text, one.stopped) for one in told] == [("no room", "", False)] * 2
    assert told[0].num_prompt_tokens == 256
    assert (full.outcome, full.num_tokens) == ("cut", 6)


def test_what_llama_server_refuses_is_told_with_its_prompt(q4_gguf: Path, tmp_path: Path) -> None:
    with open_answers(tmp_path) as store:
        with pytest.raises(Refusal, match="prompt odd: llama-server refuses it: Prompt contains invalid tokens"):
            ask(store, q4_gguf, [IDS, Prompt("odd", ids=(10**7,))], **USUAL)
        assert len(store.keys("answer")) == 1


def test_a_damaged_file_is_refused_with_the_reason(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(b"GGUF" + bytes(60))
    with open_answers(tmp_path) as store, pytest.raises(Refusal, match=r"damaged\.gguf: llama-server ended"):
        ask(store, damaged, [IDS], **USUAL)


def test_a_second_command_is_told_to_wait(tmp_path: Path) -> None:
    with open_answers(tmp_path), pytest.raises(EnvironmentProblem, match="another command"), open_answers(tmp_path):
        pass


def test_other_bytes_are_another_model_and_parts_are_one(q4_gguf: Path, tmp_path: Path) -> None:
    file = gguf_file.read(q4_gguf)
    made = split.write(
        file, split.layout(file).least()[0], lambda number, count: tmp_path / f"some-{number:05d}-of-{count:05d}.gguf"
    )

    assert len(made) > 1
    assert parts(made[0]) == made
    with open_answers(tmp_path) as store:
        assert ask(store, made[0], [IDS], **USUAL)[0].text == ask(store, q4_gguf, [IDS], **USUAL)[0].text
        assert len(store.keys("answer")) == 2
    before = digest(made[0])
    with made[1].open("r+b") as last:
        last.seek(-1, os.SEEK_END)
        byte = last.read(1)
        last.seek(-1, os.SEEK_END)
        last.write(bytes([byte[0] ^ 1]))
    assert digest(made[0]) != before
    with pytest.raises(Refusal, match=r"is part 2 of \d+; name the first, some-00001"):
        parts(made[1])
    made[1].unlink()
    with pytest.raises(Refusal, match=r"some-00002-of-\d{5}\.gguf: is not there; expected all"):
        digest(made[0])


def begin(gguf: Path, folder: Path, stderr: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", asking_process.__name__, str(gguf), str(folder), str(COUNT)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=stderr, text=True)


def lines_until(child: subprocess.Popen[str], count: int) -> list[str]:
    """What it says until so many more answers are on disk, or until its end."""
    assert child.stdout is not None
    said: list[str] = []
    while said[-1:] != [""] and said.count(f"{asking_process.KEPT}\n") < count:
        said.append(child.stdout.readline())
    return said


def num_kept(folder: Path, scratch: Path) -> int:
    """Read from a copy: the file belongs to who asks."""
    shutil.copytree(folder, scratch)
    with open_answers(scratch) as store:
        found = len(store.keys("answer"))
    shutil.rmtree(scratch)
    return found


def test_a_server_that_dies_is_told_with_its_prompt_and_what_came_is_kept(q4_gguf: Path, tmp_path: Path) -> None:
    child = begin(q4_gguf, tmp_path / "cut", subprocess.PIPE)
    lines_until(child, 2)
    [running] = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
    os.kill(int(running), signal.SIGSEGV)
    told = child.communicate()[1]

    assert child.returncode == 4
    assert re.search(r"cannot run here: prompt (ids|messages) \d+: .*llama-server died of SIGSEGV", told)
    assert "answers that came are kept" in told
    assert num_kept(tmp_path / "cut", tmp_path / "scratch") >= 2


def test_killed_at_any_moment_it_asks_nothing_twice_and_says_the_same(q4_gguf: Path, tmp_path: Path) -> None:
    whole = begin(q4_gguf, tmp_path / "whole")
    said = whole.communicate()[0].splitlines()
    assert said[:-1] == [asking_process.KEPT] * COUNT + [str(COUNT)]
    draw, before = random.Random(13), 0
    for number in range(20):
        child = begin(q4_gguf, tmp_path / "cut")
        stop = (signal.SIGKILL, signal.SIGTERM)[number % 2]
        begun = lines_until(child, draw.randint(2, 7))
        time.sleep(draw.uniform(0, 0.05))
        child.send_signal(stop)
        stopped_at = time.monotonic()
        rest = ("".join(begun) + child.communicate()[0]).splitlines()
        assert time.monotonic() - stopped_at < 10
        kept = num_kept(tmp_path / "cut", tmp_path / "scratch")
        assert kept >= before
        if child.returncode == 0:
            assert int(rest[-2]) == COUNT - before
            assert rest[-1] == said[-1]
            break
        assert child.returncode == (-stop if stop == signal.SIGKILL else 75)
        assert kept > before
        before = kept
    assert kept == COUNT
