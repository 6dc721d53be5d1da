"""A person at a terminal: pastes, several turns, Ctrl-C that stops an answer, and `make` that goes on all the while."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path

import pytest

from tests.engines.chat.terminal import ALT_ENTER, CTRL_C, CTRL_D, ENTER, PROMPT, UP, Terminal

ARTICLE = "次の記事に題名を付けてください。\n\n障子の桟は、細いほど軽やかに見えます。"


@pytest.fixture
def words(tiny_run: Path) -> list[str]:
    return [f"run.folder={tiny_run}", "run.name=tiny"]


def test_a_conversation(terminal: Terminal, words: list[str], tmp_path: Path) -> None:
    terminal.chat(*words, "context=256", "against=base", KIWAME_CACHE=str(tmp_path))
    opened = terminal.until(PROMPT)
    assert len(list((tmp_path / "base").glob("*.gguf"))) == 1  # kept for the next time
    assert not list((tmp_path / "base").glob("*.making*"))
    assert "tiny · Q4_K_M · certified · temperature 0, as measured" in opened.splitlines()
    assert '"""' in opened.splitlines()[-3]
    assert "llama" not in opened
    for opens in (lambda: terminal.paste(ARTICLE), lambda: typed_lines(terminal), lambda: in_quotes(terminal)):
        opens()
        terminal.type(ENTER)
        seen = terminal.until(f"\n\n{PROMPT}")
        assert seen.count("── tiny, Q4_K_M ─") == seen.count("── base, Q4_K_M ─") == 1
        assert seen.count("context of 256 tokens") == 2
        terminal.type(f"/new{ENTER}")
        terminal.until(f"a new conversation\n{PROMPT}")
    terminal.type(CTRL_D)
    assert terminal.rest().strip() == ""
    assert ended(terminal) == 0


def typed_lines(terminal: Terminal) -> None:
    """Faster than anybody types: a paste of a terminal that does not announce it."""
    terminal.type(ARTICLE.replace("\n", ENTER))


def in_quotes(terminal: Terminal) -> None:
    terminal.type(f'"""{ENTER}')
    for line in ARTICLE.split("\n"):
        terminal.until("... ")
        terminal.type(f"{line}{ENTER}")
    terminal.until("... ")
    terminal.type('"""')


def ended(terminal: Terminal) -> int:
    """How the program ended, of which nothing more is to be seen."""
    assert terminal.program is not None
    code = terminal.program.returncode
    assert code is not None
    return code


def test_commands_and_the_lines_before(terminal: Terminal, words: list[str]) -> None:
    terminal.chat(*words, "context=256")
    terminal.until(PROMPT)
    terminal.type(f"/hlep{ENTER}")
    assert "/hlep: no such command; /help has the list\n" in terminal.until("list\n")
    terminal.until(PROMPT)
    terminal.type(f"/system 一言で{ALT_ENTER}答えて{ENTER}")
    assert "under the system prompt '一言で\\n答えて'" in terminal.until("答えて'\n")
    terminal.until(PROMPT)
    terminal.type(f"{UP}{UP}{ENTER}")
    assert "/hlep: no such command" in terminal.until("list\n")
    terminal.until(PROMPT)
    terminal.type(f"{'長い話。' * 200}{ENTER}")
    assert "too long: the conversation has more than the 256 tokens" in terminal.until("gives more\n")
    terminal.until(PROMPT)
    terminal.type(f"/bye{ENTER}")
    terminal.rest()
    assert ended(terminal) == 0


def test_ctrl_c_stops_the_answer_and_neither_the_program_nor_make(
    terminal: Terminal, words: list[str], tmp_path: Path
) -> None:
    recipe = shlex.join([sys.executable, "-m", "jobs", "chat", *words])
    (tmp_path / "Makefile").write_text(f"chat:\n\t@{recipe.replace('$', '$$')}\n")
    terminal.start(["make", "--no-print-directory", "-f", str(tmp_path / "Makefile"), "chat"])
    terminal.until(PROMPT)
    terminal.type("hello")
    terminal.until("hello")
    time.sleep(0.2)  # Python's readline loses a signal that comes right before it waits for the next key
    terminal.type(CTRL_C)
    terminal.until("(Ctrl-D ends)\n")
    terminal.until(PROMPT)
    for _ in range(2):
        terminal.type(f"hello{ENTER}")
        terminal.until("hello\n")
        terminal.until()
        terminal.type(CTRL_C)
        assert "context" not in terminal.until("(stopped)\n")
        terminal.until(PROMPT)
    terminal.type(CTRL_D)
    assert "Interrupt" not in terminal.rest()
    assert ended(terminal) == 0
