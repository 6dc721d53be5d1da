"""The child process of `pdf_text.py`: reads PDFs with pypdf, which is pure Python, and says their pages.

Reads lines of JSON from stdin, one for each document, and ends with stdin. Of a document it says every page as it has
it, `{"text": ...}`, and then `{"end": true}` or what was wrong.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from pypdf import PdfReader

from jobs.core.process import limit_memory

SAID = 80
"""Characters of an error that are passed on."""
Pages = Callable[[str], Iterator[str]]


class Encrypted(Exception):
    """It has a password."""


def pages(path: str) -> Iterator[str]:
    """The text of each page."""
    reader = PdfReader(path)
    if reader.is_encrypted:
        raise Encrypted
    for page in reader.pages:
        yield page.extract_text()


def document(path: str, most_characters: int, read: Pages, say: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Says the pages; gives what is to be said behind them."""
    left = most_characters
    try:
        for text in read(path):
            left -= len(text)
            if left < 0:
                return {"characters": True}
            say({"text": text})
    except MemoryError:
        return {"memory": True}
    except Encrypted:
        return {"encrypted": True}
    except Exception as error:  # pypdf raises what its parts raise: KeyError, TypeError, RecursionError ...
        return {"error": f"{type(error).__name__}: {str(error).partition(chr(10))[0][:SAID]}"}
    return {"end": True}


def serve(read: Pages) -> None:
    """Answer for every document, one by one."""

    def say(data: dict[str, Any]) -> None:
        sys.stdout.buffer.write(json.dumps(data).encode() + b"\n")
        sys.stdout.buffer.flush()

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what it says of odd files is not for who made them
    say({"ready": True})
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        say(document(asked["path"], asked["most_characters"], read, say))


def main(read: Pages = pages) -> int:
    """Set the limits, then serve until nobody asks any more."""
    limit_memory(int(sys.argv[1]))
    with suppress(BrokenPipeError):
        serve(read)
    return 0


if __name__ == "__main__":
    sys.exit(main())
