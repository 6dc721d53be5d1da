"""A reader of PDFs for tests: what a file's name says is what becomes of its pages."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from jobs.engines.synth import pdf_worker


def pages(path: str) -> Iterator[str]:
    """The pages of the file, and behind the first one what its name is."""
    what = Path(path).stem
    for text in pdf_worker.pages(path):
        yield text
        if what == "slow":
            time.sleep(600)
        if what == "large":
            bytearray(4 << 30)
        if what == "gone":
            os._exit(9)


if __name__ == "__main__":
    sys.exit(pdf_worker.main(pages))
