"""Chat templates are programs that came with a model: they are rendered in a child process, within bounds.

A template can count for hours in three lines, or write gigabytes. So one warm child (`template_worker.py`) renders all
conversations of a pass; where one takes too long, needs too much memory, writes too much or takes the child down with
it, that is a Refusal that names the template.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from jobs.core.errors import EnvironmentProblem, Refusal
from jobs.core.warm_child import START_SECONDS, WarmChild

BATCH_CONVERSATIONS, BATCH_CHARACTERS = 64, 1_000_000
"""What is sent at once, whichever comes first."""
WORKER = "jobs.engines.models.template_worker"


class Bounds(Protocol):
    """How much a template may take: `preflight.render`."""

    @property
    def seconds(self) -> float:
        """For one conversation."""

    @property
    def mean_seconds(self) -> float:
        """For each conversation of a pass on average; with `seconds` once, that is the bound on the whole."""

    @property
    def megabytes(self) -> int:
        """Address space of the process."""

    @property
    def added_characters(self) -> int:
        """That a template may write besides the texts it was given, for each message."""


@dataclass(frozen=True)
class Asked:
    """One conversation to render; with `ask`, up to where the model goes on."""

    messages: Sequence[Mapping[str, Any]]
    """Texts by `role` and `content`; in a turn of tools there may be more."""
    ask: bool
    enable_thinking: bool | None = None
    """None: the flag is not passed at all."""
    tools: Sequence[Mapping[str, Any]] | None = None

    @property
    def num_characters(self) -> int:
        texts = [text for message in self.messages for text in message.values()]
        return sum(len(text if isinstance(text, str) else json.dumps(text)) for text in [*texts, *(self.tools or ())])

    def data(self, bounds: Bounds) -> dict[str, Any]:
        """As the child reads it."""
        flags: dict[str, Any] = {} if self.enable_thinking is None else {"enable_thinking": self.enable_thinking}
        flags |= {} if self.tools is None else {"tools": list(self.tools)}
        most = self.num_characters + bounds.added_characters * (len(self.messages) + 1)
        plain = [dict(message) for message in self.messages]
        return {"messages": plain, "add_generation_prompt": self.ask, "most_characters": most, **flags}


class TemplateFailed(Refusal):
    """`what` is the reason alone, without the template's name and the way out."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"{name}: the chat template {what}; mend it, or choose one of ours, for example chat=plain")
        self.what = what


class Renderer:
    """A template and its child process, which starts with the first conversation and ends with this object.

    `name` is what a Refusal calls the template: its file, or the key that chose it. `variables` are what it may use
    besides the conversation: the special tokens by name.
    """

    def __init__(self, template: str, name: str, variables: Mapping[str, str], bounds: Bounds) -> None:
        self.name, self.bounds = name, bounds
        self._opening = {"template": template, "variables": dict(variables)}
        self._child: WarmChild | None = None

    @property
    def pid(self) -> int | None:
        """The child's; None where none runs."""
        return None if self._child is None else self._child.pid

    def render(self, conversations: Sequence[Asked]) -> list[str]:
        """The text of each conversation, `[len(conversations)]`.

        Raises TemplateFailed for a template that fails, or goes beyond its bounds.
        """
        left = self.bounds.seconds + self.bounds.mean_seconds * len(conversations)
        texts: list[str] = []
        try:
            for batch in _batches(conversations):
                child = self._ready()
                child.send([asked.data(self.bounds) for asked in batch])
                for asked in batch:
                    before = child.waited
                    found = self._answer(child, min(self.bounds.seconds, left), len(conversations))
                    left -= child.waited - before
                    texts.append(self._text(found, asked))
        except BaseException:  # answers that nobody waited for would be taken for the next conversation's
            self.close()
            raise
        return texts

    def close(self) -> None:
        """End the child; the next conversation starts another."""
        if self._child is not None:
            self._child.end()
            self._child = None

    def _ready(self) -> WarmChild:
        """The child. One that was started before a fork belongs to the other process."""
        if self._child is None or self._child.owner != os.getpid():
            self._child = WarmChild(WORKER, self.bounds.megabytes)
            try:
                self._child.answer(START_SECONDS)  # that it is there
            except (TimeoutError, ChildProcessError) as error:
                raise EnvironmentProblem(
                    f"{self.name}: the process that renders it did not start ({error}); see whether "
                    f"the machine has memory left, and preflight.render.megabytes={self.bounds.megabytes} is enough"
                ) from None
            self._child.waited = 0.0
            self._child.send(self._opening)
        return self._child

    def _answer(self, child: WarmChild, seconds: float, num: int) -> dict[str, Any]:
        """The next answer; raises TemplateFailed where there is none."""
        try:
            return child.answer(seconds)
        except TimeoutError:
            if seconds < self.bounds.seconds:
                mean = self.bounds.mean_seconds
                raise self._refusal(
                    f"took more than {self.bounds.seconds + mean * num:g} s for {num:,} conversations, "
                    f"{mean:g} s each on average (preflight.render.mean_seconds)"
                ) from None
            raise self._refusal(
                f"took more than {self.bounds.seconds:g} s for one conversation (preflight.render.seconds)"
            ) from None
        except ChildProcessError as error:
            raise self._refusal(f"took the process down that rendered it ({error})") from None

    def _text(self, found: Mapping[str, Any], asked: Asked) -> str:
        """What was rendered; raises TemplateFailed where it is an error."""
        if "text" in found:
            text: str = found["text"]
            return text
        if "memory" in found:
            raise self._refusal(
                f"needs more than {self.bounds.megabytes} MB for a conversation of {asked.num_characters:,} characters "
                "(preflight.render.megabytes)"
            )
        if "characters" in found:
            raise self._refusal(
                f"writes {found['characters']:,} characters for a conversation of {asked.num_characters:,} in "
                f"{len(asked.messages)} messages (preflight.render.added_characters)"
            )
        roles = ", ".join(dict.fromkeys(message["role"] for message in asked.messages))
        line = f", line {found['line']}" if found["line"] else ""
        raise self._refusal(f"cannot render turns of {roles}: {found['error']}{line}")

    def _refusal(self, what: str) -> TemplateFailed:
        return TemplateFailed(self.name, what)


def _batches(conversations: Sequence[Asked]) -> Iterator[list[Asked]]:
    """All conversations in order, a few at a time."""
    batch: list[Asked] = []
    size = 0
    for asked in conversations:
        batch.append(asked)
        size += asked.num_characters
        if len(batch) == BATCH_CONVERSATIONS or size >= BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
