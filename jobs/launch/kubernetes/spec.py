"""What a run on Kubernetes is made from: k8s/launch.yaml, `k8s.key=value` words, and the words of the config."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, Field

from jobs.core import compose, config, names, pipeline, values as value_grammar
from jobs.core.errors import MissingValue, Refusal
from jobs.core.model import StrictModel
from jobs.core.provenance import ROOT
from jobs.core.words import whole
from jobs.launch import places
from jobs.launch.kubernetes.rows import Rows, taken

K8S = ROOT / "k8s"
FILE = K8S / "launch.yaml"
OWN = "k8s."
RUNS = "/workspace/runs"
ROWS = "/rows"
VOLUME = "/workspace"

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
LONGEST = 50
"""Characters of a run's label: with `kiwame-` before and the pod's five behind, a host name's 63 are full."""
FITS = re.compile(rf"[a-z0-9]([-a-z0-9]{{0,{LONGEST - 2}}}[a-z0-9])?")
"""A run's name that is a label as it is."""


def _stage(text: str) -> str:
    if text != "all" and text not in pipeline.NAMES:
        raise ValueError(f"expected one of: {', '.join(pipeline.NAMES)}, all")
    return text


def _label(text: str) -> str:
    if not DNS_LABEL.fullmatch(text) or len(text) > 63:
        raise ValueError("expected 1 to 63 lower-case letters, digits and '-', a letter or digit at both ends")
    return text


Label = Annotated[str, AfterValidator(_label)]


class Settings(StrictModel):
    """k8s/launch.yaml, which says what each is."""

    image: Annotated[str, Field(pattern=r"^[^\s$]+$")] | None
    stage: Annotated[str, AfterValidator(_stage)]
    gpus: Annotated[int, Field(ge=0, le=64)]
    overlay: str | None
    rows: list[str]
    memory: Annotated[str, Field(pattern=r"^[1-9][0-9]*(Mi|Gi|Ti)$")] | None
    max_hours: Annotated[float, Field(gt=0, le=24 * 365, allow_inf_nan=False)] | None
    queue: Label | None
    namespace: Label | None
    context: str | None


@dataclass(frozen=True)
class Plan:
    """A run that may be submitted: everything that could be checked here was."""

    run: str
    image: str
    settings: Settings
    words: tuple[str, ...]
    """What follows `python -m jobs` in the pod."""
    rows: tuple[Rows, ...]

    @property
    def label(self) -> str:
        """What the cluster calls the run."""
        return label(self.run)

    @property
    def overlay(self) -> Path:
        """The kustomize folder to build on."""
        if self.settings.overlay is not None:
            return Path(self.settings.overlay)
        several = "multi-gpu" if self.settings.gpus > 1 else "single-gpu"
        return K8S / "overlays" / several if self.settings.gpus else K8S / "base"


def label(run: str) -> str:
    """A run's name where only small letters, digits and `-` are taken; no two runs have one."""
    return names.ascii_slug(run, FITS)


def job_name(run: str) -> str:
    """The Job of a run. In the pod's name five characters and a hyphen follow."""
    return f"kiwame-{label(run)}"


def split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """(words for the launch, words for the job)."""
    words = whole(words)
    own = [word for word in words if word.startswith(OWN)]
    return own, [word for word in words if not word.startswith(OWN)]


def settings(own: Sequence[str], file: Path = FILE) -> Settings:
    """k8s/launch.yaml with `own` set; raises Refusal naming the key and what was expected."""
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise Refusal(f"{file}: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(values, dict):
        raise Refusal(f"{file}: expected keys with values")
    for word in own:
        key, equals, text = word.removeprefix(OWN).partition("=")
        if compose.SECRET_VALUE.search(word):
            raise Refusal(f"{OWN}{key[:40]}: looks like a secret; secrets come from the Secret kiwame-secrets")
        if not equals:
            raise Refusal(f"{word[:60]!r}: expected k8s.key=value, for example k8s.gpus=2", without=[word])
        if key not in values:
            near = difflib.get_close_matches(key, list(values), n=1)
            there = f"did you mean {OWN}{near[0]}?" if near else f"there are: {', '.join(values)}"
            raise Refusal(
                f"{OWN}{key[:60]}: unknown key; {there}", words=[f"{OWN}{one}={text}" for one in near], without=[word]
            )
        try:
            values[key] = value_grammar.value(word, []) if key == "rows" else yaml.safe_load(text)
        except yaml.YAMLError:
            raise Refusal(f"{OWN}{key}: {text[:60]!r} is not a value", without=[word]) from None
    return config.checked(Settings, values, OWN.rstrip("."))


def run_name(job_words: Sequence[str]) -> str:
    """run.name of the composed config."""
    return config.run_config(compose.compose(job_words)).name


def plan(words: Sequence[str]) -> Plan:
    """What is to be submitted; raises Refusal for what the pod would refuse, before a GPU is paid for."""
    own, job_words = split(words)
    chosen = settings(own)
    _check_words(job_words, chosen)
    rows = taken(chosen.rows) if chosen.rows else ()
    if rows:
        job_words = [*job_words, places.listed("prepare.files", [f"{ROWS}/{each.name}" for each in rows])]
    composed = compose.compose(job_words)
    run = config.run_config(composed).name
    values = compose.flatten(composed)
    _check_values(values, chosen.stage)
    _check_places(values, chosen)
    _check_shares(values, chosen.gpus)
    if chosen.image is None:
        raise MissingValue(
            "k8s.image: has no value; name the image as the cluster pulls it, k8s.image=NAME@sha256:...",
            words=["k8s.image=NAME@sha256:DIGEST"],
        )
    if chosen.overlay is not None and not (Path(chosen.overlay) / "kustomization.yaml").is_file():
        raise Refusal(
            f"k8s.overlay: {chosen.overlay} has no kustomization.yaml; k8s/examples/own-cluster is one to copy"
        )
    kept = [word for word in job_words if not word.startswith("run.name=")]
    several = [f"train.num_processes={chosen.gpus}"] if chosen.gpus > 1 else []
    line = (chosen.stage, f"run.name={run}", f"run.folder={RUNS}", *kept, *several)
    return Plan(run, chosen.image, chosen, line, rows)


def _check_words(job_words: Sequence[str], chosen: Settings) -> None:
    """Keys that the launch sets itself, so that two places cannot disagree."""
    keys = {word.partition("=")[0] for word in job_words}
    if "run.folder" in keys:
        raise Refusal(f"run.folder: is {RUNS} in the pod, on the volume; leave it out", without=["run.folder"])
    if "train.num_processes" in keys:
        raise Refusal(
            "train.num_processes: is set from the number of GPUs; say k8s.gpus=N", without=["train.num_processes"]
        )
    if chosen.rows and "prepare.files" in keys:
        raise Refusal("prepare.files: is set from k8s.rows; give one of the two", without=["prepare.files"])


def _check_values(values: Mapping[str, Any], stage: str) -> None:
    """Raises MissingValue for a value that a stage up to `stage` needs; `values` has dotted keys."""
    needed = tuple(f"{each.name}." for each in pipeline.up_to(pipeline.NAMES[-1] if stage == "all" else stage))
    for key, value in values.items():
        if value == "???" and key.startswith(needed):
            ways = {"prepare.files": "k8s.rows=[my.jsonl] or prepare.files=[/workspace/rows/my.jsonl]"}
            word = "k8s.rows=[FILE.jsonl]" if key == "prepare.files" else f"{key}=VALUE"
            raise MissingValue(
                f"{key}: has no value, and {stage} needs it; say {ways.get(key, key + '=...')}", words=[word]
            )


def _check_places(values: Mapping[str, Any], chosen: Settings) -> None:
    """Raises Refusal for a path of this machine, which the pod does not see; `values` has dotted keys.

    An overlay of one's own may bring any folder.
    """

    def instead(key: str, name: str) -> tuple[str, list[str]]:
        copied = f"{VOLUME}/{'rows/' if key.endswith('files') else ''}{Path(name).name}"
        word = places.with_file(values, key, name, copied)
        if key != "prepare.files":
            return f"is looked for in the pod; copy it to the volume and say {word}", [word]
        taken_along = places.listed("k8s.rows", [name])
        here = [str(each) for each in values[key] if Path(str(each)).is_file()]
        words = [places.listed("k8s.rows", here)] if len(here) == len(values[key]) else [word]
        return f"is looked for in the pod; {taken_along} takes it along, or copy it to the volume and say {word}", words

    rows = (ROWS,) if chosen.rows else ()
    places.check(values, (VOLUME, *rows) if chosen.overlay is None else ("/",), instead)


def _check_shares(values: Mapping[str, Any], gpus: int) -> None:
    """Raises Refusal where the GPUs cannot share out the rows of a step, as `train` would when it is reached."""
    rows = [values.get(f"train.schedule.{key}") for key in ("batch_size", "gradient_accumulation")]
    counts = [count for count in rows if isinstance(count, int)]
    if gpus > 1 and len(counts) == 2 and counts[0] * counts[1] % gpus:
        raise Refusal(
            f"k8s.gpus: {gpus} GPUs cannot share out the {counts[0] * counts[1]} rows of a step "
            "(train.schedule.batch_size x train.schedule.gradient_accumulation); change one of the three"
        )
