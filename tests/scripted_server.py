"""An OpenAI-compatible server for tests: a function answers, a script plays faults, and every call is counted.

    with ScriptedServer(lambda prompt: prompt.upper(), script=[too_many("1"), None, reset]) as server:
        ... ask server.url ...
    server.count, server.asked            # calls, and how often each was asked by its digest

The teacher is a function of the last user message, or of that and the whole body; it returns the answer's text, or a
Reply of its own. `script` is a list of faults for the first calls, None for none, or a function of the call's number
and body. Probes are answered like any call. The server runs in a thread; `python -m tests.scripted_server` is one in
a process of its own, for the bench.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import inspect
import json
import socket
import struct
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from jobs.logic.endpoints.options import EndpointOptions

Body = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """What goes over the wire."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0.0
    """Seconds before it."""
    sent: int | None = None
    """Bytes of the body after which the connection is reset."""


Fault = Callable[[Body, str], Reply]
"""Of a request's body and the teacher's text."""
Script = Sequence[Fault | None] | Callable[[int, Body], Fault | None]
Teacher = Callable[[str], str | Reply] | Callable[[str, Body], str | Reply]


def json_reply(value: Any, status: int = 200, **more: Any) -> Reply:
    body = json.dumps(value, ensure_ascii=True).encode()
    return Reply(status, body, {"Content-Type": "application/json"}, **more)


def completion(body: Body, text: str | None, **changes: Any) -> Body:
    """The object of /v1/chat/completions; `changes`: finish, usage (None: left out), refusal, other message fields."""
    finish, usage = changes.pop("finish", "stop"), changes.pop("usage", {})
    prompt = sum(len(str(message["content"]).split()) for message in body.get("messages", []))
    words = len((text or "").split())
    told = {"prompt_tokens": prompt, "completion_tokens": words, "total_tokens": prompt + words}
    message = {"role": "assistant", "content": text, **changes}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    whole = {"id": "c", "object": "chat.completion", "model": body.get("model", ""), "choices": [choice]}
    return whole if usage is None else {**whole, "usage": told | usage}


def too_many(retry_after: str | None = None) -> Fault:
    """429; `retry_after` in seconds or as an HTTP date."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return lambda body, text: dataclasses.replace(
        json_reply({"error": {"message": "slow down"}}, 429), headers=headers
    )  # fmt: skip


def status(number: int, said: str = "it is so") -> Fault:
    """An error object with that status."""
    return lambda body, text: json_reply({"error": {"message": said, "code": number}}, number)


def reset(body: Body, text: str) -> Reply:
    """The connection is reset in the middle of the body."""
    whole = json_reply(completion(body, text))
    return dataclasses.replace(whole, sent=len(whole.body) // 2)


def hang(seconds: float) -> Fault:
    """The answer comes after so long."""
    return lambda body, text: json_reply(completion(body, text), wait=seconds)


def page(body: Body, text: str) -> Reply:
    """A proxy's HTML, with status 200."""
    return Reply(200, b"<!doctype html><html><body>Welcome</body></html>", {"Content-Type": "text/html"})


def empty_body(body: Body, text: str) -> Reply:
    return Reply(200, b"", {"Content-Type": "application/json"})


def null(body: Body, text: str) -> Reply:
    return json_reply(None)


def error_object(body: Body, text: str) -> Reply:
    """Status 200, and an error in it."""
    return json_reply({"error": {"message": "provider is overloaded", "code": 502}})


def says_error(said: str) -> Fault:
    """Status 200, and an error of these words."""
    return lambda body, text: json_reply({"error": {"message": said}})


def half_json(body: Body, text: str) -> Reply:
    """A whole response whose JSON ends too early."""
    whole = json_reply(completion(body, text))
    return dataclasses.replace(whole, body=whole.body[: len(whole.body) // 2])


def no_choices(body: Body, text: str) -> Reply:
    return json_reply({"object": "chat.completion", "choices": []})


def no_usage(body: Body, text: str) -> Reply:
    return json_reply(completion(body, text, usage=None))


def content_null(body: Body, text: str) -> Reply:
    return json_reply(completion(body, None))


def refusal(body: Body, text: str) -> Reply:
    return json_reply(completion(body, None, refusal="I cannot help with that."))


def cut(body: Body, text: str) -> Reply:
    """The first half of the text, with finish `length`."""
    return json_reply(completion(body, text[: len(text) // 2], finish="length"))


def huge(num_bytes: int) -> Fault:
    """An answer of so many bytes."""
    return lambda body, text: json_reply(completion(body, "x" * num_bytes))


def redirect(to: str) -> Fault:
    return lambda body, text: Reply(307, b"", {"Location": to})


def says(text: str, **changes: Any) -> Fault:
    """Another answer than the teacher's; `changes` as in `completion`."""
    return lambda body, _: json_reply(completion(body, text, **changes))


def answers_as(model: str) -> Fault:
    """The teacher's answer, under another model's name."""
    return lambda body, text: json_reply({**completion(body, text), "model": model})


def digest(body: Body) -> str:
    """Of what was asked."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def instance(schema: Mapping[str, Any], text: str) -> Any:
    """A value that the schema allows, with `text` for strings: what a server that obeys schemas would make of it."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "string")
    if kind == "object":
        return {name: instance(part, text) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [instance(schema.get("items", {}), text)] * max(1, schema.get("minItems", 1))
    simple: dict[str, Any] = {"integer": 1, "number": 1, "boolean": True, "null": None}
    return simple.get(kind, text)


def fits(text: str, schema: Mapping[str, Any]) -> bool:
    from jsonschema import Draft202012Validator

    try:
        return bool(Draft202012Validator(schema).is_valid(json.loads(text)))
    except ValueError:
        return False


def prompt_of(body: Body) -> str:
    """The last user message."""
    return next((str(m["content"]) for m in reversed(body.get("messages", [])) if m["role"] == "user"), "")


def options(**changes: Any) -> EndpointOptions:
    """Of a model that nothing else is said of."""
    plain: dict[str, Any] = {
        "url": (), "model": None, "gguf": None, "key": None, "price": None, "extra": {},
        "temperature": 0.7, "top_p": 1.0, "max_tokens": 256, "context": 512, "timeout_seconds": 60.0,
        "max_concurrency": 8,
    }  # fmt: skip
    return EndpointOptions(**{**plain, **changes})


class ScriptedServer:
    """See the module. `slots`: calls that are worked on at once, each for `latency` seconds; the others wait. `most`:
    calls that are there at once; another one gets a 429."""

    def __init__(
        self,
        teacher: Teacher = lambda prompt: f"You said: {prompt}",
        *,
        script: Script = (),
        models: Sequence[str] = ("teacher",),
        obeys: bool = True,
        latency: float = 0.0,
        slots: int = 1000,
        most: int = 1000,
        key: str | None = None,
    ) -> None:
        self.teacher, self.script, self.models, self.obeys = teacher, script, list(models), obeys
        self.latency, self.slots, self.most, self.key = latency, slots, most, key
        self.wants_body = len(inspect.signature(teacher).parameters) > 1
        self.asked: Counter[str] = Counter()
        self.bodies: list[Body] = []
        self.keeps_bodies = True
        self.count = 0
        """Chat calls, answered or not."""
        self.most_at_once = 0
        self.port = 0
        self.embedded = 0
        """Texts that embeddings were asked of."""
        self._there = self._running = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def options(self, **changes: Any) -> EndpointOptions:
        """How it is asked by `engines/endpoints`."""
        return options(**{"url": (self.url,), **changes})

    def __enter__(self) -> ScriptedServer:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def stop(self) -> None:
        """Nobody is answered any more."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()

    def start_again(self) -> None:
        """At the same port."""
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()

    async def _listen(self) -> None:
        self._free = asyncio.Semaphore(self.slots)
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._connections.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection stays open."""
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
        data = await reader.readexactly(int(headers.get("content-length", 0)))
        reply = await self._reply(method, path, headers, data)
        if reply.wait:
            await asyncio.sleep(reply.wait)
        told = {"Content-Length": str(len(reply.body)), **reply.headers}
        head = f"HTTP/1.1 {reply.status} So\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in told.items())
        writer.write(head.encode("latin-1") + b"\r\n" + reply.body[: reply.sent])
        await writer.drain()
        if reply.sent is not None:
            await asyncio.sleep(0.02)  # so that the half is read before the reset
            at_once = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            writer.transport.abort()
            return False
        return True

    async def _reply(self, method: str, path: str, headers: Mapping[str, str], data: bytes) -> Reply:
        if self.key is not None and headers.get("authorization") != f"Bearer {self.key}":
            return json_reply({"error": {"message": f"wrong key: {headers.get('authorization')}"}}, 401)
        if path == "/v1/models":
            return json_reply({"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]})
        if (method, path) == ("POST", "/v1/embeddings"):
            body = json.loads(data)
            self.embedded += len(body["input"])
            return json_reply(embeddings(body))
        if (method, path) != ("POST", "/v1/chat/completions"):
            return json_reply({"error": {"message": "no such path"}}, 404)
        return await self._chat(json.loads(data))

    async def _chat(self, body: Body) -> Reply:
        number = self.count
        self.count += 1
        self.asked[digest(body)] += 1
        if self.keeps_bodies:
            self.bodies.append(body)
        if self._there >= self.most:
            return too_many()(body, "")
        self._there += 1
        try:
            async with self._free:
                self._running += 1
                self.most_at_once = max(self.most_at_once, self._running)
                try:
                    if self.latency:
                        await asyncio.sleep(self.latency)
                finally:
                    self._running -= 1
        finally:
            self._there -= 1
        if callable(self.script):
            fault = self.script(number, body)
        else:
            fault = self.script[number] if number < len(self.script) else None
        text = self._taught(body)
        if isinstance(text, Reply):
            return text
        return fault(body, text) if fault is not None else json_reply(self._answer(body, text))

    def _taught(self, body: Body) -> str | Reply:
        words = (prompt_of(body), body) if self.wants_body else (prompt_of(body),)
        text: str | Reply = self.teacher(*words)
        schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
        if isinstance(text, Reply) or schema is None or not self.obeys or fits(text, schema):
            return text
        return json.dumps(instance(schema, text), ensure_ascii=False)

    def _answer(self, body: Body, text: str) -> Body:
        words = text.split()
        most = body.get("max_tokens")
        if most is not None and len(words) > most:
            return completion(body, " ".join(words[:most]), finish="length")
        return completion(body, text)


def embeddings(body: Body) -> Body:
    """Eight numbers of each text, by its digest."""
    rows = [[byte / 255 for byte in hashlib.sha256(text.encode()).digest()[:8]] for text in body["input"]]
    data = [{"object": "embedding", "index": place, "embedding": row} for place, row in enumerate(rows)]
    return {"object": "list", "data": data, "model": body.get("model", ""), "usage": {"prompt_tokens": len(data)}}


def main(latency: float, slots: int) -> None:
    """Say the URL, serve until stdin ends, then say how many calls there were and the most at once."""
    with ScriptedServer(latency=latency, slots=slots) as server:
        server.keeps_bodies = False
        print(server.url, flush=True)
        sys.stdin.read()
        print(json.dumps({"count": server.count, "twice": sum(n > 1 for n in server.asked.values())}), flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
