"""What a run remembers, and what counts before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.core import config, memory
from jobs.core.errors import Refusal
from tests import whole_run


def recalled(folder: Path, before: list[str], given: list[str]) -> memory.Recalled:
    root = folder / "mine"
    root.mkdir(exist_ok=True)
    memory.keep(root, before)
    return memory.recall([f"run.folder={folder}", "run.name=mine", *given])


@pytest.mark.parametrize(
    ("before", "given", "effective"),
    [
        (["model=qwen3_4b", "prepare.files=[a]"], [], ["model=qwen3_4b", "prepare.files=[a]"]),
        (["prepare.files=[a]"], ["prepare.files=[b]"], ["prepare.files=[b]"]),
        (["model=qwen3_4b", "model.length=99"], ["model=qwen3_8b"], ["model=qwen3_8b"]),
        (["model=qwen3_4b", "model.length=99"], ["model=qwen3_4b"], ["model.length=99", "model=qwen3_4b"]),
        (["model.length=99"], ["model=qwen3_8b", "model.length=7"], ["model=qwen3_8b", "model.length=7"]),
        (["prepare.columns.prompt=q"], ["prepare.columns={prompt:x}"], ["prepare.columns={prompt:x}"]),
        (["prepare.columns={prompt:q}"], ["prepare.columns.completion=a"],
         ["prepare.columns={prompt:q}", "prepare.columns.completion=a"]),
        (["waivers.TRN007=known"], ["waivers={}"], ["waivers={}"]),
        (["experiment=demo", "train.lora.rank=4"], ["experiment=null"], ["train.lora.rank=4", "experiment=null"]),
    ],
)  # fmt: skip
def test_what_is_given_counts_before_what_is_remembered(
    tmp_path: Path, before: list[str], given: list[str], effective: list[str]
) -> None:
    found = recalled(tmp_path, before, given)
    assert [word for word in found.words if not word.startswith("run.")] == effective
    assert set(found.remembered) == set(effective) - set(given)


def test_which_run_it_is_and_redo_are_never_remembered(tmp_path: Path) -> None:
    found = recalled(tmp_path, ["run.name=other", "run.folder=x", "redo=true", "run.seed=5"], [])
    assert found.words == ["run.seed=5", f"run.folder={tmp_path}", "run.name=mine"]


def test_a_first_run_is_as_it_was_given(tmp_path: Path) -> None:
    given = [f"run.folder={tmp_path}", "run.name=new", "train.lora.rank=4"]
    assert memory.recall(given) == memory.Recalled(given, [], "", tmp_path / "new" / memory.NOTE)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ([], "run mine remembers: model=qwen3_4b train.lora.rank=4"),
        (["train.lora.rank=8"], "run mine remembers: model=qwen3_4b; train.lora.rank=8 instead of train.lora.rank=4"),
        (["run.seed=1"], "run mine remembers: model=qwen3_4b train.lora.rank=4; run.seed=1 new"),
        (["model=qwen3_4b", "train.lora.rank=4"], ""),
        (["redo=true", "model=qwen3_4b", "train.lora.rank=4"], ""),
    ],
)
def test_what_differs_is_said_in_one_line(tmp_path: Path, given: list[str], line: str) -> None:
    assert recalled(tmp_path, ["model=qwen3_4b", "train.lora.rank=4"], given).line == line


@pytest.mark.parametrize(
    ("words", "name", "folder"),
    [
        ([], "first", "runs"),
        (["experiment=demo"], "demo", "runs"),
        (["experiment=demo", "run.name=記事", "run.folder='my runs'"], "記事", "my runs"),
        (["run.name=a", "run.name=b"], "b", "runs"),
        (["experiment=../x"], "first", "runs"),
    ],
)
def test_the_run_is_the_one_that_the_config_names(words: list[str], name: str, folder: str) -> None:
    assert memory.folder(words) == Path(folder) / name
    if ".." not in " ".join(words):
        run = config.run_config(config.compose(words))
        assert (run.name, run.folder) == (name, folder)


def test_the_run_stays_the_one_that_was_asked_for(tmp_path: Path) -> None:
    found = recalled(tmp_path, ["experiment=demo"], [])
    assert config.run_config(config.compose(found.words)).name == "mine"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"words": 3}', '{"words": ["no equals sign"]}', "\udcff"])
def test_a_note_that_cannot_be_read_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / memory.NOTE).write_bytes(text.encode(errors="surrogateescape"))
    assert memory.read(tmp_path) == []


def test_the_same_words_leave_the_note_untouched(tmp_path: Path) -> None:
    memory.keep(tmp_path, ["a=記事", "b=2"])
    before = (tmp_path / memory.NOTE).stat()
    memory.keep(tmp_path, ["a=記事", "b=2", "redo=true", "run.name=x"])
    assert (tmp_path / memory.NOTE).stat() == before
    assert memory.read(tmp_path) == ["a=記事", "b=2"]


@pytest.mark.parametrize(
    ("before", "stages", "everything", "left"),
    [
        ([], ["fetch", "prepare"], True, []),
        (["model=a"], ["fetch", "prepare"], True, ["model=a"]),
        ([], ["prepare", "train"], False, ["model=b", "fetch.x=1"]),
        (["prepare.files=[a]"], ["prepare", "train"], False, ["model=b", "fetch.x=1", "prepare.files=[a]"]),
    ],
)
def test_what_a_refused_command_said_is_taken_back(
    tmp_path: Path, before: list[str], stages: list[str], everything: bool, left: list[str]
) -> None:
    memory.keep(tmp_path, ["model=b", "fetch.x=1", "prepare.files=[b]", "train.y=2"])
    memory.take_back(tmp_path, before, stages, everything)
    assert memory.read(tmp_path) == left
    assert (tmp_path / memory.NOTE).exists() == bool(left)


def test_a_remembered_word_that_nobody_takes_any_more_is_told_with_its_file(tmp_path: Path) -> None:
    found = recalled(tmp_path, ["train.gone=1"], [])
    with pytest.raises(Refusal) as refusal:
        config.compose(found.words)
    told = found.told(refusal.value)
    assert str(told).endswith(f"(the run remembers it: take it out of {tmp_path / 'mine' / memory.NOTE})")


def test_a_word_with_a_secret_is_refused_before_anything_is_remembered(tmp_path: Path) -> None:
    secret = "hf_" + "aB3dE5gH7j" * 4
    words = [f"run.folder={tmp_path}", "run.name=mine", "experiment=demo", f"waivers.DAT012={secret}"]
    done = whole_run.command("prepare", *words)
    assert (done.returncode, secret in done.stdout + done.stderr) == (2, False)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
