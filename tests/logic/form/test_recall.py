"""How much of a contamination is found in sets that are made here: of kinds that are listed, and that no rule names.

Every set is clean by itself, and nothing may be dropped from it; then a share of its answers is spoiled.
"""

import json
import random
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from jobs.logic.form import departures
from jobs.logic.form.departures import FormOptions
from jobs.logic.row import Message, Row

OPTIONS = FormOptions("drop", "auto", None, None, 0.003, 3, 0.45, 0.8, 4.5)
NUM_ROWS = 1000
RATES = (0.01, 0.05, 0.28, 0.40)
Pair = tuple[str, str]

ADJECTIVES = [
    "quiet",
    "old",
    "narrow",
    "bright",
    "early",
    "wooden",
    "northern",
    "famous",
    "broken",
    "gentle",
    "distant",
    "heavy",
    "modern",
    "small",
    "green",
]
NOUNS = [
    "bridge",
    "harbour",
    "village",
    "teacher",
    "river",
    "market",
    "garden",
    "engine",
    "winter",
    "letter",
    "museum",
    "forest",
    "kitchen",
    "island",
    "song",
]
VERBS = [
    "describes",
    "follows",
    "reaches",
    "protects",
    "replaces",
    "crosses",
    "remembers",
    "supports",
    "explains",
    "surrounds",
    "joins",
    "leaves",
]
MONTHS = ["January", "March", "April", "June", "August", "October", "December"]
JA_ADJECTIVES = [
    "静かな",
    "古い",
    "小さな",
    "明るい",
    "新しい",
    "遠い",
    "有名な",
    "北の",
    "木造の",
    "豊かな",
    "険しい",
    "白い",
]
JA_NOUNS = [
    "橋",
    "港町",
    "図書館",
    "教師",
    "川",
    "市場",
    "庭園",
    "鉄道",
    "冬祭り",
    "手紙",
    "博物館",
    "森",
    "台所",
    "島",
    "民謡",
    "城下町",
    "温泉",
    "発電所",
    "絵画",
    "暦",
]
JA_VERBS = [
    "支えている",
    "描いている",
    "守ってきた",
    "結んでいる",
    "思い出させる",
    "囲んでいる",
    "説明している",
    "受け継いだ",
    "伝えている",
]
GERMAN = "Der alte Hafen liegt hinter dem Dorf|Die Brücke wurde im Winter gebaut und später erneuert|Viele Leute kommen"
GERMAN += "jeden Sommer auf die Insel|Das Museum zeigt Briefe und Bilder aus der Stadt|Wir gehen heute in den Wald"
LABELS = ["positive", "negative", "neutral", "not_sure"]
JA_LABELS = ["肯定", "否定", "中立", "わからない"]


def english(rng: random.Random, num: int) -> str:
    said = []
    for _ in range(num):
        a, b, c = rng.sample(NOUNS, 3)
        start = rng.choice([f"The {rng.choice(ADJECTIVES)} {a}", f"In {rng.choice(MONTHS)} the {a}", f"Every {a}"])
        tail = rng.choice(["", f", which {rng.choice(VERBS)} the {c}", f" near the {c} of {rng.randint(2, 90)} people"])
        said.append(f"{start} {rng.choice(VERBS)} the {rng.choice(ADJECTIVES)} {b}{tail}.")
    return " ".join(said)


def japanese(rng: random.Random, num: int) -> str:
    said = []
    for _ in range(num):
        a, b, c = rng.sample(JA_NOUNS, 3)
        aside = rng.choice(["", f"、{rng.randint(1850, 2020)}年から", f"、{c}とともに", f"({c})"])
        said.append(f"{rng.choice(JA_ADJECTIVES)}{a}は{aside}{rng.choice(JA_ADJECTIVES)}{b}を{rng.choice(JA_VERBS)}。")
    return "".join(said)


def german(rng: random.Random) -> str:
    return ". ".join(rng.sample(GERMAN.split("|"), 2)) + "."


def english_title(rng: random.Random) -> str:
    a, b = rng.sample(NOUNS, 2)
    plain = f"{rng.choice(ADJECTIVES).title()} {a.title()} of the {b.title()}"
    forms = [plain] * 12 + [
        f"{plain} ({rng.randint(1850, 2020)})",
        f"The {a.title()}: {plain}",
        f'"{a.title()}" and {b}',
    ]
    return rng.choice(
        [*forms, f"{rng.randint(2, 30)} {a.title()}s in {rng.choice(MONTHS)}", f"{a.title()}-{b} {plain}?"]
    )


def japanese_title(rng: random.Random) -> str:
    a, b = rng.sample(JA_NOUNS, 2)
    plain = f"{rng.choice(JA_ADJECTIVES)}{a}と{b}"
    forms = [plain, f"{a}の{b}", a] * 6 + [f"{a}（{b}）", f"『{a}』の{b}", f"第{rng.randint(1, 60)}回{a}", f"{a}・{b}"]
    return rng.choice([*forms, f"{a}と{b}、そして{rng.choice(JA_NOUNS)}", f"{rng.randint(1850, 2020)}年の{b}"])


def chat(rng: random.Random) -> str:
    said = english(rng, rng.randint(1, 9))
    items = [english(rng, 1) for _ in range(rng.randint(2, 5))]
    shapes = [
        said,
        said,
        said,
        f"{said}\n\n" + "\n".join(f"- {item}" for item in items),
        "\n".join(f"{number}. **{rng.choice(NOUNS)}**: {item}" for number, item in enumerate(items, 1)),
        f"## {english_title(rng)}\n\n{said}\n\n### {english_title(rng)}\n\n{items[0]}",
        f"Sure! {said}\n\n```python\nprint({rng.choice(NOUNS)!r})\n```\n\n{items[0]}",
        f"{said} 😊",
    ]
    return rng.choice(shapes)


def maths(rng: random.Random) -> str:
    lines = []
    for _ in range(rng.randint(2, 5)):
        a, b = rng.randint(2, 90), rng.randint(2, 90)
        sign, value = rng.choice([("+", a + b), ("*", a * b), ("-", a - b)])
        unit = rng.choice(["", " dollars", "%", f" {rng.choice(NOUNS)}s"])
        lines.append(f"{rng.choice(['So', 'Then', 'In all', 'He pays', 'She has'])} {a} {sign} {b} = {value}{unit}")
    return "\n".join(line + rng.choice([".", ""]) for line in lines)


SETS: dict[str, Callable[[random.Random], Pair]] = {
    "ja-titles": lambda rng: (f"題名を付けてください。\n\n{japanese(rng, 5)}", japanese_title(rng)),
    "en-titles": lambda rng: (f"Write a title.\n\n{english(rng, 5)}", english_title(rng)),
    "ja-prose": lambda rng: (f"{rng.choice(JA_NOUNS)}について教えてください。", japanese(rng, rng.randint(3, 9))),
    "en-prose": lambda rng: (f"What is there to say about the {rng.choice(NOUNS)}?", english(rng, rng.randint(3, 9))),
    "labels": lambda rng: (f"Classify the review.\n\n{english(rng, 3)}", rng.choice(LABELS)),
    "ja-labels": lambda rng: (f"感想を分類してください。\n\n{japanese(rng, 3)}", rng.choice(JA_LABELS)),
    "chat": lambda rng: (f"Could you tell me how the {rng.choice(NOUNS)} of this place works?", chat(rng)),
    "maths": lambda rng: (f"How many are there? {english(rng, 2)}", maths(rng)),
}
JAPANESE = ("ja-titles", "ja-prose", "ja-labels")
PROSE = ("ja-prose", "en-prose")


@cache
def clean_set(name: str) -> list[Pair]:
    rng = random.Random(f"clean {name}")
    return [SETS[name](rng) for _ in range(NUM_ROWS)]


@cache
def clean_forms(name: str) -> departures.Forms:
    return measured(clean_set(name))


def measured(pairs: list[Pair]) -> departures.Forms:
    rows = [
        Row(str(number), None, [Message("user", prompt), Message("assistant", answer)], "a", number, {})
        for number, (prompt, answer) in enumerate(pairs)
    ]
    return departures.measured(rows)


def cut(rng: random.Random, answer: str) -> str:
    """The answer without its end; never at the end of a sentence."""
    while True:
        left = answer[: rng.randint(len(answer) // 2, len(answer) - 2)].strip()
        if left[-1] not in ".。)":
            return left


Spoil = Callable[[random.Random, str], str]
LISTED: dict[str, tuple[Spoil, tuple[str, ...]]] = {
    "heading": (lambda rng, a: f"# {a}", ("ja-titles", "en-titles", "ja-prose", "en-prose", "labels", "maths")),
    "json": (lambda rng, a: json.dumps({"answer": a}, ensure_ascii=False), tuple(SETS)),
    "json-list": (lambda rng, a: json.dumps([a, rng.choice(NOUNS)], indent=1), tuple(SETS)),
    "english": (lambda rng, a: english(rng, 2), JAPANESE),
    "japanese": (lambda rng, a: japanese(rng, 2), tuple(name for name in SETS if name not in JAPANESE)),
    "german": (lambda rng, a: german(rng), ("ja-titles", "ja-prose", "en-prose", "chat", "maths")),
    "long": (lambda rng, a: english(rng, 120), ("en-titles", "en-prose", "labels", "maths")),
    "long-japanese": (lambda rng, a: japanese(rng, 90), JAPANESE),
    "short": (lambda rng, a: f"{rng.choice(NOUNS)[:2]}{rng.randint(1, 99)}", ("en-prose",)),
    "cut": (cut, PROSE),
}
CASES = [(kind, name) for kind, (_, names) in LISTED.items() for name in names]


def spoiled(name: str, kind: str, spoil: Spoil) -> tuple[departures.Forms, departures.Forms]:
    """The forms of a clean set, and of the same rows spoiled."""
    rng = random.Random(f"{kind} {name}")
    return clean_forms(name), measured([(prompt, spoil(rng, answer)) for prompt, answer in clean_set(name)])


def found(clean: departures.Forms, bad: departures.Forms, rate: float) -> tuple[float, float]:
    """(recall, precision) where a share of the rows is spoiled."""
    num = round(rate * len(clean))
    forms = np.concatenate((bad[:num], clean[num:]))
    hit = departures.faults(forms, departures.profile(forms, OPTIONS)) > 0
    right = int(hit[:num].sum())
    return right / num, right / max(1, int(hit.sum()))


@pytest.mark.parametrize("name", SETS)
def test_a_clean_set_is_left_alone(name: str) -> None:
    forms = clean_forms(name)
    assert not departures.faults(forms, departures.profile(forms, OPTIONS)).any()


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_listed_kinds_are_found(kind: str, name: str) -> None:
    clean, bad = spoiled(name, kind, LISTED[kind][0])
    for rate in RATES:
        recall, precision = found(clean, bad, rate)
        assert recall >= 0.99, rate
        assert precision >= 0.99, rate


def parts(answer: str) -> list[str]:
    """The answer in three pieces."""
    words = answer.split() if " " in answer else list(answer)
    step = max(1, len(words) // 3)
    glue = " " if " " in answer else ""
    return [glue.join(words[at : at + step]) for at in (0, step, 2 * step)]


TRIED: dict[str, Spoil] = {
    "colons": lambda rng, a: f"::{a}::",
    "arrows": lambda rng, a: f"→ {a} ←",
    "bars": lambda rng, a: "｜".join(parts(a)),
    "assignments": lambda rng, a: f"title={a}; tags={rng.choice(NOUNS)}",
    "brackets": lambda rng, a: f"(( {a} ))",
    "at-signs": lambda rng, a: f"@@{a}@@",
    "numbering": lambda rng, a: f"{rng.randint(1, 9)}) {a}",
    "date": lambda rng, a: f"{rng.randint(1990, 2025)}-{rng.randint(10, 12)}-{rng.randint(10, 28)} {a}",
    "path": lambda rng, a: f"/data/{rng.choice(NOUNS)}/{a.split('.')[0].replace(' ', '_')}.txt",
    "hex": lambda rng, a: f"{rng.getrandbits(128):032x}",
    "emoji": lambda rng, a: "".join(rng.choice("😀🎉🔥🚀📚🍣") for _ in range(rng.randint(4, 9))),
    "quotes": lambda rng, a: f"«{a}»",
    "comment": lambda rng, a: f"{a} // end",
    "slot": lambda rng, a: "{{" + a + "}}",
    "bbcode": lambda rng, a: f"[b]{a}[/b]",
    "front-matter": lambda rng, a: f"---\ntitle: x{rng.randint(1, 999)}\n---\n{a}",
    "log": lambda rng, a: f"2024-05-{rng.randint(10, 28)} 12:{rng.randint(10, 59)}:07 INFO {a}",
    "dialogue": lambda rng, a: f"Q: {rng.choice(NOUNS)}? A: {a}",
}
"""Forms that no rule names, which the search was tried on while it was written."""
HELD_OUT: dict[str, Spoil] = {
    "figure": lambda rng, a: f"Fig. {rng.randint(1, 9)}: {a}",
    "white-brackets": lambda rng, a: f"⟦{a}⟧",
    "left-arrow": lambda rng, a: f"<- {a}",
    "check": lambda rng, a: f"{a} ✔",
    "breadcrumbs": lambda rng, a: " » ".join(parts(a)),
    "broken-json": lambda rng, a: f'{{"text": "{a}"',
    "percent": lambda rng, a: f"%% {a} %%",
    "footnote": lambda rng, a: f"{a} ^{rng.randint(1, 9)}",
    "reply": lambda rng, a: f"Re: {a}",
    "draft": lambda rng, a: f"{a} #draft",
    "struck": lambda rng, a: f"~~{a}~~",
    "wiki": lambda rng, a: f"[[{a}]]",
    "page": lambda rng, a: f"p.{rng.randint(1, 300)} {a}",
    "version": lambda rng, a: f"v{rng.randint(1, 3)}.{rng.randint(0, 9)}.0 {a}",
    "triangle": lambda rng, a: f"▼{a}",
    "read-on": lambda rng, a: f"{a}……>>続き",
    "copyright": lambda rng, a: f"(c) {a}",
    "price": lambda rng, a: f"{a} @ {rng.randint(2, 90)} USD",
    "equals": lambda rng, a: f"=== {a} ===",
    "signed": lambda rng, a: f"{a} ~{rng.choice(NOUNS)}",
    "repeated": lambda rng, a: f"{a} / {a}",
    "ticket": lambda rng, a: f"[#{rng.randint(100, 999)}] {a}",
    "sharp-s": lambda rng, a: f"§{rng.randint(1, 99)} {a}",
    "lower-bar": lambda rng, a: "_".join(parts(a)).replace(" ", "_"),
    "tail-code": lambda rng, a: f"{a} <{rng.randint(1000, 9999)}>",
}
"""Forms that no rule names and that were first tried when everything was written."""


def figures(kinds: dict[str, Spoil], name: str) -> tuple[float, float]:
    """(recall, precision) over kinds and rates: rows found of all spoiled ones, and spoiled ones of all found."""
    spoiled_rows = right = hit = 0
    for kind, spoil in kinds.items():
        clean, bad = spoiled(name, kind, spoil)
        for rate in (0.05, 0.28):
            num = round(rate * NUM_ROWS)
            forms = np.concatenate((bad[:num], clean[num:]))
            dropped = departures.faults(forms, departures.profile(forms, OPTIONS)) > 0
            spoiled_rows, right, hit = spoiled_rows + num, right + int(dropped[:num].sum()), hit + int(dropped.sum())
    return right / spoiled_rows, right / max(1, hit)


@pytest.mark.parametrize(
    ("name", "tried", "held_out"),
    [
        ("ja-titles", 0.99, 0.65),
        ("en-prose", 0.99, 0.65),
        ("labels", 0.95, 0.55),
        ("chat", 0.55, 0.2),  # where the set has Markdown and code of its own, marks of theirs tell nothing
    ],
)
def test_kinds_that_no_rule_lists(name: str, tried: float, held_out: float) -> None:
    for what, kinds, least in (("tried", TRIED, tried), ("held out", HELD_OUT, held_out)):
        recall, precision = figures(kinds, name)
        print(f"{name}, {what}: recall {recall:.3f}, precision {precision:.3f}")  # make test shows it with -s
        assert recall >= least
        assert precision >= 0.99
