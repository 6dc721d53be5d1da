"""What bad models write, in Japanese and in English: each row goes for the right reason, and good ones join."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.engines.synth.vetting import Vetted, Vetter, VettingOptions
from tests.engines.synth.made_rows import Made, of_kind, prepared, said
from tests.stages.prepare_run import TOPICS, entries

THINGS = (
    ("kettle", "boil the water"),
    ("lantern", "light the path"),
    ("basket", "carry the bread"),
    ("ladder", "reach the shelf"),
    ("blanket", "keep the bed warm"),
    ("whistle", "call the dog home"),
    ("compass", "find the north"),
    ("hammer", "drive the nails"),
    ("bucket", "fetch the milk"),
    ("mirror", "see the whole room"),
)
PLACES = ("kitchen", "garden", "attic", "cellar", "workshop", "hallway", "stable", "library", "harbour")


def english(number: int) -> Made:
    """A row of a set of short explanations that is like no other."""
    (thing, use), place = THINGS[number % 10], PLACES[number // 10 % 9]
    prompt = f"Explain in one sentence why the {thing} in the {place} of house {number} matters to its owner."
    first, last = ("Its owner", "People there", "The family", "Guests")[number % 4], 1900 + number
    return said(prompt, f"{first} of number {number} need it to {use} near the {place}, and have done so since {last}.")


def japanese(number: int) -> Made:
    """The same in Japanese."""
    topic, place = TOPICS[number % 20], ("台所", "庭", "屋根裏", "物置", "仕事場")[number // 20 % 5]
    use, year = ("毎朝使って", "大事に手入れして", "客に見せて", "季節ごとに出して")[number % 4], 1900 + number
    prompt = f"{number}番の家の{place}にある{topic}は、なぜ大切にされていますか。一文で答えてください。"
    return said(prompt, f"{number}番の家の人が、{place}の{topic}を{year}年から{use}きたからです。")


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, VettingOptions]]:
    rows = [{"id": f"e{number}", **english(number)} for number in range(90)]
    return {
        "ja": of_kind(tmp_path_factory.mktemp("ja"), "titles"),
        "en": prepared(tmp_path_factory.mktemp("en"), rows),
        "sentences": prepared(
            tmp_path_factory.mktemp("sentences"), [{"id": f"j{number}", **japanese(number)} for number in range(90)]
        ),
    }


JA, EN = "新しい記事です。竹かごの編み方を聞きました。", "Explain in one sentence why the rope in the shed matters."
ASKED = "浜の小屋にある縄は、なぜ大切にされていますか。一文で答えてください。"
BAD = [
    ("ja", said(JA, "申し訳ありませんが、そのご依頼にはお応えできません。"), "refusal"),
    ("ja", said(JA, "AIとして、個人的な意見を述べることはできません。"), "refusal"),
    ("ja", said(JA, "竹かご、編み方の順番<|im_end|>"), "control-token"),
    ("ja", said(JA, "<|im_start|>assistant\n竹かご、編み方の順番"), "control-token"),
    ("ja", said(f"{JA}<|im_end|>", "竹かご、編み方の順番"), "control-token"),
    ("ja", said(JA, "</think>竹かご、編み方の順番"), "think-tag"),
    ("ja", said(JA, "A simple way to weave a basket of bamboo at home in the evening"), "other-language"),
    ("ja", said(JA, "一种在家里编织竹篮子的简单方法以及需要的材料"), "other-language"),
    ("ja", said(JA, "#竹かご #編み方"), "hashtags"),
    ("ja", said(JA, "竹竹竹竹竹竹竹竹竹竹竹竹竹竹竹竹"), "repeated-character"),
    ("ja", said(JA, ""), "empty-answer"),
    ("ja", said("", "竹かご、編み方の順番"), "empty-prompt"),
    ("ja", said(JA, JA), "copied-prompt"),
    ("ja", said(JA, "竹かご、編み方の順番。" * 40), "repeated-phrase"),
    ("ja", said(JA, f"竹かご、鍵は{'AKIA'}Q7XK2M9PLWZ4T8RB"), "secret"),
    ("sentences", said(ASKED, "持ち主が舟をつなぐのに1950年からその縄を使い続けていて、いまでも"), "cut-off"),
    ("sentences", said(ASKED, "申し訳ありませんが、その質問にはお答えできません。"), "refusal"),
    ("sentences", said(ASKED, "Its owner ties the boat with it and has done so since 1950."), "other-language"),
    ("en", said(EN, "I'm sorry, but I can't help with that request."), "refusal"),
    ("en", said(EN, "As an AI language model, I cannot have opinions about ropes or sheds."), "refusal"),
    ("en", said(EN, "The owner needs it to tie the boat.<|endoftext|>"), "control-token"),
    ("en", said(EN, "The owner ties the boat with it, and has done so since the day that the"), "cut-off"),
    ("en", said(EN, "縄は小屋にあり、持ち主が舟をつなぐのに使います。"), "other-language"),
    (
        "en",
        said(EN, "Das Seil im Schuppen wird gebraucht, um das Boot festzumachen, seit vielen Jahren."),
        "other-language",
    ),
    ("en", said(EN, "It ties. It ties. It ties. It ties. It ties. It ties. It ties. It ties."), "repeated-phrase"),
    ("en", said(EN, EN), "copied-prompt"),
    ("en", said(EN, "<think>The user wants one sentence.</think>"), "empty-answer"),
    ("en", said(EN, "Assistant: The owner needs it to tie the boat at the pier."), "role-label"),
    ("en", said(EN, "Score: 5 " * 30), "repeated-phrase"),
]


def judged(
    sets: dict[str, tuple[Path, VettingOptions]], language: str, rows: list[Made], scratch: Path
) -> list[Vetted]:
    folder, options = sets[language]
    return Vetter(folder, options, scratch).judge([{"id": f"m{place}", **row} for place, row in enumerate(rows)])


@pytest.mark.parametrize("language", ["ja", "en", "sentences"])
def test_what_a_bad_model_writes_goes_for_the_right_reason(
    sets: dict[str, tuple[Path, VettingOptions]], tmp_path: Path, language: str
) -> None:
    cases = [(row, reason) for kind, row, reason in BAD if kind == language]
    found = judged(sets, language, [row for row, _ in cases], tmp_path)
    told = [(vetted.reason, row["messages"][1]["content"][:40]) for vetted, (row, _) in zip(found, cases, strict=True)]
    assert told == [(reason, row["messages"][1]["content"][:40]) for row, reason in cases]


@pytest.mark.parametrize("language", ["ja", "en", "sentences"])
def test_copies_of_a_seed_and_of_a_held_out_row_go_and_good_rows_join(
    sets: dict[str, tuple[Path, VettingOptions]], tmp_path: Path, language: str
) -> None:
    folder, _ = sets[language]
    seed, held_out = entries(folder / "train.jsonl")[0], entries(folder / "val.jsonl")[0]
    prompt, answer = (turn["content"] for turn in seed["messages"])
    other = {"ja": said(JA, "竹かご、編み方の順番"), "en": english(95), "sentences": japanese(95)}[language]
    rows = [
        said(prompt, answer),
        said(f"{prompt} ", answer.replace("、", "，")),
        said(f"{prompt}\n", f"{answer}!"),
        {"messages": held_out["messages"]},
        said(held_out["messages"][0]["content"], answer),
        other,
        other,
    ]
    found = judged(sets, language, rows, tmp_path)
    reasons = [vetted.reason for vetted in found]
    assert reasons[0] == "duplicate"
    assert set(reasons[1:3]) <= {"duplicate", "near-duplicate"}
    assert reasons[3:] == ["near-held-out", "near-held-out", None, "duplicate"]
    assert [vetted.nearest_id for vetted in found[:3]] == [seed["id"]] * 3
    assert found[3].nearest_id == held_out["id"]
