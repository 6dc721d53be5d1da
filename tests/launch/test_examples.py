"""examples/ for tools that rent machines: what they must say, and that their tools' own parsers take them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.core.compose import SECRET_KEY, SECRET_VALUE

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["dstack", "skypilot"]
needs_parsers = pytest.mark.skipif(
    not (Path(sys.prefix) / "examples" / "dstack").is_dir(), reason="`make test` installs requirements/examples.txt"
)


def text(name: str) -> str:
    return (ROOT / "examples" / f"{name}.yaml").read_text(encoding="utf-8")


def content(name: str) -> Any:
    return yaml.safe_load(text(name))


def command(name: str) -> str:
    example = content(name)
    return str(example["run"] if name == "skypilot" else example["commands"][0])


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_every_stage_on_the_volume_with_the_words_it_is_given(name: str) -> None:
    words = command(name).split()
    place = words.index("run.folder=/workspace/runs")
    assert words[place - 1] == "all"
    assert words[place + 1 :] == (["$ARGS"] if name == "skypilot" else ["${{", "run.args", "}}"])


@pytest.mark.parametrize("name", NAMES)
def test_it_keeps_caches_where_the_image_says(name: str) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    for variable in ("HOME", "USER", "XDG_CACHE_HOME", "HF_HOME"):
        (value,) = re.findall(rf"^(?:ENV)? .*?\b{variable}=(\S+)", dockerfile, re.MULTILINE)
        assert f"{variable}={value}" in text(name)


@pytest.mark.parametrize("name", NAMES)
def test_it_has_no_secret_no_made_up_registry_and_a_limit_on_cost(name: str) -> None:
    example = content(name)
    assert not SECRET_VALUE.search(text(name))
    assert example.get("image", "kiwame") == "kiwame"
    for variables in (example.get("envs", {}), example.get("secrets", {})):
        assert not [key for key, value in variables.items() if SECRET_KEY.search(key) and value]
    assert (example if name == "dstack" else {"max_price": example["resources"]["max_hourly_cost"]})["max_price"] > 0
    assert example.get("max_duration") == "24h" if name == "dstack" else example["resources"]["autostop"]


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_costs_and_how_it_ends(name: str) -> None:
    head = text(name).split("\n\n")[0]
    assert re.search(r"^# Costs ", head, re.MULTILINE)
    assert "Ends with our exit code" in text(name)


def test_skypilots_container_is_as_confined_as_kubernetes_makes_it() -> None:
    line = command("skypilot")
    for option in ("--read-only", "--cap-drop ALL", "no-new-privileges", "--user", "--stop-timeout 300", "--rm"):
        assert option in line
    assert content("skypilot")["envs"] == {"IMAGE": None, "ARGS": None}


def parsed(name: str, example: Any) -> tuple[int, str]:
    """(exit code, what was read or what is wrong) of the tool's own parser."""
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("example_parsers.py"), name], input=yaml.safe_dump(example),
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout or done.stderr


@needs_parsers
@pytest.mark.parametrize("name", NAMES)
def test_its_tool_parses_it(name: str) -> None:
    code, said = parsed(name, content(name))
    assert code == 0, said


@needs_parsers
@pytest.mark.parametrize(
    ("name", "change", "word"),
    [
        ("skypilot", {"rnu": "true"}, "rnu"),
        ("skypilot", {"resources": {"max_cost": 2.0}}, "max_cost"),
        ("skypilot", {"resources": {"autostop": {"idle_minutes": "ten"}}}, "idle_minutes"),
        ("dstack", {"comands": []}, "comands"),
        ("dstack", {"max_duration": "a day"}, "max_duration"),
        ("dstack", {"volumes": [{"name": "x", "path": "workspace"}]}, "path"),
    ],
)
def test_its_tool_would_find_a_mistake(name: str, change: dict[str, Any], word: str) -> None:
    code, said = parsed(name, content(name) | change)
    assert code == 1
    assert word in said


@needs_parsers
def test_dstack_reads_what_is_meant() -> None:
    task = json.loads(parsed("dstack", content("dstack"))[1])
    assert task["type"] == "task"
    assert [(each["name"], each["path"]) for each in task["volumes"]] == [("kiwame-workspace", "/workspace")]
    assert (task["max_duration"], task["stop_duration"]) == (24 * 3600, 300)
