"""Data sets of a hub: pinned, fetched once, and read without it from then on."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from jobs.core.errors import Refusal
from jobs.engines.rows import hub as hub_rows
from tests.engines import fake_hub
from tests.engines.fake_hub import COMMIT, Hub

ROOT = Path(__file__).resolve().parents[3]
KEY = "prepare.files"
ID, GATED = "someone/rows", "someone/gated"
NAMES = ("data/a.jsonl", "data/b [1].csv", "data/deep/c.jsonl.gz", "data/.hidden.jsonl", "data/notes.md", "README.md")
CODE = """
import json, sys
from jobs.engines.rows import hub as hub_rows
try:
    found = hub_rows.found(sys.argv[1], "prepare.files")
    print(json.dumps([["/".join(place.parts), place.path.read_text()] for place in found.places]))
    print(json.dumps(found.left_aside))
except Exception as error:
    print(type(error).__name__, error)
"""


class DataHub(Hub):
    """Data sets have an address of their own on a hub; else they are served as models are."""

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        return super().answer(path.replace("/api/datasets/", "/api/models/").replace("/datasets/", "/", 1))


class Place(NamedTuple):
    hub: Hub
    cache: Path

    def found(self, url: str, **environment: str) -> list[str]:
        """What a process of its own prints: the library reads its environment once."""
        own = {"HF_ENDPOINT": self.hub.address, "HF_HOME": str(self.cache), "NO_PROXY": "127.0.0.1"}
        done = subprocess.run(
            [sys.executable, "-c", CODE, url],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", **own, **environment},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout.splitlines()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    root = tmp_path_factory.mktemp("hub")
    for name in NAMES:
        path = root / "rows" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}", encoding="utf-8")
    with fake_hub.serve(DataHub({ID: root / "rows", GATED: root / "rows"}, {GATED})) as hub:
        yield Place(hub, root / "cache")


def test_a_folder_is_fetched_once_and_then_read_without_the_hub(place: Place) -> None:
    url = f"hf://datasets/{ID}@{COMMIT}/data"
    expected = [[f"{ID}/{name}", f"content of {name}"] for name in NAMES[:3]]
    for environment in ({}, {"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}):
        before = len(place.hub.asked)
        found, left_aside = place.found(url, **environment)
        assert json.loads(found) == expected
        assert json.loads(left_aside) == ["notes.md"]
        assert (len(place.hub.asked) > before) == (not environment)
    assert not any("notes.md" in line or "hidden" in line or "README" in line for line in place.hub.asked)


def test_one_file_is_fetched(place: Place, tmp_path: Path) -> None:
    alone = place._replace(cache=tmp_path)
    found, left_aside = alone.found(f"hf://datasets/{ID}@{COMMIT}/README.md")
    assert json.loads(found) == [[f"{ID}/README.md", "content of README.md"]]
    assert json.loads(left_aside) == []
    said = alone.found(f"hf://datasets/{ID}@{COMMIT}/data/a.jsonl", HF_HUB_OFFLINE="1")[0]
    assert said.startswith(
        f"EnvironmentProblem {KEY}: hf://datasets/{ID}@{COMMIT}/data/a.jsonl: the hub cannot be reached"
    )
    assert "not every file is cached; connect once" in said


@pytest.mark.parametrize(
    ("url", "text"),
    [
        (f"hf://datasets/{ID}@{COMMIT}/gone.jsonl", "has no such file or folder, only README.md, data/.hidden.jsonl"),
        (f"hf://datasets/{ID}@{COMMIT}/dat", "has no such file or folder"),
        (f"hf://datasets/someone/none@{COMMIT}/a.jsonl", "no such data set, or HF_TOKEN may not read it"),
        (f"hf://datasets/{ID}@{'0' * 40}/a.jsonl", "the data set has no such commit"),
        (f"hf://datasets/{GATED}@{COMMIT}/data", "is gated; accept its terms on the hub and set HF_TOKEN"),
        (f"hf://datasets/some..one/rows@{COMMIT}/data", "is no data set's name"),
    ],
)
def test_what_the_hub_does_not_give(place: Place, url: str, text: str) -> None:
    assert place.found(url)[0].startswith(f"Refusal {KEY}: {url}: {text}")


@pytest.mark.parametrize(
    ("url", "text"),
    [
        (f"hf://datasets/{ID}/a.jsonl", "is not pinned: nothing may be other data tomorrow; expected @<commit>"),
        (f"hf://datasets/{ID}@main/a.jsonl", "is not pinned: main may be other data tomorrow"),
        (f"hf://datasets/{ID}@{COMMIT[:12]}/a.jsonl", "is not pinned"),
        (f"hf://datasets/{ID}", "is not pinned"),
        (f"hf://datasets/rows@{COMMIT}/a.jsonl", "is no address of a data set; expected hf://datasets/owner/name@"),
        (f"hf://{ID}@{COMMIT}/a.jsonl", "is no address of a data set"),
        (f"hf://datasets/{ID}@{COMMIT}/../a.jsonl", "leads out of the data set"),
    ],
)
def test_what_is_no_pinned_data_set(url: str, text: str) -> None:
    with pytest.raises(Refusal, match=text) as caught:
        hub_rows.found(url, KEY)
    assert str(caught.value).startswith(f"{KEY}: {url}: ")
