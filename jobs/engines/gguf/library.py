"""gguf-py of the same source as converter and runtime, never another one that pip has put there."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

from jobs.engines.gguf.llama_tools import tree


@cache
def gguf_py() -> Any:
    """The package `gguf`; raises EnvironmentProblem where llama.cpp is not built."""
    sys.path.insert(0, str(tree().src / "gguf-py"))
    import gguf
    import gguf.quants

    return gguf
