"""Answers that say the prompt again and are right: edits, checks, sentences that take up the question."""

from __future__ import annotations

import re

from jobs.logic.text import program
from jobs.logic.text.wanted import Asked

SENTENCE_END = re.compile(r"[。！？!?]|\.(?=\s)")
WORD = re.compile(r"[A-Za-z0-9']+|[ァ-ヿ一-鿿ー]+")
LONGEST_QUESTION = 240
"""Characters of a question that an answer may take up."""
LEAST_NEW = 2
"""Words that an answer has beyond its question."""
HEAD = 16
"""Characters of a request that an answer does not say again."""


def is_right(answer: str, asked: Asked) -> bool:
    """Whether an answer that holds the prompt, or nearly all of it, was asked for."""
    request, material = asked.parts
    prompt = asked.prompt
    if "\n" not in prompt.strip() and len(prompt) <= LONGEST_QUESTION and _takes_up(answer, prompt):
        return True
    if not material or answer.startswith(request[:HEAD]) or request.split("\n")[0] in answer:
        return False
    if asked.wants("check") and not asked.wants("plain"):
        return True
    said, given = "".join(answer.split()), "".join(material.split())
    if asked.wants("extract") and len(answer) < len(material):
        return True
    if program.lines_of(material).has_code:
        return said != given
    if asked.wants("reword") and not asked.wants("plain"):
        return given not in said or _is_name(material)
    return False


def _takes_up(answer: str, question: str) -> bool:
    """Whether the answer is a sentence that goes on from the words of the question, which is one sentence itself."""
    bare = question.rstrip(" 。.?？!！")
    if SENTENCE_END.search(bare) or question in answer or answer.startswith(bare):
        return False
    said = set(map(str.lower, WORD.findall(question)))
    new = [word for word in WORD.findall(answer) if word.lower() not in said]
    return len(new) >= LEAST_NEW


def _is_name(text: str) -> bool:
    """Whether nothing but names, numbers and signs is in it: a translation leaves them as they are."""
    return (
        all(not word[0].islower() for word in re.findall(r"[^\W\d_]+", text))
        and len(text) <= LONGEST_QUESTION
        and text.isascii()
    )
