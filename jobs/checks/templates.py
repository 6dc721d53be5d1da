"""Does llama.cpp render the prompts that were trained? The same rules for `convert` and, on every quant, for `verify`.

A rule registers on a gate by `template_rules`, which the gate's file calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

from jobs.core.model import StrictModel
from jobs.core.rule import Gate, Skip
from jobs.logic.chat.probes import TEXTS


class RenderConfig(StrictModel):
    """How much a chat template may take; the values are `preflight.render`'s, which says what they count."""

    seconds: float
    mean_seconds: float
    megabytes: int
    added_characters: int


class TemplatesConfig(StrictModel):
    """How many held-out conversations llama.cpp renders and is asked, besides the list that is made to part it from
    Hugging Face."""

    num_rendered: int
    num_asked: int
    """Of them through the chat endpoint, which costs a prompt's evaluation."""


class Difference(StrictModel):
    """The first place where two renderings part; white space is visible in both texts."""

    what: str
    """The conversation, and how thinking was asked for."""
    byte: int
    expected: str
    found: str


class TemplateFacts(StrictModel):
    """One GGUF's chat template as llama-server runs it, against Hugging Face and what `preflight` trained on."""

    file: str
    failure: str | None
    """Why llama-server could not be asked at all."""
    num_rows: int
    """Held-out conversations that were rendered."""
    num_probes: int
    """Conversations of the list that Hugging Face renders."""
    num_equal: int
    """Renderings that are Hugging Face's byte by byte; of each conversation there are three, by `enable_thinking`."""
    refused: list[str]
    """What Hugging Face renders and llama.cpp refuses, the first few: `conversation: its words`."""
    num_refused: int
    untrained: list[Difference]
    """Prompts that Hugging Face renders (found) and `preflight` did not train on (expected)."""
    num_untrained: int
    differing: list[Difference]
    """llama.cpp's renderings (found) that are not Hugging Face's (expected): the first few."""
    num_differing: int
    not_rendered: list[str]
    """Conversations that the template has no rendering for: `conversation: why`. Nothing is proven about them."""
    num_asked: int
    """Prompts that the chat endpoint was asked."""
    other_tokens: list[Difference]
    """Of them, those that it computed from other tokens (found, as text) than were trained (expected)."""
    num_typed: int
    """Held-out conversations with the text of a control token in them, which every server takes for the token."""

    @classmethod
    def not_run(cls, file: str, why: str) -> TemplateFacts:
        """Of a file that nothing was rendered with."""
        return cls(
            file=file, failure=why, num_rows=0, num_probes=0, num_equal=0, refused=[], num_refused=0,
            untrained=[], num_untrained=0,
            differing=[], num_differing=0, not_rendered=[], num_asked=0, other_tokens=[], num_typed=0,
        )  # fmt: skip

    @property
    def lines(self) -> list[tuple[str, str]]:
        """What a person is shown of it."""
        if self.failure is not None:
            return [(f"template of {self.file}", f"not run: {self.failure.splitlines()[0]}")]
        asked = f"{self.num_asked} prompts asked through the chat endpoint"
        return [
            (
                f"template of {self.file}",
                f"llama.cpp renders {self.num_equal} of {self.num_renderings} prompts as Hugging Face does, of "
                f"{self.num_rows} held-out conversations and {self.num_probes} made to part them; {asked}, "
                f"{self.num_asked - len(self.other_tokens)} from the tokens that were trained",
            ),
            *(
                pair
                for one in [*self.untrained, *self.differing, *self.other_tokens][:2]
                for pair in ((f"{one.what}: expected", one.expected), (f"{one.what}: found", one.found))
            ),
            *([("not rendered, not proven", "; ".join(self.not_rendered))] if self.not_rendered else []),
            *(
                [
                    (
                        "control tokens as text",
                        f"in {self.num_typed} held-out conversations: a server takes them for real",
                    )
                ]
                if self.num_typed
                else []
            ),
        ]

    @property
    def too_little(self) -> str:
        """What nothing can be told from; empty where there is enough."""
        least = len(TEXTS) // 2
        if self.failure is not None or (self.num_rows and self.num_probes >= least and self.num_asked):
            return ""
        return (
            f"{self.num_rows} held-out conversations, {self.num_probes} of the list and {self.num_asked} through the "
            f"chat endpoint were rendered; 1, {least} and 1 are the least"
        )

    @property
    def num_renderings(self) -> int:
        return self.num_equal + self.num_differing + self.num_refused


class ModelfileFacts(StrictModel):
    """The Modelfile's Go template on the same conversations, run by our own renderer: there was no Ollama to ask."""

    opening: str
    """What it opens an answer with."""
    num_equal: int
    differing: list[Difference]
    """Held-out and everyday conversations that it renders (found) to another prompt than was trained (expected)."""
    num_differing: int
    other: list[str]
    """Conversations of the list that it renders otherwise: it writes every text as it is, a template may not."""

    @property
    def lines(self) -> list[tuple[str, str]]:
        """What a person is shown of it."""
        said = f"{self.num_equal} of {self.num_equal + self.num_differing + len(self.other)} prompts as trained"
        return [
            (
                "template of the Modelfile",
                f"{said}, by our own renderer of Go's templates; Ollama itself was not asked",
            ),
            *([("the Modelfile differs for", "; ".join(self.other))] if self.other else []),
        ]


Of = Callable[[Any], Sequence[TemplateFacts]]
"""The facts of every file that a gate looks at."""


def template_rules(gate: Gate[Any, Any], first: int, of: Of, explains: Sequence[str] = ()) -> None:
    """Register the rules, with four numbers from `first`."""
    text_explains = (f"{gate.prefix}{first + 3:03d}", *explains)

    @gate.rule(f"{first:03d}", "template-not-run", explains=text_explains)
    def template_not_run(facts: Any, limits: Any) -> Iterator[str]:
        """llama.cpp cannot run the GGUF's chat template, or not for a conversation that Hugging Face renders.

        Why: its Jinja is another program with fewer functions; who serves the file gets an error, or another template.
        Fix: write the template with what both have (loops, conditions, `+`, `strip` with its characters named), give it
        as chat.template and start again at `preflight`; or take one of ours, for example chat=plain.
        """
        for one in of(facts) or skip("no template was run"):
            yield from (f"{one.file}: {said}" for said in (one.failure, *one.refused, one.too_little) if said)

    @gate.rule(f"{first + 1:03d}", "template-renders-otherwise", explains=text_explains)
    def template_renders_otherwise(facts: Any, limits: Any) -> Iterator[str]:
        """llama.cpp renders a conversation to other text than Hugging Face.

        Why: the model is then asked something else than it was trained on, up to losing what the user wrote.
        Fix: the texts on both sides show which expression of the template differs; write it with what both have (no
        `%`, no `format`, `strip` with its characters named) and start again at `preflight`; or take chat=plain.
        """
        for one in ran(of(facts)):
            yield from told(one, one.differing, one.num_differing, "Hugging Face", "llama.cpp")

    @gate.rule(f"{first + 2:03d}", "prompt-not-trained", explains=text_explains)
    def prompt_not_trained(facts: Any, limits: Any) -> Iterator[str]:
        """Hugging Face renders a held-out conversation to another prompt than `preflight` made of it.

        Why: rows, template and GGUF must be of one making.
        Fix: make `preflight` and what follows it again with redo=true.
        """
        for one in ran(of(facts)):
            yield from told(one, one.untrained, one.num_untrained, "trained", "Hugging Face")

    @gate.rule(f"{first + 3:03d}", "endpoint-other-tokens", explains=tuple(explains))
    def endpoint_other_tokens(facts: Any, limits: Any) -> Iterator[str]:
        """llama-server's chat endpoint computes an answer from other tokens than were trained.

        Why: it is what people talk to; the text of a prompt can be right and its tokens not.
        Fix: where the template's text differs as well, that is why; else compare the token ids in `convert`.
        """
        for one in ran(of(facts)):
            yield from told(one, one.other_tokens, len(one.other_tokens), "trained", "the endpoint")


def ran(found: Sequence[TemplateFacts]) -> Sequence[TemplateFacts]:
    """Those that llama-server could be asked about; raises Skip where there is none."""
    return [one for one in found if one.failure is None] or skip("llama-server did not run")


def skip(why: str) -> NoReturn:
    raise Skip(why)


def told(facts: TemplateFacts, found: Sequence[Difference], num: int, ours: str, theirs: str) -> Iterator[str]:
    """Every difference that is kept, side by side, and how many there are."""
    yield from sides(facts.file, found, num, ours, theirs)


def sides(file: str, found: Sequence[Difference], num: int, ours: str, theirs: str) -> Iterator[str]:
    """The same, of what `file` renders."""
    for one in found:
        yield f"{file}, {one.what}, from byte {one.byte} on: {ours} {one.expected} | {theirs} {one.found}"
    if num > len(found):
        yield f"{file}: {num} prompts differ, the most is 0; {len(found)} are shown"
