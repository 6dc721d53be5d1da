"""Is what ships the model that was trained?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from jobs.checks.advised import Shipped, another_type_is_recommended, chosen_among, instead
from jobs.checks.behaviour import Behaviour, Sample, behaviour_lines, name, rates_above, wilson
from jobs.checks.belonging import answers_ignore_prompts, prompts_not_shown_to_matter
from jobs.checks.lengths import LengthFacts, LengthLimits, register
from jobs.checks.parity import Parity
from jobs.checks.templates import TemplateFacts, template_rules
from jobs.core.model import Facts, Limits
from jobs.core.rule import Gate, Measured, Skip
from jobs.logic.pages import advice
from jobs.logic.pages.amounts import beside, count, loss, nats, number, percent, score
from jobs.logic.parity.blame import lost_by, next_larger


class VerifyFacts(Facts):
    """Every artefact against base + adapter, unmerged, in float32."""

    asked: list[str]
    """The artefacts that there are."""
    ships: list[Shipped]
    """Those of them that ship, the one of the Modelfile first."""
    num_rows: int
    num_tokens: int
    """Held-out graded tokens that were compared."""
    num_missing: int
    """Rows and answers that should be in the folder and are not, over all artefacts."""
    effect: float
    """Mean KL(reference || base): what the fine-tune changed, nats a token."""
    noise: float
    """The same between two ways of computing the reference: other batches, other attention."""
    reference_nll: float
    base_nll: float
    parities: list[Parity]
    failures: dict[str, str]
    """Artefact to what llama.cpp said, where it could not run it."""
    hugging_face: list[Behaviour]
    """Base + adapter in Hugging Face on the same prompts, from `smoke`."""
    behaviours: list[Behaviour]
    """The GGUFs in llama.cpp."""
    same_text: dict[str, float]
    """Artefact to the share of its answers that are Hugging Face's to the letter."""
    lengths: LengthFacts
    """What ships, on prompts longer than any that was trained."""
    blame: str
    """What each step took, in words."""
    templates: list[TemplateFacts]
    """Of every quantized GGUF that llama.cpp can run; `convert` has the F16's."""
    samples: list[Sample]

    @property
    def judged(self) -> list[Behaviour]:
        return self.behaviours

    def lines(self) -> list[tuple[str, str]]:
        return [
            ("held-out tokens compared", f"{count(self.num_tokens)} in {count(self.num_rows, 'row')}"),
            ("effect of the fine-tune", f"{nats(self.effect)} nats a token (noise {nats(self.noise)})"),
            ("loss", f"base {loss(self.base_nll)}, base + adapter {loss(self.reference_nll)} nats a token"),
            *((one.artifact, one.in_words()) for one in self.parities),
            *behaviour_lines(self.behaviours),
            *((what, f"answers equal to Hugging Face's: {percent(share)}") for what, share in self.same_text.items()),
            *self.lengths.lines(),
            ("who lost what", self.blame),
            *(line for one in self.templates for line in one.lines),
        ]

    def drawing(self, columns: int, plain: bool) -> list[str]:
        return advice.drawn(chosen_among(self))


class VerifyLimits(Limits):
    """Divergences in nats a token, behaviour as shares of the answers."""

    min_effect: float
    min_effect_over_noise: float
    max_merged_kl: float
    max_f16_kl: float
    min_retention: dict[str, float]
    """Artefact to the least that the lower end of its interval may be; `other` for those not named."""
    advised_same_top: float
    advised_retention: float
    """The least that the lower end of a recommended type's interval may be."""
    advised_tokens: int
    advised_rows: int
    min_stop_rate: float
    max_loop_rate: float
    max_repeat_rate: float
    max_empty_rate: float
    max_markup_rate: float
    max_think_leak_rate: float
    max_agreement_loss: float
    max_p: float
    min_power: float
    lengths: LengthLimits


GATE = Gate("verify", "PAR", VerifyFacts, VerifyLimits)


def parity(facts: VerifyFacts, artifact: str) -> Parity:
    """The artefact's parity; raises Skip where there is none, for PAR007 says so."""
    for one in facts.parities:
        if one.artifact == artifact:
            return one
    raise Skip(f"{artifact} was not compared")


def least(limits: VerifyLimits, artifact: str) -> float:
    """The least retention of an artefact."""
    return limits.min_retention.get(artifact, limits.min_retention["other"])


def keeps_enough(facts: VerifyFacts, limits: VerifyLimits) -> dict[str, bool]:
    """Artefact to whether it still is the model that was trained, by logits."""
    right = {"tuned": True}
    for one in facts.parities:
        if one.artifact == "merged":
            right["merged"] = one.kl_mean <= limits.max_merged_kl
        else:
            right[one.artifact] = one.retention_low >= least(limits, one.artifact)
    return right


def ggufs(facts: VerifyFacts) -> list[Behaviour]:
    """What the GGUFs answered; raises Skip where none did."""
    if not facts.behaviours:
        raise Skip("no GGUF answered anything")
    return facts.behaviours


def stopping(facts: VerifyFacts, limits: VerifyLimits, prompt: str) -> Mapping[str, bool]:
    """Model to whether enough of its answers to a prompt stop."""
    found = [one for one in [*facts.hugging_face, *facts.behaviours] if one.prompt == prompt]
    return {one.model: one.stop_rate >= limits.min_stop_rate for one in found}


@GATE.rule("001", "effect-too-small", explains=("PAR003", "PAR005"))
def effect_too_small(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """The fine-tune changes next to nothing on held-out answers.

    Why: what an artefact keeps of an effect is only worth asking where there is an effect.
    Fix: see that the adapter is not zero and that its base is the one it was trained on; train longer or hotter.
    """
    if not facts.effect > limits.min_effect:
        shown, least = beside(facts.effect, limits.min_effect, nats)
        text = f"the effect is {shown} nats a token, it must be above {least}"
        yield Measured(text, facts.effect, limits.min_effect, worst=0.0)
    least_over_noise = limits.min_effect_over_noise * facts.noise
    if not facts.effect > least_over_noise:
        shown, least = beside(facts.effect, least_over_noise, nats)
        text = (
            f"the effect is {shown} nats a token, it must be above {least}: {number(limits.min_effect_over_noise)} "
            f"times the noise of {nats(facts.noise)}"
        )
        yield Measured(text, facts.effect, least_over_noise, worst=0.0)


@GATE.rule("002", "merged-drift", explains=("PAR003", "PAR005", "PAR008", "PAR010", "PAR011", "PAR013", "PAR014"))
def merged_drift(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """The merged model is not base + adapter.

    Why: everything that ships is made of these weights.
    Fix: merge again in float32, into the base that `train` names.
    """
    one = parity(facts, "merged")
    if not one.kl_mean <= limits.max_merged_kl:
        shown, most = beside(one.kl_mean, limits.max_merged_kl, nats)
        text = f"merged is {shown} nats a token from base + adapter, the most is {most}: it was lost by merging"
        yield Measured(text, one.kl_mean, limits.max_merged_kl)


@GATE.rule(
    "003", "f16-drift", explains=("PAR005", "PAR008", "PAR009", "PAR010", "PAR011", "PAR012", "PAR013", "PAR014")
)
def f16_drift(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """The F16 GGUF is not the model that was trained.

    Why: rounding to 16 bits costs a millionth of a nat; more means that the conversion lost or changed something.
    Fix: look at convert's rules for tokens, metadata and tensors; quantize nothing before F16 is right.
    """
    one = parity(facts, "F16")
    blame = lost_by("F16", {**keeps_enough(facts, limits), "F16": False})
    if not one.kl_mean <= limits.max_f16_kl:
        shown, most = beside(one.kl_mean, limits.max_f16_kl, nats)
        text = f"F16 is {shown} nats a token from the reference, the most is {most}; {blame}"
        yield Measured(text, one.kl_mean, limits.max_f16_kl)
    if not one.retention_low >= least(limits, "F16"):
        yield one.too_little_kept(least(limits, "F16"), blame)


@GATE.rule("004", "logits-not-finite", explains=("PAR003", "PAR005", "PAR008", "PAR010", "PAR011", "PAR013", "PAR014"))
def logits_not_finite(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """An artefact computes NaN or infinity.

    Why: one such number decides every token after it; a user sees the same character over and over.
    Fix: look for weights beyond 65,504 in `merge`; run the GGUF on the CPU to tell a backend's fault from the file's.
    """
    if not facts.parities:
        raise Skip("no logits were compared")
    for one in facts.parities:
        if one.nonfinite:
            tokens = f"{count(one.nonfinite)} of {count(one.num_tokens, 'token')}"
            yield f"{one.artifact}: logits of {tokens} are not finite, the most is 0"


@GATE.rule(
    "005",
    "fine-tune-lost-in-quantizing",
    explains=("PAR008", "PAR009", "PAR010", "PAR011", "PAR012", "PAR013", "PAR014"),
)
def fine_tune_lost_in_quantizing(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """A quantized GGUF keeps too little of the fine-tune.

    Why: a weak tune drowns in rounding while the KL still looks small; what ships may then be worse than the base.
    Fix: ship the next larger type, or one made with an importance matrix; a stronger tune survives better.
    """
    quants = [one for one in facts.parities if one.artifact not in ("merged", "F16")]
    if not quants:
        raise Skip("no quantized GGUF was compared")
    right = keeps_enough(facts, limits)
    for one in quants:
        if not one.retention_low >= least(limits, one.artifact):
            larger = next_larger(one.artifact)
            told = lost_by(one.artifact, right) + (f"; the next larger type to try is {larger}" if larger else "")
            yield one.too_little_kept(least(limits, one.artifact), told, instead(facts, one.artifact, larger))


@GATE.rule("006", "artifact-does-not-run", explains=("PAR007",))
def artifact_does_not_run(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """llama.cpp cannot run a GGUF.

    Why: neither can a user.
    Fix: make `convert` and `quantize` again with redo=true; if it is the same, try the file with llama-completion.
    """
    for artifact, message in facts.failures.items():
        yield f"{artifact}: {message}"


@GATE.rule("007", "not-everything-compared")
def not_everything_compared(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """An artefact, a row or an answer was left out.

    Why: what was not looked at is not proven, however good the rest is.
    Fix: run `verify` again with redo=true.
    """
    compared = {one.artifact for one in facts.parities}
    answered = {one.model for one in facts.behaviours}
    for artifact in facts.asked:
        if artifact not in compared:
            yield f"{artifact}: 0 tokens were compared, of {count(facts.num_tokens)}"
        if artifact not in answered and artifact != "merged":
            yield f"{artifact}: 0 answers were generated"
    if facts.num_missing:
        yield f"{count(facts.num_missing)} rows and answers are missing, the most is 0"
    if (
        not facts.num_tokens
        or not facts.ships
        or not {"merged", "F16", *(one.type for one in facts.ships)} <= {*facts.asked}
    ):
        found = f"{count(len(facts.asked), 'artefact')} and {count(facts.num_tokens, 'token')}"
        yield f"{found}; merged, F16 and every type that ships are the least"


@GATE.rule("008", "artifact-does-not-stop", explains=("PAR010", "PAR014"))
def artifact_does_not_stop(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """A GGUF's answers run on to the length limit.

    Why: llama.cpp stops by rules of its own, so that stopping in Hugging Face does not prove it here.
    Fix: compare eos, end-of-generation tokens and the chat template in `convert`; where only a quant is wrong, take a
    larger type.
    """
    for one in ggufs(facts):
        if not one.stop_rate >= limits.min_stop_rate:
            shown, least = beside(one.stop_rate, limits.min_stop_rate, percent)
            text = (
                f"{name(one)}: {shown} of {count(one.num_rows, 'answer')} stop, the least is {least}; "
                f"{lost_by(one.model, stopping(facts, limits, one.prompt))}"
            )
            yield Measured(text, one.stop_rate, limits.min_stop_rate, worst=0.0)


@GATE.rule("009", "artifact-leaks-markup", explains=("PAR014",))
def artifact_leaks_markup(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """Control tokens or role headers stand in a GGUF's answers.

    Why: Hugging Face's answers to the same prompts were clean, so tokens or template changed on the way.
    Fix: compare token ids and template in `convert`.
    """
    yield from rates_above(ggufs(facts), "markup_rate", "contain markup", limits.max_markup_rate, facts.hugging_face)


@GATE.rule("010", "stops-less-than-hugging-face", explains=("PAR014",))
def stops_less_than_hugging_face(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """A GGUF stops less often than the model it was made from.

    Why: it is the sign that the end of the turn got lost on the way, and not in training.
    Fix: as for PAR008.
    """
    before = {one.prompt: one for one in facts.hugging_face}
    for one in ggufs(facts):
        reference = before.get(one.prompt)
        low = wilson(reference.stop_rate, reference.num_rows)[0] if reference else 0.0
        if not one.stop_rate >= low:
            shown, least = beside(one.stop_rate, low, percent)
            text = (
                f"{name(one)}: {shown} of {count(one.num_rows, 'answer')} stop, the least is {least}, the lower end of "
                "Hugging Face's 95% interval"
            )
            yield Measured(text, one.stop_rate, low, worst=0.0)


@GATE.rule("011", "artifact-loops", explains=("PAR008", "PAR010", "PAR014"))
def artifact_loops(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """A GGUF says the same over and over.

    Why: too coarse a quantization falls into loops that the model did not have.
    Fix: a larger type; where F16 loops as well, look at PAR003.
    """
    yield from rates_above(ggufs(facts), "loop_rate", "loop", limits.max_loop_rate, facts.hugging_face)
    yield from rates_above(ggufs(facts), "repeat_rate", "repeat characters", limits.max_repeat_rate, facts.hugging_face)


@GATE.rule("012", "artifact-think-leak", explains=("PAR014",))
def artifact_think_leak(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """Think tags stand in a GGUF's answers where none belong.

    Why: clients of llama.cpp show them as text.
    Fix: as for GEN008; where Hugging Face's answers are clean, compare token ids in `convert`.
    """
    yield from rates_above(
        ggufs(facts), "think_leak_rate", "leak a think block", limits.max_think_leak_rate, facts.hugging_face
    )


@GATE.rule("013", "artifact-empty-answers", explains=("PAR014",))
def artifact_empty_answers(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """A GGUF answers nothing.

    Why: stopping at once also counts as stopping.
    Fix: as for PAR008.
    """
    yield from rates_above(ggufs(facts), "empty_rate", "are empty", limits.max_empty_rate, facts.hugging_face)


@GATE.rule("014", "task-agreement-lost")
def task_agreement_lost(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """A GGUF agrees with the held-out answers less than the model it was made from.

    Why: this is the fine-tune as its users meet it.
    Fix: a larger type; where F16 lost it as well, it was the conversion.
    """
    before = {one.prompt: one.agreement for one in facts.hugging_face}
    for one in ggufs(facts):
        lost = before[one.prompt] - one.agreement if one.prompt in before else 0.0
        if not lost <= limits.max_agreement_loss:
            shown, most = beside(lost, limits.max_agreement_loss, score)
            text = (
                f"{name(one)}: agreement {score(one.agreement)}, Hugging Face has {score(before[one.prompt])}; the "
                f"loss is {shown}, the most is {most}"
            )
            yield Measured(text, lost, limits.max_agreement_loss, worst=before[one.prompt])


@GATE.rule("015", "little-compared", level="warn")
def little_compared(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """The numbers rest on few tokens.

    Why: the interval around a retention is only as good as the prompts it was drawn from.
    Fix: hold out more rows in `prepare`; raise verify.max_tokens.
    """
    if facts.num_tokens < limits.advised_tokens or facts.num_rows < limits.advised_rows:
        yield (
            f"{count(facts.num_tokens, 'token')} in {count(facts.num_rows, 'row')} compared, "
            f"{count(limits.advised_tokens)} in {count(limits.advised_rows)} are advised"
        )


@GATE.rule("016", "other-top-token", level="info")
def other_top_token(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """An artefact often puts another token first.

    Why: greedy answers then differ from the trained model's, if not always for the worse.
    Fix: a larger type, if answers must be the same.
    """
    for one in facts.parities:
        if not one.same_top >= limits.advised_same_top:
            shown, least = beside(one.same_top, limits.advised_same_top, percent)
            yield f"{one.artifact}: the same top token in {shown}, the least that is advised is {least}"


template_rules(GATE, 20, lambda facts: facts.templates, explains=("PAR008", "PAR009", "PAR012"))
register(GATE)
GATE.rule("030", "artifact-ignores-prompts")(answers_ignore_prompts)
GATE.rule("031", "prompts-not-shown-to-matter-in-artifact", level="warn")(prompts_not_shown_to_matter)
GATE.rule("050", "another-type-is-recommended", level="info")(another_type_is_recommended)
