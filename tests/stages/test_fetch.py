"""fetch as a command: from a hub that is there, gone or says no, and from a folder that somebody changed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from jobs import fetch
from jobs.checks.fetch import GATE
from jobs.core import config
from jobs.core.artifact import listing
from jobs.fetch import FetchConfig
from tests.engines import fake_hub
from tests.engines.fake_hub import COMMIT, Hub
from tests.engines.models import small_model
from tests.engines.models.small_model import FILES, change_json, change_tensors

ID = "Qwen/Qwen3-Small"
FOREIGN, GATED, UNKNOWN, EMPTY = "Qwen/Llama-Small", "Qwen/Qwen3-Gated", "Qwen/Qwen3-Missing", "Qwen/Qwen3-Empty"
SMALL_TOKENIZER = f"fetch.limits.min_tokenizer_length={small_model.NUM_ENTRIES}"
PINNED = "pinned to a commit"
COMMANDS = {
    PINNED: [f"model.id={ID}", f"model.revision={COMMIT}"],
    "unknown repository": [f"model.id={UNKNOWN}"],
    "unknown revision": [f"model.id={ID}", "model.revision=v9"],
    "unknown commit": [f"model.id={ID}", f"model.revision={'9f' * 20}"],
    "no repository's name": ["model.id=a/b/c"],
    "not qwen3": [f"model.id={FOREIGN}"],
    "gated": [f"model.id={GATED}"],
    "no config": [f"model.id={EMPTY}"],
}
SCRIPT = """
import contextlib, io, json, sys
from jobs.fetch import main
found = {}
for name, words in json.loads(sys.argv[1]).items():
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        code = main(words)
    found[name] = (code, " ".join(said.getvalue().split()))
print(json.dumps(found))
"""
"""Several commands in one process, for importing takes seconds."""


@dataclass
class Place:
    """A hub with a cache and a folder of runs."""

    hub: Hub
    root: Path

    def environment(self, **changes: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_"))}
        own = {"HF_ENDPOINT": self.hub.address, "HF_HOME": str(self.root / "cache"), "NO_PROXY": "127.0.0.1"}
        return {**kept, **own, **changes}

    def words(self, run: str, *more: str) -> list[str]:
        return [f"run.folder={self.root}", f"run.name={run}", SMALL_TOKENIZER, "model.length=128", *more]

    def python(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *command],
            cwd=fetch.ROOT,
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def fetch(self, commands: Mapping[str, list[str]], **environment: str) -> dict[str, tuple[int, str]]:
        """Name to (exit code, what was said); the names are the runs', made fit for a folder."""
        asked = {name: self.words(run_name(name), *words) for name, words in commands.items()}
        done = self.python("-c", SCRIPT, json.dumps(asked), **environment)
        assert done.returncode == 0, done.stderr
        return {name: (code, said) for name, (code, said) in json.loads(done.stdout.splitlines()[-1]).items()}

    def record(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.root / run / "fetch/artifact.json").read_text())
        return found


def run_name(name: str) -> str:
    return name.replace(" ", "-").replace("'", "")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    root = tmp_path_factory.mktemp("hub")
    repositories = {name: root / name for name in (ID, FOREIGN, GATED, EMPTY)}
    small_model.write(repositories[ID])
    (repositories[ID] / "README.md").write_text("---\nlicense: apache-2.0\n---\n# Small\n")
    (repositories[ID] / "onnx").mkdir()
    (repositories[ID] / "onnx/config.json").write_text("{}")
    (repositories[ID] / "pytorch_model.bin").write_bytes(b"x")
    for name in (FOREIGN, GATED):
        shutil.copytree(repositories[ID], repositories[name])
    change_json(repositories[FOREIGN] / "config.json", model_type="llama")
    repositories[EMPTY].mkdir(parents=True)
    (repositories[EMPTY] / "README.md").write_text("nothing here")
    with fake_hub.serve(Hub(repositories, {GATED})) as hub:
        yield Place(hub, root)


@pytest.fixture(scope="module")
def fetched(place: Place) -> tuple[int, str]:
    """The first fetch of a branch, as a person would type it."""
    done = place.python("-m", "jobs.fetch", *place.words("first", f"model.id={ID}"))
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.fixture(scope="module")
def said(place: Place, fetched: tuple[int, str]) -> dict[str, tuple[int, str]]:
    """What COMMANDS end with, the branch being in the cache."""
    place.hub.asked.append(PINNED)
    return place.fetch(COMMANDS)


def test_a_branch_becomes_a_commit(place: Place, fetched: tuple[int, str]) -> None:
    code, text = fetched
    assert code == 0, text
    out = place.root / "first/fetch"
    assert listing(out) == sorted(["model.json", "model/README.md", *(f"model/{name}" for name in FILES)])
    assert json.loads((out / "model.json").read_text()) == {
        "source": "hub", "id": ID, "is_named": True, "revision": "main", "commit": COMMIT, "licence": "apache-2.0",
        "code_named_in": [], "form": {
            "template": "chat_template.jinja", "templates_differ": [], "templates_left": [],
            "weights_left": [], "keys_left": [],
        },
    }  # fmt: skip
    for name in FILES:
        assert (out / "model" / name).read_bytes() == (place.hub.repositories[ID] / name).read_bytes()
    record = place.record("first")
    statuses = {finding["code"]: finding["status"] for finding in record["verdict"]["findings"]}
    other = {code: status for code, status in statuses.items() if status != "pass"}
    assert other == {"FET008": "warn", "FET030": "skip"}
    assert COMMIT in text


def test_only_what_is_wanted_is_downloaded(place: Place, fetched: tuple[int, str]) -> None:
    files = {line.rpartition("/")[2] for line in place.hub.asked if line.startswith("GET /Qwen/Qwen3-Small/resolve")}
    assert files == {*FILES, "README.md"}
    assert not any("onnx" in line for line in place.hub.asked)


def test_a_commit_needs_no_advice_and_no_second_download(place: Place, said: dict[str, tuple[int, str]]) -> None:
    code, text = said[PINNED]
    assert code == 0, text
    record = place.record(run_name(PINNED))
    other = {one["code"]: one["status"] for one in record["verdict"]["findings"] if one["status"] != "pass"}
    assert other == {"FET030": "skip"}
    assert record["files"]["model/config.json"] == place.record("first")["files"]["model/config.json"]
    later = place.hub.asked[place.hub.asked.index(PINNED) :]
    assert not any(ID in line and "resolve" in line for line in later)


@pytest.mark.parametrize(
    "environment", [{"HF_ENDPOINT": "http://127.0.0.1:9"}, {"HF_HUB_OFFLINE": "1"}], ids=["refused", "offline"]
)
def test_without_the_hub_a_whole_copy_in_the_cache_is_used(
    place: Place, fetched: tuple[int, str], environment: dict[str, str]
) -> None:
    before, how = len(place.hub.asked), next(iter(environment)).lower()
    part = place.root / how
    shutil.copytree(place.root / "cache/hub", part, symlinks=True)
    next(part.rglob("snapshots/*/model.safetensors")).unlink()
    commands = {
        f"whole {how}": [f"model.id={ID}"],
        f"none {how}": [f"model.id={ID}", f"fetch.source.cache={place.root / 'empty'}"],
    }
    if "HF_HUB_OFFLINE" in environment:  # elsewhere the library tries for half a minute
        commands[f"part {how}"] = [f"model.id={ID}", f"fetch.source.cache={part}"]
    found = place.fetch(commands, **environment)
    whole, *others = found.values()
    assert whole[0] == 0, whole[1]
    assert place.record(run_name(f"whole {how}"))["files"] == place.record("first")["files"]
    for code, text in others:
        assert code == 4, text
        assert f"model.id={ID}: the hub cannot be reached and no whole copy is cached" in text
    assert place.hub.asked[before:] == []


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("unknown repository", f"model.id={UNKNOWN}: no such repository"),
        ("unknown revision", f"model.revision=v9: {ID} has no such branch, tag or commit"),
        ("unknown commit", f"model.revision={'9f' * 20}: {ID} has no such branch, tag or commit"),
        ("no repository's name", "model.id=a/b/c: is no repository's name"),
        ("not qwen3", f"model.id={FOREIGN}: model_type is 'llama'; only 'qwen3' is known"),
        ("gated", f"model.id={GATED}: is gated; accept its terms on the hub and set HF_TOKEN"),
        ("no config", f"model.id={EMPTY}: there is no config.json"),
    ],
)
def test_what_the_hub_does_not_give_is_refused_by_name(
    place: Place, said: dict[str, tuple[int, str]], what: str, words: str
) -> None:
    code, text = said[what]
    assert words in text
    assert code == 2
    assert not (place.root / run_name(what) / "fetch").exists()


def test_weights_of_a_foreign_model_are_not_downloaded(place: Place, said: dict[str, tuple[int, str]]) -> None:
    asked = [line for line in place.hub.asked if FOREIGN in line]
    assert any(line.endswith("config.json") for line in asked)
    assert not any(line.endswith((".safetensors", "tokenizer.json")) for line in asked)


def test_a_preview_takes_the_hubs_tokenizer_and_nothing_else(place: Place, fetched: tuple[int, str]) -> None:
    place.hub.asked.append("preview")
    words = [f"run.folder={place.root}", "run.name=look", f"model.id={ID}"]
    done = place.python("-m", "jobs", "preview", *words, HF_HOME=str(place.root / "another"))
    assert done.returncode == 2, done.stderr
    assert "the template and the rows differ" in done.stderr  # small_model's template knows no turns
    assert (place.root / "look/preview.html").exists()
    later = place.hub.asked[place.hub.asked.index("preview") :]
    files = {line.rpartition("/")[2] for line in later if line.startswith("GET /Qwen/Qwen3-Small/resolve")}
    assert files == {"chat_template.jinja", "tokenizer.json", "tokenizer_config.json"}


def test_a_preview_of_an_unknown_model_is_refused(place: Place) -> None:
    done = place.python("-m", "jobs", "preview", f"run.folder={place.root}", f"model.id={UNKNOWN}")
    assert done.returncode == 2, done.stderr
    assert f"model.id={UNKNOWN}: no tokenizer could be loaded" in " ".join(done.stderr.split())


Damage = Callable[[Path], Any]
HEAD = "model.embed_tokens.weight"
NORM = "model.norm.weight"


def local(folder: Path, *more: str) -> FetchConfig:
    words = ["fetch=local", f"fetch.source.folder={folder}", SMALL_TOKENIZER, *more]
    return config.checked(FetchConfig, config.compose(words)["fetch"], "fetch")


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model.write(tmp_path_factory.mktemp("given"))


def statuses(cfg: FetchConfig, out: Path) -> dict[str, Any]:
    facts = fetch.measure(cfg, {}, out)
    again = type(facts).model_validate(json.loads(facts.model_dump_json()), strict=False)
    found = GATE.judge(again, cfg.limits, {}).statuses
    return {code: status for code, status in found.items() if status not in ("pass", "skip")}


def nan(folder: Path) -> None:
    change_tensors(folder, {NORM: torch.full((small_model.WIDTH,), torch.nan)})


def tokenizer_json(old: str, new: str) -> Damage:
    def damage(folder: Path) -> None:
        text = (folder / "tokenizer.json").read_text()
        assert old in text
        (folder / "tokenizer.json").write_text(text.replace(old, new))

    return damage


def base(folder: Path) -> None:
    change_json(folder / "config.json", eos_token_id=small_model.TEXT)


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda folder: None, {}),
        (nan, {"FET001": "fail"}),
        (tokenizer_json("<|im_start|>", "<|im_begin|>"), {"FET002": "fail"}),
        (lambda f: change_json(f / "generation_config.json", eos_token_id=small_model.TEXT), {"FET004": "fail"}),
        (lambda f: (f / "generation_config.json").unlink(), {"FET004": "fail"}),
        (lambda f: change_json(f / "tokenizer_config.json", eos_token="<|endoftext|>"), {"FET004": "fail"}),
        (lambda f: change_json(f / "tokenizer_config.json", pad_token="<|im_end|>"), {"FET005": "fail"}),
        (lambda f: (f / "chat_template.jinja").unlink(), {"FET007": "fail"}),
        (base, {"FET009": "warn"}),
        (lambda f: change_json(f / "tokenizer_config.json", bos_token="<|endoftext|>"), {"FET010": "fail"}),
    ],
)
def test_what_is_in_the_folder_is_judged(given: Path, tmp_path: Path, damage: Damage, found: dict[str, str]) -> None:
    source = Path(shutil.copytree(given, tmp_path / "source"))
    cfg = local(source)
    (tmp_path / "out").mkdir()
    fetch.make(cfg, {}, tmp_path / "out")
    assert listing(tmp_path / "out") == sorted(["model.json", *(f"model/{name}" for name in FILES)])
    for path in list((tmp_path / "out/model").iterdir()):  # hard links: a change in place is one in the source
        shutil.copyfile(path, path.with_name("copy"))
        path.with_name("copy").replace(path)
    damage(tmp_path / "out/model")
    assert statuses(cfg, tmp_path / "out") == found


def test_a_folder_is_told_by_its_files_times(given: Path, tmp_path: Path) -> None:
    source = Path(shutil.copytree(given, tmp_path / "source"))
    before = fetch.outside(local(source))
    assert before == fetch.outside(local(source))
    (source / "config.json").write_text((source / "config.json").read_text() + "\n")
    (source / "gone").symlink_to(source / "nowhere")
    assert fetch.outside(local(source)) != before


@pytest.mark.parametrize(
    ("words", "name", "revision", "found"),
    [
        ([], "source (weights {digest})", "none", {}),
        (["experiment=demo"], "source (weights {digest})", "none", {}),
        (["model.id=owner/name", "model.revision=main"], "owner/name", "none", {"FET031": "warn"}),
        (["model=qwen3_4b"], "Qwen/Qwen3-4B", "none", {"FET030": "fail", "FET031": "warn", "FET032": "warn"}),
        (["model.length=129"], "source (weights {digest})", "none", {"FET032": "warn"}),
    ],
)
def test_a_folder_is_called_by_what_is_in_it_or_by_what_was_said(
    given: Path, tmp_path: Path, words: list[str], name: str, revision: str, found: dict[str, str]
) -> None:
    source = Path(shutil.copytree(given, tmp_path / "source"))
    digest = hashlib.sha256((source / "model.safetensors").read_bytes()).hexdigest()[:12]
    cfg = local(source, *words)
    (tmp_path / "out").mkdir()
    facts = fetch.run(cfg, {}, tmp_path / "out")
    assert (facts.id, facts.revision) == (name.format(digest=digest), revision)
    assert statuses(cfg, tmp_path / "out") == found


def test_the_digest_of_several_files_is_that_of_what_sha256sum_prints(given: Path, tmp_path: Path) -> None:
    source = Path(shutil.copytree(given, tmp_path / "source"))
    small_model.shard(source, 2)
    files = sorted(source.glob("*.safetensors"))
    lines = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)
    assert len(files) == 2
    assert fetch.weights_digest(files[::-1]) == hashlib.sha256(lines.encode()).hexdigest()
