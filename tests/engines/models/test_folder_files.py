"""Which files of a model's folder are taken: its own, wherever a hub's cache keeps them, and nobody else's."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.core.errors import Refusal
from jobs.engines.models import folder_files
from jobs.engines.models.folder_files import library_errors, own_files, read_json, take


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A snapshot as the hub's library lays it out, beside another repository's."""
    for name in ("models--a--b", "models--a--c"):
        blobs, snapshot = tmp_path / name / "blobs", tmp_path / name / "snapshots/c0ffee"
        blobs.mkdir(parents=True)
        snapshot.mkdir(parents=True)
        for file in ("config.json", "tokenizer_config.json"):
            (blobs / f"hash-of-{file}").write_text(json.dumps({"of": name}))
            (snapshot / file).symlink_to(f"../../blobs/hash-of-{file}")
    return tmp_path / "models--a--b/snapshots/c0ffee"


def test_a_hubs_cache_is_followed_to_its_own_blobs(cache: Path, tmp_path: Path) -> None:
    assert take(own_files(cache, "it"), tmp_path / "got", "it") == []
    assert sorted(path.name for path in (tmp_path / "got").iterdir()) == ["config.json", "tokenizer_config.json"]
    assert not any(path.is_symlink() for path in (tmp_path / "got").iterdir())
    assert (tmp_path / "got/config.json").samefile(cache.parents[1] / "blobs/hash-of-config.json")


def test_a_link_within_the_folder_is_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "given"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub/weights").write_bytes(b"w")
    (folder / "model.safetensors").symlink_to("sub/weights")
    (tmp_path / "by-a-link").symlink_to(folder)
    (found,) = own_files(tmp_path / "by-a-link", "it")
    assert (found.name, found.path) == ("model.safetensors", folder.resolve() / "sub/weights")


@pytest.mark.parametrize(
    "target", ["../../../models--a--c/blobs/hash-of-config.json", "../../refs", "../../blobs/../../outside"]
)
def test_a_snapshots_link_elsewhere_is_refused(cache: Path, tmp_path: Path, target: str) -> None:
    (tmp_path / "outside").write_text("{}")
    (cache.parents[1] / "refs").write_text("{}")
    (cache / "config.json").unlink()
    (cache / "config.json").symlink_to(target)
    with pytest.raises(Refusal, match=r"it/config.json: is a link to .*, which is not in the folder"):
        own_files(cache, "it")


def test_blobs_that_are_elsewhere_are_not_the_snapshots(cache: Path, tmp_path: Path) -> None:
    (cache.parents[1] / "blobs").rename(tmp_path / "elsewhere")
    (cache.parents[1] / "blobs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refusal, match="which is not in the folder"):
        own_files(cache, "it")


def test_blobs_beside_a_folder_that_is_no_snapshot_are_elsewhere(tmp_path: Path) -> None:
    for name in ("blobs", "given"):
        (tmp_path / name).mkdir()
    (tmp_path / "blobs/x").write_text("{}")
    (tmp_path / "given/config.json").symlink_to("../blobs/x")
    with pytest.raises(Refusal, match="which is not in the folder"):
        own_files(tmp_path / "given", "it")


def test_only_what_is_wanted_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "LICENSES").mkdir()
    os.mkfifo(tmp_path / "x.py")
    os.mkfifo(tmp_path / ".config.json")
    (tmp_path / "pytorch_model.bin").symlink_to("/dev/zero")
    (tmp_path / "results.json").write_text("no JSON")
    (tmp_path / "LICENSE").write_text("a licence")
    assert [file.name for file in own_files(tmp_path, "it")] == ["LICENSE"]


def test_somebody_elses_file_is_copied(tmp_path: Path) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "merges.txt").write_text("a b\n")
    (found,) = own_files(folder, "it")
    take([replace(found, owner=found.owner + 1)], tmp_path / "copied", "it")
    take([found], tmp_path / "linked", "it")
    assert (tmp_path / "copied/merges.txt").read_text() == "a b\n"
    assert (tmp_path / "copied/merges.txt").stat().st_nlink == 1
    assert (tmp_path / "linked/merges.txt").samefile(folder / "merges.txt")


@pytest.mark.parametrize("owner", [0, 1], ids=["linked", "copied"])
def test_a_file_that_is_replaced_meanwhile_is_refused(tmp_path: Path, owner: int) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "merges.txt").write_text("a b\n")
    (found,) = own_files(folder, "it")
    (folder / "other").write_text("c d\n")
    (folder / "other").replace(folder / "merges.txt")
    with pytest.raises(Refusal, match=r"it/merges.txt: was replaced while it was read"):
        take([replace(found, owner=found.owner + owner)], tmp_path / "got", "it")


def test_a_pipe_that_takes_a_files_place_is_not_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "merges.txt").write_text("a b\n")
    (found,) = own_files(folder, "it")
    (folder / "merges.txt").unlink()
    os.mkfifo(folder / "merges.txt")
    with pytest.raises(Refusal, match="was replaced"):
        take([replace(found, owner=found.owner + 1)], tmp_path / "got", "it")


def test_a_kernel_of_the_librarys_own_is_no_code(tmp_path: Path) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "config.json").write_text('{"attn_implementation": "sdpa"}')
    assert take(own_files(folder, "it"), tmp_path / "got", "it") == []
    assert (tmp_path / "got/config.json").samefile(folder / "config.json")


@pytest.mark.parametrize(
    "key", ["attn_implementation", "_attn_implementation", "experts_implementation", "_experts_implementation"]
)
def test_somebodys_kernel_is_code(tmp_path: Path, key: str) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({key: "owner/name", "vocab_size": 3}))
    assert take(own_files(folder, "it"), tmp_path / "got", "it") == ["config.json"]
    assert json.loads((tmp_path / "got/config.json").read_text()) == {"vocab_size": 3}


def test_a_file_of_any_size_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "config.json").open("wb") as file:
        file.truncate(folder_files.MOST_BYTES + 1)
    with pytest.raises(Refusal, match=r"it/config.json: has [\d,]+ bytes, the most is"):
        own_files(tmp_path, "it")


@pytest.mark.parametrize("num", [folder_files.MOST_LEVELS, folder_files.MOST_LEVELS + 1])
def test_levels_of_json(tmp_path: Path, num: int) -> None:
    (tmp_path / "x.json").write_text('{"a":' * (num - 1) + "{}" + "}" * (num - 1))
    if num <= folder_files.MOST_LEVELS:
        assert list(read_json(tmp_path / "x.json", "it")) == ["a"]
    else:
        with pytest.raises(Refusal, match=r"it: x.json nests 64 levels deep and more"):
            read_json(tmp_path / "x.json", "it")


class PanicException(BaseException):
    """As the one that pyo3 makes of a panic in Rust."""


@pytest.mark.parametrize("error", [ValueError("odd\nlines"), PanicException("odd"), RecursionError("odd")])
def test_a_librarys_error_is_one_about_the_file(error: BaseException) -> None:
    with (
        pytest.raises(
            Refusal,
            match=r"^x.json: cannot be read \(odd\); the file is damaged; take it from the model's own repository$",
        ),
        library_errors("x.json: cannot be read"),
    ):
        raise error


@pytest.mark.parametrize("error", [MemoryError(), KeyboardInterrupt(), OSError(24, "too many"), Refusal("own")])
def test_what_says_nothing_of_the_file_is_let_through(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, library_errors("x.json"):
        raise error
    assert caught.value is error
