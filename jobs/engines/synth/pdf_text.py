"""The text of a PDF, page by page, with pypdf: pure Python, so that a damaged file is an error and not a crash."""

from __future__ import annotations

import logging
from pathlib import Path

from jobs.logic.pages.amounts import count
from jobs.logic.synth.passages import unwrapped

MOST_UNREADABLE = 0.1
"""Of a page's signs: a font that does not say what its signs are gives others, or none."""


class Unreadable(Exception):
    """A document that no passages are taken from; the text says why and what to do."""


def pages(path: Path) -> list[tuple[int, str]]:
    """Number from 1 and text of each page that has some.

    Raises Unreadable where the file is damaged, encrypted, or has no text on any page.
    """
    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what it says of odd files is not for who made them
    found: list[tuple[int, str]] = []
    num_pages = 0
    try:
        reader = PdfReader(path)
        if reader.is_encrypted:
            raise Unreadable("is encrypted; save it without a password")
        for num_pages, page in enumerate(reader.pages, 1):
            found.append((num_pages, unwrapped(page.extract_text())))
    except (Unreadable, OSError, MemoryError):
        raise
    except Exception as error:  # pypdf raises what its parts raise: KeyError, TypeError, RecursionError ...
        what = f"{type(error).__name__}: {str(error).partition(chr(10))[0][:80]}"
        where = f" after page {num_pages}" if num_pages else ""
        raise Unreadable(f"is damaged{where} ({what}); save it again") from None
    readable = [(number, text) for number, text in found if text.strip() and _is_readable(text)]
    if not readable:
        why = "its fonts do not say what their signs are" if any(text.strip() for _, text in found) else "is it a scan?"
        raise Unreadable(f"has no text on {count(num_pages, 'page')}, {why}; run a text recognition such as ocrmypdf")
    return readable


def _is_readable(text: str) -> bool:
    odd = sum(sign == "\ufffd" or "\ue000" <= sign <= "\uf8ff" or (sign < " " and sign not in "\n\t") for sign in text)
    return odd + 4 * text.count("(cid:") <= MOST_UNREADABLE * len(text)
