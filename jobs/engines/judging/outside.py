"""What a judge's word depends on beside the run and its config: its file, its questions, and the rubric."""

from __future__ import annotations

from pathlib import Path

from jobs.core.provenance import data_digest, file_digest
from jobs.engines.answering import gguf_files
from jobs.engines.judging.texts import PROMPTS


def digests(gguf: str | None, rubric: Path | None, prompts: Path = PROMPTS) -> dict[str, str]:
    """Label to SHA-256. What is not there is left out: the stage says so where it needs it."""
    texts = {path.relative_to(prompts).as_posix(): file_digest(path) for path in sorted(prompts.glob("*/*.txt"))}
    found = {"conf/judge/prompts": data_digest(texts)}
    if gguf is not None and Path(gguf).is_file():
        found["judge.judge.gguf"] = gguf_files.digest(Path(gguf))
    if rubric is not None and rubric.is_file():
        found["judge.rubric"] = file_digest(rubric)
    return found
