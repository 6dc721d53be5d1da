"""The pod of a run for `podman play kube`: the pod template really run, where there is no cluster.

Podman 4.3.1 reads Pods and ConfigMaps, not Jobs. It runs as the pod says what is kept here: image, arguments, plain
environment, user and group, read-only root, dropped capabilities, no new privileges, mounts. What it does not do:

- `$(NAME)` and `$$` in arguments stay as they are, so they are written out here
- an optional secret that is missing becomes an empty variable: left out here
- amounts of CPU, memory and GPUs are for the cluster's machines: left out here
- user and group are taken from the container: copied there from the pod
- a claim is a volume of Podman's own; `workspace` puts a folder in its place, which the user must be able to write to
- no memory medium and no size limit of an emptyDir: shared memory lies on the disk
- no grace period (stop with `podman pod stop --time 300`), fsGroup, seccompProfile (its own profile holds),
  tolerations, service account or service links: nothing of that is in what comes out
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import yaml

from jobs.launch.kubernetes.render import CONTAINER, IMAGE_VARIABLE, NAME_LABEL, RUN_LABEL, Manifest, job_of, literal
from jobs.launch.kubernetes.spec import K8S, Plan, job_name


def base(plan: Plan) -> list[Manifest]:
    """The manifests of a run on CPUs, rows on the volume or in the image, where there is no kubectl to build them."""
    job: Manifest = yaml.safe_load((K8S / "base" / "job.yaml").read_text(encoding="utf-8"))
    labels = {NAME_LABEL: "kiwame", RUN_LABEL: plan.run}
    job["metadata"] = {"name": job_name(plan.run), "labels": dict(labels)}
    job["spec"]["template"]["metadata"] = {"labels": labels}
    (container,) = job["spec"]["template"]["spec"]["containers"]
    container |= {"image": plan.image, "args": [literal(word) for word in plan.words]}
    container["env"].insert(0, {"name": IMAGE_VARIABLE, "value": plan.image})
    return [job]


def documents(built: Sequence[Manifest], workspace: Path | None) -> list[Manifest]:
    """The manifests of a run as ConfigMaps and one Pod, which has the Job's name."""
    job = job_of(built)
    template = deepcopy(job["spec"]["template"])
    pod_user = template["spec"].get("securityContext", {})
    ids = {name: pod_user[name] for name in ("runAsUser", "runAsGroup", "runAsNonRoot") if name in pod_user}
    spec: Manifest = {
        "restartPolicy": template["spec"]["restartPolicy"],
        "containers": [_container(each, ids) for each in template["spec"]["containers"]],
        "volumes": [_volume(each, workspace) for each in template["spec"]["volumes"]],
    }
    metadata = {"name": job["metadata"]["name"], "labels": template["metadata"]["labels"]}
    pod: Manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    return [*(_config_map(each) for each in built if each["kind"] == "ConfigMap"), pod]


def container_name(built: Sequence[Manifest]) -> str:
    """What Podman calls the container: for `podman wait`, `podman logs` and its exit code."""
    return f"{job_of(built)['metadata']['name']}-{CONTAINER}"


def _container(container: Manifest, ids: Manifest) -> Manifest:
    kept: Manifest = {
        name: container[name] for name in ("name", "image", "command", "args", "volumeMounts") if name in container
    }
    for name in {"command", "args"} & kept.keys():
        kept[name] = [word.replace("$$", "$") for word in kept[name]]
    kept["env"] = [each for each in container.get("env", []) if "valueFrom" not in each]
    kept["securityContext"] = ids | container.get("securityContext", {})
    kept["imagePullPolicy"] = "Never"
    return kept


def _volume(volume: Manifest, workspace: Path | None) -> Manifest:
    if "persistentVolumeClaim" in volume and workspace is not None:
        return {"name": volume["name"], "hostPath": {"path": str(workspace), "type": "Directory"}}
    return {"name": volume["name"], "emptyDir": {}} if "emptyDir" in volume else volume


def _config_map(config_map: Manifest) -> Manifest:
    """With its content as text: that much every version reads."""
    data = {name: base64.b64decode(text).decode() for name, text in config_map.get("binaryData", {}).items()}
    metadata = {"name": config_map["metadata"]["name"]}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": config_map.get("data", {}) | data}
