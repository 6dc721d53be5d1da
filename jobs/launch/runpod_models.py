"""What we send to RunPod's REST API v2 and what we read of its answers. Fields that we do not use are not kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from jobs.core.model import StrictModel
from jobs.launch.pod_job import PREFIX


class Answer(BaseModel):
    """Of an answer: what is unknown is dropped, for the service may add fields; what is wrong is never quoted."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class CreateGpu(StrictModel):
    """`gpu` of a create: one type; `count` is always sent."""

    id: str
    count: int
    minCudaVersion: str | None


class CreateMount(StrictModel):
    """An entry of `mounts.network`."""

    volumeId: str
    path: str


class CreatePod(StrictModel):
    """The body of `POST /v2/pods`."""

    name: str
    image: str
    registry: str | None
    args: str
    cloud: Literal["SECURE", "COMMUNITY"]
    disk: int
    ports: list[str]
    gpu: CreateGpu
    mounts: dict[Literal["network"], list[CreateMount]]
    dataCenterIds: list[str]
    env: dict[str, str] = Field(repr=False)

    def body(self) -> dict[str, Any]:
        """As sent; what is not stated is left out, for v2 refuses some nulls."""
        return self.model_dump(exclude_none=True)


class GpuOfPod(Answer):
    """`gpu` of a pod."""

    id: str
    count: int = 1


class Pod(Answer):
    """A pod, as far as we look at it. Of its environment only what describes the job is kept: the rest is not ours."""

    id: str = Field(min_length=1)
    name: str
    status: str
    env: dict[str, str] = {}
    gpu: GpuOfPod | None = None
    cost: float = 0.0
    dataCenterId: str | None = None
    locked: bool = False
    createdAt: datetime

    @field_validator("env", mode="before")
    @classmethod
    def _only_the_job(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: text for name, text in value.items() if str(name).startswith(PREFIX)}

    @property
    def created(self) -> datetime:
        """`createdAt`, in UTC where it names no zone."""
        return self.createdAt if self.createdAt.tzinfo else self.createdAt.replace(tzinfo=UTC)

    @property
    def job(self) -> str | None:
        """The id of the job it was made for; None for a pod that is not of a submission."""
        return self.env.get(f"{PREFIX}ID")


class Page(Answer):
    """Where a list goes on. Not in every version of the specification."""

    nextCursor: str | None = None


class PodList(Answer):
    """`GET /v2/pods`."""

    pods: list[Pod]
    pagination: Page | None = None


class Price(Answer):
    """USD per hour of a single GPU."""

    secure: float
    community: float


class MostOf(Answer):
    """GPUs on the largest machine of a type."""

    secure: int
    community: int


class DataCenterStock(Answer):
    """How much of a type is free in one data center."""

    id: str
    availability: str


class GpuType(Answer):
    """An entry of the catalog."""

    id: str
    name: str
    manufacturer: str
    memory: int
    secure: bool
    community: bool
    price: Price
    maxCount: MostOf
    availability: str | None = None
    dataCenters: list[DataCenterStock] = []


class GpuTypes(Answer):
    """`GET /v2/catalog/gpus`."""

    gpus: list[GpuType]


class Volume(Answer):
    """A network volume."""

    id: str
    name: str
    size: int
    dataCenter: str


class Problem(Answer):
    """How the API says no."""

    title: str = ""
    detail: str = ""
    errors: list[str] = []
