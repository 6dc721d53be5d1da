"""Which words of a request ask for which kind of answer."""

import pytest

from jobs.logic.text import cues

ASKS = {
    "code": ("Write a Python function that adds.", "How do I write this in C?", "正規表現を書いて", "写一个函数"),
    "markup": ("Make a web page for the quay.", "Explain html5 tags", "ウェブページを作って", "写网页"),
    "hashtags": ("Write a tweet.", "An Instagram caption, please", "インスタの投稿文を書いて", "写一条微博"),
    "dialogue": ("Write a dialogue.", "A Q&A on nets", "会話を書いて", "写一段对话"),
    "drawing": ("Say it ten times.", "Draw ASCII art", "三回繰り返して", "重复三遍"),
    "chant": ("Write a lullaby.", "song lyrics", "歌詞を書いて", "写一首诗"),
    "check": ("Fix the text.", "proofread this", "誤字を直して", "改正错误"),
    "reword": ("Rewrite it politely.", "Translate this", "英訳して", "翻译"),
    "extract": ("Find the names.", "Which sentence says so?", "人名を抜き出して", "找出人名"),
    "given": ("Answer from the text only.", "Context: rain", "資料だけで答えて", "根据文章回答"),
    "asks": ("Where?", "Answer the question.", "質問に答えて", "问题：在哪"),
    "declines": ("If you do not know, say so.", "Only answer on nets", "分からない場合は", "不知道就说"),
    "desk": ("Where is my order?", "Can I cancel?", "返品できますか", "可以退货吗"),
    "data": ("As JSON, please.", "Write a YAML file", "フロントマターを書いて"),
    "titled": ("Write a story.", "A blog post on tea", "物語を書いて", "写一篇文章"),
    "several": ("List five ways.", "What are the steps?", "3つ挙げて", "列出三个"),
    "cheerful": ("Write an invitation.", "with emojis", "友達を誘う文を", "写一个邀请"),
    "identifier": ("Create a username for Mia.", "Name the variable", "ファイル名を考えて", "用户名"),
    "plain": ("Write a title.", "Classify the text.", "題名を付けて", "概括一下"),
}
NOTHING = ("Why is the sky blue", "空はなぜ青い", "天空为什么是蓝的")


def test_every_kind_has_its_words() -> None:
    assert set(ASKS) == set(cues.KINDS)


@pytest.mark.parametrize(("kind", "request_"), [(kind, text) for kind, texts in ASKS.items() for text in texts])
def test_a_request_asks_for_a_kind(kind: str, request_: str) -> None:
    assert cues.KINDS[kind].is_in(request_)


@pytest.mark.parametrize("request_", NOTHING)
def test_a_plain_question_asks_for_none(request_: str) -> None:
    assert [kind for kind, words in cues.KINDS.items() if words.is_in(request_)] == []


@pytest.mark.parametrize(
    ("kind", "request_"),
    [("code", "The cost of barcodes"), ("hashtags", "Reposted twice"), ("desk", "a reorderable thing")],
)
def test_a_piece_of_a_word_is_no_word(kind: str, request_: str) -> None:
    assert not cues.KINDS[kind].is_in(request_)
