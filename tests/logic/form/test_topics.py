"""Which topics a reason took: words without a tokenizer, sources and labels, against chance."""

import pytest

from jobs.logic.form import topics
from jobs.logic.form.topics import Term
from jobs.logic.row import Message, Row


def row(prompt: str, source: str | None = None, label: str | None = None) -> Row:
    return Row("r", source, [Message("user", prompt), Message("assistant", "Yes.")], "a.jsonl", 1, {}, label)


REGEX = [
    row(f"Write a regular expression that finds {word}.") for word in ("dates", "urls", "mails", "prices", "words")
]
OTHERS = [
    row(f"Write a {kind} about {word}.")
    for word in ("cats", "dogs", "rain", "snow", "tea", "bread", "moss", "rivers")
    for kind in ("poem", "story", "letter", "toast", "headline", "riddle", "song", "speech", "joke", "note", "memo")
]


def taken(gone: list[Row], kept: list[Row]) -> list[str]:
    found = topics.candidates([topics.terms(one) for one in gone], [topics.terms(one) for one in kept], 1)
    return [f"{term.kind} {term.text}" for term in found]


def test_a_topic_is_what_rows_share_that_the_others_do_not_have() -> None:
    assert taken(REGEX, OTHERS) == ["prompt regular expression"]


def test_a_topic_in_japanese_needs_no_tokenizer() -> None:
    gone = [row(f"{word}に一致する正規表現を書いてください。") for word in ("日付", "価格", "行頭", "数字", "単語")]
    kept = [row(f"{word}について文章を書いてください。") for word in "".join(map(chr, range(0x4E00, 0x4E60)))]
    assert taken(gone, kept) == ["prompt 正規表現"]


@pytest.mark.parametrize(("name", "value"), [("source", "page-7"), ("label", "regex")])
def test_a_source_or_a_label_is_a_topic(name: str, value: str) -> None:
    gone = [row(f"{number}?", **{name: value}) for number in range(9)]
    kept = [row(f"{number}?", **{name: "other"}) for number in range(90)]
    assert taken(gone, kept) == [f"{name} {value}"]


def test_rows_that_go_by_chance_have_no_topic() -> None:
    assert taken(OTHERS[::7], [one for place, one in enumerate(OTHERS) if place % 7]) == []
    assert taken(REGEX[:4], OTHERS) == []
    assert taken([], OTHERS) == []


@pytest.mark.parametrize(
    ("prompt", "text", "held"),
    [
        ("Which TAGS are there?", "tags", True),
        ("Which stages are there?", "tag", False),
        ("JSONに直して", "json", True),
        ("JSON\nに", "json", True),
        ("正規表現入門", "正規表現", True),
        ("コードを", "コード", True),
        ("バーコードを", "コード", False),
        ("a stage, a tag", "tag", True),
    ],
)
def test_whether_a_prompt_has_a_word(prompt: str, text: str, held: bool) -> None:
    one = row(prompt)
    assert topics.has(one, topics.prompt_of(one), Term("prompt", text)) is held


def test_counts_are_held_against_all_rows() -> None:
    term, other = Term("prompt", "regex"), Term("prompt", "the")
    found = list(topics.told("label", {term: (15, 1), other: (12, 300)}, gone=15, kept=400))
    assert found == [topics.Taken("label", term, 15, 1)]
