"""A folder of documents as passages, each with the place it was taken from and its digest.

Read are plain text, Markdown, HTML and PDF, and rows of JSON Lines and Parquet that have a column of text; whatever
else lies there, and what cannot be read, is named and left out. The order is that of the files' names and of the places
in them. A document is in memory only while it is cut, rows only a block at a time.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson

from jobs.core.errors import Refusal
from jobs.core.names import spelled
from jobs.core.terminal import progress
from jobs.engines.rows import files as row_files, passes, paths, store as row_store
from jobs.engines.rows.paths import printable
from jobs.engines.rows.store import RowStore, RowWriter
from jobs.engines.synth import documents
from jobs.engines.synth.documents import Cutting, Piece
from jobs.engines.synth.pdf_text import PdfBounds, PdfPages, Unreadable
from jobs.logic.rows import keys as row_keys
from jobs.logic.rows.containment import Containment
from jobs.logic.text import markup, private

DUPLICATE, SHORT, HELD_OUT, SECRET, TOKEN = "duplicate", "short", "near-held-out", "secret", "control-token"
"""Why a passage is left out: another has its text, it is shorter than asked for, it shares too much with a held-out
row, it has a secret, or what a model would read as the end of a turn."""


@dataclass(frozen=True)
class CorpusOptions:
    """What becomes a passage."""

    folder: str
    columns: tuple[str, ...]
    """Of rows: the first of these that has a text is taken."""
    min_characters: int
    max_characters: int
    max_document_bytes: int
    """Of a text, a page or a PDF, which are read whole; rows are not."""
    max_row_bytes: int
    max_file_bytes: int
    """Of a file of rows, unpacked."""
    max_held_out_share: float
    """Of the 5-grams of a passage or of a held-out text, whichever is shorter, that both have."""
    pdf_seconds: float
    """For one PDF, which is a program of a kind."""
    pdf_megabytes: int


class Passage(NamedTuple):
    """A piece of a document."""

    file: str
    """Its place in the folder."""
    unit: str
    """What its place is counted in: `byte` of a file; `page` of a PDF, `line` or `row` of rows, then characters."""
    number: int
    """The page, line or row, from 1; 0 where places are bytes."""
    start: int
    end: int
    """Behind the last character or byte."""
    sha256: str
    text: str

    @property
    def where(self) -> str:
        """For people: `notes/a.md, bytes 120 to 840`."""
        inside = "bytes" if self.unit == "byte" else f"{self.unit} {self.number}, characters"
        return f"{self.file}, {inside} {self.start} to {self.end}"

    def note(self) -> dict[str, Any]:
        """What a row keeps of it: all but the text."""
        return {name: value for name, value in self._asdict().items() if name != "text"}


class CorpusFile(NamedTuple):
    """A file that passages were taken from."""

    label: str
    sha256: str
    num_bytes: int
    num_passages: int


class Corpus:
    """Passages by number; their texts lie on disk."""

    def __init__(
        self, root: Path, store: RowStore, files: list[CorpusFile], left_out: list[str], not_taken: Mapping[str, int]
    ) -> None:
        self._root, self._store = root, store
        self._digests = {file.label: file.sha256 for file in files}
        self._looked_at: dict[str, tuple[int, int, int]] = {}
        self.files = files
        self.left_out = left_out
        """`FILE: why not`, of files and rows."""
        self.not_taken = dict(sorted(not_taken.items()))
        """Why to passages that are left out."""

    def __len__(self) -> int:
        return len(self._store)

    def passage(self, number: int) -> Passage:
        """A passage to be used now. Raises Refusal where its file is no longer what it was when it was cut."""
        found = self._read(self._store.piece([number]).lines()[0])
        if not self._is_same(found.file) or _digest(found.text) != found.sha256:
            raise Refusal(f"{found.where}: was changed after it was read; run the command again")
        return found

    def _is_same(self, label: str) -> bool:
        """Whether a file is as it was; its bytes are read again only where size, time or inode moved."""
        try:
            found = (self._root / label).stat()
            state = found.st_size, found.st_mtime_ns, found.st_ino
            if self._looked_at.get(label) != state:
                if row_files.digest(self._root / label)[0] != self._digests[label]:
                    return False
                self._looked_at[label] = state
        except OSError:
            return False
        return True

    def passages(self) -> Iterator[Passage]:
        """All of them in order, as they were when they were cut."""
        for piece in self._store.pieces():
            yield from map(self._read, piece.lines())

    def texts(self) -> Iterator[str]:
        """What a search goes through."""
        return (passage.text for passage in self.passages())

    def changed(self, notes: Iterable[Mapping[str, Any]]) -> list[str]:
        """Of passages that rows name by `Passage.note`, those that the corpus does not have as they were, in words."""
        known = {(one.file, one.number, one.start, one.end): one.sha256 for one in self.passages()}
        found = [Passage(**note, text="") for note in notes]
        return sorted(
            {one.where for one in found if known.get((one.file, one.number, one.start, one.end)) != one.sha256}
        )

    @staticmethod
    def _read(line: bytes) -> Passage:
        return Passage(**orjson.loads(line))


def read(options: CorpusOptions, key: str, prepared: Path, scratch: Path) -> Corpus:
    """The passages of the folder, without those near a held-out row of `prepared`; texts are kept below `scratch`.

    Raises Refusal, naming the config `key`, where the folder is none, or nothing in it is fit to be a passage.
    """
    root, found, left_out = _files(options.folder, key)
    bounds = PdfBounds(options.pdf_seconds, options.pdf_megabytes, options.max_document_bytes)
    scratch.mkdir(parents=True, exist_ok=True)
    writer, files = RowWriter(scratch / "passages.jsonl"), []
    with PdfPages(bounds) as pdf, progress("corpus files read", len(found)) as advance:
        taken = _Taken(options, _held_out(prepared), pdf)
        for number, label in enumerate(found):
            sha256, num_bytes = row_files.digest(root / label)
            num_before = taken.num
            try:
                for piece in documents.pieces(root / label, label, num_bytes, key, taken.cutting, left_out.append):
                    writer.write(taken.lines(label, piece))
            except Unreadable as why:
                left_out.append(f"{printable(label)}: {why}")
            if taken.num > num_before:
                files.append(CorpusFile(label, sha256, num_bytes, taken.num - num_before))
            advance(number + 1, f"{taken.num:,} passages")
    if not taken.num:
        others = f": {'; '.join(left_out[: paths.SHOWN])}" if left_out else ""
        reasons = ", ".join(f"{reason} {count}" for reason, count in taken.not_taken.most_common())
        raise Refusal(
            f"{key}: {printable(options.folder)} has no passage{others}{'; ' if reasons else ''}{reasons}; expected "
            f"{documents.FORMATS} with texts of {options.min_characters:,} characters and more"
        )
    return Corpus(root, writer.finished(), files, left_out, taken.not_taken)


def fingerprint(folder: str, key: str) -> dict[str, str]:
    """Every file that passages may be taken from, and its digest."""
    root, found, _ = _files(folder, key)
    return {label: row_files.digest(root / label)[0] for label in found}


class _Taken:
    """Pieces of documents become passages, but for those that are left out."""

    def __init__(self, options: CorpusOptions, held_out: Containment, pdf: PdfPages) -> None:
        self._options, self._held_out, self._seen = options, held_out, set[int]()
        self.cutting = Cutting(
            options.columns,
            options.min_characters,
            options.max_characters,
            options.max_document_bytes,
            options.max_row_bytes,
            options.max_file_bytes,
            pdf,
        )
        self.num = 0
        self.not_taken = Counter[str]()

    def lines(self, file: str, piece: Piece) -> list[bytes]:
        """The passage as a line to store, or none."""
        why = self._why_not(piece.text)
        if why:
            self.not_taken[why] += 1
            return []
        self.num += 1
        place = (piece.unit, piece.number, piece.start, piece.end)
        return [orjson.dumps(Passage(file, *place, _digest(piece.text), piece.text)._asdict())]

    def _why_not(self, text: str) -> str | None:
        if len(text) < self._options.min_characters:
            return SHORT
        said = row_keys.normalised(text)
        key = row_keys.hashed(said)
        if key in self._seen:
            return DUPLICATE
        self._seen.add(key)
        if private.masked(text) != text:
            return SECRET
        if markup.control_token(text) is not None:
            return TOKEN
        near = self._held_out.most(said)
        return HELD_OUT if near and not near.share <= self._options.max_held_out_share else None


def _held_out(prepared: Path) -> Containment:
    """What held-out rows say, turn by turn."""
    common = np.asarray(orjson.loads((prepared / "profile.json").read_bytes())["boilerplate"], np.uint64)
    store = row_store.opened(prepared / "val.jsonl")
    texts = dict.fromkeys(
        row_keys.normalised(text)
        for row in passes.stored(store, np.arange(len(store)))
        for role, text in row.messages
        if role != "system"
    )
    return Containment(list(texts), common)


def _files(folder: str, key: str) -> tuple[Path, list[str], list[str]]:
    """The folder, the files to read by their place in it, in order, and what is left out and why."""
    path = spelled(Path(folder))
    if not path.is_dir():
        near = paths.alike(path)
        meant = f"; did you mean {printable(near)}?" if near else ""
        raise Refusal(f"{key}: {printable(folder)}: there is no such folder{meant}; name the folder of your documents")
    root = Path(os.path.realpath(path))
    found, left_out = list[str](), list[str]()
    for label, why in _walk(root, root):
        if why is None:
            found.append(label)
        else:
            left_out.append(f"{printable(label)}: {why}")
    return root, found, left_out


def _walk(folder: Path, root: Path) -> Iterator[tuple[str, str | None]]:
    """Every file below the folder by its place, sorted, each with the reason why it is not read, or None."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        label = Path(entry.path).relative_to(root).as_posix()
        if entry.name.startswith("."):
            yield label, "is hidden"
        elif entry.is_symlink() and (why := _why_no_link(Path(entry.path), root)):
            yield label, why
        elif entry.is_dir():
            if os.access(entry.path, os.R_OK | os.X_OK):
                yield from _walk(Path(entry.path), root)
            else:
                yield label, "may not be read: check its permissions"
        else:
            yield label, _why_no_file(Path(entry.path))


def _why_no_link(link: Path, root: Path) -> str | None:
    try:
        target = Path(os.path.realpath(link, strict=True))
    except OSError:
        return "is a link to nothing, or back to itself"
    if target.is_dir():
        return "is a link to a folder"
    return None if target.is_relative_to(root) else "is a link that leads out of the folder"


def _why_no_file(path: Path) -> str | None:
    if not stat.S_ISREG(path.stat().st_mode):
        return "is no regular file"
    if not os.access(path, os.R_OK):
        return "may not be read: check its permissions"
    return None if documents.kind_of(path.name) else f"is none of {documents.FORMATS} by its name"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
