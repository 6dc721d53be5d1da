"""The certificate of a shipped folder: what was made from what, what was said of it, and whether it still is that.

`certificate.json` embeds the record of every stage and the limits it was judged by. Everything else in it, and every
page beside it, follows from those: whoever has the folder, and nothing else, makes them again and compares. What was
measured cannot be measured again from the folder; that these are the maker's numbers, only the digest tells, compared
with the one the maker gave, or signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from json import dumps
from pathlib import Path
from typing import Any

from pydantic import Field

from jobs.core import pipeline
from jobs.core.artifact import FileEntry, kind
from jobs.core.links import Link
from jobs.core.model import StrictModel
from jobs.core.provenance import data_digest

NAME, SUMS, SIGNATURE = "certificate.json", "SHA256SUMS", "certificate.sig"
SCHEMA = 4
MAX_BYTES = 256 * 2**20
"""No chain's records come near it; a file from elsewhere must not fill the memory."""
ABOUT = (
    "The records of every stage of a kiwame run, the limits they were judged by, and the SHA-256 of every file beside "
    "this one. Check it with `python -m jobs certificate FOLDER`. It proves integrity, not authorship: compare its "
    "digest with the maker's, or check the signature."
)


class Settings(StrictModel):
    """What a certificate is told by whoever makes it, beside the records."""

    run: str
    title: str = Field(min_length=1, max_length=200)
    num_samples: int = Field(ge=0)
    languages: list[str]
    license: str = Field(min_length=1)
    limits: dict[str, dict[str, Any]]
    """Stage to the limits its facts were judged by."""
    signed_by: str
    """The public key whose signature is beside it, as OpenSSH writes it; empty where it is not signed."""
    made_by: dict[str, Any]
    """The versions that wrote it."""


class Certificate(StrictModel):
    """`certificate.json`."""

    schema_version: int
    about: str
    settings: Settings
    certified: bool
    reasons: list[str]
    """Why not, where it is not certified."""
    waivers: dict[str, str]
    changed_limits: dict[str, str]
    """Config keys of limits that are not the defaults, to the value and the default."""
    base_model: dict[str, str]
    llama_cpp: dict[str, str]
    shipped: dict[str, FileEntry]
    chain_digest: str
    """Stands for the chain alone: equal runs give equal values, whatever the pages beside it look like."""
    chain: list[Link]
    digest: str
    """The SHA-256 of everything else in here as JSON with sorted keys and no spaces."""

    @property
    def links(self) -> dict[str, Link]:
        return {link.stage: link for link in self.chain}

    @property
    def title(self) -> str:
        return self.settings.title


def sealed(certificate: Certificate, shipped: Mapping[str, FileEntry]) -> Certificate:
    """The certificate over these files, with its own digest."""
    over = certificate.model_copy(update={"shipped": dict(sorted(shipped.items()))})
    return over.model_copy(update={"digest": own_digest(over)})


def chain_digest(digests: Mapping[str, str]) -> str:
    """Of stage to artifact digest."""
    return data_digest(dict(digests))


def own_digest(certificate: Certificate) -> str:
    """What `certificate.digest` has to be."""
    return data_digest(certificate.model_dump(mode="json", exclude={"digest"}))


def text(certificate: Certificate) -> str:
    """The file's text; there is only one way to write it."""
    return dumps(certificate.model_dump(mode="json"), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def sums(shipped: Mapping[str, str]) -> str:
    """`SHA256SUMS`, name to SHA-256, as `sha256sum -c` reads it: every shipped file and the certificate."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(shipped.items()))


def read(folder: Path) -> Certificate:
    """The certificate of `folder`, of which nothing is trusted yet.

    Raises ValueError, in words, where there is none, it is damaged, or it is not written as `text` writes it.
    """
    path = folder / NAME
    found = kind(path)
    if found != "a file":
        raise ValueError(f"{NAME}: " + ("is missing" if found == "nothing" else f"is {found}, not a plain file"))
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{NAME}: is damaged ({path.stat().st_size:,} bytes, the most is {MAX_BYTES:,})")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{NAME}: cannot be read ({error.strerror})") from None
    try:
        certificate = Certificate.model_validate_json(raw, strict=False)
        same = raw == text(certificate).encode()
    except ValueError as error:
        raise ValueError(f"{NAME}: {_damage(raw, error)}") from None
    if certificate.schema_version != SCHEMA:
        raise ValueError(f"{NAME}: has schema {certificate.schema_version}, this program reads {SCHEMA}")
    stages = [link.stage for link in certificate.chain]
    if stages != [stage.name for stage in pipeline.CHAIN if stage.name in stages]:
        raise ValueError(f"{NAME}: is damaged (its stages are not those of the chain, in order, each once)")
    if not same:
        raise ValueError(f"{NAME}: was edited after it was written (its bytes are not in the one order they have)")
    return certificate


def _damage(raw: bytes, error: ValueError) -> str:
    """What is wrong with a file that is no certificate of this schema."""

    class AnyCertificate(StrictModel, extra="ignore"):
        schema_version: int

    try:
        other = AnyCertificate.model_validate_json(raw).schema_version
    except ValueError:
        other = SCHEMA
    if other != SCHEMA:
        return f"has schema {other}, this program reads {SCHEMA}: check it with the version that made it"
    return f"is damaged ({' '.join(str(error).split())[:160]})"
