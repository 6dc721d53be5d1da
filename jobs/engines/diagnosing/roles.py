"""Which folder of weights is the base and which the tuned model, told by all that was given together."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from jobs.logic.diagnosing import kinds
from jobs.logic.diagnosing.evidence import Taken

AS_SAID = "as you say"
ASK = "say base:FOLDER or merged:FOLDER where it is the other"


def settled(taken: Sequence[Taken]) -> Iterator[Taken]:
    """The same lines, folders of weights and their tokenizers by what they are of."""
    folders = [one for one in taken if one.kind in (kinds.BASE, kinds.MERGED) and one.why != AS_SAID]
    said = {one.path: one.kind for one in taken if one.kind in (kinds.BASE, kinds.MERGED) and one.why == AS_SAID}
    named = _named_bases(taken)
    told: dict[str, tuple[str, str]] = {}
    for one in folders:
        told[one.path] = _by_name(Path(one.path), named)
    decided = [kind for kind, _ in told.values() if kind] + list(said.values())
    for path, (kind, _) in list(told.items()):
        if not kind and kinds.MERGED in decided and kinds.BASE not in decided and len(told) + len(said) == 2:
            told[path] = (kinds.BASE, f"the other folder is a tuned model; {ASK}")
        elif not kind:
            told[path] = (kinds.MERGED, f"nothing says that it is the base; {ASK}")
    for one in taken:
        role = told.get(one.path)
        if role and one.kind in (kinds.BASE, kinds.MERGED):
            yield replace(one, kind=role[0], why=f"{one.why}; {role[1]}")
        elif one.kind == kinds.TOKENIZER and (role or ("", ""))[0] == kinds.BASE:
            yield replace(one, kind=kinds.BASE_TOKENIZER)
        else:
            yield one


def _by_name(folder: Path, named: Sequence[str]) -> tuple[str, str]:
    """The kind of a folder of weights and why, by its name and what adapters call their base; empty: cannot say."""
    name = folder.name.lower()
    for base in named:
        if base and (Path(base).name.lower() == name or str(folder) == base or base.lower().replace("/", "--") in name):
            return kinds.BASE, f"the adapter's base_model_name_or_path is {base}"
    parts = [part.lower() for part in folder.parts[-3:]]
    if any("merge" in part for part in parts):
        return kinds.MERGED, "its name says merged"
    if "fetch" in parts or "base" in name.replace("_", "-").split("-"):
        return kinds.BASE, "its name says that it is the base"
    return "", ""


def _named_bases(taken: Sequence[Taken]) -> list[str]:
    """What adapters say that their base is called."""
    found = []
    for one in taken:
        if one.kind != kinds.ADAPTER:
            continue
        path = Path(one.path)
        config = path / "adapter_config.json" if path.is_dir() else path
        try:
            with config.open("rb") as file:
                data = json.loads(file.read(1 << 20))
        except (OSError, ValueError, RecursionError):
            continue  # its own reader says what is wrong with it
        name = data.get("base_model_name_or_path") if isinstance(data, dict) else None
        found += [name] if isinstance(name, str) else []
    return found
