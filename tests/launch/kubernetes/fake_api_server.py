"""As much of a Kubernetes API server as kubectl needs: discovery, objects that it keeps, and logs that break off.

Every object that it is given is checked with the schemas of a Kubernetes version; one that does not hold is refused as
the real one refuses it. Nothing schedules or runs: a test says how Jobs and pods stand.
"""

from __future__ import annotations

import base64
import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import kubernetes_validate
import yaml

RESOURCES = {
    "/api/v1": {
        "pods": "Pod",
        "pods/log": "Pod",
        "configmaps": "ConfigMap",
        "persistentvolumeclaims": "PersistentVolumeClaim",
    },
    "/apis/batch/v1": {"jobs": "Job"},
}
VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


@dataclass
class FakeServer:
    """What it has, and what was asked."""

    version: str
    address: str = ""
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Path of the API to object."""
    logs: dict[str, list[tuple[list[str], dict[str, Any]]]] = field(default_factory=dict)
    """Pod to what each connection gets, and how the pod's container stands after it; the last one stays."""
    asked: list[tuple[str, str]] = field(default_factory=list)

    def find(self, kind: str) -> list[dict[str, Any]]:
        return [each for each in self.objects.values() if each["kind"] == kind]

    def config(self) -> str:
        """A kubeconfig."""
        named = {"clusters": [{"name": "fake", "cluster": {"server": self.address}}], "users": []}
        context = {"cluster": "fake", "namespace": "team"}
        return yaml.safe_dump(
            {"apiVersion": "v1", "kind": "Config", **named, "contexts": [{"name": "fake", "context": context}],
             "current-context": "fake"}
        )  # fmt: skip


@contextmanager
def serving(version: str) -> Iterator[FakeServer]:
    """A server on a free port of the loopback."""
    server = FakeServer(version)

    class Handler(Answers):
        state = server

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.address = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()


class Answers(BaseHTTPRequestHandler):
    state: FakeServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def send(self, body: Any, code: int = 200) -> None:
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, code: int, reason: str, message: str) -> None:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason}
        self.send(status | {"code": code}, code)

    def given(self) -> Any:
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        return yaml.safe_load(text) if text else None

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        self.state.asked.append(("GET", self.path))
        if url.path in ("/api", "/apis", "/version") or url.path in RESOURCES:
            self.send(discovery(url.path))
        elif url.path.startswith("/openapi/v3"):
            self.send(documents(url.path.removeprefix("/openapi/v3")))
        elif url.path.rpartition("/")[0] == "/api/v1/namespaces":
            self.send({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": url.path.rpartition("/")[2]}})
        elif url.path.endswith("/log"):
            self.log(url.path.split("/")[-2], query)
        elif url.path in self.state.objects:
            self.send(self.state.objects[url.path])
        elif url.path.rpartition("/")[2] in ("pods", "jobs", "configmaps"):
            self.send(self.listed(url.path, query))
        else:
            self.refuse(404, "NotFound", f"{url.path} not found")

    def listed(self, path: str, query: dict[str, str]) -> Any:
        labels = dict(pair.split("=") for pair in query["labelSelector"].split(",")) if "labelSelector" in query else {}
        name = query.get("fieldSelector", "").removeprefix("metadata.name=")
        found = [
            each
            for where, each in self.state.objects.items()
            if where.rpartition("/")[0] == path
            and labels.items() <= each["metadata"].get("labels", {}).items()
            and (not name or each["metadata"]["name"] == name)
        ]
        group = path.split("/namespaces/")[0]
        kind = RESOURCES[group][path.rpartition("/")[2]]
        api_version = group.removeprefix("/apis/").removeprefix("/api/")
        return {"kind": f"{kind}List", "apiVersion": api_version, "metadata": {"resourceVersion": "1"}, "items": found}

    def log(self, pod: str, query: dict[str, str]) -> None:
        connections = self.state.logs[pod]
        lines, after = connections.pop(0) if len(connections) > 1 else connections[0]
        since = query.get("sinceTime", "")[:19]
        data = "".join(f"{line}\n" for line in lines if line[:19] >= since).encode()
        for each in self.state.find("Pod"):
            if each["metadata"]["name"] == pod:
                each["status"]["containerStatuses"][-1]["state"] = after
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self) -> None:
        self.state.asked.append(("POST", self.path))
        url = urlsplit(self.path)
        self.keep(self.given(), url.path, new=True, dry="dryRun=All" in url.query)

    def do_PATCH(self) -> None:
        self.state.asked.append(("PATCH", self.path))
        path, change = urlsplit(self.path).path, self.given()
        if "apply" in self.headers["Content-Type"]:
            self.keep(change, path.rpartition("/")[0], new=False)
        elif path not in self.state.objects:
            self.refuse(404, "NotFound", f"{path} not found")
        else:
            self.state.objects[path]["metadata"].update(change["metadata"])
            self.send(self.state.objects[path])

    def keep(self, document: dict[str, Any], folder: str, new: bool, dry: bool = False) -> None:
        path = f"{folder}/{document['metadata']['name']}"
        if new and path in self.state.objects:
            self.refuse(409, "AlreadyExists", f"{document['metadata']['name']} already exists")
            return
        try:
            kubernetes_validate.validate(document, self.state.version, strict=True)
        except kubernetes_validate.ValidationError as error:
            self.refuse(400, "BadRequest", f"strict decoding error: {error.message}")
            return
        for content in document.get("binaryData", {}).values():
            base64.b64decode(content, validate=True)
        document["metadata"] |= {"uid": str(uuid.uuid4()), "creationTimestamp": "2026-11-22T10:00:00Z"}
        if not dry:
            self.state.objects[path] = document
        self.send(document, 201)

    def do_DELETE(self) -> None:
        self.state.asked.append(("DELETE", self.path))
        path, options = urlsplit(self.path).path, self.given() or {}
        found = self.state.objects.pop(path, None)
        if found is None:
            self.refuse(404, "NotFound", f"{path} not found")
            return
        self.state.asked.append(("PROPAGATION", str(options.get("propagationPolicy"))))
        self.send(
            {"kind": "Status", "apiVersion": "v1", "status": "Success", "details": {"uid": found["metadata"]["uid"]}}
        )


def discovery(path: str) -> Any:
    """What kubectl asks before it asks for anything."""
    if path == "/version":
        return {"major": "1", "minor": "37", "gitVersion": "v1.37.0"}
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        version = {"groupVersion": "batch/v1", "version": "v1"}
        group = {"name": "batch", "versions": [version], "preferredVersion": version}
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]}
    resources = [
        {"name": name, "singularName": kind.lower(), "namespaced": True, "kind": kind, "verbs": VERBS}
        for name, kind in RESOURCES[path].items()
    ]
    group_version = path.removeprefix("/apis/").removeprefix("/api/")
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}


def documents(path: str) -> Any:
    """OpenAPI, as far as it says that the server checks fields itself, so that kubectl leaves it to that."""
    if not path:
        return {"paths": {group.lstrip("/"): {"serverRelativeURL": f"/openapi/v3{group}"} for group in RESOURCES}}
    group, _, version = path.removeprefix("/apis/").removeprefix("/api/").rpartition("/")
    parameters = [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}]
    paths = {}
    for name, kind in RESOURCES[path].items():
        gvk = {"group": group, "version": version, "kind": kind}
        operation = {"parameters": parameters, "x-kubernetes-group-version-kind": gvk, "responses": {}}
        paths[f"{path}/namespaces/{{namespace}}/{name}/{{name}}"] = {"patch": operation}
    return {"openapi": "3.0.0", "info": {"title": "fake", "version": "1"}, "paths": paths}
