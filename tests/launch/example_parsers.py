"""The parsers of the tools that examples/ are for: `python tests/launch/example_parsers.py skypilot < task.yaml`.

The tools come without what they need to run (requirements/examples.txt). Prints what was read as JSON, or ends with 1
and the parser's own words.
"""

from __future__ import annotations

import ast
import enum
import importlib
import json
import sys
import types
from importlib import metadata
from pathlib import Path
from typing import Any

import jsonschema
import yaml

PACKAGES = Path(sys.prefix) / "examples"


def skypilot(task: Any) -> Any:
    """By the JSON schemas that `sky launch` validates with."""
    schemas = sky_schemas()
    jsonschema.validate(task, schemas.get_task_schema())
    jsonschema.validate(task["resources"], schemas.get_resources_schema())
    return task


def sky_schemas() -> Any:
    """sky.utils.schemas alone: the packages around it would start a client and a database when they are imported."""
    part("sky").__version__ = metadata.version("skypilot")  # type: ignore[attr-defined]
    part("sky.skylet").autostop_lib = autostop = types.ModuleType("sky.skylet.autostop_lib")  # type: ignore[attr-defined]
    tree = ast.parse((PACKAGES / "sky/skylet/autostop_lib.py").read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if isinstance(node, ast.ClassDef) and is_enum(node)]
    vars(autostop).update(enum=enum, List=list)
    exec(compile(tree, "autostop_lib.py", "exec"), vars(autostop))
    part("sky.server").daemons = types.SimpleNamespace(INTERNAL_REQUEST_DAEMONS=())  # type: ignore[attr-defined]
    return importlib.import_module("sky.utils.schemas")


def is_enum(node: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Attribute) and base.attr == "Enum" for base in node.bases)


def part(name: str) -> types.ModuleType:
    """A package whose modules can be imported and whose own `__init__` is not run."""
    package = types.ModuleType(name)
    package.__path__ = [str(PACKAGES / name.replace(".", "/"))]
    sys.modules[name] = package
    return package


def dstack(task: Any) -> Any:
    """By the models that `dstack apply` validates with."""
    configurations = importlib.import_module("dstack._internal.core.models.configurations")
    return json.loads(configurations.parse_run_configuration(task).model_dump_json())


if __name__ == "__main__":
    sys.path.append(str(PACKAGES))
    try:
        found = {"skypilot": skypilot, "dstack": dstack}[sys.argv[1]](yaml.safe_load(sys.stdin))
    except Exception as error:
        sys.exit(f"{type(error).__name__}: {error}")
    print(json.dumps(found))
