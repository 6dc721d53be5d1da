"""What is typed becomes one message or one command; what arrives becomes an answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jobs.logic.chat import talk
from jobs.logic.chat.talk import Conversation, Entry, Piece

ARTICLE = "次の記事に題名を付けてください。\n\n革靴のある暮らしは、静かで豊かです。"


class Typist:
    """Lines as they come; those of `pasted` wait to be read, the others are typed one after another."""

    def __init__(self, *lines: str, pasted: int = 0) -> None:
        self.lines, self.pasted = list(lines), pasted
        self.told: list[bool] = []

    def line(self, goes_on: bool) -> str:
        self.told.append(goes_on)
        if not self.lines:
            raise EOFError
        return self.lines.pop(0)

    def waits(self) -> bool:
        self.pasted -= 1
        return self.pasted > 0


@pytest.mark.parametrize(
    ("typist", "text", "left"),
    [
        (Typist("hello", "later"), "hello", ["later"]),
        (Typist(ARTICLE), ARTICLE, []),  # a bracketed paste
        (Typist(*ARTICLE.split("\n"), "later", pasted=3), ARTICLE, ["later"]),  # one without brackets
        (Typist("", "later"), "", ["later"]),
        (Typist('"""', "one", "", "two", '"""', "later"), "one\n\ntwo", ["later"]),
        (Typist('"""one', 'two"""', "later"), "one\ntwo", ["later"]),
        (Typist('"""one"""', "later"), "one", ["later"]),
        (Typist('  """', f"{ARTICLE}\n", '"""  '), ARTICLE, []),
        (Typist('"""', "one", "two"), "one\ntwo", []),  # Ctrl-D ends it too
        (Typist('say """ now', "later"), 'say """ now', ["later"]),
        (Typist("\tkept  ", "later"), "\tkept  ", ["later"]),
    ],
)
def test_one_message_is_one_message(typist: Typist, text: str, left: list[str]) -> None:
    assert talk.typed(typist.line, typist.waits) == text
    assert typist.lines == left
    assert typist.told == [False] + [True] * (len(typist.told) - 1)


@pytest.mark.parametrize("typist", [Typist(), Typist('"""'), Typist('"""', " ")])
def test_the_end_of_what_is_typed_is_the_end(typist: Typist) -> None:
    with pytest.raises(EOFError):
        talk.typed(typist.line, typist.waits)


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("/new", Entry("", "/new")),
        ("  /new  ", Entry("", "/new")),
        ("/system Answer in one word.", Entry("Answer in one word.", "/system")),
        ("/system", Entry("", "/system")),
        ("/system one\ntwo", Entry("one\ntwo", "/system")),
        ("/hlep", Entry("", "/hlep")),
        ("/etc/hosts", Entry("/etc/hosts")),
        ("/etc/hosts とは", Entry("/etc/hosts とは")),
        ("/etc is\na folder", Entry("/etc is\na folder")),
        ("/", Entry("/")),
        ("/1", Entry("/1")),
        ("a /new", Entry("a /new")),
        ("\n\n a\n", Entry(" a")),
        ("か\u3099", Entry("が")),  # decomposed, as some systems write it: the model was trained on the composed
        ("", Entry("")),
    ],
)
def test_commands_and_messages(text: str, entry: Entry) -> None:
    assert talk.understood(text) == entry


def test_a_conversation_has_what_was_said() -> None:
    conversation = Conversation()
    assert conversation.asked("one") == [{"role": "user", "content": "one"}]
    conversation.answered("one", "1")
    assert [turn["content"] for turn in conversation.asked("two")] == ["one", "1", "two"]
    conversation.begin("be brief")
    assert conversation.asked("three") == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "three"},
    ]
    conversation.answered("three", "3")
    conversation.begin()
    assert [turn["content"] for turn in conversation.asked("four")] == ["be brief", "four"]
    conversation.begin("")
    assert [turn["content"] for turn in conversation.asked("five")] == ["five"]


@pytest.mark.parametrize(
    ("event", "piece"),
    [
        ({"choices": [{"delta": {"role": "assistant", "content": None}, "finish_reason": None}]}, Piece()),
        ({"choices": [{"delta": {"content": "あ"}, "finish_reason": None}]}, Piece(text="あ")),
        ({"choices": [{"delta": {"reasoning_content": "hm"}}]}, Piece(thought="hm")),
        ({"choices": [{"delta": {}, "finish_reason": "length"}]}, Piece(ended="length")),
        ({"choices": [], "usage": {"prompt_tokens": 3, "total_tokens": 9}}, Piece(tokens=9)),
        ({"choices": [{"delta": {}}], "usage": None}, Piece()),
        ({}, Piece()),
    ],
)
def test_an_event_is_a_piece_of_an_answer(event: dict[str, object], piece: Piece) -> None:
    assert talk.piece(event) == piece


def test_an_answer_does_not_command_the_terminal() -> None:
    assert talk.shown("a\x1b[2Jb\r\n\tc\x9b\u3042") == "a\\x1b[2Jb\\x0d\n\tc\\x9b\u3042"


def columns(text: str) -> Iterator[int]:
    return (2 if "\u3000" <= char <= "\u9fff" else 1 for char in text)


@pytest.mark.parametrize("text", ["base, Q4_K_M", "記事の題名, Q4_K_M"])
def test_a_heading_is_as_wide_as_the_terminal(text: str) -> None:
    assert sum(columns(talk.heading(text, 80))) == 80
    assert text in talk.heading(text, 10)


def test_every_command_is_in_the_list() -> None:
    text = "\n".join(talk.help_lines())
    assert all(command in text for command in (*talk.COMMANDS, "Ctrl-C", talk.QUOTES))
