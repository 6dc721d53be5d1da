"""Names of RunPod's older interfaces (REST v1, GraphQL) and fields of v2 that a job has no use for."""

from __future__ import annotations

from jobs.launch.inside.pod_job import COMMAND

RENAMED = {
    "imageName": "image",
    "containerDiskInGb": "disk",
    "cloudType": "cloud, SECURE or COMMUNITY; there is no ALL any more",
    "gpuTypeId": "gpu.id",
    "gpuTypeIds": "gpu.id",
    "gpuCount": "gpu.count",
    "gpuTypePriority": "the order of gpu.id",
    "minCudaVersion": "gpu.minCudaVersion",
    "networkVolumeId": "mounts.network[0].volumeId",
    "volumeMountPath": "mounts.network[0].path",
    "containerRegistryAuthId": "registry",
}
NOT_HERE = {
    "args": f"is always `{COMMAND}`: it runs the job within its limits and ends the pod",
    "dockerArgs": f"is always `{COMMAND}`: it runs the job within its limits and ends the pod",
    "dockerStartCmd": f"is always `{COMMAND}`: it runs the job within its limits and ends the pod",
    "name": "is made from job.run, so that the pod of a run can be found again",
    "cpu": "is not for this job: it needs a GPU",
    "computeType": "is gone in v2: a pod with `gpu` is a GPU pod",
    "dataCenterIds": "is read from the volume: the pod has to be in its data center",
    "dataCenterId": "is read from the volume: the pod has to be in its data center",
    "dataCenterPriority": "is gone in v2; the data center is the volume's",
    "countryCode": "is gone in v2; the data center is the volume's",
    "countryCodes": "is gone in v2; the data center is the volume's",
    "persistent": "dies with the pod, and the pod deletes itself: give a network volume (mounts.network)",
    "volumeInGb": "asked for storage that dies with the pod: give a network volume (mounts.network)",
    "allowedCudaVersions": "is not used here: give gpu.minCudaVersion",
    "interruptible": "is gone: v2 has no spot pods",
    "bidPerGpu": "is gone: v2 has no spot pods",
    "dockerEntrypoint": "is gone in v2: the image's entrypoint gets `args`",
    "templateId": "is not used here: this file says everything the pod is made of",
    "startSsh": "is not used here: the image runs no SSH server",
    "startJupyter": "is not used here: the image runs no Jupyter",
    "globalNetworking": "is not used here: a job needs no network of pods",
    "supportPublicIp": "is gone in v2",
    "locked": "cannot be set when a pod is made",
    "vcpuCount": "is not for this job: the GPU type decides",
    "minVcpuCount": "is gone in v2: the GPU type decides",
    "minVCPUPerGPU": "is gone in v2: the GPU type decides",
    "minMemoryInGb": "is gone in v2: the GPU type decides",
    "minRAMPerGPU": "is gone in v2: the GPU type decides",
}
EXPECTED = {
    "ports": "a list such as [8888/http]; only GraphQL took one string",
    "env": "NAME: value pairs, all text; only GraphQL took a list",
    "gpu.id": "a list, tried in order, of the ids in RunPod's catalog",
    "cloud": "SECURE or COMMUNITY; ALL is gone in v2",
}


def hint(key: str) -> str | None:
    """Why the last part of a dotted key is no key here, and what is; None for a name that never was one."""
    name = key.rpartition(".")[2]
    if name in RENAMED:
        return f"{key}: is a name of RunPod's older interfaces; here it is {RENAMED[name]}"
    if name in NOT_HERE:
        return f"{key}: {NOT_HERE[name]}"
    return None
