"""Is what ships the model that was trained?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from jobs.checks.behaviour import Behaviour, Sample, behaviour_lines, name, rates_above, wilson
from jobs.checks.lengths import LengthFacts, LengthLimits, register
from jobs.core.model import Facts, Limits, StrictModel
from jobs.core.rule import Gate, Skip
from jobs.logic.parity.blame import lost_by, next_larger


class Parity(StrictModel):
    """One artefact against the reference on held-out answers, teacher-forced; divergences in nats a token."""

    artifact: str
    """`merged`, `F16`, `Q4_K_M`, ..."""
    num_rows: int
    num_tokens: int
    kl_mean: float
    kl_p99: float
    same_top: float
    """Share of tokens where both models put the same one first."""
    retention: float
    """How much of the fine-tune's effect is left: 1 - KL(reference || artefact) / KL(reference || base)."""
    retention_low: float
    retention_high: float
    """The ends of its 95 % interval, a bootstrap over prompts."""
    nll: float
    """Mean loss on the true answers, nats a token."""
    nonfinite: int
    """Tokens whose logits were not all numbers."""


class VerifyFacts(Facts):
    """Every artefact against base + adapter, unmerged, in float32."""

    asked: list[str]
    """The artefacts that there are."""
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
    samples: list[Sample]

    def lines(self) -> list[tuple[str, str]]:
        return [
            ("held-out tokens compared", f"{self.num_tokens:,} in {self.num_rows} rows"),
            ("effect of the fine-tune", f"{self.effect:.3g} nats a token (noise {self.noise:.2g})"),
            ("loss", f"base {self.base_nll:.4f}, base + adapter {self.reference_nll:.4f} nats a token"),
            *(
                (
                    one.artifact,
                    f"keeps {one.retention:.2%} ({one.retention_low:.2%} to {one.retention_high:.2%}), "
                    f"KL {one.kl_mean:.2g} (p99 {one.kl_p99:.2g}), same top token {one.same_top:.2%}",
                )
                for one in self.parities
            ),
            *behaviour_lines(self.behaviours),
            *((what, f"answers equal to Hugging Face's: {share:.1%}") for what, share in self.same_text.items()),
            *self.lengths.lines(),
            ("who lost what", self.blame),
        ]


class VerifyLimits(Limits):
    """Divergences in nats a token, behaviour as shares of the answers."""

    min_effect: float
    min_effect_over_noise: float
    max_merged_kl: float
    max_f16_kl: float
    min_retention: dict[str, float]
    """Artefact to the least that the lower end of its interval may be; `other` for those not named."""
    advised_same_top: float
    advised_tokens: int
    advised_rows: int
    min_stop_rate: float
    max_loop_rate: float
    max_repeat_rate: float
    max_empty_rate: float
    max_markup_rate: float
    max_think_leak_rate: float
    max_agreement_loss: float
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


@GATE.rule("001", "effect-too-small", explains=("PAR005",))
def effect_too_small(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """The fine-tune changes next to nothing on held-out answers.

    Why: what an artefact keeps of an effect is only worth asking where there is an effect.
    Fix: see that the adapter is not zero and that its base is the one it was trained on; train longer or hotter.
    """
    if not facts.effect > limits.min_effect:
        yield f"the effect is {facts.effect:.3g} nats a token, it must be above {limits.min_effect:.3g}"
    if not facts.effect > limits.min_effect_over_noise * facts.noise:
        yield (
            f"the effect is {facts.effect:.3g} nats a token, it must be above {limits.min_effect_over_noise:g} times "
            f"the noise of {facts.noise:.3g}"
        )


@GATE.rule("002", "merged-drift", explains=("PAR003", "PAR005"))
def merged_drift(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """The merged model is not base + adapter.

    Why: everything that ships is made of these weights.
    Fix: merge again in float32, into the base that `train` names.
    """
    one = parity(facts, "merged")
    if not one.kl_mean <= limits.max_merged_kl:
        yield (
            f"merged is {one.kl_mean:.3g} nats a token from base + adapter, the most is {limits.max_merged_kl:.3g}: "
            "it was lost by merging"
        )


@GATE.rule("003", "f16-drift", explains=("PAR005", "PAR008", "PAR014"))
def f16_drift(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """The F16 GGUF is not the model that was trained.

    Why: rounding to 16 bits costs a millionth of a nat; more means that the conversion lost or changed something.
    Fix: look at convert's rules for tokens, metadata and tensors; quantize nothing before F16 is right.
    """
    one = parity(facts, "F16")
    blame = lost_by("F16", {**keeps_enough(facts, limits), "F16": False})
    if not one.kl_mean <= limits.max_f16_kl:
        yield f"F16 is {one.kl_mean:.3g} nats a token from the reference, the most is {limits.max_f16_kl:.3g}; {blame}"
    if not one.retention_low >= least(limits, "F16"):
        yield f"{kept(one)}, the least is {least(limits, 'F16'):.1%}; {blame}"


@GATE.rule("004", "logits-not-finite", explains=("PAR003", "PAR005", "PAR008"))
def logits_not_finite(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """An artefact computes NaN or infinity.

    Why: one such number decides every token after it; a user sees the same character over and over.
    Fix: look for weights beyond 65,504 in `merge`; run the GGUF on the CPU to tell a backend's fault from the file's.
    """
    if not facts.parities:
        raise Skip("no logits were compared")
    for one in facts.parities:
        if one.nonfinite:
            yield f"{one.artifact}: logits of {one.nonfinite} of {one.num_tokens} tokens are not finite, the most is 0"


@GATE.rule("005", "fine-tune-lost-in-quantizing", explains=("PAR008", "PAR011", "PAR014"))
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
            yield (
                f"{kept(one)}, the least is {least(limits, one.artifact):.1%}; {lost_by(one.artifact, right)}"
                + (f"; the next larger type to try is {larger}" if larger else "")
            )


def kept(one: Parity) -> str:
    """A retention in words."""
    return (
        f"{one.artifact} keeps {one.retention:.2%} of what training changed "
        f"(95 % interval {one.retention_low:.2%} to {one.retention_high:.2%})"
    )


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
            yield f"{artifact}: 0 tokens were compared, of {facts.num_tokens}"
        if artifact not in answered and artifact != "merged":
            yield f"{artifact}: 0 answers were generated"
    if facts.num_missing:
        yield f"{facts.num_missing} rows and answers are missing, the most is 0"
    if not facts.num_tokens or len(facts.asked) < 3:
        yield f"{len(facts.asked)} artefacts and {facts.num_tokens} tokens; merged, F16 and a quant are the least"


@GATE.rule("008", "artifact-does-not-stop")
def artifact_does_not_stop(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """A GGUF's answers run on to the length limit.

    Why: llama.cpp stops by rules of its own, so that stopping in Hugging Face does not prove it here.
    Fix: compare eos, end-of-generation tokens and the chat template in `convert`; where only a quant is wrong, take a
    larger type.
    """
    for one in ggufs(facts):
        if not one.stop_rate >= limits.min_stop_rate:
            yield (
                f"{name(one)}: {one.stop_rate:.1%} of {one.num_rows} answers stop, the least is "
                f"{limits.min_stop_rate:.1%}; {lost_by(one.model, stopping(facts, limits, one.prompt))}"
            )


@GATE.rule("009", "artifact-leaks-markup")
def artifact_leaks_markup(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """Control tokens or role headers stand in a GGUF's answers.

    Why: Hugging Face's answers to the same prompts were clean, so tokens or template changed on the way.
    Fix: compare token ids and template in `convert`.
    """
    yield from rates_above(ggufs(facts), "markup_rate", "contain markup", limits.max_markup_rate)


@GATE.rule("010", "stops-less-than-hugging-face")
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
            yield (
                f"{name(one)}: {one.stop_rate:.1%} of {one.num_rows} answers stop, the least is {low:.1%}, the lower "
                "end of Hugging Face's 95 % interval"
            )


@GATE.rule("011", "artifact-loops")
def artifact_loops(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """A GGUF says the same over and over.

    Why: too coarse a quantization falls into loops that the model did not have.
    Fix: a larger type; where F16 loops as well, look at PAR003.
    """
    yield from rates_above(ggufs(facts), "loop_rate", "loop", limits.max_loop_rate)
    yield from rates_above(ggufs(facts), "repeat_rate", "repeat characters", limits.max_repeat_rate)


@GATE.rule("012", "artifact-think-leak")
def artifact_think_leak(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """Think tags stand in a GGUF's answers where none belong.

    Why: clients of llama.cpp show them as text.
    Fix: as for GEN008; where Hugging Face's answers are clean, compare token ids in `convert`.
    """
    yield from rates_above(ggufs(facts), "think_leak_rate", "leak a think block", limits.max_think_leak_rate)


@GATE.rule("013", "artifact-empty-answers")
def artifact_empty_answers(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """A GGUF answers nothing.

    Why: stopping at once also counts as stopping.
    Fix: as for PAR008.
    """
    yield from rates_above(ggufs(facts), "empty_rate", "are empty", limits.max_empty_rate)


@GATE.rule("014", "task-agreement-lost")
def task_agreement_lost(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """A GGUF agrees with the held-out answers less than the model it was made from.

    Why: this is the fine-tune as its users meet it.
    Fix: a larger type; where F16 lost it as well, it was the conversion.
    """
    before = {one.prompt: one.agreement for one in facts.hugging_face}
    for one in ggufs(facts):
        if one.prompt in before and not before[one.prompt] - one.agreement <= limits.max_agreement_loss:
            yield (
                f"{name(one)}: agreement {one.agreement:.3f}, Hugging Face has {before[one.prompt]:.3f}; the loss may "
                f"be {limits.max_agreement_loss:.3f}"
            )


@GATE.rule("015", "little-compared", level="warn")
def little_compared(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """The numbers rest on few tokens.

    Why: the interval around a retention is only as good as the prompts it was drawn from.
    Fix: hold out more rows in `prepare`; raise verify.max_tokens.
    """
    if facts.num_tokens < limits.advised_tokens or facts.num_rows < limits.advised_rows:
        yield (
            f"{facts.num_tokens} tokens in {facts.num_rows} rows were compared, {limits.advised_tokens} in "
            f"{limits.advised_rows} are advised"
        )


@GATE.rule("016", "other-top-token", level="info")
def other_top_token(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """An artefact often puts another token first.

    Why: greedy answers then differ from the trained model's, if not always for the worse.
    Fix: a larger type, if answers must be the same.
    """
    for one in facts.parities:
        if not one.same_top >= limits.advised_same_top:
            yield f"{one.artifact}: the same top token in {one.same_top:.1%}, {limits.advised_same_top:.1%} is advised"


register(GATE)
