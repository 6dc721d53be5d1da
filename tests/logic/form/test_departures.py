"""What departs from its set is named, what is natural in it stays, and a profile keeps what it kept."""

import json

import numpy as np
import pytest

from jobs.logic.form import departures
from jobs.logic.form.departures import FormOptions, Profile
from jobs.logic.row import Message, Row

OPTIONS = FormOptions("drop", "auto", None, None, 0.003, 3, 0.45, 0.8, 4.5)

ANY_LENGTH = FormOptions("drop", "auto", 0, 1000, 0.003, 3, 0.45, 0.8, 4.5)


def list_of(words: str) -> list[str]:
    return words.split()


PLACES = list_of("鎌倉 飛騨 帯広 飯田 函館 松江 倉敷 萩 小樽 奈良 高山 弘前 尾道 唐津 佐渡 秩父 熱海 日光 彦根 角館")
THINGS = list_of("図書館 祭り 水路 城跡 市場 鉄道 庭園 民謡 灯台 古墳")
TITLES = [f"{place}の{thing}" for place in PLACES for thing in THINGS]
CITIES = list_of("Oslo Lima Cork Bern Nara Kobe Graz Lyon Turin Quito")
GOODS = list_of("tea rope glass paper wool salt copper honey cloth oil")
SENTENCES = [
    f"The harbour of {city} was built for the {good} trade and is still in use." for city in CITIES for good in GOODS
]


def row(answer: str, prompt: str = "題名を付けてください。", system: str = "") -> Row:
    opening = [Message("system", system)] if system else []
    return Row("r", None, [*opening, Message("user", prompt), Message("assistant", answer)], "a", 1, {})


def reasons(answers: list[str], options: FormOptions = OPTIONS, prompt: str = "題名を付けてください。") -> list[str]:
    forms = departures.measured([row(answer, prompt) for answer in answers])
    return [departures.REASONS[number] for number in departures.faults(forms, departures.profile(forms, options))]


def dropped(odd: list[str], usual: list[str] = TITLES, prompt: str = "題名を付けてください。") -> set[str]:
    """The reasons for `odd` answers among usual ones; fails where a usual one is dropped."""
    found = reasons([*usual, *odd], prompt=prompt)
    assert set(found[: len(usual)]) == {""}
    return set(found[len(usual) :])


def wrapped(pattern: str, num: int = 6) -> list[str]:
    """Titles in a pattern: 〇 is the title, ◎ a number."""
    return [
        pattern.replace("〇", f"{place}の歴史").replace("◎", str(number))
        for number, place in enumerate(PLACES[:num], 1)
    ]


@pytest.mark.parametrize(
    "pattern",
    [
        "::〇::", "→ 〇 ←", "(( 〇 ))", "@@〇@@", "{{〇}}", "[b]〇[/b]", "# 〇", "**〇**", "- 〇", "『〇』", "<<〇>>",
        "〇 // end", "title=〇; tags=map", "Q: 何ですか A: 〇", "◎) 〇", "2024-05-0◎ 〇", "/data/〇.txt",
        "〇｜旅｜国内", "a◎b2c3d4e5f60718", "😀🎉🚀📚 ◎", "---\ntitle: ◎\n---\n〇", "12:30:0◎ INFO 〇",
        "ID-◎ 〇", "〇 | note", "〇;;", "ＡＢＣＤＥＦＧ◎", "ｶﾏｸﾗﾉﾚｷｼ ◎", "・〇\n・〇", "〇_◎_x", "〇[完]",
    ],
)  # fmt: skip
def test_a_form_that_no_other_answer_has_is_odd(pattern: str) -> None:
    assert dropped(wrapped(pattern)) == {"odd-form"}


@pytest.mark.parametrize(
    "answers",
    [
        wrapped("〇（◎年）"),
        wrapped("「〇」を歩く"),
        wrapped("〇・その◎"),
        wrapped("〇、そして海"),
        wrapped("第◎回〇"),
        wrapped("〇：◎月の旅"),
        wrapped("〇…"),
        wrapped("〇！？"),
        wrapped("C++と〇"),
        wrapped("NHK 〇"),
        wrapped("〇=ミレー"),
        wrapped("◎年の〇"),
        wrapped("::〇::", 2),
        ["@@鎌倉@@"] * 6,
    ],
)
def test_natural_forms_and_single_odd_ones_stay(answers: list[str]) -> None:
    assert dropped(answers) == {""}


def test_json_is_odd_among_plain_answers_even_alone() -> None:
    assert dropped(['{"title": "鎌倉の歴史"}']) == {"odd-form"}
    assert dropped(['{"title": "鎌倉の歴史"}'], prompt="JSON で題名を付けてください。") == {""}


@pytest.mark.parametrize(
    "answer",
    [
        '{title: "鎌倉の歴史"}',
        '```json\n{"title": "鎌倉の歴史"}\n```',
        "```\n鎌倉の歴史\n```",
        "```\nhistory\n```",
        "#鎌倉の歴史には、海が欠かせない。",
        "#53回の失敗にも触れています。",
    ],
)
def test_json_and_markdown_in_other_dresses_are_odd_even_alone(answer: str) -> None:
    assert dropped([answer]) == {"odd-form"}


@pytest.mark.parametrize("answer", ["#1の歴史", "#53", "{鎌倉: 海}", "```\nls -l | sort\n```"])
def test_numbers_and_commands_are_no_dress(answer: str) -> None:
    assert dropped([answer]) == {""}


def test_lists_stay_where_some_of_the_others_are_long() -> None:
    lists = ["\n".join(f"- {place}" for place in PLACES[at : at + 4]) for at in range(8)]
    long = ["".join(f"{title}は今も残っている。" for title in TITLES[at : at + 12]) for at in range(40)]
    assert dropped(lists) == {"odd-form"}
    assert set(reasons([*TITLES[:160], *long, *lists], ANY_LENGTH)) == {""}


def test_where_all_is_json_the_plain_answer_is_odd() -> None:
    found = reasons([json.dumps({"title": title}) for title in TITLES] + ["鎌倉の歴史"])
    assert found == [""] * len(TITLES) + ["odd-form"]


def test_headings_stay_where_others_are_laid_out() -> None:
    listed = [f"Here is what the harbour of {city} needs:\n\n- paper\n- **rope**\n- honey" for city in CITIES]
    headed = [f"## {city}\n\nThe harbour is still in use." for city in CITIES]
    assert dropped(headed, SENTENCES, "Tell me about it.") == {"odd-form"}
    assert dropped(headed, [*SENTENCES, *listed], "Tell me about it.") == {""}


def test_code_stays_where_most_answers_with_its_marks_are_code() -> None:
    code = [f"def load_{good}(path_name):\n    return read_{good}(path_name)" for good in GOODS]
    assert dropped(code, SENTENCES, "Answer me.") == {""}


def test_two_large_forms_are_said_and_not_dropped() -> None:
    forms = departures.measured([row(title) for title in TITLES[:100]] + [row(f"■{title}") for title in TITLES[100:]])
    profile = departures.profile(forms, OPTIONS)
    assert not departures.faults(forms, profile).any()
    assert profile.mixed_forms() == {"opens with ■": 100}


def test_labels_may_be_made_like_anything() -> None:
    labels = ["positive", "negative", "not_sure", "sci/tech", "C++", ">50K"] * 40
    assert set(reasons(labels)) == {""}
    found = reasons([*labels, "::positive::", "::negative::", "::positive::", "::negative::"])
    assert found[-4:] == ["odd-form"] * 4
    assert set(found[:-4]) == {""}


def test_an_answer_that_stands_in_its_prompt_is_not_odd() -> None:
    rows = [row(title) for title in TITLES]
    rows += [row(answer, f"文中の言葉で答えてください。{answer}とは何か。") for answer in wrapped("『〇』")]
    forms = departures.measured(rows)
    assert not departures.faults(forms, departures.profile(forms, OPTIONS)).any()


@pytest.mark.parametrize(
    ("answer", "prompt", "reason"),
    [
        ("The history of the old harbour in the north.", "題名を付けてください。", "other-language"),
        ("때때로 비가 오는 항구", "題名を付けてください。", "other-language"),
        ("这个城市的历史和文化，我们应该了解。", "題名を付けてください。", "other-language"),
        ("The history of the old harbour in the north.", "英語で題名を付けてください。", ""),
        ("The history of the old harbour", "次の文から抜き出す。The history of the old harbour", ""),
        ("Kobe Harbour Museum", "題名を付けてください。", ""),
        ("Undertale", "題名を付けてください。", ""),
        ("第二次世界大戦", "題名を付けてください。", ""),
        ("1996", "題名を付けてください。", ""),
    ],
)
def test_answers_in_another_language(answer: str, prompt: str, reason: str) -> None:
    forms = departures.measured([row(title) for title in TITLES] + [row(answer, prompt)])
    found = departures.faults(forms, departures.profile(forms, ANY_LENGTH))
    assert departures.REASONS[found[-1]] == reason
    assert not found[:-1].any()


def test_a_set_in_several_languages_is_left_alone() -> None:
    assert set(reasons([*TITLES[:100], *SENTENCES], prompt="?")) == {""}
    assert set(reasons([*TITLES, *SENTENCES[:5]], FormOptions("drop", "any", 0, 1000, 0.003, 3, 0.45, 0.8, 4.5))) == {
        ""
    }


def test_answers_in_the_language_of_the_prompts_are_the_sets_own() -> None:
    forms = departures.measured([row(title) for title in TITLES[:100]] + [row(sentence) for sentence in SENTENCES[:60]])
    found = departures.faults(forms, departures.profile(forms, OPTIONS))
    assert not found[:100].any()
    assert set(found[100:]) == {departures.OTHER_LANGUAGE}


def test_a_language_by_name() -> None:
    english = FormOptions("drop", "en", None, None, 0.003, 3, 0.45, 0.8, 4.5)
    assert set(reasons(TITLES, english)) == {"other-language"}
    with pytest.raises(ValueError, match="'klingon' is no language"):
        reasons(TITLES, FormOptions("drop", "klingon", None, None, 0.003, 3, 0.45, 0.8, 4.5))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("The harbour of Oslo was built for the tea trade and is still in", "cut-off"),
        ("The harbour of Oslo was built for the tea trade and is still in us", "cut-off"),
        ("The harbour of Oslo was built for the tea trade (and is still in use)", ""),
        ("The harbour of Oslo was built for the tea trade and is still used!", ""),
        ("The harbour of Oslo was built for these:\n- tea\n- copper and wool", ""),
    ],
)
def test_cut_off_where_all_others_are_closed(answer: str, reason: str) -> None:
    assert dropped([answer], SENTENCES, "Tell me.") == {reason}


def test_open_ends_are_a_style_where_many_have_them() -> None:
    usual = [*SENTENCES, *(sentence[:-1] for sentence in SENTENCES)]
    assert dropped(["The harbour of Oslo was built for the tea trade and is still open"], usual, "Tell me.") == {""}


def test_lengths_far_outside() -> None:
    assert dropped(["".join(TITLES[:60])]) == {"wrong-length"}
    assert dropped(["Ok"], SENTENCES, "Tell me.") == {"wrong-length"}
    assert dropped(["鎌倉", "鎌倉の図書館と祭りと水路と城跡の市場"]) == {""}


def test_lengths_in_three_kinds() -> None:
    long = [" ".join(SENTENCES[at : at + 40]) for at in range(30)]
    short = [f"{one}{two}" for one in "abcdefghij" for two in "klm"]
    found = reasons([*SENTENCES, *long, *short], prompt="Tell me.")
    assert found == [""] * len(SENTENCES) + ["wrong-length"] * 60


def test_a_tail_of_lengths_ends_at_a_gap() -> None:
    tail = [" ".join(SENTENCES[at : at + 3 + at]) for at in range(9)]
    assert dropped(["Ok", "No", "A", "I", "It"], [*SENTENCES, *tail], "Tell me.") == {"wrong-length"}


def test_labels_among_long_answers_are_answers() -> None:
    assert set(reasons([*["food", "travel"] * 10, *SENTENCES], prompt="Which?")) == {""}


GERMAN = "Der Hafen liegt hinter dem alten Dorf und wird heute kaum noch benutzt, aber viele Leute kommen gern."


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ([GERMAN], "other-language"),
        (["Der Hafen liegt hinter dem alten Dorf."], ""),
        (
            ["Der Hafen liegt hinter dem alten Dorf.", "Nous partons demain matin avec tous les enfants."],
            "other-language",
        ),
        (["- Ragu alla Bolognese\n- Risotto\n- Spaghetti alla Carbonara\n- Lasagne\n- Gelato"], ""),
    ],
)
def test_a_lone_answer_in_another_language_is_told_where_it_is_long(odd: list[str], reason: str) -> None:
    assert dropped(odd, SENTENCES, "Tell me.") == {reason}


def test_lengths_by_configuration() -> None:
    options = FormOptions("keep", "any", 6, 7, 0.003, 3, 0.45, 0.8, 4.5)
    found = reasons(["鎌倉の図書館", "鎌倉", "鎌倉の図書館の歴史", *TITLES], options)
    assert found[:3] == ["", "wrong-length", "wrong-length"]


def test_a_large_minority_of_few_short_answers_stays() -> None:
    assert set(reasons(["Yes", "No"] * 30 + SENTENCES, prompt="Is it?")) == {""}


def mixed_rows() -> list[Row]:
    odd = [*wrapped("::〇::"), *SENTENCES[:4], "".join(TITLES[:60]), '{"title": "鎌倉"}', ""]
    return [row(answer) for answer in [*TITLES, *odd]]


def test_a_profile_keeps_what_it_kept_and_can_be_stored() -> None:
    forms = departures.measured(mixed_rows())
    profile = departures.profile(forms, OPTIONS)
    kept = forms[departures.faults(forms, profile) == 0]
    stored = Profile.from_dict(json.loads(json.dumps(profile.as_dict())))
    assert stored == profile
    assert len(kept) < len(forms)
    assert not departures.faults(kept, stored).any()


def test_order_and_blocks_do_not_matter() -> None:
    rows = mixed_rows()
    forms = departures.measured(rows)
    parts = np.concatenate([departures.measured(rows[at : at + 7]) for at in range(0, len(rows), 7)])
    assert (parts == forms).all()
    assert departures.profile(forms[::-1], OPTIONS) == departures.profile(forms, OPTIONS)


@pytest.mark.parametrize("answers", [[], ["土鍋"], ["::a::", "土鍋", "{}", "The end of the story was"]])
def test_small_sets_are_not_judged(answers: list[str]) -> None:
    assert set(reasons(answers)) <= {""}


def test_odd_characters_are_measured() -> None:
    forms = departures.measured([row(answer) for answer in ["\ud800", "\U0010ffff", "a\tb", "𝗔𝗕", "\u200b"]])
    assert forms["length"].tolist() == [1, 1, 3, 2, 1]


def test_thoughts_before_an_answer_are_no_part_of_its_form() -> None:
    assert dropped([f"<think>\nhm\n</think>\n\n{title}" for title in TITLES[:6]]) == {""}


def test_a_sign_that_opens_most_answers_is_the_form_of_the_set() -> None:
    colours = [f"#{number * 7919 % 2**24:06X}" for number in range(30, 2000, 10)]
    assert {colour[1].isdigit() for colour in colours} == {True, False}
    assert set(reasons(colours)) == {""}
    assert dropped(["#旅の記録", "#朝の市場", "#夜の灯台", "#春の庭園"], [*TITLES, "#1の宿"]) == {"odd-form"}


@pytest.mark.parametrize("asked", ["As JSON: {}", "{} (JSON)", "JSON please. {}", "{} Answer in json."])
def test_json_that_the_prompt_asks_for_is_kept(asked: str) -> None:
    plain = [row(sentence, f"Where is it? {place}") for place, sentence in enumerate(SENTENCES)]
    laid_out = [row(f'{{"place": "{city}", "n": 1}}', asked.format(f"{city} is {city}.")) for city in CITIES]
    forms = departures.measured([*plain, *laid_out])
    assert not departures.faults(forms, departures.profile(forms, OPTIONS)).any()
    unasked = departures.measured([*plain, *(row(each.answer, f"Where is {each.answer[11:15]}?") for each in laid_out)])
    assert departures.faults(unasked, departures.profile(unasked, OPTIONS))[len(plain) :].all()


@pytest.mark.parametrize(
    ("asked", "num", "reason"),
    [
        ("{}? Answer with the number only.", 2, ""),
        ("{}? 数字だけで答えてください。", 2, ""),
        ("{}? In short, please.", 12, ""),  # all prompts that end like this want it
        ("{}? In short, please.", 2, "wrong-length"),
        ("{} is the only one?", 2, "wrong-length"),
    ],
)
def test_an_answer_that_is_to_be_brief_may_be_short(asked: str, num: int, reason: str) -> None:
    plain = [row(f"{each} {other}", f"Where is {each}") for each in SENTENCES for other in SENTENCES[:4]]
    brief = [row(str(7 + place), asked.format(f"{place} {SENTENCES[place]}")) for place in range(num)]
    forms = departures.measured([*plain, *brief])
    profile = departures.profile(forms, OPTIONS)
    assert [departures.REASONS[number] for number in departures.faults(forms, profile)] == [
        *[""] * len(plain),
        *[reason] * num,
    ]


@pytest.mark.parametrize("mark", ["।", "؟", "።", "។", "։", "۔"])
def test_a_mark_that_closes_sentences_is_usual_in_any_script(mark: str) -> None:
    letter = {"।": "क", "؟": "س", "።": "አ", "។": "ក", "։": "ա", "۔": "س"}[mark]
    others = [f"{letter * 3} {letter * number} {letter * 4}{mark}" for number in range(3, 40)]
    answers, options = [*SENTENCES, *others], FormOptions("drop", "any", 0, 1000, 0.003, 3, 0.45, 0.8, 4.5)
    assert set(reasons(answers, options)) == {""}


@pytest.mark.parametrize(
    ("emoji", "reason"),
    [
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467", ""),
        ("\U0001f44b\U0001f3fd\U0001f44d\U0001f3ff", ""),
        ("❤\ufe0f\u200d🔥", ""),
        ("🇯🇵🇧🇷", ""),
        ("😀🎉🚀", "odd-form"),
        ("🇯🇵🇧🇷🇫🇷", "odd-form"),
    ],
)
def test_joined_emoji_are_one(emoji: str, reason: str) -> None:
    assert dropped([f"{sentence} {emoji}" for sentence in SENTENCES[:9]], SENTENCES[9:]) == {reason}


@pytest.mark.parametrize(
    ("answer", "reason", "said"),
    [
        ("::鎌倉の歴史::", "odd-form", "opens with ::; 6 of 213 do: ::鎌倉の歴史::"),
        (
            "The harbour of Oslo was built for the sea.",
            "other-language",
            "en, the set is ja: The harbour of Oslo was built",
        ),
        ("".join(TITLES[:60]), "wrong-length", "characters, usual are"),
    ],
)
def test_evidence_is_short_and_says_why(answer: str, reason: str, said: str) -> None:
    profile = departures.profile(departures.measured(mixed_rows()), OPTIONS)
    evidence = departures.evidence(row(answer), reason, profile)
    assert said in evidence
    assert len(evidence) <= 60


def test_evidence_of_a_cut_answer() -> None:
    profile = departures.profile(departures.measured([row(sentence) for sentence in SENTENCES]), OPTIONS)
    evidence = departures.evidence(row("The harbour of Oslo was built for the"), "cut-off", profile)
    assert evidence == "ends with `as built for the`, 100% with a closing mark"
