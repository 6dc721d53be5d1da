"""runpod.yaml: what it takes, and what it says to names of the older interfaces."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from jobs.core.errors import MissingValue, Refusal
from jobs.launch.runpod import spec as runpod_spec
from jobs.launch.runpod.hints import NOT_HERE, RENAMED
from jobs.launch.runpod.models import GpuType, GpuTypes
from jobs.launch.runpod.place import offers
from tests.launch.conftest import ROOT, WORDS
from tests.launch.runpod.fake_runpod import gpu
from tests.launch.runpod.specification import Specification, path as specification_path

FILE = ROOT / "runpod.yaml"


def checked(*words: str, **changes: Any) -> runpod_spec.PodFile:
    return runpod_spec.checked(runpod_spec.load(FILE, [*WORDS, *words]) | changes)


def test_the_file_is_whole_but_for_what_only_you_know() -> None:
    with pytest.raises(MissingValue) as refusal:
        runpod_spec.checked(runpod_spec.load(FILE, []))
    named = [part.removesuffix(": has no value") for part in str(refusal.value).split("; ")[::2]]
    assert named == ["image", "mounts.network.0.volumeId", "job.run"]
    assert checked().pod_name == "kiwame-mine"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("disk=0", "disk: expected greater than or equal to 1, got 0"),
        ("disk=many", "disk: expected a valid integer, got 'many'"),
        ("cloud=ALL", "cloud: expected SECURE or COMMUNITY; ALL is gone in v2"),
        ("ports=8888/http", "ports: expected a list such as [8888/http]"),
        ("ports=[8888]", "ports.0: expected a valid string, got 8888"),
        ("ports=[http/8888]", "ports.0: "),
        ("gpu.id=NVIDIA L4", "gpu.id: expected a list, tried in order"),
        ("gpu.count=0", "gpu.count: expected greater than or equal to 1"),
        ('gpu.minCudaVersion="12"', "gpu.minCudaVersion: "),
        ("args=sleep infinity", "args: is always `python -m jobs.launch.inside.command`"),
        ("limits.max_hours=1:30", "limits.max_hours: expected a valid number, got '1:30'"),
        ("limits.max_hours=010", "limits.max_hours: expected a valid number, got '010'"),
        ("limits.max_usd_per_hour=1_0", "limits.max_usd_per_hour: expected a valid number, got '1_0'"),
        ("disk=0x10", "disk: expected a valid integer, got '0x10'"),
        ("job.folder=/workspace/../tmp", "job.folder: expected a folder without `..`"),
        ("job.secrets=[hf_aaaaaaaaaaaaaaaaaaaa]", "looks like a secret"),
        ("registry={password: hunter2hunter2}", "registry: expected a valid string"),
        ("env={A: [hunter2hunter2]}", "env.A: expected a valid string"),
        ("job.secrets={HF_TOKEN: hunter2hunter2}", "job.secrets: expected a valid list"),
        ("job.secrets=[[hunter2hunter2]]", "job.secrets.0: expected a valid string"),
        ("registry=[hunter2hunter2", "registry: what follows `=` is not a value in YAML"),
        ("job.run=../up", "job.run: expected 1 to 64 letters"),
        ("job.stage=all_of_it", "job.stage: expected one of: prepare, fetch"),
        ("job.folder=/tmp/runs", "job.folder: expected a folder below /workspace"),
        ("job.folder=/workspace2", "job.folder: expected a folder below /workspace"),
        ("job.words=[run.name=x]", "job.words.0: run.name is set from job.run and job.folder"),
        ("job.words=[nothing]", "job.words.0: expected key=value"),
        ("job.words=[fetch.hf_token=x]", "job.words.0: a secret has no place in the config"),
        ("job.secrets=[A B]", "job.secrets.0: expected the name of an environment variable"),
        ("job.secrets=[RUNPOD_API_KEY]", "job.secrets.0: variables of this name are set by"),
        ("limits.max_hours=.inf", "limits.max_hours: "),
        ("limits.max_usd_per_hour=.nan", "limits.max_usd_per_hour: "),
        ("limits.max_hours=0", "limits.max_hours: expected greater than 0, got 0"),
        ("env.HF_TOKEN=abc", "env.HF_TOKEN: looks like a secret"),
        ("env.SOME=hf_aaaaaaaaaaaaaaaaaaaa", "env.SOME: looks like a secret"),
        ("env=[{key: A, value: b}]", "env: expected NAME: value pairs"),
        ("env.KIWAME_JOB_ID=1", "variables of this name are set by the submission"),
        ("mounts.network=[]", "mounts.network: "),
        ("mounts={persistent: {size: 20, path: /workspace}}", "mounts.persistent: dies with the pod"),
        ("limits.max_hour=2", "limits.max_hour: unknown key; did you mean limits.max_hours?"),
        ("limits", "expected key=value"),
        ("hf_aaaaaaaaaaaaaaaaaaaa", "a word: looks like a secret"),
    ],
)
def test_a_wrong_value_is_told_with_its_key(word: str, said: str) -> None:
    with pytest.raises(Refusal) as refusal:
        checked(word)
    assert said in str(refusal.value)
    assert "hf_aaaa" not in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("name", [*RENAMED, *NOT_HERE])
def test_names_of_other_interfaces_are_answered_in_the_file_and_as_a_word(name: str) -> None:
    text = RENAMED.get(name) or NOT_HERE[name]
    for ask in (lambda: checked(**{name: "x"}), lambda: checked(f"{name}=x")):
        with pytest.raises(Refusal) as refusal:
            ask()
        assert f"{name}: " in str(refusal.value)
        assert text in str(refusal.value)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("job.run=2024", "2024"),  # text stays text
        ("gpu.id=[]", []),
        ("limits.max_hours=1", 1.0),
        ("image=host:5000/a/b:tag", "host:5000/a/b:tag"),
        ("env.TOKENIZERS_PARALLELISM=false", "false"),
        ("env.HF_TOKEN={{ RUNPOD_SECRET_hf }}", "{{ RUNPOD_SECRET_hf }}"),
        ("mounts.network.0.path=/workspace", "/workspace"),
        ("registry=abc", "abc"),
        ("limits.max_hours=1.5", 1.5),
        ("env.HF_HUB_DISABLE_IMPLICIT_TOKEN=1", "1"),
    ],
)
def test_a_word_sets_a_value(word: str, value: object) -> None:
    spec: Any = checked(word).model_dump()
    for part in word.partition("=")[0].split("."):
        spec = spec[int(part)] if isinstance(spec, list) else spec[part]
    assert spec == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "is not YAML: line 1"),
        ('a: 1\nb: "hunter2hunter2', "is not YAML: line 2: found unexpected end of stream"),
        ("a: *hunter2hunter2", "is not YAML: line 1: found undefined alias ..."),
        ("a: !hunter2hunter2 b", "is not YAML: line 1: "),
        ("a: \x01", "is not YAML: it holds characters"),
        ("- a", "expected keys and values"),
    ],
)
def test_a_file_that_is_none_is_told(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "runpod.yaml").write_text(text)
    with pytest.raises(Refusal, match=re.escape(said)) as refusal:
        runpod_spec.load(tmp_path / "runpod.yaml", [])
    assert "hunter2" not in str(refusal.value)
    with pytest.raises(Refusal, match="no such file"):
        runpod_spec.load(tmp_path / "other.yaml", [])


@pytest.mark.skipif(specification_path() is None, reason="RunPod's specification is not here")
def test_the_file_s_names_are_v2_s_and_the_hints_names_are_not() -> None:
    file = specification_path()
    assert file is not None
    schemas = Specification(file).document["components"]["schemas"]
    fields = {
        name
        for kind in ("CreatePodRequest", "ContainerConfig", "BaseContainerConfig")
        for part in (schemas[kind], *schemas[kind].get("allOf", []))
        for name in part.get("properties", {})
    }
    assert set(runpod_spec.PodFile.model_fields) - {"job", "limits"} <= fields
    assert not set(RENAMED) & fields
    said_elsewhere = {"name", "cpu", "templateId", "startSsh", "startJupyter", "globalNetworking", "dataCenterIds"} | {
        "args"
    }
    assert set(NOT_HERE) & fields == said_elsewhere


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("max_hours: 12 ", "max_hours: 1:30 ", "limits.max_hours: expected a valid number, got '1:30'"),
        ("disk: 40 ", "disk: 010 ", "disk: expected a valid integer, got '010'"),
        ("env: {}", "env: {A.B: x}", "env.A.B: expected the name of an environment variable"),
        ("env: {}", "env: {1: x}", "env.1"),
        ("ports: []", "on: x", "ports: missing"),
        ("ports: []", "on: x", "True: is no name; YAML reads words such as on"),
        ("run: ???", "1: x", "1: is no name"),
    ],
)
def test_a_file_with_odd_keys_and_numbers_is_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    file = tmp_path / "runpod.yaml"
    file.write_text(FILE.read_text().replace("???", "mine").replace(old.replace("???", "mine"), new))
    with pytest.raises(Refusal, match=re.escape(said)):
        runpod_spec.checked(runpod_spec.load(file, []))


CATALOG = [
    gpu("A", 0.9, memory=48),
    gpu("B", 0.4, memory=24, stock="LOW"),
    gpu("C", 0.2, memory=16),
    gpu("D", 0.3, memory=24, stock="NONE"),
    gpu("E", 0.1, memory=80, manufacturer="AMD"),
    gpu("F", 0.0, memory=80),
    gpu("G", 0.5, memory=24, secure=False),
    gpu("H", 0.6, memory=24, maxCount={"secure": 1, "community": 1}),
]


@pytest.mark.parametrize(
    ("words", "order"),
    [
        (("gpu.id=[A, B]",), ["A", "B"]),
        (("gpu.id=[A, B, A]",), ["A", "B"]),
        (("gpu.id=[D, A, B]",), ["A", "B", "D"]),  # out of stock comes last
        (("gpu.id=[]",), ["B", "H", "A", "D"]),  # cheapest first, and only what fits
        (("gpu.id=[]", "limits.max_usd_per_hour=0.5"), ["B", "D"]),
        (("gpu.id=[]", "limits.min_gpu_memory=40"), ["A"]),
        (("gpu.id=[]", "gpu.count=2"), ["B", "D"]),
        (("gpu.id=[]", "cloud=COMMUNITY"), ["B", "G", "H", "A", "D"]),
    ],
)
def test_offers_are_ordered(words: tuple[str, ...], order: list[str]) -> None:
    catalog = [GpuType.model_validate(entry) for entry in CATALOG]
    assert [offer.gpu.id for offer in offers(checked(*words), catalog, "XX-1")] == order


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gpu.id=[C]",), "C: has 16 GB, limits.min_gpu_memory is 24"),
        (("gpu.id=[F]",), "F: has no price in the catalog"),
        (("gpu.id=[G]",), "G: is not offered in cloud SECURE"),
        (("gpu.id=[H]", "gpu.count=2"), "H: has no machine with 2 of them"),
        (("gpu.id=[A, Z]",), "RunPod's catalog has no 'Z'"),
    ],
)
def test_what_does_not_fit_is_told_with_its_reason(words: tuple[str, ...], said: str) -> None:
    catalog = [GpuType.model_validate(entry) for entry in CATALOG]
    with pytest.raises(Refusal, match=said):
        offers(checked(*words), catalog, "XX-1")


def test_one_odd_entry_breaks_no_catalog() -> None:
    odd = gpu("I", 0.1) | {"price": {"secure": None, "community": None}, "memory": "much"}
    catalog = GpuTypes.model_validate({"gpus": [odd, *CATALOG]}).gpus
    assert [offer.gpu.id for offer in offers(checked("gpu.id=[B]"), catalog, "XX-1")] == ["B"]
    with pytest.raises(Refusal, match="I: has 0 GB"):
        offers(checked("gpu.id=[I]"), catalog, "XX-1")


def test_stock_is_that_of_the_volume_s_data_center() -> None:
    catalog = [GpuType.model_validate(entry) for entry in CATALOG]
    assert {offer.stock for offer in offers(checked("gpu.id=[A, B]"), catalog, "YY-1")} == {"NONE"}
