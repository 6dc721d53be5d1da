"""From runpod.yaml to one pod: which GPUs may be asked for and at what price, never a second create unseen."""

from __future__ import annotations

import difflib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from jobs.core import compose, terminal
from jobs.core.errors import EnvironmentProblem, Refusal
from jobs.core.provenance import data_digest
from jobs.launch.inside.pod_job import COMMAND, PREFIX, PodJob
from jobs.launch.runpod import logs
from jobs.launch.runpod.api import ApiRefusal, NoAnswer, RunPod
from jobs.launch.runpod.journal import Journal
from jobs.launch.runpod.models import CreateGpu, CreateMount, CreatePod, GpuType, Pod, Volume
from jobs.launch.runpod.spec import PodFile

NEXT = (400, 403, 409)
"""Refusals of one GPU type, or of any: the API has no code of its own for `no capacity`."""
SETTLE = (0.0, 2.0, 3.0, 5.0, 10.0, 20.0, 40.0)
"""Seconds before each look for a pod whose create had no clear answer; it may be listed late."""
SEES = "see `make pod-status` and RunPod's console"

NOTHING_FITS = "no GPU type fits the limits"


@dataclass(frozen=True)
class Offer:
    """A GPU type that fits, with the whole pod's price."""

    gpu: GpuType
    usd_per_hour: float
    stock: str


def offers(spec: PodFile, catalog: Sequence[GpuType], data_center: str) -> list[Offer]:
    """What may be asked for, in order: as listed or by price, types that are out of stock last.

    Raises Refusal for an id that the catalog does not have, and where nothing fits, with each type's reason.
    """
    known = {gpu.id: gpu for gpu in catalog}
    unknown = [name for name in spec.gpu.id if name not in known]
    if unknown:
        raise Refusal(f"gpu.id: {_unknown(unknown[0], catalog)}")
    wanted = [known[name] for name in dict.fromkeys(spec.gpu.id)]
    if not wanted:
        nvidia = [gpu for gpu in catalog if gpu.manufacturer == "NVIDIA"]
        wanted = sorted(nvidia, key=lambda gpu: (usd_per_hour(spec, gpu), gpu.id))
    reasons = {gpu.id: _misfit(spec, gpu) for gpu in wanted}
    fitting = [Offer(gpu, usd_per_hour(spec, gpu), _stock(gpu, data_center)) for gpu in wanted if not reasons[gpu.id]]
    if not fitting:
        said = "; ".join(f"{name}: {reason}" for name, reason in list(reasons.items())[:8])
        raise Refusal(f"{NOTHING_FITS}: {said or 'the catalog has none'}")
    return sorted(fitting, key=lambda offer: offer.stock == "NONE")


def usd_per_hour(spec: PodFile, gpu: GpuType) -> float:
    """The catalog's price of the pod: of one GPU, times their number."""
    return (gpu.price.secure if spec.cloud == "SECURE" else gpu.price.community) * spec.gpu.count


def job_of(spec: PodFile, offer: Offer, job: str) -> PodJob:
    """What the pod is told."""
    limits = spec.limits
    return PodJob(
        id=job,
        asked=asked(spec),
        run=spec.job.run,
        stage=spec.job.stage,
        folder=spec.job.folder,
        words=tuple(spec.job.words),
        gpu=offer.gpu.id,
        usd_per_hour=round(offer.usd_per_hour, 4),
        max_hours=limits.max_hours,
        grace_minutes=limits.grace_minutes,
        boot_minutes=limits.boot_minutes,
        max_starts=limits.max_starts,
        log_seconds=limits.log_seconds,
    )


def asked(spec: PodFile) -> str:
    """`key:digest` of every value: two submissions with the same text want the same pod for the same work."""
    leaves = compose.flatten(spec.model_dump())
    return " ".join(f"{key}:{data_digest(value)[:8]}" for key, value in sorted(leaves.items()))


def differences(one: str, other: str) -> str:
    """The keys in which two of `asked()` differ."""
    keys = list(dict.fromkeys(part.rpartition(":")[0] for part in sorted({*one.split()} ^ {*other.split()})))
    return ", ".join(keys[:6]) + (" and more" if len(keys) > 6 else "")


def body_of(spec: PodFile, offer: Offer, volume: Volume, job: PodJob, values: Mapping[str, str]) -> CreatePod:
    """The create for one offer; `values` are those of the variables in job.secrets."""
    return CreatePod(
        name=spec.pod_name,
        image=spec.image,
        registry=spec.registry,
        args=COMMAND,
        cloud=spec.cloud,
        disk=spec.disk,
        ports=spec.ports,
        gpu=CreateGpu(id=offer.gpu.id, count=spec.gpu.count, minCudaVersion=spec.gpu.minCudaVersion),
        mounts={"network": [CreateMount(volumeId=spec.volume.volumeId, path=spec.volume.path)]},
        dataCenterIds=[volume.dataCenter],
        env={**spec.env, **values, **job.environment()},
    )


def of_run(pods: Sequence[Pod], name: str) -> list[Pod]:
    """Pods of this name that are there, the oldest first."""
    return sorted(
        (pod for pod in pods if pod.name == name and pod.status != "TERMINATED"), key=lambda pod: (pod.created, pod.id)
    )


def objection(spec: PodFile, pod: Pod) -> str | None:
    """Why a submission is refused while `pod` is the run's; None where it does the work that is asked for."""
    run = spec.job.run
    way_out = f"delete it first: make pod-delete ARGS=job.run={run} (the run itself is on the volume)"
    if pod.job is None:
        return (
            f"pod {pod.id} is called {pod.name} and was not made by a submission; take another job.run, "
            "or delete it in RunPod's console"
        )
    other = differences(pod.env.get(f"{PREFIX}ASKED", ""), asked(spec))
    if other:
        return f"run {run} has pod {pod.id} for other work ({other}); take another job.run, or {way_out}"
    return f"pod {pod.id} of run {run} is {pod.status}; {way_out}" if pod.status in ("EXITED", "ERROR") else None


def ended(api: RunPod, pod: Pod) -> int | None:
    """The exit code of its job, if that has ended though the pod runs: such a pod is on its way out."""
    return logs.ended(api, pod) if pod.job and pod.status == "RUNNING" else None


def outlook(api: RunPod, spec: PodFile, standing: Sequence[Pod]) -> str:
    """What a submission would do with the pods of its run; nothing is deleted."""
    codes = {pod.id: ended(api, pod) for pod in standing}
    over = [pod for pod in standing if codes[pod.id] is not None]
    said = [f"its job has ended ({codes[pod.id]}), so submit would delete pod {pod.id}" for pod in over]
    first = next((pod for pod in standing if codes[pod.id] is None), None)
    if first is None:
        return "; ".join([*said, "submit would make one"])
    no, most = objection(spec, first), spec.limits.max_usd_per_hour
    if no:
        return "; ".join([*said, f"submit would be refused: {no}"])
    if first.cost is not None and not first.cost <= most:
        dear = f"it costs {first.cost:.2f} USD/h, more than limits.max_usd_per_hour={most:.2f}"
        return "; ".join([*said, f"submit would delete pod {first.id} and be refused: {dear}"])
    return "; ".join([*said, f"submit would find pod {first.id} ({first.status}) and make none"])


class Submission:
    """One submission of one run."""

    def __init__(self, api: RunPod, spec: PodFile, values: Mapping[str, str], journal: Journal) -> None:
        self.api, self.spec, self.values, self.journal = api, spec, values, journal
        self.sleep: Callable[[float], None] = api.sleep
        self.job = secrets.token_hex(8)
        self.own = {self.job}
        """Jobs whose pods are this submission's, or those of one before it that saw no answer."""
        self.dropped: set[str] = set()
        """Pods that were deleted."""

    def place(self) -> Pod:
        """The one pod of the run: the one that is there, or a new one.

        At most one create without a clear answer is sent: after it, whether there is a pod is for a person to see.
        Raises Refusal where the run has a pod for other work, and EnvironmentProblem where none could be had.
        """
        with self.journal.held():
            pending = self.journal.pending()
            if pending is None:
                standing = of_run(self.api.pods(), self.spec.pod_name)
            else:
                terminal.say("an earlier submission of this run saw no answer; looking for its pod")
                self.own |= pending
                standing = self._searched()
            mine, adopted = {pod.id for pod in standing if pod.job in self.own}, None
            try:
                adopted = self._adopted(standing)
            finally:
                if mine and mine <= self.dropped | ({adopted.id} if adopted else set()):
                    self.journal.clear()
            return adopted or self._walk()

    def _adopted(self, standing: Sequence[Pod]) -> Pod | None:
        """The pod that does this work already; None where nothing stands in the way of a new one.

        Whatever is found out about it, later pods of our own are deleted first: nobody else knows whose they are.
        """
        pods = [pod for pod in standing if not self._over(pod)]
        if not pods:
            return None
        pod = pods[0]
        self._drop_extras(pod, [extra for extra in pods[1:] if extra.job in self.own])
        no = objection(self.spec, pod)
        if no:
            raise Refusal(no)
        self._require_affordable(pod)
        self._drop_extras(pod, [extra for extra in pods[1:] if extra.job not in self.own])
        terminal.say(f"found pod {pod.id} of this run ({pod.status}); nothing was made")
        return pod

    def _over(self, pod: Pod) -> bool:
        """Whether its job has ended, though it runs: then it is deleted."""
        code = ended(self.api, pod)
        if code is not None:
            self._drop(pod, f"its job has ended with exit code {code}")
        return code is not None

    def _walk(self) -> Pod:
        """Try the offers in order until one is placed."""
        spec = self.spec
        volume = self.api.volume(spec.volume.volumeId)
        catalog = self.api.gpus(spec.gpu.count, spec.cloud, spec.gpu.minCudaVersion)
        refused: list[tuple[str, str]] = []
        for offer in offers(spec, catalog, volume.dataCenter):
            terminal.say(f"asking for {told(spec, offer)}")
            try:
                pod = self._created(body_of(spec, offer, volume, job_of(spec, offer, self.job), self.values))
            except ApiRefusal as refusal:
                if refusal.status not in NEXT:
                    raise
                terminal.say(f"  not placed ({refusal.status}): {refusal.said}")
                refused.append((offer.gpu.id, refusal.said))
                continue
            self.journal.clear()
            self._require_affordable(pod)
            return self._the_only_one(pod)
        raise EnvironmentProblem(_none_placed(refused))

    def _created(self, body: CreatePod) -> Pod:
        """The pod, also where the answer is not clear and it is found; raises ApiRefusal for a clear no."""
        before = self.journal.pending()
        self.journal.write(self.own)
        try:
            pod = self.api.create(body)
            return pod if pod.name else pod.model_copy(update={"name": body.name})
        except NoAnswer as problem:
            terminal.say(f"  no clear answer ({problem}); looking for the pod, for it may have been made")
        except (Refusal, EnvironmentProblem):
            if before is None:
                self.journal.clear()
            raise
        found = self._searched()
        mine = [pod for pod in found if pod.job in self.own]
        if mine:
            return mine[0]
        others = f" (there is pod {found[0].id}, of another submission)" if found else ""
        raise EnvironmentProblem(
            f"whether RunPod made a pod for run {self.spec.job.run} is not known, and none of this submission is "
            f"listed{others}; {SEES}. The same command looks for it again, and asks for another only if there is none"
        )

    def _searched(self) -> list[Pod]:
        """Pods of the run: when one of ours is listed, or at the last look."""
        found: list[Pod] = []
        for seconds in SETTLE:
            if seconds:
                self.sleep(seconds)
            found = of_run(self.api.pods(), self.spec.pod_name)
            if any(pod.job in self.own for pod in found):
                break
        return found

    def _the_only_one(self, pod: Pod) -> Pod:
        """`pod`, if it is the run's first; otherwise it is deleted, and the first is judged."""
        try:
            others = self.api.pods()
        except (Refusal, EnvironmentProblem) as problem:
            terminal.say(f"whether pod {pod.id} is the only one of this run could not be seen ({problem}); {SEES}")
            return pod
        named = [other.model_copy(update={"name": pod.name}) if other.id == pod.id else other for other in others]
        standing = of_run(list({other.id: other for other in (pod, *named)}.values()), self.spec.pod_name)
        if not standing:
            raise EnvironmentProblem(
                f"pod {pod.id} was made for run {self.spec.job.run} and is over already, or is called otherwise; {SEES}"
            )
        if standing[0].id == pod.id:
            self._drop_extras(pod, standing[1:])
            return pod
        self._drop(pod, f"the run has pod {standing[0].id}, which was first")
        first = self._adopted([other for other in standing if other.id != pod.id])
        if first is None:
            raise EnvironmentProblem(f"the pods that run {self.spec.job.run} had are over; give the same command again")
        return first

    def _require_affordable(self, pod: Pod) -> None:
        """Raises Refusal where the pod costs more than the limit, after it was deleted."""
        most = self.spec.limits.max_usd_per_hour
        if pod.cost is None:
            terminal.say(f"RunPod does not say what pod {pod.id} costs; {SEES}")
        elif not pod.cost <= most:
            self._drop(pod, f"it costs {pod.cost:.2f} USD/h, more than the limit")
            kind = pod.gpu.id if pod.gpu else "the pod"
            raise Refusal(
                f"RunPod charges {pod.cost:.2f} USD/h for {kind}, more than its catalog says "
                f"and than limits.max_usd_per_hour={most:.2f}; the pod is deleted"
            )

    def _drop_extras(self, pod: Pod, extras: Sequence[Pod]) -> None:
        """Delete pods that our submissions made besides `pod`; of those of others it is told."""
        for extra in extras:
            if extra.job in self.own or extra.job == pod.job:
                try:
                    self._drop(extra, f"the run has pod {pod.id}")
                except EnvironmentProblem as problem:
                    terminal.say(str(problem))
            else:
                terminal.say(f"run {self.spec.job.run} has pod {extra.id} too, of another submission; {SEES}")

    def _drop(self, pod: Pod, why: str) -> None:
        """Raises EnvironmentProblem where it stays."""
        terminal.say(f"deleting pod {pod.id}: {why}")
        try:
            self.api.delete(pod.id)
        except (Refusal, EnvironmentProblem) as problem:
            run = self.spec.job.run
            raise EnvironmentProblem(
                f"pod {pod.id} could not be deleted and costs money ({problem}); run make pod-delete ARGS=job.run={run}"
            ) from None
        self.dropped.add(pod.id)


def told(spec: PodFile, offer: Offer) -> str:
    """An offer and its price in words."""
    most = offer.usd_per_hour * spec.limits.max_hours
    return (
        f"{spec.gpu.count} x {offer.gpu.id} ({offer.gpu.memory} GB, {spec.cloud}, stock {offer.stock}): "
        f"{offer.usd_per_hour:.2f} USD/h by the catalog, about {most:.2f} USD in {spec.limits.max_hours:g} h"
    )


def _misfit(spec: PodFile, gpu: GpuType) -> str | None:
    limits, secure = spec.limits, spec.cloud == "SECURE"
    price = usd_per_hour(spec, gpu)
    if not (gpu.secure if secure else gpu.community):
        return f"is not offered in cloud {spec.cloud}"
    if (gpu.maxCount.secure if secure else gpu.maxCount.community) < spec.gpu.count:
        return f"has no machine with {spec.gpu.count} of them"
    if gpu.memory < limits.min_gpu_memory:
        return f"has {gpu.memory} GB, limits.min_gpu_memory is {limits.min_gpu_memory}"
    if not price > 0:
        return "has no price in the catalog"
    if not price <= limits.max_usd_per_hour:
        return f"costs {price:.2f} USD/h, limits.max_usd_per_hour is {limits.max_usd_per_hour:.2f}"
    return None


def _stock(gpu: GpuType, data_center: str) -> str:
    """What is free in the volume's data center, which is where the pod has to be."""
    return next((place.availability for place in gpu.dataCenters if place.id == data_center), "NONE")


def _unknown(name: str, catalog: Sequence[GpuType]) -> str:
    by_word = {word: gpu.id for gpu in catalog for word in (gpu.name, gpu.id)}
    near = difflib.get_close_matches(name, list(by_word), n=1, cutoff=0.5)
    return f"RunPod's catalog has no {name!r}" + (f"; did you mean {by_word[near[0]]!r}?" if near else "")


def _none_placed(refused: Sequence[tuple[str, str]]) -> str:
    said = {words for _, words in refused}
    if len(refused) > 1 and len(said) == 1:
        return (
            f"no pod could be placed; all {len(refused)} GPU types were refused with the same words, so it is the "
            f"request, or nothing is free: {said.pop()}"
        )
    return "no pod could be placed: " + "; ".join(f"{gpu}: {words}" for gpu, words in refused)
