"""The text of a PDF, page by page: read in a child process (`pdf_worker.py`), which one file may keep busy for hours or
fill with gigabytes; then it is that file which is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

from jobs.core.errors import EnvironmentProblem
from jobs.core.warm_child import START_SECONDS, WarmChild
from jobs.logic.pages.amounts import count
from jobs.logic.synth.passages import unwrapped

WORKER = "jobs.engines.synth.pdf_worker"

MOST_UNREADABLE = 0.1
"""Of a page's signs: a font that does not say what its signs are gives others, or none."""


class Unreadable(Exception):
    """A document that no passages are taken from; the text says why and what to do."""


class PdfBounds(NamedTuple):
    """How much a document may take: `synth.craft.pdf`."""

    seconds: float
    megabytes: int
    """Address space of the process that reads."""
    characters: int
    """Of text."""


class PdfPages:
    """What reads PDFs; a child process from the first one on, and a new one behind one that was ended."""

    def __init__(self, bounds: PdfBounds, worker: str = WORKER) -> None:
        self._bounds, self._worker = bounds, worker
        self._child: WarmChild | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def of(self, path: Path) -> list[tuple[int, str]]:
        """Number from 1 and text of each page that has some.

        Raises Unreadable where the file is damaged, encrypted, beyond the bounds, or has no text on any page.
        """
        found = list[tuple[int, str]]()
        num_pages = 0
        for num_pages, text in self._read(path):
            found.append((num_pages, unwrapped(text)))
        readable = [(number, text) for number, text in found if text.strip() and _is_readable(text)]
        if not readable:
            has_text = any(text.strip() for _, text in found)
            why = "its fonts do not say what their signs are" if has_text else "is it a scan?"
            raise Unreadable(
                f"has no text on {count(num_pages, 'page')}, {why}; run a text recognition such as ocrmypdf"
            )
        return readable

    def _read(self, path: Path) -> Iterator[tuple[int, str]]:
        """The pages as they come."""
        bounds, child, num_pages = self._bounds, self._ready(), 0
        before = child.waited
        try:
            child.send({"path": str(path), "most_characters": bounds.characters})
            while "text" in (found := child.answer(bounds.seconds - (child.waited - before))):
                num_pages += 1
                yield num_pages, found["text"]
        except TimeoutError:
            self._close()
            key = "synth.craft.pdf.seconds"
            raise Unreadable(f"took more than {bounds.seconds:g} s{_after(num_pages)} ({key}); cut it up") from None
        except ChildProcessError as error:
            self._close()
            raise Unreadable(f"took the process down that read it{_after(num_pages)} ({error})") from None
        except BaseException:  # what is still to come would be taken for the next document's
            self._close()
            raise
        self._require(found, num_pages)

    def _require(self, found: dict[str, Any], num_pages: int) -> None:
        """Raises Unreadable where the last answer is no end."""
        if "memory" in found:
            self._close()
            key = "synth.craft.pdf.megabytes"
            raise Unreadable(f"needs more than {self._bounds.megabytes} MB{_after(num_pages)} ({key}); cut it up")
        if "characters" in found:
            raise Unreadable(f"has more than {count(self._bounds.characters, 'character')} of text; cut it up")
        if "encrypted" in found:
            raise Unreadable("is encrypted; save it without a password")
        if "error" in found:
            raise Unreadable(f"is damaged{_after(num_pages)} ({found['error']}); save it again")

    def _ready(self) -> WarmChild:
        if self._child is None:
            child = WarmChild(self._worker, self._bounds.megabytes)
            try:
                child.answer(START_SECONDS)  # that it is there
            except (TimeoutError, ChildProcessError) as error:
                child.end()
                raise EnvironmentProblem(
                    f"the process that reads PDFs did not start ({error}); see whether the machine has memory left, "
                    f"and synth.craft.pdf.megabytes={self._bounds.megabytes} is enough"
                ) from None
            self._child = child
        return self._child

    def _close(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


def _after(num_pages: int) -> str:
    return f" after page {num_pages}" if num_pages else ""


def _is_readable(text: str) -> bool:
    odd = sum(sign == "\ufffd" or "\ue000" <= sign <= "\uf8ff" or (sign < " " and sign not in "\n\t") for sign in text)
    return odd + 4 * text.count("(cid:") <= MOST_UNREADABLE * len(text)
