"""A run as a Kubernetes Job: `python -m jobs.launch.kubernetes.command render|submit|logs|status|delete key=value ...`.

Words are those of the config, and `k8s.key=value` for what k8s/launch.yaml has. Needs kubectl, and no GPU.
"""

from __future__ import annotations

import json
import math
import os
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from jobs.core import process, terminal
from jobs.core.endings import ending
from jobs.core.errors import EnvironmentProblem, Exit, Refusal
from jobs.launch import lines, places, typed
from jobs.launch.kubernetes import render as kubernetes_render, spec, state as kubernetes_state
from jobs.launch.kubernetes.kubectl import AlreadyThere, Kubectl
from jobs.launch.kubernetes.render import NAME_LABEL, RUN_LABEL, RUN_NAME
from jobs.launch.kubernetes.spec import job_name

CLAIM = "kiwame-workspace"
NO_DRY_RUN = "does not support dry run"
"""The API server's words where it would have to ask a webhook that makes something: then only the Job itself tells."""
LOOK_SECONDS = 5.0
"""Between two looks at a run that writes nothing."""
GIB = 1 << 30
BESIDE = 1.1
"""Times what a run takes at least: rows, the page cache of what is written, other processes of the pod."""
MOST_IN_VAIN = 12
"""Connections to a log that give an error and no line, one after the other."""
DELETE_SECONDS = 60
"""Beyond the grace period, for the API server to take note."""


def render(words: Sequence[str], dry: bool = False) -> int:
    """The run's manifests on stdout; no cluster is asked."""
    plan = spec.plan(words)
    _look(plan)
    built = sized(plan)
    _warn(plan)
    print(kubernetes_render.text(built), end="")
    terminal.say(f"the volume {CLAIM} is apart from the run: k8s/storage, which k8s-submit applies where it is missing")
    return Exit.PASSED


def submit(words: Sequence[str], dry: bool = False) -> int:
    """One Job for the run, its name to stdout. Raises Refusal where the run has one: it is never submitted twice."""
    plan = spec.plan(words)
    _look(plan)
    kubectl = _kubectl(plan.settings)
    built = sized(plan)
    there = _job(kubectl, plan.run)
    if there is not None:
        raise Refusal(_there(plan.run, kubernetes_state.judge(there, _pods(kubectl, plan.run))))
    _warn(plan)
    job = kubernetes_render.job_of(built)
    _create(kubectl, plan.run, job, "--dry-run=server")  # what the cluster does not take leaves nothing behind
    terminal.say(f"{kubectl.place()}:")
    maps = [document for document in built if document["kind"] == "ConfigMap"]
    if dry:
        return _would_make(kubectl, plan, [*maps, job])
    _store(kubectl)
    if maps:
        kubectl.text("apply", "--server-side", "--filename=-", stdin=kubernetes_render.text(maps))
    made = _create(kubectl, plan.run, job)["metadata"]
    for each in maps:
        _give(kubectl, each, made)
    terminal.say(f"run {plan.run} is submitted as job {made['name']}")
    terminal.say(f"  follow it: {_make('logs', plan.run)}")
    print(made["name"])
    return Exit.PASSED


def sized(plan: spec.Plan) -> list[kubernetes_render.Manifest]:
    """The manifests with as much memory as the run takes at least, whatever its rows are.

    Raises EnvironmentProblem where k8s.memory says less.
    """
    built, known = kubernetes_render.manifests(plan), places.least(plan.words[1:])
    limit = kubernetes_render.memory_limit(built)
    needed = 0.0 if known is None else known.ram_on_gpu if plan.settings.gpus else known.ram_on_cpu
    if limit is None or limit >= needed:
        return built
    enough = f"{math.ceil(needed * BESIDE / GIB)}Gi"
    if plan.settings.memory is not None:
        raise EnvironmentProblem(
            f"k8s.memory: {plan.settings.memory}, and the run takes {enough} at least; estimate.refuse=false submits "
            "it all the same", words=[f"k8s.memory={enough}"],
        )  # fmt: skip
    terminal.say(f"memory: {enough}, which the run takes at least")
    chosen = plan.settings.model_copy(update={"memory": enough})
    return kubernetes_render.manifests(replace(plan, settings=chosen))


def _look(plan: spec.Plan) -> None:
    """The first rows of the files that travel with the run, before anything is asked of a cluster."""
    if plan.rows:
        places.look(plan.words[1:], [each.path for each in plan.rows])
    for each in plan.rows:
        if each.is_packed:
            size = each.path.stat().st_size
            terminal.say(
                f"  {each.path.name}: packed to go along, {size / 1e6:.1f} to {len(each.content) / 1e6:.1f} MB"
            )


def _would_make(kubectl: Kubectl, plan: spec.Plan, documents: Sequence[Mapping[str, Any]]) -> int:
    """What a submission would make; nothing is."""
    if not _has_store(kubectl):
        terminal.say(f"  the volume {CLAIM} would be made")
    for document in documents:
        terminal.say(f"  {document['kind']} {document['metadata']['name']} would be made")
    terminal.say(f"  image {plan.image}, its words: {shlex.join(plan.words)}")
    return Exit.PASSED


def logs(words: Sequence[str], dry: bool = False) -> int:
    """Follow the run to its end, through as many pods as it takes; returns how it ended."""
    kubectl, run = _of(words)
    if dry:
        job, pods = _known(kubectl, run)
        terminal.say(f"run {run} is {kubernetes_state.judge(job, pods).line}; its log would be followed")
        return Exit.PASSED
    followed, waiting = set[str](), ""
    while True:
        job, pods = _known(kubectl, run)
        state = kubernetes_state.judge(job, pods)
        new = [pod for pod in kubernetes_state.in_order(pods) if pod["metadata"]["name"] not in followed]
        ready = [pod for pod in new if kubernetes_state.has_log(pod)]
        if ready:
            name = ready[0]["metadata"]["name"]
            terminal.say(f"pod {name}")
            follow(kubectl, name)
            followed.add(name)
            continue
        if state.exit is not None:
            return _ended(run, state)
        if state.line != waiting:
            terminal.say(f"run {run} is {state.line}")
            waiting = state.line
        time.sleep(LOOK_SECONDS)


def follow(kubectl: Kubectl, pod: str) -> None:
    """A pod's log to its end, each line once. A connection that breaks is taken up again after the last line seen.

    Read to the end is what a connection gave that began after the container's end. Raises EnvironmentProblem or Refusal
    where a running container's log is asked for in vain too often.
    """
    last, in_vain, over = "", 0, False
    while True:
        since, seen = [f"--since-time={last}"] if last else [], last
        broken: EnvironmentProblem | Refusal | None = None
        try:
            for line in kubectl.lines("logs", f"pod/{pod}", "--container=kiwame", "--follow", "--timestamps", *since):
                stamp, _, said = line.rstrip("\n").partition(" ")
                if stamp > seen:  # the cluster counts whole seconds from there, and sends some lines again
                    last, in_vain = stamp, 0
                    print(said, flush=True)
        except (EnvironmentProblem, Refusal) as error:
            broken, in_vain = error, in_vain + 1
        if over and broken is not None:
            terminal.say(f"the end of its log cannot be had: {broken}")
        found = None if over else kubectl.json("get", "pod", pod, "--ignore-not-found")
        if found is None:
            return
        if broken is not None and in_vain > MOST_IN_VAIN:
            raise broken
        over = kubernetes_state.exit_code(found) is not None
        if not over:
            time.sleep(LOOK_SECONDS)


def status(words: Sequence[str], dry: bool = False) -> int:
    """How the run stands, its word on stdout; ends as the run did, and with 0 while it goes on. No words: every run."""
    own, job_words = spec.split(words)
    if not job_words:
        return _list(_kubectl(spec.settings(own)))
    kubectl, run = _of(words)
    job, pods = _known(kubectl, run)
    state = kubernetes_state.judge(job, pods)
    ordered = kubernetes_state.in_order(pods)
    if ordered:
        rows = [(each["metadata"]["name"], _began(each), kubernetes_state.told(each)) for each in ordered]
        terminal.table(f"run {run}", ("pod", "started", "how it stands"), rows)
    if state.exit not in (None, Exit.PASSED) and ordered:
        for line in kubernetes_state.last_words(ordered[-1]):
            terminal.say(f"  | {line}")
    print(state.word)
    return _ended(run, state)


def delete(words: Sequence[str], dry: bool = False) -> int:
    """Stop the run and remove its Job; it has its grace period to save its state. The volume stays."""
    kubectl, run = _of(words)
    job = _job(kubectl, run)
    terminal.say(f"{kubectl.place()}:")
    if job is None:
        terminal.say(f"run {run} has no job; nothing to delete")
        grace = 0
    else:
        grace = job["spec"]["template"]["spec"].get("terminationGracePeriodSeconds", 30)
        asked = "would be asked" if dry else "asked"
        terminal.say(f"job {job_name(run)}: {asked} to stop; it has {grace} s to save its state")
    if dry:
        terminal.say("nothing was deleted: this was a dry run")
        return Exit.PASSED
    # In the foreground: the Job is there until its pods are gone, so that the next one cannot meet them.
    kubectl.text(
        "delete", "job,configmap", f"--selector={_selector(run)}", "--cascade=foreground", "--ignore-not-found",
        f"--timeout={grace + DELETE_SECONDS}s", seconds=grace + 2 * DELETE_SECONDS,
    )  # fmt: skip
    if job is not None:
        terminal.say(f"deleted; what the run made is on the volume {CLAIM}, and the same run.name goes on from it")
    return Exit.PASSED


def _create(kubectl: Kubectl, run: str, job: Mapping[str, Any], *words: str) -> Any:
    """The Job as the cluster has it; raises Refusal where it does not take it, or somebody else was faster."""
    try:
        return kubectl.json("create", *words, "--filename=-", stdin=kubernetes_render.text([job]))
    except AlreadyThere:
        raise Refusal(f"run {run} was submitted by somebody else just now; see it: {_make('status', run)}") from None
    except Refusal as refusal:
        if words and NO_DRY_RUN in str(refusal):
            return None
        raise


def _store(kubectl: Kubectl) -> None:
    """The volume, where it is missing. One that is there stays as it is: it may have grown."""
    if _has_store(kubectl):
        return
    kubectl.text("apply", "--server-side", "--filename=-", stdin=kubernetes_render.text(kubernetes_render.storage()))
    terminal.say(f"the volume {CLAIM} is made; it costs money until you delete it: no run and no k8s-delete does")


def _has_store(kubectl: Kubectl) -> bool:
    return bool(kubectl.text("get", "persistentvolumeclaim", CLAIM, "--ignore-not-found", "--output=name").strip())


def _give(kubectl: Kubectl, config_map: Mapping[str, Any], job: Mapping[str, Any]) -> None:
    """Make the Job the ConfigMap's owner, so that it goes when the Job goes. The run stands without that too."""
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job["name"], "uid": job["uid"]}
    change, name = json.dumps({"metadata": {"ownerReferences": [owner]}}), config_map["metadata"]["name"]
    try:
        kubectl.text("patch", "configmap", name, "--type=merge", f"--patch={change}")
    except (EnvironmentProblem, Refusal) as problem:
        terminal.say(f"configmap {name} stays until k8s-delete: {problem}")


def _list(kubectl: Kubectl) -> int:
    """A table of every run that has a Job."""
    found = kubectl.json("get", "jobs,pods", f"--selector={NAME_LABEL}=kiwame")["items"]
    runs = {_run_of(each): each for each in found if each["kind"] == "Job"}
    rows = []
    for run, job in sorted(runs.items()):
        pods = [each for each in found if each["kind"] == "Pod" and _run_of(each) == run]
        name = job["metadata"].get("annotations", {}).get(RUN_NAME, run)
        rows.append((name, job["metadata"].get("creationTimestamp", ""), kubernetes_state.judge(job, pods).line))
    if rows:
        terminal.table("runs", ("run.name", "submitted", "how it stands"), rows)
    else:
        terminal.say("no run has a job here")
    return Exit.PASSED


def _ended(run: str, state: kubernetes_state.State) -> int:
    terminal.say(f"run {run}: {state.line}")
    if state.exit not in (None, Exit.PASSED):
        terminal.say(f"  to go on: {_make('delete', run)}, then submit it again; it goes on from what is on the volume")
    return Exit.PASSED if state.exit is None else state.exit


def _there(run: str, state: kubernetes_state.State) -> str:
    return (
        f"run {run} has a job already, which is {state.line}. See it: {_make('status', run)}; "
        f"remove it and keep what it made: {_make('delete', run)}; or take another run.name"
    )


def _make(command: str, run: str) -> str:
    return lines.line(f"k8s-{command}", [f"run.name={run}"])


def _warn(plan: spec.Plan) -> None:
    if "@sha256:" not in plan.image:
        terminal.say(
            f"k8s.image: {plan.image} is a tag, which may be another image at the next pod; name@sha256:... is not"
        )


def _kubectl(chosen: spec.Settings) -> Kubectl:
    return Kubectl(chosen.context, chosen.namespace)


def _of(words: Sequence[str]) -> tuple[Kubectl, str]:
    """kubectl and the run's name, for commands that need no more."""
    own, job_words = spec.split(words)
    chosen = spec.settings(own)
    run = spec.run_name(job_words)
    return _kubectl(chosen), run


def _selector(run: str) -> str:
    return f"{NAME_LABEL}=kiwame,{RUN_LABEL}={spec.label(run)}"


def _run_of(manifest: Mapping[str, Any]) -> str:
    return str(manifest["metadata"].get("labels", {}).get(RUN_LABEL, ""))


def _job(kubectl: Kubectl, run: str) -> Any:
    return kubectl.json("get", "job", job_name(run), "--ignore-not-found")


def _pods(kubectl: Kubectl, run: str) -> list[Any]:
    return list(kubectl.json("get", "pods", f"--selector={_selector(run)}")["items"])


def _known(kubectl: Kubectl, run: str) -> tuple[Any, list[Any]]:
    """The run's Job and pods; raises Refusal where it has no Job."""
    job = _job(kubectl, run)
    if job is None:
        raise Refusal(
            f"run {run} has no job here: it was not submitted, was deleted, or ended long ago; "
            f"what it made is on the volume {CLAIM}. `make k8s-status` lists the runs that have one"
        )
    return job, _pods(kubectl, run)


def _began(pod: Mapping[str, Any]) -> str:
    return str(pod.get("status", {}).get("startTime", ""))


COMMANDS = {"render": render, "submit": submit, "logs": logs, "status": status, "delete": delete}


def main(words: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Answer one command line; returns the exit code."""
    command = words[0] if words else "help"

    def work() -> int:
        if command not in COMMANDS:
            raise Refusal(f"expected one of: {', '.join(COMMANDS)}; then key=value words, k8s.key=value among them")
        own = [word for word in words[1:] if word not in ("dry=true", "dry=false")]
        with lines.mended(f"k8s-{command}", own):
            return COMMANDS[command](own, typed.dry(environment) or "dry=true" in words[1:])

    return ending(f"k8s-{command}", work)


if __name__ == "__main__":
    process.install_stop_handlers()
    sys.exit(main(sys.argv[1:]))
