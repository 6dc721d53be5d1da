"""`python -m jobs forgetting key=value ...`: what a fine-tune has forgotten, by the suite, beside the chain.

A run's GGUF against its base of the same type, or any two GGUFs: forgetting.base=FILE forgetting.tuned=FILE. It judges
nothing: whatever is found, it passes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from jobs.core import config, room, terminal
from jobs.core.artifact import write_whole
from jobs.core.errors import Exit, Refusal
from jobs.core.run_dir import RunDir
from jobs.engines.answering.gguf_files import digest, parts
from jobs.engines.answering.store import open_answers
from jobs.engines.chat.choice import choose
from jobs.engines.chat.words import one_of, parted, whole
from jobs.engines.forgetting import suite_files
from jobs.engines.forgetting.run import MAX_TOKENS, run, write
from jobs.engines.gguf import base_gguf
from jobs.logic.forgetting import words
from jobs.logic.forgetting.counting import Forgotten, counted
from jobs.logic.forgetting.page import page

FOLDER = "forgetting"
KNOWN = {
    "forgetting.base": "a GGUF that stands for the model before; without it the run's base",
    "forgetting.tuned": "a GGUF that stands for the model after; without it the run's",
    "forgetting.max_tokens": f"tokens of an answer; without it {MAX_TOKENS}",
    "forgetting.think": "true or false, where a template has the switch; without it false",
    "file": "a type that the run has, as in Q4_K_M; without it the first that ships",
    "gpu_layers": "layers on the GPU, where the build has one; without it all",
}
DIGITS = 8


@dataclass(frozen=True)
class Asked:
    """What the words ask for."""

    run_dir: RunDir
    name: str
    base: str
    tuned: str
    file: str
    max_tokens: int
    think: bool
    gpu_layers: int


@dataclass(frozen=True)
class Pair:
    """Which two GGUFs, where their answers are kept and where the files go."""

    base: Path
    tuned: Path
    title: str
    answers: Path
    out: Path


def forgetting(given: Sequence[str]) -> int:
    """Ask both, write `forgetting.jsonl`, `forgetting.json` and `forgetting.html`, and show the table.

    Raises Refusal where run or GGUFs are not there, EnvironmentProblem where llama-server is not.
    """
    asked = read(given)
    pair, items = chosen(asked), suite_files.suite()
    with open_answers(pair.answers) as store:
        answered = run(
            store,
            pair.base,
            pair.tuned,
            items=items,
            think=asked.think,
            max_tokens=asked.max_tokens,
            gpu_layers=asked.gpu_layers,
        )
    found = counted(items, answered)
    pair.out.mkdir(parents=True, exist_ok=True)
    write(pair.out / "forgetting.jsonl", answered)
    write_whole(pair.out / "forgetting.json", as_json(asked, pair, found).encode())
    write_whole(pair.out / "forgetting.html", page(pair.title, found, items, answered).encode())
    show(pair, found)
    return Exit.PASSED


def read(given: Sequence[str]) -> Asked:
    """The words. Raises Refusal for one that is not known, with the nearest that is, and for a wrong value."""
    own, rest = parted("forgetting", given, KNOWN)
    run_config = config.run_config(config.compose(rest))
    layers = whole("gpu_layers", own, -1, 10_000)
    return Asked(
        run_dir=RunDir(Path(run_config.folder) / run_config.name),
        name=run_config.name,
        base=own.get("forgetting.base", ""),
        tuned=own.get("forgetting.tuned", ""),
        file=own.get("file", ""),
        max_tokens=whole("forgetting.max_tokens", own, 1, 100_000) or MAX_TOKENS,
        think=one_of("forgetting.think", own, {"": False, "true": True, "false": False}),
        gpu_layers=-1 if layers is None else layers,
    )


def chosen(asked: Asked) -> Pair:
    """A run's GGUF and its base, or the two that were named."""
    if asked.base and asked.tuned:
        base, tuned = file_of("forgetting.base", asked.base), file_of("forgetting.tuned", asked.tuned)
        folder = asked.run_dir.root.parent / f"{FOLDER}-{digest(base)[:DIGITS]}-{digest(tuned)[:DIGITS]}"
        return Pair(base, tuned, f"Forgetting: {base.name} and {tuned.name}", folder / "answers", folder)
    if asked.base:
        key, other = "forgetting.base", "forgetting.tuned"
        raise Refusal(f"{key}: stands beside {other}=FILE; without both, the run's own are compared", without=[key])
    if asked.tuned:
        key, other = "forgetting.tuned", "forgetting.base"
        raise Refusal(f"{key}: stands beside {other}=FILE; without both, the run's own are compared", without=[key])
    choice = choose(asked.run_dir, asked.file)
    if choice.why_not:
        terminal.say(f"{asked.name}, {choice.type}: not certified: {choice.why_not}")
    fetch = asked.run_dir.artifact("fetch")
    if fetch is None:
        raise Refusal(f"{asked.run_dir.root / 'fetch'}: is not there; the base is made from it", command="fetch")
    base = base_gguf.made(fetch, choice.type, room.cache_folder() / "base", "forgetting")
    root = asked.run_dir.root
    title = f"Forgetting: {asked.name}, {choice.type}, and its base"
    return Pair(base, choice.gguf, title, root / "answers", root / FOLDER)


def file_of(key: str, text: str) -> Path:
    """A GGUF, all its parts there."""
    try:
        return parts(Path(text))[0]
    except Refusal as refusal:
        raise Refusal(f"{key}: {refusal}") from None


def as_json(asked: Asked, pair: Pair, found: Forgotten) -> str:
    """`forgetting.json`: what was compared, by digest, and what was found. No times, no paths."""
    data = {
        "base": digest(pair.base),
        "tuned": digest(pair.tuned),
        "suite": suite_files.digest(),
        "max_tokens": asked.max_tokens,
        "think": asked.think,
        **asdict(found),
    }
    return json.dumps(data, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def show(pair: Pair, found: Forgotten) -> None:
    """The table, how it is read, and where the rest is."""
    terminal.table(pair.title, words.HEADS, words.rows(found))
    for line in (f"drift: {words.drift(found)}", *words.reading(found)):
        terminal.say(line)
    terminal.say(f"every item with both answers: {pair.out / 'forgetting.html'}")
