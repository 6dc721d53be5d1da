"""What one file is, by its name, its first bytes and its first lines. Nothing is loaded, and nothing runs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jobs.engines.diagnosing import scripts
from jobs.logic.diagnosing import dialects, kinds
from jobs.logic.rows import column_names

HEAD = 1 << 18
"""Bytes that a file is known by."""
MOST_WHOLE = 64 << 20
"""Of a JSON file that is read whole to be known."""
Known = tuple[str, str]

PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".ckpt")
PICKLE_MAGIC = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
LEFT = re.compile(
    r"(readme|license|licence|notice|changelog|contributing)|\.(md|rst|html?|png|jpe?g|gif|svg|pdf|toml|lock|cfg|ini|"
    r"sh|dockerfile|tfevents.*|db|sqlite3?|zip|tar|log\.gz|c|h|cpp|js|css)$|^events\.out\.tfevents", re.IGNORECASE
)  # fmt: skip
TABLES = (".parquet", ".xlsx", ".jsonl.gz", ".json.gz", ".csv.gz", ".jsonl.zst", ".json.zst", ".csv.zst")
OF_TOKENIZER = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
    "merges.txt", "chat_template.jinja", "chat_template.json", "generation_config.json",
)  # fmt: skip
OURS_READ = ("train.jsonl", "val.jsonl", "log.jsonl", "generations.jsonl", "Modelfile")
"""Files of a stage of ours, beside its record, that a diagnosis reads besides models; the rest stands in the record."""
LOSSES = {"loss", "eval_loss", "train_loss", "train/loss", "eval/loss", "val_loss", "validation_loss",
          "training_loss", "training loss", "validation loss"}  # fmt: skip
STEPS = {"step", "epoch", "global_step", "train/global_step", "iter", "iteration", "steps"}
CONVERSATIONS = {"messages", "conversations", "conversation", "chosen", "dialogue", "dialog", "turns", "mapping"}
GENERATED = {"generated", "generation", "generated_text", "prediction", "predicted", "model_output", "model_answer"}
ANSWER_NAMES = re.compile(
    r"answer|sample|output|generat|predict|respon|complet|回答|出力", re.IGNORECASE
)  # fmt: skip
HELD_OUT_NAMES = re.compile(r"(^|[-_.])(val|valid|validation|eval|evaluation|test|dev|held)([-_.]|$)", re.IGNORECASE)
TRAINERS = re.compile(
    r"\b(SFTTrainer|SFTConfig|TrainingArguments|LoraConfig|FastLanguageModel|FastModel|get_peft_model|"
    r"train_on_responses_only)\b"
)
PRINTED = re.compile(r"\{'(?:loss|eval_loss|train_loss)': ")


def is_tokenizer(names: Sequence[str]) -> bool:
    """Whether files of these names are a tokenizer's, as far as names tell."""
    return any(name in ("tokenizer.json", "tokenizer_config.json", "vocab.json") for name in names)


def is_pickle(name: str) -> bool:
    return name == "training_args.bin" or name.lower().endswith(PICKLES)


def together(here: Path, names: Sequence[str]) -> tuple[list[Known], list[str]]:
    """What files of a folder are together, and the names of those that stand for themselves."""
    left, found = list(names), []

    def take(kind: str, why: str, of: Sequence[str]) -> None:
        found.append((kind, why))
        left[:] = [name for name in left if name not in of]

    weights = [name for name in names if name.endswith((".safetensors", ".safetensors.index.json"))]
    adapters = [name for name in weights if name.startswith("adapter_")]
    whole = [name for name in weights if name not in adapters]
    is_model = "config.json" in names and "model_type" in keys_of(here / "config.json")
    if "adapter_config.json" in names:
        beside = ", ".join(adapters) or "no weights beside it"
        take(kinds.ADAPTER, f"adapter_config.json, {beside}", ["adapter_config.json", *adapters])
    if is_model and whole:
        take(kinds.MERGED, f"config.json and {len(whole)} file{'s' if len(whole) > 1 else ''} of weights", whole)
    of_tokenizer = [name for name in names if name in OF_TOKENIZER]
    if is_model or of_tokenizer:
        first = [*of_tokenizer, *(["config.json"] if is_model else [])]
        take(kinds.TOKENIZER, ", ".join(first), first)
    if "artifact.json" in names:
        own = [name for name in names if name not in OURS_READ and not name.endswith(".gguf")]
        take(kinds.RECORD, "artifact.json, the record of a stage of ours", own)
    return found, left


def sniffed(path: Path) -> Known:
    """(kind, why); raises OSError where it cannot be read."""
    name = path.name.lower()
    with path.open("rb") as file:
        head = file.read(HEAD)
    by_magic = _by_magic(name, head)
    if by_magic:
        return by_magic
    if name.startswith("modelfile") or name.endswith(".modelfile"):
        return kinds.MODELFILE, "its name"
    if path.name in OF_TOKENIZER:
        return kinds.TOKENIZER, "its name"
    if name.endswith(TABLES):
        return _rows(path, "its suffix")
    if b"\0" in head[:4096] and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return kinds.UNKNOWN, "bytes that are no text"
    text = head.decode("utf-8-sig", errors="replace")
    if name.endswith(".md") and ("axolotl version" in text or "### Training hyperparameters" in text):
        return kinds.SETTINGS, "a model card that says how it was trained"
    if LEFT.search(name):
        return kinds.OTHER, "by its name"
    if not text.strip():
        return kinds.UNREADABLE, "has nothing but white space"
    return _by_text(path, text)


def _by_magic(name: str, head: bytes) -> Known | None:
    if is_pickle(name) or (name.endswith(".bin") and head.startswith((*PICKLE_MAGIC, b"PK"))):
        return kinds.PICKLE, "its name" if is_pickle(name) else "its first bytes"
    if head.startswith(b"GGUF"):
        return kinds.GGUF, "its first bytes"
    if name.endswith(".gguf"):
        return kinds.UNREADABLE, "is called a GGUF and does not begin as one"
    if name.endswith(".safetensors"):
        if name.startswith("adapter_"):
            return kinds.ADAPTER, "its name"
        return kinds.UNKNOWN, "weights without the config.json of their model beside them"
    return None


def _by_text(path: Path, text: str) -> Known:
    """A text file, by its suffix where it has one that says something."""
    suffix = path.suffix.lower()
    if suffix in (".json", ".ipynb"):
        return _json(path, text)
    if suffix in (".jsonl", ".ndjson"):
        return _lines(path, text)
    if suffix in (".yaml", ".yml"):
        return settings(yaml_keys(text)) or (kinds.UNKNOWN, "YAML of no trainer that is known here")
    if suffix == ".py":
        return _script(text)
    if suffix in (".csv", ".tsv"):
        cells = {cell.strip().strip('"').lower() for cell in re.split(r"[,\t;]", text.splitlines()[0])}
        return (kinds.LOG, "a column of losses") if cells & LOSSES and cells & STEPS else _rows(path, "its suffix")
    if PRINTED.search(text):
        return kinds.LOG, "lines that a trainer prints"
    said = (line.strip() for line in text.splitlines())
    if next((line for line in said if line and not line.startswith("#")), "").upper().startswith("FROM "):
        return kinds.MODELFILE, "it begins with FROM"
    if text.lstrip().startswith(("{", "[")):
        return _lines(path, text) if "\n{" in text.strip() else _json(path, text)
    if suffix in (".txt", "", ".text"):
        return kinds.ANSWERS, "plain text; say train:FILE where it is rows"
    return kinds.UNKNOWN, f"nothing here reads {suffix}"


def _script(text: str) -> Known:
    found = TRAINERS.search(text)
    return (kinds.SETTINGS, f"a script with {found[1]}") if found else (kinds.OTHER, "a script that trains nothing")


def settings(keys: set[str]) -> Known | None:
    """Settings with these keys; None where no trainer has them."""
    if {"train", "prepare"} <= keys or {"run", "train"} <= keys:
        return kinds.SETTINGS, "keys of this program"
    which = dialects.dialect(keys)
    return (kinds.SETTINGS, f"keys of {which}") if which else None


def yaml_keys(text: str) -> set[str]:
    """Keys at the start of a line."""
    return set(re.findall(r"^([A-Za-z_]\w*)\s*:(?=\s|$)", text, re.MULTILINE))


def keys_of(path: Path) -> set[str]:
    """The keys of a small JSON object; empty for anything else."""
    try:
        with path.open("rb") as file:
            data = json.loads(file.read(HEAD))
    except (OSError, ValueError, RecursionError):
        return set()
    return set(data) if isinstance(data, dict) else set()


def _json(path: Path, text: str) -> Known:
    start = text.lstrip()
    if path.stat().st_size > MOST_WHOLE:
        return _rows(path, "its suffix") if start.startswith("[") else (kinds.UNREADABLE, _too_large(path))
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except RecursionError:
        return kinds.UNREADABLE, "JSON that is nested too deeply"
    except ValueError as error:
        found = _lines(path, text)
        if found[0] != kinds.UNREADABLE:
            return found
        return kinds.UNREADABLE, f"no JSON: {_told(error)}"
    return _by_value(path, data)


def _by_value(path: Path, data: Any) -> Known:
    """A JSON file by what it holds."""
    if isinstance(data, list):
        first = next((one for one in data if isinstance(one, dict)), None)
        if first is None:
            return kinds.UNKNOWN, "a JSON list without objects"
        return record_kind(path, set(first), "a JSON list")
    if not isinstance(data, dict):
        return kinds.UNKNOWN, "JSON that is neither an object nor a list"
    keys = set(data)
    if isinstance(data.get("log_history"), list):
        return kinds.LOG, "log_history, as a trainer's state has"
    if {"cells", "nbformat"} <= keys:
        return _script("\n".join(scripts.cells(data)))
    if {"stage", "key", "verdict"} <= keys:
        return kinds.RECORD, "the record of a stage of ours"
    if "peft_type" in keys:
        return kinds.ADAPTER, "peft_type"
    if "model_type" in keys or "architectures" in keys:
        return kinds.TOKENIZER, "the config.json of a model"
    nested = keys.union(*(set(one) for one in data.values() if isinstance(one, dict)))
    found = settings(keys) or settings(nested)
    if found:
        return found
    lists = [one for one in data.values() if isinstance(one, list) and one and isinstance(one[0], dict)]
    if any(asks_or_answers(set(one[0])) for one in lists):
        return _rows(path, "a list of rows inside a JSON object")
    return kinds.UNKNOWN, f"JSON with {', '.join(sorted(keys)[:4]) or 'no keys'}"


def _lines(path: Path, text: str) -> Known:
    """JSON lines, by the first that is an object."""
    why = "no line of JSON at its start"
    for number, line in enumerate(text.splitlines()[:50], 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
        except (ValueError, RecursionError) as error:
            why = f"line {number} is no JSON: {_told(error)}"
            continue
        if isinstance(data, dict):
            return record_kind(path, set(data), "JSON lines")
    return kinds.UNREADABLE, why


def record_kind(path: Path, keys: set[str], form: str) -> Known:
    """What a file of records with these keys is."""
    if {"input_ids", "labels"} <= keys:
        return kinds.TOKEN_ROWS, f"{form} with input_ids and labels"
    low = {key.lower() for key in keys}
    if low & LOSSES and low & STEPS:
        return kinds.LOG, f"{form} with {', '.join(sorted(low & (LOSSES | STEPS)))}"
    said = low & GENERATED or ({"text", "stopped"} <= low and {"text", "stopped"})
    if said:
        return kinds.ANSWERS, f"{form} with {', '.join(sorted(said))}"
    if "reference" in low and "prompt" in low and not low & {"answer", "response", "output", "completion", "text"}:
        return kinds.OTHER, f"{form} with prompts and what was expected, and no answer"
    if ANSWER_NAMES.search(path.stem) and low & {"prompt", "question", "answer", "response", "output", "text"}:
        return kinds.ANSWERS, f"{form}, and its name; say train:FILE where it is rows"
    if not asks_or_answers(keys):
        return kinds.UNKNOWN, f"{form} with {', '.join(sorted(keys)[:4])}; say train:FILE where it is rows"
    return _rows(path, f"{form} with {', '.join(sorted(keys)[:4])}")


def asks_or_answers(keys: set[str]) -> bool:
    """Whether one of these columns asks, answers or holds a conversation, by what it is called."""
    found = column_names.roles(keys)
    return bool(keys & CONVERSATIONS or found.questions or found.answers or found.inputs or found.contexts)


def _rows(path: Path, why: str) -> Known:
    held = HELD_OUT_NAMES.search(path.name)
    return (kinds.HELD_OUT, f"{why}; its name says held out") if held else (kinds.ROWS, why)


def _too_large(path: Path) -> str:
    return f"has {path.stat().st_size:,} bytes, the most that is read whole is {MOST_WHOLE:,}"


def _told(error: Exception) -> str:
    return str(error)[:120]
