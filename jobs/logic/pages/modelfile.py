"""A Modelfile for Ollama, which does not run the GGUF's chat template: the same turns as a Go template of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jobs.logic.pages import go_template

STOPS = ("<|im_end|>", "<|endoftext|>")
EMPTY_BLOCK = "<think>\n\n</think>\n\n"
# Every message is a turn, the system's too. An assistant's message that comes last is left open, to be continued.
TEMPLATE = """{{- range $i, $message := .Messages }}
{{- $last := eq (len (slice $.Messages $i)) 1 }}<|im_start|>{{ $message.Role }}
{{ $message.Content }}
{{- if not (and $last (eq $message.Role "assistant")) }}<|im_end|>
{{ end }}
{{- if and $last (ne $message.Role "assistant") }}<|im_start|>assistant
OPENING{{ end }}
{{- end }}"""


def opening(thinking_block: str | None, prompt: str) -> str:
    """What stands between the header of an answer and the answer: an empty thinking block where the rows had one, else
    what the model's own `prompt` has there ("<think>\\n" of a model that always thinks)."""
    return EMPTY_BLOCK if thinking_block == "empty" else prompt


def template(opening: str) -> str:
    """The Go template; `opening` is the beginning of each answer."""
    return TEMPLATE.replace("OPENING", opening)


def rendered(opening: str, messages: Sequence[Mapping[str, str]]) -> str:
    """What the template makes of a conversation that Ollama hands it."""
    turns = [{"Role": message["role"], "Content": message["content"]} for message in messages]
    return go_template.render(template(opening), {"Messages": turns})


def modelfile(gguf: str, opening: str, num_ctx: int | None, notes: Sequence[str]) -> str:
    """The file's text. Sampling is what was measured: greedy, and without any penalty; Ollama has one on."""
    lines = [f"# {' '.join(note.split())}" for note in notes]
    lines += [
        f"FROM ./{gguf}",
        f'TEMPLATE """{template(opening)}"""',
        *(f'PARAMETER stop "{stop}"' for stop in STOPS),
        "PARAMETER temperature 0",
        "PARAMETER repeat_penalty 1",
        "PARAMETER presence_penalty 0",
        "PARAMETER frequency_penalty 0",
    ]
    lines += [f"PARAMETER num_ctx {num_ctx}"] if num_ctx else []
    return "\n".join(lines) + "\n"
