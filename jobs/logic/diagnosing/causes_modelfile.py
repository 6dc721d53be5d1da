"""Causes in an Ollama Modelfile (CAU42x)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jobs.logic.diagnosing.cause import Link, Outcome, Place, cause, consistent, not_checked, proven, ruled_out
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.model_seen import GgufSeen, ModelfileSeen

GGUF = "the GGUF that FROM names"
MODELFILE, TOKENIZER = "the Modelfile", "the tokenizer's folder with the chat template"
TURN = "<|im_end|>"
AGAIN = "report redo=true"


def named(seen: ModelfileSeen, evidence: Evidence) -> list[GgufSeen]:
    """The GGUFs that FROM names, wherever they were given."""
    if seen.base_is_there is None:
        return []
    return [file for file in evidence.ggufs if Path(file.file).name == Path(seen.base).name]


def is_whole_path(base: str) -> bool:
    """Whether FROM names a place on one machine, which need not be this one."""
    return base.startswith(("/", "~"))


@cause(
    "421", "modelfile-without-stop", Link.SERVING, symptoms=("does-not-stop",), shows=AGAIN
)  # fmt: skip
def modelfile_without_stop(evidence: Evidence) -> Outcome:
    """The Modelfile has a template of its own and no stop string that ends its turns.

    Why: a Modelfile's template comes without the stops of the ones that Ollama knows; a model whose stop token is not
        the GGUF's then writes the user's next turn too.
    Fix: add `PARAMETER stop "<|im_end|>"`.
    Seen in: made in tests/faults.
    """
    seen = evidence.modelfile
    if seen is None:
        return not_checked(MODELFILE)
    if TURN in seen.stops:
        return ruled_out(f"{seen.file}: stops at {TURN}")
    served = named(seen, evidence)
    ending = [file for file in served if file.eos_text == TURN]
    against = [f"{ending[0].file} ends on {TURN} by its own header, at which Ollama stops too"] if ending else []
    told = ", ".join(seen.stops) or "none"
    if seen.template is not None and TURN in seen.template:
        sign = f"{seen.file}: its template ends turns with {TURN}, its stop strings are {told}"
        if not ending and any(file.eos_text for file in served):
            return proven(sign, places=[Place(seen.file, key="PARAMETER stop")])
        return consistent(sign, decides=("answers through Ollama" if ending else GGUF,), against=against)
    if seen.template is None:
        sign = f"{seen.file}: no template and no stop string; Ollama then takes both from what it knows"
        return consistent(sign, decides=("the GGUF",), against=against)
    return not_checked(TOKENIZER)


@cause(
    "422", "modelfile-of-another-template", Link.SERVING, symptoms=("wrong-format", "does-not-stop", "garbage"),
    shows="convert redo=true", explains=("CAU421",), rules=("GGF014",),
)  # fmt: skip
def modelfile_of_another_template(evidence: Evidence) -> Outcome:
    """The Modelfile's template lays prompts out otherwise than the chat template that was trained with.

    Why: Ollama runs the Modelfile's Go template in place of the GGUF's, so the model is asked in a form that it was
        never trained on.
    Fix: take the Modelfile that `make report` writes, or write the same turns in Go.
    Seen in: made in tests/faults.
    """
    seen = evidence.modelfile
    if seen is None:
        return not_checked(MODELFILE)
    if seen.template is None:
        return not_checked("a Modelfile with a TEMPLATE")
    if seen.template_error:
        return not_checked(f"a renderer for all of its template ({seen.template_error})")
    trained = evidence.tokenizer or evidence.base_tokenizer
    if trained is None or not trained.rendered:
        control = [file for file in named(seen, evidence) if TURN in (file.template or "")]
        if control and TURN not in seen.template:
            sign = f"{seen.file}: its template has no {TURN}, with which that of {control[0].file} ends turns"
            return proven(sign, places=[Place(seen.file, key="TEMPLATE")])
        return not_checked(TOKENIZER)
    wrong = differing(seen.rendered, trained.rendered)
    if wrong:
        sign = f"{seen.file}: the prompt is {wrong[0]!r}, trained was {wrong[1]!r}"
        if evidence.tokenizer is None:
            return consistent(f"{sign} in the base", decides=(TOKENIZER,))
        if not seen.base_is_there:
            return consistent(sign, decides=("the model that FROM names",))
        return proven(sign, places=[Place(seen.file, key="TEMPLATE")])
    return ruled_out(f"{seen.file}: lays out the probe prompts as {trained.template_from or trained.folder} does")


PROMPTS = ("prompt", "prompt, no thinking")


def differing(ours: Mapping[str, str], trained: Mapping[str, str]) -> tuple[str, str] | None:
    """Where a prompt of the Modelfile parts from each prompt that was trained, by the one that it follows longest; None
    where it is one of them."""
    rendered, wanted = ours.get("prompt"), [trained[name] for name in PROMPTS if name in trained]
    if rendered is None or not wanted or rendered in wanted:
        return None
    places = {text: common(rendered, text) for text in wanted}
    nearest = max(places, key=lambda text: places[text])
    at = max(0, places[nearest] - 12)
    return rendered[at : at + 48], nearest[at : at + 48]


def common(one: str, other: str) -> int:
    """How many letters two texts have in common at their beginning."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


@cause(
    "423", "modelfile-of-another-model", Link.SERVING, symptoms=("nothing-learnt", "fails-to-load"), shows=AGAIN
)  # fmt: skip
def modelfile_of_another_model(evidence: Evidence) -> Outcome:
    """The Modelfile is not FROM the GGUF that lies beside it.

    Why: FROM with a model's name takes that model, which is the base without the tune.
    Fix: write FROM ./ and the name of the GGUF.
    Seen in: made in tests/faults.
    """
    seen = evidence.modelfile
    if seen is None:
        return not_checked(MODELFILE)
    beside = [file for file in evidence.ggufs if Path(file.file).parent == Path(seen.file).parent]
    if seen.base_is_there is False:
        sign = f"{seen.file}: FROM {seen.base}, which is not there"
        if not evidence.ggufs:
            return not_checked(f"{seen.base}, which FROM names")
        if beside and not is_whole_path(seen.base) and not named(seen, evidence):
            return proven(sign, places=[Place(seen.file, key="FROM")])
        return consistent(sign, decides=("the folder in which it is served",))
    if seen.base_is_there is None and seen.adapter is None and beside:
        sign = f"{seen.file}: FROM {seen.base} is a model by its name, and no adapter is put on it"
        return consistent(sign, decides=("the model that FROM names",))
    if seen.base_is_there is None:
        return not_checked("the model that FROM names")
    return ruled_out(f"{seen.file}: FROM {seen.base}, which lies beside it")
