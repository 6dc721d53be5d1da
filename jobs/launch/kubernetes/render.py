"""Manifests of one run: a kustomization on top of k8s/, built by kubectl or kustomize, and checked."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from jobs.core.errors import EnvironmentProblem, Refusal
from jobs.launch.kubernetes.rows import Rows
from jobs.launch.kubernetes.spec import K8S, Plan, job_name

CONTAINER = "kiwame"
NAME_LABEL, RUN_LABEL, QUEUE_LABEL = (
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "kueue.x-k8s.io/queue-name",
)
RUN_NAME = "kiwame/run.name"
"""The annotation that has a run's own name where no label can."""
IMAGE_VARIABLE = "KIWAME_IMAGE"
"""Where every artifact's record has the image from."""
ROWS_FILE = "rows.yaml"
BUILDERS = (("kubectl", "kustomize"), ("kustomize", "build"))
NO_BUILDER = 'unknown command "kustomize"'
"""What a kubectl says that is too old to build."""
LOGGED = re.compile(r'^E\d{4} .*?"command failed" err=<? ?')
"""What some versions of kubectl write before an error."""
Manifest = dict[str, Any]


def manifests(plan: Plan) -> list[Manifest]:
    """The run's Job, and the ConfigMap of its rows where it has them.

    Raises EnvironmentProblem where neither kubectl nor kustomize is there, Refusal where an overlay of the user's own
    cannot be built or has what does not belong into a run.
    """
    with TemporaryDirectory(prefix="kiwame-k8s-") as folder:
        place = Path(folder).resolve()
        rows = rows_map(plan.rows) if plan.rows else None
        if rows:
            (place / ROWS_FILE).write_text(text([rows]), encoding="utf-8")
        (place / "kustomization.yaml").write_text(text([kustomization(plan, place, rows)]), encoding="utf-8")
        built = build(place)
    check(built, plan)
    return built


def rows_map(rows: Sequence[Rows]) -> Manifest:
    """The rows as a ConfigMap, byte by byte. Its name has their digest: no submission can swap another's rows."""
    data = {each.key: each.content for each in rows}
    digest = hashlib.sha256(b"".join(name.encode() + b"\0" + data[name] for name in sorted(data))).hexdigest()
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"kiwame-rows-{digest[:10]}", "labels": {NAME_LABEL: "kiwame"}},
        "immutable": True,
        "binaryData": {name: base64.b64encode(content).decode() for name, content in data.items()},
    }


def kustomization(plan: Plan, place: Path, rows: Manifest | None) -> Manifest:
    """What stands on the overlay for this run. `place`: the folder it is written to; kustomize wants relative paths."""

    def relative(path: Path) -> str:
        return os.path.relpath(path.resolve(), place)

    components = [*(["kueue"] if plan.settings.queue else []), *(["rows"] if rows else [])]
    content: Manifest = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [relative(plan.overlay), *([ROWS_FILE] if rows else [])],
        "components": [relative(K8S / "components" / name) for name in components],
        "nameSuffix": f"-{plan.label}",
        "labels": [{"pairs": {RUN_LABEL: plan.label}, "includeTemplates": True}],
        "patches": [{"target": {"kind": "Job"}, "patch": text([patch(plan, rows)])}],
    }
    if plan.settings.namespace:
        content["namespace"] = plan.settings.namespace
    return content


def patch(plan: Plan, rows: Manifest | None) -> Manifest:
    """What this run changes in the overlay's Job."""
    chosen = plan.settings
    container: Manifest = {
        "name": CONTAINER,
        "image": plan.image,
        "args": [literal(word) for word in plan.words],
        "env": [{"name": IMAGE_VARIABLE, "value": plan.image}],
    }
    amounts = {}
    if chosen.memory:
        amounts["memory"] = chosen.memory
    if chosen.gpus:
        amounts["nvidia.com/gpu"] = str(chosen.gpus)
    if amounts:
        container["resources"] = {"requests": dict(amounts), "limits": dict(amounts)}
    pod: Manifest = {"containers": [container]}
    if rows:
        named: Manifest = {"name": rows["metadata"]["name"]}
        if any(each.key != each.name for each in plan.rows):
            named["items"] = [{"key": each.key, "path": each.name} for each in plan.rows]
        pod["volumes"] = [{"name": "rows", "configMap": named}]
    spec: Manifest = {"template": {"spec": pod}}
    if chosen.max_hours:
        spec["activeDeadlineSeconds"] = max(1, round(chosen.max_hours * 3600))
    metadata: Manifest = {"name": "kiwame"}
    if chosen.queue:
        metadata["labels"] = {QUEUE_LABEL: chosen.queue}
    if plan.label != plan.run:
        metadata["annotations"] = {RUN_NAME: plan.run}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def literal(word: str) -> str:
    """An argument that the kubelet hands on as it is: it puts variables, secrets too, in the place of `$(NAME)`."""
    return word.replace("$", "$$")


def build(folder: Path) -> list[Manifest]:
    """The manifests of a kustomize folder."""
    found = [words for words in BUILDERS if shutil.which(words[0])]
    for words in found:
        done = subprocess.run([*words, str(folder)], capture_output=True, text=True, check=False)
        if not done.returncode:
            return [document for document in yaml.safe_load_all(done.stdout) if document]
        if NO_BUILDER not in done.stderr:
            said = LOGGED.sub("", " ".join(done.stderr.replace(f"{folder}", "the run's kustomization").split()))
            raise Refusal(f"{' '.join(words)}: {said.removeprefix('error: ')[:600]}")
    lacking = "this kubectl is too old to build" if found else "neither kubectl nor kustomize is here"
    raise EnvironmentProblem(f"{lacking}; install one of them, or apply k8s/overlays with another tool")


def check(built: Sequence[Manifest], plan: Plan) -> None:
    """Raises Refusal for manifests that are not one Job of ours where it is looked for, with ConfigMaps at most."""
    kinds = [str(document.get("kind")) for document in built]
    for kind in kinds:
        if kind == "PersistentVolumeClaim":
            raise Refusal("k8s.overlay: a PersistentVolumeClaim would get the run's name and go with it; keep it apart")
        if kind not in ("Job", "ConfigMap"):
            raise Refusal(f"k8s.overlay: a run is one Job, with ConfigMaps at most; apply the {kind} by itself")
    if kinds.count("Job") != 1:
        raise Refusal(f"k8s.overlay: a run is one Job, this has {kinds.count('Job')}")
    names = [container["name"] for container in pod_template(built)["spec"]["containers"]]
    if CONTAINER not in names:
        raise Refusal(f"k8s.overlay: the container {CONTAINER} is gone; there are: {', '.join(names)}")
    _check_findable(built, plan)


def _check_findable(built: Sequence[Manifest], plan: Plan) -> None:
    """Raises Refusal for a name or a namespace in which status would not see the Job, and delete would not stop it."""
    name = job_of(built)["metadata"]["name"]
    if name != job_name(plan.run):
        raise Refusal(
            f"k8s.overlay: it names the Job {name}, where {job_name(plan.run)} is looked for; "
            "take namePrefix and nameSuffix out of the overlay, run.name tells runs apart"
        )
    for document in built:
        namespace = document["metadata"].get("namespace")
        if namespace != plan.settings.namespace:
            raise Refusal(f"k8s.overlay: it sets the namespace {namespace}; say k8s.namespace={namespace} instead")


def job_of(built: Sequence[Manifest]) -> Manifest:
    """The Job among the manifests."""
    return next(document for document in built if document["kind"] == "Job")


def pod_template(built: Sequence[Manifest]) -> Manifest:
    """The pod template of the Job among the manifests."""
    template: Manifest = job_of(built)["spec"]["template"]
    return template


def memory_limit(built: Sequence[Manifest]) -> int | None:
    """Bytes that the run's container may have; None where nothing says it, or not in Ki, Mi, Gi or Ti."""
    containers = pod_template(built)["spec"]["containers"]
    container = next(one for one in containers if one["name"] == CONTAINER)
    said = str(container.get("resources", {}).get("limits", {}).get("memory", ""))
    found = re.fullmatch(r"(\d+)([KMGT])i", said)
    return int(found[1]) << (10 * (1 + "KMGT".index(found[2]))) if found else None


def storage() -> list[Manifest]:
    """What k8s/storage holds, which no kustomize is needed for."""
    listed = yaml.safe_load((K8S / "storage" / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
    texts = [(K8S / "storage" / name).read_text(encoding="utf-8") for name in listed]
    return [document for text in texts for document in yaml.safe_load_all(text)]


class _Plain(yaml.SafeDumper):
    """Unquoted is only what every reader of YAML takes for text: to some, 1e6 is a number and y is yes."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        plain = len(data) > 1 and (data[0].isalpha() or data[0] == "/")
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=None if plain else '"')

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Plain.add_representer(str, _Plain.represent_str)


def text(documents: Sequence[Mapping[str, Any]]) -> str:
    """Manifests as one YAML text that PyYAML and Go's readers take for the same."""
    return yaml.dump_all(documents, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=sys.maxsize)
