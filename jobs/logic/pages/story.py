"""What a run has to tell, from the facts of its stages: the numbers, figures and tables of the report.

`facts` is stage to facts as plain data. Every function gives None, or nothing, where the stage it tells of was not
made.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from jobs.logic.pages import advice, amounts, belonging, data_section, figures
from jobs.logic.pages.amounts import count, learning_rate, loss, nats, number, percent, score, size

Facts = Mapping[str, Mapping[str, Any]]
Page = dict[str, Any]


def named(rows: Sequence[Mapping[str, Any]], field: str, value: str) -> Mapping[str, Any] | None:
    """The first row whose `field` is `value`."""
    return next((row for row in rows if row[field] == value), None)


def default_behaviours(facts: Facts) -> list[Mapping[str, Any]]:
    """Behaviours under the prompt a client sends by default: base, tuned, then each artefact."""
    found = [*facts.get("smoke", {}).get("behaviours", []), *facts.get("verify", {}).get("behaviours", [])]
    unique: dict[str, Mapping[str, Any]] = {}
    for one in found:
        if one["prompt"] == "default":
            unique.setdefault(one["model"], one)
    return list(unique.values())


def numbers(facts: Facts, quant: str | None) -> list[Page]:
    """The few figures a person wants first."""
    found: list[Page] = []
    behaviours = default_behaviours(facts)
    parity = named(facts.get("verify", {}).get("parities", []), "artifact", quant or "")
    if parity is not None:
        between = f"{percent(parity['retention_low'])} to {percent(parity['retention_high'])}"
        note = f"of the fine-tune is in {quant}; 95% interval {between}"
        found.append({"label": "Retention", "value": percent(parity["retention"]), "note": note})
    last = named(behaviours, "model", quant or "") or named(behaviours, "model", "tuned")
    base = named(behaviours, "model", "base")
    if last is not None:
        note = f"of {count(last['num_rows'], 'answer')} of {last['model']} end by themselves"
        found.append({"label": "Stops", "value": percent(last["stop_rate"]), "note": note})
        before = f"the base model: {score(base['agreement'])}; " if base is not None else ""
        note = f"with held-out answers, ROUGE-L; {before}equal in {percent(last['exact_rate'])}"
        found.append({"label": "Agreement", "value": score(last["agreement"]), "note": note})
    train = facts.get("train")
    if train is not None:
        place = "with the adopted adapter; the base model"
        if not train["adopted"]:
            place = f"at step {count(train['chosen_step'])} of {count(train['num_steps'])}; before training"
        note = f"validation loss {place} {loss(train['first_eval_loss'])}"
        found.append({"label": "Loss", "value": loss(train["best_eval_loss"]), "note": note})
    prepare = facts.get("prepare")
    if prepare is not None:
        kept = prepare["num_train"] + prepare["num_val"]
        note = f"kept of {count(prepare['num_read'])} read; {count(prepare['num_val'])} of them held out"
        found.append({"label": "Rows", "value": count(kept), "note": note})
    file = named(facts.get("quantize", {}).get("quants", []), "type", quant or "")
    if file is not None:
        many = f" in {count(len(file['files']), 'file')}" if len(file["files"]) > 1 else ""
        note = f"{file['file']}{many}, {number(file['bits_per_weight'])} bits a weight"
        found.append({"label": "Size", "value": size(file["num_bytes"]), "note": note})
    return found


def survival(facts: Facts, limits: Mapping[str, Mapping[str, Any]]) -> Page | None:
    """Retention and stop rate of each artefact against the limits; the tables behind them; who lost what."""
    least = least_retention(facts, limits)
    least_stop = {"base": None, "tuned": limits.get("smoke", {}).get("min_stop_rate")}
    otherwise = limits.get("verify", {}).get("min_stop_rate")
    verify = facts.get("verify", {})
    parities, behaviours = verify.get("parities", []), default_behaviours(facts)
    if not parities and not behaviours:
        return None
    drawn, tables = [], []
    chosen = advised(facts, limits)
    if chosen:
        tables.append(chosen["table"])
    if parities:
        rows = [
            figures.Interval(
                one["artifact"],
                one["retention"],
                one["retention_low"],
                one["retention_high"],
                least.get(one["artifact"]),
                percent(one["retention"]),
            )
            for one in parities
        ]
        note = "with its 95% interval over prompts; the red tick is the least that the interval may reach down to."
        drawn.append({"svg": figures.intervals(rows, "retention", 0.9, 1.0, True), "title": "Retention", "note": note})
        tables.append(_parity_table(parities))
    if behaviours:
        rows = [
            figures.Interval(
                one["model"],
                one["stop_rate"],
                math.nan,
                math.nan,
                least_stop.get(one["model"], otherwise),
                percent(one["stop_rate"]),
            )
            for one in behaviours
        ]
        note = "is the share of held-out answers that end by themselves before the limit of tokens."
        drawn.append({"svg": figures.intervals(rows, "stop rate", 0.0, 1.0, True), "title": "Stop rate", "note": note})
        every = [*facts.get("smoke", {}).get("behaviours", []), *verify.get("behaviours", [])]
        tables.append(_behaviour_table(every))
    return {
        "figures": drawn,
        "tables": tables,
        "blame": verify.get("blame", ""),
        "advice": chosen.get("sentence", ""),
        "prompts": belonging.of_models(behaviours),
    }


def advised(facts: Facts, limits: Mapping[str, Mapping[str, Any]]) -> Page:
    """The table of the types that ship and the recommended one; empty where there is nothing to choose."""
    verify, least = facts.get("verify", {}), limits.get("verify", {})
    found = advice.choices(verify.get("ships", []), verify.get("parities", []), verify.get("behaviours", []))
    if len(found) < 2 or not least:
        return {}
    asked = float(least["advised_retention"]), float(least["min_stop_rate"])
    table = {"heads": list(advice.HEADS), "rows": advice.rows(found, advice.recommended(found, *asked))}
    return {"table": table, "sentence": advice.sentence(found, *asked)}


def least_retention(facts: Facts, limits: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Artefact to the least that the lower end of its retention's interval may be."""
    least: Mapping[str, float] = limits.get("verify", {}).get("min_retention", {})
    quants = [one["artifact"] for one in facts.get("verify", {}).get("parities", []) if one["artifact"] != "merged"]
    return {name: least.get(name, least["other"]) for name in quants if least}


def _parity_table(parities: Sequence[Mapping[str, Any]]) -> Page:
    heads = ["artefact", "retention", "95% interval", "mean KL", "99th percentile", "same top token", "loss", "tokens"]
    return {
        "heads": heads,
        "rows": [
            [
                one["artifact"], percent(one["retention"]),
                f"{percent(one['retention_low'])} to {percent(one['retention_high'])}",
                nats(one["kl_mean"]), nats(one["kl_p99"]), percent(one["same_top"]), loss(one["nll"]),
                count(one["num_tokens"]),
            ]
            for one in parities
        ],
    }  # fmt: skip


def _behaviour_table(behaviours: Sequence[Mapping[str, Any]]) -> Page:
    heads = [
        "model",
        "prompt",
        "stops",
        "agreement",
        "exact",
        "loops",
        "repeats",
        "empty",
        "markup",
        "think leaks",
        "copies",
        "answers",
    ]
    rates = ("loop_rate", "repeat_rate", "empty_rate", "markup_rate", "think_leak_rate", "copy_rate")
    return {
        "heads": heads,
        "rows": [
            [
                one["model"], one["prompt"].replace("_", " "), percent(one["stop_rate"]), score(one["agreement"]),
                percent(one["exact_rate"]), *(percent(one[rate]) for rate in rates), count(one["num_rows"]),
            ]
            for one in behaviours
        ],
    }  # fmt: skip


def samples(facts: Facts, most: int) -> list[Page]:
    """Held-out rows with the answers of every model, equal answers together; verify's where there are any."""
    merged: dict[str, Page] = {}
    for stage in ("smoke", "verify"):
        for one in facts.get(stage, {}).get("samples", []):
            row = merged.setdefault(one["id"], {"prompt": one["prompt"], "reference": one["reference"], "texts": {}})
            row["texts"].update(one["texts"])
    chosen = sorted(merged.values(), key=lambda row: -len(row["texts"]))[:most]
    return [row | {"answers": _answers(row["texts"], row["reference"])} for row in chosen]


OPENED = re.compile(r"\A\[the prompt has (<think>)\](?=\n)")
"""How an answer is shown to which the prompt had the beginning (`Generation.shown`)."""


def _answers(texts: Mapping[str, str], reference: str) -> list[Page]:
    groups: dict[str, list[str]] = {}
    for model, text in texts.items():
        groups.setdefault(without_empty_block(text), []).append(model)
    return [
        {"models": models, "text": text, "same": OPENED.sub(r"\1", text) == reference}
        for text, models in groups.items()
    ]


def without_empty_block(text: str) -> str:
    """An answer without the empty thinking block it may open with."""
    opened = text.lstrip()
    if opened.startswith("<think>"):
        inside, closed, rest = opened.removeprefix("<think>").partition("</think>")
        if closed and not inside.strip():
            return rest.strip()
    return text.strip()


def training(facts: Facts, log: Sequence[Mapping[str, Any]]) -> Page | None:
    """Loss curves with the chosen step."""
    train = facts.get("train")
    if train is not None and train["adopted"]:
        return {"figures": [], "note": adopted(facts)}
    if train is None or not log:
        return None

    def series(name: str, kind: str, field: str) -> figures.Series:
        return figures.Series(name, kind, [(float(e["step"]), e[field]) for e in log if e.get(field) is not None])

    chosen = float(train["chosen_step"])
    loss = [series("training", "train", "loss"), series("validation", "eval", "eval_loss")]
    parts = [series("content", "content", "eval_content_loss"), series("template", "template", "eval_template_loss")]
    drawn = [
        ("Loss", "over all graded tokens, nats a token; the dashed line is the step that was kept.", loss),
        ("Content and template", "on validation rows: the words of an answer, and the tokens around it.", parts),
    ]
    shown = [
        {
            "svg": figures.lines(one, chosen, f"step {count(chosen)}", "step", "nats a token"),
            "title": title,
            "note": note,
        }
        for title, note, one in drawn
    ]
    rate = f"learning rate {learning_rate(train['learning_rate'])}, batch {count(train['effective_batch'])}."
    scale = f"LoRA, effective scale {number(train['effective_scale'])}, {rate} {recipe(train['recipe'])}"
    return {"figures": [one for one in shown if one["svg"]], "note": scale}


def adopted(facts: Facts) -> str:
    """What is known of an adapter that was not trained here; empty where it was."""
    train = facts.get("train") or {"adopted": None}
    found = train["adopted"]
    if not found:
        return ""
    by = f"PEFT {found['peft_version']}" if found["peft_version"] else "PEFT"
    scale = f"rank {count(found['rank'])}, effective scale {number(train['effective_scale'])}"
    named = found["base_named"] or "a base that it does not name"
    return (
        f"The adapter was adopted, not trained here: saved by {by} for {named}, {scale}. "
        "How it was trained, and whether it has seen the held-out rows, is not known."
    )


def recipe(found: Mapping[str, Any]) -> str:
    """How the rate went, and what else was in the loss, in sentences."""
    said = [f"The rate is {found['schedule']} after its warm-up."]
    if found["neftune_alpha"]:
        said.append(f"NEFTune's noise on the embeddings had alpha {number(found['neftune_alpha'])}, in training alone.")
    if found["prompt_loss_weight"]:
        said.append(
            f"A prompt's token counted {number(found['prompt_loss_weight'])}, a graded one 1; both curves show graded "
            "ones."
        )
    return " ".join(said)


def data(facts: Facts) -> Page | None:
    """What was read, dropped and kept, and how long it is."""
    return data_section.page(facts)


def value(found: Any, name: str = "") -> str | None:
    """A fact or a limit of this name in a few words; None where it is too much to show beside a rule."""
    if isinstance(found, bool):
        return "yes" if found else "no"
    if found is None:
        return "none"
    if isinstance(found, int | float):
        return amounts.kind(name, found)(found)
    if isinstance(found, str):
        return found if len(found) <= 60 else None
    if not isinstance(found, Mapping | Sequence) or len(found) > 8:
        return None
    if not found:
        return "none"
    if isinstance(found, Mapping):
        inner = [(key, value(item, name)) for key, item in found.items()]
        return ", ".join(f"{key} {item}" for key, item in inner) if all(item for _, item in inner) else None
    items = [value(item, name) for item in found]
    return ", ".join(str(item) for item in items) if all(items) else None
