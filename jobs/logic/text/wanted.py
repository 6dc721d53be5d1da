"""What a prompt asks for: code, a post with hashtags, a dialogue, an edit, an answer out of a given text ...

A request is read apart from its material: an article that mentions dialogues asks for none. The system message and
earlier turns of the user count as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

from jobs.logic.text import cues, program

SHORT_PROMPT = 300
"""Characters of a prompt that is read whole."""
LONGEST_REQUEST = 240
"""Characters of a paragraph at the beginning or the end of a prompt that is a request and no material."""
LONGEST_BEFORE = 600
"""Characters of a system message or an earlier turn that are read."""
MOST_BEFORE = 6
"""Turns further back that are read, the last of them."""
ASKING = re.compile(
    r"[?？]|(?:ください|下さい|なさい|せよ|て|[:：])[。.!！]?\s*\Z|\A(?:question|q|質問|問|问题)\b|\b(?:above|please)\b"
    r"|\A(?:write|give|list|find|fix|answer|name|tell|explain|translate|rewrite|describe|make|create|what|how|why"
    r"|who)\b"
    "|请|上記|この(?:文章|記事|コード|テキスト)",
    re.IGNORECASE,
)
"""What a last paragraph that is a request has, and the end of a text mostly has not."""
NO_PLAIN = ("code", "markup", "hashtags", "dialogue", "drawing", "chant")
"""Kinds that a title, a summary or a label is not written in."""


class Asked:
    """What was said before an answer."""

    def __init__(self, prompt: str, before: Sequence[str] = ()) -> None:
        """`before`: the system message and what the user said in earlier turns."""
        self.prompt = prompt
        self.before = before
        self._wanted: dict[str, bool] = {}

    @cached_property
    def parts(self) -> tuple[str, str]:
        """(request, material): what is to be done, and with what; the second is empty where there is none."""
        return parted(self.prompt)

    @cached_property
    def request(self) -> str:
        """All that is asked for, without material."""
        return "\n".join((*(text[:LONGEST_BEFORE] for text in self.before[-MOST_BEFORE:]), self.parts[0]))

    @cached_property
    def everything(self) -> str:
        """The prompt and all before it."""
        return "\n".join((*self.before, self.prompt))

    @cached_property
    def has_code(self) -> bool:
        """Whether code is part of the prompt."""
        return program.lines_of(self.parts[1]).is_code or program.lines_of(self.prompt).code > 1

    def wants(self, kind: str) -> bool:
        """Whether the request wants an answer of a kind of `cues.KINDS`."""
        if kind not in self._wanted:
            self._wanted[kind] = cues.KINDS[kind].is_in(self.request) and not self._is_material(kind)
        return self._wanted[kind]

    def _is_material(self, kind: str) -> bool:
        """Whether a short text is asked for, and the kind is only what it is about."""
        if kind not in NO_PLAIN or not self.wants("plain"):
            return False
        return not (kind == "hashtags" and cues.TAGS_TOO.search(self.request))


def parted(prompt: str) -> tuple[str, str]:
    """(request, material) of a prompt: short paragraphs at its ends, and what is between them."""
    first, gap, rest = prompt.partition("\n")
    if len(prompt) <= SHORT_PROMPT and not gap:
        colon = max(prompt.find(sign) for sign in (": ", "：", ":「", "「"))
        return prompt, prompt[colon + 1 :].strip() if colon > 0 else ""
    if not gap:
        return f"{prompt[:LONGEST_REQUEST]}\n{prompt[-LONGEST_REQUEST:]}", ""
    paragraph, blank, material = prompt.partition("\n\n")
    head, body = (paragraph, material) if blank and len(paragraph) <= LONGEST_REQUEST else (first, rest)
    above, _, tail = body.rpartition("\n")
    if len(head) > LONGEST_REQUEST:
        return f"{head[:LONGEST_REQUEST]}\n{tail[-LONGEST_REQUEST:]}", body.strip()
    if above.strip() and len(tail) <= LONGEST_REQUEST and ASKING.search(tail):
        return f"{head}\n{tail}", body.strip()
    return head, body.strip()
