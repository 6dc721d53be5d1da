"""Words as shells leave them, and every letter in them."""

from __future__ import annotations

import re
import shlex
import subprocess
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from jobs.core import config, names, words
from jobs.core.errors import Refusal


def value(*given: str) -> Any:
    """What the first word's key is after all of them."""
    found: Any = config.compose(given)
    for name in words.key(given[0]).split("."):
        found = found[name]
    return found


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("prepare.files=[記事.jsonl]", ["記事.jsonl"]),
        ("prepare.files=[記事.jsonl, b.csv]", ["記事.jsonl", "b.csv"]),
        ("prepare.files=[my rows.jsonl]", ["my rows.jsonl"]),
        ("prepare.files=['記事, 1.jsonl']", ["記事, 1.jsonl"]),
        ("prepare.files=[記事\\, 1.jsonl]", ["記事, 1.jsonl"]),
        ("prepare.files=[rows(1).jsonl,a=b.jsonl,it's.jsonl]", ["rows(1).jsonl", "a=b.jsonl", "it's.jsonl"]),
        ("prepare.files=[a&b.jsonl,c#d;e!.jsonl]", ["a&b.jsonl", "c#d;e!.jsonl"]),
        ("prepare.files=[１.jsonl]", ["１.jsonl"]),
        ("prepare.columns={prompt:質問,completion:回答}", {"prompt": "質問", "completion": "回答"}),
        ("prepare.columns={prompt: '質問', completion: \"回答\"}", {"prompt": "質問", "completion": "回答"}),
        ("prepare.columns={'prompt':'a:b'}", {"prompt": "a:b"}),
        ("prepare.columns.prompt=質問", "質問"),
        ("run.name=記事タイトル", "記事タイトル"),
        ("report.title=[第12回] 名刀", "[第12回] 名刀"),
        ("waivers.TRN007=短い, 見た", "短い, 見た"),
    ],
)
def test_every_letter_may_stand_unquoted(word: str, expected: object) -> None:
    assert value(word) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("prepare.clean.allow=[1,a,null,true,1e3,'2']", [1, "a", None, True, 1000.0, "2"]),
        ("prepare.clean.allow=[1,質,null,true,1e3,'2']", [1, "質", None, True, 1000.0, "2"]),
        ("prepare.clean.allow=[]", []),
        ("prepare.columns={}", {}),
        ("prepare.clean.allow=[[a,質],{b:質}]", [["a", "質"], {"b": "質"}]),
    ],
)
def test_beside_other_letters_a_number_stays_a_number(word: str, expected: object) -> None:
    assert value(word) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["prepare.files=[my", "rows.jsonl]"], ["prepare.files=[my rows.jsonl]"]),
        (["prepare.files=[a.jsonl,", "b=c.jsonl]", "redo=true"], ["prepare.files=[a.jsonl, b=c.jsonl]", "redo=true"]),
        (["report.title=My", "nice", "title", "redo=true"], ["report.title=My nice title", "redo=true"]),
        (["waivers.TRN007=short", "answers"], ["waivers.TRN007=short answers"]),
        (["prepare.columns=prompt:質", "prepare.columns=completion:回"], ["prepare.columns={prompt:質,completion:回}"]),
        (["prepare.files=[never", "closed", "redo=true"], ["prepare.files=[never", "closed", "redo=true"]),
        (["experiment=demo", "train.lora"], ["experiment=demo", "train.lora"]),
        (["run.name=mine", "train.lora"], ["run.name=mine", "train.lora"]),
        (["prepare.files=['a]", "b.jsonl']"], ["prepare.files=['a] b.jsonl']"]),
    ],
)  # fmt: skip
def test_what_a_shell_took_apart_is_put_together(given: list[str], expected: list[str]) -> None:
    assert words.whole(given) == expected
    assert words.whole(expected) == expected


def test_a_tilde_is_the_home_folder_in_paths_alone() -> None:
    home = str(Path.home())
    given = [
        "run.folder=~/runs",
        "prepare.files=[~/a.jsonl,b~/c, '~/d e']",
        "report.title=~/x",
        "fetch.source.folder=~",
    ]
    assert words.whole(given) == [
        f"run.folder={home}/runs", f"prepare.files=[{home}/a.jsonl,b~/c, '{home}/d e']", "report.title=~/x",
        f"fetch.source.folder={home}",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("prepare.files=[記事.jsonl]", ["記事.jsonl"]),
        ("prepare.files=[my rows.jsonl]", ["my rows.jsonl"]),
        ("prepare.columns='{prompt:質問,completion:回答}'", {"prompt": "質問", "completion": "回答"}),
        ("prepare.columns={prompt:質問,completion:回答}", {"prompt": "質問", "completion": "回答"}),
        ("run.name=記事タイトル", "記事タイトル"),
    ],
)
def test_the_same_words_through_make(tmp_path: Path, typed: str, expected: object) -> None:
    (tmp_path / "Makefile").write_text("SHELL := /bin/bash\nprepare:\n\t@printf '%s\\0' $(ARGS)\n")
    done = subprocess.run(
        ["bash", "-c", f'make prepare ARGS="{typed}"'], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert value(*words.whole(done.stdout.split("\0")[:-1])) == expected


@pytest.mark.parametrize(
    ("word", "said", "mended"),
    [
        ("prepare.files=[記事.jsonl", "`[` has no `]`", "prepare.files=[記事.jsonl]"),
        ("prepare.columns={prompt:質問", "`{` has no `}`", "prepare.columns={prompt:質問}"),
        ("prepare.clean.allow=[マーク,,x]", "between two commas", "prepare.clean.allow=[マーク,x]"),
        ("prepare.clean.allow=[マーク,x,]", "between two commas", "prepare.clean.allow=[マーク,x]"),
        ("report.languages=ja,en", "expected one value", "report.languages=[ja,en]"),
        ("report.languages=日,英", "expected one value", "report.languages=[日,英]"),
        ("prepare.split.previous=a,b", "expected one value", "prepare.split.previous='a,b'"),
    ],
)
def test_what_cannot_be_read_is_told_with_what_can(word: str, said: str, mended: str) -> None:
    with pytest.raises(Refusal, match=re.escape(said)) as refusal:
        config.compose([word])
    assert refusal.value.words == (mended,)
    assert refusal.value.without == (word,)
    config.compose([mended])


@pytest.mark.parametrize("name", ["first", "記事タイトル", "Größe-2", "हिन्दी", "2024", "a.b_c-d", "記" * 64])
def test_names_of_runs_are_of_any_writing(name: str) -> None:
    assert names.is_run_name(name)
    assert names.nearest_run_name(name) == name


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("my run", "my-run"), ("../up", "up"), ("a/b", "a-b"), ("", "first"), ("・・", "first"),
     ("記事・要約", "記事-要約"), ("-x", "x"), ("a" * 65, "a" * 64), ("a\nb", "a-b"), ("𠮷" * 60, "𠮷" * 50)],
)  # fmt: skip
def test_what_is_no_name_has_one_that_is_near(name: str, nearest: str) -> None:
    assert not names.is_run_name(name)
    assert names.nearest_run_name(name) == nearest
    assert names.is_run_name(nearest)


def test_a_name_is_the_same_however_its_letters_are_put_together() -> None:
    parts = unicodedata.normalize("NFD", "データ")
    assert parts != "データ"
    assert config.run_config(config.compose([f"run.name={parts}"])).name == "データ"
    assert names.ascii_slug(parts) == names.ascii_slug("データ")


@pytest.mark.parametrize("name", ["first", "A.b_c"])
def test_a_plain_name_is_its_own_slug(name: str) -> None:
    assert names.ascii_slug(name) == name


def test_slugs_tell_names_apart_and_are_labels() -> None:
    given = ["記事タイトル", "記事要約", "Größe", "Grösse", "データ-2"]
    found = [names.ascii_slug(name) for name in given]
    assert len(set(found)) == len(given)
    assert found[2].startswith("gro-e-") or found[2].startswith("groe-")
    assert all(len(slug) <= 41 and slug.isascii() and slug == slug.lower() and slug[0].isalnum() for slug in found)


@pytest.mark.parametrize(("there", "asked"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_file_is_found_in_either_spelling(tmp_path: Path, there: Any, asked: Any) -> None:
    path = tmp_path / unicodedata.normalize(there, "データ") / unicodedata.normalize(there, "ガイドé.jsonl")
    path.parent.mkdir()
    path.touch()
    for name in ("データ/ガイドé.jsonl",):
        other = tmp_path / unicodedata.normalize(asked, name)
        assert names.spelled(other).samefile(path)
    mixed = tmp_path / unicodedata.normalize("NFC", "データ") / unicodedata.normalize("NFD", "ガイドé.jsonl")
    assert names.spelled(mixed).samefile(path)
    assert names.spelled(tmp_path / "無い.jsonl") == tmp_path / "無い.jsonl"


def test_quoting_is_what_it_was(tmp_path: Path) -> None:
    assert value("prepare.files=" + shlex.split("\"[a.jsonl, 'b c.jsonl']\"")[0]) == ["a.jsonl", "b c.jsonl"]
