"""A tokenizer's folder, read as the JSON that it is; its template runs in a child process with limits."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.core.errors import EnvironmentProblem, Refusal
from jobs.engines.diagnosing.boundary import Unreadable
from jobs.engines.models import template_places
from jobs.engines.models.templates import Asked, Renderer, TemplateFailed
from jobs.logic.chat.chatml import END_OF_TEXT, IM_END, IM_START, THINK_CLOSE, THINK_OPEN
from jobs.logic.chat.delimiters import CONVERSATION
from jobs.logic.diagnosing.tokens_seen import TokenizerSeen

MOST_BYTES = 256 << 20
"""Of a file of a tokenizer; Qwen3's has 11 million."""
CONTROL = (END_OF_TEXT, IM_START, IM_END, THINK_OPEN, THINK_CLOSE)
SPECIAL = "special_tokens_map.json"
ODD = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError)
"""What reading a value of another type than the usual one raises."""

SYSTEM, USER, ANSWER = CONVERSATION
PROBES: dict[str, Asked] = {
    "whole": Asked(CONVERSATION, ask=False),
    "without a system message": Asked((USER, ANSWER), ask=False),
    "several turns": Asked((USER, ANSWER, USER, ANSWER), ask=False),
    "prompt": Asked((SYSTEM, USER), ask=True),
    "prompt, no thinking": Asked((SYSTEM, USER), ask=True, enable_thinking=False),
}
"""What a template is asked to render, so that what it puts around texts can be told."""


@dataclass(frozen=True)
class Limits:
    """What a template may take: `Bounds` of templates.py."""

    seconds: float = 5.0
    mean_seconds: float = 1.0
    megabytes: int = 512
    added_characters: int = 20_000


@dataclass(frozen=True)
class Vocabulary:
    """Tokens and ids of one tokenizer.json, added ones among them."""

    ids: Mapping[str, int]
    added: Mapping[str, int]
    digest: str
    tokens_digest: str
    adds: tuple[int, ...]


def files_of(paths: Sequence[Path]) -> dict[str, Path]:
    """Names to files, of a folder or of the files that were given one by one."""
    found: dict[str, Path] = {}
    for path in paths:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        found |= {one.name: one for one in inside if one.is_file()}
    return found


def read(paths: Sequence[Path]) -> tuple[TokenizerSeen, Vocabulary | None]:
    """What a folder, or some files of one, say; raises Unreadable, or OSError."""
    path, files = paths[0], files_of(paths)
    if not files.keys() & {*JSON, "tokenizer.json", template_places.JINJA}:
        raise Unreadable("has no file of a tokenizer, expected tokenizer.json, tokenizer_config.json or their like")
    configs = {name: _json(files[name]) for name in JSON if name in files}
    vocabulary = _vocabulary(files, configs)
    settings, special = configs.get(template_places.SETTINGS, {}), configs.get(SPECIAL, {})
    model, generation = configs.get("config.json", {}), configs.get("generation_config.json")
    template, source, error = _template(files, configs, str(path))
    rendered: dict[str, str] = {}
    if template is not None:
        named = tuple((key, _content(settings.get(key)) or "") for key in ("bos_token", "eos_token", "pad_token"))
        texts, error = _rendered(template, named)
        rendered = dict(texts)
    seen = TokenizerSeen(
        folder=str(path),
        digest=vocabulary.digest if vocabulary else "",
        num_tokens=max(vocabulary.ids.values(), default=-1) + 1 if vocabulary else None,
        eos_token=_content(settings.get("eos_token")) or _content(special.get("eos_token")),
        pad_token=_content(settings.get("pad_token")) or _content(special.get("pad_token")),
        bos_token=_content(settings.get("bos_token")) or _content(special.get("bos_token")),
        eos_ids=_ids((generation or {}).get("eos_token_id")) or _ids(model.get("eos_token_id")),
        ids={one: vocabulary.added[one] for one in CONTROL if one in vocabulary.added} if vocabulary else {},
        adds=_added(settings, vocabulary),
        template=template,
        template_from=source or "",
        rendered=rendered,
        template_error=error,
        markup_in_content=None if not vocabulary else IM_END in vocabulary.added,
        model_type=model.get("model_type") if isinstance(model.get("model_type"), str) else None,
        has_generation_config=generation is not None,
        tokens_digest=vocabulary.tokens_digest if vocabulary else "",
    )
    return seen, vocabulary


JSON = (
    template_places.SETTINGS, template_places.LEGACY, SPECIAL, "added_tokens.json", "vocab.json",
    "config.json", "generation_config.json",
)  # fmt: skip


def _json(path: Path) -> dict[str, Any]:
    """The object in a file; raises Unreadable."""
    if path.stat().st_size > MOST_BYTES:
        raise Unreadable(f"{path.name} has {path.stat().st_size:,} bytes, the most is {MOST_BYTES:,}")
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except RecursionError:
        raise Unreadable(f"{path.name} is nested too deeply") from None
    except ValueError as error:
        raise Unreadable(f"{path.name} is no JSON: {str(error)[:100]}") from None
    if not isinstance(data, dict):
        raise Unreadable(f"{path.name} is no JSON object")
    return data


def _vocabulary(files: Mapping[str, Path], configs: Mapping[str, dict[str, Any]]) -> Vocabulary | None:
    """Of tokenizer.json, or else of vocab.json and merges.txt; None without them."""
    if "tokenizer.json" in files:
        if files["tokenizer.json"].stat().st_size > MOST_BYTES:
            raise Unreadable(f"tokenizer.json is larger than {MOST_BYTES:,} bytes")
        return _of_bytes(files["tokenizer.json"].read_bytes())
    try:
        if "vocab.json" not in configs:
            return None
        text = files["merges.txt"].read_text(encoding="utf-8") if "merges.txt" in files else ""
        merges = [line for line in text.splitlines() if line and not line.startswith("#version")]
        return _of_parts(configs["vocab.json"], dict(configs.get("added_tokens.json", {})), merges, ())
    except ODD as error:
        raise Unreadable(f"vocab.json is not as tokenizers write it ({type(error).__name__})") from None


@functools.lru_cache(maxsize=4)  # the folders of one run have the same bytes
def _of_bytes(data: bytes) -> Vocabulary:
    """Of a tokenizer.json; raises Unreadable."""
    try:
        whole = json.loads(data)
        model = whole["model"]
        tokens = dict(model["vocab"]) if isinstance(model["vocab"], dict) else {}
        merges = [one if isinstance(one, str) else " ".join(one) for one in model.get("merges") or ()]
        added = {one["content"]: int(one["id"]) for one in whole.get("added_tokens") or ()}
        return _of_parts(tokens, added, merges, _put_around(whole.get("post_processor")))
    except ODD as error:
        raise Unreadable(f"tokenizer.json is not as tokenizers write it ({type(error).__name__})") from None


def _of_parts(
    tokens: Mapping[str, int], added: Mapping[str, int], merges: Sequence[str], adds: tuple[int, ...]
) -> Vocabulary:
    numbers = {str(token): int(number) for token, number in (*tokens.items(), *added.items())}
    by_id = sorted(numbers.items(), key=lambda item: (item[1], item[0]))
    return Vocabulary(
        numbers,
        {str(token): int(number) for token, number in added.items()},
        _digest([by_id, list(merges)]),
        _digest(by_id),
        adds,
    )


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=True).encode()).hexdigest()[:16]


def _put_around(processor: Any) -> tuple[int, ...]:
    """Ids that a post-processor puts around every text."""
    found: list[int] = []
    parts = processor.get("processors", [processor]) if isinstance(processor, dict) else []
    for part in parts:
        if isinstance(part, dict) and part.get("type") == "TemplateProcessing":
            names = [one["SpecialToken"]["id"] for one in part.get("single", ()) if "SpecialToken" in one]
            special = part.get("special_tokens", {})
            found += [number for name in names for number in special.get(name, {}).get("ids", ())]
    return tuple(map(int, found))


def _added(settings: Mapping[str, Any], vocabulary: Vocabulary | None) -> tuple[int, ...]:
    """Ids that the tokenizer puts around every text, by its post-processor or by its settings."""
    found = list(vocabulary.adds) if vocabulary else []
    for key, name in (("add_bos_token", "bos_token"), ("add_eos_token", "eos_token")):
        token = _content(settings.get(name))
        if settings.get(key) is True and token and vocabulary and token in vocabulary.ids:
            number = vocabulary.ids[token]
            found += [] if number in found else [number]
    return tuple(found)


def _content(value: Any) -> str | None:
    """A token as text, or as an object with its content."""
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) and value else None


def _ids(value: Any) -> tuple[int, ...]:
    numbers: Iterable[Any] = value if isinstance(value, list) else [value]
    return tuple(one for one in numbers if isinstance(one, int) and not isinstance(one, bool))


def _template(
    files: Mapping[str, Path], configs: Mapping[str, dict[str, Any]], where: str
) -> tuple[str | None, str | None, str]:
    """(the template that is taken, its file, why there is none)."""
    folder = next(iter(files.values())).parent
    present = template_places.JINJA in files
    if not present and not any(template_places.KEY in configs.get(name, {}) for name in TEMPLATE_FILES):
        return None, None, ""
    if present and files[template_places.JINJA].stat().st_size > MOST_BYTES:
        return None, None, f"{template_places.JINJA} is larger than {MOST_BYTES:,} bytes"
    try:
        found = template_places.find(folder, dict(configs), [], where)
    except Refusal as error:
        return None, None, str(error)
    return found.text, found.source, ""


TEMPLATE_FILES = (template_places.SETTINGS, template_places.LEGACY)


@functools.lru_cache(maxsize=16)  # the same template stands in several folders of one run
def _rendered(template: str, variables: tuple[tuple[str, str], ...]) -> tuple[tuple[tuple[str, str], ...], str]:
    """Name of a probe and what the template makes of it, and why one cannot be rendered."""
    renderer = Renderer(template, "the template", dict(variables), Limits())
    texts: dict[str, str] = {}
    why = ""
    try:
        for probe, asked in PROBES.items():
            try:
                texts[probe] = renderer.render([asked])[0]
            except TemplateFailed as error:
                why = why or f"{probe}: {error.what}"
                if "took" in error.what:
                    break
    except EnvironmentProblem as error:
        why = str(error)
    finally:
        renderer.close()
    return tuple(texts.items()), why
