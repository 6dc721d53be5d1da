"""Causes in the tokenizer, its chat template and its stop tokens, and in what settings say of them."""

from __future__ import annotations

from jobs.logic.chat.chatml import IM_END
from jobs.logic.diagnosing.bearing import all_stop, by_record, of_rows, places, runs_on, tokenizers
from jobs.logic.diagnosing.cause import (
    Link,
    Outcome,
    Place,
    cause,
    consistent,
    measured,
    not_checked,
    proven,
    ruled_out,
)
from jobs.logic.diagnosing.causes_labels import A_FEW, TOKEN_ROWS, counted
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.layout import Layout, differing, is_chatml, layout, named_foreign
from jobs.logic.diagnosing.tokens_seen import TokenizerSeen
from jobs.logic.pages.amounts import count

FOLDER = "the folder of the tokenizer that ships (tokenizer.json, tokenizer_config.json, chat_template.jinja)"
OF_BASE = "the base's folder"


KNOWN_DEFAULTS = (
    "You are a helpful assistant.", "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
    "You are a helpful, respectful and honest assistant.", "You are a helpful assistant",
)  # fmt: skip
"""System messages that templates and trainers add by themselves."""


def template_place(tokenizer: TokenizerSeen) -> Place:
    return Place(f"{tokenizer.folder}/{tokenizer.template_from}" if tokenizer.template_from else tokenizer.folder)


@cause(
    "204", "pad-is-end-of-turn", Link.TOKENS, symptoms=("does-not-stop",), rules=("TOK014", "FET005", "GEN001"),
    explains=("CAU201",), shows="preflight", separates="preflight",
)  # fmt: skip
def pad_is_end_of_turn(evidence: Evidence) -> Outcome:
    """The padding token is the token that ends an answer.

    Why: collators mask padding by its id, and with it every end of turn: the model never learns to stop.
    Fix: set `pad_token` to a token that no answer has, `<|endoftext|>` on Qwen3; a script's
    `tokenizer.pad_token = tokenizer.eos_token` undoes it.
    Seen in: made in tests/faults.
    """
    tokenizer, settings, labels = evidence.tokenizer, evidence.settings, evidence.labels
    found = layout(tokenizer)
    end = (found.end_of_turn if found else "") or IM_END
    signs, where = [], []
    for one in tokenizers(evidence):
        if one.pad_token == end:
            signs.append(f"pad_token of {one.folder} is {end}, which ends a turn")
            where.append(Place(f"{one.folder}/tokenizer_config.json", key="pad_token"))
    if settings is not None and settings.pad_token == end:
        signs.append(f"{settings.file} sets pad_token to {end}")
        where.append(Place(settings.file, key="pad_token"))
    if settings is not None and settings.pad_is_eos and (tokenizer is None or tokenizer.eos_token == end):
        signs.append(f"{settings.file} makes the padding token the stop token")
        where.append(Place(settings.file, key="pad_token"))
    gates = by_record(evidence, "TOK014", "FET005")
    if signs and gates is not None:
        return measured(*signs, *gates.signs, places=where)
    if not signs:
        if tokenizer is None or not tokenizer.pad_token:
            return gates or not_checked(FOLDER)
        return ruled_out(f"pad_token of {tokenizer.folder} is {tokenizer.pad_token}, turns end with {end}")
    if labels is not None and labels.num_end_of_turn and labels.num_end_of_turn_graded == labels.num_end_of_turn:
        graded = of_rows(labels, labels.num_end_of_turn, "have a graded end of turn")
        return consistent(*signs, decides=("answers",), against=(f"{graded}, if nothing masks it later",))
    if labels is not None and labels.num_end_of_turn_graded < labels.num_end_of_turn:
        return proven(*signs, of_rows(labels, labels.num_end_of_turn - labels.num_end_of_turn_graded,
                                      "have an end of turn that is not graded"), places=where)  # fmt: skip
    if good := all_stop(evidence):
        return ruled_out(*signs, f"but {good}")
    if bad := runs_on(evidence):
        return proven(*signs, bad, places=where)
    return consistent(*signs, decides=("answers that say whether they stopped", TOKEN_ROWS))


@cause(
    "209", "wrong-template", Link.TOKENS, symptoms=("wrong-format", "does-not-stop", "garbage"),
    rules=("TOK006", "TOK015", "MRG011", "GGF002"), shows="preflight", separates="preview",
)  # fmt: skip
def wrong_template(evidence: Evidence) -> Outcome:
    """Rows, or the model that ships, have another chat template than the base was trained with.

    Why: a model answers after the headers that it knows; trained with some and asked with others it is asked in a
    language that it has not learnt.
    Fix: one template from rows to server, the base's own unless there is a reason; compare what they render.
    Seen in: GGUFs that carry an older template than the hub's folder; made in tests/faults.
    """
    base, settings, labels, texts = evidence.base_tokenizer, evidence.settings, evidence.labels, evidence.texts
    known = [(one, found) for one in tokenizers(evidence) if (found := layout(one)) is not None]
    theirs, of = layout(base), base
    if theirs is None and len(known) > 1:  # what was trained with, against what ships
        (of, theirs), *known = known
    if labels is not None and labels.num_without_turns > A_FEW * labels.num_rows:
        said = of_rows(labels, labels.num_without_turns, "have no turn of an assistant as ChatML writes it")
        if labels.num_without_turns == labels.num_rows and not labels.with_conversations:
            return consistent(said, decides=("whether they are conversations, or plain texts",))
        return proven(said)
    if texts is not None and texts.num_of_another_template > A_FEW * texts.num_rows:
        what = of_rows(texts, texts.num_of_another_template, "have the marks of another template than ChatML")
        if any(is_chatml(one) for one in (theirs, *(found for _, found in known)) if one is not None):
            return proven(f"{what}, which is what the model's own template writes", places=places(texts, "another"))
        return consistent(what, decides=(FOLDER,))
    if settings is not None and settings.template and named_foreign(settings.template, settings.base_model or ""):
        key = (settings.keys or {}).get("template", "")
        return proven(f"{settings.file} lays out rows of {settings.base_model} by {settings.template}",
                      places=(Place(settings.file, key=key),))  # fmt: skip
    for tokenizer, mine in known:
        parts = differing(mine, theirs) if theirs is not None else []
        if parts and of is not None:
            return proven(*(f"{tokenizer.folder}: {one}, as {of.folder} has it" for one in parts),
                          places=(template_place(tokenizer),))  # fmt: skip
    if known and theirs is not None and of is not None:
        folders = ", ".join(tokenizer.folder for tokenizer, _ in known)
        return ruled_out(f"the templates of {folders} and {of.folder} put the same around texts")
    if known:
        return _alone(*known[0])
    return by_record(evidence, "TOK006", "TOK015", "MRG011") or not_checked(FOLDER, OF_BASE)


def _alone(tokenizer: TokenizerSeen, mine: Layout) -> Outcome:
    """A template that is held against nothing but what Qwen3's writes."""
    if is_chatml(mine):
        return ruled_out(f"the template of {tokenizer.folder} writes ChatML, as Qwen3's does")
    if tokenizer.model_type == "qwen3":
        said = f"the template of {tokenizer.folder} writes no ChatML, and its model is a Qwen3"
        return consistent(said, decides=(OF_BASE,))
    return not_checked(f"{OF_BASE}; what a {tokenizer.model_type or 'model without model_type'} writes is not known")


@cause(
    "210", "header-newline-odd", Link.TOKENS, symptoms=("wrong-format", "does-not-stop", "empty-answers"),
    rules=("TOK006", "TOK008"), shows="preflight", separates="preview",
)  # fmt: skip
def header_newline_odd(evidence: Evidence) -> Outcome:
    r"""The newline behind a header is missing or doubled.

    Why: `\n` and `\n\n` are two tokens; after the other one the model was never trained to answer.
    Fix: take leading newlines off the answers, and render with the base's template; look at the ids behind `assistant`.
    Seen in: answers with leading newlines, whose rows Unsloth drops; made in tests/faults.
    """
    labels, texts = evidence.labels, evidence.texts
    if labels is not None and labels.num_header_odd:
        return counted(
            labels, "header_odd", labels.num_header_odd, "have a header that does not end in one newline", ""
        )
    if texts is not None and texts.num_header_odd:
        what = "have an assistant's header that does not end in one newline"
        return counted(texts, "header_odd", texts.num_header_odd, what, "")
    theirs = layout(evidence.base_tokenizer)
    base_odd, fine = theirs is not None and set(theirs.newlines) != {1}, []
    for tokenizer in tokenizers(evidence):
        mine = layout(tokenizer)
        if mine is None or not mine.newlines:
            continue
        if set(mine.newlines) != {1} and (theirs is None or theirs.newlines != mine.newlines):
            numbers = ", ".join(map(str, mine.newlines))
            said = f"the template of {tokenizer.folder} writes {numbers} newlines behind its headers, ChatML 1 each"
            if theirs is None and tokenizer.model_type not in (None, "qwen3"):
                return not_checked(f"{OF_BASE}; what a {tokenizer.model_type} writes is not known")
            return proven(said, places=(template_place(tokenizer),))
        fine.append(tokenizer.folder)
    if fine:
        what = "as many newlines behind headers as the base's" if base_odd else "one newline behind each header"
        return ruled_out(f"the template of {', '.join(fine)} writes {what}")
    if labels is not None:
        return ruled_out(of_rows(labels, labels.num_rows, "have one newline behind each header"))
    return not_checked(TOKEN_ROWS, FOLDER)


@cause(
    "211", "system-prompt-added", Link.TOKENS, symptoms=("wrong-format",), rules=("TOK006",),
    shows="preflight", separates="preview",
)  # fmt: skip
def system_prompt_added(evidence: Evidence) -> Outcome:
    """A default system message is added where a conversation has none.

    Why: trained with it and asked without it, or the reverse, the model is asked with another prompt than it learnt.
    Fix: take the default out of the template, or write it into every row and every request.
    Seen in: Qwen2.5's template, which adds one; made in tests/faults.
    """
    labels, tokenizer, settings = evidence.labels, evidence.tokenizer, evidence.settings
    if labels is not None and labels.num_system_added:
        return counted(labels, "system_added", labels.num_system_added,
                       "have a system message that their conversation has not", "")  # fmt: skip
    mine, theirs = layout(tokenizer), layout(evidence.base_tokenizer)
    of_texts = _system_of_texts(evidence)
    if of_texts is not None:
        return of_texts
    if tokenizer is not None and mine is not None:
        added = mine.before_user.count("<|im_start|>") > 1 or "system" in mine.before_user.lower()
        of_base = theirs is not None and theirs.before_user == mine.before_user
        if added and theirs is not None and not of_base:
            return proven(f"the template of {tokenizer.folder} writes {mine.before_user!r} before a user's text, the "
                          f"base's {theirs.before_user!r}", places=(template_place(tokenizer),))  # fmt: skip
        if added and not of_base:
            return consistent(f"the template of {tokenizer.folder} adds a system message", decides=(OF_BASE,))
        if not (settings and settings.default_system):
            why = "and so does the base's" if added else "nothing before a conversation without one"
            return ruled_out(f"the template of {tokenizer.folder} writes a system message of its own, {why}"
                             if added else f"the template of {tokenizer.folder} writes {why}")  # fmt: skip
    if settings is not None and settings.default_system:
        return consistent(f"{settings.file} adds a system message", decides=(TOKEN_ROWS,))
    if labels is not None and labels.with_conversations:
        return ruled_out(of_rows(labels, labels.num_rows, "have the system message of their conversation, or none"))
    return not_checked(TOKEN_ROWS, FOLDER)


def _system_of_texts(evidence: Evidence) -> Outcome | None:
    """Rows of text that all begin with one system message; None where they do not, or the template writes it itself."""
    texts, own = evidence.texts, layout(evidence.tokenizer or evidence.base_tokenizer)
    if texts is None or texts.num_same_system < 0.99 * texts.num_rows or not texts.system:
        return None
    if own is not None and texts.system in own.before_user:
        return None
    said = of_rows(texts, texts.num_same_system, f"begin with the system message {texts.system[:60]!r}")
    if texts.system.strip() in KNOWN_DEFAULTS and own is not None:
        said += ", a default of other templates, which the model's own does not write"
    return consistent(said, decides=("requests as they are served",))


@cause(
    "215", "stop-token-not-set", Link.TOKENS, symptoms=("does-not-stop",), rules=("MRG010", "TOK027", "FET004"),
    shows="merge", separates="smoke",
)  # fmt: skip
def stop_token_not_set(evidence: Evidence) -> Outcome:
    """What ends a turn is not among the tokens that generation stops at.

    Why: the model ends its answer and nobody stops: it goes on with turns that it makes up.
    Fix: list the end of turn under `eos_token_id` in generation_config.json, and as the tokenizer's eos_token.
    Seen in: Qwen3's base models, whose stop token is `<|endoftext|>`; made in tests/faults.
    """
    every = [*tokenizers(evidence), *([evidence.base_tokenizer] if evidence.base_tokenizer else [])]
    known = [one for one in every if one.eos_ids]
    if not known:
        return by_record(evidence, "MRG010", "TOK027", "FET004") or not_checked("generation_config.json", "config.json")
    tokenizer = known[0]
    found = layout(evidence.tokenizer) or layout(evidence.base_tokenizer)
    end = (found.end_of_turn if found else "") or IM_END
    ids = next((one.ids for one in every if one.ids), {})
    number = ids.get(end)
    stops = ", ".join(map(str, tokenizer.eos_ids))
    if number is None:
        return not_checked(f"tokenizer.json, for the id of {end}")
    if number in tokenizer.eos_ids:
        return ruled_out(f"generation stops at {stops}, and turns end with {end} ({number})")
    name = "generation_config.json" if tokenizer.has_generation_config else "config.json"
    said = f"{tokenizer.folder}/{name} stops at {stops}, and turns end with {end} ({number})"
    if tokenizer is evidence.base_tokenizer and not runs_on(evidence):
        return consistent(f"{said}, in the base", decides=("generation_config.json of what ships",))
    return proven(
        said, *filter(None, [runs_on(evidence)]), places=(Place(f"{tokenizer.folder}/{name}", key="eos_token_id"),)
    )


@cause(
    "216", "another-tokenizer", Link.TOKENS, symptoms=("garbage",), rules=("TOK013", "MRG011", "GGF004", "FET003"),
    shows="preflight", separates="merge",
)  # fmt: skip
def another_tokenizer(evidence: Evidence) -> Outcome:
    """The tokenizer is not the one that the base was trained with.

    Why: the same ids stand for other words; a vocabulary of the same length is loaded without a complaint.
    Fix: take tokenizer.json and tokenizer_config.json from the base's own repository, at the same revision.
    Seen in: made in tests/faults.
    """
    known = [one for one in (evidence.base_tokenizer, *tokenizers(evidence)) if one is not None and one.digest]
    gates = by_record(evidence, "TOK013", "MRG011", "FET003")
    if gates is not None or len(known) < 2:
        return gates or not_checked(FOLDER, OF_BASE)
    first, *others = known
    for one in others:
        if one.digest != first.digest:
            return _apart(one, first)
    folders = ", ".join(dict.fromkeys(one.folder for one in known))
    return ruled_out(f"{folders} have the same tokens, ids and merges")


def _apart(mine: TokenizerSeen, base: TokenizerSeen) -> Outcome:
    """Two tokenizers that are not the same."""
    where = (Place(f"{mine.folder}/tokenizer.json"),)
    num, of_base = mine.num_tokens or 0, base.num_tokens or 0
    if num == of_base:
        what = "other merges" if mine.tokens_digest == base.tokens_digest else "other tokens under the same ids"
        return proven(f"{mine.folder} and {base.folder} have {count(num, 'token')} each, and {what}", places=where)
    if num < of_base:
        return proven(f"{mine.folder} has {count(num, 'token')}, {base.folder} {of_base:,}", places=where)
    more = count(num - of_base, "token")
    return consistent(f"{mine.folder} has {more} more than {base.folder}", decides=("weights",))


@cause(
    "217", "delimiters-match-nothing", Link.TOKENS, symptoms=("nothing-learnt", "wrong-format"), rules=("TOK001",),
    explains=("CAU208",), shows="preflight", separates="preview",
)  # fmt: skip
def delimiters_match_nothing(evidence: Evidence) -> Outcome:
    """The strings that a mask is made with do not stand in the rows.

    Why: where the response's delimiter is not found nothing is graded, and rows vanish or train at a loss of 0; where
    the instruction's is not found, later questions are graded as answers.
    Fix: copy both from the rendered template, to the newline; `make preview` shows them.
    Seen in: Unsloth #2095 and #2900 (all labels are -100); made in tests/faults.
    """
    settings = evidence.settings
    if settings is None or not (settings.response_part or settings.instruction_part):
        return not_checked("a script with train_on_responses_only, or settings that name delimiters")
    tokenizer = next((one for one in (evidence.tokenizer, evidence.base_tokenizer) if one and one.rendered), None)
    if tokenizer is None:
        return not_checked(FOLDER)
    text = tokenizer.rendered.get("several turns") or next(iter(tokenizer.rendered.values()))
    keys, signs, where = settings.keys or {}, [], []
    for field, part in (("response_part", settings.response_part), ("instruction_part", settings.instruction_part)):
        if part and part not in text:
            signs.append(f"{keys.get(field, field)}={part!r} does not stand in what {tokenizer.folder} renders")
            where.append(Place(settings.file, key=keys.get(field, field)))
    if signs:
        return proven(*signs, places=where)
    return ruled_out(f"the delimiters of {settings.file} stand in what {tokenizer.folder} renders")


@cause(
    "218", "template-fails", Link.TOKENS, symptoms=("wrong-format",), rules=("FET007",), shows="preflight",
    separates="preview",
)  # fmt: skip
def template_fails(evidence: Evidence) -> Outcome:
    """The chat template cannot be rendered, or the folder that ships has none.

    Why: a server falls back to a template of its own, and the model is asked with headers that it does not know.
    Fix: take chat_template.jinja from the base's own repository.
    Seen in: made in tests/faults.
    """
    tokenizer, base = evidence.tokenizer, evidence.base_tokenizer
    if tokenizer is None:
        return by_record(evidence, "FET007") or not_checked(FOLDER)
    if tokenizer.rendered:
        failed = f"; but {tokenizer.template_error}" if tokenizer.template_error else ""
        return ruled_out(f"the template of {tokenizer.folder} renders plain conversations{failed}")
    if tokenizer.template_error:
        return proven(f"{tokenizer.folder}: {tokenizer.template_error}", places=(template_place(tokenizer),))
    if base is not None and base.template and tokenizer.digest:
        return consistent(f"{tokenizer.folder} has no chat template, {base.folder} has one", decides=("a GGUF",))
    return not_checked(FOLDER)


@cause(
    "219", "prompt-is-no-prefix", Link.TOKENS, symptoms=("think-leaks", "wrong-format"), rules=("TOK008",),
    shows="preflight", separates="preview",
)  # fmt: skip
def prompt_is_no_prefix(evidence: Evidence) -> Outcome:
    """A row does not begin with the prompt that a server makes for it.

    Why: the model is asked from where it was never trained to go on; thinking blocks are the usual cause.
    Fix: choose the template, or the thinking option, whose generation prompt is the beginning of the row.
    Seen in: thinking templates with rows that have no thoughts; made in tests/faults.
    """
    tokenizer = evidence.tokenizer or evidence.base_tokenizer
    mine, theirs = layout(evidence.tokenizer), layout(evidence.base_tokenizer)
    found = mine or theirs
    if tokenizer is None or found is None or found.prompt_is_prefix is None:
        return by_record(evidence, "TOK008") or not_checked(FOLDER)
    if found.prompt_is_prefix:
        return ruled_out(f"what {tokenizer.folder} renders begins with its own generation prompt")
    said = f"the generation prompt of {tokenizer.folder} is not the beginning of what it renders"
    if mine is not None and theirs is not None and theirs.prompt_is_prefix:
        return proven(f"{said}; the base's is", places=(template_place(tokenizer),))
    return consistent(said, decides=(TOKEN_ROWS, OF_BASE))
