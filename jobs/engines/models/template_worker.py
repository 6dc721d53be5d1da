"""The child process of `templates.py`: renders conversations by one chat template, a line of JSON for each.

Reads lines of JSON from stdin, first the template with what it may use, then batches of conversations, and ends with
stdin. It imports Jinja and nothing else that is heavy, so that it starts in a fifth of a second and a limit on its
memory is one on the rendering.

The Jinja environment is the one that transformers renders with (`_cached_compile_jinja_template` in its
utils/chat_template_utils.py), which cannot be imported without a second of other imports; a test holds that both
give the same bytes.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import IO, Any

from jinja2 import nodes
from jinja2.exceptions import TemplateError, TemplateSyntaxError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from jobs.core.process import limit_memory

SAID = 300
"""Characters of an error that are passed on."""

Render = Callable[[Mapping[str, Any]], str]


class Generation(Extension):
    """`{% generation %}`: marks what a model answers, for masks that are not made here; renders its body."""

    tags = {"generation"}  # noqa: RUF012 - as Jinja declares it

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller: Callable[[], str]) -> str:
        return caller()


def raise_exception(message: str) -> None:
    """What a template calls to say no."""
    raise TemplateError(message)


def strftime_now(pattern: str) -> str:
    return datetime.now().strftime(pattern)


def to_json(
    value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
) -> str:
    """Jinja's own filter would escape HTML."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def environment() -> ImmutableSandboxedEnvironment:
    """Jinja as transformers sets it up for chat templates."""
    made = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    made.filters["tojson"] = to_json
    made.globals["raise_exception"] = raise_exception
    made.globals["strftime_now"] = strftime_now
    return made


def compiled(template: str, variables: Mapping[str, Any]) -> Render:
    """The template as a function of what differs between conversations."""
    ready = environment().from_string(template)
    absent = {"tools": None, "documents": None}
    return lambda asked: ready.render(**{**absent, **variables, **asked})


def answer(render: Callable[[], str], most_characters: int) -> dict[str, Any]:
    """`{"text": ...}`, or what was wrong: `error` with `line`, `memory`, `characters`."""
    try:
        text = render()
    except MemoryError:
        return {"memory": True}
    except Exception as error:  # a template can make Python raise whatever it has
        return {"error": told(error), "line": line_of(error)}
    return {"text": text} if len(text) <= most_characters else {"characters": len(text)}


def told(error: Exception) -> str:
    """An error in one line."""
    words = " ".join(str(error).split()) or "no reason given"
    name = "" if isinstance(error, TemplateError) else f"{type(error).__name__}: "
    return f"{name}{words if len(words) <= SAID else words[:SAID] + '...'}"


def line_of(error: Exception) -> int | None:
    """The line of the template where it happened; None where Jinja does not say."""
    if isinstance(error, TemplateSyntaxError):
        return error.lineno
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == "<template>"]
    return lines[-1] if lines else None


def serve(lines: Iterable[bytes], out: IO[bytes]) -> None:
    """Answer every conversation of every batch, one by one."""

    def say(data: Mapping[str, Any]) -> None:
        out.write(json.dumps(data).encode() + b"\n")
        out.flush()

    waiting = iter(lines)
    say({"ready": True})
    first = json.loads(next(waiting))
    ready: list[Render] = []

    def render(asked: Mapping[str, Any]) -> str:
        if not ready:
            ready.append(compiled(first["template"], first["variables"]))
        return ready[0](asked)

    for line in waiting:
        for one in json.loads(line):
            most = one.pop("most_characters")
            found = answer(lambda asked=one: render(asked), most)  # type: ignore[misc]
            say(found)


def main() -> int:
    """Set the limits, then serve until nobody asks any more."""
    limit_memory(int(sys.argv[1]))
    with suppress(StopIteration, BrokenPipeError):
        serve(sys.stdin.buffer, sys.stdout.buffer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
