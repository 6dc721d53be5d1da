"""What the F32 and F16 GGUFs are, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from jobs.checks.templates import ModelfileFacts, TemplateFacts, sides, template_rules
from jobs.core.model import Facts, Limits, StrictModel
from jobs.core.rule import Gate, Measured, Skip
from jobs.logic.pages.amounts import beside, count, nats, size


class HeaderFacts(StrictModel):
    """One GGUF's header against the merged folder: (key, expected, found) of every value that differs."""

    file: str
    problems: list[str]
    """By which the file is not what its own header says."""
    template_equal: bool | None
    eos_id: int | None
    eog_ids: list[int]
    """Tokens at which llama.cpp's programs stop."""
    differing: list[str]
    """Other metadata: `key: found, expected`."""
    name: str | None
    """general.name."""
    sampling: dict[str, str | int | float]
    """general.sampling.*, by the last word: what llama.cpp samples with where nobody says otherwise."""
    types: dict[str, int]
    num_bytes: int
    nonfinite: list[str]


class ConvertFacts(Facts):
    """Token facts compare llama.cpp's ids with Hugging Face's; KL is in nats a token."""

    files: list[HeaderFacts]
    end_of_turn: int
    num_equal_tensors: int
    differing_tensors: list[str]
    """Of the F32 file, bit by bit against the merged folder."""
    missing_tensors: list[str]
    extra_tensors: list[str]
    f16_differing: list[str]
    """Tensors of the F16 file that are not the F32 ones rounded."""
    num_texts: int
    """Rows and adversarial texts whose ids were compared."""
    texts_differing: list[str]
    known_to_differ: int
    """Texts of the list of known differences that do differ."""
    num_rows: int
    num_tokens: int
    logits_kl: float | None
    """Mean KL(merged || F32 GGUF with an F32 KV cache); None where the file could not be scored."""
    templates: list[TemplateFacts]
    """Of the F16 file, whose header is the F32 one's; empty where a file is not whole."""
    modelfile: ModelfileFacts | None

    def lines(self) -> list[tuple[str, str]]:
        kl = "-" if self.logits_kl is None else nats(self.logits_kl)
        return [
            *((file.file, f"{size(file.num_bytes)}, {_types(file.types)}") for file in self.files),
            *(("name", file.name) for file in self.files[-1:] if file.name),
            *(("sampling that travels in it", sampling_said(file.sampling)) for file in self.files[-1:]),
            ("tensors", f"{self.num_equal_tensors} equal bit by bit, {len(self.differing_tensors)} not"),
            ("token ids", f"{count(self.num_texts, 'text')} compared, {len(self.texts_differing)} differ"),
            ("known differences", f"{self.known_to_differ} (decomposed characters, `</s>`): serve NFC text"),
            ("logits, F32", f"KL {kl} nats a token on {_tokens(self)}"),
            *(line for one in self.templates for line in one.lines),
            *(self.modelfile.lines if self.modelfile else []),
        ]


def sampling_said(found: Mapping[str, str | int | float]) -> str:
    """Sampler values in words."""
    return ", ".join(f"{key} {value}" for key, value in sorted(found.items())) or "none"


class ConvertLimits(Limits):
    max_logits_kl: float
    """Nats a token, F32 GGUF with F32 KV cache against the merged folder."""


GATE = Gate("convert", "GGF", ConvertFacts, ConvertLimits)


def whole(facts: ConvertFacts) -> None:
    """Skip where a file is not there or cannot be read: rule 001 says so."""
    if len(facts.files) != 2 or any(file.problems for file in facts.files):
        raise Skip("a file is missing or not whole, so what is in it was not compared")


@GATE.rule("001", "gguf-not-whole", explains=("PAR004", "PAR006"))
def gguf_not_whole(facts: ConvertFacts, limits: ConvertLimits) -> Iterator[str]:
    """A GGUF is truncated, padded with garbage, or its header does not describe it.

    Why: GGUF has no checksum; llama.cpp loads many damaged files without a word.
    Fix: free disk space and convert again with redo=true.
    """
    if len(facts.files) != 2:
        yield f"{len(facts.files)} files, expected the F32 and the F16 one"
    for file in facts.files:
        yield from (f"{file.file}: {problem}" for problem in file.problems)


@GATE.rule("002", "template-altered", explains=("PAR008", "PAR009", "PAR010", "PAR014"))
def template_altered(facts: ConvertFacts, limits: ConvertLimits) -> Iterator[str]:
    """The chat template in a GGUF is not the one the rows were made with.

    Why: llama.cpp renders prompts from it; another template is another prompt than in training.
    Fix: convert again from the merged folder, whose chat_template.jinja is preflight's.
    """
    whole(facts)
    for file in facts.files:
        if file.template_equal is not True:
            yield f"{file.file}: tokenizer.chat_template is not chat_template.jinja byte for byte"


@GATE.rule("003", "end-of-turn-altered", explains=("PAR008", "PAR010", "PAR014"))
def end_of_turn_altered(facts: ConvertFacts, limits: ConvertLimits) -> Iterator[str]:
    """A GGUF does not stop on the token the fine-tune ends its answers with.

    Why: generation runs past the answer into gibberish.
    Fix: eos_token_id of the merged folder must be the end-of-turn token; convert again.
    """
    whole(facts)
    for file in facts.files:
        if file.eos_id != facts.end_of_turn:
            yield f"{file.file}: tokenizer.ggml.eos_token_id is {file.eos_id}, expected {facts.end_of_turn}"
        if facts.end_of_turn not in file.eog_ids:
            yield f"{file.file}: llama.cpp stops on {file.eog_ids}, which must hold {facts.end_of_turn}"


@GATE.rule("004", "token-ids-differ", explains=("PAR003", "PAR008", "PAR014"))
def token_ids_differ(facts: ConvertFacts, limits: ConvertLimits) -> Iterator[str]:
    """llama.cpp tokenizes a row or a hard text differently from Hugging Face.

    Why: a doubled BOS or another pre-tokenizer explains most models that "lost" their training in GGUF.
    Fix: check tokenizer.ggml.pre and add_bos_token; the converter must be the pinned one.
    """
    whole(facts)
    if not facts.num_texts:
        yield "no text was compared"
    if facts.texts_differing:
        yield (
            f"{len(facts.texts_differing)} of {count(facts.num_texts, 'text')} differ, the most is 0: "
            f"{'; '.join(facts.texts_differing[:3])}"
        )


@GATE.rule("005", "tensors-differ", explains=("GGF008", "PAR003"))
def tensors_differ(facts: ConvertFacts, limits: ConvertLimits) -> Iterator[str]:
    """A tensor of the F32 GGUF is not the merged one, bit by bit.

    Why: swapped, lost or rounded tensors make another model; for Qwen3 conversion moves bytes and nothing else.
    Fix: convert again with redo=true; if it stays, the converter is not the pinned one.
    """
    whole(facts)
    if not facts.num_equal_tensors:
        yield "no tensor is equal"
    for what, names in (
        ("differ", facts.differing_tensors),
        ("are missing", facts.missing_tensors),
        ("are extra", facts.extra_tensors),
    ):
        if names:
            yield f"{len(names)} tensors {what}, the most is 0: {', '.join(names[:5])}"


@GATE.rule("006", "f16-not-from-f32", explains=("PAR003",))
def f16_not_from_f32(facts: ConvertFacts, limits: ConvertLimits) -> Iterator[str]:
    """A tensor of the F16 GGUF is not the F32 one rounded to nearest, or is not finite.

    Why: F16 is the yardstick that quants are compared with.
    Fix: convert again with redo=true; weights beyond 65504 need a gentler fine-tune.
    """
    whole(facts)
    if facts.f16_differing:
        yield f"{len(facts.f16_differing)} tensors, the most is 0: {', '.join(facts.f16_differing[:5])}"
    for file in facts.files:
        if file.nonfinite:
            yield f"{file.file}: NaN or infinity in {', '.join(file.nonfinite[:5])}"


@GATE.rule("007", "metadata-differs", explains=("GGF008", "PAR003"))
def metadata_differs(facts: ConvertFacts, limits: ConvertLimits) -> Iterator[str]:
    """A header value that decides how the model runs is not the merged folder's.

    Why: another RoPE base, layer count, BOS or padding changes every answer.
    Fix: convert again from the merged folder with the pinned converter.
    """
    whole(facts)
    for file in facts.files:
        yield from (f"{file.file}: {difference}" for difference in file.differing)


@GATE.rule("008", "structure-differs", explains=("PAR003",))
def structure_differs(facts: ConvertFacts, limits: ConvertLimits) -> Iterator[str]:
    """The F32 GGUF computes something else than the merged folder.

    Why: with equal weights and an F32 KV cache only rounding may differ, about 1e-12 nats.
    Fix: a fault of the runtime or the header; run the same file on another llama.cpp build to tell.
    """
    whole(facts)
    if facts.logits_kl is None:
        yield "the file could not be scored"
    elif not facts.logits_kl <= limits.max_logits_kl:
        shown, most = beside(facts.logits_kl, limits.max_logits_kl, nats)
        text = f"KL {shown} nats a token on {_tokens(facts)}, the most is {most}"
        yield Measured(text, facts.logits_kl, limits.max_logits_kl)


def _tokens(facts: ConvertFacts) -> str:
    return f"{count(facts.num_tokens, 'token')} of {count(facts.num_rows, 'row')}"


template_rules(GATE, 10, lambda facts: facts.templates, explains=("PAR008", "PAR009", "PAR012"))


@GATE.rule("014", "modelfile-renders-otherwise")
def modelfile_renders_otherwise(facts: ConvertFacts, limits: ConvertLimits) -> Iterator[str]:
    """The Modelfile's template renders a held-out or an everyday conversation to another prompt than was trained.

    Why: Ollama does not run the GGUF's template but the Modelfile's, which knows plain ChatML turns.
    Fix: train with a template of plain ChatML turns, for example chat=plain; one that adds text of its own (a default
    system message) cannot ship with this Modelfile.
    """
    whole(facts)
    if facts.modelfile is None:
        raise Skip("the Modelfile's template was not run")
    if not facts.modelfile.num_equal:
        yield "Modelfile: no conversation was rendered as trained"
    yield from sides("Modelfile", facts.modelfile.differing, facts.modelfile.num_differing, "trained", "Modelfile")


def _types(types: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(types.items()))
