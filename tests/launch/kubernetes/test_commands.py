"""The commands, with a program called kubectl that keeps what it is given and writes down what it is asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from jobs.core.errors import Exit
from jobs.launch.kubernetes import command as kubernetes
from tests.launch.kubernetes import manifests as there
from tests.launch.kubernetes.conftest import Cluster, needs_kubectl
from tests.launch.kubernetes.test_spec import ROW
from tests.launch.kubernetes.test_state import POLICY, RUNNING, ended, pod

DEMO = ("experiment=demo", there.IMAGE)


@pytest.fixture
def submitted(cluster: Cluster) -> Cluster:
    """With the demo run submitted, and the calls of that forgotten."""
    assert kubernetes.main(["submit", *DEMO]) == Exit.PASSED
    (cluster.home / "calls.jsonl").unlink()
    return cluster


@needs_kubectl
def test_submit_makes_the_volume_first_and_one_job(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert kubernetes.main(["submit", *DEMO, "k8s.context=mine", "k8s.namespace=team"]) == Exit.PASSED
    assert list(cluster.objects()) == ["persistentvolumeclaim/kiwame-workspace", "job/kiwame-demo"]
    assert all(words[:2] == ["--context=mine", "--namespace=team"] for words in cluster.calls())
    out, err = capsys.readouterr()
    assert out == "kiwame-demo\n"
    assert 'make k8s-logs ARGS="run.name=demo"' in err
    assert "costs money" in err
    assert err.index("context mine, namespace team:") < err.index("is made")


@needs_kubectl
def test_a_cluster_that_tries_nothing_out_gets_the_job_itself(cluster: Cluster) -> None:
    said = 'Error from server (BadRequest): admission webhook "x" does not support dry run\n'
    cluster.prepare(create=[("", said, 1), ({"metadata": {"name": "kiwame-demo", "uid": "1"}}, "", 0)])
    assert kubernetes.main(["submit", *DEMO]) == Exit.PASSED


@needs_kubectl
def test_a_volume_that_is_there_is_left_alone(submitted: Cluster) -> None:
    assert kubernetes.main(["submit", *DEMO, "run.name=second"]) == Exit.PASSED
    assert not submitted.calls("apply")
    assert set(submitted.objects()) >= {"job/kiwame-demo", "job/kiwame-second"}


@needs_kubectl
def test_a_run_is_never_submitted_twice(submitted: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    before = submitted.objects()
    assert kubernetes.main(["submit", *DEMO]) == Exit.REFUSED
    assert submitted.objects() == before
    assert not submitted.calls("create")
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "run demo has a job already, which is starting" in said
    assert 'k8s-delete ARGS="run.name=demo"' in said
    assert "another run.name" in said


@needs_kubectl
def test_of_two_that_submit_at_once_one_is_refused(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    taken = 'Error from server (AlreadyExists): error when creating "STDIN": jobs.batch "kiwame-demo" already exists'
    cluster.prepare(create=[("", taken, 1)])
    assert kubernetes.main(["submit", *DEMO]) == Exit.REFUSED
    assert "by somebody else just now" in capsys.readouterr().err


@needs_kubectl
def test_rows_go_along_and_go_with_the_job(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "my.jsonl").write_text(ROW)
    assert kubernetes.main(["submit", "run.name=r", there.IMAGE, f"k8s.rows=[{tmp_path}/my.jsonl]"]) == Exit.PASSED
    objects = cluster.objects()
    (name,) = [key for key in objects if key.startswith("configmap/")]
    owner = objects[name]["metadata"]["ownerReferences"]
    uid = objects["job/kiwame-r"]["metadata"]["uid"]
    assert owner == [{"apiVersion": "batch/v1", "kind": "Job", "name": "kiwame-r", "uid": uid}]
    verbs = [words[0] for words in cluster.calls() if words[0] != "get"]
    assert verbs == ["create", "config", "apply", "apply", "create", "patch"]  # on trial; volume, rows, job, owner


@needs_kubectl
def test_a_run_stands_where_its_rows_could_not_be_given_to_it(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my.jsonl").write_text(ROW)
    cluster.prepare(patch_configmap=[("", "Error from server (Forbidden): configmaps is forbidden\n", 1)])
    assert kubernetes.main(["submit", "run.name=r", there.IMAGE, f"k8s.rows=[{tmp_path}/my.jsonl]"]) == Exit.PASSED
    assert "stays until k8s-delete" in capsys.readouterr().err


@needs_kubectl
def test_ctrl_c_ends_following_and_leaves_no_kubectl_behind(submitted: Cluster) -> None:
    submitted.prepare(get_pods=[({"items": [pod("p-1", "Running", RUNNING)]}, "", 0)])
    program = Path(os.environ["PATH"].split(os.pathsep)[0]) / "kubectl"
    pid = submitted.home / "pid"
    hang = f'case "$*" in *logs*) echo $$ > "{pid}"; exec sleep 60;; esac\n'
    program.write_text(program.read_text().replace("exec", f"{hang}exec", 1))
    words = [sys.executable, "-m", "jobs.launch.kubernetes.command", "logs", "experiment=demo"]
    with subprocess.Popen(words, cwd=there.ROOT, stderr=subprocess.PIPE, text=True) as following:
        while not pid.exists() or not pid.read_text().strip():
            assert following.poll() is None
            time.sleep(0.05)
        following.send_signal(signal.SIGINT)
        _, said = following.communicate(timeout=30)
    assert following.returncode == Exit.INTERRUPTED
    assert "the same command goes on" in said
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


@needs_kubectl
def test_what_is_refused_asks_no_cluster(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert kubernetes.main(["submit", *DEMO, "train.lrr=1"]) == Exit.REFUSED
    assert kubernetes.main(["submit", "experiment=demo"]) == Exit.REFUSED
    assert kubernetes.main(["start", *DEMO]) == Exit.REFUSED
    assert kubernetes.main([]) == Exit.REFUSED
    assert not cluster.calls()
    said = capsys.readouterr().err.strip().splitlines()
    assert [line.startswith("-> make k8s-submit") for line in said] == [False, True, False, True, False, False]
    assert said[0].startswith("k8s-submit: refused: train.lrr: unknown key")


@needs_kubectl
def test_render_asks_no_cluster(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert kubernetes.main(["render", "experiment=demo", "k8s.image=kiwame:1"]) == Exit.PASSED
    assert not cluster.calls()
    out, err = capsys.readouterr()
    assert "name: kiwame-demo" in out
    assert "may be another image" in err
    assert "kiwame-workspace" in err


@needs_kubectl
@pytest.mark.parametrize(
    ("pods", "condition", "code", "word"),
    [
        ([ended(0)], ("Complete", "CompletionsReached", ""), Exit.PASSED, "passed"),
        ([ended(3)], ("Failed", "PodFailurePolicy", POLICY.format(3)), Exit.GATE_FAILED, "a gate said no"),
        ([ended(2)], ("Failed", "PodFailurePolicy", POLICY.format(2)), Exit.REFUSED, "refused before work"),
        ([ended(1)], ("Failed", "BackoffLimitExceeded", ""), Exit.CRASHED, "crashed"),
        ([ended(4)], ("Failed", "BackoffLimitExceeded", ""), Exit.ENVIRONMENT, "the machine cannot"),
        ([], ("Failed", "DeadlineExceeded", ""), Exit.INTERRUPTED, "interrupted"),
        ([pod("p", "Running", RUNNING)], ("Suspended", "", ""), Exit.PASSED, "running"),
    ],
)
def test_status_ends_as_the_run_did(
    pods: list[dict[str, Any]], condition: tuple[str, str, str], code: Exit, word: str, submitted: Cluster,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    capsys.readouterr()
    submitted.ends("demo", pods, *condition)
    assert kubernetes.main(["status", "run.name=demo"]) == code
    assert capsys.readouterr().out == f"{word}\n"


@needs_kubectl
def test_status_shows_the_last_words_and_the_way_on(submitted: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    last = ended(2, message="prepare\nall: refused: prepare.files: no such file")
    submitted.ends("demo", [last], "Failed", "PodFailurePolicy", POLICY.format(2))
    kubernetes.main(["status", "experiment=demo"])
    err = capsys.readouterr().err
    assert "  | all: refused: prepare.files: no such file" in err
    assert 'make k8s-delete ARGS="run.name=demo"' in err


@needs_kubectl
def test_status_without_words_lists_every_run(submitted: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    kubernetes.main(["submit", *DEMO, "run.name=second"])
    submitted.ends("second", [ended(0)], "Complete", "", "")
    capsys.readouterr()
    assert kubernetes.main(["status"]) == Exit.PASSED
    lines = [line.split() for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert ["demo", "starting:", "it", "has", "no", "pod", "yet"] in lines
    assert ["second", "passed"] in lines


@pytest.mark.parametrize("command", ["status", "logs"])
def test_a_run_that_has_no_job_is_refused(command: str, cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert kubernetes.main([command, "run.name=absent"]) == Exit.REFUSED
    assert "run absent has no job here" in capsys.readouterr().err
    assert kubernetes.main(["status"]) == Exit.PASSED
    assert "no run has a job here" in capsys.readouterr().err


@needs_kubectl
def test_delete_waits_for_the_state_and_keeps_the_volume(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my.jsonl").write_text(ROW)
    for run in ("mine", "other"):
        kubernetes.main(["submit", f"run.name={run}", there.IMAGE, f"k8s.rows=[{tmp_path}/my.jsonl]"])
    assert kubernetes.main(["delete", "run.name=mine"]) == Exit.PASSED
    assert "context lab, namespace team:\njob kiwame-mine: asked to stop" in capsys.readouterr().err
    kinds = sorted(key.partition("/")[0] for key in cluster.objects())
    assert kinds == ["configmap", "job", "persistentvolumeclaim"]
    assert "job/kiwame-other" in cluster.objects()
    (words,) = cluster.calls("delete")
    assert words[1] == "job,configmap"
    assert "--cascade=foreground" in words
    assert "--timeout=360s" in words  # 300 s of grace, and 60
    assert kubernetes.main(["delete", "run.name=mine"]) == Exit.PASSED


@needs_kubectl
def test_after_delete_the_run_can_be_submitted_again(submitted: Cluster) -> None:
    assert kubernetes.main(["delete", "run.name=demo"]) == Exit.PASSED
    assert kubernetes.main(["submit", *DEMO]) == Exit.PASSED


def line(second: float, text: str) -> str:
    return f"2026-11-22T10:00:{second:012.9f}Z {text}\n"


@needs_kubectl
def test_logs_follow_through_pods_and_broken_connections(
    submitted: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    job = submitted.objects()["job/kiwame-demo"]
    policy = {"type": "Failed", "status": "True", "reason": "PodFailurePolicy", "message": POLICY.format(3)}
    first, second = ended(75, "p-1", 1), ended(3, "p-2", 2)
    submitted.prepare(
        get_job=[(job, "", 0)] * 3 + [(job | {"status": {"conditions": [policy]}}, "", 0)],
        get_pods=[
            ({"items": []}, "", 0),
            ({"items": [pod("p-1", "Running", RUNNING, 1)]}, "", 0),
            ({"items": [first, second]}, "", 0),
        ],
        get_pod=[(pod("p-1", "Running", RUNNING, 1), "", 0), (first, "", 0), (second, "", 0)],
        **{
            "logs_pod/p-1": [
                (line(1, "one") + line(2, "two") + line(2, "two again"), "connection lost\n", 1),
                (line(2, "two") + line(2, "two again") + line(2.5, "three"), "", 0),
            ],
            "logs_pod/p-2": [(line(3, "日本") + line(4, ""), "", 0)],
        },
    )
    capsys.readouterr()
    assert kubernetes.main(["logs", "experiment=demo"]) == Exit.GATE_FAILED
    out, err = capsys.readouterr()
    assert out.splitlines() == ["one", "two", "two again", "three", "日本", ""]
    assert err.index("starting") < err.index("pod p-1") < err.index("pod p-2") < err.index("a gate said no")
    followed = submitted.calls("logs")
    assert ["--since-time" in " ".join(words) for words in followed] == [False, True, True, False, True]
    assert "--since-time=2026-11-22T10:00:02.000000000Z" in followed[1]


@needs_kubectl
def test_logs_of_a_pod_that_was_deleted_go_on_with_the_next(
    submitted: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    job = submitted.objects()["job/kiwame-demo"]
    done = {"type": "Complete", "status": "True"}
    submitted.prepare(
        get_job=[(job, "", 0), (job | {"status": {"conditions": [done]}}, "", 0)],
        get_pods=[({"items": [pod("p-1", "Running", RUNNING)]}, "", 0), ({"items": [ended(0, "p-2", 2)]}, "", 0)],
        get_pod=[("", "", 0), (ended(0, "p-2", 2), "", 0)],
        **{
            "logs_pod/p-1": [(line(1, "one"), "", 0)],
            "logs_pod/p-2": [(line(2, "two"), "", 0), ("", "the node is gone\n", 1)],
        },
    )
    capsys.readouterr()
    assert kubernetes.main(["logs", "experiment=demo"]) == Exit.PASSED
    out, err = capsys.readouterr()
    assert out.splitlines() == ["one", "two"]
    assert "the end of its log cannot be had: kubectl logs: the node is gone" in err


@needs_kubectl
def test_a_log_that_cannot_be_had_is_not_asked_for_for_ever(
    submitted: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    submitted.prepare(
        get_pods=[({"items": [pod("p-1", "Running", RUNNING)]}, "", 0)],
        get_pod=[(pod("p-1", "Running", RUNNING), "", 0)],
        **{"logs_pod/p-1": [("", "Error from server (Forbidden): pods/log is forbidden\n", 1)]},
    )
    assert kubernetes.main(["logs", "experiment=demo"]) == Exit.ENVIRONMENT
    assert "you may not do that" in capsys.readouterr().err.strip().splitlines()[-1]
    assert len(submitted.calls("logs")) == kubernetes.MOST_IN_VAIN + 1


ERRORS = [
    ("error: context \"x\" does not exist\n", Exit.ENVIRONMENT, 'context "x" does not exist'),
    ("E1122 memcache.go:265\nThe connection to the server localhost:8080 was refused - did you specify the right host "
     "or port?\n", Exit.ENVIRONMENT, "was refused"),
    ('Error from server (Forbidden): jobs.batch is forbidden: User "u" cannot get resource\n', Exit.ENVIRONMENT,
     "you may not do that in this namespace"),
    ('Error from server (Forbidden): jobs.batch "x" is forbidden: exceeded quota: gpus\n', Exit.ENVIRONMENT,
     "exceeded quota: gpus"),
    ('The Job "x" is invalid: spec.template: Invalid value\n', Exit.REFUSED, "the cluster does not take it"),
    ("", Exit.ENVIRONMENT, "no reason given"),
]  # fmt: skip


@pytest.mark.parametrize(("stderr", "code", "expected"), ERRORS)
def test_errors_of_kubectl_in_one_line(
    stderr: str, code: Exit, expected: str, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.prepare(get_job=[("", stderr, 1)])
    assert kubernetes.main(["status", "run.name=x"]) == code
    (said,) = capsys.readouterr().err.strip().splitlines()
    assert expected in said


def test_without_kubectl_the_way_out_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert kubernetes.main(["status", "run.name=x"]) == Exit.ENVIRONMENT
    assert "kubectl is not here; install it" in capsys.readouterr().err


def test_the_command_line_loads_no_torch() -> None:
    code = "import sys; from jobs.launch.kubernetes import command; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=there.ROOT, check=True)
    assert done.stdout.strip() == "False"


@needs_kubectl
def test_the_command_line_has_the_exit_code(cluster: Cluster) -> None:
    words = [sys.executable, "-m", "jobs.launch.kubernetes.command", "status", "run.name=absent"]
    assert subprocess.run(words, capture_output=True, cwd=there.ROOT, check=False).returncode == Exit.REFUSED
