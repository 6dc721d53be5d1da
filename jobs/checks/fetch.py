"""What the base model is, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from jobs.checks import fetch_form
from jobs.checks.base_sizes import DIGEST_SHOWN, Sizes, register
from jobs.checks.fetch_form import FolderForm
from jobs.core.model import Facts, Limits
from jobs.core.rule import Gate, Measured, Skip
from jobs.logic.pages.amounts import beside, count, number, size


class FetchFacts(Facts):
    """Facts of the model folder as it is on disk."""

    source: str
    id: str
    """As it was asked for; of a folder without a name, the folder's with the digest of its weights."""
    is_named: bool
    """The id was asked for."""
    revision: str
    """As it was asked for; `none` of a folder."""
    weights: str
    """SHA-256 of the one file of weights, or, where there are several, of what `sha256sum *.safetensors` prints."""
    sizes: Sizes
    commit: str | None
    """What the revision is, for a hub model; None for a folder or the demo."""
    licence: str
    code_named_in: list[str]
    """Files that named Python files for a loader to run; they were taken without that."""
    model_type: str
    dtype: str
    num_files: int
    num_bytes: int
    num_tensors: int
    num_weights: int
    nonfinite: list[str]
    tied: bool
    length: int
    """max_position_embeddings, in tokens."""
    asked_length: int | None
    """`model.length`; None where it was not said."""
    vocab_rows: int
    """Rows of the embedding."""
    tokenizer_length: int
    """len(tokenizer)."""
    config_rows: int
    """vocab_size of config.json."""
    token_ids: dict[str, int | None]
    """The control tokens, resolved by their text."""
    bos_id: int | None
    pad_id: int | None
    eos_config: list[int]
    eos_generation: list[int]
    eos_tokenizer: int | None
    has_template: bool
    kind: Literal["post-trained", "base"]
    """A base model ends documents, a post-trained one ends turns."""
    turn_row_cosine: float | None
    """Cosine of the head's end-of-turn row to the mean of never-used rows; None without such rows."""
    turn_row_norm_ratio: float | None
    """Norm of that row over the mean norm of never-used rows."""
    narrow_rows: list[str]
    """Matrices whose rows 256 does not divide: K-quants fall back there."""
    form: FolderForm

    def lines(self) -> list[tuple[str, str]]:
        commit = f" = {self.commit}" if self.commit else ""
        where = "from a folder" if self.source == "local" else f"at {self.revision}{commit}"
        return [
            ("model", f"{self.id}, {where}, {self.kind}, licence {self.licence}"),
            (
                "weights",
                f"{count(self.num_weights)} in {count(self.num_tensors, 'tensor')}, {self.dtype}, "
                f"{size(self.num_bytes)}, SHA-256 {self.weights[:DIGEST_SHOWN]}",
            ),
            ("vocabulary", f"{self.tokenizer_length:,} entries, {self.vocab_rows:,} rows"),
            ("tokens", ", ".join(f"{text} {number}" for text, number in self.token_ids.items())),
            (
                "stops",
                f"config {self.eos_config}, generation config {self.eos_generation}, tokenizer {self.eos_tokenizer}",
            ),
            ("context", f"{self.length:,} positions by its config"),
            *self.form.lines(self.tied),
        ]


class FetchLimits(Limits):
    min_tokenizer_length: int
    max_turn_row_cosine: float
    min_turn_row_norm_difference: float
    chat_template: str
    """The one that was chosen: MODELS_OWN, or the path of one that is brought."""


GATE = Gate("fetch", "FET", FetchFacts, FetchLimits)

MODELS_OWN = "model"
END_OF_TURN, START_OF_TURN, END_OF_TEXT = "<|im_end|>", "<|im_start|>", "<|endoftext|>"


@GATE.rule("001", "weights-not-finite", explains=("FET006", "TRN001", "MRG006"))
def weights_not_finite(facts: FetchFacts, limits: FetchLimits) -> Iterator[str]:
    """The base weights hold NaN or infinity.

    Why: a trainer prints a loss of 0.0 for them and ends with exit 0.
    Fix: compare the file's hash with the hub's; download it whole, or train the model that it came from again.
    """
    if facts.nonfinite:
        yield f"{len(facts.nonfinite)} tensors, the most is 0: {', '.join(facts.nonfinite[:5])}"


@GATE.rule("002", "control-token-missing", explains=("FET004", "FET005", "TOK002", "TOK013"))
def control_token_missing(facts: FetchFacts, limits: FetchLimits) -> Iterator[str]:
    """The tokenizer does not know one of Qwen's control tokens as one token.

    Why: turns are opened and ended by them; spelled out in pieces they mean nothing to the model.
    Fix: fetch the tokenizer that belongs to the model.
    """
    for text in (END_OF_TEXT, START_OF_TURN, END_OF_TURN):
        if facts.token_ids.get(text) is None:
            yield f"{text} is not one token of this tokenizer"


@GATE.rule("003", "tokenizer-of-another-length", explains=("TOK001", "TOK012", "GGF004"))
def tokenizer_of_another_length(facts: FetchFacts, limits: FetchLimits) -> Iterator[str]:
    """The tokenizer has more entries than the embedding has rows, or is not Qwen3's.

    Why: ids beyond the matrix crash in training and shift in conversion.
    Fix: fetch tokenizer and weights from one repository at one revision.
    """
    if facts.tokenizer_length > facts.vocab_rows:
        yield f"the tokenizer has {facts.tokenizer_length:,} entries, the embedding {facts.vocab_rows:,} rows"
    if facts.tokenizer_length < limits.min_tokenizer_length:
        yield f"the tokenizer has {facts.tokenizer_length:,} entries, Qwen3's has {limits.min_tokenizer_length:,}"
    if facts.config_rows != facts.vocab_rows:
        yield f"config.json says {facts.config_rows:,} rows, the embedding has {facts.vocab_rows:,}"


@GATE.rule("004", "stop-tokens-disagree", explains=("MRG010", "GGF003"))
def stop_tokens_disagree(facts: FetchFacts, limits: FetchLimits) -> Iterator[str]:
    """A post-trained model's configs do not all end on end of turn.

    Why: generation stops by what the generation config says, GGUF by what config and tokenizer say.
    Fix: take config.json, generation_config.json and tokenizer_config.json from the model's own repository; an
    eos_token that stands in special_tokens_map.json alone is not read: say it in tokenizer_config.json.
    """
    if facts.kind == "base":
        raise Skip("a base model ends documents, not turns")
    turn = facts.token_ids.get(END_OF_TURN)
    if turn not in facts.eos_config:
        yield f"config.json stops on {facts.eos_config}, expected {turn} among them"
    if turn not in facts.eos_generation:
        yield f"generation_config.json, where there is one, stops on {facts.eos_generation}, expected {turn} among them"
    if facts.eos_tokenizer != turn:
        yield f"the tokenizer's eos is {facts.eos_tokenizer}, expected {turn}"


@GATE.rule("005", "pad-is-end-of-turn", explains=("TOK002",))
def pad_is_end_of_turn(facts: FetchFacts, limits: FetchLimits) -> Iterator[str]:
    """The padding token is the one that ends a turn, or there is none.

    Why: trainers that mask padding then also mask the stop.
    Fix: Qwen3 pads with <|endoftext|>; set pad_token in tokenizer_config.json.
    """
    if facts.pad_id is None or facts.pad_id == facts.token_ids.get(END_OF_TURN):
        yield f"pad id {facts.pad_id}, expected {facts.token_ids.get(END_OF_TEXT)}"


@GATE.rule("006", "end-of-turn-untrained", explains=("GEN001",))
def end_of_turn_untrained(facts: FetchFacts, limits: FetchLimits) -> Iterator[str]:
    """The head's row for end of turn looks like one that was never trained.

    Why: base models have such rows, and LoRA on linear layers cannot teach them to stop.
    Fix: fine-tune the post-trained model of the same size.
    """
    if facts.turn_row_cosine is None or facts.turn_row_norm_ratio is None:
        raise Skip("the embedding has no rows that are never used")
    if not facts.turn_row_cosine <= limits.max_turn_row_cosine:
        shown, most = beside(facts.turn_row_cosine, limits.max_turn_row_cosine, number)
        text = f"cosine {shown} to never-used rows, the most is {most}"
        yield Measured(text, facts.turn_row_cosine, limits.max_turn_row_cosine, worst=1.0)
    difference = abs(facts.turn_row_norm_ratio - 1)
    if not difference >= limits.min_turn_row_norm_difference:
        shown, least = beside(difference, limits.min_turn_row_norm_difference, number)
        text = (
            f"its norm is {number(facts.turn_row_norm_ratio)} times never-used rows', {shown} from theirs, "
            f"the least is {least}"
        )
        yield Measured(text, difference, limits.min_turn_row_norm_difference, worst=0.0)


@GATE.rule("007", "no-chat-template", explains=("TOK004",))
def no_chat_template(facts: FetchFacts, limits: FetchLimits) -> Iterator[str]:
    """The model brings no chat template.

    Why: prompts are rendered by it in every runtime; without one each client guesses.
    Fix: take the post-trained model, or teach one of ours with chat=plain, which is then written into all that is made;
    or put a chat_template.jinja into the folder.
    """
    if not facts.has_template and limits.chat_template == MODELS_OWN:
        said = "no chat_template.jinja, and none in tokenizer_config.json or chat_template.json; chat=plain brings one"
        yield Measured(said, 0.0, 1.0, worst=0.0, words=["chat=plain"])


@GATE.rule("008", "revision-not-pinned", level="warn")
def revision_not_pinned(facts: FetchFacts, limits: FetchLimits) -> Iterator[str]:
    """The revision is a name that may move.

    Why: the same command next month may fetch other weights.
    Fix: put the commit of this record into model.revision.
    """
    if facts.source != "hub":
        raise Skip("not a hub model")
    if facts.revision != facts.commit:
        yield f"model.revision={facts.revision} is commit {facts.commit} today; set model.revision={facts.commit}"


@GATE.rule("009", "base-model", level="warn", explains=("FET006", "GEN001"))
def base_model(facts: FetchFacts, limits: FetchLimits) -> Iterator[str]:
    """This is a base model, not a post-trained one.

    Why: it ends documents and has not learnt to end turns; preflight and merge write the end of a turn as the stop
    token of all that is made from it, and your rows must teach it.
    Fix: use the post-trained model unless you have thousands of rows and know why.
    """
    if facts.kind == "base":
        turn = facts.token_ids.get(END_OF_TURN)
        yield f"its eos is {facts.eos_config}, {END_OF_TEXT}; what is made from it stops on {turn}, {END_OF_TURN}"


@GATE.rule("010", "bos-token", explains=("GGF004",))
def bos_token(facts: FetchFacts, limits: FetchLimits) -> Iterator[str]:
    """The tokenizer has a token that begins every text.

    Why: Qwen3 has none; a runtime that adds one sends another prompt than was trained on.
    Fix: take tokenizer_config.json from the model's own repository.
    """
    if facts.bos_id is not None:
        yield f"bos id {facts.bos_id}, expected none"


@GATE.rule("011", "rows-not-for-k-quants", level="warn", explains=("QNT002",))
def rows_not_for_k_quants(facts: FetchFacts, limits: FetchLimits) -> Iterator[str]:
    """Matrices have rows that 256 does not divide.

    Why: Q4_K_M and its like fall back to other types there.
    Fix: quantize to Q8_0.
    """
    if facts.narrow_rows:
        yield f"{len(facts.narrow_rows)} matrices, first {facts.narrow_rows[0]}"


@GATE.rule("012", "code-left-out", level="warn")
def code_left_out(facts: FetchFacts, limits: FetchLimits) -> Iterator[str]:
    """The model names code of its own for loaders to run, which was left out.

    Why: nothing here runs a model's code; Qwen3 needs none, and one that does is another model than its config says.
    Fix: read what the repository says of that code; take the model from its maker where nobody can say.
    """
    if facts.code_named_in:
        yield f"{', '.join(facts.code_named_in)}: named Python files or kernels to run, 0 of them were taken"


GATE.rule("013", "tokens-added-to-every-text", explains=("GGF004", "GGF007"))(fetch_form.tokens_added)
GATE.rule("014", "templates-differ", level="warn", explains=("TOK004",))(fetch_form.templates_differ)
GATE.rule("015", "named-templates-left", level="warn")(fetch_form.templates_left)
GATE.rule("016", "head-written-twice", level="info")(fetch_form.head_twice)
GATE.rule("017", "loading-keys-left", level="warn")(fetch_form.keys_left)
GATE.rule("018", "weights-left", level="warn")(fetch_form.weights_left)
GATE.rule("019", "rope-theta-unsaid", level="warn", explains=("TRN001",))(fetch_form.theta_unsaid)
GATE.rule("020", "config-not-read", level="info")(fetch_form.config_unlike_weights)
GATE.rule("021", "head-untied-and-equal", level="warn")(fetch_form.head_untied)
register(GATE)
