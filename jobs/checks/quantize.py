"""What the quantized GGUFs are, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.core.model import Facts, Limits, StrictModel
from jobs.core.rule import Gate, Measured, Skip
from jobs.logic.pages.amounts import beside, count, number, relative, size
from jobs.logic.parity import quant_files


class QuantFacts(StrictModel):
    """One quant: a file, or the parts of one."""

    file: str
    """What it is loaded from: the file, or the first part."""
    files: dict[str, int]
    """Every file of it, in order, to its bytes."""
    type: str
    problems: list[str]
    """By which the file is not what its own header says."""
    whole: str | None
    """Digest of metadata and tensors of the file that was split; None where it was not."""
    joined: str | None
    """The same of its parts together."""
    types: dict[str, int]
    fallbacks: list[str]
    """`tensor: type` of every tensor that did not get what was asked."""
    metadata_differs: list[str]
    """Header keys whose value is not the F32 file's."""
    nonfinite: list[str]
    error: float
    """Largest ||quantized - F32|| / ||F32|| over the tensors; infinite where one that stays F32 differs."""
    error_tensor: str
    num_bytes: int
    bits_per_weight: float
    """Of the tensors, without the header."""


class QuantizeFacts(Facts):
    quants: list[QuantFacts]
    asked: list[str]
    imatrix_tokens: int | None
    """Training tokens that the importance matrix was measured on; None without one."""
    is_verified_f16: bool | None
    """Whether the F16 file that ships is the one that `convert` proved, byte for byte; None where none ships."""
    max_file_bytes: int | None
    """No file may be larger, which was asked for; None where nothing was asked."""

    def lines(self) -> list[tuple[str, str]]:
        shown = [
            (
                quant.type,
                f"{size(quant.num_bytes)}{_in_files(quant)}, {number(quant.bits_per_weight)} bits a weight, "
                f"error {relative(quant.error)} at {quant.error_tensor}; {_types(quant.types)}",
            )
            for quant in self.quants
        ]
        return [*shown, ("importance matrix", count(self.imatrix_tokens, "token") if self.imatrix_tokens else "none")]


class QuantizeLimits(Limits):
    max_error: dict[str, float]
    """Type to the largest relative error of a matrix; the key `other` holds for every other type."""
    min_imatrix_tokens: int


GATE = Gate("quantize", "QNT", QuantizeFacts, QuantizeLimits)


@GATE.rule("001", "quant-not-whole", explains=("PAR004", "PAR006", "PAR007"))
def quant_not_whole(facts: QuantizeFacts, limits: QuantizeLimits) -> Iterator[str]:
    """A quantized file is missing, truncated, padded, or its header does not describe it.

    Why: GGUF has no checksum; llama.cpp loads many damaged files without a word.
    Fix: free disk space and quantize again with redo=true.
    """
    made = [quant.type for quant in facts.quants]
    if made != facts.asked:
        yield f"made {', '.join(made) or 'nothing'}, asked for {', '.join(facts.asked)}"
    for quant in facts.quants:
        yield from (f"{quant.file}: {problem}" for problem in quant.problems)
        if list(quant.files) != quant_files.parts(quant.file):
            yield f"{quant.file}: its files are {', '.join(quant.files) or 'none'}, which its name does not say"


@GATE.rule("002", "quant-fallback", explains=("PAR005",))
def quant_fallback(facts: QuantizeFacts, limits: QuantizeLimits) -> Iterator[str]:
    """Tensors did not get the type that was asked for.

    Why: rows that 256 does not divide fall back one by one, and llama-quantize ends with exit 0.
    Fix: choose a type the rows allow (Q8_0 needs rows divisible by 32), or another base.
    """
    for quant in facts.quants:
        if quant.fallbacks:
            yield f"{quant.file}: {len(quant.fallbacks)} tensors, the most is 0: {', '.join(quant.fallbacks[:5])}"


@GATE.rule("003", "quant-metadata-differs", explains=("PAR008", "PAR009", "PAR010"))
def quant_metadata_differs(facts: QuantizeFacts, limits: QuantizeLimits) -> Iterator[str]:
    """A header value is not the F32 file's.

    Why: quantizing changes weights; template, stop token and tokenizer must stay.
    Fix: quantize again from the checked F32 file.
    """
    for quant in facts.quants:
        if quant.metadata_differs:
            yield f"{quant.file}: {', '.join(quant.metadata_differs[:5])}"


@GATE.rule("004", "weights-not-from-f32", explains=("PAR003", "PAR005"))
def weights_not_from_f32(facts: QuantizeFacts, limits: QuantizeLimits) -> Iterator[str]:
    """A quantized matrix is further from the F32 one than its type explains.

    Why: it was made from another model, or damaged.
    Fix: quantize again from the F32 file of `convert`.
    """
    if not facts.quants:
        raise Skip("nothing was quantized")
    for quant in facts.quants:
        most = limits.max_error.get(quant.type, limits.max_error["other"])
        if not quant.problems and not quant.error <= most:
            shown, limit = beside(quant.error, most, relative)
            text = f"{quant.file}: relative error {shown} at {quant.error_tensor}, the most is {limit}"
            yield Measured(text, quant.error, most)


@GATE.rule("005", "quant-not-finite", explains=("QNT004", "PAR004"))
def quant_not_finite(facts: QuantizeFacts, limits: QuantizeLimits) -> Iterator[str]:
    """A quantized tensor holds NaN or infinity.

    Why: it spreads to every answer.
    Fix: look at the merged weights and at the importance matrix; quantize without one to tell.
    """
    for quant in facts.quants:
        if quant.nonfinite:
            yield f"{quant.file}: {', '.join(quant.nonfinite[:5])}"


@GATE.rule("006", "imatrix-from-little-text", level="warn", explains=("PAR005",))
def imatrix_from_little_text(facts: QuantizeFacts, limits: QuantizeLimits) -> Iterator[str]:
    """The importance matrix was measured on little text.

    Why: weights that the text does not touch are then quantized as if they did not matter.
    Fix: more training rows, or quantize.imatrix=false.
    """
    if facts.imatrix_tokens is None:
        raise Skip("no importance matrix was asked for")
    if facts.imatrix_tokens < limits.min_imatrix_tokens:
        yield f"{count(facts.imatrix_tokens, 'token')}, advice is at least {count(limits.min_imatrix_tokens)}"


@GATE.rule("010", "f16-not-the-proven-one", explains=("PAR003",))
def f16_not_the_proven_one(facts: QuantizeFacts, limits: QuantizeLimits) -> Iterator[str]:
    """The F16 file that ships is not the one that was compared with the merged model.

    Why: `convert` proved every tensor of its file; of another one nothing is known.
    Fix: make `quantize` again with redo=true; it links convert's file.
    """
    if facts.is_verified_f16 is None:
        raise Skip("no F16 file ships")
    if not facts.is_verified_f16:
        yield "model-F16.gguf has other bytes than convert's model-f16.gguf"


@GATE.rule("017", "parts-are-not-the-whole", explains=("PAR004", "PAR005", "PAR006", "PAR007"))
def parts_are_not_the_whole(facts: QuantizeFacts, limits: QuantizeLimits) -> Iterator[str]:
    """The parts of a quant do not hold, together, what the file held that was split.

    Why: llama.cpp puts parts together by their names and asks nothing else; a part of another quant is loaded.
    Fix: make `quantize` again with redo=true; it splits each file anew.
    """
    split = [quant for quant in facts.quants if len(quant.files) > 1 or quant.whole is not None]
    if not split:
        raise Skip("nothing was split")
    for quant in split:
        if not quant.problems and (quant.joined is None or quant.joined != quant.whole):
            yield f"{quant.file}: the parts have the digest {quant.joined}, what was split had {quant.whole}"


@GATE.rule("018", "file-above-the-limit")
def file_above_the_limit(facts: QuantizeFacts, limits: QuantizeLimits) -> Iterator[str]:
    """A file that ships is larger than quantize.max_file_bytes.

    Why: it was asked for so that each file can be stored or sent where it is to go.
    Fix: make `quantize` again with redo=true.
    """
    if facts.max_file_bytes is None:
        raise Skip("quantize.max_file_bytes is null: a file may have any size")
    for quant in facts.quants:
        for name, num_bytes in quant.files.items():
            if not num_bytes <= facts.max_file_bytes:
                text = f"{name}: {count(num_bytes, 'byte')}, the most is {count(facts.max_file_bytes)}"
                yield Measured(text, num_bytes, facts.max_file_bytes)


def _in_files(quant: QuantFacts) -> str:
    return f" in {count(len(quant.files), 'file')}" if len(quant.files) > 1 else ""


def _types(types: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(types.items()))
