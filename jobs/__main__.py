"""`python -m jobs <stage> key=value ...`: the chain up to that stage, one process each, its exit code.

`python -m jobs` lists the stages; `rules` prints docs/rules.md; `preview` shows which tokens of the rows are graded;
`chat` talks to a run's GGUF, `serve` serves it; `certificate FOLDER [key=FILE]` checks a shipped folder offline.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from jobs.core import pipeline, process, terminal
from jobs.core.endings import ending
from jobs.core.errors import Exit, Refusal

BESIDE = ("all", "chat", "serve", "preview", "rules", "certificate")
"""Commands that are no stage."""


def main(words: Sequence[str]) -> int:
    """Answer one command line; returns the exit code."""
    process.install_stop_handlers()
    if not words or words[0] in ("help", "-h", "--help"):
        return ending("help", usage)
    command, rest = words[0], words[1:]
    return ending(command, lambda: answer(command, rest))


def answer(command: str, rest: Sequence[str]) -> int:
    """Dispatch; raises Refusal for a command that does not exist."""
    if command == "rules":
        from jobs.core.documents import rules_page

        print(rules_page(), end="")
        return Exit.PASSED
    if command == "preview":
        from jobs.preflight import preview

        return preview(rest)
    if command == "chat":
        from jobs.engines.chat.command import chat

        return chat(rest)
    if command == "serve":
        from jobs.engines.chat.serving import serve

        return serve(rest)
    if command == "certificate":
        from jobs.report import check_command

        return check_command(rest)
    if command == "all":
        command = pipeline.NAMES[-1]
    if command not in pipeline.NAMES:
        raise Refusal(f"no such stage; there are: {', '.join(pipeline.NAMES)}, {', '.join(BESIDE)}")
    from jobs.core.compose import compose  # a wrong key is answered before the stages' models are loaded

    composed = compose(rest)
    from jobs.core import chain

    return chain.run_chain(command, rest, composed)


def usage() -> int:
    """The stages in order."""
    rows = [(stage.name, stage.title) for stage in pipeline.PIPELINE]
    terminal.table("python -m jobs <stage> key=value ...", ("stage", "what it does"), rows)
    return Exit.PASSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
