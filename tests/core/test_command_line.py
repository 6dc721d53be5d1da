"""A printed command, typed as it is printed: through the shell, make, the recipe's shell and the config."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.core import command_line, config
from jobs.core.config import RunConfig

ROOT = Path(__file__).resolve().parents[2]
ECHO = [sys.executable, "-c", "import json, sys; print(json.dumps(sys.argv[1:]))"]
FOLDERS = ["runs", "my runs", "/abs/a$b", "it's", 'say "hi"', "a\\b", "a`b", "wow!", "a#b", "a=b,c", "[x]", "'q'",
           "null", "{a}", "記事", "a;b & c", "*"]  # fmt: skip


def run_of(folder: str) -> RunConfig:
    return RunConfig(name="mine", folder=folder, seed=1)


def typed_at_a_shell(line: str, folder: Path) -> list[str]:
    """The words that arrive at the program where `line` is typed in `folder`."""
    done = subprocess.run(
        ["env", "-u", "MAKELEVEL", "bash", "-c", line], cwd=folder, capture_output=True, text=True, check=True
    )
    words: list[str] = json.loads(done.stdout)
    return words


@pytest.mark.parametrize("name", FOLDERS)
def test_a_printed_make_arrives_as_it_was_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    recipe = shlex.join([sys.executable, "-m", "jobs.launch.typed", "chat", *ECHO]).replace("$", "$$")
    head = f"SHELL := /bin/bash\nexport PYTHONPATH := {ROOT}\nexport KIWAME_ARGS := $(value ARGS)\nunexport ARGS\n"
    (tmp_path / "Makefile").write_text(f"{head}chat:\n\t@{recipe} $(RUNNER)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAKELEVEL", "1")
    line = command_line.typed("chat", run_of(name))
    words = typed_at_a_shell(line, tmp_path)
    assert words[0] == "native"
    run = config.run_config(config.compose(words[1:]))
    assert (run.name, run.folder) == ("mine", name)


@pytest.mark.parametrize("name", FOLDERS)
def test_without_a_makefile_it_is_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    line = command_line.typed("serve", run_of(name))
    python, _, rest = line.partition(" -m jobs ")
    assert Path(shutil.which(*shlex.split(python)) or "").samefile(sys.executable)
    assert rest.startswith("serve run.name=mine")
    words = typed_at_a_shell(shlex.join(ECHO) + " " + rest, tmp_path)
    run = config.run_config(config.compose(words[1:]))
    assert (words[0], run.name, run.folder) == ("serve", "mine", name)


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (None, 'make chat RUNNER=native ARGS="run.name=mine"'),
        ("typed natively", " -m jobs chat run.name=mine"),
        ("", 'make chat ARGS="run.name=mine"'),
        ("ACCELERATOR=cpu", 'make chat ACCELERATOR=cpu ARGS="run.name=mine"'),
    ],
)
def test_a_run_is_looked_for_where_it_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str | None, line: str
) -> None:
    (tmp_path / "Makefile").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAKELEVEL", "1")
    if told == "typed natively":
        monkeypatch.delenv("MAKELEVEL")
    if told in (None, "typed natively"):
        monkeypatch.delenv(command_line.MAKE_WORDS, raising=False)
    else:
        monkeypatch.setenv(command_line.MAKE_WORDS, told)
    printed = command_line.typed("chat", run_of("runs"))
    assert printed.endswith(line) if told == "typed natively" else printed == line
