"""What a prompt asks for that no full stop ends: a title, a name, a label, a line of code, a formula.

Fewer words than `text/cues` has: there the form of the answer has to agree before anything is excused, here it is not
asked.
"""

from __future__ import annotations

import re
from functools import lru_cache

REQUEST, LAST = 120, 60
"""Characters of a first line that may ask, and of a last one that does not go on with what is given."""
OPEN_ENDED = (
    "title", "headline", "caption", "slogan", "subject line", "hashtag", "name for", "one line", "label", "classif",
    "categor", "題名", "表題", "題を", "タイトル", "見出し", "件名", "名前", "標語", "キャッチ", "分類", "ラベル",
    "カテゴリ", "标题", "分类",
)  # fmt: skip
CODE = (
    "sql", "regex", "regular expression", "css", "html", "xml", "yaml", "json", "latex", "bash", "python",
    "javascript",
    "typescript", "react", "vue", "php", "ruby", "c++", "c#", "golang", "one-liner", "write code", "the code",
    "code that", "code for", "code to", "a function", "a script", "正規表現", "関数", "スクリプト", "コードを",
    "コマンドを", "代码", "函数",
)  # fmt: skip
WITH_MARKS = re.compile(
    r"\b(?:equations?|formula[es]?|derivatives?|integrals?|fractions?|matrix|solve|simplify|calculate|lists?|tables?"
    r"|markdown|bullets?|hashtags?|tweets?|emojis?|symbols?|ascii|format(?:ted)?|notation|encode|decode|cipher|urls?|links?"
    r"|dialogues?|screenplay|play|scene|lyrics|poem|translate|translation)\b"
    r"|微分|積分|方程式|数式|因数分解|公式|計算|箇条書き|一覧|リスト|表[にでを]|マークダウン|ハッシュタグ|ツイート|絵文字|記号|形式"
    r"|訳し|翻訳|英訳|和訳|英語[でに]|暗号|リンク|台本|歌詞|詩を|会話|列表|表格|翻译"
)
"""What is written with marks, or in other letters, besides code."""
WITHOUT_STOP = (*OPEN_ENDED, *CODE)
REQUESTS = 2048
"""Requests that are remembered: rows of a task have the same."""


def request(prompt: str) -> str:
    """The part of a prompt that asks, in lower case."""
    first, _, rest = prompt.partition("\n")
    last = rest[rest.rfind("\n") + 1 :]
    if not rest and len(prompt) > 2 * REQUEST:
        last = prompt[-LAST:]
    return f"{first[:REQUEST] if rest or last else first}\n{last if len(last) <= LAST else ''}".lower()


def is_open_ended(prompt: str) -> bool:
    """Whether the prompt asks for what has no full stop."""
    return _has_any(request(prompt), WITHOUT_STOP)


def is_code(prompt: str) -> bool:
    """Whether the prompt asks for code or a formula."""
    return _has_any(request(prompt), CODE)


def is_marked(prompt: str) -> bool:
    """Whether the prompt asks for code, or for what is written with marks or in other letters."""
    asked = request(prompt)
    return _has_any(asked, CODE) or _is_marked(asked)


@lru_cache(REQUESTS)
def _has_any(asked: str, words: tuple[str, ...]) -> bool:
    return any(word in asked for word in words)


@lru_cache(REQUESTS)
def _is_marked(asked: str) -> bool:
    return WITH_MARKS.search(asked) is not None
