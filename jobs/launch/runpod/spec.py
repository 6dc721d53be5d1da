"""runpod.yaml: REST v2's field names with `job` and `limits` beside them, checked, with hints for the names of v1."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, Field, ValidationError, model_validator

from jobs.core import names, pipeline
from jobs.core.errors import MissingValue, Refusal
from jobs.core.model import StrictModel
from jobs.core.words import SECRET_KEY, SECRET_VALUE
from jobs.launch.inside.pod_job import PREFIX
from jobs.launch.runpod.hints import EXPECTED, hint

PLACEHOLDERS = {"image": "NAME@sha256:DIGEST", "mounts.network.0.volumeId": "VOLUME", "job.run": "RUN"}
"""What stands in a line to paste where only the person knows the value."""
REFERENCE = re.compile(r"\{\{ RUNPOD_SECRET_[A-Za-z0-9_.-]+ \}\}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SECRET_NAME = re.compile(r"(^|_)(token|secret|passw(or)?d|credentials?|key)$", re.IGNORECASE)
"""Of variables, whose names end in more ways than keys of the config (compose.SECRET_KEY)."""
FLAG = re.compile(r"|\d|true|false|yes|no|on|off", re.IGNORECASE)
"""What no secret is."""
INTEGER = re.compile(r"-?(0|[1-9][0-9]*)$")
DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+$")
OURS = "kiwame-"
"""What the name of every pod of a submission begins with."""
UNTOLD = ("registry", "env", "job.secrets")
"""Keys whose values are in no message."""


class Loader(yaml.SafeLoader):
    """YAML whose numbers are digits: in YAML 1.1, 1:30 is 90 and 010 is 8. All else that looks like one is text."""


Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if not pair[0].endswith((":int", ":float"))]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for kind, form in (("int", INTEGER), ("float", DECIMAL)):
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", form, list("-0123456789"))


def _name(text: str) -> str:
    if SECRET_VALUE.search(text):
        raise ValueError("looks like a secret; expected the name of the environment variable that holds it")
    if not VARIABLE.fullmatch(text):
        raise ValueError("expected the name of an environment variable")
    if text.startswith((PREFIX, "RUNPOD_")):
        raise ValueError("variables of this name are set by the submission or by RunPod")
    return text


def _run(text: str) -> str:
    if not names.is_run_name(names.composed(text)):
        raise ValueError("expected 1 to 64 letters, digits, '.', '_' or '-', starting with a letter or digit")
    return names.composed(text)


def _stage(text: str) -> str:
    if text != "all" and text not in pipeline.NAMES:
        raise ValueError(f"expected one of: {', '.join(pipeline.NAMES)}, all")
    return text


def _folder(text: str) -> str:
    if ".." in text.split("/"):
        raise ValueError("expected a folder without `..`")
    return text


def _word(text: str) -> str:
    key = text.partition("=")[0]
    if "=" not in text or not key:
        raise ValueError("expected key=value")
    if key in ("run.name", "run.folder"):
        raise ValueError(f"{key} is set from job.run and job.folder")
    if "{{" in text or SECRET_VALUE.search(text) or SECRET_KEY.search(key):
        raise ValueError("a secret has no place in the config, which is written to disk: pass it in env or job.secrets")
    return text


Name = Annotated[str, AfterValidator(_name)]
Hours = Annotated[float, Field(gt=0, le=24 * 30, allow_inf_nan=False)]
Minutes = Annotated[float, Field(gt=0, le=24 * 60, allow_inf_nan=False)]


class Gpu(StrictModel):
    """`gpu`; a create names one id, so the list is walked."""

    id: list[str]
    count: int = Field(ge=1)
    minCudaVersion: str | None = Field(pattern=r"^\d+\.\d+$")


class NetworkMount(StrictModel):
    """A network volume and where it is seen in the pod."""

    volumeId: str = Field(min_length=1)
    path: str = Field(pattern=r"^/[^\s]+$")


class Mounts(StrictModel):
    """`mounts`; v2 takes one network volume at most, and a job needs it."""

    network: list[NetworkMount] = Field(min_length=1, max_length=1)


class Job(StrictModel):
    """What the pod is for."""

    run: Annotated[str, AfterValidator(_run)]
    stage: Annotated[str, AfterValidator(_stage)]
    folder: Annotated[str, AfterValidator(_folder)]
    words: list[Annotated[str, AfterValidator(_word)]]
    secrets: list[Name]


class Limits(StrictModel):
    """What it may cost and how long it may take."""

    max_usd_per_hour: float = Field(gt=0, allow_inf_nan=False)
    min_gpu_memory: int = Field(ge=0)
    max_hours: Hours
    grace_minutes: Minutes
    boot_minutes: Minutes
    max_starts: int = Field(ge=1)
    log_seconds: float = Field(ge=0, le=600, allow_inf_nan=False)


class PodFile(StrictModel):
    """runpod.yaml, whole."""

    image: str = Field(pattern=r"^[^\s]+$")
    registry: str | None
    cloud: Literal["SECURE", "COMMUNITY"]
    disk: int = Field(ge=1)
    ports: list[Annotated[str, Field(pattern=r"^\d+/(http|tcp)$")]]
    gpu: Gpu
    mounts: Mounts
    env: dict[Name, str]
    job: Job
    limits: Limits

    @property
    def volume(self) -> NetworkMount:
        return self.mounts.network[0]

    @property
    def pod_name(self) -> str:
        return pod_name(self.job.run)

    @model_validator(mode="after")
    def _fits_together(self) -> PodFile:
        if not f"{self.job.folder}/".startswith(f"{self.volume.path.rstrip('/')}/"):
            raise ValueError(f"job.folder: expected a folder below {self.volume.path}: all else goes with the pod")
        for name, value in self.env.items():
            secret = SECRET_VALUE.search(value) or (SECRET_NAME.search(name) and not FLAG.fullmatch(value))
            if secret and not REFERENCE.fullmatch(value):
                raise ValueError(
                    f"env.{name}: looks like a secret; store it at RunPod and write "
                    '"{{ RUNPOD_SECRET_name }}", or list the name in job.secrets'
                )
        both = sorted(set(self.env) & set(self.job.secrets))
        if both:
            raise ValueError(f"job.secrets: {both[0]} is in env too")
        return self


def pod_name(run: str) -> str:
    """The name of the one pod of a run, in ASCII; no two runs have one."""
    return f"{OURS}{names.ascii_slug(run)}"


def load(path: Path, words: Sequence[str]) -> dict[str, Any]:
    """The file as plain data with `key=value` words set, `???` where something has no value. Not checked yet."""
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), Loader)
    except FileNotFoundError:
        raise Refusal(f"{path}: no such file; run this in the project's folder") from None
    except UnicodeDecodeError:
        raise Refusal(f"{path}: is not UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        said = re.sub(r"(['\"]).*\1", "...", error.problem or "")  # what it quotes may be a secret
        raise Refusal(f"{path}: is not YAML: line {line}: {said}") from None
    except yaml.YAMLError:
        raise Refusal(f"{path}: is not YAML: it holds characters that are not allowed") from None
    if not isinstance(values, dict):
        raise Refusal(f"{path}: expected keys and values")
    for word in words:
        _set(values, word)
    return values


def checked(values: dict[str, Any]) -> PodFile:
    """Raises Refusal that names every wrong key, what was expected, and for a name of v1 the one that holds now."""
    missing = [key for key, value in _leaves(values) if value == "???"]
    if missing:
        said = "; ".join(f"{key}: has no value; set it with {key}=..." for key in missing)
        raise MissingValue(said, words=[f"{key}={PLACEHOLDERS.get(key, 'VALUE')}" for key in missing])
    try:
        return PodFile.model_validate(values)
    except ValidationError as error:
        said = "; ".join(_explain(problem) for problem in error.errors())
        raise Refusal(SECRET_VALUE.sub("(secret)", said)) from None


def run_of(values: dict[str, Any]) -> str:
    """job.run alone, for the commands that only look for a pod; raises Refusal."""
    job = values.get("job")
    run = job.get("run") if isinstance(job, dict) else None
    if not isinstance(run, str) or run == "???":
        raise MissingValue("job.run: has no value; say which run with job.run=...", words=["job.run=RUN"])
    run = names.composed(run)
    if not names.is_run_name(run):
        near = names.nearest_run_name(run)
        raise Refusal(f"job.run: {run[:80]!r} cannot be the name of a run", words=[f"job.run={near}"])
    return run


def _explain(problem: Any) -> str:
    key = ".".join(str(part) for part in problem["loc"] if part != "[key]")
    last, kind, message = str(problem["loc"][-1]) if problem["loc"] else "", problem["type"], str(problem["msg"])
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(last, sorted(_fields(PodFile)), n=1)
        return hint(key) or f"{key}: unknown key" + (f"; did you mean {near[0]}?" if near else "")
    if kind == "invalid_key":
        return f"{problem['input']!r}: is no name; YAML reads words such as on and off as yes and no, unless quoted"
    if kind == "missing":
        return f"{key}: missing, and there are no defaults in code; runpod.yaml has it"
    if kind == "value_error":
        text = message.removeprefix("Value error, ")
        return f"{key}: {text}" if key else text
    if key in EXPECTED:
        return f"{key}: expected {EXPECTED[key]}"
    expected = (message[:1].lower() + message[1:]).replace("input should be", "expected")
    told = isinstance(problem["input"], str | int | float) and not key.startswith(UNTOLD)
    return f"{key}: {expected}" + (f", got {repr(problem['input'])[:60]}" if told else "")


def _set(values: dict[str, Any], word: str) -> None:
    """Set one `key=value` on a key that exists; text stays text where text was."""
    key, equals, text = word.partition("=")
    if SECRET_VALUE.search(word):
        raise Refusal(f"{key[:40] if equals else 'a word'}: looks like a secret; pass it as an environment variable")
    if not equals or not key:
        raise Refusal(
            f"{word[:60]!r}: expected key=value, for example job.run=first; words of the config follow `--`",
            without=[word],
        )
    parts = key.split(".")
    parent: Any = values
    for part in parts[:-1]:
        parent = _child(parent, part, word, values)
    old = _child(parent, parts[-1], word, values)
    if isinstance(old, str):
        new: Any = text
    else:
        try:
            new = yaml.load(text, Loader)
        except yaml.YAMLError:
            raise Refusal(f"{key}: what follows `=` is not a value in YAML") from None
    parent[int(parts[-1]) if isinstance(parent, list) else parts[-1]] = new


def _child(parent: Any, part: str, word: str, values: dict[str, Any]) -> Any:
    key, _, text = word.partition("=")
    if isinstance(parent, dict) and part in parent:
        return parent[part]
    if isinstance(parent, list) and part.isdecimal() and int(part) < len(parent):
        return parent[int(part)]
    if isinstance(parent, dict) and key == f"env.{part}":
        parent[part] = ""  # any name may be added there
        return ""
    near = difflib.get_close_matches(key, [known for known, _ in _leaves(values)], n=1)
    way_out = f"did you mean {near[0]}?" if near else "words of the config follow `--`"
    said = hint(key)
    words = [f"{near[0]}={text}"] if near and said is None else []
    raise Refusal(said or f"{key}: unknown key; {way_out}", words=words, without=[word])


def _leaves(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and their values, with the places in lists as numbers."""
    if isinstance(value, dict) and value:
        pairs = list(value.items())
    elif isinstance(value, list) and any(isinstance(child, dict) for child in value):
        pairs = list(enumerate(value))
    else:
        yield prefix, value
        return
    for name, child in pairs:
        yield from _leaves(child, f"{prefix}.{name}" if prefix else str(name))


def _fields(model: type[StrictModel]) -> Iterator[str]:
    yield from model.model_fields
    for kind in (Gpu, NetworkMount, Job, Limits):
        yield from kind.model_fields
