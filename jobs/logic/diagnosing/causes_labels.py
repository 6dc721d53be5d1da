"""Causes in the rows as training saw them: which tokens there are, and which of them are graded."""

from __future__ import annotations

from jobs.logic.diagnosing.bearing import Rows, all_stop, by_record, of_rows, places, runs_on
from jobs.logic.diagnosing.cause import Link, Outcome, Place, cause, consistent, not_checked, proven, ruled_out
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.pages.amounts import percent

TOKEN_ROWS = "rows of tokens (JSON lines with input_ids and labels)"
A_FEW = 0.01
"""Of all rows: below that an odd row is an odd row, and no cause of what a model does."""
LEAST_MIXED = 0.05
"""Of the rows with a thinking block: as many on either side make it come and go."""


def counted(labels: Rows, name: str, num: int, what: str, good: str) -> Outcome:
    """Proven from a share of rows on, consistent for a few, ruled out for none."""
    if num > A_FEW * labels.num_rows:
        return proven(of_rows(labels, num, what), places=places(labels, name))
    if num:
        few = f"less than {percent(A_FEW)} of the rows cannot make a model do it everywhere"
        return consistent(of_rows(labels, num, what), decides=("answers",), against=(few,))
    return ruled_out(of_rows(labels, labels.num_rows, good))


@cause(
    "201", "end-of-turn-not-graded", Link.TOKENS, symptoms=("does-not-stop",), rules=("TOK002", "GEN001"),
    shows="preflight", separates="preflight",
)  # fmt: skip
def end_of_turn_not_graded(evidence: Evidence) -> Outcome:
    """The token that ends an answer is there and is not graded.

    Why: what is not graded is not learnt; the answer goes on until the limit, often by repeating itself.
    Fix: grade `<|im_end|>` as a part of the answer; let no collator mask it as padding, and no setting leave it out.
    Seen in: the post-mortem of noteAI v1; made in tests/faults.
    """
    labels, settings = evidence.labels, evidence.settings
    if labels is not None and labels.num_end_of_turn:
        missing = labels.num_end_of_turn - labels.num_end_of_turn_graded
        return counted(labels, "end_of_turn_ungraded", missing, "have an end of turn that is not graded",
                       "have a graded end of turn, where they have one")  # fmt: skip
    if settings is not None and settings.eos_graded is False:
        return proven(
            f"{settings.file} says that the end of an answer is not trained on (train_on_eos)",
            *filter(None, [runs_on(evidence)]), places=(Place(settings.file, key="train_on_eos"),),
        )  # fmt: skip
    return by_record(evidence, "TOK002") or _by_answers(evidence)


def _by_answers(evidence: Evidence) -> Outcome:
    """What answers say of a missing stop: it fits, or it cannot be."""
    if good := all_stop(evidence):
        return ruled_out(good)
    if bad := runs_on(evidence):
        return consistent(bad, decides=(TOKEN_ROWS,))
    return not_checked(TOKEN_ROWS, "answers that say whether they stopped")


@cause(
    "202", "end-of-turn-missing", Link.TOKENS, symptoms=("does-not-stop",), rules=("TOK002", "TOK006", "GEN001"),
    shows="preflight", separates="preflight",
)  # fmt: skip
def end_of_turn_missing(evidence: Evidence) -> Outcome:
    """Rows end without the token that ends an answer.

    Why: the model never saw where an answer ends, so it never ends one; a template without the end of turn, or a text
    column without an EOS, does it.
    Fix: render rows with the model's own chat template, or append its end of turn; look at the last ids of a few rows.
    Seen in: TRL 1.15.0, which ends a column `text` where rows have one, and trains on their `prompt` and `completion`
        without an end (findings/trl_text_column_takes_the_end.sh); made in tests/faults.
    """
    labels = evidence.labels
    if labels is not None:
        missing = labels.num_cut - labels.num_cut_at_longest
        return counted(labels, "cut", missing, "have no end of turn after their answer",
                       "have an end of turn, or are cut at the longest row's length")  # fmt: skip
    if evidence.texts is not None and not evidence.texts.num_of_another_template:
        return counted(evidence.texts, "cut", evidence.texts.num_cut, "have no end of turn after their answer",
                       "have an end of turn after their answer")  # fmt: skip
    tokenizer = evidence.tokenizer or evidence.base_tokenizer
    if tokenizer is not None and (whole := tokenizer.rendered.get("whole")):
        behind = whole.rpartition("mark-of-answer")[2]
        if whole.find("mark-of-answer") >= 0 and not behind.strip():
            return proven(
                f"the chat template of {tokenizer.folder} writes nothing after an answer",
                *filter(None, [runs_on(evidence)]), places=(Place(f"{tokenizer.folder}/{tokenizer.template_from}"),),
            )  # fmt: skip
    return by_record(evidence, "TOK006") or _by_answers(evidence)


@cause(
    "203", "answers-cut-by-length", Link.TOKENS, symptoms=("does-not-stop", "cut-answers"),
    rules=("TOK009", "GEN001"), shows="preflight", separates="preflight",
)  # fmt: skip
def answers_cut_by_length(evidence: Evidence) -> Outcome:
    """Rows of tokens are cut at the longest length, before their answer ends.

    Why: a cut row teaches to go on where it was cut, and has no end of turn; trainers cut without a word.
    Fix: raise the maximal length above the longest row, or leave long rows out.
    Seen in: TRL's default of 1,024 tokens; made in tests/faults.
    """
    labels = evidence.labels
    if labels is None:
        return by_record(evidence, "TOK009") or _by_answers(evidence)
    what = f"stop at {labels.num_tokens_longest:,} tokens, before their answer does"
    return counted(labels, "cut", labels.num_cut_at_longest, what, "do not end at the longest length in an answer")


@cause(
    "205", "mask-inverted", Link.TOKENS, symptoms=("wrong-format", "nothing-learnt", "does-not-stop"),
    rules=("TOK001", "TOK005"), shows="preflight", separates="preflight", explains=("CAU201",),
)  # fmt: skip
def mask_inverted(evidence: Evidence) -> Outcome:
    """Prompts are graded, and answers are not.

    Why: the model learns to write the user's part and nothing of what it should answer.
    Fix: labels are the ids of the answer, and -100 everywhere else.
    Seen in: made in tests/faults.
    """
    if evidence.labels is None:
        return _by_loss_of_answers(evidence)
    return counted(evidence.labels, "inverted", evidence.labels.num_inverted, "are graded in their prompt alone",
                   "are not graded in their prompt alone")  # fmt: skip


def _by_loss_of_answers(evidence: Evidence) -> Outcome:
    """Without labels: what a gate said, else nobody knows."""
    return by_record(evidence, "TOK004", "TOK005") or not_checked(TOKEN_ROWS)


@cause(
    "206", "labels-shifted", Link.TOKENS, symptoms=("garbage", "punctuation", "does-not-stop"),
    rules=("TOK004", "TOK005"), shows="preflight", separates="preflight", explains=("CAU201",),
)  # fmt: skip
def labels_shifted(evidence: Evidence) -> Outcome:
    """Labels stand one token beside the ids, or the graded span one token beside the answer.

    Why: trainers shift labels themselves; shifted once more, each token is taught as the one after the next.
    Fix: labels are a copy of input_ids with -100 where nothing is graded, in the same places.
    Seen in: made in tests/faults.
    """
    if evidence.labels is None:
        return _by_loss_of_answers(evidence)
    return counted(evidence.labels, "shifted", evidence.labels.num_shifted, "have labels one token beside their ids",
                   "have labels in the places of their ids")  # fmt: skip


@cause(
    "207", "prompts-graded", Link.TOKENS, symptoms=("wrong-format", "memorised"), rules=("TOK005", "TOK030"),
    shows="preflight", separates="train train.prompt_loss_weight=0",
)  # fmt: skip
def prompts_graded(evidence: Evidence) -> Outcome:
    """Prompts are graded as answers are.

    Why: where prompts are longer than answers most of the loss is theirs, and the model learns to write prompts.
    Fix: grade answers alone (`assistant_only_loss`, `completion_only_loss`, `train_on_inputs: false`).
    Seen in: TRL's default for rows of messages; arXiv:2405.14394 for when a small weight helps; made in tests/faults.
    """
    labels, settings = evidence.labels, evidence.settings
    if labels is not None:
        return counted(labels, "prompt_graded", labels.num_prompt_graded, "are graded in their prompt too",
                       "are graded in no prompt, or in nothing else")  # fmt: skip
    if settings is None or settings.responses_only is None:
        return by_record(evidence, "TOK005", "TOK030") or not_checked("settings", TOKEN_ROWS)
    key = (settings.keys or {}).get("responses_only", "")
    if settings.responses_only:
        said = f"{key} in {settings.file}" if key else f"the default of {settings.dialect}"
        return ruled_out(f"only answers are graded, says {said}")
    return consistent(f"{settings.file} grades whole texts ({key})", decides=(TOKEN_ROWS,))


@cause(
    "208", "nothing-graded", Link.TOKENS, symptoms=("nothing-learnt",), rules=("TOK001", "TRN005", "TRN006"),
    shows="preflight", separates="preflight", explains=("CAU201", "CAU205"),
)  # fmt: skip
def nothing_graded(evidence: Evidence) -> Outcome:
    """Rows have no graded token at all.

    Why: they cost time and teach nothing; trainers drop them or go on with a loss of 0 without a word.
    Fix: make the mask's delimiters those that the rows have, to the byte; look at one row's labels.
    Seen in: Unsloth #2095 and #2900 (all labels are -100); made in tests/faults.
    """
    labels, log = evidence.labels, evidence.log
    if labels is not None:
        return counted(labels, "without_graded", labels.num_without_graded, "have no graded token",
                       "have a graded token")  # fmt: skip
    if log is not None and log.steps:
        zero = sum(step.loss == 0 for step in log.steps)
        if zero == len(log.steps):
            return consistent(f"the loss is 0 at each of {zero:,} steps", decides=(TOKEN_ROWS,))
        if not zero:
            return ruled_out(f"the loss is above 0 at each of {len(log.steps):,} logged steps")
    return by_record(evidence, "TOK001") or not_checked(TOKEN_ROWS, "a log of losses")


@cause(
    "212", "think-block-graded-in-some", Link.TOKENS, symptoms=("think-leaks",), rules=("TOK020", "GEN008"),
    shows="preflight", separates="preflight",
)  # fmt: skip
def think_block_graded_in_some(evidence: Evidence) -> Outcome:
    """The thinking block is graded in some rows and not in others.

    Why: after the same header two beginnings are taught, so the block comes and goes at random.
    Fix: one way for all rows: the empty block graded in every last turn, or in none and never in a prompt.
    Seen in: Qwen3's hybrid template, which writes an empty block in the last turn alone; made in tests/faults.
    """
    labels = evidence.labels
    if labels is None:
        return by_record(evidence, "TOK020") or not_checked(TOKEN_ROWS)
    graded, not_graded = labels.think_graded
    both = graded + not_graded
    if both and min(graded, not_graded) > LEAST_MIXED * both:
        return proven(f"the block is graded in {graded:,} rows and not in {not_graded:,}",
                      places=places(labels, "think_not_graded"))  # fmt: skip
    bare = labels.num_rows - both
    if graded and min(bare, graded) > LEAST_MIXED * labels.num_rows:
        return consistent(f"{graded:,} answers begin with a graded block, {bare:,} with none", decides=("answers",))
    return ruled_out(f"the block is graded in {graded:,} rows, not in {not_graded:,}, and {bare:,} have none")


@cause(
    "213", "doubled-bos", Link.TOKENS, symptoms=("garbage", "wrong-format"), rules=("FET010", "FET013", "TOK006"),
    shows="preflight", separates="preflight",
)  # fmt: skip
def doubled_bos(evidence: Evidence) -> Outcome:
    """A text begins with the same control token twice.

    Why: a template writes the beginning of the text and the tokenizer adds it once more; no answer was learnt there.
    Fix: tokenize rendered texts with `add_special_tokens=False`, and take the token out of one of the two.
    Seen in: llama.cpp #7062 (Llama 3, May 2024); made in tests/faults.
    """
    labels, tokenizer = evidence.labels, evidence.tokenizer or evidence.base_tokenizer
    if labels is not None and labels.num_doubled_bos:
        return counted(labels, "doubled_bos", labels.num_doubled_bos, "begin with a control token twice", "")
    if evidence.texts is not None and evidence.texts.num_doubled:
        return counted(evidence.texts, "doubled", evidence.texts.num_doubled, "begin with a control token twice", "")
    if tokenizer is not None and tokenizer.adds and tokenizer.bos_token:
        doubled = [name for name, text in tokenizer.rendered.items() if text.startswith(tokenizer.bos_token)]
        if doubled:
            return consistent(
                f"the tokenizer of {tokenizer.folder} puts {tokenizer.bos_token} before every text, and its template "
                "writes it too", decides=(TOKEN_ROWS,),
            )  # fmt: skip
    if labels is not None:
        return ruled_out(of_rows(labels, labels.num_rows, "begin with one control token, or none"))
    if tokenizer is not None and tokenizer.num_tokens and tokenizer.rendered:
        if not tokenizer.adds:
            return ruled_out(f"the tokenizer of {tokenizer.folder} adds no token to a text")
        return ruled_out(f"the tokenizer of {tokenizer.folder} adds a token to a text, its template does not")
    return not_checked(TOKEN_ROWS, "a tokenizer's folder")


@cause(
    "214", "control-tokens-from-content", Link.TOKENS, symptoms=("control-tokens-in-answers", "wrong-format"),
    rules=("TOK003", "TOK018", "TOK019", "GEN005"), shows="preflight", separates="preflight",
)  # fmt: skip
def control_tokens_from_content(evidence: Evidence) -> Outcome:
    """Text that somebody wrote became control tokens.

    Why: a message that spells out `<|im_start|>` opens a turn that nobody meant, and masks are made by it.
    Fix: encode content apart from the template, or take the markup out of the rows.
    Seen in: made in tests/faults; transformers, Unsloth and llama.cpp all do it.
    """
    labels = evidence.labels
    if labels is None:
        return by_record(evidence, "TOK003") or not_checked(TOKEN_ROWS)
    if not labels.num_control_from_content and not labels.with_conversations:
        return not_checked("the conversations that the rows were made from, by id")
    return counted(labels, "control_from_content", labels.num_control_from_content, "have a turn that nobody wrote",
                   "have the turns of their conversation")  # fmt: skip
