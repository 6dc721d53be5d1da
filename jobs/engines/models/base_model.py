"""A base model's folder: got from a hub, a folder or a recipe; then looked at."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer

from jobs.core.errors import Refusal
from jobs.core.kept import once
from jobs.core.provenance import ROOT
from jobs.core.room import cache_folder
from jobs.core.terminal import progress
from jobs.engines.models import base_weights, hub_model, model_config, other_forms, other_weights, template_places
from jobs.engines.models.folder_files import (
    CODE_KEY,
    JSON,
    TEMPLATE,
    left_out,
    library_errors,
    own_files,
    read_json,
    take,
)
from jobs.logic.pages import amounts

Origin = dict[str, Any]
"""What cannot be seen in the folder that was made; names are those of FetchFacts and its `form`."""
MOST_LABELS = 1000
NEAR_EOS = "a post-trained Qwen3 has 151645, <|im_end|>"
CONTROL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>")


def require_qwen3(folder: Path, where: str) -> None:
    """Raises Refusal for a folder without config.json, with that of another model, or with an adapter in it."""
    if (folder / "adapter_config.json").exists():
        raise Refusal(f"{where}: has an adapter_config.json, and loaders would apply that adapter; merge it first")
    if not (folder / "config.json").exists():
        raise other_forms.not_a_model(folder, where)
    model_config.require_dense_text(read_json(folder / "config.json", where), where)


def from_hub(model_id: str, revision: str, into: Path, cache: Path | None) -> Origin:
    """A hub model; see `hub_model.download` for what is raised."""
    where = f"model.id={model_id}"

    def looked_at(folder: Path) -> None:
        own_files(folder, where)
        require_qwen3(folder, where)
        said = model_config.quantization(read_json(folder / "config.json", where))
        if said:
            raise Refusal(
                f"{where}: config.json says {said}: {base_weights.WAY_OUT}{other_forms.made_from(model_id)}; where its "
                "weights are 16-bit after all, download the folder, take that out of config.json, and use fetch=local"
            )

    folder, additional = hub_model.download(model_id, revision, cache, looked_at)
    return _placed(folder, into, where, folder.name, additional)


def _licence_of_card(folder: Path) -> str:
    """What README.md's front matter says; `unknown` where there is none that can be read."""
    from huggingface_hub import ModelCard
    from yaml import YAMLError

    try:
        said = ModelCard.load(folder / "README.md").data.to_dict().get("license")
    except (FileNotFoundError, ValueError, TypeError, AttributeError, RecursionError, YAMLError):
        return "unknown"
    names = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    return ", ".join(name for name in names if isinstance(name, str)) or "unknown"


def from_folder(folder: Path, into: Path) -> Origin:
    """A local model folder; raises Refusal where it is not one, or holds what is not its own."""
    if not folder.is_dir():
        raise other_forms.not_a_model(folder, f"fetch.source.folder={folder}")
    own_files(folder, str(folder))  # before anything is opened: reading a pipe does not end
    require_qwen3(folder, str(folder))
    additional = [path.name for path in sorted((folder / template_places.ADDITIONAL).glob("*.jinja"))]
    return _placed(folder, into, str(folder), None, additional)


def _placed(folder: Path, into: Path, where: str, commit: str | None, additional: list[str]) -> Origin:
    """Put the folder's own files into another, its chat template as a file; `additional` templates are only named."""
    files = own_files(folder, where)
    weights_left = other_weights.left(folder, [file.name for file in files], where)
    config = read_json(folder / "config.json", where)
    code_named_in = take([file for file in files if file.name not in weights_left], into, where)
    template = template_places.settle(into, additional, where)
    return {
        "commit": commit,
        "licence": _licence_of_card(into),
        "code_named_in": code_named_in,
        "form": {
            "template": template.source,
            "templates_differ": template.differing,
            "templates_left": template.left,
            "weights_left": weights_left,
            "keys_left": [f"{key}={str(config[key])[:40]}" for key in left_out(config) if key != CODE_KEY],
        },
    }


def from_recipe(recipe: dict[str, Any], world: Path, into: Path) -> Origin:
    """The demo model, built once per recipe and kept in the cache; the same recipe gives the same bytes."""
    from jobs.engines.demo import model as demo_model
    from jobs.engines.gguf import llama_tools

    source = llama_tools.tree().src
    if not world.is_file():
        raise Refusal(f"fetch.source.world={world}: there is no such file")
    text = json.dumps(recipe, sort_keys=True) + f"{torch.__version__} {torch.get_num_threads()}"
    digest = hashlib.sha256(text.encode())
    jobs = ROOT / "jobs"
    for path in (world, *sorted(jobs.glob("engines/demo/*.py")), *sorted(jobs.glob("logic/demo/*.py"))):
        digest.update(path.read_bytes())
    kept = cache_folder() / "demo" / digest.hexdigest()[:16]

    def build(folder: Path) -> None:
        with progress("fetch: building the demo model", int(recipe["steps"])) as bar:
            demo_model.build(
                demo_model.DemoRecipe(**recipe),
                world,
                source,
                folder,
                lambda done, total, loss: bar(done, f"loss {amounts.loss(loss)}"),
            )

    once(kept, build)
    return _placed(kept, into, str(kept), None, []) | {"licence": "apache-2.0"}


def inspect(folder: Path, where: str | None = None) -> dict[str, Any]:
    """Facts of the folder; names are those of FetchFacts, and Refusals call it `where`.

    Raises Refusal where it is not a whole model that can be trained, merged and converted.
    """
    where = where or folder.name
    configs = {path.name: read_json(path, where) for path in sorted(folder.glob("*.json")) if path.name in JSON}
    raw, generation = configs["config.json"], configs.get("generation_config.json", {})
    _require_tokenizer(folder, where)
    weights = base_weights.opened(folder, raw, where)
    _require_few(raw, len(weights.entries), where)
    for name in ("vocab_size", "max_position_embeddings"):
        if name in raw and not _is_count(raw[name]):
            raise Refusal(
                f"{where}: config.json has no number {name} above 0, but {raw[name]!r}; take config.json from the "
                "model's own repository"
            )
    eos_config = _stop_ids(raw, f"{where}: config.json")
    eos_generation = _stop_ids(generation, f"{where}: generation_config.json")
    config = model_config.read(folder, where)
    model_config.require_one_rope(raw, config, where)
    model_config.require_same_in_llama_cpp(config, where)
    base_weights.require_whole(weights, config, where)
    tokenizer = _tokenizer(folder, where)
    ids = {text: _token_id(tokenizer, text) for text in CONTROL_TOKENS}
    facts, head_bytes = base_weights.inspect(weights, config, len(tokenizer), ids["<|im_end|>"], where)
    return {
        "model_type": config.model_type,
        "sizes": _sizes(config),
        "length": config.max_position_embeddings,
        "config_rows": config.vocab_size,
        "tokenizer_length": len(tokenizer),
        "token_ids": ids,
        "bos_id": tokenizer.bos_token_id,
        "pad_id": tokenizer.pad_token_id,
        "eos_config": eos_config,
        "eos_generation": eos_generation,
        "eos_tokenizer": tokenizer.eos_token_id,
        "has_template": (folder / TEMPLATE).is_file() and bool((folder / TEMPLATE).read_bytes().strip()),
        "kind": "base" if eos_config == [ids["<|endoftext|>"]] else "post-trained",
        "tied": bool(config.tie_word_embeddings),
        **facts,
        "form": {
            "tokens_added": _tokens_added(tokenizer),
            "head_bytes": head_bytes,
            "rope": model_config.rope_said(config),
            "says_theta": model_config.says_theta(raw),
            "says_dtype": raw.get("dtype") or raw.get("torch_dtype"),
            "unknown_keys": model_config.unknown_keys(raw),
        },
    }


def _sizes(config: Any) -> dict[str, int | float | None]:
    """What tells one Qwen3 from another, of the library's config; names are those of `Sizes`."""
    names = ("hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "intermediate_size")
    theta = (config.rope_parameters or {}).get("rope_theta")
    found = {name: int(getattr(config, name)) for name in (*names, "vocab_size")}
    return {**found, "rope_theta": None if theta is None else float(theta)}


def _require_tokenizer(folder: Path, where: str) -> None:
    if not any((folder / name).exists() for name in ("tokenizer.json", "vocab.json")):
        raise Refusal(f"{where}: has no tokenizer; looked for tokenizer.json, vocab.json, tokenizer_config.json")
    missing = [name for name in ("tokenizer.json", "tokenizer_config.json") if not (folder / name).exists()]
    if missing:
        raise Refusal(
            f"{where}: its tokenizer has no {missing[0]}; write it once with "
            "AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)"
        )


def _require_few(config: dict[str, Any], num_tensors: int, where: str) -> None:
    """Raises Refusal where config.json has transformers make more than it will ever be done with.

    Every load of a config makes a name for each layer and each label, that of a tokenizer too.
    """
    layers, labels = config.get("num_hidden_layers"), config.get("num_labels", 0)
    if layers is None or not _is_count(layers) or layers > num_tensors:
        raise Refusal(
            f"{where}: config.json asks for {layers!r} layers, and there are {num_tensors} tensors; take config.json "
            "from the repository that the weights are from"
        )
    if not isinstance(labels, int) or labels > MOST_LABELS:
        raise Refusal(
            f"{where}: config.json asks for {labels!r} labels, the most is {MOST_LABELS}; a chat model has none"
        )


def _tokenizer(folder: Path, where: str) -> Any:
    with library_errors(f"{where}: its tokenizer cannot be read from tokenizer.json and tokenizer_config.json"):
        return AutoTokenizer.from_pretrained(str(folder), local_files_only=True)


def _token_id(tokenizer: Any, text: str) -> int | None:
    """The id of `text` as one token; None where it is several, or unknown to the tokenizer."""
    with library_errors("the tokenizer cannot encode a control token"):
        ids = tokenizer.encode(text, add_special_tokens=False)
    return int(ids[0]) if len(ids) == 1 and tokenizer.convert_ids_to_tokens(ids[0]) == text else None


def _tokens_added(tokenizer: Any) -> list[str]:
    """The tokens that a tokenizer puts around texts by itself: what its post-processor adds to none, and to one."""
    found: list[str] = []
    with library_errors("the tokenizer cannot encode a text"):
        for text in ("", "a b"):
            plain, whole = (tokenizer.encode(text, add_special_tokens=flag) for flag in (False, True))
            more = Counter(whole) - Counter(plain)
            found += [str(token) for token in tokenizer.convert_ids_to_tokens(list(more.elements()))]
    return list(dict.fromkeys(found))


def _stop_ids(config: dict[str, Any], where: str) -> list[int]:
    """`eos_token_id` as a list; raises Refusal where it is no id and no list of ids."""
    value = config.get("eos_token_id")
    ids = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in ids):
        raise Refusal(f"{where} has eos_token_id {str(value)[:80]}, expected an id or a list of ids; {NEAR_EOS}")
    return list(ids)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
