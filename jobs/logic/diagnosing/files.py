"""A diagnosis as files for programs: `diagnosis.json`, and SARIF for what stands at a row or a key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from jobs.logic.diagnosing import words
from jobs.logic.diagnosing.cause import Cause, Place
from jobs.logic.diagnosing.certainty import Certainty
from jobs.logic.diagnosing.evidence import Taken
from jobs.logic.diagnosing.ranking import Diagnosis, Told

SCHEMA = 1
SARIF = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {Certainty.PROVEN: "error", Certainty.MEASURED: "error", Certainty.CONSISTENT: "warning"}


def as_json(found: Diagnosis, taken: Sequence[Taken], left_out: str) -> dict[str, Any]:
    """`diagnosis.json`; docs/diagnose.md says what each field is. No times."""
    return {
        "schema_version": SCHEMA,
        "headline": words.headline(found),
        "symptoms": [{"name": one.name, "file": one.file, "text": one.text} for one in found.symptoms],
        "taken": [{"path": one.path, "kind": one.kind, "why": one.why} for one in taken],
        "left_out": left_out,
        "causes": [_cause(one) for one in found.told],
        "experiments": [{"code": one.cause.code, "command": f"make {line}"} for one, line in found.experiments],
        "not_given": {name: [one.cause.code for one in causes] for name, causes in found.missing.items()},
    }


def encodable(data: Any) -> Any:
    """The same, what no encoding has in its texts written out: names of files may be any bytes, and JSON has halves of
    characters."""
    if isinstance(data, str):
        return data.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(data, dict):
        return {encodable(key): encodable(value) for key, value in data.items()}
    return [encodable(one) for one in data] if isinstance(data, list) else data


def _cause(told: Told) -> dict[str, Any]:
    outcome = told.outcome
    return {
        "code": told.cause.code,
        "name": told.cause.name,
        "link": told.cause.link.name.lower(),
        "certainty": told.certainty.value,
        "under": told.under or None,
        "signs": list(outcome.signs),
        "against": list(outcome.against),
        "decides": list(outcome.decides),
        "places": [{"file": place.file, "row": place.row, "key": place.key or None} for place in outcome.places],
    }


def as_sarif(found: Diagnosis, version: str) -> dict[str, Any]:
    """SARIF 2.1.0: one result for each place of a cause that was found or fits."""
    told = [one for one in found.told if one.certainty in LEVELS]
    rules = [_rule(one.cause) for one in told]
    results = [_result(one, number, place) for number, one in enumerate(told) for place in one.outcome.places]
    driver = {"name": "kiwame", "version": version, "rules": rules}
    return {"$schema": SARIF, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _rule(cause: Cause) -> dict[str, Any]:
    return {
        "id": cause.code,
        "name": cause.name,
        "shortDescription": {"text": cause.title},
        "fullDescription": {"text": cause.why},
        "help": {"text": cause.fix},
    }


def _result(told: Told, rule: int, place: Place) -> dict[str, Any]:
    location: dict[str, Any] = {"artifactLocation": {"uri": quote(place.file, errors="surrogateescape")}}
    if place.row:
        location["region"] = {"startLine": place.row}
    found: dict[str, Any] = {"physicalLocation": location}
    if place.key:
        found["logicalLocations"] = [{"fullyQualifiedName": place.key}]
    text = "; ".join(told.outcome.signs) or told.cause.title
    return {
        "ruleId": told.cause.code,
        "ruleIndex": rule,
        "level": LEVELS[told.certainty],
        "message": {"text": f"{told.certainty.value}: {text}"},
        "locations": [found],
    }
