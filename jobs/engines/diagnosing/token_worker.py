"""The child process of `row_lengths.py`: counts the tokens of texts by a tokenizer.json that somebody else made.

Reads lines of JSON from stdin, first the path of the file, then lists of texts, and ends with stdin.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import IO, Any

from tokenizers import Tokenizer

from jobs.core.process import limit_memory

SAID = 200
"""Characters of an error that are passed on."""


def serve(lines: Iterable[bytes], out: IO[bytes]) -> None:
    """Answer every list of texts with their lengths, or with what was wrong."""

    def say(data: Mapping[str, Any]) -> None:
        out.write(json.dumps(data).encode() + b"\n")
        out.flush()

    waiting = iter(lines)
    say({"ready": True})
    path = json.loads(next(waiting))
    tokenizer: list[Tokenizer] = []
    for line in waiting:
        try:
            if not tokenizer:
                tokenizer.append(Tokenizer.from_file(path))
            texts = json.loads(line)
            say({"lengths": [len(one) for one in tokenizer[0].encode_batch(texts, add_special_tokens=False)]})
        except Exception as error:  # the library raises nothing narrower
            say({"error": " ".join(str(error).split())[:SAID] or type(error).__name__})


def main() -> int:
    """Set the limits, then serve until nobody asks any more."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    limit_memory(int(sys.argv[1]))
    with suppress(StopIteration, BrokenPipeError):
        serve(sys.stdin.buffer, sys.stdout.buffer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
