"""Tags, templates and invisible characters: found in many dresses, and what only looks like them is left alone."""

import pytest

from jobs.logic.text.explained import is_wanted
from jobs.logic.text.markup import (
    control_token,
    is_nested_dialog,
    stray_invisible,
    stray_think_tag,
    tag_forms,
    without_stray_invisible,
    without_thought,
)
from jobs.logic.text.private import MARKS
from jobs.logic.text.wanted import Asked

ARTICLE = "次の記事に題名を付けてください。\n\n土鍋の手入れには、時間がかかる。"


def forms(answer: str, prompt: str = ARTICLE) -> list[str]:
    """The reasons that the prompt does not explain."""
    asked = Asked(prompt)
    return [reason for reason, seen in tag_forms(answer) if not is_wanted(reason, seen, answer, asked)]


DRESSES = {
    "label": [
        *("【タイトル】土鍋", "【 タイトル 】土鍋", "〔見出し〕土鍋", "［タイトル］土鍋", "[タイトル] 土鍋"),
        *("《題名》土鍋", "<タイトル>土鍋", "＜タイトル＞土鍋", "≪回答≫土鍋", "「タイトル」：土鍋", "『題名』:土鍋"),
        *('"title": "pots"', "タイトル：土鍋", "タイトル: 土鍋", "タイトル→土鍋", "タイトル＝土鍋"),
        *("タイトル案1：土鍋", "タイトル案①：土鍋", "タイトル（案）：土鍋", "記事のタイトル：土鍋"),
        *("おすすめタイトル: 土鍋", "題名は：土鍋", "■題名■ 土鍋", "■タイトル：土鍋", "・タイトル: 土鍋"),
        *("1. タイトル: 土鍋", "① 題名：土鍋", "## タイトル\n土鍋", "タイトル\n土鍋", "**タイトル：** 土鍋"),
        *("**タイトル**: 土鍋", "「タイトル：土鍋の手入れ」", "ＴＩＴＬＥ：土鍋", "回答\n土鍋です。", "Title: pots"),
        *("TITLE:pots", "Title : pots", "title=pots", "Title => pots", "Title - pots", "Title:\npots"),
        *("__Title__: pots", "> Title: pots", "“Title: pots”", "'title': 'pots'", "* Title: pots", "The title: pots"),
        *("Suggested title: pots", "Proposed Title: pots", "Final answer: 42", "Answer: 42", "Output: ok"),
        *("Reply: no", "答え：42", "出力：土鍋", "要約: 土鍋", "件名：土鍋の手入れ", "Subject: pots"),
        *("質問：土鍋とは？", "タグ: 土鍋, 手入れ", "キーワード：土鍋", "Keywords: pots", "Category: home"),
        *("土鍋の手入れ\nタグ：暮らし", "土鍋の手入れ【タグ】暮らし", "Care for pots\n**Hashtags:** home, pots"),
    ],
    "role-label": [
        *("User: hello\nAssistant: hi", "assistant\nCare for pots", "model\npots", "Pots.\nassistant\nMore pots."),
        *("Care for pots\n\nHuman: and then?", "**Assistant:** pots", "アシスタント：土鍋", "ユーザー：はい"),
        *("【アシスタント】土鍋", "System: You are a helpful assistant.", "Bot: pots", "ボット：土鍋"),
        *("Q: why?\nA: because", "人間：なぜ？\nAI：さあ", "AI: pots", "AI：土鍋", "ChatGPT: pots", "GPT-4: pots"),
        *("Model: pots", "A: pots", "System: pots"),
    ],
    "template-header": [
        *("### Response:\npots", "### Response: pots", "###Response:pots", "## Response\npots", "### 応答:\n土鍋"),
        *("pots\n### Instruction: next", "pots\n\n### Input:\nx", "# Answer\npots", "=== Response ===\npots"),
        *("pots\n\n###", "pots\n### End", "### End\npots", "以下は、タスクを説明する指示です。\n土鍋"),
        *("Below is an instruction that describes a task.", "A chat between a curious user and an assistant."),
    ],
    "hashtags": [
        *("#土鍋 #手入れ #暮らし", "＃土鍋 ＃手入れ", "#pots", "#土鍋", "Care for pots #home #pots", "#pots#home"),
        *("Care\n#home\n#pots", "#pots, #home, #clay", "#土鍋、#手入れ", "・#土鍋\n・#手入れ", "- #pots\n- #home"),
        *("土鍋の手入れ ＃暮らし　＃道具", "#2024年 #土鍋", "#a/#b/#c", "土鍋の手入れ #暮らし"),
        *("#暮らし 土鍋の手入れ",),
    ],
    "bracket-tag": [
        *("[TITLE] pots", "[TAG]土鍋", "［ＴＡＧ］土鍋", "[[TITLE]] pots", "[title]pots[/title]", "[b]bold[/b]"),
        *("pots [END]", "土鍋 [終わり]", "pots [end of answer]", "{{title}}", "${title}", "{title}"),
    ],
    "markup-tag": [
        *("<title>pots</title>", "pots<br/>and", "pots<br>and", '<a href="x">pots</a>', "<p>pots", "<b>pots</b>"),
        *("<題名>土鍋</題名>", "＜title＞土鍋＜/title＞", "<h1>土鍋</h1>", "<div class=x>y", "<!-- x --> y"),
        *("x</output>", '<?xml version="1.0"?>pots', "<!DOCTYPE html>", "a &nbsp; b", "&lt;title&gt;土鍋", "R&amp;D"),
        *("&#12354;", "<![CDATA[x]]>", '<foo bar="baz">x'),
    ],
    "control-token": [
        *("<mask> pots", "[gMASK]pots", "<0x0A>pots", "\u2581the\u2581cat\u2581sat", "ĠtheĠcatĠsat", "pots[EOS]"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("reason", "answer"), [(reason, one) for reason, some in DRESSES.items() for one in some])
def test_dresses(reason: str, answer: str) -> None:
    assert reason in forms(answer)


@pytest.mark.parametrize(
    "answer",
    [
        *("土鍋の手入れ", "【保存版】土鍋の手入れ！！", "「土鍋」という選択", "タイトルのない本と土鍋"),
        *("題名のない音楽会：名曲集", "キーワード検索のこつ: 五つの技", "回答者の声：満足", "質問と回答でわかる土鍋"),
        *("タイトルマッチ：井上対田中", "件名：打ち合わせの件\n\n山田様\n\nお世話になっております。"),
        *("Subject: Application\n\nDear Sir,\n\nI write to apply.", "Title page design: a history"),
        *("Title IX and pots", "Answers to your questions", "Output devices: a guide"),
        *("Category theory: an introduction", "Question everything: a life", "Response time: why it matters"),
        *("Osaka: pots", "Assistant coaches on pots", "User manual or user guide?"),
        *("アシスタントとして港で働き、5kgを運んだ。", "A first answer: no. A second answer: it depends."),
        *("System design: the basics", "Models: a history", "C#とF#の違い", "Issues #12 and #15 are closed"),
        *("The #1 mistake with pots", "#1", "#FFAA00", "#ff0000, #00ff00", "Ask in #general"),
        *("See page.html#top for more", "#include <stdio.h>\nint main() { return 0; }", "色は#ff8800とする。"),
        *("[1] 土鍋の歴史", "NASAの歴史: [要出典] とは", "Dear [Name],\nthank you.", "[PDF](x.pdf) of the list"),
        *("rated 4/5 [sic]", "a < b and c > d, or a<b> in a sum", "List<String> names", "if (a > b) { return a; }"),
        *("x <- c(1, 2)", "R&D and AT&T", "<5 kg each", "cp <input> to <output>", "https://example.com/?a=1&b=2"),
        *("5 > 3", "A | B", "Use `<br>` to break a line:\n```html\n<p>a</p>\n```", "Write `[TITLE]` there"),
        *("Try `#a #b`", "## Care\n\n- dry it\n- store it", "x\n----------------\ny", '{"title": "土鍋"}'),
        *("- a: 1\n- b: 2",),
        *MARKS.values(),
        *("[EMAIL] に連絡してください", "Call [PHONE]", "[SECRET]"),
    ],
)  # fmt: skip
def test_what_only_looks_like_a_tag(answer: str) -> None:
    assert forms(answer) == []


@pytest.mark.parametrize(
    ("answer", "prompt"),
    [
        ("AI: A Brief History", "Title this: AI has changed."),
        ("ChatGPT：始め方ガイド", "題名を。ChatGPTの使い方を述べる。"),
        ("システム: 設計の基礎", "題名を。システムの設計について。"),
        ("Model: T-800", "Which model is it, and who made it?"),
        ("A: Paris", "What is the capital of France?\nA. Paris\nB. Rome"),
    ],
)
def test_a_speaker_that_the_prompt_names_is_none(answer: str, prompt: str) -> None:
    assert forms(answer, prompt) == []
    assert forms(answer, "Again: give a title.") == ["role-label"]


@pytest.mark.parametrize(
    ("answer", "prompt", "found"),
    [
        ('<p class="a">Pots</p>', "Write an HTML snippet about pots.", []),
        ("<svg><circle r='1'/></svg>", "SVGで円を描いてください。", []),
        ("<note>Pots</note>", "Put the word between <note> tags: Pots", []),
        ("<note>Pots</note><b>1</b>", "Put the word between <note> tags: Pots", ["markup-tag"]),
        ("<p>Pots</p>", "Write about pots.", ["markup-tag"]),
        ("Pots &nbsp; pans", "What is &nbsp; for?", []),
        ("[INST]<p>Pots</p>[/AVAILABLE_TOOLS]", "Write HTML.", ["control-token", "bracket-tag"]),
    ],
)
def test_markup_that_the_prompt_asks_for(answer: str, prompt: str, found: list[str]) -> None:
    assert forms(answer, prompt) == found


@pytest.mark.parametrize(
    "text",
    [
        *("a<|im_end|>", "a<|im_end|>\n<|im_start|>user", "a<\uff5cim_end\uff5c>", "a<|im\u200b_end|>"),
        *("a<|im_\u202eend|>", "aim_end|>", "a|im_end|>", "<im_end>", "a<|im_end", "|im_start|assistant"),
        *("&lt;|im_end|&gt;", "<| im_end |>", "＜|im_end|＞", "＜｜ｉｍ＿ｅｎｄ｜＞", "<|endoftext|>", "<|eot_id|>"),
        *("<｜end▁of▁sentence｜>", "<|IM_END|>", "<|\u00adim_end|>", "a</s>", "<s>a", "[INST] a [/INST]", "<<SYS>>a"),
        *("<start_of_turn>model", "<eos>", "<tool_call>{}</tool_call>", "eot_id>", "<\u200b|im_end|>"),
    ],
)  # fmt: skip
def test_control_tokens(text: str) -> None:
    assert control_token(text) is not None
    assert control_token(f"土鍋の話です。{text}そして鉄瓶。") is not None


@pytest.mark.parametrize(
    "text", ["", "a < b", "x <| f |> g", "a||b", "<span>", "[1]", "im_end", "土鍋｜鉄瓶", "a <- b"]
)
def test_no_control_tokens(text: str) -> None:
    assert control_token(text) is None


@pytest.mark.parametrize(
    ("text", "in_answer", "in_prompt"),
    [
        ("<think>a</think>b", None, "<think>"),
        ("<think>\n\n</think>\n\n土鍋", None, "<think>"),
        ("<think>a", "<think>", "<think>"),
        ("a</think>", "</think>", "</think>"),
        ("<think>a</think>b<think>c</think>", "<think>", "<think>"),
        ("<thinking>a</thinking>b", "<thinking>", "<thinking>"),
        ("[THINK]a[/THINK]b", "[THINK]", "[THINK]"),
        ("◁think▷a◁/think▷b", "◁think▷", "◁think▷"),
        ("think>\na", "think>", "think>"),
        ("I think so", None, None),
        ("土鍋と考える", None, None),
    ],
)
def test_think_tags(text: str, in_answer: str | None, in_prompt: str | None) -> None:
    assert stray_think_tag(text, answers=True) == in_answer
    assert stray_think_tag(text, answers=False) == in_prompt


def test_without_thought() -> None:
    assert without_thought("<think>\na\n</think>\n\n土鍋") == "土鍋"
    assert without_thought("<think>a") == "<think>a"
    assert without_thought("a<think>b</think>") == "a<think>b</think>"


@pytest.mark.parametrize(
    "stray",
    [
        *("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u200e", "\u202e", "\u2066", "\u2063"),
        *("\ufff9", "\U000e0041\U000e0042", "\U000e0020", "\u061c", "\u180e", "\u206f", "\u3164", "\u034f"),
    ],
)
def test_stray_characters_are_named_and_go(stray: str) -> None:
    for before, after in (("土", "鍋"), ("p", "ots"), ("", "a"), ("a", "")):
        assert stray_invisible(f"{before}{stray}{after}") == list(stray)
        assert without_stray_invisible(f"{before}{stray}{after}") == f"{before}{after}"


@pytest.mark.parametrize(
    "text",
    [
        *("土鍋", "pots", "☺️", "❤️", "1️⃣", "👩‍🚀", "👨‍👩‍👧‍👦", "🏳️‍🌈", "👩🏽‍💻", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "葛󠄀城"),
        *("辻󠄀さん", "می‌خواهم", "क्‍ष", "ශ්‍රී", "ᠮᠣᠩᠭᠣᠯ᠎ᠠ", "ᅟᅠ가", "ｶﾀｶﾅ"),
    ],
)  # fmt: skip
def test_what_is_right_where_it_stands_stays(text: str) -> None:
    assert stray_invisible(text) == []
    assert without_stray_invisible(text) == text


def test_hidden_messages_behind_an_emoji_go() -> None:
    assert without_stray_invisible("😀\ufe0f\U000e0100\U000e0101\ufe01a") == "😀\ufe0fa"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("User: hello\nAssistant: hi\nUser: bye", True),
        ("Here is a talk. Human: hi AI: hello", True),
        ("ユーザー：こんにちは\nアシスタント：はい", True),
        ("The user: a person. The assistant: a program.", False),
        ("Assistant: hi\nUser: hello", False),
        ("User: hello", False),
        ("土鍋の手入れを教えてください。", False),
    ],
)
def test_nested_dialog(text: str, is_one: bool) -> None:
    assert is_nested_dialog(text) is is_one
