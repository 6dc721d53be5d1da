"""Whether what a trial made is what the uninterrupted run made."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from jobs import report
from jobs.core import certificate, pipeline
from jobs.core.artifact import RECORD, Artifact

PAGE = "report.html"
TIMED = {PAGE, certificate.NAME, certificate.SUMS}
"""What tells, or has the digest of what tells, when each stage was made, how long it took and in how much memory."""
COSTS = ("started", "seconds", "peak_rss_bytes")
"""Of a record's `made_by`, what another making changes."""
MADE = re.compile(r"<td[^>]*>\s*(?:[\d,.]+ (?:s|MiB)|\d{4}-\d\d-\d\dT[\d:]+Z)\s*</td>")


class Failed(Exception):
    """A trial did not end as it must; the message says what was seen."""


def require(condition: bool, message: str) -> None:
    """Raise Failed with the message where the condition does not hold."""
    if not condition:
        raise Failed(message)


def same_artifact(reference: Path, made: Path) -> None:
    """Files, key, facts and digest are the reference's. Only who made it, when and how long it took may differ."""
    require((made / RECORD).exists(), f"{made.name}: was not made")
    first, second = Artifact.open(reference), Artifact.open(made)
    problems = second.problems(whole=True)
    require(not problems, f"{made.name}: {problems[:3]}")
    one, two = first.record, second.record
    for part in ("key", "facts", "verdict"):
        left, right = (json.dumps(record.model_dump(mode="json")[part], sort_keys=True) for record in (one, two))
        require(left == right, f"{made.name}: another {part} than the uninterrupted run's")
    differing = sorted(
        name for name in one.files.keys() | two.files.keys() if one.files.get(name) != two.files.get(name)
    )
    if made.name == "report" and set(differing) == TIMED and retold_alike(reference, made):
        return
    require(not differing, f"{made.name}: other bytes than the uninterrupted run's: {differing[:5]}")
    require(first.digest == second.digest, f"{made.name}: another digest")


def retold_alike(reference: Path, made: Path) -> bool:
    """Whether two reports differ only in when their stages were made; False where no stage was made again."""
    one, two = reference.parent, made.parent
    if all((one / name / RECORD).read_bytes() == (two / name / RECORD).read_bytes() for name in pipeline.USUAL[:-1]):
        return False
    pages = {MADE.sub("", (folder / PAGE).read_text(encoding="utf-8")) for folder in (reference, made)}
    told = [without_times(json.loads((folder / certificate.NAME).read_bytes())) for folder in (reference, made)]
    return len(pages) == 1 and told[0] == told[1] and not report.check(made)[1]


def without_times(found: dict[str, Any]) -> dict[str, Any]:
    """A certificate without when and how fast its stages were made, and without the digests of what tells that."""
    for link in found["chain"]:
        for name in COSTS:
            del link["record"]["made_by"][name]
    shipped = {name: entry for name, entry in found["shipped"].items() if name != PAGE}
    return {**found, "shipped": shipped, "digest": ""}
