"""A PEFT adapter from elsewhere: taken as it is, after everything that can be told from its files was held to the base.

PEFT itself loads what does not fit with a warning or without a word: factors of layers that the base does not have are
left out, modules that the file lacks stay as they began, and a folder with both forms of weights gives one of them.
"""

from __future__ import annotations

import re
from pathlib import Path

from jobs.core.errors import Refusal
from jobs.engines.models import adapter as adapters, shards
from jobs.engines.models.adapter_files import CONFIG, WEIGHTS, digests
from jobs.engines.models.folder_files import library_errors, own_files, take
from jobs.logic.training import base_names, lora_settings, targets

MODULE = re.compile(r"model\.layers\.(?P<layer>\d+)\.(self_attn\.[qkvo]_proj|mlp\.(?:gate|up|down)_proj)")
"""The linear layers of a Qwen3 block."""


def adopt(folder: Path, base: Path, base_id: str, into: Path) -> None:
    """Put the adapter's two files into `into`; raises Refusal, naming the folder, for what cannot be merged."""
    where = f"train.adapter={folder}"
    digests(folder)
    with library_errors(f"{where}: {WEIGHTS} cannot be read"):
        adapter = adapters.load(folder)
    named = str(adapter.config.get("base_model_name_or_path") or "")
    if base_names.another_size(named, base_id):
        raise Refusal(
            f"{where}: was trained on {named}, by its {CONFIG}; the base of this run is {base_id}. Set model= to the "
            "model it was trained on"
        )
    _require_fit(adapter, base, where)
    _require_whole(folder, adapter, base, where)
    take(own_files(folder, where, (CONFIG, WEIGHTS)), into, where)


def _require_fit(adapter: adapters.Adapter, base: Path, where: str) -> None:
    """Raises Refusal for a module that the base does not have, or factors that are not of its shape and rank."""
    entries = shards.Folder(base).entries
    num_layers = 1 + max(int(match["layer"]) for name in entries if (match := re.match(MODULE, name)))
    for module in adapter.modules:
        match = MODULE.fullmatch(module)
        if match is None:
            raise Refusal(
                f"{where}: adapts {module}; only the seven linear layers of a block can be merged here (an embedding "
                "or a head may be one matrix, or saved whole): train again without it in target_modules"
            )
        if f"{module}.weight" not in entries:
            raise Refusal(
                f"{where}: adapts layer {match['layer']}, the base has layers 0 to {num_layers - 1}; it was trained on "
                "another model: set model= to that one"
            )
        (rank, width), (height, inner) = adapter.shapes(module)
        shape, asked = tuple(entries[f"{module}.weight"].shape), lora_settings.rank(adapter.config, module)
        if (height, width) != shape:
            raise Refusal(
                f"{where}: its update of {module} is {[height, width]}, the base's weight is {list(shape)}; it was "
                "trained on another model: set model= to that one"
            )
        if rank != asked or inner != asked:
            raise Refusal(
                f"{where}: {module} has factors of rank {rank} and {inner}, its {CONFIG} says {asked}; the two files "
                "do not belong together"
            )


def _require_whole(folder: Path, adapter: adapters.Adapter, base: Path, where: str) -> None:
    """Raises Refusal where the modules of the file are not those that the settings choose of the base."""
    chosen, found = chosen_modules(folder, base), set(adapter.modules)
    if not found:
        raise Refusal(f"{where}: {WEIGHTS} has no factors")
    if chosen - found:
        missing = sorted(chosen - found)
        raise Refusal(
            f"{where}: its settings choose {len(chosen)} modules of the base, of which {len(missing)} have no factors "
            f"in {WEIGHTS}, such as {missing[0]}; the adapter is not whole: save it again"
        )
    if found - chosen:
        extra = sorted(found - chosen)
        raise Refusal(
            f"{where}: {WEIGHTS} has factors for {len(extra)} modules that its settings do not choose, such as "
            f"{extra[0]}, so that PEFT leaves them out; correct target_modules, exclude_modules or layers_to_transform"
        )


def chosen_modules(folder: Path, base: Path) -> set[str]:
    """The base's linear layers that an adapter's settings choose, by PEFT's own reading of them."""
    from peft import LoraConfig
    from peft.tuners.tuners_utils import check_target_module_exists
    from peft.utils.constants import INCLUDE_LINEAR_LAYERS_SHORTHAND

    with library_errors(f"{folder / CONFIG}: PEFT cannot read it"):
        config = LoraConfig.from_pretrained(str(folder))
        if isinstance(config.target_modules, str) and config.target_modules.lower() == INCLUDE_LINEAR_LAYERS_SHORTHAND:
            config.target_modules = set(targets.LINEAR_LAYERS)
        if not config.target_modules:
            raise Refusal(f"{folder / CONFIG}: target_modules: is empty; name the modules that were trained")
        names = [name.removesuffix(".weight") for name in shards.Folder(base).entries if name.endswith("_proj.weight")]
        return {name for name in names if check_target_module_exists(config, name)}
