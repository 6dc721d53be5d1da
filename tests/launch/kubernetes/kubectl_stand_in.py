"""A program called kubectl: keeps objects as an API server would, answers from what a test prepared, and writes down
every call. `kustomize` is handed on to the real one."""

from __future__ import annotations

import json
import os
import sys
import uuid
from pathlib import Path
from typing import Any

import yaml

PLURALS = {"job": "job", "jobs": "job", "pod": "pod", "pods": "pod", "configmap": "configmap"}
PLURALS |= {"persistentvolumeclaim": "persistentvolumeclaim"}
HOME = Path(os.environ.get("STAND_IN_HOME", "."))


def read(name: str, otherwise: Any) -> Any:
    path = HOME / name
    return json.loads(path.read_text()) if path.exists() else otherwise


def write(name: str, value: Any) -> None:
    (HOME / name).write_text(json.dumps(value))


def fail(text: str) -> int:
    print(text, file=sys.stderr)
    return 1


def main(words: list[str]) -> int:
    if "kustomize" in words:
        os.execv(os.environ["REAL_KUBECTL"], ["kubectl", *words])
    given = sys.stdin.read() if "--filename=-" in words else ""
    plain = [word for word in words if not word.startswith("--")]
    with (HOME / "calls.jsonl").open("a") as log:
        log.write(json.dumps({"words": words, "stdin": given}) + "\n")
    if plain[:2] == ["config", "view"]:
        print(json.dumps({"current-context": "lab", "contexts": [{"name": "lab", "context": {"namespace": "team"}}]}))
        return 0
    prepared = read("answers.json", {}).get(" ".join(plain[:2]))
    if prepared:  # a list of (stdout, stderr, exit code); the last one stays
        place = read("places.json", {})
        number = place.get(" ".join(plain[:2]), 0)
        write("places.json", place | {" ".join(plain[:2]): number + 1})
        out, err, code = prepared[min(number, len(prepared) - 1)]
        print(out, end="", flush=True)
        print(err, end="", file=sys.stderr, flush=True)
        return int(code)
    return answer(plain, words, given)


def answer(plain: list[str], words: list[str], given: str) -> int:
    """Keep, give back or remove objects: `kind/name` to object."""
    objects: dict[str, Any] = read("objects.json", {})
    verb, kinds = plain[0], [PLURALS.get(kind, kind) for kind in (plain[1] if len(plain) > 1 else "").split(",")]
    wanted = next((word.partition("=")[2] for word in words if word.startswith("--selector=")), "")
    labels = dict(pair.split("=") for pair in wanted.split(",")) if wanted else {}

    def chosen() -> list[str]:
        found = [key for key in objects if key.partition("/")[0] in kinds]
        return [key for key in found if labels.items() <= objects[key]["metadata"].get("labels", {}).items()]

    if verb in ("create", "apply"):
        for document in yaml.safe_load_all(given):
            key = f"{document['kind'].lower()}/{document['metadata']['name']}"
            if verb == "create" and key in objects:
                return fail(f'Error from server (AlreadyExists): error when creating "STDIN": {key} already exists')
            if "--dry-run=server" in words:
                print(json.dumps(document))
                continue
            document["metadata"]["uid"] = str(uuid.uuid4())
            objects[key] = document
            print(json.dumps(document) if "--output=json" in words else f"{key} done")
    elif verb == "get" and len(plain) > 2:
        found = objects.get(f"{kinds[0]}/{plain[2]}")
        if found is not None:
            print(f"{kinds[0]}/{plain[2]}" if "--output=name" in words else json.dumps(found))
    elif verb == "get":
        print(json.dumps({"items": [objects[key] for key in chosen()]}))
    elif verb == "patch":
        change = json.loads(next(word.partition("=")[2] for word in words if word.startswith("--patch=")))
        objects[f"{kinds[0]}/{plain[2]}"]["metadata"].update(change["metadata"])
    elif verb == "delete":
        for key in chosen():
            del objects[key]
    write("objects.json", objects)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
