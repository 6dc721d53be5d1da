"""Refusals, echoes and answers that break off: found where they are certain, and not where they only sound so."""

import pytest

from jobs.logic.text.refusals import cut_off, is_copied, refusal


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry, but I can't assist with that request.",
        "I’m sorry, but I can’t help with that.",
        "Sorry, I can't do that.",
        "I apologize, but I am unable to provide information about pots.",
        "I'm afraid I can't comply with that request, as it violates our policy.",
        "Unfortunately, I am not able to answer that question.",
        "I cannot fulfill this request.",
        "I'm unable to create images.",
        "I can't provide a title for this article.",
        "I won't be able to help you with that, but feel free to ask something else!",
        "I do not have access to real-time information.",
        "As an AI language model, I do not have personal opinions.",
        "As an AI, I cannot feel.",
        "I'm just an AI, so I can't form an opinion.",
        "I must respectfully decline.",
        "I'm not comfortable answering that.",
        "It would be inappropriate for me to write this.",
        "This request goes against my guidelines, so I have to decline.",
        "I'm sorry, I didn't understand your question.",
        "It seems that you have not provided the article. Please paste the text.",
        "There is no text to work with. Could you please share the passage?",
        "Your question is not clear. Could you provide more context?",
        "申し訳ありませんが、そのリクエストにはお応えできません。",
        "大変申し訳ございませんが、お手伝いすることができません。",
        "申し訳ありませんが、題名を付けることはできません。",
        "申し訳ありませんが、私にはその情報にアクセスする権限がありません。",
        "申し訳ありません。文章が提供されていないようです。もう一度送っていただけますか？",
        "すみませんが、土鍋についてはお答えできません。",
        "恐れ入りますが、ご質問にはお答えいたしかねます。",
        "ごめんなさい、その質問には答えられません。",
        "AI言語モデルとして、個人的な意見を持っていません。",
        "私はAIなので、感情はありません。",
        "大規模言語モデルである私には、この依頼を実行できません。",
        "そのようなご依頼にはお応えできません。",
        "残念ながら、そのご要望にはお応えできません。",
        "お手伝いしたいのですが、そのような内容は作成できません。",
        "この質問は不適切な内容を含むため、お答えを控えさせていただきます。",
        "ご質問の意図が理解できませんでした。もう少し詳しく教えていただけますか？",
        "記事の本文が見当たりません。本文を貼り付けてください。",
    ],
)
def test_refusals(answer: str) -> None:
    assert refusal(answer) is not None
    assert refusal(f"{answer}\n\n{'But here it is all the same. 土鍋を火にかける。' * 40}") is None


@pytest.mark.parametrize(
    "answer",
    [
        "I can't stop thinking about pots.",
        "I can't help falling in love with you",
        "I cannot wait to see you.",
        "I'm sorry, but I can't make it to the party on Friday. See you soon!",
        "I'm sorry to say that visitors cannot do this in spring.",
        "Unfortunately, you can't wash pots in hot water, and I cannot recommend bleach.",
        "Unfortunately, the train was late.",
        "Sorry, pots: Ada is moving on",
        "As an AI researcher, I do not work on weekends.",
        "As a teacher, I cannot recommend it enough.",
        "An AI language model cannot taste soup, says the author.",
        "A refusal such as 'I cannot assist with that' is a sign of a filter.",
        "We are sorry to announce that the shop will close.",
        "You should not worry. Please share it with your friends.",
        "申し訳ないほど楽な土鍋の手入れ",
        "申し訳ありませんが、この方法は春には向きません。",
        "申し訳ございませんが、当日は都合により出席できません。",
        "申し訳ありません、と彼は言った。",
        "残念ながら、土鍋をお湯で洗うことはできません。",
        "できません、と言う前に奈良の土鍋",
        "「お答えできない」と言われたときの話し方",
        "AIとして働くロボットの一日",
        "AIが書けないもの",
        "お問い合わせいただきありがとうございます。",
        "土鍋",
        "42",
    ],
)
def test_what_only_sounds_like_a_refusal(answer: str) -> None:
    assert refusal(answer) is None


PASSAGE = (
    "土鍋は使う前に水を含ませ、弱火でゆっくり温める。急に冷やすと割れることがあるので、洗うのは冷めてからにする。"
    "長く使わないときは、よく乾かして風通しのよい場所に置く。底が濡れたまま火にかけてはいけない。"
)
ENGLISH = (
    "Clay pots need water before their first fire. Warm them slowly and wash them only when they have cooled down. "
)
QUESTION = "How do I keep a clay pot for many years?"
STUB = "def cost(days):\n    '''What so many days cost, in yen, without the deposit and without breakfast.'''"


@pytest.mark.parametrize(
    ("answer", "prompt"),
    [
        (QUESTION, QUESTION),
        (f"{QUESTION} Keep it dry and warm it slowly.", QUESTION),
        (f"{QUESTION}\n\nKeep it dry.", QUESTION),
        ("土鍋を長く使うにはどうすればいいですか？", "土鍋を長く使うにはどうすればいいですか？"),
        ("土鍋の長持ちのこつを教えて\n\n乾かします。", "土鍋の長持ちのこつを教えて"),
        (PASSAGE, f"次の文章に題名を付けてください。\n\n{PASSAGE}"),
        (PASSAGE, f"{PASSAGE}\n\nこの文章に題名を付けてください。"),
        (f"{PASSAGE}\n土鍋の手入れ", f"次の文章に題名を付けてください。\n\n{PASSAGE}"),
        (ENGLISH * 3, f"Give it a title.\n\n{ENGLISH * 3}"),
        (f"Here it is: {(ENGLISH * 3)[5:]}", ENGLISH * 3),
    ],
)
def test_copies(answer: str, prompt: str) -> None:
    assert is_copied(answer, prompt)


@pytest.mark.parametrize(
    ("answer", "prompt"),
    [
        ("こんにちは", "こんにちは"),
        ("Nice to meet you!", "Nice to meet you!"),
        ("弱火でゆっくり温める", f"どうしますか。\n\n{PASSAGE}"),
        (PASSAGE[:40], f"次の文章に題名を付けてください。\n\n{PASSAGE}"),
        (f"{STUB}\n    return days * 3000", STUB),
        (f"{STUB}\n    return days * 3000", f"Complete the function.\n\n{STUB}"),
        ("The quick brown fox jumps over the lazy dog.", "The quick brown fox jumps over the"),
        ("土鍋は割れやすいが、手入れしだいで長く使える。", "土鍋は割れやすいが、"),
        (ENGLISH.replace("Clay", "Iron").replace("slowly", "at once"), ENGLISH),
        ("", QUESTION),
        ("yes", ""),
    ],
)
def test_no_copies(answer: str, prompt: str) -> None:
    assert not is_copied(answer, prompt)


@pytest.mark.parametrize(
    "answer",
    [
        "土鍋は、",
        "Clean the pot,",
        "Clean the pot (",
        "土鍋の手入れ「",
        "彼は「今日は",
        "土鍋（手入れ",
        "『坊っちゃん",
        "It is called the (big pot",
        '{"title": "pots", "years": [1, 2',
        '{"title": "pots", "place": "Graz", "',
        '{"title": "pots", "place":',
        '{"title": "pots", "place": "Gr',
        '[{"title": "a \\"pot\\""}, {"title": "pans"',
        "def f(x):\n    return g(x",
        "```python\nprint(1)",
        "Do this:\n```\na\n```\nand then\n```sh\nls",
        "The pots were cleaned and then put into the dishwa-",
        "First, take the big pot. Then put it into the",
        "First, take the big pot. Then wash it and",
        "To clean a pot, do the following:",
        "以下の通りです：",
        "手順は次の通りです:",
    ],
)
def test_answers_that_break_off(answer: str) -> None:
    assert cut_off(answer) is not None


@pytest.mark.parametrize(
    "answer",
    [
        "土鍋の手入れ",
        "Care for pots",
        "He said, “No.”",
        "彼は「はい」と言った",
        "土鍋（手入れ）",
        "f(x) = [0, 1)",
        "a) pots b) pans",
        "I was sad :(",
        "so sad :( but it passed",
        "顔文字 (^_^)",
        "blood type O-",
        '{"title": "a (pot"}',
        '["pots", "pans]"]',
        '{"title": "pots"} is what was asked for.',
        "un-",
        "The grade is A-",
        "```python\nprint('(')\n```",
        "```markdown\n```python\nx\n```\n```",
        "So care it is…",
        "Er sagte: „Nein“",
        "Yes and",
        "at 10:",
        "3:2",
        "",
    ],
)
def test_answers_that_end(answer: str) -> None:
    assert cut_off(answer) is None
