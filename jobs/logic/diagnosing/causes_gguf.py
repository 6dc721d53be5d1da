"""Causes in a GGUF's header (CAU401, CAU404 to CAU410, CAU414, CAU415): what it says of itself and should say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from jobs.logic.diagnosing import scales
from jobs.logic.diagnosing.cause import Link, Outcome, Place, cause, consistent, not_checked, proven, ruled_out
from jobs.logic.diagnosing.causes_weights import ADAPTER, span
from jobs.logic.diagnosing.certainty import Certainty
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.kinship import KNOWN, is_bases_own, is_of_merged, together
from jobs.logic.diagnosing.model_seen import GgufSeen, HeaderAsked
from jobs.logic.pages.amounts import number

GGUF, FOLDER = "the GGUF", "the folder that it was made from, with its tokenizer"
TURN, TEXT = "<|im_end|>", "<|endoftext|>"
QWENS = (TURN, TEXT)
"""Stop tokens of Qwen's own tokenizer; another one under its architecture is another's, with other habits."""
AGAIN = "convert redo=true"
LEAST_ROPE = 1_000_000
BUILT = "llama.cpp, built (`make setup`), to read the tensors of a GGUF"
Said = tuple[str, Place]
Wrong = Callable[[GgufSeen, HeaderAsked], list[Said] | None]
"""What a header says otherwise than a folder asks for; None where that folder cannot tell."""


def models(evidence: Evidence) -> list[GgufSeen]:
    """GGUFs of models whose header can be read and is known."""
    return [file for file in evidence.ggufs if file.content == "model" and file.architecture == KNOWN]


def place(file: GgufSeen, key: str) -> Place:
    """A key of the header."""
    return Place(file.file, key=key)


def among(evidence: Evidence, what: str, value: Callable[[GgufSeen], Any], key: str) -> Iterator[Said]:
    """What files of the same weights say differently."""
    files = together(evidence)
    for file in files[1:]:
        if value(file) != value(files[0]):
            yield f"{file.file}: its {what} is not that of {files[0].file}", place(file, key)


def unknown(evidence: Evidence) -> Outcome:
    """Where no header is known that could be asked."""
    for file in evidence.ggufs:
        if file.content == "model" and not file.broken and file.architecture != KNOWN:
            return not_checked(f"{file.file}: what {file.architecture or 'it'} should say; known is {KNOWN} alone")
    return not_checked(GGUF)


def found_in(said: Sequence[Said]) -> Outcome:
    """Proven, by the first few."""
    return proven(*(sign for sign, _ in said[:3]), places=[where for _, where in said[:3]])


def against_folder(evidence: Evidence, wrong: Wrong, fine: str, beside: Sequence[Said] = ()) -> Outcome:
    """Proven of a file that is known to be of its folder, and by `beside`; else it fits, or is ruled out by `fine`."""
    proofs, signs, right = list[Said](), list[Said](), list[GgufSeen]()
    for file in models(evidence):
        told = wrong(file, file.asked) if file.asked is not None and not (file.asked.other or file.unlike) else None
        if told is None:
            continue
        (proofs if is_of_merged(file, evidence) else signs).extend(told)
        right += [] if told else [file]
    if proofs or beside:
        return found_in(proofs or beside)
    signs = [(sign, where) for sign, where in signs if not called_base_at(where.file, evidence)]
    if signs:
        sure = "whether it was made from that folder"
        return consistent(*(sign for sign, _ in signs[:3]), decides=(sure,))
    if right:
        return ruled_out(f"{', '.join(file.file for file in right)}: {fine}")
    return not_checked(FOLDER) if models(evidence) else unknown(evidence)


def called_base_at(file: str, evidence: Evidence) -> bool:
    """Whether a file is the base's own, which has a header of its own."""
    return any(one.file == file and is_bases_own(one, evidence) for one in evidence.ggufs)


@cause(
    "401", "gguf-damaged", Link.CONVERSION, symptoms=("fails-to-load", "garbage"), shows=AGAIN,
    explains=("CAU402", "CAU403", "CAU411", "CAU309"), rules=("GGF001", "QNT001", "PAR006"),
)  # fmt: skip
def gguf_damaged(evidence: Evidence) -> Outcome:
    """A GGUF is not what its header says, or llama.cpp refuses it.

    Why: GGUF has no checksum, and llama.cpp loads most damaged files without a word.
    Fix: make or copy the file again, and compare digests.
    Seen in: made in tests/faults.
    """
    if not evidence.ggufs:
        return not_checked(GGUF)
    found = [(f"{file.file}: {problem}", Place(file.file)) for file in evidence.ggufs for problem in file.problems]
    if found:
        return found_in(found)
    unread = [file for file in evidence.ggufs if file.content == "model" and not file.architecture]
    if unread:
        return not_checked(f"{unread[0].file}: {unread[0].unlike or 'a header that says its architecture'}")
    unloaded = [file.not_loaded for file in evidence.ggufs if file.not_loaded]
    if unloaded:
        return not_checked(f"llama.cpp to load {GGUF} ({unloaded[0]})")
    loaded = len(models(evidence))
    return ruled_out(
        f"{len(evidence.ggufs)} GGUFs are as long as their headers say"
        + (f", and llama.cpp reads the headers of {loaded}" if loaded else "")
    )


@cause(
    "404", "gguf-template-altered", Link.CONVERSION, symptoms=("wrong-format", "does-not-stop"), shows=AGAIN,
    rules=("GGF002", "QNT003"),
)  # fmt: skip
def gguf_template_altered(evidence: Evidence) -> Outcome:
    """The chat template in a GGUF is not the one that was trained with.

    Why: llama.cpp lays out every prompt with the file's own template; another one is a prompt that was never trained.
    Fix: convert again from the folder whose chat_template.jinja was trained.
    Seen in: official Qwen2.5 GGUFs carried an older template than their folder; made in tests/faults.
    """
    key = "tokenizer.chat_template"

    def wrong(file: GgufSeen, asked: HeaderAsked) -> list[Said] | None:
        if asked.is_base or asked.template is None:
            return None
        if file.template is not None and plain(file.template) == plain(asked.template):
            return []
        what = "has no chat template" if file.template is None else "its chat template is another"
        return [(f"{file.file}: {what} than that of {asked.folder}{first_difference(file)}", place(file, key))]

    beside = list(among(evidence, "chat template", lambda file: file.template, key))
    told = against_folder(evidence, wrong, "the chat template is the folder's, letter by letter", beside)
    lacking = [file for file in models(evidence) if file.template is None and not is_bases_own(file, evidence)]
    if lacking and not told.certainty.found:
        sign = f"{lacking[0].file}: has no chat template, so runtimes take one of their own"
        return consistent(sign, decides=(FOLDER,))
    return told


def plain(template: str) -> str:
    """A template without what no reader keeps of it."""
    return template.replace("\r\n", "\n").rstrip("\n")


def first_difference(file: GgufSeen) -> str:
    """Where two templates part, in words."""
    ours, theirs = (file.asked and file.asked.template) or "", file.template or ""
    at = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
    return f", from letter {at + 1} on: {theirs[at : at + 24]!r} in place of {ours[at : at + 24]!r}" if theirs else ""


@cause(
    "405", "gguf-stop-token-altered", Link.CONVERSION, symptoms=("does-not-stop",), shows=AGAIN,
    rules=("GGF003", "QNT003"),
)  # fmt: skip
def gguf_stop_token_altered(evidence: Evidence) -> Outcome:
    """The stop token in a GGUF's header is not the one that ends a turn.

    Why: programs that stop on the header's token run on behind the answer. llama.cpp itself stops on `<|im_end|>` by
        its text, and hides it.
    Fix: say eos_token in tokenizer_config.json of the merged folder, and convert again.
    Seen in: axolotl #2073; made in tests/faults.
    """
    key = "tokenizer.ggml.eos_token_id"

    def wrong(file: GgufSeen, asked: HeaderAsked) -> list[Said] | None:
        if asked.is_base or asked.eos_id is None:
            return None
        said = f"{file.file}: its stop token is {stop(file)}, {asked.folder} says {asked.eos_id}"
        return [(said, place(file, key))] if file.eos_id != asked.eos_id else []

    files = [file for file in models(evidence) if not is_bases_own(file, evidence)]
    beside = list(among(evidence, "stop token", lambda file: file.eos_id, key))
    for file in files:
        if file.eos_id is not None and file.eos_kind not in ("control", "") and file.eos_text not in QWENS:
            beside.append((f"{file.file}: its stop token is {stop(file)}, which is {file.eos_kind}", place(file, key)))
    own = [file for file in files if file.eos_text == TURN]
    told = against_folder(evidence, wrong, "the stop token is the folder's", beside)
    if told.certainty in (Certainty.PROVEN, Certainty.CONSISTENT):
        return told
    if own and len(own) == len(files):
        return ruled_out(f"the stop token of {len(own)} GGUFs is {stop(own[0])}, which ends a turn")
    odd = [file for file in files if file.eos_text == TEXT and TURN in (file.template or "")]
    if odd:
        said = f"{odd[0].file}: its stop token is {stop(odd[0])}, its own template ends turns with {TURN}"
        return consistent(said, decides=("answers that say whether they stopped",))
    return told


def stop(file: GgufSeen) -> str:
    """The stop token in words."""
    return f"{file.eos_id} ({file.eos_text})" if file.eos_text else str(file.eos_id)


@cause(
    "406", "gguf-token-types-altered", Link.CONVERSION, symptoms=("control-tokens-in-answers", "does-not-stop"),
    shows=AGAIN, rules=("GGF004", "GGF007"),
)  # fmt: skip
def gguf_token_types_altered(evidence: Evidence) -> Outcome:
    """Control tokens are not marked as such in a GGUF's header.

    Why: a runtime then takes the text `<|im_end|>` apart into letters, in the prompt as in the template, and shows it
        in answers.
    Fix: convert again with the tokenizer's own files beside the weights.
    Seen in: made in tests/faults.
    """

    def said(file: GgufSeen, kinds: Sequence[str]) -> list[Said]:
        what = f"{file.file}: {len(kinds)} tokens are of another kind: {', '.join(kinds[:3])}"
        return [(what, place(file, "tokenizer.ggml.token_type"))] if kinds else []

    files = models(evidence)
    beside = [one for file in files for one in said(file, file.ordinary)]
    fine = "every added token is of the kind that the tokenizer gives it"
    told = against_folder(evidence, lambda file, asked: said(file, asked.kinds), fine, beside)
    if told.certainty is Certainty.NOT_CHECKED and files and all(file.eos_text in QWENS for file in files):
        return ruled_out("Qwen's control tokens are control tokens in every header")
    return told


@cause(
    "407", "gguf-rope-altered", Link.CONVERSION, symptoms=("garbage", "worse-than-trained"), shows=AGAIN,
    rules=("GGF007", "QNT003"),
)  # fmt: skip
def gguf_rope_altered(evidence: Evidence) -> Outcome:
    """RoPE's base, or how far it reaches, is not the model's in a GGUF's header.

    Why: positions are then turned by other angles than in training: short prompts suffer a little, long ones wholly.
    Fix: convert again from a config.json that says rope_theta as the base's does.
    Seen in: folders that transformers 5.17.0 made of a Qwen3 GGUF, whose scaling it does not read
        (findings/gguf_scaling_not_read.sh); made in tests/faults.
    """

    def wrong(file: GgufSeen, asked: HeaderAsked) -> list[Said] | None:
        found: list[Said] = []
        if asked.rope_base is not None and file.rope_base != asked.rope_base:
            shown = "missing" if file.rope_base is None else number(file.rope_base, digits=7)
            sign = f"{file.file}: RoPE's base is {shown}, {asked.folder} says {number(asked.rope_base, digits=7)}"
            found.append((sign, place(file, f"{file.architecture}.rope.freq_base")))
        if asked.context_length is not None and file.context_length != asked.context_length:
            sign = f"{file.file}: a context of {file.context_length}, {asked.folder} says {asked.context_length}"
            found.append((sign, place(file, f"{file.architecture}.context_length")))
        return None if asked.rope_base is None else found

    beside = list(among(evidence, "RoPE base", lambda file: file.rope_base, f"{KNOWN}.rope.freq_base"))
    told = against_folder(evidence, wrong, "RoPE's base is config.json's", beside)
    odd = [file for file in models(evidence) if (file.rope_base or 0) < LEAST_ROPE]
    if odd and told.certainty is Certainty.NOT_CHECKED:
        shown = "no base of RoPE" if odd[0].rope_base is None else f"RoPE with the base {number(odd[0].rope_base)}"
        return consistent(f"{odd[0].file}: {shown}; every Qwen3 has 1,000,000 or more", decides=("config.json",))
    return told


@cause(
    "408", "quant-type-fallen-back", Link.QUANTIZING, symptoms=("quant-worse-than-f16",), shows="quantize redo=true",
    rules=("QNT002",),
)  # fmt: skip
def quant_type_fallen_back(evidence: Evidence) -> Outcome:
    """Tensors of a quant have another type than its name gives them.

    Why: K-quants need rows that 256 divides; where they do not, llama-quantize takes another type tensor by tensor, or
        none at all, and ends with exit 0.
    Fix: choose a type that the rows allow (Q8_0 needs rows divisible by 32), or another base.
    Seen in: made in tests/faults.
    """
    files = [file for file in models(evidence) if file.file_type and not file.tensors_unknown]
    odd = [file for file in files if file.fallen_back]
    found = [
        (
            f"{file.file}: {len(file.fallen_back)} tensors are not of a type that {file.file_type} gives: "
            f"{', '.join(file.fallen_back[:3])}" + (f"; 256 does not divide {file.narrow} rows" if file.narrow else ""),
            Place(file.file, key=file.fallen_back[0].partition(":")[0]),
        )
        for file in odd
    ]
    if any(not may_be_meant(file) for file in odd):
        return found_in(found)
    if found:
        return consistent(*(sign for sign, _ in found[:3]), decides=("with which types it was meant to be made",))
    if not files:
        return not_checked(BUILT) if models(evidence) else unknown(evidence)
    return ruled_out(f"every tensor of {', '.join(file.file_type for file in files)} is of a type that the name gives")


def may_be_meant(file: GgufSeen) -> bool:
    """Whether types of its own may have been asked for, as dynamic quants do: rows allow all, and most have the name's
    type or an importance matrix chose."""
    mostly = 2 * len(file.fallen_back) > sum(file.types.values())
    return not file.narrow and not (mostly and file.imatrix_file is None)


@cause(
    "409", "imatrix-of-another-model", Link.QUANTIZING, symptoms=("quant-worse-than-f16",),
    shows="quantize quantize.imatrix=true redo=true", rules=("QNT003",),
)  # fmt: skip
def imatrix_of_another_model(evidence: Evidence) -> Outcome:
    """The importance matrix that a quant was made with has another number of matrices than the model.

    Why: it says which weights matter in another model; what it leaves out is quantized without it, in silence.
    Fix: measure one on this model's F32 file and its training rows.
    Seen in: made in tests/faults.
    """
    files = [file for file in models(evidence) if file.imatrix_file is not None]
    if not files:
        quants = [file for file in models(evidence) if not file.exact_type]
        if quants:
            return ruled_out(f"{quants[0].file}: made without one")
        return not_checked("a quant") if models(evidence) else unknown(evidence)
    for file in files:
        expected = 7 * file.num_blocks
        if file.imatrix_entries is not None and file.imatrix_entries not in (expected, expected + 1):
            sign = f"{file.file}: {file.imatrix_file} had {file.imatrix_entries} matrices, the model has {expected}"
            return proven(sign, places=[place(file, "quantize.imatrix.entries_count")])
    return not_checked(f"{files[0].imatrix_file}, and which model it was measured on")


@cause(
    "410", "adapter-gguf-at-wrong-strength", Link.SERVING, symptoms=("worse-than-trained", "nothing-learnt"),
    shows=AGAIN,
)  # fmt: skip
def adapter_gguf_at_wrong_strength(evidence: Evidence) -> Outcome:
    """llama.cpp applies an adapter GGUF with another strength than it was trained with.

    Why: such a file has lora_alpha alone, and llama.cpp applies alpha / rank whatever use_rslora and alpha_pattern
        said.
    Fix: merge the adapter and ship the GGUF of the whole model; or give --lora-scaled the factor that is told here.
    Seen in: made in tests/faults.
    """
    files = [file for file in evidence.ggufs if file.content == "adapter" and not file.broken]
    if not files and any(file.tensors_unknown for file in evidence.ggufs):
        return not_checked(BUILT)
    if not files:
        return ruled_out("no GGUF is an adapter") if evidence.ggufs else not_checked("the adapter's GGUF")
    held = [file for file in files if file.adapter_modules]
    if not held:
        return not_checked(ADAPTER)
    for file in held:
        wrong = [one for one in file.adapter_modules if not scales.fits(one, 1.0)]
        if wrong:
            mistakes = [one.words for one in scales.MISTAKES if scales.is_mistake(one, file.adapter_modules)]
            told = f": {mistakes[0]}" if mistakes else ""
            sign = (
                f"{file.file}: {len(wrong)} of {len(file.adapter_modules)} modules run at {span(wrong)} their strength"
            )
            return proven(f"{sign}{told}", places=[place(file, "adapter.lora.alpha")])
        if file.adapter_differs:
            return proven(
                f"{file.file}: {file.adapter_differs[0]}, so it is of another adapter", places=[Place(file.file)]
            )
    return ruled_out(f"{held[0].file}: every module runs at the strength of its folder")


@cause(
    "414", "gguf-adds-bos", Link.CONVERSION, symptoms=("worse-than-trained",), shows=AGAIN, rules=("GGF007",)
)  # fmt: skip
def gguf_adds_bos(evidence: Evidence) -> Outcome:
    """A GGUF asks for a token at the beginning of every text, which Qwen was never trained with.

    Why: the first token of every prompt is then one that no row had; where the template writes one too, there are two.
    Fix: convert again from a tokenizer with add_bos_token=false.
    Seen in: ggml-org/llama.cpp #7062; made in tests/faults.
    """
    files = models(evidence)
    for file in files:
        if file.add_bos and file.eos_text in QWENS:
            sign = f"{file.file}: add_bos_token is true, and no Qwen has such a token"
            return proven(sign, places=[place(file, "tokenizer.ggml.add_bos_token")])
    return ruled_out("no GGUF of a Qwen3 asks for one") if files else unknown(evidence)


@cause(
    "415", "gguf-of-another-tokenizer", Link.CONVERSION, symptoms=("garbage",), shows=AGAIN, rules=("GGF004",)
)  # fmt: skip
def gguf_of_another_tokenizer(evidence: Evidence) -> Outcome:
    """The tokens in a GGUF's header are not the tokenizer's.

    Why: every id then stands for another text; where only a few differ, only rare words break.
    Fix: convert again with the tokenizer that was trained with beside the weights.
    Seen in: made in tests/faults.
    """

    def wrong(file: GgufSeen, asked: HeaderAsked) -> list[Said]:
        said = f"{file.file}: {asked.tokens} tokens are not those of {asked.folder}"
        return [(said, place(file, "tokens"))] if asked.tokens else []

    return against_folder(evidence, wrong, "every token is the tokenizer's")
