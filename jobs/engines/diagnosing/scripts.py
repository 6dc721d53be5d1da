"""Training scripts and notebooks, read by their syntax: keyword arguments that are literals, and names that are bound
to a literal once. No line of them runs.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jobs.logic.diagnosing import dialects
from jobs.logic.diagnosing.settings_seen import SettingsSeen

CALLS = {
    "SFTTrainer", "SFTConfig", "TrainingArguments", "Seq2SeqTrainingArguments", "LoraConfig", "get_peft_model",
    "from_pretrained", "train_on_responses_only", "get_chat_template", "DataCollatorForCompletionOnlyLM",
    "BitsAndBytesConfig", "UnslothTrainingArguments", "UnslothTrainer", "Trainer", "ModelConfig",
}  # fmt: skip
POSITIONS = {
    "from_pretrained": ("model_name",), "DataCollatorForCompletionOnlyLM": ("response_template",),
}  # fmt: skip
"""What arguments without a name mean."""
OF_MODELS = ("FastLanguageModel", "FastModel", "AutoModelForCausalLM")
ALIASES = {"model_id": "model_name", "pretrained_model_name_or_path": "model_name"}
EVALUATES = ("eval_dataset", "eval_strategy", "evaluation_strategy", "do_eval")
MOST_DEPTH = 150
"""Brackets in brackets: beyond that nobody wrote it by hand."""


def cells(notebook: Mapping[str, Any]) -> list[str]:
    """The code cells of a notebook, without the lines that are for the notebook itself."""
    found = []
    for cell in notebook["cells"] if isinstance(notebook["cells"], list) else []:
        if isinstance(cell, Mapping) and cell.get("cell_type") == "code":
            source = cell.get("source", "")
            text = "".join(map(str, source)) if isinstance(source, list) else str(source)
            found.append(re.sub(r"^([ \t]*)[%!?].*$", r"\1pass", text, flags=re.MULTILINE))
    return found


def understood(file: str, pieces: Sequence[str]) -> SettingsSeen:
    """What a script's calls say; raises ValueError where no piece of it is Python."""
    trees = [tree for piece in pieces if (tree := _parsed(piece)) is not None]
    if not trees:
        raise ValueError("is no Python that this version can read")
    nodes = [node for tree in trees for node in ast.walk(tree)]
    bound = constants(nodes)
    values: dict[str, Any] = {}
    unknown: list[str] = []
    for key, node in _said(nodes):
        if key in values and key not in ("pad_is_eos",):
            continue
        known, value = literal(node, bound)
        if known:
            values[key] = value
        elif key in dialects.TABLES[dialects.SCRIPT]:
            unknown.append(key)
    named = {node.id for node in nodes if isinstance(node, ast.Name)}
    which = dialects.UNSLOTH if named & {"FastLanguageModel", "FastModel"} else dialects.SCRIPT
    if _trains(nodes) and not any(key in EVALUATES for key, _ in _said(nodes)):
        values["eval_strategy"] = "no"  # what the trainer takes where nobody says it
    if "eval_dataset" in unknown:  # whatever it is called, there is one
        values["eval_dataset"] = True
        unknown.remove("eval_dataset")
    return dialects.understood(file, which, values, tuple(one for one in unknown if one not in values))


def _parsed(piece: str) -> ast.Module | None:
    """The tree of a piece; None where it is no Python."""
    depth = most = 0
    for sign in piece:
        depth += (sign in "([{") - (sign in ")]}")
        most = max(most, depth)
    if most > MOST_DEPTH:
        return None
    try:
        return ast.parse(piece)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def constants(nodes: Sequence[ast.AST]) -> dict[str, Any]:
    """Names that are bound once, to a literal."""
    found: dict[str, list[ast.expr | None]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, []).append(node.value)
        elif isinstance(node, ast.AnnAssign | ast.AugAssign) and isinstance(node.target, ast.Name):
            found.setdefault(node.target.id, []).append(node.value if isinstance(node, ast.AnnAssign) else None)
        elif isinstance(node, ast.For) and isinstance(node.target, ast.Name):
            found.setdefault(node.target.id, []).append(None)
    bound = {}
    for name, values in found.items():
        if len(values) == 1 and values[0] is not None:
            known, value = literal(values[0], {})
            if known:
                bound[name] = value
    return bound


def literal(node: ast.expr, bound: Mapping[str, Any]) -> tuple[bool, Any]:
    """(whether it is a literal, its value)."""
    if isinstance(node, ast.Name) and node.id in bound:
        return True, bound[node.id]
    try:
        return True, ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False, None


def _said(nodes: Sequence[ast.AST]) -> Iterator[tuple[str, ast.expr]]:
    """Keys and values of the calls that set up a training, and what is done to the padding token."""
    for node in nodes:
        if isinstance(node, ast.Call) and (called := _name(node.func)) in CALLS:
            if called == "from_pretrained" and _owner(node.func) not in OF_MODELS:
                continue
            yield from zip(POSITIONS.get(called, ()), node.args, strict=False)
            for keyword in node.keywords:
                if keyword.arg is not None:
                    yield ALIASES.get(keyword.arg, keyword.arg), keyword.value
            if called in ("train_on_responses_only", "DataCollatorForCompletionOnlyLM"):
                yield "train_on_responses_only", ast.Constant(True)
        elif isinstance(node, ast.Call) and _name(node.func) == "dict":
            yield from ((one.arg, one.value) for one in node.keywords if one.arg)
        elif isinstance(node, ast.Assign) and any(_is_pad(target) for target in node.targets):
            to_eos = isinstance(node.value, ast.Attribute) and node.value.attr in ("eos_token", "eos_token_id")
            yield "pad_is_eos", ast.Constant(to_eos)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, value


def _trains(nodes: Sequence[ast.AST]) -> bool:
    """Whether a trainer is made, and every argument of its is written out."""
    calls = [node for node in nodes if isinstance(node, ast.Call) and _name(node.func) in CALLS]
    made = any(_name(call.func) in ("SFTTrainer", "Trainer", "UnslothTrainer") for call in calls)
    return made and all(keyword.arg for call in calls for keyword in call.keywords)


def _is_pad(target: ast.expr) -> bool:
    return isinstance(target, ast.Attribute) and target.attr in ("pad_token", "pad_token_id")


def _name(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


def _owner(func: ast.expr) -> str:
    """`A` of `A.b` and of `x.A.b`."""
    return _name(func.value) if isinstance(func, ast.Attribute) else ""
