"""What we send to RunPod's REST API v2 and what we read of its answers. Fields that we do not use are not kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from jobs.core.model import StrictModel
from jobs.launch.inside.pod_job import PREFIX

LATEST = datetime.max.replace(tzinfo=UTC)
"""Of a pod whose age is not told: it is never too old."""


class Answer(BaseModel):
    """Of an answer: what is unknown is dropped, for the service may add fields; what is wrong is never quoted."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class Lenient(Answer):
    """Of an answer with pods or GPU types of others too: an odd value of a field with a default counts as not given."""

    @field_validator("*", mode="wrap")
    @classmethod
    def _or_the_default(cls, value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        field = cls.model_fields[str(info.field_name)]
        try:
            return handler(value)
        except ValidationError:
            if field.is_required():
                raise
            return field.get_default(call_default_factory=True)


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


class GpuOfPod(Lenient):
    """`gpu` of a pod."""

    id: str
    count: int = 1


class Pod(Lenient):
    """A pod, as far as we look at it. Of its environment only what describes the job is kept: the rest is not ours."""

    id: str = Field(min_length=1)
    name: str = ""
    status: str = "?"
    env: dict[str, str] = {}
    gpu: GpuOfPod | None = None
    cost: float | None = None
    """USD per hour; 0 while it is stopped."""
    dataCenterId: str | None = None
    locked: bool = False
    createdAt: datetime = LATEST

    @field_validator("env", mode="before")
    @classmethod
    def _only_the_job(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: text for name, text in value.items() if name.startswith(PREFIX) and isinstance(text, str)}

    @property
    def created(self) -> datetime:
        """`createdAt`, in UTC where it names no zone."""
        return self.createdAt if self.createdAt.tzinfo else self.createdAt.replace(tzinfo=UTC)

    @property
    def job(self) -> str | None:
        """The id of the job it was made for; None for a pod that is not of a submission."""
        return self.env.get(f"{PREFIX}ID")

    def number(self, name: str) -> float:
        """A limit it was made with; a year where it was changed into something that is no number."""
        try:
            return float(self.env[PREFIX + name])
        except (KeyError, ValueError):
            return 24.0 * 365


class Page(Answer):
    """Where a list goes on. Not in every version of the specification."""

    nextCursor: str | None = None


class PodList(Answer):
    """`GET /v2/pods`."""

    pods: list[Pod]
    pagination: Page | None = None


class Price(Lenient):
    """USD per hour of a single GPU."""

    secure: float = 0.0
    community: float = 0.0


class MostOf(Lenient):
    """GPUs on the largest machine of a type."""

    secure: int = 0
    community: int = 0


class DataCenterStock(Answer):
    """How much of a type is free in one data center."""

    id: str
    availability: str


class GpuType(Lenient):
    """An entry of the catalog."""

    id: str
    name: str = ""
    manufacturer: str = ""
    memory: int = 0
    secure: bool = False
    community: bool = False
    price: Price = Price()
    maxCount: MostOf = MostOf()
    dataCenters: list[DataCenterStock] = []


class GpuTypes(Answer):
    """`GET /v2/catalog/gpus`."""

    gpus: list[GpuType]


class Volume(Answer):
    """A network volume."""

    id: str
    dataCenter: str


class Problem(Lenient):
    """How the API says no."""

    title: str = ""
    detail: str = ""
    errors: list[str] = []
