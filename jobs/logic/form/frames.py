"""What stands around an answer and has nothing of its prompt: a sentence before it, a line or a note behind it.

A title, a name or a label is about what its prompt is about, and so is each part of it. A part that shares no word with
the prompt may be a manner of speaking; where many answers of the set have none, it was put there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

LAYOUTS = ("lines", "sentences", "noted", "coded", "quoted", "latin")
LONGEST, SENTENCE_LENGTH = 160, 60
"""Characters of an answer that is looked at: of longer ones any part may be about something of its own; and of
one that ends like a sentence."""
MATERIAL = 3
"""Times as long as an answer its prompt is at least, where it holds what the answer is about: a question does not."""
SENTENCE = re.compile(r"[^\n。！!]{2,80}?[。！!](?=\s*[^\s。！!」』）)\"'”’])|[^\n]{2,80}?[a-z]{3}[.?]\s+(?=[\"'A-Z])")
NOTE_BEHIND = re.compile(r"(?:[(（\[【<〈《]|[|｜※]|\s--?\s|\s—\s)([^()（）\[\]【】<>|｜※\n]{1,40})[)）\]】>〉》]?\Z")
NOTE_BEFORE = re.compile(r"[(（\[【<〈《]([^()（）\[\]【】<>\n]{1,30})[)）\]】>〉》]\s?(?=\S)")
CODE = re.compile(r"[\\{}$^`<>★☆♪※▁Ġ]|\|\||->|//")
QUOTES = {'"': '"', "'": "'", "“": "”", "「": "」", "『": "』"}
WORDS = re.compile(
    r"[a-z]{4,}|\d+|[\u30a1-\u30fa\u30fc]{2,}|[\u3400-\u9fff々]{2,}|[^\x00-\u036f\u3041-\u30ff\u3400-\u9fff\W]{2,}"
)
"""Of a part in lower case: what tells what it is about."""
YEAR = re.compile(r"(?:1\d|20)\d\d(?!\d)")
NOTE_PART = 44
SINGLE = re.compile(r"[\u3400-\u9fff]")
LETTERS = re.compile(r"[A-Za-z]{2,}")
MOST_WORDS = 12
SIGNS = "\n。！!.?(（[【<〈《|｜※-—\\{}$=^~`>★☆♪_▁Ġ;#@/\"'“「『"
"""Whatever stands around an answer has one of these."""


def frames_of(text: str, prompt: str) -> Iterator[tuple[str, bool]]:
    """The layouts of what stands around an answer, and whether its prompt, in lower case, has such words as well."""
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) > 1:
        yield "lines", is_of(lines[0], prompt) and is_of(lines[-1], prompt)
    first = SENTENCE.match(text)
    if first is not None:
        yield "sentences", is_of(first[0], prompt) and is_of(text[first.end() :], prompt)
    found = (NOTE_BEHIND.search(text[-NOTE_PART:]), NOTE_BEFORE.match(text))
    notes = [note[1] for note in found if note and _is_strange(note[1], prompt)]
    if notes:
        yield "noted", all(is_of(note, prompt) for note in notes)
    marks = CODE.findall(text)
    if marks:
        yield "coded", all(mark in prompt for mark in marks)
    inner = text.strip("\"'")[1:-1] if text[:3] == '"""' else text[1:-1]
    if len(text) > 4 and QUOTES.get(text[0]) == text[-1] and text[0] not in inner:
        yield "quoted", text.lower() in prompt
    if text.isascii() and not prompt.isascii() and LETTERS.search(text):
        yield "latin", any(letters in prompt for letters in LETTERS.findall(text.lower()))


def _is_strange(note: str, prompt: str) -> bool:
    """Whether a note has a number that is no year, or is in other letters than the prompt."""
    if YEAR.match(note.lstrip()) or not any(sign.isalnum() for sign in note):
        return False
    return any(sign.isdigit() for sign in note) or note.isascii() != prompt.isascii()


def is_of(part: str, prompt: str) -> bool:
    """Whether a part of an answer has a word of the prompt; marks alone have no need to."""
    found = WORDS.findall(part.lower()) or SINGLE.findall(part)
    if not found:
        return not any(sign.isalnum() for sign in part)
    return any(_stands(word, prompt) for word in found[:MOST_WORDS])


def _stands(word: str, prompt: str) -> bool:
    if word in prompt:
        return True
    return "\u3400" <= word[0] <= "\u9fff" and any(word[at : at + 2] in prompt for at in range(len(word) - 1))
