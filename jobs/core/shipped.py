"""What lies in a folder that came from somewhere, against its certificate: plain files of these names, nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from jobs.core.artifact import RECORD, file_problem, kind
from jobs.core.certificate import NAME, SIGNATURE, SUMS, Certificate, sums
from jobs.core.provenance import file_digest

PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
OF_A_HUB = re.compile(r"\.git|\.cache")
NOT_LISTED = {NAME, SUMS, SIGNATURE, RECORD}
"""Checked by themselves."""


def folder_problems(certificate: Certificate, folder: Path) -> list[str]:
    """Files that are not the certified ones, and whatever else lies there. Nothing but plain files is opened."""
    found, plain = [], True
    for name, entry in certificate.shipped.items():
        if not PLAIN_NAME.fullmatch(name) or name in NOT_LISTED:
            found.append(f"{name!r}: is not the name of a file in the folder")
            plain = False
        elif problem := file_problem(folder / name, entry):
            found.append(f"{name}: {problem}")
    if plain:
        found += _sums_problem(certificate, folder)
    known = {*certificate.shipped, *NOT_LISTED}
    added = sorted(path.name for path in folder.iterdir() if path.name not in known)
    return found + [
        f"{name}: is {kind(folder / name)} that is not in the certificate{_way_out(name)}" for name in added
    ]


def _sums_problem(certificate: Certificate, folder: Path) -> list[str]:
    path = folder / SUMS
    found = kind(path)
    if found != "a file":
        return [f"{SUMS}: " + ("is missing" if found == "nothing" else f"is {found}, not a plain file")]
    listed = {NAME: file_digest(folder / NAME)} | {name: entry.sha256 for name, entry in certificate.shipped.items()}
    expected = sums(listed).encode()
    same = path.stat().st_size == len(expected) and path.read_bytes() == expected
    return [] if same else [f"{SUMS}: does not list what the certificate lists"]


def _way_out(name: str) -> str:
    if OF_A_HUB.match(name):
        return "; git and clients of hubs put such things there: remove it, or check a copy without it"
    return "; remove it"
