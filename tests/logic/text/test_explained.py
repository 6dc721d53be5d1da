"""For each reason: what its prompt explains, and what it does not."""

from __future__ import annotations

import pytest

from jobs.logic.text.explained import WAYS, is_wanted
from jobs.logic.text.wanted import Asked

CODE = "Write a Python function."
PRINTS = 'What does it print? print("a" * 15)'
WANTED = [
    ("template-header", "##", "#\n##", "What is the output?\n\nfor i in range(3):\n    print('#' * i)"),
    ("template-header", "# Output", "# Output\nprint(f(1))", CODE),
    ("hashtags", "#sea", "Bread at the quay #sea", "Write a tweet."),
    ("hashtags", "#海", "港のパン #海", "ハッシュタグを付けて投稿文を書いて。"),
    ("hashtags", "#nav a", "#nav a", "Write a CSS selector for links in nav."),
    ("label", "Title:", "Title: The Key\n\nMartha moved in. She found a small brass key.", "Write a short story."),
    ("label", "タイトル:", "タイトル：朝の三十分\n\n朝が好きになりました。理由を書きます。", "ブログ記事を書いて。"),
    ("label", "Question:", "Question: Which gas?\n\nA. Air\n\nAnswer: A. Air", "Construct a question on plants."),
    ("label", "Output:", "Output: 16", "Compute the output of the program.\n\nx = 5\nprint(x)"),
    ("role-label", "User:", "User: hi\nBot: hello", "Write a dialogue of a user and a bot."),
    ("bracket-tag", "[WARN]", "[WARN] Login failed", 'Write a log line like "[LEVEL] message".'),
    ("bracket-tag", "[End]", "flowchart TD\nA[Go] --> B[Stay]\nB --> C[End]", "Create a Mermaid flowchart."),
    ("markup-tag", "<p>", "<p>Rain</p>", "Write a paragraph in HTML."),
    ("markup-tag", "<img>", "The alt attribute of an <img> tag tells what it shows.", "What is alt for?"),
    ("markup-tag", "<a>", "<a>タグはリンクを作ります。", "リンクの要素を説明して。"),
    ("control-token", "<s>", "Use <s> there.", "What is <s> in HTML?"),
    ("control-token", "<s>", "It costs <s>$20</s> $15 today.", "Mark up the price in HTML: $20, now $15."),
    ("control-token", "<s>", "<s>old price</s>", "Strike it through in HTML: old price"),
    ("control-token", "<s>", "Llama puts the token <s> in front, and </s> ends it.", "How does Llama mark texts?"),
    ("think-tag", "<thinking>", "It is `<thinking>`.", "Name the tag."),
    ("repeated-character", "aaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaa", PRINTS),
    ("repeated-character", "........", "Soup ........ $6\nBread ........ $2", "Create a menu."),
    ("repeated-phrase", "hello hello hello", "hello hello hello hello hello", "Repeat hello five times."),
    ("refusal", "I cannot", "The text does not say who runs it.", "From the text only.\n\nText: rain.\n\nWho runs it?"),
    ("copied-prompt", "", "The net was dry in May.", "Fix the errors.\n\nThe net was dry in May."),
    ("cut-off", ":", "with open(path) as f:", "Complete the line of Python."),
]
UNWANTED = [
    ("template-header", "### Response:", "### Response:\nHere.", CODE),
    ("hashtags", "#sea", "Bread at the quay #sea", "Write a title."),
    ("hashtags", "#海", "港のパン #海", "題名を付けて。"),
    ("label", "Title:", "Title: The Key", "Write a title."),
    ("label", "Title:", "Title: The key was found at last.", "Write a short story."),
    ("label", "Answer:", "Answer: It is blue.\n\nLight scatters there.", "Why is the sky blue?"),
    ("label", "題名:", "題名：朝の三十分", "題名を付けて。"),
    ("role-label", "Assistant:", "Assistant: Hello", "Why is the sky blue?"),
    ("bracket-tag", "[END]", "Rain on the roof [END]", "Write a poem."),
    ("bracket-tag", "[EOS]", "return[EOS]", CODE),
    ("markup-tag", "<p>", "<p>It is blue.</p>", "Why is the sky blue?"),
    ("markup-tag", "<b>", "It is <b>blue</b>.", "Why is the sky blue?"),
    ("control-token", "</s>", "It is blue.</s>", "Why is the sky blue?"),
    ("control-token", "<s>", "<s>It is blue.</s>", "Why is the sky blue?"),
    ("control-token", "<s>", "<s> It is blue.", "What is a token?"),
    ("control-token", "</s>", "A token is a piece of text.</s>", "What is a token?"),
    ("control-token", "</s>", "It is blue.</s><s>It is blue.</s> It is", "Why is the sky blue?"),
    ("think-tag", "<think>", "It is `<think>`.", "What is `<think>`?"),
    ("repeated-character", "aaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaa", "Why is the sky blue?"),
    ("repeated-phrase", "hello hello hello", "hello hello hello hello", "Why is the sky blue?"),
    ("refusal", "As an AI", "As an AI, I cannot answer.", "From the text only.\n\nText: rain.\n\nWho runs it?"),
    ("copied-prompt", "", "The net was dry in May.", "Translate it.\n\nThe net was dry in May."),
    ("cut-off", ",", "The boat left, and then,", "Write a story."),
    ("mojibake", "ã‚", "ã‚", CODE),
]


def test_every_reason_has_its_cases() -> None:
    assert {case[0] for case in WANTED} == set(WAYS)
    assert {case[0] for case in UNWANTED} == {*WAYS, "mojibake"}


@pytest.mark.parametrize(("reason", "seen", "answer", "prompt"), WANTED)
def test_explained(reason: str, seen: str, answer: str, prompt: str) -> None:
    assert is_wanted(reason, seen, answer, Asked(prompt))


@pytest.mark.parametrize(("reason", "seen", "answer", "prompt"), UNWANTED)
def test_not_explained(reason: str, seen: str, answer: str, prompt: str) -> None:
    assert not is_wanted(reason, seen, answer, Asked(prompt))
