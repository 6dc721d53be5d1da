"""RunPod's own OpenAPI document, which is not ours to keep: found beside the project, and what it says of a call."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

ROOT = Path(__file__).resolve().parents[3]
BESIDE = ROOT.parent / "shared" / "specs" / "runpod-v2-openapi.json"


def path() -> Path | None:
    """Where it is: KIWAME_RUNPOD_SPEC, or ../shared/specs beside the project."""
    named = Path(os.environ.get("KIWAME_RUNPOD_SPEC", BESIDE))
    return named if named.is_file() else None


FORMATS = FormatChecker(())


@FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(text: object) -> bool:
    """RFC 3339, to the letter: jsonschema checks it only where another package is installed."""
    if not isinstance(text, str):
        return True
    datetime.fromisoformat(text)
    return bool(re.fullmatch(r"[0-9-]{10}T[0-9:]{8}(\.\d+)?(Z|[+-]\d\d:\d\d)", text))


class Specification:
    """Says what is wrong with a request or an answer."""

    def __init__(self, file: Path) -> None:
        self.document = json.loads(file.read_text(encoding="utf-8"))
        resource = DRAFT202012.create_resource(self.document)
        self.registry = Registry().with_resource("urn:api", resource)

    def operation(self, method: str, path: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The operation and all its parameters; raises KeyError where there is none."""
        for template, item in self.document["paths"].items():
            if re.fullmatch(re.sub(r"\{\w+\}", r"[^/]+", template), path) and method.lower() in item:
                operation = item[method.lower()]
                parameters = [*item.get("parameters", []), *operation.get("parameters", [])]
                return operation, [self._resolved(parameter) for parameter in parameters]
        raise KeyError(f"{method} {path}")

    def request(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> list[str]:
        """What is wrong with a request."""
        try:
            operation, parameters = self.operation(method, path)
        except KeyError:
            return [f"{method} {path}: no such operation"]
        wrong = []
        known = {parameter["name"]: parameter for parameter in parameters if parameter["in"] == "query"}
        for name, values in parse_qs(query, keep_blank_values=True).items():
            if name not in known:
                wrong.append(f"query {name}: unknown")
            else:
                wrong += self._errors(known[name]["schema"], _typed(values[0], self._resolved(known[name]["schema"])))
        for parameter in parameters:
            if parameter["in"] == "header" and headers.get(parameter["name"]) is not None:
                found = self._errors(parameter["schema"], headers[parameter["name"]])
                wrong += [f"header {parameter['name']}: {text}" for text in found]
        if not headers.get("Authorization", "").startswith("Bearer "):
            wrong.append("no bearer token")
        if "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            wrong += self._errors(schema, json.loads(body or b"null"))
            if headers.get("Content-Type") != "application/json":
                wrong.append(f"content type {headers.get('Content-Type')}")
        elif body:
            wrong.append("a body where none is taken")
        return [f"{method} {path}: {text}" for text in wrong]

    def answer(self, method: str, path: str, status: int, kind: str, body: bytes) -> list[str]:
        """What is wrong with an answer of the fake."""
        operation, _ = self.operation(method, path)
        answers = operation["responses"]
        answer = self._resolved(answers.get(str(status)) or answers["default"])
        content = answer.get("content", {})
        if not content:
            return [f"{method} {path}: {status} has a body"] if body else []
        if kind not in content:
            return [f"{method} {path}: {status} as {kind}, expected {', '.join(content)}"]
        if "json" not in kind:
            return []
        wrong = self._errors(content[kind]["schema"], json.loads(body))
        return [f"{method} {path}: {status}: {text}" for text in wrong]

    def _resolved(self, value: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in value:
            found: Any = self.document
            for part in value["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            value = found
        return value

    def _errors(self, schema: dict[str, Any], value: Any) -> list[str]:
        absolute = json.loads(json.dumps(schema).replace('"$ref": "#/', '"$ref": "urn:api#/'))
        validator = Draft202012Validator(absolute, registry=self.registry, format_checker=FORMATS)
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def _typed(text: str, schema: dict[str, Any]) -> Any:
    """A query's text as the schema's type."""
    if schema.get("type") == "integer":
        return int(text)
    if schema.get("type") == "array":
        return text.split(",")
    return text
