"""Folders with a tokenizer and its chat template: made from a model's, or loaded for a look before there is one.

Nothing here loads a library before a tokenizer is loaded: which template was chosen is asked at every start.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.core.artifact import Artifact
from jobs.core.config import CONF
from jobs.core.errors import Refusal
from jobs.core.run_dir import RunDir
from jobs.engines.models import template_places
from jobs.engines.models.folder_files import TEMPLATE, TOKENIZER, library_errors, own_files, read_json, take
from jobs.logic.chat.chatml import IM_END

if TYPE_CHECKING:
    from jobs.engines.models.templates import Bounds
    from jobs.engines.models.tokenizer import ChatTokenizer

MODELS_OWN = "model"
"""As `chat.template`: the template that the model brings."""
NEEDED = ("tokenizer.json", "tokenizer_config.json")
SPECIAL = "special_tokens_map.json"


def own_template(chosen: str) -> Path:
    """The template that `chat.template` names by path; raises Refusal where there is no such file."""
    path = CONF.parent / chosen
    if not path.is_file():
        raise Refusal(f"chat.template={chosen}: there is no such file; say `model` for the model's own")
    return path


def template_file(chosen: str, fetch: Artifact) -> Path:
    """The chosen chat template; raises Refusal where it is not there."""
    if chosen != MODELS_OWN:
        return own_template(chosen)
    if f"model/{TEMPLATE}" not in fetch.record.files:
        raise Refusal(f"{fetch.root}: the model has no {TEMPLATE}; choose a template of ours, for example chat=plain")
    return fetch.file(f"model/{TEMPLATE}")


def copy(fetch: Artifact, template: Path, into: Path) -> None:
    """Copy the tokenizer's files and the chosen template; raises Refusal where a file is missing.

    The template stands in one file, and nowhere else. The end of a turn is the stop token in every file that names one,
    padding is said as it is read, and no token is added to texts: transformers and llama.cpp's converter take what is
    not said, or said twice, from different places.
    """
    missing = [name for name in NEEDED if f"model/{name}" not in fetch.record.files]
    if missing:
        raise Refusal(f"{fetch.root}/model: has no {' and no '.join(missing)}; a tokenizer needs {', '.join(NEEDED)}")
    into.mkdir()
    for name in TOKENIZER:
        if name not in (TEMPLATE, template_places.LEGACY) and f"model/{name}" in fetch.record.files:
            shutil.copyfile(fetch.file(f"model/{name}"), into / name)
    text = template_places.read_text(template, str(template))
    (into / TEMPLATE).write_text(text, encoding="utf-8", newline="")
    _change(into / template_places.SETTINGS, _settled(into, str(fetch.root)))
    if (into / SPECIAL).exists():
        _change(into / SPECIAL, read_json(into / SPECIAL, str(fetch.root)) | {"eos_token": IM_END})


def _settled(folder: Path, where: str) -> dict[str, Any]:
    """tokenizer_config.json without a template and with what libraries would otherwise look for elsewhere."""
    found = read_json(folder / template_places.SETTINGS, where)
    found.pop(template_places.KEY, None)
    found |= {"eos_token": IM_END} | {key: False for key in ("add_bos_token", "add_eos_token") if found.get(key)}
    if found.get("pad_token") is None:
        pad = _loaded(folder, where).pad_token
        found |= {"pad_token": pad} if pad is not None else {}
    return found


def _loaded(folder: Path, where: str) -> Any:
    from transformers import AutoTokenizer

    with library_errors(f"{where}: its tokenizer cannot be loaded"):
        return AutoTokenizer.from_pretrained(str(folder), local_files_only=True)


def _change(path: Path, data: dict[str, Any]) -> None:
    """Write a JSON file anew where it says something else."""
    if json.loads(path.read_text(encoding="utf-8")) != data:
        path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def inspect(folder: Path) -> dict[str, Any]:
    """Where a tokenizer's folder holds a template, and the stop token of each file that names one."""
    names = (template_places.SETTINGS, template_places.LEGACY, SPECIAL)
    configs = {name: read_json(folder / name, folder.name) for name in names if (folder / name).exists()}
    stops = {name: configs[name].get("eos_token") for name in (template_places.SETTINGS, SPECIAL) if name in configs}
    return {
        "templates": template_places.places(folder, configs),
        "stops": {name: stop.get("content") if isinstance(stop, dict) else stop for name, stop in stops.items()},
    }


def same(folder: Path, template: Path) -> bool:
    """Whether the folder's template is the one that was chosen, as the libraries read it."""
    text = template_places.read_text(template, str(template))
    return (folder / TEMPLATE).read_bytes() == text.encode()


def load(folder: Path, chosen: str, template: Path, bounds: Bounds) -> ChatTokenizer:
    """The tokenizer of a folder that `copy` made; `template` is where its template came from."""
    from jobs.engines.models.tokenizer import ChatTokenizer

    return ChatTokenizer(folder, bounds, template_name=_name(chosen, str(template)))


def previewed(source: Mapping[str, Any], model_id: str, run_dir: RunDir) -> Path | str:
    """The folder that a preview takes its tokenizer from, or the id of a hub's model; `source` is `fetch.source`.

    Raises Refusal where there is neither.
    """
    fetched = run_dir.artifact("fetch")
    if source["kind"] == "local":
        folder = Path(source["folder"])
        if not folder.is_dir():
            raise Refusal(f"fetch.source.folder={folder}: is not a folder")
        return folder
    if fetched is not None and fetched.record.key.config["id"] == model_id:
        return fetched.file("model/tokenizer.json").parent
    if source["kind"] != "hub":
        raise Refusal(f"{run_dir.root / 'fetch'}: is missing; run `make fetch` first")
    return model_id


def look_at(where: Path | str, revision: str, chosen: str, bounds: Bounds) -> ChatTokenizer:
    """The tokenizer of a model's folder, or of a hub model by its id, with the chosen template.

    Raises Refusal where there is none to be had.
    """
    from jobs.engines.models.tokenizer import ChatTokenizer

    own = None if chosen == MODELS_OWN else _text(own_template(chosen), chosen)
    source = where if isinstance(where, Path) else _downloaded(where, revision)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "tokenizer"
        take(own_files(source, str(where), TOKENIZER), folder, str(where))
        if own is None:
            template_places.settle(folder, [], str(where))
        if not (folder / "tokenizer.json").exists() and not (folder / "vocab.json").exists():
            raise Refusal(f"{where}: no tokenizer could be loaded; expected {', '.join(NEEDED)}")
        if own is None and not (folder / TEMPLATE).exists():
            raise Refusal(f"{where}: has no chat template; choose one of ours, for example chat=plain")
        return ChatTokenizer(folder, bounds, own, _name(chosen, f"{where}/{TEMPLATE}"))


def _downloaded(model_id: str, revision: str) -> Path:
    """The hub's cache with the tokenizer's files in it."""
    from huggingface_hub import snapshot_download

    with library_errors(f"model.id={model_id}: no tokenizer could be loaded"):
        return Path(snapshot_download(model_id, revision=revision, allow_patterns=list(TOKENIZER)))


def _name(chosen: str, path: str) -> str:
    """What a person finds the template by."""
    return path if chosen == MODELS_OWN else f"chat.template={chosen}"


def _text(path: Path, chosen: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Refusal(f"chat.template={chosen}: is not UTF-8 ({error.reason} at byte {error.start})") from None
