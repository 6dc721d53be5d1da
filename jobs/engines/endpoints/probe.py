"""What a server does, asked before it is used: nothing about it is believed.

Four requests: which models it serves, whether a JSON schema is obeyed where the prompt asks for something else, and
twice the same seeded question that is to be cut, for `max_tokens`, usage and repetition.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from jobs.core import terminal
from jobs.core.errors import EnvironmentProblem, Refusal
from jobs.engines.endpoints.client import ABOUT_THE_SERVER, Client, Fault
from jobs.engines.endpoints.pool import Patience
from jobs.engines.endpoints.requests import chat_body
from jobs.logic.endpoints.answers import Spoken, judged, spoken
from jobs.logic.endpoints.calls import Call, Sampling
from jobs.logic.endpoints.options import EndpointOptions
from jobs.logic.row import Message

PURPOSE = "probe"
WORD = {
    "type": "object",
    "properties": {"word": {"enum": ["kingfisher"]}},
    "required": ["word"],
    "additionalProperties": False,
}
SCHEMA_TOKENS, CUT_TOKENS = 512, 8
TRIES = 6
SHOWN = 5

Schema = Literal["obeyed", "ignored", "refused", "unknown"]


@dataclass(frozen=True)
class ServerFacts:
    """Of all servers of a model together: the least of what each does."""

    model: str
    served: tuple[str, ...]
    """Of the names in /v1/models the model's own, else the first ones. llama-server answers to any name."""
    answers_as: str
    """The model's name in its answers."""
    schema: Schema
    """`unknown`: its answer was cut before it could tell."""
    tells_usage: bool
    cuts: bool
    """`max_tokens` ends an answer with finish `length`."""
    repeats: bool
    """The same seed gave the same text, one call at a time."""
    limit_word: str
    """How it calls the most tokens of an answer."""

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "served": list(self.served)}

    @staticmethod
    def of_dict(facts: dict[str, Any]) -> ServerFacts:
        return ServerFacts(**{**facts, "served": tuple(facts["served"])})


def own(options: EndpointOptions) -> EndpointOptions:
    """For a server of our own, which names the one file that it has."""
    return replace(options, model=None)


@dataclass(frozen=True)
class Probed:
    """What one server was found to be."""

    facts: ServerFacts
    asked_as: str
    """The model's name as the server wants it, folders and all: for requests, and for nothing that is kept."""
    told: list[Spoken]
    """For the ledger."""


async def probe(clients: Sequence[Client], options: EndpointOptions, patience: Patience) -> Probed:
    """Ask every server; one that is not there is left out with a word.

    Raises EnvironmentProblem where none is there, Refusal where one does not know the model, the key or the address,
    or where they serve different models.
    """
    asked = await asyncio.gather(*(_patient(client, options, patience) for client in clients), return_exceptions=True)
    found: list[Probed] = []
    left_out: list[str] = []
    for client, outcome in zip(clients, asked, strict=True):
        if isinstance(outcome, Fault):
            left_out.append(f"{client.url}: {outcome.said}")
        elif isinstance(outcome, BaseException):
            raise outcome
        else:
            found.append(outcome)
    if not found:
        raise EnvironmentProblem(f"url: no server answers: {'; '.join(left_out)}")
    for said in left_out:
        terminal.say(f"left out for now, and asked again later: {said}")
    names = sorted({one.facts.model for one in found})
    if len(names) > 1:
        raise Refusal(f"url: the servers serve different models ({', '.join(names)}); give those of one, or a model")
    told = [words for one in found for words in one.told]
    return Probed(_together([one.facts for one in found]), found[0].asked_as, told)


async def served(client: Client) -> tuple[str, ...]:
    """The names in /v1/models, as the server has them; none where there is no such page. Raises Fault."""
    try:
        page = await client.get("/models")
    except Fault as fault:
        if fault.status in (404, 405, 501):
            return ()
        raise
    entries = page.get("data") if isinstance(page, dict) else None
    names = [entry.get("id") for entry in entries or () if isinstance(entry, dict)]
    return tuple(name for name in names if isinstance(name, str))


def shortened(name: str) -> str:
    """A model's name without the folders of another machine."""
    return name.rpartition("/")[2] if name.startswith("/") else name


async def _patient(client: Client, options: EndpointOptions, patience: Patience) -> Probed:
    for number in range(TRIES):
        try:
            return await _one(client, options)
        except Fault as fault:
            if not fault.again or number == TRIES - 1 or (fault.name == "no-connection" and number >= 1):
                if fault.name in ABOUT_THE_SERVER or fault.again:
                    raise
                raise _refusal(client, options, fault) from None
            usual = patience.first_seconds * 2**number
            await asyncio.sleep(min(usual if fault.retry_after is None else fault.retry_after, patience.most_seconds))
    raise AssertionError("the last try returns or raises")


async def _one(client: Client, options: EndpointOptions) -> Probed:
    names = await served(client)
    model = options.model or (names[0] if len(names) == 1 else "")
    if not model:
        listed = ", ".join(map(shortened, names[:SHOWN])) + (" ..." if len(names) > SHOWN else "")
        raise Refusal(f"model: {client.url} serves {listed or 'models that it does not name'}; say which one")
    counted: list[Spoken] = []
    cut_call = Call(
        (Message("user", "Write a list of five hundred random words."),),
        Sampling(1.0, 1.0, CUT_TOKENS, 7),
        None,
        PURPOSE,
    )
    limit_word = "max_tokens"
    try:
        first = await _said(client, options, model, cut_call, limit_word)
    except Fault as fault:
        if "max_completion_tokens" not in fault.said:
            raise
        limit_word = "max_completion_tokens"
        first = await _said(client, options, model, cut_call, limit_word)
    second = await _said(client, options, model, cut_call, limit_word)
    counted += [first, second]
    if options.model is not None and names and not _listed(model, names) and first.model != shortened(model):
        listed = ", ".join(map(shortened, names[:SHOWN]))
        said = first.model or "nobody"
        raise Refusal(f"model: {client.url} serves {listed}, not {model}, and answered as {said}")
    schema = await _schema(client, options, model, limit_word, counted)
    facts = ServerFacts(
        model=shortened(model),
        served=_kept(names, shortened(model)),
        answers_as=first.model,
        schema=schema,
        tells_usage=all(words.prompt_tokens is not None and words.completion_tokens is not None for words in counted),
        cuts=first.finish == "length",
        repeats=(first.text, first.thoughts) == (second.text, second.thoughts),
        limit_word=limit_word,
    )
    return Probed(facts, model, counted)


async def _schema(
    client: Client, options: EndpointOptions, model: str, limit_word: str, counted: list[Spoken]
) -> Schema:
    sampling = Sampling(0.0, 1.0, max(1, min(options.max_tokens, SCHEMA_TOKENS)), 7)
    call = Call((Message("user", "Answer with the one word: apple"),), sampling, WORD, PURPOSE)
    try:
        words = await _said(client, options, model, call, limit_word)
    except Fault as fault:
        if fault.status in (400, 422):
            return "refused"
        raise
    counted.append(words)
    answer = judged(call, "", words)
    if answer.failure in ("cut", "empty", "declined"):
        return "unknown"
    return "obeyed" if answer.failure is None else "ignored"


async def _said(client: Client, options: EndpointOptions, model: str, call: Call, limit_word: str) -> Spoken:
    body = chat_body(call, model, options.extra, limit_word, True)
    return await client.post("/chat/completions", body, spoken)


def _kept(names: Sequence[str], model: str) -> tuple[str, ...]:
    """A large service serves hundreds, and others every day."""
    known = [shortened(name) for name in names]
    return (model,) if model in known else tuple(known[:SHOWN])


def _listed(model: str, names: Sequence[str]) -> bool:
    return any(model in (name, name.rpartition("/")[2], name.removesuffix(":latest")) for name in names)


def _together(found: Sequence[ServerFacts]) -> ServerFacts:
    worst: tuple[Schema, ...] = ("refused", "ignored", "unknown", "obeyed")
    return replace(
        found[0],
        schema=min((one.schema for one in found), key=worst.index),
        tells_usage=all(one.tells_usage for one in found),
        cuts=all(one.cuts for one in found),
        repeats=all(one.repeats for one in found),
    )


def _refusal(client: Client, options: EndpointOptions, fault: Fault) -> Refusal:
    """What a person can do about a fault that stays."""
    if fault.status in (401, 403):
        sent = (
            f"the key in {options.key}" if options.key else "no key; `key` names the environment variable that has one"
        )
        return Refusal(f"key: {client.url} does not let us in ({fault.said}); sent was {sent}")
    if fault.status in (404, 405):
        return Refusal(f"url: {client.url} has no /chat/completions ({fault.said}); a url goes up to and with /v1, and "
                       "a model that is not there is told so too")  # fmt: skip
    return Refusal(f"url: {client.url}: {fault.name}: {fault.said}")
