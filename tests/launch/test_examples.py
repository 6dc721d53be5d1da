"""examples/ for tools that rent machines: what they must say, and their tools' own schemas where those are installed.

The tools are heavy and no part of the pins: `pip install skypilot==0.14.1 dstack==0.22.5 omegaconf pytest` into another
environment, and the last two tests run there.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.core.compose import SECRET_KEY, SECRET_VALUE

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["dstack", "skypilot"]


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


def test_skypilot_parses_it() -> None:
    sky = pytest.importorskip("sky")
    jsonschema, schemas = pytest.importorskip("jsonschema"), pytest.importorskip("sky.utils.schemas")
    example = content("skypilot")
    jsonschema.validate(example, schemas.get_task_schema())
    jsonschema.validate(example["resources"], schemas.get_resources_schema())
    task = sky.Task.from_yaml_config(example | {"envs": {"IMAGE": "kiwame", "ARGS": "run.name=x"}})
    assert [each.max_hourly_cost for each in task.resources] == [2.0] * 4


def test_dstack_parses_it() -> None:
    configurations = pytest.importorskip("dstack._internal.core.models.configurations")
    task = configurations.parse_run_configuration(content("dstack"))
    assert isinstance(task, configurations.TaskConfiguration)
    assert [(each.name, each.path) for each in task.volumes] == [("kiwame-workspace", "/workspace")]
    assert (task.max_duration, task.stop_duration) == (24 * 3600, 300)
