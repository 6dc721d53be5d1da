"""What a prompt asks for that no full stop ends: a title, a name, a label, a line of code, a formula.

Fewer words than `text/cues` has: there the form of the answer has to agree before anything is excused, here it is not
asked.
"""

from __future__ import annotations

from functools import lru_cache

from jobs.logic.text.wanted import parted

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
WITHOUT_STOP = (*OPEN_ENDED, *CODE)
REQUESTS = 2048
"""Requests that are remembered: rows of a task have the same."""


def request(prompt: str) -> str:
    """The part of a prompt that asks, in lower case."""
    return parted(prompt)[0].lower()


def is_open_ended(prompt: str) -> bool:
    """Whether the prompt asks for what has no full stop."""
    return _has_any(request(prompt), WITHOUT_STOP)


def is_code(prompt: str) -> bool:
    """Whether the prompt asks for code or a formula."""
    return _has_any(request(prompt), CODE)


@lru_cache(REQUESTS)
def _has_any(asked: str, words: tuple[str, ...]) -> bool:
    return any(word in asked for word in words)
