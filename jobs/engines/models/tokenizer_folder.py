"""Folders with a tokenizer and its chat template: made from a model's, or loaded for a look before there is one.

Nothing here loads a library before a tokenizer is loaded: which template was chosen is asked at every start.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.core.artifact import Artifact
from jobs.core.config import CONF
from jobs.core.errors import Refusal
from jobs.core.run_dir import RunDir
from jobs.engines.models.folder_files import TEMPLATE, TOKENIZER, library_errors, own_files, take

if TYPE_CHECKING:
    from jobs.engines.models.templates import Bounds
    from jobs.engines.models.tokenizer import ChatTokenizer

MODELS_OWN = "model"
"""As `chat.template`: the template that the model brings."""
NEEDED = ("tokenizer.json", "tokenizer_config.json")


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
    """Copy the tokenizer's files and the chosen template; raises Refusal where a file is missing."""
    missing = [name for name in NEEDED if f"model/{name}" not in fetch.record.files]
    if missing:
        raise Refusal(f"{fetch.root}/model: has no {' and no '.join(missing)}; a tokenizer needs {', '.join(NEEDED)}")
    into.mkdir()
    for name in TOKENIZER:
        if name != TEMPLATE and f"model/{name}" in fetch.record.files:
            shutil.copyfile(fetch.file(f"model/{name}"), into / name)
    shutil.copyfile(template, into / TEMPLATE)


def same(folder: Path, template: Path) -> bool:
    """Whether the folder's template has the bytes of the one that was chosen."""
    return (folder / TEMPLATE).read_bytes() == template.read_bytes()


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
