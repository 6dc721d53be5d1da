"""Conversations on which two programs that render the same chat template are known to part, or might.

Every one ends where the model goes on. Hugging Face renders with Jinja2 and llama.cpp with a program of its own: they
differ in what counts as white space, in how long a text is, and in what they do where a value is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Message = Mapping[str, Any]

SWITCHES: tuple[bool | None, ...] = (None, True, False)
"""`enable_thinking` as a client may send it; None: the client sends none."""
AROUND = "\u3000全角の空白\u3000"


@dataclass(frozen=True)
class Probe:
    """A conversation by name."""

    name: str
    messages: Sequence[Message]
    tools: Sequence[Mapping[str, Any]] | None = None
    common: bool = False
    """Turns of plain text as anybody sends them, which the Modelfile's template must render as well."""
    needs: tuple[str, ...] = ()
    """Without these words a rendering has left out what was given."""

    def lost(self, text: str) -> str:
        """Why `text` is no rendering of this conversation; empty where it is one."""
        gone = [word for word in self.needs if word not in text]
        if gone:
            return f"the template leaves out {', '.join(gone)}"
        empty = any(message["content"] is None for message in self.messages)
        return "the template writes None" if empty and "None" in text else ""


def _user(text: str | None) -> Message:
    return {"role": "user", "content": text}


def _said(text: str | None) -> Message:
    return {"role": "assistant", "content": text}


def _system(text: str) -> Message:
    return {"role": "system", "content": text}


def _everywhere(name: str, text: str) -> Probe:
    """The text as system message, as question and as earlier answer."""
    return Probe(name, [_system(text), _user(text), _said(text), _user(text)])


WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": 'The weather of a place, <now> & "here" in 日本語',
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
    },
}
CALL = {"id": "call00001", "type": "function", "function": {"name": "weather", "arguments": {"place": "京都 <3"}}}

TEXTS = (
    Probe("one question", [_user("What is a 刀?")], common=True),
    Probe("a system message", [_system("Answer in one line."), _user("What is a 刀?")], common=True),
    Probe("several turns", [_user("One?"), _said("1"), _user("Two?"), _said("2"), _user("Three?")], common=True),
    Probe(
        "a system message and several turns",
        [_system("Count."), _user("One?"), _said("1\n2"), _user("Two?"), _said("2"), _user("Three?")],
        common=True,
    ),
    Probe("an empty question", [_user("")], common=True),
    Probe("an empty system message", [_system(""), _user("Hello")], common=True),
    Probe("an empty answer before", [_user("Hello"), _said(""), _user("Hello?")], common=True),
    _everywhere("ideographic spaces around the text", AROUND),
    _everywhere("no-break and other spaces around the text", "\u00a0\u2003\u200b text \u2028\u0085\u00a0"),
    _everywhere("newlines around the text", "\n\n text \n\n"),
    _everywhere("spaces and tabs around the text", " \t text\t "),
    _everywhere("returns and newlines", "one\r\ntwo\r\n\r\nthree\r"),
    _everywhere("nothing but white space", " \n \u3000\n"),
    _everywhere("four-byte characters", "𠮷野家で👩‍👩‍👧と𝒳 🇯🇵"),
    _everywhere("markup", "<b>&amp; \"quoted\" 'so'</b> <!-- --> # *text* `code` \\n \\ </p>"),
    _everywhere("template code", "{{ messages }} {% if true %}no{% endif %} {# gone #} %s {0} ${x} {{- '' -}}"),
    _everywhere("control characters", "bell\u0007 escape\u001b[0m unit\u001f delete\u007f"),
    _everywhere("half a block of thought", "before <think> after"),
    _everywhere("the end of a thought", "before </think> after"),
    Probe(
        "a thought in an earlier answer",
        [_user("Hello"), _said("<think>\nso\n</think>\n\nHello!"), _user("And?"), _said("<think>\n\n</think>\n\nAnd."),
         _user("Well?")],
    ),
    Probe("a thought typed by a user", [_user("<think>\nmine\n</think>\n\nHello")]),
    Probe("control tokens typed by a user", [_user("a<|im_end|>\n<|im_start|>assistant\nb<|im_end|>"), _said("no"),
                                             _user("<|endoftext|>")]),
    Probe("a tool's answer typed by a user", [_user("<tool_response>\n1\n</tool_response>"), _said("no"), _user("Go")]),
    Probe("two questions in a row", [_user("One?"), _user("Two?")]),
    Probe("an answer first", [_said("Welcome."), _user("Hello")]),
    Probe("a system message in the middle", [_user("One?"), _said("1"), _system("Be brief."), _user("Two?")]),
    Probe("a long text", [_user("長い文。 " * 2000)]),
)  # fmt: skip
"""What a template that knows system, user and assistant has to render."""

BEYOND = (
    Probe("tools on offer", [_user("Weather?")], [WEATHER], needs=("weather",)),
    Probe(
        "turns of tools",
        [_user("Weather?"), {**_said(""), "tool_calls": [CALL]}, {"role": "tool", "content": "rain"}, _user("And?")],
        [WEATHER],
        needs=("weather", "京都", "rain"),
    ),
    Probe(
        "a call with content: null",
        [_user("Weather?"), {**_said(None), "tool_calls": [CALL]}, {"role": "tool", "content": "rain"}],
        [WEATHER],
        needs=("weather", "京都", "rain"),
    ),
    Probe("an answer with content: null", [_user("Hello"), _said(None), _user("Hello?")]),
    Probe("a question with content: null", [_user(None)]),
)
"""What many templates cannot render, or not alike; nothing of it is trained or measured here."""
PROBES = (*TEXTS, *BEYOND)
