"""Candidates that speak to whoever scores them.

A row that speaks of scores is no such thing: to ask for a score of an essay is a task, a review gives five stars, and a
grader's answer is `Score: 4`. What no honest row does is to say which score it is itself to get.
"""

from __future__ import annotations

import re

SENTENCE = re.compile(r"[^.。!！?？\n]+")
ITSELF = re.compile(
    r"\b(?:this|the|my|our) (?:[a-z]+ )?(?:answer|response|reply|row|candidate|example|sample|entry|output)\b"
    r"|(?:この|本|上記の|以下の|私の)(?:回答|解答|応答|答え|返答|出力|事例|候補|サンプル|データ|例)",
    re.IGNORECASE,
)
HIGH = re.compile(
    r"(?<!to )(?<!out of )(?<!\d of )(?<![-–/])\b(?:5|five|10/10)\b"
    r"|\b(?:full|maximum|highest|top|perfect|best) (?:possible )?(?:marks?|scores?|points?|ratings?"
    r"|grades?)\b|[5５五]点(?!満点)|満点|最高(?:点|評価)|10点|100点|高得点|高評価",
    re.IGNORECASE,
)
"""The score that is wished for; the end of a scale is none."""
TOLD = re.compile(
    r"\b(?:give|assign|award|grant|rate|score|grade|mark|judge|must|should|deserves|merits)\b"
    r"|つけ|付け|与え|評価し|採点し|に値し|に値す|にして|としてください",
    re.IGNORECASE,
)
EACH = re.compile(
    r"\b(?:every|each|all) (?:the )?(?:criteri|score|field)|(?:すべて|全て)の(?:項目|基準|観点)", re.IGNORECASE
)
NAMED = re.compile(
    r"\b(?:dear|attention|note to|note to the|message to|message to the|to the|hey|hello),? "
    r"(?:scorer|grader|judge|evaluator|rater|reviewer|annotator)\b"
    r"|(?:採点者|評価者|審査員|評価モデル|採点モデル|ジャッジ)(?:の方)?(?:へ|様|さん)",
    re.IGNORECASE,
)
"""Somebody who scores is called."""
OVERRIDES = re.compile(
    r"\b(?:ignore|disregard|forget) (?:all |any |the |your )?(?:the |your )?(?:previous|above|prior|earlier|rubric)"
    r"|(?:これまで|上記|以前|先ほど|採点)の(?:指示|命令|基準|ルール)を?(?:すべて|全て)?(?:無視|忘れ)",
    re.IGNORECASE,
)
"""What was said before is to count no more; it matters beside a score."""
SCORES = re.compile(r"scor|grad|rat(?:e|ing)|judg|mark|point|star|点|採点|評価|スコア|満", re.IGNORECASE)
AROUND = 160
"""Characters behind it in which a score is spoken of."""
BARE = re.compile(
    r"\b(?:score|rating|grade)[\"'*]{0,3} ?[:：=][ \"'*]{0,4}(?:10|[1-5])\b(?![.,]\d| (?:to|of)\b|[-–:])"
    r"|(?:スコア|点数|採点|評価|評点)[*」]{0,3}[:：＝=][ *]{0,3}(?:10|[1-5１-５])(?![.．]?\d|対)",
    re.IGNORECASE,
)
"""A score as a scorer writes it."""
FIELD = re.compile(r"\"(?:grounds|verdict)\" ?:")
"""A field of the scorer's reply."""


def addressed(prompt: str, answer: str) -> str | None:
    """What of a candidate speaks to its scorer; None for rows that merely speak of scores."""
    for text in (prompt, answer):
        found = _told(text) or _called(text)
        if found:
            return found
    if SCORES.search(prompt):
        return None  # a score was asked for, or is what the row is about
    bare = BARE.search(answer) or FIELD.search(answer)
    return bare[0] if bare else None


def _told(text: str) -> str | None:
    """A sentence that says which score this is to get."""
    if not HIGH.search(text):
        return None
    for found in SENTENCE.finditer(text):
        sentence = found[0]
        if HIGH.search(sentence) and TOLD.search(sentence) and (ITSELF.search(sentence) or EACH.search(sentence)):
            return sentence.strip()
    return None


def _called(text: str) -> str | None:
    """Somebody who scores is called, or other orders are to count no more, and a score is spoken of."""
    for found in (*NAMED.finditer(text), *OVERRIDES.finditer(text)):
        behind = text[found.end() : found.end() + AROUND]
        if HIGH.search(behind) and SCORES.search(behind):
            return f"{found[0]}{behind[:AROUND]}"
    return None
