"""A GGUF's chat template as llama.cpp executes it, held against Hugging Face's rendering and the trained prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobs.core.terminal import progress
from jobs.engines.gguf import server
from jobs.engines.gguf.llama import LlamaFailed
from jobs.engines.models import chat_rows
from jobs.engines.models.templates import Asked, Bounds, TemplateFailed
from jobs.engines.models.tokenizer import ChatTokenizer
from jobs.logic.chat.chatml import IM_START
from jobs.logic.chat.first_difference import first_difference
from jobs.logic.chat.probes import BEYOND, PROBES, SWITCHES, Probe
from jobs.logic.pages import modelfile

KEPT = 3
"""Differences of a kind that are kept whole; the others are counted."""
MORE_CONTEXT = 16
"""Tokens beside the longest prompt."""
RENDER_SECONDS = 60.0
"""For one conversation, which takes milliseconds: a template may never come to its end."""
FIELDS = {None: "prompt_ids", False: "prompt_ids_no_thinking"}


@dataclass(frozen=True)
class Conversation:
    """What is rendered, and what Hugging Face makes of it for one `enable_thinking`."""

    what: str
    probe: Probe
    switch: bool | None
    text: str | None
    """Hugging Face's rendering; None where it has none, or one that leaves out what was given."""
    why: str = ""
    """It has none."""
    trained: str | None = None
    """The prompt that `preflight` made; None where it made none."""

    @property
    def body(self) -> dict[str, Any]:
        """The request for it."""
        thinking = {} if self.switch is None else {"chat_template_kwargs": {"enable_thinking": self.switch}}
        tools = {} if self.probe.tools is None else {"tools": list(self.probe.tools)}
        return {"messages": [dict(message) for message in self.probe.messages], **tools, **thinking}


@dataclass(frozen=True)
class Question:
    """A held-out prompt for the chat endpoint, with the tokens that were trained."""

    what: str
    body: dict[str, Any]
    ids: list[int]


@dataclass(frozen=True)
class Expected:
    """Everything a file is held against; the same for every file of a run."""

    held_out: list[Conversation]
    listed: list[Conversation]
    questions: list[Question]
    tokenizer: ChatTokenizer
    num_typed: int


@dataclass
class _Found:
    """Differences on their way into the facts."""

    num_equal: int = 0
    num_differing: int = 0
    differing: list[dict[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    num_refused: int = 0


def expected(preflight: Path, num_rendered: int, num_asked: int, bounds: Bounds) -> Expected:
    """Render by Hugging Face: held-out conversations of `preflight`'s folder, and the list, with every switch."""
    tokenizer = ChatTokenizer(preflight / "tokenizer", bounds)
    rows = chat_rows.load(preflight / "prompts.jsonl")
    typed = {
        row["id"] for row in rows if any(tokenizer.has_control_text(message["content"]) for message in row["messages"])
    }
    rendered = spread(rows, num_rendered)
    held_out = [
        _conversation(tokenizer, _probe(row), switch, {} if row["id"] in typed else row)
        for row in rendered
        for switch in SWITCHES
    ]
    asked = spread([row for row in rows if row["id"] not in typed] or rows, num_asked)
    questions = [
        _question(
            tokenizer, _conversation(tokenizer, _probe(row), switch, row), None if row["id"] in typed else row[name]
        )
        for row in asked
        for switch, name in FIELDS.items()
        if row.get(name)
    ]
    listed = [_conversation(tokenizer, probe, switch, {}) for probe in PROBES for switch in SWITCHES]
    return Expected(held_out, listed, questions, tokenizer, sum(row["id"] in typed for row in rendered))


def compare(gguf: Path, wanted: Expected, *, num_threads: int, gpu_layers: int = 0) -> dict[str, Any]:
    """Facts of one file, by the names of `TemplateFacts`; raises EnvironmentProblem as `server.serve` does."""
    untrained = [one for one in wanted.held_out if one.trained is not None and one.text != one.trained]
    known: dict[str, Any] = {
        "file": gguf.name,
        "failure": None,
        "num_rows": len(wanted.held_out) // len(SWITCHES),
        "num_probes": sum(one.text is not None for one in wanted.listed) // len(SWITCHES),
        "untrained": [_difference(one.what, one.trained, one.text or one.why) for one in untrained[:KEPT]],
        "num_untrained": len(untrained),
        "num_typed": wanted.num_typed,
    }
    context = MORE_CONTEXT + max((len(question.ids) for question in wanted.questions), default=0)
    try:
        with server.serve(gguf, context=context, num_threads=num_threads, gpu_layers=gpu_layers) as running:
            found, not_rendered = _rendered(running, [*wanted.held_out, *wanted.listed])
            tokens = _other_tokens(running, wanted)
    except LlamaFailed as error:
        failure = str(error).removeprefix(f"{gguf}: ").replace(str(gguf), gguf.name)
        known |= {"failure": failure, "num_rows": 0, "num_probes": 0}
        found, not_rendered, tokens = _Found(), [], []
    return {
        **known,
        "num_equal": found.num_equal,
        "refused": found.refused,
        "num_refused": found.num_refused,
        "differing": found.differing,
        "num_differing": found.num_differing,
        "not_rendered": not_rendered,
        "num_asked": 0 if known["failure"] else len(wanted.questions),
        "other_tokens": tokens,
    }


def spread(rows: Sequence[dict[str, Any]], num: int) -> list[dict[str, Any]]:
    """Up to `num` rows, evenly over all by number of turns and then by length, both ends among them."""
    ordered = sorted(rows, key=lambda row: (len(row["messages"]), len(row["prompt_ids"])))
    if len(ordered) <= num:
        return ordered
    return [ordered[place * (len(ordered) - 1) // max(num - 1, 1)] for place in range(num)]


def modelfile_facts(wanted: Expected, thinking_block: str | None, opening: str) -> dict[str, Any]:
    """What the Modelfile's template makes of the same conversations, by the names of `ModelfileFacts`.

    It has no switch: it opens answers as the rows did. Where that is an empty block, the prompt is the one that the
    template writes without thinking, with the block after it where the model was taught to write it itself.
    """
    empty = thinking_block == "empty"
    found, other = _Found(), []
    for one in [*wanted.held_out, *wanted.listed]:
        if one.switch is not (False if empty else None) or one.text is None or one.probe in BEYOND:
            continue
        text = one.trained or one.text
        ours = _opened(text, opening) if empty else text
        theirs = modelfile.rendered(opening, one.probe.messages)
        if ours == theirs:
            found.num_equal += 1
        elif one.probe.common:
            found.num_differing += 1
            found.differing += [_difference(one.what, ours, theirs)] if found.num_differing <= KEPT else []
        else:
            other.append(one.probe.name)
    return {
        "opening": opening,
        "num_equal": found.num_equal,
        "differing": found.differing,
        "num_differing": found.num_differing,
        "other": other,
    }


def _opened(prompt: str, opening: str) -> str:
    """The prompt with `opening` after the header of the answer, where what it has there is a part of it."""
    head, header, rest = prompt.rpartition(f"{IM_START}assistant\n")
    return f"{head}{header}{opening}" if header and opening.startswith(rest) else prompt


def _probe(row: Mapping[str, Any]) -> Probe:
    return Probe(f"held-out {row['id']}", row["messages"], common=True)


def _question(tokenizer: ChatTokenizer, one: Conversation, trained: list[int] | None) -> Question:
    """Without `trained` ids those of Hugging Face's text, in which the text of a control token is the token."""
    return Question(one.what, one.body, trained or tokenizer.encode_rendered([one.text or ""])[0])


def _conversation(tokenizer: ChatTokenizer, probe: Probe, switch: bool | None, row: Mapping[str, Any]) -> Conversation:
    """A conversation with Hugging Face's rendering; `row` has the prompts that were trained."""
    name = FIELDS.get(switch)
    trained = tokenizer.decode(row[name]) if name is not None and row.get(name) else None
    what = _what(probe.name, switch)
    try:
        (text,) = tokenizer.render([Asked(probe.messages, ask=True, enable_thinking=switch, tools=probe.tools)])
    except TemplateFailed as failed:
        return Conversation(what, probe, switch, None, f"Hugging Face {failed.what}", trained)
    lost = probe.lost(text)
    return Conversation(what, probe, switch, None if lost else text, lost, trained)


def _what(name: str, switch: bool | None) -> str:
    return name if switch is None else f"{name}, enable_thinking={str(switch).lower()}"


def _rendered(running: server.Server, conversations: Sequence[Conversation]) -> tuple[_Found, list[str]]:
    """llama.cpp's renderings against Hugging Face's, and by name what Hugging Face has no rendering for."""
    found, not_rendered = _Found(), dict[str, str]()
    with progress(f"{running.gguf.name}: prompts rendered by llama.cpp", len(conversations)) as advance:
        for number, one in enumerate(conversations, 1):
            try:
                text = running.post("/apply-template", one.body, RENDER_SECONDS)["prompt"]
            except server.ServerRefused as refusal:
                text = None
                said = f"{one.what}: llama.cpp says {_short(refusal.said)}"
            if one.text is None:
                theirs = "llama.cpp refuses it too" if text is None else "llama.cpp renders something"
                not_rendered.setdefault(one.probe.name, f"{one.probe.name} ({one.why}; {theirs})")
            elif text is None:
                found.num_refused += 1
                found.refused += [said] if found.num_refused <= KEPT else []
            elif text == one.text:
                found.num_equal += 1
            else:
                found.num_differing += 1
                found.differing += [_difference(one.what, one.text, text)] if found.num_differing <= KEPT else []
            advance(number)
    return found, list(not_rendered.values())


def _other_tokens(running: server.Server, wanted: Expected) -> list[dict[str, Any]]:
    """Prompts that the chat endpoint computed an answer to from other tokens than were trained."""
    found = []
    for question in wanted.questions:
        ids = running.prompt_tokens({**question.body, "max_tokens": 1, "temperature": 0})
        if ids != question.ids:
            texts = [_spelled(wanted.tokenizer, some) for some in (question.ids, ids)]
            found.append(_difference(question.what, *texts))
    return found


def _spelled(tokenizer: ChatTokenizer, ids: Sequence[int]) -> str:
    """Tokens as text with a bar between them, so that the same text in other tokens is another."""
    return "|".join(tokenizer.decode([one]) for one in ids)


def _difference(what: str, ours: str | None, theirs: str) -> dict[str, Any]:
    found = first_difference(ours or "", theirs)
    assert found is not None
    return {"what": what, "byte": found.byte, "expected": found.expected, "found": found.found}


def _short(said: str) -> str:
    """An error in one line: llama.cpp quotes the template around the place."""
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("---")]
    return " ".join([*lines[:1], *lines[-1:]] if len(lines) > 1 else lines)[:300]
