"""A base model's folder: got from a hub, a folder or a recipe; then looked at."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from jobs.core.errors import EnvironmentProblem, Refusal
from jobs.core.provenance import ROOT
from jobs.core.room import cache_folder, require_space
from jobs.core.terminal import progress
from jobs.engines.models import shards
from jobs.engines.models.folder_files import JSON, WANTED, library_errors, own_files, read_json, take
from jobs.logic.pages import amounts

Origin = dict[str, str | list[str] | None]
"""`commit`, None where there is none; `licence`; `code_named_in`, the files that named Python files to run."""
MOST_LABELS = 1000
CONTROL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>")


def require_qwen3(folder: Path, where: str) -> None:
    """Raises Refusal for a folder without config.json, with another model type, or with an adapter in it."""
    if (folder / "adapter_config.json").exists():
        raise Refusal(f"{where}: has an adapter_config.json, and loaders would apply that adapter; merge it first")
    if not (folder / "config.json").exists():
        raise Refusal(f"{where}: there is no config.json; expected a Hugging Face model folder")
    config = read_json(folder / "config.json", where)
    if config.get("model_type") != "qwen3":
        raise Refusal(
            f"{where}: model_type is {config.get('model_type')!r}; only 'qwen3' is known, so pick a Qwen3 model"
        )


def from_hub(model_id: str, revision: str, into: Path, cache: Path | None) -> Origin:
    """Download a revision's files, or take them from the cache when offline.

    The revision is resolved once; weights are downloaded only after config.json has named a Qwen3. Raises Refusal for
    an id or revision that does not exist, EnvironmentProblem without a network and a cached copy.
    """
    import httpx
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    where = f"model.id={model_id}"
    download = partial(snapshot_download, model_id, cache_dir=cache, ignore_patterns=["*/*"])
    try:
        small = Path(download(revision=revision, allow_patterns=["*config.json"]))
        if small.is_dir():  # a repository without such files has no folder
            own_files(small, where)
        require_qwen3(small, where)
        _require_room_for(download, small.name, cache)
        folder = Path(download(revision=small.name, allow_patterns=list(WANTED)))
    except HFValidationError as error:
        raise Refusal(f"{where}: is no repository's name ({error}); expected owner/name") from None
    except GatedRepoError:
        raise Refusal(f"{where}: is gated; accept its terms on the hub and set HF_TOKEN in the environment") from None
    except RepositoryNotFoundError:
        raise Refusal(f"{where}: no such repository, or HF_TOKEN may not read it; check the spelling") from None
    except RevisionNotFoundError:
        raise Refusal(f"model.revision={revision}: {model_id} has no such branch, tag or commit") from None
    except (LocalEntryNotFoundError, httpx.TransportError, ConnectionError):
        raise EnvironmentProblem(
            f"{where}: the hub cannot be reached and no whole copy is cached; connect once, or use fetch=local"
        ) from None
    except HfHubHTTPError as error:
        raise EnvironmentProblem(f"{where}: the hub answered {error}; try again later") from None
    return _placed(folder, into, where, folder.name)


def _require_room_for(download: partial[Any], commit: str, cache: Path | None) -> None:
    """Raises EnvironmentProblem where the hub's cache has no room for what is not in it yet."""
    import httpx
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    if constants.HF_HUB_OFFLINE:
        return
    try:
        planned = download(revision=commit, allow_patterns=list(WANTED), dry_run=True)
    except (LocalEntryNotFoundError, HfHubHTTPError, httpx.TransportError, ConnectionError):
        return  # the download itself finds a whole copy, or says what is wrong
    folder = cache or Path(constants.HF_HUB_CACHE)
    require_space(folder, sum(file.file_size for file in planned if file.will_download), "fetch.source.cache")


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
        raise Refusal(f"fetch.source.folder={folder}: is not a folder")
    own_files(folder, str(folder))  # before anything is opened: reading a pipe does not end
    require_qwen3(folder, str(folder))
    return _placed(folder, into, str(folder), None)


def _placed(folder: Path, into: Path, where: str, commit: str | None) -> Origin:
    """Put the folder's own files into another."""
    code_named_in = take(own_files(folder, where), into, where)
    return {"commit": commit, "licence": _licence_of_card(into), "code_named_in": code_named_in}


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
    if not (kept / "config.json").exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f"{kept.name}.", dir=kept.parent))
        with progress("fetch: building the demo model", int(recipe["steps"])) as bar:
            demo_model.build(
                demo_model.DemoRecipe(**recipe),
                world,
                source,
                work,
                lambda done, total, loss: bar(done, f"loss {amounts.loss(loss)}"),
            )
        try:
            work.rename(kept)
        except OSError:
            shutil.rmtree(work)  # another run published it first
    return _placed(kept, into, str(kept), None) | {"licence": "apache-2.0"}


def inspect(folder: Path) -> dict[str, Any]:
    """Facts of the folder; names are those of FetchFacts. Raises Refusal where it is not a whole model."""
    configs = {path.name: read_json(path, folder.name) for path in sorted(folder.glob("*.json")) if path.name in JSON}
    config, generation = configs["config.json"], configs.get("generation_config.json", {})
    absent = [name for name in ("vocab_size", "max_position_embeddings") if not _is_count(config.get(name))]
    if absent:
        raise Refusal(f"{folder.name}: config.json has no number {absent[0]}; fetch it again")
    _require_tokenizer(folder)
    weights = shards.Folder(folder)
    _require_few(config, len(weights.entries), folder.name)
    eos_config = _stop_ids(config, f"{folder.name}: config.json")
    eos_generation = _stop_ids(generation, f"{folder.name}: generation_config.json")
    tokenizer = _tokenizer(folder)
    ids = {text: _token_id(tokenizer, text) for text in CONTROL_TOKENS}
    end_of_text_only = eos_config == [ids["<|endoftext|>"]]
    return {
        "model_type": config["model_type"],
        "sizes": _sizes(folder),
        "length": config["max_position_embeddings"],
        "config_rows": config["vocab_size"],
        "tokenizer_length": len(tokenizer),
        "token_ids": ids,
        "bos_id": tokenizer.bos_token_id,
        "pad_id": tokenizer.pad_token_id,
        "eos_config": eos_config,
        "eos_generation": eos_generation,
        "eos_tokenizer": tokenizer.eos_token_id,
        "has_template": bool(tokenizer.chat_template),
        "kind": "base" if end_of_text_only else "post-trained",
        **_inspect_weights(folder, weights, config, len(tokenizer), ids["<|im_end|>"]),
    }


def _sizes(folder: Path) -> dict[str, int | float | None]:
    """What tells one Qwen3 from another, as transformers reads the config; names are those of `Sizes`."""
    with library_errors(f"{folder.name}: config.json describes no model"):
        config = AutoConfig.from_pretrained(str(folder), local_files_only=True)
    names = ("hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "intermediate_size")
    theta = (config.rope_parameters or {}).get("rope_theta")
    found = {name: int(getattr(config, name)) for name in (*names, "vocab_size")}
    return {**found, "rope_theta": None if theta is None else float(theta)}


def _require_tokenizer(folder: Path) -> None:
    looked = ("tokenizer.json", "vocab.json", "tokenizer_config.json")
    if not any((folder / name).exists() for name in looked[:2]):
        raise Refusal(f"{folder.name}: has no tokenizer; looked for {', '.join(looked)}")


def _require_few(config: dict[str, Any], num_tensors: int, where: str) -> None:
    """Raises Refusal where config.json has transformers make more than it will ever be done with.

    Every load of a config makes a name for each layer and each label, that of a tokenizer too.
    """
    layers, labels = config.get("num_hidden_layers"), config.get("num_labels", 0)
    if layers is None or not _is_count(layers) or layers > num_tensors:
        raise Refusal(
            f"{where}: config.json asks for {layers!r} layers, and there are {num_tensors} tensors; fetch it again"
        )
    if not isinstance(labels, int) or labels > MOST_LABELS:
        raise Refusal(
            f"{where}: config.json asks for {labels!r} labels, the most is {MOST_LABELS}; a chat model has none"
        )


def _tokenizer(folder: Path) -> Any:
    with library_errors(f"{folder.name}: its tokenizer cannot be read from tokenizer.json and tokenizer_config.json"):
        return AutoTokenizer.from_pretrained(str(folder), local_files_only=True)


def _token_id(tokenizer: Any, text: str) -> int | None:
    """The id of `text` as one token; None where it is several, or unknown to the tokenizer."""
    with library_errors("the tokenizer cannot encode a control token"):
        ids = tokenizer.encode(text, add_special_tokens=False)
    return int(ids[0]) if len(ids) == 1 and tokenizer.convert_ids_to_tokens(ids[0]) == text else None


def _require_whole(folder: Path, weights: shards.Folder) -> None:
    """Raises Refusal where tensors are not those that config.json asks for: loaders fill the gaps with noise."""
    with library_errors(f"{folder.name}: config.json describes no model"), torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(str(folder), local_files_only=True))
    asked = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        asked.pop("lm_head.weight")
    found = {name: entry.shape for name, entry in weights.entries.items()}
    for name in sorted(asked):
        if found.get(name) != asked[name]:
            has = f"is {list(found[name])}" if name in found else "is missing"
            raise Refusal(f"{folder.name}: {name} {has}, config.json asks for {list(asked[name])}; fetch it again")
    extra = sorted(set(found) - set(asked) - {"lm_head.weight"})
    if extra:
        raise Refusal(f"{folder.name}: {extra[0]} is no tensor of the model in config.json; fetch it again")


def _inspect_weights(
    folder: Path, weights: shards.Folder, config: dict[str, Any], num_entries: int, turn: int | None
) -> dict[str, Any]:
    _require_whole(folder, weights)
    found: dict[str, Any] = {
        "num_tensors": len(weights.entries),
        "num_weights": 0,
        "nonfinite": [],
        "narrow_rows": [],
        "tied": bool(config.get("tie_word_embeddings")) and "lm_head.weight" not in weights.entries,
        "turn_row_cosine": None,
        "turn_row_norm_ratio": None,
    }
    head = "lm_head.weight" if "lm_head.weight" in weights.entries else "model.embed_tokens.weight"
    dtypes = set()
    with progress("fetch: reading weights", len(weights.entries)) as bar:
        for done, name in enumerate(sorted(weights.entries), 1):
            tensor = weights.read(name)
            dtypes.add(str(tensor.dtype).removeprefix("torch."))
            found["num_weights"] += tensor.numel()
            if not bool(torch.isfinite(tensor).all()):
                found["nonfinite"].append(name)
            if tensor.ndim == 2 and tensor.shape[1] % 256:
                found["narrow_rows"].append(f"{name} {list(tensor.shape)}")
            if name == "model.embed_tokens.weight":
                found["vocab_rows"] = int(tensor.shape[0])
            if name == head and turn is not None and turn < tensor.shape[0]:
                found["turn_row_cosine"], found["turn_row_norm_ratio"] = _against_unused(tensor, num_entries, turn)
            bar(done)
    return {**found, "dtype": ", ".join(sorted(dtypes))}


def _against_unused(head: torch.Tensor, num_entries: int, turn: int) -> tuple[float | None, float | None]:
    """Cosine of row `turn` to the mean never-used row, and its norm over their mean norm."""
    unused = head[num_entries:].float()
    if len(unused) == 0 or not bool(unused.any()):
        return None, None
    row, mean = head[turn].float(), unused.mean(dim=0)
    cosine = float(torch.nn.functional.cosine_similarity(row, mean, dim=0))
    return cosine, float(row.norm() / unused.norm(dim=1).mean().clamp(min=1e-12))


def _stop_ids(config: dict[str, Any], where: str) -> list[int]:
    """`eos_token_id` as a list; raises Refusal where it is no id and no list of ids."""
    value = config.get("eos_token_id")
    ids = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in ids):
        raise Refusal(f"{where} has eos_token_id {str(value)[:80]}, expected an id or a list of ids; fetch it again")
    return list(ids)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
