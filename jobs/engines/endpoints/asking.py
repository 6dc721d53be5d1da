"""Ask models: each question once, ever.

    async with open_session(folder, caps) as session:
        generator = await session.asker(options)
        answer = await generator.ask(Call(...))

An answer that the folder's store has is not asked for again, and one question that is asked by several at once is sent
once. No server is touched before the first answer that is not there: a run whose answers are all kept needs no network
once its models were probed. What is asked while a stop is answered raises Interrupted; answers that come within a
second are still kept.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from jobs.core import process, terminal
from jobs.core.errors import EnvironmentProblem, Interrupted, No, Refusal
from jobs.core.provenance import data_digest
from jobs.engines.endpoints import embedded, probe as probing, vectors
from jobs.engines.endpoints.client import Client, Fault, key_of
from jobs.engines.endpoints.ledger import Ledger, Tokens
from jobs.engines.endpoints.pool import PATIENCE, AskingEnds, Lane, Patience, Pool
from jobs.engines.endpoints.prices import listed
from jobs.engines.endpoints.probe import ServerFacts
from jobs.engines.endpoints.requests import chat_body
from jobs.engines.endpoints.store import Store, open_store
from jobs.logic.endpoints.answers import judged, spoken
from jobs.logic.endpoints.calls import CALL_FAILED, Answer, Call
from jobs.logic.endpoints.costs import OWN_MACHINE, Caps
from jobs.logic.endpoints.family import Identity
from jobs.logic.endpoints.options import BASE, EndpointOptions

T = TypeVar("T")
WATCH_SECONDS = 0.1
GRACE_SECONDS = 1.0
"""For answers under way when a stop comes."""
WAYS = (
    "no model to ask: give a server's url (`url=http://host:8000/v1`), a GGUF file for the llama-server of this build "
    "(`gguf=model.gguf`), or the run's own base model (`gguf=base`)"
)


class Session:
    """The store, the ledger and the stop that all models of a stage share."""

    def __init__(self, store: Store, ledger: Ledger, stack: AsyncExitStack, patience: Patience) -> None:
        self.store, self.ledger, self.patience = store, ledger, patience
        self.stack = stack
        self.ending: BaseException | None = None
        """Why nothing is asked any more."""
        self.tasks: set[asyncio.Task[Any]] = set()
        self.probed: set[str] = set()
        """Places whose probe is in the ledger: two that ask one model pay for one."""
        self.opened: dict[str, Pool] = {}
        """Servers that are in use, by what tells them apart: two models of one file are one server."""
        self.opening = asyncio.Lock()

    async def asker(self, options: EndpointOptions, base: Callable[[], Path] | None = None) -> Asker:
        """A model to ask; `base` makes the GGUF of the run's own base model.

        Raises Refusal where it cannot be reached as the options say, EnvironmentProblem where no server answers.
        """
        if not options.url and options.gguf is None:
            raise Refusal(WAYS)
        if options.url and options.gguf is not None:
            raise Refusal("url and gguf: give one of them, the server or the file")
        path = None
        if options.gguf is not None:
            path = embedded.file_of(options.gguf) if options.gguf != BASE or base is None else base()
        asker = Asker(self, options, path, key_of(options.key))
        await asker.know()
        return asker

    def end(self, why: BaseException) -> None:
        """Ask nothing more; calls under way have a moment."""
        if self.ending is None:
            self.ending = why
            asyncio.get_running_loop().call_later(0 if isinstance(why, No) else GRACE_SECONDS, self.cancel)

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Work that goes on though who asked for it is gone, until the session ends."""
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def outcome(self, task: asyncio.Task[T]) -> T:
        """What `begin` began; raises why nothing is asked any more where that cut it off."""
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if self.ending is not None and task.cancelled():
                raise self.ending from None
            raise

    def cancel(self) -> None:
        for task in self.tasks:
            task.cancel()

    async def watch(self) -> None:
        """Look for a stop and for the end of the minutes."""
        while self.ending is None:
            if process.stop_requested():
                self.end(Interrupted("answers that came are kept"))
            elif (over := self.ledger.over_time()) is not None:
                self.end(over)
            await asyncio.sleep(WATCH_SECONDS)


class Asker:
    """One model, behind its servers. Made by `Session.asker`."""

    def __init__(self, session: Session, options: EndpointOptions, path: Path | None, key: str | None) -> None:
        self.session, self.options = session, options
        self._path, self._key = path, key
        self._identity = None if path is None else embedded.identity(path)
        self._pool: Pool | None = None
        self._probe_used: list[Tokens] = []
        self._under_way: dict[str, asyncio.Task[Answer]] = {}
        self.servers: ServerFacts
        self.model = ""
        """The name that its answers are kept by."""
        self._asked_as = ""
        """The name that servers know it by."""

    @property
    def ledger(self) -> Ledger:
        return self.session.ledger

    @property
    def faults(self) -> Counter[str]:
        """Requests without an answer, by the fault's name; those that were answered when asked again too."""
        return Counter() if self._pool is None else self._pool.faults

    @property
    def identity(self) -> Identity:
        """For `kinship`."""
        if self._identity is not None:
            return self._identity
        return Identity(tuple(dict.fromkeys(name for name in (self.model, self.servers.answers_as) if name)))

    def facts(self) -> dict[str, Any]:
        """What was found out of the model and its servers; no address, no key, no path."""
        digest = None if self._identity is None else self._identity.digest
        return {**self.servers.as_dict(), "model": self.model, "sha256": digest, "own_server": self._path is not None}

    def call_id(self, call: Call) -> str:
        extra = self.options.extra
        return call.digest(f"{self.model} {data_digest(dict(extra))}" if extra else self.model)

    async def ask(self, call: Call) -> Answer:
        """See `jobs.logic.endpoints.calls.Ask`."""
        session = self.session
        if session.ending is not None:
            raise session.ending
        call_id = self.call_id(call)
        kept = session.store.answer(call_id)
        if kept is not None:
            known = judged(call, call_id, kept)
            self.ledger.kept(self.model, call, known)
            return known
        task = self._under_way.get(call_id)
        if task is None:
            task = self._under_way[call_id] = session.begin(self._asked(call, call_id))
            task.add_done_callback(lambda _: self._under_way.pop(call_id))
        return await session.outcome(task)

    async def ask_all(self, calls: Sequence[Call], label: str) -> list[Answer]:
        """The answers in the order of the calls, with a progress bar."""
        done = 0
        with terminal.progress(label, len(calls)) as advance:

            async def one(call: Call) -> Answer:
                nonlocal done
                answer = await self.ask(call)
                done += 1
                advance(done, self.ledger.note())
                return answer

            tasks = [asyncio.ensure_future(one(call)) for call in calls]
            try:
                return list(await asyncio.gather(*tasks))
            finally:
                for task in tasks:
                    task.cancel()

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """`[texts, dimensions]` by /v1/embeddings of the servers; raises EnvironmentProblem where they have none."""
        session = self.session
        if session.ending is not None:
            raise session.ending
        return await session.outcome(session.begin(self._embedded(texts)))

    async def know(self) -> None:
        """The model's name and facts: those of an earlier probe of the same place, else of one now."""
        place = self._place()
        known = self.session.store.server(place)
        if known is None:
            await self._opened()
            self.session.probed.add(place)
            self.session.store.keep_server(place, {"facts": self.servers.as_dict(), "used": self._probe_used})
            return
        self._named(ServerFacts.of_dict(known["facts"]))
        counted, self.session.probed = place in self.session.probed, self.session.probed | {place}
        for tokens in () if counted else known["used"]:
            self.ledger.other(self.model, probing.PURPOSE, tokens, kept=True)

    async def _asked(self, call: Call, call_id: str) -> Answer:
        pool = await self._opened()
        async with self.ledger.aside(self.model, call):
            facts = self.servers
            body = chat_body(call, self._asked_as, self._extra(), facts.limit_word, facts.schema != "refused")
            try:
                words = await pool.post("/chat/completions", body, spoken)
            except Fault as fault:
                self.ledger.no_answer(self.model, call)
                return Answer(call_id, "", "", failure=CALL_FAILED, evidence=str(fault))
            except AskingEnds as over:
                self.session.end(over)
                raise
            self.session.store.keep(call_id, self.model, call, words)
            answer = judged(call, call_id, words)
            self.ledger.answered(self.model, call, answer)
        return answer

    async def _embedded(self, texts: Sequence[str]) -> NDArray[np.float32]:
        pool = await self._opened()
        found, requests = await vectors.embed(texts, self.model, self.session.store, pool, self._asked_as)
        for one in requests:
            self.ledger.other(self.model, "embeddings", (one.tokens, 0), kept=one.kept)
        return found

    def _extra(self) -> dict[str, Any]:
        """With one slot of our own the prompt's cache is off: with it a text depends on what was asked before."""
        repeats = self._path is not None and self.options.max_concurrency == 1
        return {**({"cache_prompt": False} if repeats else {}), **self.options.extra}

    def _place(self) -> str:
        """What tells this model's servers from others; no secret and no sampling."""
        options = self.options
        digest = None if self._identity is None else self._identity.digest
        where = [sorted(options.url), options.model, digest, dict(options.extra)]
        own = [options.context, options.max_concurrency] if digest is not None else []
        return data_digest([*where, *own])

    def _named(self, facts: ServerFacts) -> None:
        if self._path is None or self._identity is None:
            self.servers, self.model = facts, facts.model
            price = self.options.price or listed(self.options.url[0], facts.model)
        else:
            self.servers, self.model = facts, embedded.model_name(self._path, self._identity.digest or "")
            price = self.options.price or OWN_MACHINE
        self.ledger.model(self.model, price, facts.tells_usage)

    async def _opened(self) -> Pool:
        """The servers, started and probed; what an earlier probe found must still be so."""
        session = self.session
        async with session.opening:
            if self._pool is None and session.ending is not None:
                raise session.ending
            if self._pool is None:
                try:
                    self._pool = await self._open()
                except (EnvironmentProblem, Refusal) as no:
                    session.end(no)
                    raise
        return self._pool

    async def _open(self) -> Pool:
        session, options = self.session, self.options
        shared = data_digest([self._place(), options.key, options.max_concurrency, options.timeout_seconds])
        pool = session.opened.get(shared)
        if pool is None:
            pool = session.opened[shared] = Pool(self._lanes(), session.patience, self.ledger.tried)
            session.stack.push_async_callback(pool.close)
        clients = [lane.client for lane in pool.lanes]
        if self.model:
            await self._still_so(clients)
            return pool
        asked = options if self._path is None else probing.own(options)
        found = await probing.probe(clients, asked, session.patience)
        self._named(found.facts)
        self._asked_as = found.asked_as
        self._probe_used = [(words.prompt_tokens, words.completion_tokens) for words in found.told]
        for tokens in self._probe_used:
            self.ledger.other(self.model, probing.PURPOSE, tokens)
        return pool

    async def _still_so(self, clients: Sequence[Client]) -> None:
        """Raises EnvironmentProblem where servers name other models than when the run began."""
        begun = self.servers
        self._asked_as = self.options.model or begun.model
        for client in clients:
            try:
                known = {probing.shortened(name): name for name in await probing.served(client)}
            except Fault:
                continue  # the pool finds out whether it comes back
            if self._path is None and known and begun.served and not set(known) & set(begun.served):
                names = [", ".join(found) for found in (known, begun.served)]
                raise EnvironmentProblem(f"url: {client.url} serves {names[0]}; this run was begun with {names[1]}")
            self._asked_as = self.options.model or known.get(begun.model, begun.model)

    def _lanes(self) -> list[Lane]:
        """The servers; one of our own is started."""
        options, most = self.options, self.options.max_concurrency
        if self._path is None:
            return [Lane(Client(url, self._key, options.timeout_seconds), most) for url in options.url]
        running = self.session.stack.enter_context(embedded.serving(self._path, options))
        client = Client(embedded.url(running), running.key, options.timeout_seconds)
        return [Lane(client, most, dead=lambda: embedded.why_gone(running))]


@asynccontextmanager
async def open_session(folder: Path, caps: Caps, patience: Patience = PATIENCE) -> AsyncIterator[Session]:
    """Answers are kept in `folder`. Within it a stop does not raise of itself: what is asked then raises Interrupted.

    Raises EnvironmentProblem where another command uses the folder's answers.
    """
    with open_store(folder) as store, process.deferred_stop(lambda: "stop asked for; answers that came are kept ..."):
        async with AsyncExitStack() as stack:
            session = Session(store, Ledger(caps), stack, patience)
            watcher = asyncio.ensure_future(session.watch())
            try:
                yield session
            finally:
                watcher.cancel()
                session.cancel()
                await asyncio.gather(*session.tasks, watcher, return_exceptions=True)


@asynccontextmanager
async def open_asker(
    options: EndpointOptions,
    folder: Path,
    caps: Caps,
    base: Callable[[], Path] | None = None,
    patience: Patience = PATIENCE,
) -> AsyncIterator[Asker]:
    """One model in a session of its own."""
    async with open_session(folder, caps, patience) as session:
        yield await session.asker(options, base)


def run(work: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, and of errors that came together in a group the one that a command ends with."""
    try:
        return asyncio.run(work)
    except BaseExceptionGroup as group:
        raise _first(group) from None


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """A stop before a bug, and that before what the machine or the config lacks."""
    leaves: list[BaseException] = []
    waiting: list[BaseException] = [group]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
        else:
            leaves.append(one)

    def rank(one: BaseException) -> int:
        return 3 if isinstance(one, Interrupted) else 2 if not isinstance(one, No) else int(isinstance(one, AskingEnds))

    return max(leaves, key=rank)
