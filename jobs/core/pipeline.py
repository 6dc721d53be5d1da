"""The order of the stages: the only place where it is written."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """One word, the same in five places: module, checks, config group, make target, test."""

    name: str
    title: str
    """What it does, as `make help` says it."""
    needs: tuple[str, ...] = ()
    """Must exist and have passed."""
    takes: tuple[str, ...] = ()
    """Needed too where the stage's config says so (`StageConfig.takes`)."""
    reads: tuple[str, ...] = ()
    """Used when present, whatever the verdict; an optional one where the config says so."""
    gpu: bool = False
    """Runs on a GPU where there is one."""
    resumes: bool = False
    """Goes on from what an interrupted attempt left in its partial folder."""
    optional: bool = False
    """Off unless chosen. A stage that is off leaves no artifact, and what follows reads what came before it."""
    follows: bool = False
    """Made again whenever what it reads has changed: it costs seconds and only retells records."""

    def needed(self, taken: Collection[str]) -> tuple[str, ...]:
        """Those that must have passed, where its config takes these."""
        return (*self.needs, *(name for name in self.takes if name in taken))

    def read(self, taken: Collection[str]) -> tuple[str, ...]:
        """Those that it reads when they are there, where its config takes these."""
        return tuple(name for name in self.reads if name in taken or not stage(name).optional)

    def stands_on(self, taken: Collection[str]) -> tuple[str, ...]:
        """All of them."""
        return (*self.needed(taken), *self.read(taken))


CHAIN = (
    # First what takes seconds and is a person's own: a column that is misspelt is told before a model is downloaded.
    Stage("prepare", "clean, deduplicate and split the conversations"),
    Stage("fetch", "the base model and tokenizer at a pinned revision, every file hashed; offline from here on"),
    Stage(
        "synth",
        "more rows to train on, made by a model from those there are, each through the same checks",
        needs=("prepare",),
        takes=("fetch",),
        gpu=True,
        optional=True,
    ),
    Stage(
        "preflight",
        "tokenize and mask every row once, and look: nothing is trained on that was not judged here",
        needs=("fetch", "prepare"),
        takes=("synth",),
    ),
    Stage("train", "LoRA fine-tune on exactly those tokens", needs=("fetch", "preflight"), gpu=True, resumes=True),
    Stage(
        "smoke",
        "generate with base and adapter in Hugging Face, on held-out rows",
        needs=("fetch", "preflight", "train"),
        gpu=True,
    ),
    Stage(
        "merge",
        "fold the adapter into the base weights, tensor by tensor, and prove it",
        needs=("fetch", "preflight", "train", "smoke"),
    ),
    Stage("convert", "F32 and F16 GGUF with the pinned llama.cpp", needs=("preflight", "merge")),
    Stage("quantize", "the GGUFs that ship, from F32", needs=("preflight", "convert")),
    Stage(
        "verify",
        "every artifact against the fp32 reference: tokens, logits, what survived of the fine-tune, text",
        needs=("fetch", "preflight", "train", "smoke", "merge", "convert", "quantize"),
        gpu=True,
    ),
    Stage(
        "judge",
        "is the GGUF better than the base: pairs in both orders, by a judge that was qualified first",
        needs=("fetch", "prepare", "preflight", "smoke", "quantize", "verify"),
        takes=("synth",),
        gpu=True,
        optional=True,
    ),
)
PIPELINE: tuple[Stage, ...] = (
    *CHAIN,
    Stage(
        "report",
        "report.html, model card, Modelfile, SHA256SUMS and the certificate",
        reads=tuple(stage.name for stage in CHAIN),
        follows=True,
    ),
)
NAMES = tuple(stage.name for stage in PIPELINE)
USUAL = tuple(stage.name for stage in PIPELINE if not stage.optional)
"""What is made where nothing else is chosen."""
Takes = Callable[[str], Collection[str]]
"""Stage to what it takes by its config: see `StageConfig.takes`."""


def stage(name: str) -> Stage:
    """The stage called `name`; raises KeyError."""
    return {stage.name: stage for stage in PIPELINE}[name]


def up_to(name: str, takes: Takes | None = None) -> tuple[Stage, ...]:
    """`name` and everything it stands on, in order. A stage that only reads stands on the whole chain.

    Without `takes`, on everything that it can stand on.
    """
    wanted = {name}
    for candidate in reversed(PIPELINE):
        if candidate.name in wanted:
            taken = NAMES if takes is None else takes(candidate.name)
            wanted.update(candidate.stands_on(taken))
    return tuple(stage for stage in PIPELINE if stage.name in wanted)
