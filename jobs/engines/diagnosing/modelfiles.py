"""An Ollama Modelfile, and what its Go template makes of the probe conversations."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from jobs.engines.diagnosing.boundary import Unreadable
from jobs.logic.chat.delimiters import CONVERSATION
from jobs.logic.diagnosing.model_seen import ModelfileSeen
from jobs.logic.pages import go_template

MOST_BYTES = 1 << 20
INSTRUCTION = re.compile(
    r"^[ \t]*(?P<word>FROM|PARAMETER|TEMPLATE|SYSTEM|ADAPTER|LICENSE|MESSAGE|REQUIRES)[ \t]+"
    r'(?:"""(?P<long>.*?)"""|(?P<line>[^\n]*))',
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
SYSTEM, USER, ANSWER = CONVERSATION
PROBES = {"whole": CONVERSATION, "without a system message": (USER, ANSWER), "prompt": (SYSTEM, USER)}
"""Of those that a tokenizer's template is asked to render."""
HERE = "\N{OBJECT REPLACEMENT CHARACTER}"
"""Stands for the answer that is to come, behind which Ollama writes nothing."""


def read(path: Path) -> ModelfileSeen:
    """Raises Unreadable where it is no Modelfile, OSError where it cannot be read."""
    if path.stat().st_size > MOST_BYTES:
        raise Unreadable(f"{path.stat().st_size} bytes are no Modelfile")
    try:
        text = path.read_bytes().decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise Unreadable(f"is not UTF-8 ({error.reason} at byte {error.start})") from None
    said: dict[str, list[str]] = {}
    for found in INSTRUCTION.finditer(text):
        value = found["long"] if found["long"] is not None else unquoted(found["line"].strip())
        said.setdefault(found["word"].upper(), []).append(value)
    if "FROM" not in said:
        raise Unreadable("has no FROM, which every Modelfile has")
    parameters = [tuple(one.split(None, 1)) for one in said.get("PARAMETER", []) if len(one.split(None, 1)) == 2]
    base = said["FROM"][-1]
    is_path = base.startswith((".", "/", "~")) or base.lower().endswith(".gguf")
    template = said.get("TEMPLATE", [None])[-1]
    rendered, not_rendered = ({}, "") if template is None else probed(template)
    return ModelfileSeen(
        file=str(path),
        base=base,
        base_is_there=(path.parent / Path(base).expanduser()).exists() if is_path else None,
        template=template,
        stops=tuple(unquoted(value.strip()) for name, value in parameters if name.lower() == "stop"),
        parameters={name.lower(): unquoted(value.strip()) for name, value in parameters if name.lower() != "stop"},
        adapter=said.get("ADAPTER", [None])[-1],
        system=said.get("SYSTEM", [None])[-1],
        rendered=rendered,
        template_error=not_rendered,
    )


def unquoted(value: str) -> str:
    """A value without the quotes around it."""
    if len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1].replace('\\"', '"').replace("\\n", "\n")
    return value


def probed(template: str) -> tuple[dict[str, str], str]:
    """What the template makes of each probe, and why it cannot be told of one."""
    texts: dict[str, str] = {}
    for name, messages in PROBES.items():
        try:
            texts[name] = go_template.render(template, handed(messages, template)).split(HERE)[0]
        except (ValueError, RecursionError) as error:
            return texts, f"{name}: {str(error)[:120]}"
    return texts, ""


def handed(messages: tuple[dict[str, str], ...], template: str) -> dict[str, Any]:
    """What Ollama hands a template: the messages, or the last of each role to one that knows no messages."""
    last = {message["role"]: message["content"] for message in messages}
    roles = [message["role"] for message in messages]
    asks = roles[-1] != "assistant" and ".Messages" not in template
    return {
        "Messages": [
            {"Role": one["role"], "Content": one["content"], "Thinking": "", "ToolCalls": []} for one in messages
        ],
        "System": last.get("system", ""),
        "Prompt": last.get("user", ""),
        "Response": HERE if asks else last.get("assistant", ""),
        "Suffix": "",
        "Tools": [],
        "Think": False,
        "ThinkLevel": "",
        "IsThinkSet": False,
    }
