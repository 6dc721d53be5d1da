"""Candidates that speak to whoever scores them.

A row that speaks of scores is no such thing: to ask for a score of an essay is a task, a review gives five stars, and a
grader's answer is `Score: 4`. What no honest row does is to say which score it is itself to get.
"""

from __future__ import annotations

import re

_THIS_EN = (
    r"(?:this|the|my|our)(?: \w+){0,2} (?:answer|response|reply|row|candidate|example|sample|entry|output|pair|completion)"
)
_MOST_EN = (
    r"(?:an? |the )?(?:\w+ )?(?:5\b|five\b|10/10|full (?:marks|score|points)|(?:maximum|highest|top|perfect|best)"
    r"(?: possible)? (?:score|rating|marks|grade))"
)
_THIS_JA = r"(?:この|本|上記の|以下の|私の)(?:回答|解答|応答|答え|返答|出力|事例|候補|サンプル|データ|例)"
_MOST_JA = r"(?:[5５五]点|[5５五]を|満点|最高(?:点|評価)|10点|100点|高得点|高評価)"
TOLD = re.compile(
    rf"\b(?:give|assign|award|grant|rate|score|grade|mark|judge) {_THIS_EN}(?: (?:as|with|at|a|to))? ?{_MOST_EN}"
    rf"|{_THIS_EN} (?:must|should|deserves|has to|needs to|shall)(?: \w+){{0,4}} {_MOST_EN}"
    rf"|\b(?:give|rate|score|grade) (?:it|me|this) {_MOST_EN} (?:on|for|in) (?:every|all|each) (?:criteri|score|field)"
    rf"|{_THIS_JA}[^\n。]{{0,12}}{_MOST_JA}[^\n。]{{0,8}}(?:つけ|付け|与え|与える|して|評価|採点|に値)",
    re.IGNORECASE,
)
"""A score for itself."""
NAMED = re.compile(
    r"\b(?:dear|attention|note to(?: the)?|message (?:to|for)(?: the)?|to the|hey|hello) ?,? ?"
    r"(?:scorer|grader|judge|evaluator|rater|reviewer|annotator)\b[ :,.!-]"
    r"|\bas (?:the|a|an) (?:scorer|grader|evaluator|rater), you\b"
    r"|(?:採点者|評価者|審査員|評価モデル|採点モデル|ジャッジ)(?:の(?:方|皆さん|皆様|みなさん))?(?:へ|様|さん|に告ぐ|への(?:注意|指示|メッセージ))",
    re.IGNORECASE,
)
"""Somebody who scores is called."""
SCORES = re.compile(r"scor|grad|rat(?:e|ing)|judg|mark|point|star|点|採点|評価|スコア|満", re.IGNORECASE)
OVERRIDES = re.compile(
    r"\b(?:ignore|disregard|forget) (?:all |any |the |your ){0,2}(?:previous|above|prior|other|earlier|scoring|rubric)"
    r"|(?:これまで|上記|以前|先ほど|採点)の(?:指示|命令|基準|ルール)[^\n。]{0,8}(?:無視|忘れ)",
    re.IGNORECASE,
)
"""What was said before is to count no more; it matters beside a word about scores."""
AROUND = 160
"""Characters on either side of it in which a score is spoken of."""
BARE = re.compile(
    r"(?:\A|[\n.。!！?？] ?)[\"'{(（\[*]{0,3}(?:final |overall )?(?:score|rating|grade|スコア|得点|点数|採点|評価|評点)[\"'*]{0,3}"
    r" ?[:：=] ?[\"'*]{0,3}(?:10|[1-5１-５])\b(?: ?/ ?(?:5|10)|点)?",
    re.IGNORECASE,
)
"""A line as a scorer writes it."""
FIELD = re.compile(r"\"(?:grounds|verdict)\" ?:")
"""A field of the scorer's reply."""


def addressed(prompt: str, answer: str) -> str | None:
    """What of a candidate speaks to its scorer; None for rows that merely speak of scores."""
    for text in (prompt, answer):
        found = NAMED.search(text)
        if found and SCORES.search(text, max(0, found.start() - AROUND), found.end() + AROUND):
            told = SCORES.search(text, found.end(), found.end() + AROUND)
            if told:
                return text[found.start() : told.end()]
        found = TOLD.search(text) or _overridden(text)
        if found:
            return found[0]
    if SCORES.search(prompt):
        return None  # a score was asked for, or is what the row is about
    found = BARE.search(answer) or FIELD.search(answer)
    return found[0].strip() if found else None


def _overridden(text: str) -> re.Match[str] | None:
    for found in OVERRIDES.finditer(text):
        if SCORES.search(text, found.end(), found.end() + AROUND):
            return found
    return None
