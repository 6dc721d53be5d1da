"""The demo's world and rows: what is drawn is what was promised, and the committed files are what is drawn."""

import json
import tomllib
import unicodedata
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from jobs.logic.demo.rows import COPIES, SPOILERS, demo_rows, row_id
from jobs.logic.demo.world import all_subjects, base_conversation, parse_world, split_subjects, write_article

FOLDER = Path(__file__).resolve().parents[3] / "data/demo"
DATA = tomllib.loads((FOLDER / "world.toml").read_text(encoding="utf-8"))
WORLD = parse_world(DATA)
ROWS = demo_rows(WORLD, DATA["rows"])


def test_subjects_have_titles_of_their_own() -> None:
    subjects = all_subjects(WORLD)
    assert len(subjects) == 36 * 8 + 14 * 8
    assert len({subject.title() for subject in subjects}) == len(subjects)


def test_split_is_whole_and_apart() -> None:
    seen, unseen = split_subjects(WORLD, 0.25, Random(0))
    assert (len(seen), len(unseen)) == (300, 100)
    assert not {subject.title() for subject in seen} & {subject.title() for subject in unseen}


@pytest.mark.parametrize("seed", range(5))
def test_article(seed: int) -> None:
    rng = Random(seed)
    for subject in rng.sample(all_subjects(WORLD), 40):
        text = write_article(subject, rng)
        assert "{" not in text
        assert subject.topic.name in text
        assert 3 <= text.count("。" if subject.language.code == "ja" else ".") <= 5


def test_same_state_same_text() -> None:
    seen, _ = split_subjects(WORLD, 0.25, Random(0))
    draws = [[base_conversation(WORLD, seen, 0.05, rng) for _ in range(50)] for rng in (Random(3), Random(3))]
    assert draws[0] == draws[1]


def test_the_base_never_reads_a_title() -> None:
    seen, _ = split_subjects(WORLD, 0.0, Random(0))
    titles = {subject.title() for subject in seen}
    rng = Random(1)
    for _ in range(500):
        prompt, answer = (message["content"] for message in base_conversation(WORLD, seen, 0.05, rng))
        assert not any(title in prompt or title in answer for title in titles)


def test_text_is_composed() -> None:
    text = (FOLDER / "world.toml").read_text(encoding="utf-8")
    assert unicodedata.is_normalized("NFC", text)


def test_files_are_what_the_world_gives() -> None:
    lines = [json.dumps(row.as_dict(number), ensure_ascii=False) for number, row in enumerate(ROWS, 1)]
    key = {row_id(number): row.kind for number, row in enumerate(ROWS, 1) if row.kind}
    written = (FOLDER / "articles.jsonl").read_text(encoding="utf-8")
    assert written == "".join(f"{line}\n" for line in lines)  # not splitlines: wrongly decoded text holds U+0085
    assert json.loads((FOLDER / "spoiled.json").read_text(encoding="utf-8")) == key


def test_counts() -> None:
    plan = DATA["rows"]
    kinds = Counter(row.kind for row in ROWS)
    assert kinds == {None: plan["clean"] - plan["decomposed"], "decomposed": plan["decomposed"]} | plan["spoiled"]
    assert set(plan["spoiled"]) == {*SPOILERS, *COPIES}
    assert 0.25 <= sum(plan["spoiled"].values()) / len(ROWS) <= 0.31


def test_clean_rows_are_not_near_each_other() -> None:
    texts = [unicodedata.normalize("NFC", row.prompt + row.answer) for row in ROWS if row.kind in (None, "decomposed")]
    grams = [{text[place : place + 5] for place in range(len(text) - 4)} for text in texts]
    highest = max(len(a & b) / len(a | b) for place, a in enumerate(grams) for b in grams[:place])
    assert highest < 0.6


def test_copies_stand_behind_what_they_copy() -> None:
    for kind in COPIES:
        for place, row in enumerate(ROWS):
            if row.kind == kind:
                first = next(index for index, other in enumerate(ROWS) if other.subject == row.subject)
                assert first < place
                assert ROWS[first].kind is None
                assert (ROWS[first].prompt == row.prompt) is (kind == "duplicate")


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("hashtags", lambda row: row.answer.startswith("#")),
        ("label", lambda row: row.answer.startswith("【")),
        ("prefix", lambda row: row.answer.split(row.subject.title())[0].strip() in ("Title:", "TITLE:", "タイトル：")),
        ("markup", lambda row: row.answer.startswith("<") and row.answer.endswith(">")),
        ("brackets", lambda row: row.answer.startswith("[T")),
        ("repeated", lambda row: len(set(row.answer[-6:])) == 1),
        ("mojibake", lambda row: any("\x80" <= character <= "ÿ" for character in row.answer)),
        ("empty", lambda row: not row.answer.strip()),
        ("control", lambda row: "<|" in row.prompt + row.answer),
        ("decomposed", lambda row: not unicodedata.is_normalized("NFC", row.prompt)),
    ],
)
def test_spoiled_rows_are_spoiled(kind: str, wrong) -> None:
    rows = [row for row in ROWS if row.kind == kind]
    assert rows
    assert all(wrong(row) for row in rows)


def test_too_many_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="401 rows are planned and the world has 400 subjects"):
        demo_rows(WORLD, {**DATA["rows"], "clean": 401, "spoiled": dict.fromkeys((*SPOILERS, *COPIES), 0)})
