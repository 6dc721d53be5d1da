"""Text that looks like a control token, made harmless in what a model reads.

Servers tokenize a message with control tokens on: `<|im_end|>` typed by a user ends the turn, and what follows is
another's. In what we send, a word joiner (U+2060, no width) stands behind the first sign of each such text, which no
tokenizer takes for its token and every model still reads. `restored` takes it out again, so that a person is shown
what stood there, and an answer that repeats it is judged as what it is. Text that has joiners of its own keeps them:
`restored(neutralised(text)) == text` for every text.
"""

from __future__ import annotations

import re

JOINER = "\u2060"
_TAGS = (
    "think|thinking|tool_call|tool_response|tool|tools|s|bos|eos|pad|unk|mask|sep|cls|eod|eop|start_of_turn|end_of_turn"
    "|human|bot|SYS"
)
_REST = (
    r"[|｜][^|｜<>\s]{1,40}[|｜]>"  # ChatML, Llama 3, DeepSeek
    rf"|/?(?:{_TAGS})>"
)
_SQUARE = r"/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|gMASK)\]"
TOKEN = re.compile(rf"<(?={JOINER}*(?:{_REST}))|\[(?={JOINER}*(?:{_SQUARE}))", re.IGNORECASE)
NEUTRALISED = re.compile(
    rf"(?:(?<=<){JOINER}(?={JOINER}*(?:{_REST}))|(?<=\[){JOINER}(?={JOINER}*(?:{_SQUARE})))", re.IGNORECASE
)
SPOKEN = re.compile(r"<[|｜][^|｜<>\s]{1,40}[|｜]>|</?(?:think|tool_call|tool_response)>", re.IGNORECASE)
"""What an answer must not hold: a model that writes it has run over its turn, or repeats what would break one."""


def neutralised(text: str) -> str:
    """`text` as a model may read it."""
    return TOKEN.sub(lambda found: found[0] + JOINER, text)


def restored(text: str) -> str:
    """What `neutralised` was given."""
    return NEUTRALISED.sub("", text) if JOINER in text else text


def control_tokens(text: str) -> list[str]:
    """The texts of control tokens in an answer, in order."""
    return [found[0] for found in SPOKEN.finditer(text)]
