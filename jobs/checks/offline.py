"""A shipped folder judged again, from itself alone: nothing in it is trusted, everything that can be is made again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.checks.certifying import Told, certificate_of, gguf_files, run_of
from jobs.core.artifact import kind
from jobs.core.certificate import MAX_BYTES, NAME, SIGNATURE, Certificate, own_digest
from jobs.core.errors import Refusal
from jobs.core.links import SHIPPED_LOG, chain_problems, ship_problems, to_ship
from jobs.core.shipped import folder_problems

Pages = Callable[[Certificate, Mapping[str, Told], str], dict[str, str]]
"""(certificate, run, training log) to every page of the folder: its name and text."""
Holds = Callable[[bytes, str, str], bool]
"""Whether these bytes are the signature of a key, as a line of OpenSSH, over a digest."""
NUM_SIGNATURE_BYTES = 64
"""Of an ed25519 signature (RFC 8032)."""


@dataclass(frozen=True)
class Checked:
    """A certificate with what the records in it give today."""

    again: Certificate | None
    """None where they give nothing: the limits are not the gates', or hold what cannot be told."""
    altered: list[str]
    """What was changed since it was written: in it, in the files beside it, or in what is there."""
    against: list[str]
    """What keeps the run itself from being certified, by the gates of today."""

    @property
    def problems(self) -> list[str]:
        return [*self.altered, *self.against]


def checked_folder(found: Certificate, folder: Path, pages: Pages, holds: Holds) -> Checked:
    """Everything that is against the folder of this certificate."""
    altered = [f"{NAME}: was edited after it was written (its own digest differs)"] * (
        own_digest(found) != found.digest
    )
    altered += folder_problems(found, folder)
    try:
        records = {link.stage: link.record for link in found.chain}
        changed = {link.stage: link.changed for link in found.chain}
        again = certificate_of(found.settings, records, changed, found.shipped)
        run = run_of(records, found.settings.limits)
        altered += [*_claims(found, again), *_page_problems(again, run, folder, pages)]
    except Refusal as refusal:
        return Checked(None, [*altered, f"{NAME}: settings.limits are not those of the gates: {refusal}"], [])
    except MemoryError:
        raise
    except Exception as error:  # facts from elsewhere, of any size and kind: what cannot be told again is not certified
        said = (
            f"{NAME}: what it holds cannot be told again ({type(error).__name__}: {' '.join(str(error).split())[:160]})"
        )
        return Checked(None, [*altered, said], [])
    altered += signature_problems(found, folder, found.settings.signed_by, holds)
    links = again.links
    return Checked(again, altered, [*chain_problems(links), *ship_problems(links, found.shipped, gguf_files(run))])


def _claims(found: Certificate, again: Certificate) -> list[str]:
    """What a certificate says that its records and limits do not."""
    problems = []
    for link, other in zip(found.chain, again.chain, strict=True):
        if link.digest != other.digest:
            problems.append(f"{NAME}: {link.stage}: its digest is not the one of the record beside it")
        if link.misjudged != other.misjudged:
            problems.append(f"{NAME}: {link.stage}: what it says of its verdict is not what facts and limits give")
    for name in Certificate.model_fields:
        says, gives = getattr(found, name), getattr(again, name)
        if name not in ("chain", "digest") and says != gives:
            problems.append(f"{NAME}: {name}: {_instead(says, gives)}")
    return problems


def _instead(says: Any, gives: Any) -> str:
    return f"says {_short(says)}, the records and limits in it give {_short(gives)}"


def _short(value: Any) -> str:
    text = "nothing" if value in ({}, [], "") else str(value)
    return text if len(text) <= 120 else text[:117] + "..."


def _page_problems(again: Certificate, run: Mapping[str, Told], folder: Path, pages: Pages) -> list[str]:
    """Pages that are not what the records give, and files that are neither pages nor of the chain."""
    path, found = folder / SHIPPED_LOG, []
    readable = SHIPPED_LOG in again.shipped and kind(path) == "a file" and path.stat().st_size <= MAX_BYTES
    log = path.read_text(encoding="utf-8") if readable else ""
    made = pages(again, run, log)
    for name, text in made.items():
        data, path = text.encode(), folder / name
        if kind(path) != "a file":
            found += [f"{name}: is missing"] * (name not in again.shipped)
        elif path.stat().st_size != len(data) or path.read_bytes() != data:
            found.append(f"{name}: does not say what the records and limits in the certificate give")
    known = {*made, *to_ship(again.links, gguf_files(run))}
    return found + [f"{name}: is neither a page nor a file of the chain" for name in again.shipped if name not in known]


def signature_problems(found: Certificate, folder: Path, key: str, holds: Holds) -> list[str]:
    """What is wrong with the signature beside a certificate, which `key`, a line of OpenSSH, should have made.

    Without a key, a signature that lies there must look like one.
    """
    path = folder / SIGNATURE
    there = kind(path)
    if there == "nothing":
        return [f"{SIGNATURE}: is missing; expected the signature of {key}"] if key else []
    if there != "a file" or path.stat().st_size != NUM_SIGNATURE_BYTES:
        return [f"{SIGNATURE}: is no signature: expected a plain file of {NUM_SIGNATURE_BYTES} bytes"]
    if key and not holds(path.read_bytes(), key, found.digest):
        return [f"{SIGNATURE}: is not the signature of {key} over the digest {found.digest}"]
    return []
