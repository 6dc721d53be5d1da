"""What columns are called that ask, answer, or belong to a question, in the languages that sets of rows have.

Names are compared without case, width, blanks and the signs between words: `User_Question` is `userquestion`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

LONGEST, LOOKED_AT = 40, 100
"""Characters of a column's name, and the first of such names that are looked at for what is meant by them."""
BETWEEN_WORDS = re.compile(r"[\s_\-.・:()]+")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


INSTRUCTIONS = _words("instruction instructions 指示 指示文 指示内容 命令 命令文 指令")
QUESTIONS = INSTRUCTIONS | _words(
    "prompt question questions query problem request userprompt userquestion usermessage userquery user human "
    "q 質問 質問文 質問内容 問い 問 問題 問題文 設問 お題 依頼 依頼内容 プロンプト 発話 ユーザー ユーザ "
    "問い合わせ お問い合わせ 问题 题目 題目 提问 用户 质问 问 질문"
)
"""Of columns that ask by themselves."""
INPUTS = _words("input inputs 入力 入力文 输入")
"""Of columns that ask where no other does, and else belong to the question."""
CONTEXTS = _words(
    "context contexts passage document article text paragraph background reference referencetext body content "
    "story 文脈 コンテキスト 本文 文章 記事 記事本文 文書 テキスト 段落 背景 参考 参考資料 資料 参照 前提 "
    "上下文 文本 正文 背景信息 材料"
)
"""Of columns that belong to a question: without them nobody can answer it."""
OPTIONS = _words("options choices option choice candidates 選択肢 选项")
"""Of columns that belong to a question and are no text."""
ANSWERS = _words(
    "completion output outputs response responses answer answers solution reply target targettext assistant "
    "gpt bot a goldanswer expectedoutput expectedanswer correctanswer 回答 回答文 回答内容 答え 答 解答 応答 "
    "応答文 返答 返信 出力 出力文 正解 正答 模範解答 アシスタント 返事 答案 回复 回覆 输出 响应 解答过程 대답 "
    "답변"
)
LABELS = _words("label labels ラベル 標籤 标签")
"""Of columns that answer a text where nothing else does."""
DERIVED = _words(
    "summary highlights abstract headline title tldr translation category class sentiment 要約 見出し タイトル "
    "題名 翻訳 訳文 訳 カテゴリ カテゴリー 分類 感情 摘要 标题 翻译 类别"
)
"""Of columns with what somebody made of a text; beside a question they only describe it."""
HISTORIES = _words("history 履歴 会話履歴 対話履歴 历史")
SYSTEMS = _words("system systemprompt systemmessage システム システムプロンプト 系统 系统提示")
ASIDE = _words(
    "id ids idx index no number num uuid key name url uri link source sourceurl file filename split date time "
    "year created createdat updatedat timestamp author user_id userid lang language license licence difficulty "
    "level topic subject domain score rating tokens length model dataset version metadata meta tags type task "
    "annotator annotationid leadtime externalid serverid status vectors 番号 連番 出典 日付 日時 作成日 更新日 "
    "備考 担当 担当者 担当部署 分野 難易度 言語 编号 来源 日期"
)
"""Of columns that describe a row."""


class Roles(NamedTuple):
    """The columns of some rows by what they are called."""

    questions: list[str]
    inputs: list[str]
    contexts: list[str]
    answers: list[str]
    labels: list[str]
    derived: list[str]
    histories: list[str]
    systems: list[str]
    options: list[str]
    others: list[str]
    """Called nothing that is known, and not as what only describes a row."""


GROUPS = (QUESTIONS, INPUTS, CONTEXTS, ANSWERS, LABELS, DERIVED, HISTORIES, SYSTEMS, OPTIONS)


def plain(name: str) -> str:
    """A name as it is compared."""
    return BETWEEN_WORDS.sub("", unicodedata.normalize("NFKC", name).casefold())


def roles(names: Iterable[str]) -> Roles:
    """What the first of some names say; names that are too long to say anything are left out."""
    found = Roles([], [], [], [], [], [], [], [], [], [])
    for name in islice((name for name in names if len(name) <= LONGEST), LOOKED_AT):
        word = plain(name)
        place = next((place for place, group in enumerate(GROUPS) if word in group), None)
        if place is not None:
            found[place].append(name)
        elif word not in ASIDE:
            found.others.append(name)
    return found
