"""Weights in a model folder that no loader of safetensors reads: named, never taken."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from jobs.core.errors import Refusal
from jobs.engines.models.folder_files import INDEX, SINGLE
from jobs.engines.models.other_forms import FROM, OTHER, fnmatches, of_a_runtime
from jobs.engines.models.shards import SAVE, named_by

PYTORCH = ("*.bin", "*.pt", "*.pth", "*.ckpt")
NO_WEIGHTS = ("training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state*.pth", "scaler.pt")
"""What a trainer leaves beside weights."""


def require_some(names: Collection[str], where: str) -> None:
    """Raises Refusal for a folder with none of the files that loaders read, by what it has in their place."""
    if INDEX in names or SINGLE in names:
        return
    others = sorted(name for name in names if fnmatches(name, OTHER) and not fnmatches(name, NO_WEIGHTS))
    safetensors = sorted(name for name in names if name.endswith(".safetensors"))
    if "adapter_model.safetensors" in safetensors:
        way = "that is an adapter without its base; take a whole model"
    elif safetensors:
        way = f"loaders read {SINGLE}, or what {INDEX} names; {SAVE}"
    elif any(fnmatches(name, PYTORCH) and not of_a_runtime([name]) for name in others):
        way = (
            "only safetensors are read, which run no code; convert them once with "
            "AutoModelForCausalLM.from_pretrained(FOLDER).save_pretrained(NEW_FOLDER)"
        )
    elif said := of_a_runtime(others):
        way = f"{said}; {FROM}"
    else:
        way = f"only safetensors are read; {SAVE}"
    has = ", ".join([*safetensors, *others][:3])
    raise Refusal(f"{where}: has {has + ' and ' if has else ''}neither {SINGLE} nor {INDEX}: {way}")


def left(folder: Path, names: Sequence[str], where: str) -> list[str]:
    """The files with weights that are not taken; raises Refusal where none are. `names` are those that might be."""
    beside = [path.name for path in folder.iterdir() if fnmatches(path.name, OTHER) and not path.name.startswith(".")]
    if not {INDEX, SINGLE} & set(names):
        inner = sorted({path.parent.name for name in (INDEX, SINGLE) for path in folder.glob(f"*/{name}")})
        if inner:
            raise Refusal(
                f"{where}: has no weights, and its folder {inner[-1]} has: say "
                f"fetch.source.folder={folder / inner[-1]}, where config.json and the tokenizer must stand too"
            )
        beside += [f"{path.parent.name}/{path.name}" for path in sorted(folder.glob("onnx/*.onnx"))]
    require_some([*names, *beside], where)
    read = [SINGLE, *(named_by(folder / INDEX, where) if INDEX in names else [])]
    unread = [name for name in names if name.endswith(".safetensors") and name not in read]
    return sorted([*unread, *(name for name in beside if not fnmatches(name, NO_WEIGHTS))])
