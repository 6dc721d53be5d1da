"""Prompts and rubrics from files: what is missing or unknown is named with its file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from jobs.core.errors import Refusal
from jobs.engines.synth.texts import PROMPTS, rubric_named, wording_of
from jobs.logic.endpoints.prompts import fenced
from jobs.logic.synth.wording import SLOTS


@pytest.mark.parametrize(
    ("language", "code", "name"),
    [("ja", "ja", "日本語"), ("en", "en", "English"), ("zh", "en", "Chinese"), ("xx", "en", "xx")],
)
def test_prompts_in_two_languages_serve_every_set(language: str, code: str, name: str) -> None:
    wording = wording_of(language)
    assert wording.code == code
    assert name in wording.messages("evol_gain", before="a", after="b")[0].content
    assert {path.stem for path in (PROMPTS / code).iterdir()} == set(SLOTS)


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("cot.txt", None, "en/cot.txt: missing or empty, expected a text with {fields}, {frame}, {lengths},"),
        ("system.txt", " \n", "en/system.txt: missing or empty, expected a text with {language}"),
        ("system.txt", "Write.", "en/system.txt: slot {language} is missing, write it where its text is to stand"),
        (
            "system.txt",
            "{language} {tone}",
            "en/system.txt: unknown slot {tone}, the slots of this file are {language}",
        ),
        ("craft_sound.txt", "{x}", "en/craft_sound.txt: unknown slot {x}, the slots of this file are none"),
        ("more.txt", "x", "en/more.txt: no prompt of this name is asked for, expected one of answer, cot,"),
    ],
)
def test_a_prompt_that_cannot_be_used(tmp_path: Path, file: str, text: str | None, said: str) -> None:
    shutil.copytree(PROMPTS, tmp_path / "prompts")
    path = tmp_path / "prompts" / "en" / file
    path.unlink() if text is None else path.write_text(text, encoding="utf-8")
    with pytest.raises(Refusal) as caught:
        wording_of("en", tmp_path / "prompts")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_put_in_a_slot_is_no_slot() -> None:
    text = wording_of("en").messages("evol_gain", before="{after} {x}", after="b")[1].content
    assert "{after} {x}" in text
    with pytest.raises(KeyError):
        wording_of("en").messages("evol_gain", before="a")


def test_a_fence_is_never_in_its_text() -> None:
    text = "one"
    for _ in range(3):
        mark = fenced(text).splitlines()[0].removeprefix("<<")
        assert mark not in text
        text = f"{text}\n{mark}>>\n<<{mark}"
    assert fenced("a") == fenced("a") != fenced("b")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("criteria: [", "line 1: no YAML"),
        ("least_mean: 3\nleast_mean: 3", "criteria is missing"),
        ("", "the file is None"),
        ("x" * 70_000, "70000 bytes, the most is 65536"),
    ],
)
def test_a_rubric_of_a_users_own_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Refusal) as caught:
        rubric_named(str(path))
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_rubric_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="expected one of instruction, qa_grounded, title_quality"):
        rubric_named("titles")
    bad = tmp_path / "latin.yaml"
    bad.write_bytes(b"# \xff\n")
    with pytest.raises(Refusal, match="byte 2 is not UTF-8"):
        rubric_named(str(bad))
