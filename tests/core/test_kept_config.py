"""What was composed once: the same again from the cache, and anew wherever anything behind it is another."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jobs.core import compose as composing, kept_config
from jobs.core.errors import Refusal
from jobs.core.provenance import ROOT

WORDS = ["experiment=demo", "run.name=記事", "prepare.files=[a.jsonl]", "train.lora.rank=8", "synth.max_usd=0.5"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KIWAME_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    composing._of_groups.cache_clear()
    return tmp_path / "cache" / kept_config.FOLDER


def never() -> dict[str, Any]:
    raise AssertionError("it was kept")


@pytest.mark.parametrize("words", [[], WORDS, ["synth=[craft,evol_instruct]"], ["model=qwen3_8b", "chat=thinking"]])
def test_what_is_kept_is_what_was_composed(words: list[str], cache: Path) -> None:
    first = composing.compose(words)
    files = sorted(cache.iterdir())
    again = composing.compose(words)
    assert repr(again) == repr(first)
    assert sorted(cache.iterdir()) == files
    composing._of_groups.cache_clear()
    for file in files:
        file.unlink()
    assert repr(composing.compose(words)) == repr(first)


def test_it_is_composed_without_hydra_once_it_was(cache: Path) -> None:
    composing.compose(WORDS)
    code = (
        "import sys\nfrom jobs.core.compose import compose\n"
        f"compose({WORDS!r})\nsys.exit('hydra' in sys.modules or 'omegaconf' in sys.modules)"
    )
    environment = {**os.environ, "KIWAME_CACHE": str(cache.parent)}
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=False).returncode == 0


def test_other_words_another_file_or_other_code_are_another_config(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = tmp_path / "conf"
    conf.mkdir()
    (conf / "config.yaml").write_text("a: 1\n")
    asked = ["whole", "run.name=a"]
    assert kept_config.kept(asked, conf, lambda: {"a": 1}) == {"a": 1}
    assert kept_config.kept(asked, conf, never) == {"a": 1}
    assert kept_config.kept(["whole", "run.name=b"], conf, lambda: {"a": 2}) == {"a": 2}
    (conf / "config.yaml").write_text("a: 3\n")
    assert kept_config.kept(asked, conf, lambda: {"a": 3}) == {"a": 3}
    monkeypatch.setattr(kept_config, "_code", lambda: "other")
    assert kept_config.kept(asked, conf, lambda: {"a": 4}) == {"a": 4}


@pytest.mark.parametrize("damage", [b"", b"{}", b"x\n{}", None])
def test_a_damaged_file_is_as_good_as_none(cache: Path, damage: bytes | None) -> None:
    first = composing.compose(WORDS)
    for file in cache.iterdir():
        data = file.read_bytes()
        file.write_bytes(data.replace(b'"rank": 8', b'"rank": 9') if damage is None else damage)
    composing._of_groups.cache_clear()
    assert composing.compose(WORDS) == first


def test_what_json_cannot_hold_is_not_kept(cache: Path, tmp_path: Path) -> None:
    assert kept_config.kept(["x"], tmp_path, lambda: {"a": {1: 2}}) == {"a": {1: 2}}
    assert not cache.exists()


def test_a_cache_that_cannot_be_written_is_none(cache: Path) -> None:
    cache.write_text("a file in the place of the folder")
    assert composing.compose(WORDS)["train"]["lora"]["rank"] == 8


def test_none_is_made_for_it(cache: Path) -> None:
    cache.parent.rmdir()
    composing.compose(WORDS)
    assert not cache.parent.exists()


def test_the_oldest_go(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_config, "MOST", 6)
    monkeypatch.setattr(kept_config, "LEFT", 3)
    for number in range(7):
        kept_config.kept([str(number)], tmp_path, lambda: {"a": 1})
        for file in cache.iterdir():
            os.utime(file, ns=(file.stat().st_mtime_ns - 1_000_000_000,) * 2)
    assert len(list(cache.iterdir())) == 3
    assert kept_config.kept(["6"], tmp_path, never) == {"a": 1}


def config_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of conf/ that may be changed, with one of its folders behind a link."""
    shutil.copytree(ROOT / "conf", folder / "conf")
    shutil.move(folder / "conf" / "train", folder / "elsewhere")
    (folder / "conf" / "train").symlink_to(folder / "elsewhere")
    monkeypatch.setattr(composing, "CONF", folder / "conf")
    return folder / "elsewhere" / "default.yaml"


def test_a_file_that_changes_while_a_process_runs_changes_what_it_composes(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = config_of(tmp_path, monkeypatch)
    before = composing.compose(["run.name=a"])["train"]["lora"]["rank"]
    text = file.read_text(encoding="utf-8")
    changed, num = re.subn(r"(\n  rank: )\d+", rf"\g<1>{before + 1}", text)
    assert num == 1
    file.write_text(changed, encoding="utf-8")
    for words in (["run.name=a"], ["run.name=b"]):
        assert composing.compose(words)["train"]["lora"]["rank"] == before + 1
    composing._of_groups.cache_clear()
    assert composing.compose(["run.name=b"])["train"]["lora"]["rank"] == before + 1


def test_what_was_made_while_a_file_changed_is_not_kept(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()

    def make() -> dict[str, Any]:
        (tmp_path / "conf" / "a.yaml").write_text("a: 1\n")
        return {"a": 1}

    kept_config.kept(["x"], tmp_path / "conf", make)
    assert not cache.exists()


def test_a_link_to_nothing_is_passed_over(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config_of(tmp_path, monkeypatch)
    (tmp_path / "conf" / "train" / ".#default.yaml").symlink_to("nobody@nowhere")
    assert composing.compose([])["run"]["name"] == "first"


def test_a_secret_in_a_file_never_reaches_the_cache(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = config_of(tmp_path, monkeypatch)
    secret = "hf_" + "Zq3" * 12
    file.write_text(file.read_text(encoding="utf-8") + f"note: {secret}\n", encoding="utf-8")
    with pytest.raises(Refusal, match="looks like a secret"):
        composing.compose([])
    assert not any(secret in path.read_text() for path in cache.rglob("*.json"))


def test_a_refusal_is_not_kept(cache: Path) -> None:
    for _ in range(2):
        with pytest.raises(Refusal, match=r"train.lrr: unknown key"):
            composing.compose(["train.lrr=1"])
