"""RunPod's REST API v2 on 127.0.0.1: it keeps pods, misbehaves as told, and checks every call by the specification."""

from __future__ import annotations

import itertools
import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.launch.runpod.specification import Specification, path as specification_path

KEY = "rpa_TESTKEYTESTKEYTESTKEY"
TITLES = {400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found"}
TITLES |= {409: "Conflict", 422: "Unprocessable Entity", 429: "Too Many Requests", 500: "Internal Server Error"}


def gpu(name: str, price: float, memory: int = 24, stock: str = "HIGH", **changes: Any) -> dict[str, Any]:
    """An entry of the catalog, with all its stock in one data center."""
    entry = {
        "id": name,
        "name": name.removeprefix("NVIDIA ").removeprefix("GeForce "),
        "pool": None,
        "manufacturer": "NVIDIA",
        "memory": memory,
        "secure": True,
        "community": True,
        "price": {"secure": price, "community": price / 2},
        "maxCount": {"secure": 8, "community": 2},
        "availability": stock,
        "dataCenters": [{"id": "XX-1", "name": "Nowhere 1", "availability": stock}],
    }
    return entry | changes


@dataclass
class Fake:
    """The service's state. `faults[operation]` is a list of what to do instead, used up one a call."""

    gpus: list[dict[str, Any]] = field(default_factory=list)
    volumes: dict[str, str] = field(default_factory=lambda: {"vol1": "XX-1"})
    """Volume id to data center."""
    pods: dict[str, dict[str, Any]] = field(default_factory=dict)
    full: set[str] = field(default_factory=set)
    """GPU types without capacity."""
    costs: float | None = None
    """What pods really cost; None: the catalog's price."""
    faults: dict[str, list[str]] = field(default_factory=dict)
    hide: int = 0
    """How many lists a new pod is missing from."""
    page: int = 0
    """Pods in one list; 0: all."""
    logs: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    cuts: list[tuple[int, str]] = field(default_factory=list)
    """(events, how) of each log connection: `close`, `reset`, or `half` of the next event and then a reset."""
    chatter: bool = False
    """Whether a pod never stops writing."""
    resume: str = "after"
    """What a Last-Event-ID means: `after` the first event of that moment, `from` that moment on, `past` it, `ignored`,
    or `refused`."""
    calls: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    address: str = ""
    now: datetime = datetime(2026, 6, 1, 12, tzinfo=UTC)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    over: threading.Event = field(default_factory=threading.Event)
    lists: int = 0

    def count(self, operation: str) -> int:
        return self.calls.count(operation)

    def new_pod(self, body: dict[str, Any]) -> dict[str, Any]:
        """A pod as a create makes it."""
        name = f"pod{next(self.numbers)}"
        price = next((entry["price"]["secure"] for entry in self.gpus if entry["id"] == body["gpu"]["id"]), 0.5)
        pod = {
            "id": name,
            "name": body["name"],
            "status": "PROVISIONING",
            "actions": ["stop", "terminate"],
            "image": body["image"],
            "args": body.get("args", ""),
            "disk": body.get("disk", 20),
            "mounts": body.get("mounts", {}),
            "ports": body.get("ports", []),
            "env": body.get("env", {}),
            "registry": body.get("registry"),
            "gpu": {"id": body["gpu"]["id"], "count": body["gpu"]["count"]},
            "cloud": body.get("cloud", "SECURE"),
            "dataCenterId": body.get("dataCenterIds", [None])[0],
            "cudaVersion": None,
            "ssh": {"proxy": None, "direct": None},
            "template": None,
            "cost": price * body["gpu"]["count"] if self.costs is None else self.costs,
            "locked": False,
            "globalNetworking": {"enabled": False},
            "runtime": None,
            "createdAt": self.now.isoformat().replace("+00:00", "Z"),
            "startedAt": None,
        }
        self.pods[name] = pod
        self.hidden_until = self.lists + self.hide
        return pod

    hidden_until: int = 0

    def listed(self, query: dict[str, list[str]]) -> dict[str, Any]:
        self.lists += 1
        pods = list(self.pods.values())
        if self.lists <= self.hidden_until:
            pods = pods[:-1]
        if not self.page:
            return {"pods": pods}
        start = int(query.get("cursor", ["0"])[0])
        after = start + self.page if start + self.page < len(pods) else None
        page = {"nextCursor": None if after is None else str(after), "hasNextPage": after is not None}
        return {"pods": pods[start : start + self.page], "pagination": page}


def problem(status: int, detail: str, *errors: str) -> tuple[int, dict[str, Any]]:
    body: dict[str, Any] = {"title": TITLES.get(status, "Error"), "status": status, "detail": detail}
    return status, body | ({"errors": list(errors)} if errors else {})


@contextmanager
def serve(fake: Fake) -> Iterator[Fake]:
    """Answer in threads; every request and every answer that is not a fault is checked."""
    found = specification_path()
    specification = Specification(found) if found else None

    class Handler(_Handler):
        pass

    Handler.fake, Handler.specification = fake, specification
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        fake.over.set()
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    fake: Fake
    specification: Specification | None

    def log_message(self, *words: Any) -> None:
        """Quiet."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Of the service's clock, for the Date of every answer."""
        return format_datetime(self.fake.now, usegmt=True)

    def do_GET(self) -> None:
        self.handle_call()

    def do_POST(self) -> None:
        self.handle_call()

    def do_DELETE(self) -> None:
        self.handle_call()

    def handle_call(self) -> None:
        url = urlsplit(self.path)
        self.url, self.query = url.path, parse_qs(url.query)
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.specification and not self.fake.page:
            self.fake.problems += self.specification.request(self.command, self.url, url.query, self.headers, self.body)
        parts = [unquote(part) for part in self.url.removeprefix("/v2/").split("/")]
        operation = self.operation(parts)
        self.fake.calls.append(operation)
        queue = self.fake.faults.get(operation, [])
        with suppress(BrokenPipeError, ConnectionResetError):
            if queue and (fault := queue.pop(0)) != "ok":
                self.misbehave(operation, parts, fault)
            elif self.headers["Authorization"] != f"Bearer {KEY}":
                self.reply(*problem(401, "invalid bearer token"))
            elif operation == "logs":
                self.stream(parts[1])
            else:
                self.reply(*self.answer(operation, parts))

    def operation(self, parts: list[str]) -> str:
        if parts[0] == "pods":
            last = parts[2] if len(parts) > 2 else ""
            if last:
                return last
            kinds = {("GET", 1): "list", ("POST", 1): "create", ("GET", 2): "get", ("DELETE", 2): "delete"}
            return kinds[self.command, len(parts)]
        return {"catalog": "catalog", "network-volumes": "volume"}[parts[0]]

    def answer(self, operation: str, parts: list[str]) -> tuple[int, dict[str, Any] | None]:
        """What a well-behaved service says, and does."""
        fake = self.fake
        if operation == "list":
            return 200, fake.listed(self.query)
        if operation == "catalog":
            return 200, {"gpus": fake.gpus}
        if operation == "volume":
            place = fake.volumes.get(parts[1])
            if place is None:
                return problem(404, "network volume not found")
            return 200, {"id": parts[1], "name": "runs", "size": 50, "dataCenter": place, "type": "STANDARD"}
        if operation == "create":
            body = json.loads(self.body)
            fake.bodies.append(body)
            if body["gpu"]["id"] in fake.full:
                return problem(400, f"there are no longer any instances available of {body['gpu']['id']}")
            return 201, fake.new_pod(body)
        pod = fake.pods.get(parts[1])
        if pod is None:
            return problem(404, "pod not found")
        if operation == "delete":
            del fake.pods[parts[1]]
            return 204, None
        if operation == "action":
            action = json.loads(self.body)["action"]
            if action not in pod["actions"]:
                return problem(409, f"action {action} is not valid for status {pod['status']}")
            if action == "terminate":
                del fake.pods[parts[1]]
                return 204, None
            pod |= {"status": "EXITED", "actions": ["start", "terminate"], "cost": 0.0}
        return 200, pod

    def misbehave(self, operation: str, parts: list[str], fault: str) -> None:
        """`accept+X`: do it, then X. `429:7`, `503:date`, `500`, ..., `html`, `moved`, `garbage`, `silence`."""
        if fault.startswith("accept+"):
            self.answer(operation, parts)
            fault = fault.removeprefix("accept+")
        if fault == "silence":
            self.fake.over.wait(10)
            self.close_connection = True
        elif fault == "reset":
            self.reset()
        elif fault == "html":
            self.write(502, "text/html", b"<html><body><h1>502 Bad Gateway</h1></body></html>")
        elif fault == "page":
            self.write(200, "text/html", b"<html>sign in to this network</html>")
        elif fault == "moved":
            self.write(302, "text/html", b"<html>elsewhere</html>")
        elif fault == "garbage":
            self.write(201 if operation == "create" else 200, "application/json", b'{"unexpected": ')
        elif fault.startswith(("429", "503")):
            status, _, seconds = fault.partition(":")
            self.reply(*problem(int(status), "rate limit exceeded for the minute window"), retry_after=seconds)
        elif fault == "422":
            self.reply(*problem(422, "Request validation failed.", "$.gpu.count: got 99, want at most 8"))
        else:
            status, _, detail = fault.partition(" ")
            self.reply(*problem(int(status), detail or "as told"))

    def stream(self, pod: str) -> None:
        """The pod's log as server-sent events; it has no end but a cut."""
        if pod not in self.fake.pods:
            self.reply(*problem(404, "pod not found"))
            return
        if self.fake.resume == "refused" and self.headers.get("Last-Event-ID"):
            self.reply(*problem(422, "Request validation failed.", "Last-Event-ID: not like this"))
            return
        limit, how = self.fake.cuts.pop(0) if self.fake.cuts else (10**9, "close")
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        log = self.fake.logs.setdefault(pod, [])
        place = self.first(log)
        sent = 0
        while not self.fake.over.is_set() and pod in self.fake.pods:
            if sent >= limit:
                if how == "half" and place < len(log):
                    self.wfile.write(event(log[place])[:-9])
                    self.wfile.flush()
                if how != "close":
                    self.reset()
                return
            if place < len(log):
                self.wfile.write(event(log[place]))
                self.wfile.flush()
                place, sent = place + 1, sent + 1
            else:
                self.fake.over.wait(0.01)
                if self.fake.chatter:
                    log.append({"id": str(place), "ts": "2026-06-01T13:00:00Z", "source": "container", "line": "step"})

    def first(self, log: list[dict[str, str]]) -> int:
        """Where a connection begins."""
        after = self.headers.get("Last-Event-ID")
        if after is None or self.fake.resume == "ignored":
            return max(0, len(log) - int(self.query.get("tail", ["100"])[0]))
        place = next((place for place, entry in enumerate(log) if entry["ts"] == after), 0)
        if self.fake.resume == "after":
            return place + 1
        if self.fake.resume == "past":
            return next((start for start, entry in enumerate(log) if entry["ts"] > log[place]["ts"]), len(log))
        return next(start for start, entry in enumerate(log) if entry["ts"] == log[place]["ts"])

    def reset(self) -> None:
        """Drop the connection as a dying proxy does."""
        self.close_connection = True
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def reply(self, status: int, body: dict[str, Any] | None, retry_after: str = "") -> None:
        kind = "application/problem+json" if status >= 400 else "application/json"
        data = b"" if body is None else json.dumps(body).encode()
        if self.specification and not self.fake.page:
            self.fake.problems += self.specification.answer(self.command, self.url, status, kind, data)
        self.write(status, kind, data, retry_after)

    def write(self, status: int, kind: str, data: bytes, retry_after: str = "") -> None:
        self.send_response(status)
        if data:
            self.send_header("Content-Type", kind)
        if retry_after:
            self.send_header("Retry-After", retry_after)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def event(entry: dict[str, str]) -> bytes:
    data = json.dumps({"ts": entry["ts"], "source": entry["source"], "line": entry["line"]})
    return f"id: {entry['id']}\ndata: {data}\n\n".encode()
