"""Rows that travel with a run: files of this machine in a ConfigMap, packed where they fit only so."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.core.errors import Refusal
from jobs.core.names import composed, spelled

MOST_BYTES = 1_000_000
"""A ConfigMap holds 1 MiB, names included."""
KEY = re.compile(r"[A-Za-z0-9][-._A-Za-z0-9]{0,100}")
"""What a ConfigMap calls a file; in the pod it has its own name."""
TAGGED = re.compile(r"-[0-9a-f]{8}(\.|\Z)")
SUFFIX = re.compile(r"((?:\.[A-Za-z0-9]{1,8}){0,2})\Z")
PACKED = (".gz", ".gzip", ".zst", ".zstd", ".parquet", ".xlsx")
"""Names of what no further packing makes smaller."""
GZIP = 16 + zlib.MAX_WBITS
BLOCK = 1 << 20


@dataclass(frozen=True)
class Rows:
    """One file: `name` is its name in the pod's /rows, `key` the ConfigMap's for it."""

    path: Path
    name: str
    content: bytes

    @property
    def key(self) -> str:
        name = composed(self.name)
        if KEY.fullmatch(name) and not TAGGED.search(name):
            return name
        suffix = SUFFIX.search(name)
        kept = re.sub(r"[^A-Za-z0-9]+", "-", name[: suffix.start() if suffix else None]).strip("-")[:40]
        return f"{kept or 'rows'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}{suffix[1] if suffix else ''}"

    @property
    def is_packed(self) -> bool:
        return self.name != self.path.name


def taken(names: Sequence[str], room: int = MOST_BYTES) -> tuple[Rows, ...]:
    """The files as they go along; as they are, or, where together they have more than `room` bytes, packed with gzip.

    `prepare` reads either, and finds the same rows. Raises Refusal where they do not fit so either.
    """
    paths = [spelled(Path(name).expanduser()) for name in names]
    for path in paths:
        if not path.is_file():
            raise Refusal(f"k8s.rows: {path} is not a file")
        if not path.name.isprintable():
            raise Refusal(f"k8s.rows: {path.name[:80]!r}: has letters that cannot be seen; rename it")
    if len({path.name for path in paths}) < len(paths):
        raise Refusal("k8s.rows: two files have the same name; rename one")
    size = sum(path.stat().st_size for path in paths)
    if size <= room:
        return tuple(Rows(path, path.name, path.read_bytes()) for path in paths)
    found, left = [], room
    for path in paths:
        content = _packed(path, left)
        if content is None:
            raise Refusal(_too_large(paths, size, room))
        name = path.name if path.name.lower().endswith(PACKED) else f"{path.name}.gz"
        found.append(Rows(path, name, content))
        left -= len(content)
    return tuple(found)


def _packed(path: Path, room: int) -> bytes | None:
    """The file packed, or as it is where it is packed already; None above `room` bytes, whatever its own size."""
    if path.name.lower().endswith(PACKED):
        return path.read_bytes() if path.stat().st_size <= room else None
    found = b""
    for piece in _gzip(path):
        found += piece
        if len(found) > room:
            return None
    return found


def _gzip(path: Path) -> Iterator[bytes]:
    """The file as gzip, a block at a time; without a name or a time in it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, GZIP)
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield packer.compress(block)
    yield packer.flush()


def _too_large(paths: Sequence[Path], size: int, room: int) -> str:
    where = ",".join(f"/workspace/rows/{path.name}" for path in paths)
    return (
        f"k8s.rows: {size / 1e6:.1f} MB are more than a ConfigMap holds ({room / 1e6:.1f} MB), packed too; copy "
        f"them to the volume (docs/running_kubernetes.md) and say prepare.files=[{where}]"
    )
