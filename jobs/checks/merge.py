"""What the merged folder is, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.checks import merge_form
from jobs.checks.merge_form import MergedForm
from jobs.core.model import Facts, Limits
from jobs.core.rule import Gate, Measured, Skip
from jobs.logic.pages.amounts import beside, count, nats, number, relative, size


class MergeFacts(Facts):
    """Tensor facts come from the files of base, adapter and merged folder; KL is in nats a token."""

    dtype: str
    num_tensors: int
    num_adapted: int
    """Tensors that the adapter has an update for."""
    num_merged: int
    not_merged: list[str]
    changed_without_adapter: list[str]
    missing: list[str]
    added: list[str]
    nonfinite: list[str]
    beyond_float16: list[str]
    scale: float
    """alpha / rank, or alpha / sqrt(rank): what the adapter's config says."""
    scale_low: float
    scale_high: float
    residual: float
    """Largest ||(W' - W) - s B A|| / ||s B A|| over the adapted tensors, in fp64."""
    residual_tensor: str
    tied_before: bool
    tied_after: bool
    config_differs: list[str]
    """Keys of config.json, besides the type and the stop token, whose value is not the base's."""
    adapter_files: list[str]
    """Adapter files beside the merged weights."""
    tokenizer_differs: list[str]
    """Tokenizer files that are not preflight's, byte for byte."""
    eos_ids: list[int]
    stop_ids: list[int]
    num_rows: int
    num_tokens: int
    logits_kl: float
    """Mean KL(base + adapter || merged) on held-out rows."""
    num_bytes: int
    form: MergedForm

    def lines(self) -> list[tuple[str, str]]:
        return [
            (
                "tensors",
                f"{count(self.num_tensors)}, {self.num_merged} of {self.num_adapted} adapted ones merged, {self.dtype}",
            ),
            ("scale", f"{number(self.scale)} asked, found {number(self.scale_low, 3)} to {number(self.scale_high, 3)}"),
            ("residual", f"{relative(self.residual)} of the update, at {self.residual_tensor or '-'}"),
            ("logits", f"KL {nats(self.logits_kl)} nats a token on {on_tokens(self.num_tokens, self.num_rows)}"),
            ("head", self._head()),
            ("size", size(self.num_bytes)),
        ]

    def _head(self) -> str:
        if not self.tied_after:
            return "of its own"
        left = self.form.head_bytes_left_out
        return f"tied to the embedding{f'; an equal lm_head of {size(left)} was left out' if left else ''}"


class MergeLimits(Limits):
    max_scale_difference: float
    """Relative, between the scale found in the weights and the adapter's."""
    max_residual: float
    """Relative to the update."""
    max_logits_kl: float
    """Nats a token."""


def on_tokens(num_tokens: int, num_rows: int) -> str:
    """What logits were compared on."""
    return f"{count(num_tokens, 'token')} of {count(num_rows, 'row')}"


GATE = Gate("merge", "MRG", MergeFacts, MergeLimits)


@GATE.rule("001", "target-not-merged", explains=("MRG012", "PAR002"))
def target_not_merged(facts: MergeFacts, limits: MergeLimits) -> Iterator[str]:
    """A tensor that the adapter changes is still the base's.

    Why: part of the fine-tune is missing from everything that is shipped, and no file looks wrong.
    Fix: merge again from the adapter's own base; a bug in the merge if it persists.
    """
    if facts.num_merged == 0:
        raise Skip("nothing at all was merged, which is a rule of its own")
    if facts.not_merged:
        yield (
            f"{len(facts.not_merged)} of {facts.num_adapted} adapted tensors are unchanged, the most is 0: "
            f"{', '.join(facts.not_merged[:5])}"
        )
    elif facts.num_merged != facts.num_adapted:
        yield f"{facts.num_merged} tensors merged, the adapter has {facts.num_adapted}"


@GATE.rule("002", "merge-changed-nothing", explains=("MRG012", "PAR002"))
def merge_changed_nothing(facts: MergeFacts, limits: MergeLimits) -> Iterator[str]:
    """The merged weights are the base weights.

    Why: some tools save the base and leave the adapter beside it; the result answers like the base.
    Fix: merge again; check that the adapter is the one that was trained.
    """
    if facts.num_merged == 0:
        yield f"0 of {facts.num_adapted} adapted tensors differ from the base"


@GATE.rule("003", "wrong-scale", explains=("MRG004", "MRG012", "PAR002"))
def wrong_scale(facts: MergeFacts, limits: MergeLimits) -> Iterator[str]:
    """The updates were added with another scale than the adapter's.

    Why: alpha / rank and alpha / sqrt(rank) differ by a factor; the merged model over- or undershoots.
    Fix: take rank, alpha and rsLoRA from adapter_config.json; merge again.
    """
    if facts.num_merged == 0:
        raise Skip("nothing was merged")
    for found in (facts.scale_low, facts.scale_high):
        difference = abs(found - facts.scale) / abs(facts.scale)
        if not difference <= limits.max_scale_difference:
            shown, asked = beside(found, facts.scale, number)
            off, most = beside(difference, limits.max_scale_difference, relative)
            text = f"scale {shown} in the weights, the adapter says {asked}: {off} off, the most is {most}"
            yield Measured(text, difference, limits.max_scale_difference)


@GATE.rule("004", "update-not-exact", explains=("MRG012", "PAR002"))
def update_not_exact(facts: MergeFacts, limits: MergeLimits) -> Iterator[str]:
    """What was added is not s B A.

    Why: 16-bit arithmetic or 4-bit base weights lose part of a weak fine-tune.
    Fix: set merge.dtype=float32; merge into the original weights, never into quantized ones.
    """
    if facts.num_merged == 0:
        raise Skip("nothing was merged")
    if not facts.residual <= limits.max_residual:
        shown, most = beside(facts.residual, limits.max_residual, relative)
        text = f"residual {shown} of the update at {facts.residual_tensor}, the most is {most}"
        yield Measured(text, facts.residual, limits.max_residual)


@GATE.rule("005", "other-tensor-changed", explains=("MRG012", "PAR002"))
def other_tensor_changed(facts: MergeFacts, limits: MergeLimits) -> Iterator[str]:
    """A tensor without an adapter is not the base's, or tensors were lost or added.

    Why: only adapted tensors may change.
    Fix: merge again into the original base of the same revision.
    """
    for what, names in (
        ("changed", facts.changed_without_adapter),
        ("missing", facts.missing),
        ("added", facts.added),
    ):
        if names:
            yield f"{len(names)} tensors {what}, the most is 0: {', '.join(names[:5])}"


@GATE.rule("006", "merged-weights-not-finite", explains=("MRG003", "MRG004", "MRG012", "GGF006", "PAR004"))
def merged_weights_not_finite(facts: MergeFacts, limits: MergeLimits) -> Iterator[str]:
    """A merged tensor holds NaN or infinity.

    Why: llama.cpp loads it and answers garbage.
    Fix: find the stage that made it: base weights are checked by fetch, the adapter by train.
    """
    if facts.nonfinite:
        yield f"{len(facts.nonfinite)} tensors, the most is 0: {', '.join(facts.nonfinite[:5])}"


@GATE.rule("007", "beyond-float16", explains=("GGF006", "PAR004"))
def beyond_float16(facts: MergeFacts, limits: MergeLimits) -> Iterator[str]:
    """A weight is too large for the F16 GGUF.

    Why: beyond 65504 it becomes infinity there.
    Fix: train with a lower learning rate or effective scale.
    """
    if facts.beyond_float16:
        yield f"{len(facts.beyond_float16)} tensors hold |w| > 65504: {', '.join(facts.beyond_float16[:5])}"


@GATE.rule("008", "tying-changed", explains=("PAR002",))
def tying_changed(facts: MergeFacts, limits: MergeLimits) -> Iterator[str]:
    """A tied model came out untied, or the other way round.

    Why: runtimes then read a head that was never trained, or twice the memory.
    Fix: keep tie_word_embeddings and the tensors as the base has them.
    """
    if facts.tied_before != facts.tied_after:
        yield f"head tied to the embedding: {facts.tied_before} in the base, {facts.tied_after} after merging"


@GATE.rule("009", "adapter-beside-weights")
def adapter_beside_weights(facts: MergeFacts, limits: MergeLimits) -> Iterator[str]:
    """An adapter file lies beside the merged weights.

    Why: loaders that find it apply the fine-tune a second time.
    Fix: remove it; the merged folder holds weights, config and tokenizer only.
    """
    if facts.adapter_files:
        yield f"found {', '.join(facts.adapter_files)}, expected none"


@GATE.rule("010", "stop-ids-differ", explains=("GGF003", "PAR008", "PAR010"))
def stop_ids_differ(facts: MergeFacts, limits: MergeLimits) -> Iterator[str]:
    """The merged generation config does not stop on end of turn and end of text.

    Why: generation goes on past the answer.
    Fix: eos_token_id in generation_config.json must list both.
    """
    missing = [stop for stop in facts.stop_ids if stop not in facts.eos_ids]
    if missing:
        yield f"eos_token_id is {facts.eos_ids}, it must hold {facts.stop_ids}"


@GATE.rule("011", "tokenizer-differs", explains=("GGF002", "GGF004", "PAR002"))
def tokenizer_differs(facts: MergeFacts, limits: MergeLimits) -> Iterator[str]:
    """The merged folder's tokenizer is not the one the rows were made with.

    Why: other ids or another template than in training.
    Fix: copy it from preflight byte for byte.
    """
    if facts.tokenizer_differs:
        yield f"differs from preflight's: {', '.join(facts.tokenizer_differs)}"


@GATE.rule("012", "merged-logits-drift", explains=("PAR002",))
def merged_logits_drift(facts: MergeFacts, limits: MergeLimits) -> Iterator[str]:
    """The merged model does not answer like base plus adapter.

    Why: every later stage ships these weights; a wrong base, dtype or scale is invisible after quantizing.
    Fix: merge in float32 into the revision named in `fetch`'s record.
    """
    if facts.num_tokens == 0:
        raise Skip("no rows were compared")
    if not facts.logits_kl <= limits.max_logits_kl:
        shown, most = beside(facts.logits_kl, limits.max_logits_kl, nats)
        text = f"KL {shown} nats a token on {on_tokens(facts.num_tokens, facts.num_rows)}, the most is {most}"
        yield Measured(text, facts.logits_kl, limits.max_logits_kl)


@GATE.rule("013", "config-differs", explains=("MRG012", "GGF007", "PAR002"))
def config_differs(facts: MergeFacts, limits: MergeLimits) -> Iterator[str]:
    """config.json of the merged folder is not the base's, as the library reads both.

    Why: the converter takes shapes, RoPE base and context from it; a few held-out rows need not show the change.
    Fix: merge again; only the type of the weights and the stop token may differ.
    """
    if facts.config_differs:
        yield f"differs from the base's: {', '.join(facts.config_differs)}"


GATE.rule("014", "template-in-several-places", explains=("GGF002",))(merge_form.template_in_several_places)
GATE.rule("015", "stop-token-not-everywhere", explains=("GGF003", "PAR008"))(merge_form.stop_token_not_everywhere)
GATE.rule("016", "head-written-twice")(merge_form.head_written_twice)
