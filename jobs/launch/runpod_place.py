"""From runpod.yaml to one pod: which GPUs may be asked for and at what price, and a create that never makes two."""

from __future__ import annotations

import difflib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from jobs.core import terminal
from jobs.core.errors import EnvironmentProblem, Refusal
from jobs.core.provenance import data_digest
from jobs.launch.journal import Intent, Journal
from jobs.launch.pod_job import PREFIX, PodJob
from jobs.launch.runpod_api import ApiRefusal, NoAnswer, RunPod
from jobs.launch.runpod_models import CreateGpu, CreateMount, CreatePod, GpuType, Pod, Volume
from jobs.launch.runpod_spec import PodFile

NEXT = (400, 403, 409)
"""Refusals of one GPU type, or of any: the API has no code of its own for `no capacity`."""
SETTLE = (0.0, 2.0, 3.0, 5.0, 10.0, 20.0, 40.0)
"""Seconds before each look for a pod whose create had no clear answer; it may be listed late."""
CREATES = 3


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
        raise Refusal(f"no GPU type fits the limits: {said or 'the catalog has none'}")
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
    """Two submissions with the same digest want the same work."""
    return data_digest([spec.image, spec.volume.volumeId, spec.job.model_dump()])[:16]


def body_of(spec: PodFile, offer: Offer, volume: Volume, job: PodJob, values: Mapping[str, str]) -> CreatePod:
    """The create for one offer; `values` are those of the variables in job.secrets."""
    return CreatePod(
        name=spec.pod_name,
        image=spec.image,
        registry=spec.registry,
        args=spec.args,
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


class Submission:
    """One submission of one run."""

    def __init__(self, api: RunPod, spec: PodFile, values: Mapping[str, str], journal: Journal) -> None:
        self.api, self.spec, self.values, self.journal = api, spec, values, journal
        self.sleep: Callable[[float], None] = api.sleep
        self.job = secrets.token_hex(8)
        self.own = {self.job}
        """Jobs whose pods are this submission's, or those of one like it that was cut off."""
        self.unclear = False

    def place(self) -> Pod:
        """The one pod of the run: the one that is there, or a new one.

        Raises Refusal where the run has a pod for other work, and EnvironmentProblem where none could be had.
        """
        with self.journal.held():
            standing = self._standing()
            if standing:
                self.journal.clear()
                return self._adopted(standing)
            try:
                pod = self._walk()
            except (Refusal, EnvironmentProblem):
                if not self.unclear:
                    self.journal.clear()
                raise
            self.journal.clear()
            return pod

    def _standing(self) -> list[Pod]:
        """Pods of the run, also one that an earlier submission asked for without seeing the answer."""
        pending = self.journal.pending()
        if pending is None:
            return of_run(self.api.pods(), self.spec.pod_name)
        terminal.say("an earlier submission of this run was cut off; looking for its pod")
        if pending.asked == asked(self.spec):
            self.own.add(pending.job)
        return self._searched()

    def _adopted(self, standing: Sequence[Pod]) -> Pod:
        pod = standing[0]
        for extra in standing[1:]:
            if extra.job and extra.job == pod.job:
                self._drop(extra, f"the same submission has pod {pod.id}")
        run = self.spec.job.run
        way_out = f"delete it first: make pod-delete ARGS=job.run={run} (the run itself is on the volume)"
        if pod.env.get(f"{PREFIX}ASKED") != asked(self.spec):
            raise Refusal(f"run {run} has pod {pod.id} for other work; take another job.run, or {way_out}")
        if pod.status in ("EXITED", "ERROR"):
            raise Refusal(f"pod {pod.id} of run {run} is {pod.status}; {way_out}")
        terminal.say(f"found pod {pod.id} of this run ({pod.status}); nothing was made")
        return pod

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
            return self._the_only_one(pod)
        found = self._searched() if self.unclear else []
        if found:
            return self._the_only_one(found[0])
        raise EnvironmentProblem(_none_placed(refused))

    def _created(self, body: CreatePod) -> Pod:
        """Raises ApiRefusal for a clear no. After an answer that is not clear, the pod is looked for first."""
        self.journal.write(Intent(self.job, asked(self.spec)))
        for _ in range(CREATES):
            try:
                return self.api.create(body)
            except NoAnswer as problem:
                self.unclear = True
                terminal.say(f"  no clear answer ({problem}); looking for the pod before asking again")
            found = self._searched()
            if found:
                return found[0]
        raise EnvironmentProblem(
            f"{CREATES} creates had no clear answer and no pod of this run is listed; "
            "the same command looks for it again before it asks for another"
        )

    def _searched(self) -> list[Pod]:
        """Look for pods of the run until one is listed, or it is late enough to say that there is none."""
        for seconds in SETTLE:
            if seconds:
                self.sleep(seconds)
            found = of_run(self.api.pods(), self.spec.pod_name)
            if found:
                return found
        return []

    def _the_only_one(self, pod: Pod) -> Pod:
        """`pod`, after every other one of this submission was deleted; raises Refusal where it may not stay."""
        try:
            others = self.api.pods()
        except EnvironmentProblem as problem:
            terminal.say(f"whether pod {pod.id} is the only one of this run could not be seen: {problem}")
            return pod
        listed = {other.id: other for other in (pod, *others)}
        standing = of_run(list(listed.values()), self.spec.pod_name)
        first = standing[0]
        for extra in standing[1:]:
            if extra.job in self.own:
                self._drop(extra, f"the run has pod {first.id}")
        run, most = self.spec.job.run, self.spec.limits.max_usd_per_hour
        if first.job not in self.own:
            raise Refusal(f"another submission of run {run} made pod {first.id} first; this one is deleted")
        if first.cost > most:
            self._drop(first, "it costs more than the limit")
            kind = first.gpu.id if first.gpu else "the pod"
            raise Refusal(
                f"RunPod charges {first.cost:.2f} USD/h for {kind}, more than its catalog says "
                f"and than limits.max_usd_per_hour={most:.2f}"
            )
        return first

    def _drop(self, pod: Pod, why: str) -> None:
        terminal.say(f"deleting pod {pod.id}: {why}")
        self.api.delete(pod.id)


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
            f"all {len(refused)} GPU types were refused with the same words; that is rather the request than "
            f"missing capacity: {said.pop()}"
        )
    return "no pod could be placed: " + "; ".join(f"{gpu}: {words}" for gpu, words in refused)
