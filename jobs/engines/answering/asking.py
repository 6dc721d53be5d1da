"""Prompts in, answers out: from the store where it has them, else from a server that is started for them.

    with open_answers(run / "answers") as store:
        said = ask(store, gguf, prompts, max_tokens=256, context=2048, label="base")

Greedy answers of one slot without a prompt cache are the same bytes whichever of them are asked, and in which order.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jobs.core import terminal
from jobs.core.errors import EnvironmentProblem, Interrupted, Refusal
from jobs.core.process import stop_requested
from jobs.engines.answering.gguf_files import model_key
from jobs.engines.answering.prompts import Outcome, Prompt, Said
from jobs.engines.answering.store import AnswerStore
from jobs.engines.gguf import server
from jobs.engines.gguf.llama import LlamaFailed
from jobs.engines.gguf.server import Server, ServerRefused

ANSWER, TOKENS = "answer", "tokens"
"""What is kept in the store."""
CHAT, COMPLETION = "/v1/chat/completions", "/completion"
NO_ROOM = "exceeds the available context size"
"""How llama-server says that a prompt is longer than its context."""


@dataclass(frozen=True)
class How:
    """Everything that an answer depends on beside model and prompt."""

    max_tokens: int
    stop_ids: tuple[int, ...]
    temperature: float
    seed: int
    context: int


def ask(
    store: AnswerStore,
    gguf: Path,
    prompts: Sequence[Prompt],
    *,
    max_tokens: int,
    stop_ids: Sequence[int] = (),
    temperature: float = 0.0,
    seed: int = 0,
    context: int,
    label: str,
    gpu_layers: int = -1,
    template: bytes | None = None,
) -> list[Said]:
    """The answers of `gguf` in the order of the prompts; each is in the store as soon as it has come.

    `gguf` is the first part of a split one. The tokens that the GGUF says end an answer, and for ids `stop_ids` too.
    `template` is a chat template that stands in for the GGUF's own. A server runs only while something is missing. Not
    for use within `deferred_stop`, where a stop would wait for the end of an answer.

    Raises Refusal where llama.cpp cannot load the file or refuses a prompt, EnvironmentProblem where the server died or
    the machine cannot, Interrupted on a stop, within seconds; what was answered is kept each time.
    """
    how = How(max_tokens, tuple(sorted(stop_ids)), float(temperature), seed, context)
    if max_tokens < 1 or any(stop_ids and prompt.messages for prompt in prompts):
        raise ValueError("max_tokens is at least 1, and the chat endpoint stops where the GGUF says")
    questions = [_question(prompt, how, template) for prompt in prompts]
    model = model_key(gguf)
    keys = [_digest([model, question]) for question in questions]
    kept = {key: store.get(key) for key in keys}
    missing = {key: keys.index(key) for key in kept if kept[key] is None}
    seconds: dict[str, float] = {}
    if missing:
        with (
            terminal.progress(label, len(missing)) as advance,
            _serving(gguf, context, gpu_layers, template) as running,
        ):
            for number, (key, place) in enumerate(missing.items(), 1):
                began = time.monotonic()
                kept[key] = _answer(running, prompts[place], how)
                seconds[key] = time.monotonic() - began
                store.keep(key, ANSWER, questions[place], kept[key])
                advance(number)
    return [
        replace(_said(prompt.id, kept[key]), seconds=seconds.pop(key, None))
        for prompt, key in zip(prompts, keys, strict=True)
    ]


def as_tokens(
    store: AnswerStore,
    gguf: Path,
    prompts: Sequence[Prompt],
    *,
    context: int,
    label: str,
    template: bytes | None = None,
) -> list[Prompt]:
    """Prompts of messages as the exact tokens that the chat endpoint would compute an answer from: rendered and
    tokenized by the same server. Prompts of ids are returned as they are. Raises as `ask` does."""
    model, found = model_key(gguf), list(prompts)
    questions = {
        place: {TOKENS: _message_body(prompt), "template": _template_digest(template)}
        for place, prompt in enumerate(prompts)
        if prompt.messages
    }
    keys = {place: _digest([model, question]) for place, question in questions.items()}
    kept = {key: store.get(key) for key in keys.values()}
    missing = {key: place for place, key in keys.items() if kept[key] is None}
    if missing:
        with terminal.progress(label, len(missing)) as advance, _serving(gguf, context, 0, template) as running:
            for number, (key, place) in enumerate(missing.items(), 1):
                kept[key] = _tokens(running, prompts[place])
                store.keep(key, TOKENS, questions[place], kept[key])
                advance(number)
    for place, key in keys.items():
        found[place] = Prompt(prompts[place].id, ids=tuple(kept[key]))
    return found


@contextmanager
def _serving(gguf: Path, context: int, gpu_layers: int, template: bytes | None) -> Iterator[Server]:
    """One slot, measured samplers. Refusal where llama.cpp cannot load the file; a death later has words of its own."""
    with ExitStack() as stack:
        more = list(server.MEASURED)
        if template is not None:
            file = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "chat_template.jinja"
            file.write_bytes(template)
            more += ["--chat-template-file", str(file)]
        threads = os.cpu_count() or 1
        opened = server.serve(gguf, context=context, num_threads=threads, gpu_layers=gpu_layers, more=more)
        try:
            running = stack.enter_context(opened)
        except LlamaFailed as failed:
            raise Refusal(str(failed)) from None
        yield running


def _answer(running: Server, prompt: Prompt, how: How) -> dict[str, Any]:
    """An answer as it is kept."""
    sampling = {"temperature": how.temperature, "seed": how.seed, "cache_prompt": False}
    try:
        if prompt.ids is None:
            body = {**_message_body(prompt), **sampling, "max_tokens": how.max_tokens}
            return _of_chat(_posted(running, CHAT, body, prompt))
        body = {**prompt.extra, **sampling, "prompt": prompt.ids, "n_predict": how.max_tokens, "return_tokens": True}
        return _of_completion(running, _posted(running, COMPLETION, body, prompt), how.stop_ids)
    except ServerRefused as refused:
        if NO_ROOM not in refused.said:
            raise Refusal(f"prompt {prompt.id}: llama-server refuses it: {refused.said}") from None
        counted = [int(word.lstrip("(")) for word in refused.said.split() if word.lstrip("(").isdigit()]
        return {"text": "", "outcome": "no room", "num_prompt_tokens": max(counted, default=0), "num_tokens": 0}


def _of_chat(answer: Mapping[str, Any]) -> dict[str, Any]:
    choice, usage = answer["choices"][0], answer["usage"]
    return {
        "text": choice["message"].get("content") or "",
        "thoughts": choice["message"].get("reasoning_content") or "",
        "outcome": _outcome(choice["finish_reason"] == "stop"),
        "num_prompt_tokens": usage["prompt_tokens"],
        "num_tokens": usage["completion_tokens"],
    }


def _of_completion(running: Server, answer: Mapping[str, Any], stop_ids: Sequence[int]) -> dict[str, Any]:
    ids, text, stopped = list(answer["tokens"]), answer["content"], answer["stop_type"] == "eos"
    num_tokens = answer["tokens_predicted"]
    if stopped:
        ids = ids[:-1]
    end = next((place for place, token in enumerate(ids) if token in stop_ids), None)
    if end is not None:
        ids, stopped, num_tokens = ids[:end], True, end + 1
        text = running.post("/detokenize", {TOKENS: ids})["content"]
    return {
        "text": text,
        "ids": ids,
        "outcome": _outcome(stopped),
        "num_prompt_tokens": answer["tokens_evaluated"],
        "num_tokens": num_tokens,
    }


def _outcome(stopped: bool) -> Outcome:
    return "stopped" if stopped else "cut"


def _tokens(running: Server, prompt: Prompt) -> list[int]:
    try:
        text = _posted(running, "/apply-template", _message_body(prompt), prompt)["prompt"]
        body = {"content": text, "add_special": True, "parse_special": True}
        found: list[int] = _posted(running, "/tokenize", body, prompt)[TOKENS]
    except ServerRefused as refused:
        raise Refusal(f"prompt {prompt.id}: llama-server refuses it: {refused.said}") from None
    return found


def _posted(running: Server, path: str, body: Mapping[str, Any], prompt: Prompt) -> Any:
    """What the server says; its death is the machine's, told with the prompt that it died of."""
    if stop_requested():
        raise Interrupted("stopped between two answers")
    try:
        return running.post(path, body)
    except ServerRefused:
        raise
    except LlamaFailed as failed:
        raise EnvironmentProblem(f"prompt {prompt.id}: {failed}\nanswers that came are kept") from None


def _said(id: str, kept: Mapping[str, Any]) -> Said:
    return Said(
        id=id,
        text=kept["text"],
        outcome=kept["outcome"],
        num_prompt_tokens=kept["num_prompt_tokens"],
        num_tokens=kept["num_tokens"],
        thoughts=kept.get("thoughts", ""),
        ids=tuple(kept.get("ids", ())),
    )


def _question(prompt: Prompt, how: How, template: bytes | None) -> dict[str, Any]:
    """What an answer is kept by beside the model, readable."""
    if prompt.ids is not None:
        return {"ids": prompt.ids, "extra": prompt.extra, **vars(how)}
    return {**_message_body(prompt), **vars(how), "template": _template_digest(template)}


def _message_body(prompt: Prompt) -> dict[str, Any]:
    turns = [{"role": role, "content": content} for role, content in prompt.messages or ()]
    return {"messages": turns, **prompt.extra}


def _template_digest(template: bytes | None) -> str | None:
    return None if template is None else hashlib.sha256(template).hexdigest()


def _digest(value: Any) -> str:
    # A lone surrogate has no UTF-8; escaped it has.
    text = json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
