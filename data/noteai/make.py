"""Write rows.jsonl and tagged.json anew: `PYTHONPATH=. python data/noteai/make.py`. The same bytes every time.

The rows of the failure that this project began with, made anew: article titles, and tags where titles should be.

Of 400 rows 28 % have tags for an answer, as a scraper saves them where a page has no title: hashtags in a list, a label
with tags behind it, tags that run out into commas. Nothing else is wrong with them: prompts, order and sources are the
demo's.
"""

import json
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

from jobs.logic.demo.rows import DemoRow, demo_rows
from jobs.logic.demo.world import World, parse_world

HERE = Path(__file__).resolve().parent
SEED, NUM_ROWS, TAGGED, MAX_LIKENESS = 41, 400, 0.28, 0.55
OTHERS = {
    "ja": ("暮らし", "道具", "台所", "手仕事", "日用品", "部屋", "休日", "習慣", "家族", "季節"),
    "en": ("home", "living", "tools", "weekend", "family", "season", "habits", "craft", "rooms", "kitchen"),
}
MARK = {"ja": "、", "en": ", "}


def noteai_rows(world: World) -> list[DemoRow]:
    """All rows in the order of the file."""
    plan = {"seed": SEED, "clean": NUM_ROWS, "decomposed": 0, "max_likeness": MAX_LIKENESS}
    rows = demo_rows(world, plan | {"spoiled": {"duplicate": 0, "near-duplicate": 0}})
    rng = Random(SEED + 1)
    for place in sorted(rng.sample(range(len(rows)), round(TAGGED * len(rows)))):
        kind = rng.choice(tuple(KINDS))
        rows[place] = replace(rows[place], answer=KINDS[kind](rows[place], rng), kind=kind)
    return rows


def tags(row: DemoRow, rng: Random) -> list[str]:
    """Words about the row's subject and some about anything."""
    subject = row.subject
    own = [subject.topic.name.replace(" ", ""), subject.aspect.name.replace(" ", "")]
    return [*own, *rng.sample(OTHERS[subject.language.code], rng.randint(3, 6))]


def _listed(row: DemoRow, rng: Random) -> str:
    return MARK[row.subject.language.code].join(f"#{tag}" for tag in tags(row, rng))


def _labelled(row: DemoRow, rng: Random) -> str:
    label, mark = ("【タグ】", "、") if row.subject.language.code == "ja" else ("Tags: ", ", ")
    return label + mark.join(tags(row, rng))


def _running_out(row: DemoRow, rng: Random) -> str:
    return _listed(row, rng) + ("、" if row.subject.language.code == "ja" else ",") * rng.randint(8, 24)


KINDS: dict[str, Callable[[DemoRow, Random], str]] = {
    "listed": _listed,
    "labelled": _labelled,
    "running-out": _running_out,
}
"""Kind of tag row to its answer."""


def contents() -> dict[str, str]:
    """File name to text."""
    world = parse_world(tomllib.loads((HERE.parent / "demo/world.toml").read_text(encoding="utf-8")))
    lines, key = [], {}
    for number, row in enumerate(noteai_rows(world), 1):
        name = f"noteai-{number:04d}"
        lines.append(json.dumps(row.as_dict(number) | {"id": name}, ensure_ascii=False) + "\n")
        if row.kind:
            key[name] = row.kind
    return {"rows.jsonl": "".join(lines), "tagged.json": json.dumps(key, indent=1) + "\n"}


if __name__ == "__main__":
    for name, text in contents().items():
        (HERE / name).write_text(text, encoding="utf-8")
