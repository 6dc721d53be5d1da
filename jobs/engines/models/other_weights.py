"""Weights in a model folder that no loader of safetensors reads: named, never taken."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from jobs.core.errors import Refusal
from jobs.engines.models.folder_files import INDEX, SINGLE
from jobs.engines.models.shards import SAVE, named_by

OTHER = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.gguf", "*.h5", "*.msgpack")
"""Weights in other forms, of which only the names are looked at."""
PYTORCH = ("*.bin", "*.pt", "*.pth", "*.ckpt")
NO_WEIGHTS = ("training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state*.pth", "scaler.pt")
"""What a trainer leaves beside weights."""


def fnmatches(name: str, patterns: Sequence[str]) -> bool:
    """Whether a file's name has one of the forms."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


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
    elif any(fnmatches(name, PYTORCH) for name in others):
        way = (
            "only safetensors are read, which run no code; convert them once with "
            "AutoModelForCausalLM.from_pretrained(FOLDER).save_pretrained(NEW_FOLDER)"
        )
    elif any(name.endswith(".gguf") for name in others):
        way = "a GGUF is what is made at the end; take the folder of safetensors that it was made from"
    else:
        way = f"only safetensors are read; {SAVE}"
    has = ", ".join([*safetensors, *others][:3])
    raise Refusal(f"{where}: has {has + ' and ' if has else ''}neither {SINGLE} nor {INDEX}: {way}")


def left(folder: Path, names: Sequence[str], where: str) -> list[str]:
    """The files with weights that are not taken; raises Refusal where none are. `names` are those that might be."""
    beside = [path.name for path in folder.iterdir() if fnmatches(path.name, OTHER) and not path.name.startswith(".")]
    require_some([*names, *beside], where)
    read = [SINGLE, *(named_by(folder / INDEX, where) if INDEX in names else [])]
    unread = [name for name in names if name.endswith(".safetensors") and name not in read]
    return sorted([*unread, *(name for name in beside if not fnmatches(name, NO_WEIGHTS))])
