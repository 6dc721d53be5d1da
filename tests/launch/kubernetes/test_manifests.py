"""Every manifest against the schemas of the oldest and the newest Kubernetes, and what no schema can say."""

from __future__ import annotations

import re
from typing import Any

import kubernetes_validate
import pytest
import yaml

from jobs.core.compose import SECRET_VALUE
from jobs.core.errors import Exit
from jobs.launch.kubernetes import render, spec
from jobs.launch.kubernetes.spec import DNS_LABEL
from jobs.launch.kubernetes.state import STOPPED
from tests.launch.kubernetes import manifests as there

SECRET_NAME = re.compile(r"TOKEN|KEY|SECRET|PASSWORD")
WRITABLE = {"/workspace", "/tmp", "/dev/shm"}


@pytest.fixture(scope="module")
def manifests() -> dict[str, list[Any]]:
    return there.all_manifests()


@there.needs_kustomize
def test_nothing_was_forgotten(manifests: dict[str, list[Any]]) -> None:
    assert {"base", "storage", "overlays/single-gpu", "overlays/multi-gpu"} <= set(there.FOLDERS)
    assert len(manifests) == len(there.PLAIN) + len(there.FOLDERS) + len(there.RUNS)
    assert all(manifests.values())


@pytest.mark.parametrize("version", [there.OLDEST, there.NEWEST])
def test_every_manifest_is_valid(version: str, manifests: dict[str, list[Any]]) -> None:
    for name, documents in manifests.items():
        for document in documents:
            assert kubernetes_validate.validate(document, version, strict=True) == version, name


def test_the_versions_are_the_oldest_and_the_newest_there_are(manifests: dict[str, list[Any]]) -> None:
    assert kubernetes_validate.latest_version().startswith(f"{there.NEWEST}.")
    before = f"1.{int(there.OLDEST.split('.')[1]) - 1}"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifests["file base/job.yaml"][0], before, strict=True)


def test_strict_validation_finds_a_misspelt_field(manifests: dict[str, list[Any]]) -> None:
    document = yaml.safe_load(yaml.safe_dump(manifests["file base/job.yaml"][0]))
    document["spec"]["template"]["spec"]["terminationGraceSeconds"] = 1
    with pytest.raises(kubernetes_validate.ValidationError, match="terminationGraceSeconds"):
        kubernetes_validate.validate(document, there.NEWEST, strict=True)


def test_the_failure_policy_has_exactly_our_exit_codes(manifests: dict[str, list[Any]]) -> None:
    for name, job in there.jobs_of(manifests).items():
        rules = job["spec"]["podFailurePolicy"]["rules"]
        assert rules[0] == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
        actions = {}
        for rule in rules[1:]:
            codes = rule["onExitCodes"]
            assert codes["operator"] == "In"
            assert codes["values"] == sorted(set(codes["values"])), f"{name}: the API server wants them in order"
            assert 0 not in codes["values"]
            assert not actions.keys() & set(codes["values"]), f"{name}: the first rule would hide the second"
            actions |= dict.fromkeys(codes["values"], rule["action"])
            containers = job["spec"]["template"]["spec"]["containers"]
            assert codes["containerName"] in [each["name"] for each in containers]
        assert actions == {
            Exit.INTERRUPTED: "Ignore",
            STOPPED: "Ignore",
            Exit.REFUSED: "FailJob",
            Exit.GATE_FAILED: "FailJob",
            Exit.CRASHED: "Count",
            Exit.ENVIRONMENT: "Count",
            Exit.NOBODY_READS: "Count",
        }
        assert set(actions) - {STOPPED} == set(Exit) - {Exit.PASSED}


def test_a_job_ends_and_can_save_its_state_first(manifests: dict[str, list[Any]]) -> None:
    for name, job in there.jobs_of(manifests).items():
        spec, pod = job["spec"], job["spec"]["template"]["spec"]
        assert pod["restartPolicy"] == "Never", name
        assert spec["podReplacementPolicy"] == "Failed", name
        assert 0 < spec["backoffLimit"] <= 5, name
        assert 120 <= pod["terminationGracePeriodSeconds"] < spec["activeDeadlineSeconds"] / 2, name
        assert spec["ttlSecondsAfterFinished"] >= 86400, name
        assert "activeDeadlineSeconds" not in pod, f"{name}: a deadline of the pod would leave no time to save"
        assert "selector" not in spec, f"{name}: the cluster makes it"


def test_mounts_name_volumes_and_volumes_are_mounted(manifests: dict[str, list[Any]]) -> None:
    for name, pod in there.pods_of(manifests).items():
        volumes = [each["name"] for each in pod["volumes"]]
        mounts = [mount for container in pod["containers"] for mount in container["volumeMounts"]]
        assert len(set(volumes)) == len(volumes), name
        assert {each["name"] for each in mounts} == set(volumes), name
        assert len({each["mountPath"] for each in mounts}) == len(mounts), name


def test_nothing_writes_outside_what_is_mounted(manifests: dict[str, list[Any]]) -> None:
    for name, pod in there.pods_of(manifests).items():
        for container in pod["containers"]:
            writable = {each["mountPath"] for each in container["volumeMounts"] if not each.get("readOnly")}
            assert writable <= WRITABLE, name
            assert {"/workspace", "/tmp"} <= writable, name
            for variable in container.get("env", []):
                value = variable.get("value", "")
                assert not value.startswith("/") or value.startswith(("/workspace/", "/tmp")), f"{name}: {variable}"
            if container["name"] == "kiwame":
                assert "run.folder=/workspace/runs" in " ".join(container["args"]), name


def test_the_pod_security_standard_restricted_holds(manifests: dict[str, list[Any]]) -> None:
    for name, pod in there.pods_of(manifests).items():
        own = pod["securityContext"]
        assert own["runAsNonRoot"] is True, name
        assert own.get("runAsUser", 1) > 0, name
        assert own["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC", "initContainers", "ephemeralContainers"}, name
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["enableServiceLinks"] is False, name
        kinds = {kind for volume in pod["volumes"] for kind in volume if kind != "name"}
        assert kinds <= {"persistentVolumeClaim", "emptyDir", "configMap"}, name
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["readOnlyRootFilesystem"] is True, name
            assert context["capabilities"] == {"drop": ["ALL"]}, name
            assert not context.keys() & {"privileged", "procMount", "runAsUser"}, name
            assert not any("hostPort" in port for port in container.get("ports", [])), name


def test_no_secret_is_plain(manifests: dict[str, list[Any]]) -> None:
    for name, documents in manifests.items():
        assert not SECRET_VALUE.search(yaml.safe_dump_all(documents)), name
        assert not [each for each in documents if each["kind"] == "Secret"], name
    for name, pod in there.pods_of(manifests).items():
        for variable in (each for container in pod["containers"] for each in container.get("env", [])):
            if SECRET_NAME.search(variable["name"]):
                reference = variable["valueFrom"]["secretKeyRef"]
                assert reference == {"name": "kiwame-secrets", "key": variable["name"], "optional": True}, name


def test_amounts(manifests: dict[str, list[Any]]) -> None:
    units = {"Mi": 2**20, "Gi": 2**30, "Ti": 2**40}

    def amount(text: str) -> int:
        return int(text[:-2]) * units[text[-2:]]

    for name, pod in there.pods_of(manifests).items():
        asked, most = (pod["containers"][0]["resources"][kind] for kind in ("requests", "limits"))
        assert asked.get("nvidia.com/gpu") == most.get("nvidia.com/gpu"), f"{name}: the API server wants them equal"
        assert asked["memory"] == most["memory"], f"{name}: what is not asked for may not be there"
        assert "cpu" in asked, f"{name}: a queue counts by what is asked for"
        for volume in pod["volumes"]:
            if "emptyDir" in volume:
                limit = amount(volume["emptyDir"]["sizeLimit"])
                if volume["emptyDir"].get("medium") == "Memory":
                    assert limit <= amount(most["memory"]) / 2, f"{name}: shared memory counts as memory"
        if "nvidia.com/gpu" in most:
            assert {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"} in pod["tolerations"], name


def test_names_are_labels_and_not_too_long(manifests: dict[str, list[Any]]) -> None:
    for name, documents in manifests.items():
        for document in documents:
            assert DNS_LABEL.fullmatch(document["metadata"]["name"]), name
            if document["kind"] == "Job":
                assert len(document["metadata"]["name"] + "-abcde") <= 63, name
            for text in (document["metadata"].get("labels") or {}).values():
                assert len(text) <= 63, name


def test_labels_of_a_job_are_on_its_pods(manifests: dict[str, list[Any]]) -> None:
    for name, job in there.jobs_of(manifests).items():
        if name.startswith("file "):
            continue
        labels = {key: text for key, text in job["metadata"]["labels"].items() if not key.startswith("kueue.")}
        assert labels == job["spec"]["template"]["metadata"]["labels"], name
        if name.startswith("run "):
            words = job["spec"]["template"]["spec"]["containers"][0]["args"]
            (run,) = (word.partition("=")[2] for word in words if word.startswith("run.name="))
            assert labels["app.kubernetes.io/instance"] == spec.label(run), name
            assert job["metadata"].get("annotations", {}).get(render.RUN_NAME, run) == run, name


@there.needs_kustomize
def test_the_claim_is_not_renamed(manifests: dict[str, list[Any]]) -> None:
    (claim,) = manifests["folder storage"]
    shared = there.plain("examples/several-nodes/claim.yaml")[0]["metadata"]["name"]
    for name, pod in there.pods_of(manifests).items():
        found = {
            each["name"]: each["persistentVolumeClaim"] for each in pod["volumes"] if "persistentVolumeClaim" in each
        }
        expected = shared if "several-nodes" in name else claim["metadata"]["name"]
        assert found["workspace"]["claimName"] == expected, name
    for name, documents in manifests.items():
        if name.startswith("run ") or "overlays" in name:
            assert not [each for each in documents if each["kind"] == "PersistentVolumeClaim"], name


JOB = "/spec/template/spec"
CONTAINER = f"{JOB}/containers[kiwame]"


@there.needs_kustomize
def test_overlays_change_what_they_are_for() -> None:
    (base,), (one,), (several,) = (there.folder(name) for name in ("base", "overlays/single-gpu", "overlays/multi-gpu"))
    amounts = {f"{CONTAINER}/resources/{kind}" for kind in ("requests/memory", "requests/cpu", "limits/memory")}
    gpus = {f"{CONTAINER}/resources/{kind}/nvidia.com/gpu" for kind in ("requests", "limits")}
    taint = {f"{JOB}/tolerations[nvidia.com/gpu]/{key}" for key in ("key", "operator", "effect")}
    assert there.changes(base, one) == amounts | gpus | taint
    shared_memory = f"{JOB}/volumes[shm]/emptyDir/sizeLimit"
    assert there.changes(one, several) == amounts | gpus | {f"{CONTAINER}/args", shared_memory}
    words = several["spec"]["template"]["spec"]["containers"][0]["args"]
    amount = several["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"]
    assert f"train.num_processes={amount}" in words


@there.needs_kustomize
def test_kueue_changes_the_queue_and_nothing_else() -> None:
    words = there.RUNS["one-gpu"]
    (before,), (after,) = there.rendered(*words), there.rendered(*words, "k8s.queue=team-a")
    label = "/metadata/labels/kueue.x-k8s.io/queue-name"
    assert there.changes(before, after) == {label, "/spec/suspend"}
    assert (after["metadata"]["labels"]["kueue.x-k8s.io/queue-name"], after["spec"]["suspend"]) == ("team-a", True)


@there.needs_kustomize
def test_the_pods_of_several_nodes_meet(manifests: dict[str, list[Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    service, job = manifests["folder examples/several-nodes"]
    name, pod = job["metadata"]["name"], job["spec"]["template"]["spec"]
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"] == {"batch.kubernetes.io/job-name": name}
    assert pod["subdomain"] == service["metadata"]["name"]
    assert job["spec"]["completionMode"] == "Indexed"
    container = pod["containers"][0]
    variables = {each["name"]: each["value"] for each in container["env"] if "value" in each}
    meeting = {key: text for key, text in variables.items() if key.startswith("PET_")}
    assert int(meeting["PET_NNODES"]) == job["spec"]["completions"] == job["spec"]["parallelism"]
    processes = container["resources"]["limits"]["nvidia.com/gpu"]
    assert f"train.num_processes={processes}" in container["args"][-1]
    assert f"jobs.engines.training.processes {processes} " in container["args"][-1]
    port = service["spec"]["ports"][0]["port"]
    assert meeting["PET_RDZV_ENDPOINT"] == f"{name}-0.{pod['subdomain']}:{port}"
    run = pytest.importorskip("torch.distributed.run")
    for key, text in meeting.items():
        monkeypatch.setenv(key, text)
    seen = vars(run.get_args_parser().parse_args(["train.py"]))
    assert {key: seen[key.removeprefix("PET_").lower()] for key in meeting} == meeting


def test_modules_that_manifests_start_are_there() -> None:
    if "num_processes" not in (there.ROOT / "conf" / "train" / "default.yaml").read_text(encoding="utf-8"):
        pytest.skip("training in several processes is not built here")
    for path in sorted(there.K8S.rglob("*.yaml")):
        for match in re.finditer(r"-m (jobs[.\w]+)", path.read_text(encoding="utf-8")):
            assert (there.ROOT / match[1].replace(".", "/")).with_suffix(".py").is_file(), f"{path}: {match[1]}"


def test_no_registry_is_made_up() -> None:
    for path in sorted(there.K8S.rglob("*.yaml")):
        for match in re.finditer(r"^[ -]*(?:image|newName): *(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            assert match[1] in ("kiwame", "null"), path


def test_every_file_says_what_it_is_for() -> None:
    for path in sorted(there.K8S.rglob("*.yaml")):
        assert path.read_text(encoding="utf-8").startswith("# "), path
