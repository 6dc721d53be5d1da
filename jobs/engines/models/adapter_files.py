"""The two files of a PEFT adapter's folder, by name and digest; nothing heavy is loaded."""

from __future__ import annotations

from pathlib import Path

from jobs.core.errors import Refusal
from jobs.core.provenance import file_digest
from jobs.engines.models.folder_files import own_files

CONFIG, WEIGHTS, PICKLE = "adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of the adapter's two files; raises Refusal where the folder does not have them."""
    where = f"train.adapter={folder}"
    if not folder.is_dir():
        raise Refusal(f"{where}: is not a folder; expected one with {CONFIG} and {WEIGHTS}")
    found = {file.name: file.path for file in own_files(folder, where, (CONFIG, WEIGHTS))}
    if CONFIG not in found or WEIGHTS not in found:
        raise Refusal(f"{where}: {_lacking(folder, found)}")
    return {name: file_digest(path) for name, path in found.items()}


def _lacking(folder: Path, found: dict[str, Path]) -> str:
    """What is not there, and what is there instead."""
    inner = sorted(path.parent.name for path in folder.glob(f"*/{CONFIG}"))
    if CONFIG not in found and inner:
        return f"has no {CONFIG}; its folders {', '.join(inner[-3:])} have one: name one of them"
    if CONFIG not in found and (folder / "config.json").is_file():
        return f"has no {CONFIG}: it is a whole model, no adapter; start from it with fetch=local"
    if CONFIG not in found:
        return f"has no {CONFIG}; a PEFT adapter's folder has one beside {WEIGHTS}"
    if (folder / PICKLE).is_file():
        return (
            f"has its weights in {PICKLE}, a pickle, which runs code where it is opened; write {WEIGHTS} where you "
            "trust it: PeftModel.from_pretrained(base, folder).save_pretrained(other_folder)"
        )
    return f"has no {WEIGHTS}"
