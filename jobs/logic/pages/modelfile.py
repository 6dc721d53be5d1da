"""A Modelfile for Ollama, which does not run the GGUF's chat template: the same turns as a Go template of ours."""

from __future__ import annotations

from collections.abc import Sequence

STOPS = ("<|im_end|>", "<|endoftext|>")
EMPTY_BLOCK = "<think>\n\n</think>\n\n"
# Every message is a turn, the system's too. An assistant's message that comes last is left open, to be continued.
TEMPLATE = """{{- range $i, $message := .Messages }}
{{- $last := eq (len (slice $.Messages $i)) 1 }}<|im_start|>{{ $message.Role }}
{{ $message.Content }}
{{- if not (and $last (eq $message.Role "assistant")) }}<|im_end|>
{{ end }}
{{- if and $last (ne $message.Role "assistant") }}<|im_start|>assistant
BLOCK{{ end }}
{{- end }}"""


def template(empty_block: bool) -> str:
    """The Go template; `empty_block` opens each answer with an empty thinking block, as the rows did."""
    return TEMPLATE.replace("BLOCK", EMPTY_BLOCK if empty_block else "")


def modelfile(gguf: str, empty_block: bool, num_ctx: int | None, notes: Sequence[str]) -> str:
    """The file's text. Sampling is what was measured: greedy, and without any penalty; Ollama has one on."""
    lines = [f"# {' '.join(note.split())}" for note in notes]
    lines += [
        f"FROM ./{gguf}",
        f'TEMPLATE """{template(empty_block)}"""',
        *(f'PARAMETER stop "{stop}"' for stop in STOPS),
        "PARAMETER temperature 0",
        "PARAMETER repeat_penalty 1",
        "PARAMETER presence_penalty 0",
        "PARAMETER frequency_penalty 0",
    ]
    lines += [f"PARAMETER num_ctx {num_ctx}"] if num_ctx else []
    return "\n".join(lines) + "\n"
