"""Answers in a language for machines that were asked for: code, commands, patterns, formulas.

What they are made of are marks and layouts that sentences do not have, so that nothing of them tells of spoilage.
"""

from __future__ import annotations

import re

from jobs.logic.text import markup, program
from jobs.logic.text.wanted import Asked

LEAST_LINES = 3
"""Lines of code that need no word in the request."""
LONGEST_PIECE = 160
"""Characters of a piece of code in one line."""
SIGN = re.compile(r"[<>{}()\[\]$^=\\/_*|;#+@&%`~]|\w\.\w|--?\w|\w-\w")
"""Every piece of code has one."""
SENTENCE = re.compile(r"(?<![a-z])(?:[a-z]{2,}+[,;:]? ){3}[a-z]{2}|[.!?](?: [A-Z]|\Z)|[\u3041-\u3096]{3}|[。！？]")
"""Words in a row, an end."""
DRESSED = re.compile(r"(\*\*|__|~~|```).*\1\Z|#{1,6} |\{\s*[\"']", re.DOTALL)
"""For the beginning: Markdown or JSON that may stand around code as around anything."""
STRUCTURE = re.compile(
    r"\b(?:dict\w*|objects?|arrays?|maps?|hash(?:es|map)?|lists?|tuples?|sets?|literals?)\b"
    "|辞書|オブジェクト|配列|ハッシュ|リスト|字典|对象|数组",
    re.IGNORECASE,
)
"""What is written in code as JSON has it."""
KINDS = ("code", "markup")
RUNS = re.compile(
    r"\boutputs?\b|\bprints?\b|(?:program|code|script|function) (?:output|return)|実行(?:結果|する)|出力|表示"
    r"|输出",
    re.IGNORECASE,
)
CALL = re.compile(r"(?<!\w)[A-Za-z_]\w{1,30}\([^()\n]{1,80}\)")


def is_beside_prose(answer: str, asked: Asked) -> bool:
    """Whether code was asked for, or was part of the prompt, and the answer has some beside what it quotes."""
    if not (asked.wants("code") or (asked.has_code and not asked.wants("plain"))):
        return False
    return program.lines_of(markup.unquoted(answer)).has_code


def is_told(answer: str, asked: Asked) -> bool:
    """That, or the answer is nothing but code, whatever the words of the request."""
    if is_beside_prose(answer, asked):
        return True
    lines = program.lines_of(markup.unquoted(answer))
    return lines.is_code and lines.code >= LEAST_LINES and not (asked.wants("plain") or asked.wants("data"))


def is_printed(asked: Asked) -> bool:
    """Whether the prompt shows code and asks what it prints."""
    return RUNS.search(asked.request) is not None and (asked.has_code or CALL.search(asked.prompt) is not None)


def is_all(answer: str, prompt: str) -> bool:
    """Whether nothing but code was asked for and given, or what code prints."""
    asked = Asked(prompt)
    if RUNS.search(prompt) and is_printed(asked) and not SENTENCE.search(answer):
        return True
    if not SIGN.search(answer) or not (_is_piece(answer) or _is_program(answer)):
        return False
    if not any(map(asked.wants, KINDS)) or asked.wants("plain"):
        return False
    return not DRESSED.match(answer) or (answer[0] in "{[" and STRUCTURE.search(asked.request) is not None)


def _is_piece(answer: str) -> bool:
    return len(answer) <= LONGEST_PIECE and "\n" not in answer and not SENTENCE.search(answer)


def _is_program(answer: str) -> bool:
    lines = program.lines_of(answer)
    return lines.is_code or (lines.has_code and not SENTENCE.search(answer))
