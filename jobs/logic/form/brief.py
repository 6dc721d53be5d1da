"""Whether a prompt wants an answer of a few letters: a number, yes or no, a name, a word to choose.

What the answer is decides which questions want it: `68` goes with `how many`, and not with `why`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from jobs.logic.form import open_ended

BRIEF, ASKING_PART = 16, 48
"""Characters of an answer that may be asked to be brief, and those at either end of its prompt that ask."""
ONLY = re.compile(
    r"\b(?:answer|reply|respond|give|output|write|return|state|print|name)\b[^.\n]{0,40}\bonly\b"
    r"|\bonly (?:give|output|answer|reply|respond|write|return|state|print|name)\b|\b(?:one|single) (?:word|number)\b"
    r"|(?:のみ|だけ)(?:を|で)?(?:答え|回答|出力|返)|(?:一語|一言|単語|数字|数値)で(?:答え|回答|出力|返)",
    re.IGNORECASE,
)
SIGNS, SIGNS_WIDE = (
    (" only", "nly ", " word", "e number"),
    (" only", "のみ", "だけ", "一語", "一言", "単語", "数字", "数値"),
)
"""Whatever asks for nothing but a brief answer has one of these."""
NUMBER = re.compile(r"[-+−±$€£¥￥#]?\s?\d[\d.,:/^\s]*\s?(?:%|％|°|[^\W\d_]{1,6}\.?)?")
YES_NO = re.compile(
    r"(?:yes|no|true|false|correct|incorrect|right|wrong|positive|negative|neutral|spam|ham|はい|いいえ|いえ|正しい|誤り"
    r"|正|誤|真|偽|可能|不可能|可|不可|あり|なし|ある|ない|肯定|否定|是|不是|对|不对|否|有|没有)[.。!！]?",
    re.IGNORECASE,
)
NAME = re.compile(r"[^\W\d_a-z\u3041-\u3096][\w\u30fb.'’+#-]*(?:[ ・][^\W\d_][\w.'’-]*){0,2}[.。]?")
"""A capital, a katakana or a Han character, and what goes on like a word: no piece of a Japanese sentence."""
SHORTEST_NAME = 4
"""Characters in Latin; a piece of a word has fewer. Capitals and other scripts need two."""
OF_SENTENCES = re.compile(r"[\u3041-\u3096]")
COUNTS = re.compile(
    r"\bhow (?:many|much|old|long|far|tall|high|often|big|large|fast|deep|heavy)\b|\d\s?[-+*/x×÷^=%<>]\s?\(?\d"
    r"|\b(?:calculate|compute|evaluate|solve|sum|product|difference|times|minus|plus|divided|percent|output|result|value"
    r"|return|print|number|count|convert|round|year|when|date|rate|score|rating|length|index|remainder|average|mean"
    r"|total|root|square|time)\b|いくつ|いくら|何[^\W\d_]|なん[人個本年]|計算|求め|答え|合計|平均|結果|出力|値|個数|人数"
    r"|年|日付|点数|評価|換算|[+＋×÷]|多少|几",
    re.IGNORECASE,
)
CHOICES = re.compile(
    r"\b(?:is|are|was|were|do|does|did|can|could|will|would|should|has|have|had|may|might|must|am|isn't|aren't|whether"
    r"|if|yes|true|false|classify|label|sentiment|positive|spam|correct|entail\w*|valid)\b"
    r"|(?:です|ます|ました|でしょう)か|かどうか|(?:ある|ない|いる|る|た)[か?？]|正し|真偽|分類|ラベル|感情|判定|吗|是否|对错",
    re.IGNORECASE,
)
LABELS = re.compile(
    r"\b(?:classif\w*|categor\w*|labels?|topics?|genre|sentiment|which of|options?|choose|choices?)\b"
    r"|分類|カテゴリ|ラベル|ジャンル|選択肢|選ん|选择|分类",
    re.IGNORECASE,
)
LABEL = re.compile(r"[^\W\d_\u3041-\u3096][^\W\u3041-\u3096]{2,}(?:[ -][^\W\u3041-\u3096]+)?")
"""One or two words, of three letters or more."""
NAMES = re.compile(
    r"\b(?:who|whom|whose|where|which|name|capital|called|author|wrote|invented|country|city|colou?r|word|synonym"
    r"|antonym|opposite|plural|past tense|abbreviat\w*|acronym|symbol|classify|label|category|genre|topic|language"
    r"|translate|spell|currency|day|month|unit|noun|verb|title|option|answer with)\b"
    r"|\bwhat(?:'s| is| are| was| were)? (?:the|a|an)?\s?(?:\w+ ){0,3}(?:of|for|in|do you call)\b"
    r"|は[?？]?\s*\Z|は(?:何|なん)|どこ|だれ|誰|どの|どれ|どちら|いつ|何[^\W\d_]?[?？で]|首都|名前|読み|対義|類義|同義|反対"
    r"|分類|ラベル|種類|ジャンル|カテゴリ|訳|单词|谁|哪|什么|首都",
    re.IGNORECASE,
)


def is_asked(answer: str, prompt: str) -> bool:
    """Whether the prompt asks for an answer as brief as this one, of at most BRIEF characters."""
    asked = open_ended.request(prompt)
    if NUMBER.fullmatch(answer):
        return _asks(COUNTS, asked) or _asks_only(prompt)
    if YES_NO.fullmatch(answer) and (len(answer) > 1 or answer in asked):
        return _asks(CHOICES, asked) or _asks_only(prompt)
    if LABEL.fullmatch(answer) and _asks(LABELS, asked):
        return True
    is_long = len(answer) >= (SHORTEST_NAME if answer.isascii() and not answer.isupper() else 2)
    if is_long and NAME.fullmatch(answer) and not OF_SENTENCES.search(answer):
        return _asks(NAMES, asked) or _asks_only(prompt)
    return _asks_only(prompt)


@lru_cache(open_ended.REQUESTS)
def _asks(pattern: re.Pattern[str], asked: str) -> bool:
    return pattern.search(asked) is not None


def _asks_only(prompt: str) -> bool:
    """Whether nothing but a number, a word or the like is to be given, whatever it is."""
    if len(prompt) > 2 * ASKING_PART:
        prompt = f"{prompt[:ASKING_PART]}\n{prompt[-ASKING_PART:]}"
    for sign in SIGNS if prompt.isascii() else SIGNS_WIDE:
        if sign in prompt:
            return ONLY.search(prompt) is not None
    return False
