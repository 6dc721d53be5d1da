"""Get the base model and its tokenizer at a pinned revision, hash every file, and look at it. Offline from here on.

Reads a hub (`fetch=hub`), a folder (`fetch=local`) or a recipe (`fetch=demo`); makes `model/` and `model.json`.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from jobs.checks import base_sizes
from jobs.checks.base_sizes import UNNAMED
from jobs.checks.fetch import GATE, FetchFacts, FetchLimits
from jobs.checks.fetch_form import FolderForm
from jobs.core.artifact import Inputs
from jobs.core.errors import Refusal
from jobs.core.model import StageConfig, StrictModel
from jobs.core.provenance import ROOT, data_digest, file_digest
from jobs.core.stage import stage_main


class HubSource(StrictModel):
    kind: Literal["hub"]
    cache: str | None
    """The hub's cache folder; null: where its library keeps it."""


class LocalSource(StrictModel):
    kind: Literal["local"]
    folder: str


class Recipe(StrictModel):
    """What the demo model is built from; see `jobs.engines.demo.model.DemoRecipe`."""

    seed: int
    hidden_size: int = Field(multiple_of=256)
    intermediate_size: int = Field(multiple_of=256)
    num_layers: int = Field(ge=1)
    num_heads: int = Field(ge=1)
    num_kv_heads: int = Field(ge=1)
    max_positions: int = Field(ge=256)
    init_std: float = Field(gt=0)
    steps: int = Field(ge=1)
    rows_per_step: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    warmup_steps: int = Field(ge=0)
    weight_decay: float = Field(ge=0)
    max_grad_norm: float = Field(gt=0)
    prompt_weight: float = Field(ge=0)
    unseen_share: float = Field(ge=0, lt=1)
    talk_share: float = Field(ge=0, lt=1)


class DemoSource(StrictModel):
    kind: Literal["demo"]
    world: str
    """What the model reads about, below the project's folder."""
    recipe: Recipe


class FetchConfig(StageConfig):
    id: str = Field(min_length=1)
    revision: str = Field(min_length=1)
    length: Annotated[int, Field(ge=1)] | Literal["auto"]
    """Tokens that the model is said to attend to; auto: what its config.json says."""
    source: Annotated[HubSource | LocalSource | DemoSource, Field(discriminator="kind")]
    limits: FetchLimits

    @model_validator(mode="after")
    def _has_a_name(self) -> FetchConfig:
        if self.source.kind != "local" and self.id == UNNAMED:
            raise ValueError(f"model.id={UNNAMED} is for fetch=local; choose a model, as in model=qwen3_0_6b")
        return self


def make(cfg: FetchConfig, inputs: Inputs, out: Path) -> None:
    """Put the model's files into `model/`, and where they came from into `model.json`."""
    from jobs.engines.models import base_model

    match cfg.source:
        case HubSource(cache=cache):
            origin = base_model.from_hub(cfg.id, cfg.revision, out / "model", Path(cache) if cache else None)
        case LocalSource(folder=folder):
            origin = base_model.from_folder(Path(folder), out / "model")
        case DemoSource(world=world, recipe=recipe):
            origin = base_model.from_recipe(recipe.model_dump(), ROOT / world, out / "model")
    text = {"source": cfg.source.kind, **named(cfg), **origin}
    (out / "model.json").write_text(json.dumps(text, indent=1, sort_keys=True) + "\n")


def named(cfg: FetchConfig) -> dict[str, str | bool]:
    """How the model is called; a folder has its own name where it is given none, and no revision."""
    match cfg.source:
        case LocalSource(folder=folder):
            is_named = cfg.id != UNNAMED
            return {"id": cfg.id if is_named else Path(folder).resolve().name, "revision": "none", "is_named": is_named}
        case _:
            return {"id": cfg.id, "revision": cfg.revision, "is_named": True}


def measure(cfg: FetchConfig, inputs: Inputs, out: Path) -> FetchFacts:
    """Facts of the folder as it is on disk."""
    from jobs.engines.models import base_model

    origin = json.loads((out / "model.json").read_text())
    found = base_model.inspect(out / "model", called(cfg))
    form = FolderForm(**origin.pop("form"), **found.pop("form"))
    files = [path for path in (out / "model").iterdir() if path.is_file()]
    weights = weights_digest(files)
    if not origin["is_named"]:
        origin["id"] = base_sizes.called(origin["id"], weights)
    return FetchFacts(
        **origin,
        weights=weights,
        asked_length=None if cfg.length == "auto" else cfg.length,
        num_files=len(files),
        num_bytes=sum(path.stat().st_size for path in files),
        **found,
        form=form,
    )


def weights_digest(files: Sequence[Path]) -> str:
    """SHA-256 of the one safetensors file among these, or of what sha256sum prints of them in order."""
    found = sorted(path for path in files if path.suffix == ".safetensors")
    digests = [file_digest(path) for path in found]
    if len(digests) == 1:
        return digests[0]
    lines = [f"{digest}  {path.name}\n" for digest, path in zip(digests, found, strict=True)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def called(cfg: FetchConfig) -> str:
    """What a person knows the model's folder by."""
    match cfg.source:
        case HubSource():
            return f"model.id={cfg.id}"
        case LocalSource(folder=folder):
            return folder
        case DemoSource():
            return "the demo model"


def run(cfg: FetchConfig, inputs: Inputs, out: Path) -> FetchFacts:
    make(cfg, inputs, out)
    return measure(cfg, inputs, out)


def outside(cfg: FetchConfig) -> dict[str, str]:
    """A local folder by its files' names, sizes and times; the demo by what it reads about."""
    match cfg.source:
        case LocalSource(folder=folder):
            if not Path(folder).is_dir():
                from jobs.engines.models import other_forms

                raise other_forms.not_a_model(Path(folder), f"fetch.source.folder={folder}")
            files = [path for path in sorted(Path(folder).iterdir()) if path.is_file()]
            stats = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
            return {folder: data_digest(stats)}
        case DemoSource(world=world):
            if not (ROOT / world).is_file():
                raise Refusal(f"fetch.source.world={world}: there is no such file")
            return {world: file_digest(ROOT / world)}
        case _:
            return {}


def look(cfg: FetchConfig) -> list[str]:
    """Where the model comes from; raises Refusal for a folder that is not there."""
    match cfg.source:
        case HubSource():
            return [f"{cfg.id} at {cfg.revision}, from the hub"]
        case _:
            return list(outside(cfg))


main = stage_main("fetch", FetchConfig, run, GATE, outside, look)

if __name__ == "__main__":
    sys.exit(main())
