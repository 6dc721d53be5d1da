"""Stops by real signals to real processes: one answer for one stop, whenever it comes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND = """
import atexit, sys, tempfile, time
from pathlib import Path
from jobs.core import process
from jobs.core.endings import ending
from jobs.core.errors import Interrupted

def up():
    print("up", flush=True)
    time.sleep(30)

def work():
    {work}
    return 0

process.install_stop_handlers()
sys.exit(ending("work", work))
"""
SAVES = """
    with process.deferred_stop(lambda: "waits for the save"):
        print("up", flush=True)
        while not process.stop_requested(): time.sleep(0.01)
    raise Interrupted("saved")"""
PASSES_ON = """
    stop = Path(tempfile.mkdtemp()) / "stop"
    code = "import pathlib, sys, time; print('up', flush=True); stop = pathlib.Path(sys.argv[1])\\n"
    code += "while not stop.exists(): time.sleep(0.01)"
    process.run_child([sys.executable, "-c", code, str(stop)], process.environment(), asked=stop.touch,
                      waiting=lambda: "waits for the child")
    raise Interrupted("saved")"""
SWALLOWS = """
    with process.held_stop():
        try: up()
        finally: raise ValueError("a parser that fell over the stop")"""
COMPOSES = """
    from jobs.core.compose import compose
    print("up", flush=True)
    while True: compose([f"run.name=n{time.time_ns()}"])"""
TWICE = """
    process.SAME_STOP_SECONDS = 0.0
    try: up()
    except Interrupted: pass  # lost, as in a finalizer
    up()"""
CHILD = """
    return process.run_child([sys.executable, "-c", {code!r}], process.environment())"""
COUNTS = """
import signal, sys, time
heard = []
signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
print("up", flush=True)
while not heard: time.sleep(0.01)
time.sleep(0.3)
sys.exit(70 + len(heard))
"""
SHUTDOWN = """
    atexit.unregister(process._ignore_stops)
    atexit.register(lambda: (print("up", flush=True), time.sleep(0.5)))  # runs after the one that is registered next
    atexit.register(process._ignore_stops)"""


def start(work: str) -> subprocess.Popen[str]:
    """The command, at the place where it says that it is up."""
    words = [sys.executable, "-c", COMMAND.format(work=work)]
    child = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "up\n", child.communicate()[1]
    return child


def ended(child: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = child.communicate(timeout=30)
    return child.returncode, said


@pytest.mark.parametrize("work", ["up()", SAVES])
@pytest.mark.parametrize("milliseconds", [0, 1, 2, 5, 10, 20, 40])
def test_a_stop_that_comes_as_two_signals_is_answered_once(work: str, milliseconds: int) -> None:
    child = start(work)
    child.send_signal(signal.SIGINT)
    time.sleep(milliseconds / 1000)
    child.send_signal(signal.SIGTERM)
    code, said = ended(child)
    assert code == 75, said
    assert said.count("interrupted") == 1
    assert "Traceback" not in said


@pytest.mark.parametrize(("work", "line"), [(SAVES, "waits for the save"), (PASSES_ON, "waits for the child")])
def test_what_a_stop_waits_for_is_said_once_and_first(work: str, line: str) -> None:
    child = start(work)
    child.send_signal(signal.SIGINT)
    child.send_signal(signal.SIGTERM)
    code, said = ended(child)
    ends = "work: interrupted (saved); the same command goes on from what was saved"
    assert (code, said.splitlines()) == (75, [line, ends])


def test_a_stop_in_the_middle_of_another_library_is_still_a_stop() -> None:
    child = start(SWALLOWS.replace("up()", "print('up', flush=True); time.sleep(1)"))
    child.send_signal(signal.SIGTERM)
    code, said = ended(child)
    assert (code, "interrupted (SIGTERM)" in said, "ValueError" in said) == (75, True, False)


@pytest.mark.parametrize("milliseconds", [100, 137, 171, 213, 256])
def test_a_config_is_never_called_wrong_for_a_stop(milliseconds: int) -> None:
    child = start(COMPOSES)
    time.sleep(milliseconds / 1000)
    child.send_signal(signal.SIGTERM)
    code, said = ended(child)
    assert (code, said.count("refused")) == (75, 0), said


def test_what_cannot_be_said_harms_nothing() -> None:
    child = start(SAVES.replace("with process", "import os; os.close(2); sys.stderr = sys.stdout\n    with process"))
    child.send_signal(signal.SIGTERM)
    said, _ = child.communicate(timeout=30)
    assert (child.returncode, said.count("interrupted")) == (75, 1)


def test_a_stop_that_was_lost_can_be_asked_for_again() -> None:
    child = start(TWICE)
    child.send_signal(signal.SIGTERM)
    assert child.stdout is not None
    assert child.stdout.readline() == "up\n"
    child.send_signal(signal.SIGTERM)
    code, said = ended(child)
    assert (code, said.count("interrupted")) == (75, 1)


def test_while_the_interpreter_shuts_down_the_exit_code_stands() -> None:
    child = start(SHUTDOWN)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        child.send_signal(number)
    assert ended(child) == (0, "")


def test_a_child_is_told_once() -> None:
    child = start(CHILD.format(code=COUNTS))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        child.send_signal(number)
        time.sleep(0.02)
    assert ended(child)[0] == 71


def test_a_child_is_told_again_of_a_later_stop() -> None:
    later = CHILD.replace("return", "process.SAME_STOP_SECONDS = 0.0; return")
    child = start(later.format(code=COUNTS.replace("while not heard", "while len(heard) < 2")))
    for number in (signal.SIGTERM, signal.SIGTERM):
        child.send_signal(number)
        time.sleep(0.2)
    assert ended(child)[0] == 72
