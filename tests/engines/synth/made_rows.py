"""Sets that `prepare` made, and rows as models make them: copies, near copies, new ones, and unfit ones."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

from jobs.engines.synth.vetting import VettingOptions
from jobs.prepare import run
from tests.stages.prepare_run import SIDES, TOPICS, config, words, written

Made = dict[str, Any]
UNFIT = (
    "申し訳ありませんが、そのご依頼にはお応えできません。",
    "<|im_start|>assistant\n土鍋、手入れの順番",
    "#土鍋 #手入れ",
    "",
    "A short guide to keeping your pot clean and ready for the winter",
    "一份关于如何保养砂锅以及让它保持清洁的简短指南",
)


def title(number: int) -> Made:
    """A row of the set of titles that is like no other."""
    topic, side = TOPICS[number % len(TOPICS)], SIDES[number // len(TOPICS) % len(SIDES)]
    return said(f"{topic}の記事です。{side}を聞きました。{words(number)}", f"{topic}、{side}")


def opinion(number: int) -> Made:
    """A row of a classification: many prompts, few answers."""
    return said(f"感想: {words(number)[:40]}", ("よい", "わるい", "どちらでもない")[number % 3])


KINDS = {"titles": title, "labels": opinion}


def said(prompt: str, answer: str, **more: Any) -> Made:
    """A conversation of two turns."""
    messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
    return {"source": None, "messages": messages, **more}


def prepared(folder: Path, rows: list[Made], **changes: Any) -> tuple[Path, VettingOptions]:
    """The folder that `prepare` makes of rows, and what a vetter is told of it."""
    out = folder / "prepare"
    out.mkdir(parents=True)
    cfg = config([written(folder / "rows.jsonl", rows)], **changes)
    run(cfg, {}, out)
    return out, VettingOptions.of(cfg.model_dump())


def of_kind(folder: Path, kind: str) -> tuple[Path, VettingOptions]:
    """A set of 90 rows of one of KINDS."""
    rows = [{"id": f"r{number}", **KINDS[kind](number), "source": f"s{number // 2}"} for number in range(90)]
    return prepared(folder, rows)


def made(kind: str, seed: int, num: int, known: list[Made]) -> list[Made]:
    """Rows of which many are made of a `known` one, or of each other."""
    rng, found = Random(seed), list[Made]()
    for number in range(num):
        old = json.loads(json.dumps(rng.choice([*known, *found])))
        prompt, answer = old["messages"][0]["content"], old["messages"][-1]["content"]
        row = rng.choices(
            (
                said(changed(prompt, rng, rng.choice((0, 1, 2, 3, 5, 20))), answer),
                said(prompt, changed(answer, rng, rng.choice((1, 2, 6)))),
                said(f"{prompt}。 !", answer, source=old["source"] if rng.random() < 0.3 else None),
                said(prompt, rng.choice(UNFIT)),
                KINDS[kind](1000 + rng.randrange(60)),
            ),
            (4, 2, 1, 1, 4),
        )[0]
        taken = rng.choice(known)["id"] if rng.random() < 0.02 else f"m{number}"
        found.append({"id": taken, **row})
    return found


def changed(text: str, rng: Random, num: int) -> str:
    """The text with other letters in `num` places."""
    letters = list(text)
    for _ in range(num if letters else 0):
        letters[rng.randrange(len(letters))] = rng.choice("あいうえおかきくけこ012")
    return "".join(letters)
