"""Rules of `preflight`: is what training will see what was meant, token by token?"""

from __future__ import annotations

import math
from collections.abc import Iterator

from jobs.checks import preflight_folder, preflight_thoughts
from jobs.checks.preflight_facts import PreflightFacts, Rows, planned
from jobs.checks.preflight_options import noise_implausible, prompts_outweigh_answers
from jobs.core.model import Limits
from jobs.core.rule import Gate, Measured, Skip
from jobs.core.values import rounded
from jobs.logic.pages.amounts import beside, count, learning_rate, percent


class PreflightLimits(Limits):
    """The numbers of the preflight gate."""

    max_dropped_share: float
    """Share of the rows that may be left out as too long."""
    warn_heat: float
    """Effective scale times learning rate that is warned of."""
    max_heat: float
    """Effective scale times learning rate that is refused."""
    min_held_out_prompts: int
    """Rows of `val` below which what is measured on them is loose."""
    min_held_out_tokens: int
    """Answer tokens of `val`, likewise."""
    fingerprints: list[str]
    """Vocabularies that are known."""
    max_prompt_share: float
    """Part of the loss that prompts may have."""
    max_neftune_alpha: float
    """Strongest noise on embeddings that is not warned of."""


GATE = Gate("preflight", "TOK", PreflightFacts, PreflightLimits)


def offence(rows: Rows, what: str) -> Iterator[str]:
    """One message where there are such rows; none may be."""
    if rows.num:
        yield f"{what}: {rows}, at most 0"


@GATE.rule("001", "no-graded-tokens", explains=("TOK002", "TOK004", "TRN005", "GEN007"))
def no_graded_tokens(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """A row teaches nothing: not one token of an answer is graded.

    Why: libraries drop such rows without a word, and a set of nothing else trains to a loss of 0.0 with exit code 0.
    Fix: look at the rows in `preview.html`; an answer may be empty, or `chat` may not fit the model's template.
    """
    if not facts.train.num_rows:
        yield "train has no rows, at least 1 is needed"
    elif not facts.train.num_content_tokens:
        yield "0 answer tokens are graded in the whole of train, at least 1 is needed"
    yield from offence(facts.offences.no_graded_tokens, "an answer without a graded token")


@GATE.rule("002", "end-of-turn-not-graded", explains=("GEN001",))
def end_of_turn_not_graded(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """The stop token after an answer is not graded.

    Why: a model that is never shown where to stop goes on until it is cut off, in every format it is converted to.
    Fix: cut no rows (`preflight.max_length`), and mask with nothing but `preflight`'s own labels.
    """
    yield from offence(facts.offences.end_of_turn_not_graded, "a graded stretch without its <|im_end|>")


@GATE.rule("003", "control-token-from-content", explains=("GEN005",))
def control_token_from_content(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """A row has other control tokens than its turns call for.

    Why: a text with `<|im_start|>assistant` in it would open a turn that nobody had, and its words would be trained on.
    Fix: never tokenize rows by another way than `preflight`, which encodes whatever people wrote as plain text.
    """
    yield from offence(facts.offences.control_token_from_content, "added tokens that no turn calls for")


@GATE.rule("004", "answer-not-graded-whole", explains=("TRN006", "GEN007"))
def answer_not_graded_whole(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """What is graded is not exactly the answer and its stop token.

    Why: a token that reaches over the border of header and answer hides the start of the answer, or teaches the header.
    Fix: look at the rows in `preview.html`: blank characters at the start of an answer are the usual cause.
    """
    yield from offence(facts.offences.border_not_at_token, "a token lies across the border of header and answer")
    yield from offence(facts.offences.answer_not_graded, "the graded text is not the answer")


@GATE.rule("005", "graded-elsewhere", explains=("GEN005",))
def graded_elsewhere(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """Something other than an answer is graded, or a label is not its own token.

    Why: grading prompts or what follows the stop token teaches the model to write the user's part.
    Fix: make `preflight` again; its labels were changed after it wrote them.
    """
    yield from offence(facts.offences.graded_elsewhere, "graded tokens outside of the answers")
    yield from offence(facts.offences.labels_differ, "labels or kinds that contradict the tokens")


@GATE.rule("006", "row-differs-from-template", explains=("GEN001", "GEN005"))
def row_differs_from_template(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """A row is not, byte for byte, what the chat template renders.

    Why: the server renders prompts with the template; a model trained on another layout answers worse, or never stops.
    Fix: choose the `chat` option that fits the model (`make preview` shows the template's own delimiters).
    """
    yield from offence(facts.offences.template_differs, "the template renders another text")


@GATE.rule("007", "row-differs-from-plain-encoding")
def row_differs_from_plain_encoding(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """The text is right and the tokens are not those that the tokenizer gives for it.

    Why: a server encodes whole prompts; the same text in other tokens is another input to the model.
    Fix: make `preflight` again with the tokenizer that `fetch` brought.
    """
    yield from offence(facts.offences.encoding_differs, "encoding the row's text gives other tokens")


@GATE.rule("008", "prompt-is-no-prefix", explains=("GEN001", "GEN006"))
def prompt_is_no_prefix(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """A row does not begin with the prompt that the model will be asked with.

    Why: the model would be asked from where it was never trained to go on; think blocks are the usual cause.
    Fix: choose the `chat` option that fits the model's template, or bring a template with `chat.template`. Where the
    prompt opens the block, every answer needs thoughts in it: an empty block is other tokens.
    """
    what = "the template's generation prompt is not the row's start"
    yield from offence(
        facts.offences.prompt_not_prefix, f"{what}; it ends with {facts.opening!r}" if facts.opening else what
    )


@GATE.rule("009", "row-too-long", explains=("TOK001", "TOK025", "GEN001"))
def row_too_long(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """Rows are longer than `max_length`, or too many were dropped for it.

    Why: a cut row loses the end of its answer and its stop token, and a dropped one is data that teaches nothing.
    Fix: set `preflight.max_length` to the advised value, shorten the rows, or say `preflight.on_too_long=drop`.
    """
    lengths, total = facts.lengths, facts.train.num_rows_in + facts.val.num_rows_in
    advice = f"the longest has {count(lengths.longest, 'token')}, advised is preflight.max_length={lengths.advised}"
    if facts.offences.too_long.num:
        yield f"longer than max_length {count(facts.max_length)}: {facts.offences.too_long}; {advice}"
    dropped = facts.offences.dropped
    share = dropped.num / total if total else 0.0
    if not share <= limits.max_dropped_share:
        shown, most = beside(share, limits.max_dropped_share, percent)
        text = f"dropped as too long: {dropped}, {shown}, at most {most}; {advice}"
        yield Measured(text, share, limits.max_dropped_share, worst=1.0)


@GATE.rule("010", "rows-lost")
def rows_lost(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """The rows are not those that `prepare` made.

    Why: rows that vanish silently, appear twice or change the split make every later number mean something else.
    Fix: make `preflight` again; nothing may add or remove rows behind `prepare`.
    """
    yield from offence(facts.offences.lost, "missing though not too long")
    yield from offence(facts.offences.unknown, "not in prepare's file of that name, or there twice")


@GATE.rule("011", "max-length-beyond-model")
def max_length_beyond_model(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """`max_length` is more than the model's context.

    Why: rows would reach positions that the model was never trained on.
    Fix: set `preflight.max_length` to the model's context or less.
    """
    if facts.max_length > facts.model.context:
        yield f"max_length is {count(facts.max_length)}, the model's context is {count(facts.model.context, 'token')}"


@GATE.rule("012", "tokenizer-larger-than-model")
def tokenizer_larger_than_model(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """The tokenizer has more entries than the model has rows.

    Why: an id without a row is an index error in the middle of training.
    Fix: fetch tokenizer and weights from the same revision of the same model.
    """
    entries, rows = facts.tokenizer.num_tokens, facts.model.num_embeddings
    if entries > rows:
        yield f"the tokenizer has {entries:,} entries, the model {rows:,} rows"


@GATE.rule("013", "unknown-tokenizer", explains=("GGF004",))
def unknown_tokenizer(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """The tokenizer is not of Qwen3's family.

    Why: another vocabulary under these weights turns every text into other words; llama.cpp may cut it differently too.
    Fix: use the tokenizer that came with the model; waive this only for a vocabulary extended on purpose.
    """
    if facts.tokenizer.missing:
        yield f"it has no added token {', '.join(facts.tokenizer.missing)}"
    if facts.tokenizer.fingerprint not in limits.fingerprints:
        known = ", ".join(limits.fingerprints)
        yield f"it cuts the probe text to fingerprint {facts.tokenizer.fingerprint}, known are {known}"


@GATE.rule("014", "pad-is-end-of-turn", explains=("GEN001",))
def pad_is_end_of_turn(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """The padding token is the stop token, or there is none.

    Why: collators mask padding by its id, and with it every stop token: the model never learns to stop.
    Fix: set the tokenizer's `pad_token` to `<|endoftext|>`.
    """
    if facts.tokenizer.pad_is_end_of_turn:
        yield "pad_token is <|im_end|>, it must be another, as <|endoftext|> is"
    if not facts.tokenizer.has_pad:
        yield "the tokenizer has no pad_token, <|endoftext|> is expected"


@GATE.rule("015", "template-not-as-chosen", explains=("MRG011",))
def template_not_as_chosen(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """The chat template in `tokenizer/` is not the one that `chat.template` names.

    Why: this folder is what merge and convert ship; another template there means other prompts for every user.
    Fix: make `preflight` again; for a template of your own set `chat.template` to its path.
    """
    if not facts.tokenizer.template_as_chosen:
        yield "chat_template.jinja differs from the chosen one, 0 bytes may differ"


@GATE.rule("016", "side-files-differ", explains=("GEN007", "GEN010", "PAR014"))
def side_files_differ(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """Prompts, references, answers or stop tokens are not those of the rows.

    Why: smoke, verify and quantize ask and compare with these files; a wrong reference makes a good model look bad.
    Fix: make `preflight` again; the files were changed after it wrote them.
    """
    yield from offence(
        facts.offences.side_files_differ, "prompts.jsonl, answers.jsonl or stops.json contradict the rows"
    )


@GATE.rule("017", "think-tags-in-answer", explains=("GEN006", "GEN008"))
def think_tags_in_answer(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """Answers bring think tags that the thinking mode has no place for.

    Why: they would be trained as ordinary text, and readers would be shown `<think>` in the answers.
    Fix: remove the thoughts from the rows, or say `chat=thinking` and give each answer one `<think>...</think>` first.
    """
    wanted = "one pair at the start" if facts.thinking_block == "keep" else "none"
    yield from offence(facts.offences.think_tags, f"think tags in an answer, expected {wanted}")


@GATE.rule("018", "control-text-in-answer", explains=("GEN005",))
def control_text_in_answer(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """An answer spells out a control token.

    Why: the model would learn to write the string as text; clients stop on it, or show it, and neither is wanted.
    Fix: clean the rows in `prepare`; waive this only where the answers are about chat formats on purpose.
    """
    yield from offence(facts.offences.control_text_in_answer, "answers with a control token's string in them")


@GATE.rule("019", "control-text-in-prompt", level="warn")
def control_text_in_prompt(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """A user or system text spells out a control token.

    Why: here it is encoded as plain text; a server that renders and then encodes would make it a real control token.
    Fix: clean the rows in `prepare` unless such texts are meant to be asked about.
    """
    yield from offence(facts.offences.control_text_in_prompt, "prompts with a control token's string in them")


@GATE.rule("020", "mixed-openings", level="warn", explains=("GEN006", "GEN008"))
def mixed_openings(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """Some graded answers open with a thinking block and some do not.

    Why: after the same header the model is taught two beginnings, so the block comes and goes at random.
    Fix: grade the last turns only (`chat.graded_turns=last`), or use a template without thinking blocks.
    """
    with_block, without = facts.train.num_turns_with_block, facts.train.num_turns_without_block
    if with_block and without:
        yield f"{with_block:,} graded turns open with a block and {without:,} do not, one of them should be 0"


@GATE.rule("021", "update-too-hot", explains=("TRN001", "GEN003"))
def update_too_hot(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """Effective scale times learning rate is above the limit for LoRA.

    Why: rsLoRA at alpha 64 and rank 32 is 5.7 times the update of plain LoRA: a suspect for endless `、、、`.
    Fix: lower `train.schedule.learning_rate` or `train.lora.alpha`, or set `train.lora.rslora=false`.
    """
    if not planned(facts).heat <= limits.max_heat:
        shown, most = beside(planned(facts).heat, limits.max_heat, learning_rate)
        text = f"{planned(facts).with_heat(shown)}, at most {most} (a warning from {learning_rate(limits.warn_heat)})"
        rate = planned(facts).learning_rate * limits.max_heat / planned(facts).heat
        words = [f"train.schedule.learning_rate={rounded(rate, up=False)}"] if math.isfinite(rate) else []
        yield Measured(text, planned(facts).heat, limits.max_heat, words=words)


@GATE.rule("022", "update-hot", level="warn")
def update_hot(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """Effective scale times learning rate is high.

    Why: small sets overfit or fall apart sooner the larger each step is; the rank alone does not tell.
    Fix: keep it at half, unless the loss curves of this data have shown that it holds.
    """
    if not planned(facts).heat <= limits.warn_heat:
        shown, most = beside(planned(facts).heat, limits.warn_heat, learning_rate)
        refused = learning_rate(limits.max_heat)
        yield f"{planned(facts).with_heat(shown)}, better at most {most} (refused above {refused})"


@GATE.rule("023", "rank-above-matrix")
def rank_above_matrix(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """The adapter's rank is more than a matrix that it adapts can have.

    Why: a rank above the matrix's smaller side adds memory and nothing else; training accepts it without a word.
    Fix: set `train.lora.rank` to 8 to 64.
    """
    over = [f"{name} {most}" for name, most in facts.model.ranks.items()
            if name in planned(facts).target_modules and planned(facts).rank > most]  # fmt: skip
    if over:
        yield f"rank is {planned(facts).rank}, at most: {', '.join(over)}"


@GATE.rule("024", "few-held-out-rows", level="info")
def few_held_out_rows(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """There is little to judge the model by.

    Why: intervals around stop rate, agreement and retention get wide, and a good model may miss a gate by chance.
    Fix: hold out more rows in `prepare`, where the data has them.
    """
    if not facts.val.num_rows:
        raise Skip("no row is held out, which is a rule of its own")
    if facts.val.num_rows < limits.min_held_out_prompts:
        yield f"{count(facts.val.num_rows, 'held-out prompt')}, better at least {count(limits.min_held_out_prompts)}"
    if facts.val.num_content_tokens < limits.min_held_out_tokens:
        found = count(facts.val.num_content_tokens, "held-out answer token")
        yield f"{found}, better at least {count(limits.min_held_out_tokens)}"


@GATE.rule("025", "nothing-held-out", explains=("TRN002",))
def nothing_held_out(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """No row is held out.

    Why: training keeps the step with the best loss on held-out rows, and every later gate asks the model with them.
    Fix: raise `preflight.max_length` where the rows were left out as too long, or hold out more in `prepare`.
    """
    if not facts.val.num_rows:
        yield f"val has no rows of {facts.val.num_rows_in:,}, at least 1 is needed"


GATE.rule("026", "template-in-several-places", explains=("GGF002",))(preflight_folder.template_in_several_places)
GATE.rule("027", "stop-token-differs", explains=("GGF003",))(preflight_folder.stop_token_differs)
GATE.rule("030", "prompts-outweigh-answers", level="warn", explains=("GEN007",))(prompts_outweigh_answers)
GATE.rule("031", "noise-implausible", level="warn", explains=("TRN005",))(noise_implausible)
GATE.rule("032", "thoughts-not-taught", level="warn")(preflight_thoughts.thoughts_not_taught)
GATE.rule("033", "no-thoughts", explains=("GEN006", "GEN008"))(preflight_thoughts.no_thoughts)
GATE.rule("034", "thoughts-missing", level="warn", explains=("GEN006",))(preflight_thoughts.thoughts_missing)
GATE.rule("035", "marked-answers-weighed")(preflight_thoughts.marked_answers_weighed)
