"""A job on a rented pod: `python -m jobs.launch.runpod.command submit|status|logs|stop|delete|reap key=value [-- ...]`.

Keys are runpod.yaml's; words after `--` are the job's own. RUNPOD_API_KEY is read from the environment. Nothing here
needs a GPU, and nothing is rented with `dry=true`.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from jobs.core import compose, pipeline, process, terminal
from jobs.core.endings import ending
from jobs.core.errors import EnvironmentProblem, Exit, MissingValue, Refusal
from jobs.core.words import key as word_key, whole
from jobs.launch import lines, places, typed
from jobs.launch.inside.pod_job import PREFIX
from jobs.launch.runpod import logs as runpod_logs, place as runpod_place, spec as runpod_spec
from jobs.launch.runpod.api import PATIENCE, Patience, RunPod, address_of, key_of
from jobs.launch.runpod.journal import Journal
from jobs.launch.runpod.models import Pod

FILE = Path("runpod.yaml")
JOURNAL = Path("runs/.pods")
CONFIG_PARTS = (*(group.name for group in compose.CONF.iterdir()), "waivers", "redo")


@dataclass(frozen=True)
class Desk:
    """What a command works with."""

    values: dict[str, Any]
    """runpod.yaml with the words set; not checked."""
    environment: Mapping[str, str]
    dry: bool
    patience: Patience
    sleep: Callable[[float], None]

    def api(self) -> RunPod:
        """A client that hides the values of job.secrets; raises Refusal where there is no key."""
        key, names = key_of(self.environment), part(self.values, "secrets")
        secrets = [self.environment.get(str(name), "") for name in (names if isinstance(names, list) else [])]
        return RunPod(key, address_of(self.environment), secrets, self.patience, self.sleep)


def submit(desk: Desk) -> int:
    """One pod for the run: the one that is there, or a new one. Its id goes to stdout."""
    spec = runpod_spec.checked(desk.values)
    missing = [name for name in spec.job.secrets if not desk.environment.get(name)]
    if missing:
        raise Refusal(f"job.secrets: {missing[0]} is not set in the environment")
    values = {name: desk.environment[name] for name in spec.job.secrets}
    check_words(spec)
    spec, told = large_enough(spec)
    try:
        return _submitted(desk, spec, values)
    except Refusal as refusal:
        if told and str(refusal).startswith(runpod_place.NOTHING_FITS):
            raise EnvironmentProblem(f"{told}; {refusal}") from None
        raise


def large_enough(spec: runpod_spec.PodFile) -> tuple[runpod_spec.PodFile, str]:
    """The same with GPUs that the run can fit, whatever its rows are; and what is said where these are larger ones."""
    known = places.least([f"run.name={spec.job.run}", *spec.job.words], (24, 48, 80))
    if known is None or known.gpu_gib <= spec.limits.min_gpu_memory:
        return spec, ""
    told = f"the run takes a GPU of {known.gpu_gib} GB at least"
    ways = [f"{gib} GB do with -- {' '.join(words)}" for gib, words in known.words.items() if words]
    told = "; ".join([told, *ways[:1]])
    terminal.say(f"{told}; limits.min_gpu_memory is taken as {known.gpu_gib}")
    limits = spec.limits.model_copy(update={"min_gpu_memory": known.gpu_gib})
    return spec.model_copy(update={"limits": limits}), told


def _submitted(desk: Desk, spec: runpod_spec.PodFile, values: Mapping[str, str]) -> int:
    api = desk.api()
    if "@sha256:" not in spec.image:
        terminal.say(f"image: {spec.image} is a tag, which may be another image tomorrow; name@sha256:... is not")
    if desk.dry:
        return dry(api, spec)
    pod = runpod_place.Submission(api, spec, values, Journal(JOURNAL, spec.pod_name)).place()
    where = f"{pod.gpu.count} x {pod.gpu.id}" if pod.gpu else "?"
    terminal.say(f"pod {pod.id} is {pod.status} on {where} in {pod.dataCenterId or 'a data center not named yet'}")
    terminal.say(f"  follow it: {lines.line('pod-logs', [f'job.run={spec.job.run}'])}")
    print(pod.id)
    return Exit.PASSED


def check_words(spec: runpod_spec.PodFile) -> None:
    """Refuse words that the job would refuse, before a GPU is paid for: files lie on the volume, which is not here."""
    job, root = spec.job, spec.volume.path.rstrip("/")
    composed = compose.compose([f"run.name={job.run}", f"run.folder={job.folder}", *job.words])
    stages = pipeline.up_to(pipeline.NAMES[-1] if job.stage == "all" else job.stage)
    values = {key: value for part in composed for key, value in compose.flatten(composed[part], part).items()}
    for stage in stages:
        for key, value in values.items():
            if value == "???" and key.startswith(f"{stage.name}."):
                word = f"{key}=[{root}/FILE.jsonl]" if key == "prepare.files" else f"{key}=VALUE"
                raise MissingValue(f"{key}: has no value, and {job.stage} needs it; add -- {key}=...", words=[word])

    def instead(key: str, name: str) -> tuple[str, list[str]]:
        word = places.with_file(values, key, name, f"{root}/{Path(name).name}")
        return f"is looked for in the pod, which has {root} and the image; copy it there and say {word}", [word]

    places.check(values, (root,), instead)
    files = [name for key, name in places.named(values) if key == "prepare.files" and name.startswith(root)]
    if files:
        terminal.say(f"on the volume, so not looked at from here: {', '.join(files)}; the pod does, before the model")


def dry(api: RunPod, spec: runpod_spec.PodFile) -> int:
    """The exact request on stdout and the price on stderr; nothing is made."""
    volume = api.volume(spec.volume.volumeId)
    found = runpod_place.offers(spec, api.gpus(spec.gpu.count, spec.cloud, spec.gpu.minCudaVersion), volume.dataCenter)
    standing = runpod_place.of_run(api.pods(), spec.pod_name)
    terminal.say(f"run {spec.job.run}: {runpod_place.outlook(api, spec, standing)}")
    job = runpod_place.job_of(spec, found[0], "0" * 16)
    hidden = {name: f"(the value of {name} here)" for name in spec.job.secrets}
    body = runpod_place.body_of(spec, found[0], volume, job, hidden).body()
    print(json.dumps({"method": "POST", "path": "/v2/pods", "body": body}, indent=2, ensure_ascii=False))
    for place, offer in enumerate(found):
        terminal.say(f"{'price' if place == 0 else '  then'}: {runpod_place.told(spec, offer)}")
    return Exit.PASSED


def status(desk: Desk) -> int:
    """A table of our pods, or of the run's."""
    api = desk.api()
    pods = ours(api.pods())
    if part(desk.values, "run") not in (None, "???"):
        name = runpod_spec.pod_name(runpod_spec.run_of(desk.values))
        pods = [pod for pod in pods if pod.name == name]
    rows = [
        (
            _called(pod),
            pod.id,
            pod.status,
            f"{pod.gpu.count} x {pod.gpu.id}" if pod.gpu else "",
            pod.dataCenterId or "",
            "?" if pod.cost is None else f"{pod.cost:.2f}",
            f"{max(0.0, (api.now() - pod.created).total_seconds()) / 3600:.1f}",
            f"{pod.number('MAX_HOURS'):g}",
        )
        for pod in pods
    ]
    if rows:
        headers = ("pod", "id", "status", "gpu", "data center", "USD/h", "hours", "of")
        terminal.table("pods of kiwame", headers, rows)
    else:
        terminal.say("no pods")
    return Exit.PASSED


def _called(pod: Pod) -> str:
    """Its name, and the run's where that is written otherwise."""
    run = pod.env.get(f"{PREFIX}RUN", "")
    return pod.name if pod.name == f"{runpod_spec.OURS}{run}" or not run else f"{pod.name} ({run})"


def logs(desk: Desk) -> int:
    """Follow the run's log; returns the job's exit code."""
    api = desk.api()
    pod = the_pod(api, desk)
    if desk.dry:
        terminal.say(f"pod {pod.id} is {pod.status}; its log would be followed")
        return Exit.PASSED
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a log holds what no terminal's encoding has
    try:
        code = runpod_logs.follow(api, pod, runpod_logs.shown)
    except BrokenPipeError:  # `pod-logs | head`: what is left to write, such as at the exit, goes nowhere
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.dup2(nowhere, sys.stderr.fileno())
        return Exit.INTERRUPTED
    if code is None:
        folder = f"{pod.env.get(f'{PREFIX}FOLDER', '')}/{pod.env.get(f'{PREFIX}RUN', '')}.jobs/{pod.job}"
        raise EnvironmentProblem(
            f"pod {pod.id} is gone or stopped, and its job's last line was not seen; what became of it is on the "
            f"volume: {folder}"
        )
    return code


def stop(desk: Desk) -> int:
    """Release the GPU: the job saves its state. To go on, delete the pod and submit again."""
    api = desk.api()
    pod = the_pod(api, desk)
    if not desk.dry:
        api.stop(pod.id)
    terminal.say(f"pod {pod.id}: {'would be stopped' if desk.dry else 'stopping'}; its container disk still costs")
    return Exit.PASSED


def delete(desk: Desk) -> int:
    """Delete every pod of the run; the volume stays."""
    api = desk.api()
    name = runpod_spec.pod_name(runpod_spec.run_of(desk.values))
    called = runpod_place.of_run(api.pods(), name)
    pods = ours(called)
    for pod in called:
        if pod not in pods:
            terminal.say(f"pod {pod.id} is called {name}, but no submission made it: delete it in RunPod's console")
    if not pods:
        terminal.say(f"no pod of a submission is called {name}")
    return each(pods, lambda pod: _delete(desk, api, pod, "is the run's"))


def reap(desk: Desk) -> int:
    """Delete pods that cost money for nothing: ended, over their time, or never started."""
    api = desk.api()

    def work(pod: Pod) -> None:
        why = useless(api, pod, api.now())
        if why and pod.locked:
            terminal.say(f"pod {pod.id} ({pod.name}) {why}, but it is locked: unlock it in the console")
        elif why:
            _delete(desk, api, pod, why)
        else:
            terminal.say(f"pod {pod.id} ({pod.name}) may be at work: kept")

    pods = ours(api.pods())
    code = each(pods, work)
    if not pods:
        terminal.say("no pods")
    return code


def _delete(desk: Desk, api: RunPod, pod: Pod, why: str) -> None:
    if not desk.dry:
        api.delete(pod.id)
    terminal.say(f"pod {pod.id} ({pod.name}) {why}: {'would be deleted' if desk.dry else 'deleted'}")


def each(pods: Sequence[Pod], work: Callable[[Pod], None]) -> int:
    """Do `work` with every pod, also after one where it failed: the others cost money too. The exit code of all."""
    failed = []
    for pod in pods:
        try:
            work(pod)
        except (Refusal, EnvironmentProblem) as problem:
            terminal.say(f"pod {pod.id} ({pod.name}): {problem}")
            failed.append(pod.id)
    if failed:
        raise EnvironmentProblem(f"left as they are: {', '.join(failed)}; they may cost money, so try again")
    return Exit.PASSED


def useless(api: RunPod, pod: Pod, now: datetime) -> str | None:
    """Why a pod may go; None where it may be at work."""
    if pod.status in ("EXITED", "ERROR"):
        return f"is {pod.status}"
    age = now - pod.created
    boot = timedelta(minutes=pod.number("BOOT_MINUTES"))
    if pod.status in ("PROVISIONING", "STARTING"):
        return f"is {pod.status} since {age.total_seconds() / 60:.0f} minutes" if age > boot else None
    most = boot + timedelta(hours=pod.number("MAX_HOURS"), minutes=pod.number("GRACE_MINUTES"))
    if age > most:
        return f"is {age.total_seconds() / 3600:.1f} hours old, the most is {most.total_seconds() / 3600:.1f}"
    code = runpod_logs.ended(api, pod)
    return None if code is None else f"runs, but its job ended with exit code {code}"


def ours(pods: Sequence[Pod]) -> list[Pod]:
    """Pods that a submission made, by name and by what they were told; the oldest first."""
    mine = (pod for pod in pods if pod.job and pod.name.startswith(runpod_spec.OURS))
    return sorted((pod for pod in mine if pod.status != "TERMINATED"), key=lambda pod: (pod.created, pod.id))


def the_pod(api: RunPod, desk: Desk) -> Pod:
    """The run's oldest pod, the others are told of; raises Refusal where it has none."""
    run = runpod_spec.run_of(desk.values)
    found = runpod_place.of_run(ours(api.pods()), runpod_spec.pod_name(run))
    if not found:
        raise Refusal(
            f"run {run} has no pod; one that ended deletes itself, and what became of its jobs is on the volume, "
            f"in {part(desk.values, 'folder')}/{run}.jobs"
        )
    for other in found[1:]:
        terminal.say(
            f"run {run} has pod {other.id} ({other.status}) too, which costs money; this is about {found[0].id}"
        )
    return found[0]


def part(values: Mapping[str, Any], name: str) -> Any:
    """What the file has as job.<name>, unchecked; None where it has no such thing."""
    job = values.get("job")
    return job.get(name) if isinstance(job, dict) else None


COMMANDS = {"submit": submit, "status": status, "logs": logs, "stop": stop, "delete": delete, "reap": reap}


def _values(own: Sequence[str], jobs: Sequence[str]) -> dict[str, Any]:
    """runpod.yaml with the words set."""
    values = runpod_spec.load(FILE, own)
    for word in jobs:
        if word.startswith("run.name="):
            run = f"job.run={word.partition('=')[2]}"
            raise Refusal(f"run.name: is set from job.run; say {run}", words=[run], without=[word])
    try:
        values["job"]["words"] = [*values["job"]["words"], *jobs]
    except (KeyError, TypeError):
        raise Refusal(f"{FILE}: job.words: expected a list") from None
    return values


def _mended(
    command: str, own: Sequence[str], jobs: Sequence[str], problem: Refusal | EnvironmentProblem
) -> Refusal | EnvironmentProblem:
    """The same, with the whole line that would be answered otherwise where that is known."""
    if not (problem.words or problem.without):
        return problem
    kept = lines.without([*own, *jobs], problem)
    if not problem.words:  # what is no key of a pod's may be one of the config
        kept += [word for word in problem.without if word in own and word_key(word).split(".")[0] in CONFIG_PARTS]
    is_own = [re.split(r"[.=]", word)[0] in typed.POD_KEYS for word in kept]
    pod = [word for word, yes in zip(kept, is_own, strict=True) if yes]
    job = [word for word, yes in zip(kept, is_own, strict=True) if not yes] if command == "submit" else []
    line = lines.line(f"pod-{command}", [*pod, *(["--", *job] if job else [])])
    return type(problem)(f"{problem}\n-> {line}")


def main(
    words: Sequence[str],
    environment: Mapping[str, str] = os.environ,
    patience: Patience = PATIENCE,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Answer one command line; returns the exit code."""
    command = words[0] if words else "help"

    def work() -> int:
        if command not in COMMANDS:
            raise Refusal(f"expected one of: {', '.join(COMMANDS)}; then key=value of runpod.yaml, then -- and words")
        rest = list(words[1:])
        own, jobs = (rest[: rest.index("--")], rest[rest.index("--") + 1 :]) if "--" in rest else (rest, [])
        is_dry = "dry=true" in own or typed.dry(environment)
        own = [word for word in own if word not in ("dry=true", "dry=false")]
        try:
            return COMMANDS[command](Desk(_values(own, whole(jobs)), environment, is_dry, patience, sleep))
        except (Refusal, EnvironmentProblem) as problem:
            raise _mended(command, own, whole(jobs), problem) from None

    return ending(f"pod-{command}", work)


if __name__ == "__main__":
    process.install_stop_handlers()
    sys.exit(main(sys.argv[1:]))
