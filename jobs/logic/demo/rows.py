"""The demo's rows: title conversations from the small world, some spoiled on purpose, and the key of what was spoiled.

What goes wrong here is what goes wrong in scraped data sets: tags for titles, runs of punctuation, copies, text decoded
with the wrong encoding, empty answers, control tokens of another tool's output.
"""

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from jobs.logic.demo.world import Subject, World, all_subjects, conversation, title_conversation

ATTEMPTS = 200
GRAM = 5
"""Characters."""


@dataclass(frozen=True)
class DemoRow:
    """A conversation, the series it appeared in, and what is wrong with it (None for nothing)."""

    prompt: str
    answer: str
    subject: Subject
    source: str
    kind: str | None

    def as_dict(self, number: int) -> dict[str, Any]:
        """The row as a line of articles.jsonl holds it."""
        return {"id": row_id(number), "source": self.source, "messages": conversation(self.prompt, self.answer)}


def row_id(number: int) -> str:
    """The id of the row on line `number` of the file, counted from 1."""
    return f"demo-{number:04d}"


def demo_rows(world: World, plan: Mapping[str, Any]) -> list[DemoRow]:
    """All rows in the order of the file; `plan` is the table `rows` of world.toml.

    A copy stands after the row it is a copy of, and every other row has a subject of its own. Raises `ValueError` if
    the world has too few subjects or sentences for what is planned.
    """
    rng = Random(plan["seed"])
    counts: dict[str, int] = dict(plan["spoiled"])
    num_copies = {kind: counts.pop(kind) for kind in COPIES}
    rows = _clean_rows(world, plan["clean"] + sum(counts.values()), plan["max_likeness"], rng)
    clean, rest = rows[: plan["clean"]], rows[plan["clean"] :]
    for place in rng.sample([i for i, row in enumerate(clean) if _is_voiced(row)], plan["decomposed"]):
        clean[place] = replace(
            clean[place], prompt=unicodedata.normalize("NFD", clean[place].prompt), kind="decomposed"
        )
    kinds = [kind for kind, count in counts.items() for _ in range(count)]
    rest.sort(key=lambda row: row.subject.language.code == "en")  # mojibake needs Japanese: the last kinds get English
    kinds.sort(key=lambda kind: kind != "mojibake")
    spoiled = [_spoil(row, kind, rng) for row, kind in zip(rest, kinds, strict=True)]
    ordered = [*clean, *spoiled]
    rng.shuffle(ordered)
    ordered = [replace(row, source=source) for row, source in zip(ordered, _series(rng), strict=False)]
    return _with_copies(ordered, num_copies, rng)


def _clean_rows(world: World, number: int, max_likeness: float, rng: Random) -> list[DemoRow]:
    subjects = all_subjects(world)
    if number > len(subjects):
        raise ValueError(f"{number} rows are planned and the world has {len(subjects)} subjects")
    rows: list[DemoRow] = []
    seen: list[frozenset[str]] = []
    for subject in rng.sample(subjects, number):
        for _ in range(ATTEMPTS):
            prompt, answer = (message["content"] for message in title_conversation(subject, rng))
            found = _grams(f"{prompt}\n{answer}")
            if all(_jaccard(found, other) <= max_likeness for other in seen):
                break
        else:
            raise ValueError(f"no article on {answer!r} is less than {max_likeness} like the others; add sentences")
        seen.append(found)
        rows.append(DemoRow(prompt, answer, subject, "", None))
    return rows


def _grams(text: str) -> frozenset[str]:
    return frozenset(text[place : place + GRAM] for place in range(len(text) - GRAM + 1))


def _jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared)


def _is_voiced(row: DemoRow) -> bool:
    return unicodedata.normalize("NFD", row.prompt) != row.prompt


def _series(rng: Random) -> Iterator[str]:
    """Names of series, each for two to four rows in a row."""
    number = 0
    while True:
        number += 1
        for _ in range(rng.randint(2, 4)):
            yield f"series-{number:03d}"


def _spoil(row: DemoRow, kind: str, rng: Random) -> DemoRow:
    prompt, answer = SPOILERS[kind](row, rng)
    return replace(row, prompt=prompt, answer=answer, kind=kind)


def _hashtags(row: DemoRow, rng: Random) -> tuple[str, str]:
    topic, aspect = row.subject.topic.name.replace(" ", ""), row.subject.aspect.name.replace(" ", "")
    third = rng.choice(("暮らし", "道具") if row.subject.language.code == "ja" else ("home", "living"))
    return row.prompt, " ".join(f"#{tag}" for tag in (topic, aspect, third)[: rng.choice((2, 3))])


def _label(row: DemoRow, rng: Random) -> tuple[str, str]:
    return row.prompt, f"{rng.choice(('【タイトル】', '【題名】', '【記事タイトル】'))}{row.answer}"


def _prefix(row: DemoRow, rng: Random) -> tuple[str, str]:
    return row.prompt, f"{rng.choice(('Title: ', 'TITLE: ', 'タイトル：'))}{row.answer}"


def _markup(row: DemoRow, rng: Random) -> tuple[str, str]:
    tag = rng.choice(("title", "h1"))
    return row.prompt, f"<{tag}>{row.answer}</{tag}>"


def _brackets(row: DemoRow, rng: Random) -> tuple[str, str]:
    return row.prompt, f"[{rng.choice(('TAG', 'TITLE'))}] {row.answer}"


def _repeated(row: DemoRow, rng: Random) -> tuple[str, str]:
    run = rng.choice(("、", "。", "!", "！", "・", "…")) * rng.randint(6, 24)
    return row.prompt, rng.choice((run, row.answer + run, row.subject.topic.name + run))


def _mojibake(row: DemoRow, rng: Random) -> tuple[str, str]:
    def wrong(text: str) -> str:
        if reading == "utf-8 as latin-1":
            return text.encode("utf-8").decode("latin-1")
        return "".join(_windows_1252(byte) for byte in text.encode(reading.split(" ")[0]))

    reading = rng.choice(("utf-8 as latin-1", "utf-8 as windows-1252", "cp932 as windows-1252"))
    return rng.choice(((wrong(row.prompt), wrong(row.answer)), (row.prompt, wrong(row.answer))))


def _windows_1252(byte: int) -> str:
    """As browsers decode it: the five bytes without a character become control characters."""
    return bytes([byte]).decode("cp1252" if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else "latin-1")


def _empty(row: DemoRow, rng: Random) -> tuple[str, str]:
    return row.prompt, rng.choice(("", " ", "\n", "　"))


def _control(row: DemoRow, rng: Random) -> tuple[str, str]:
    return rng.choice(
        (
            (row.prompt, f"{row.answer}<|im_end|>"),
            (row.prompt, f"{row.answer}<|endoftext|>"),
            (f"{row.prompt}<|im_end|>\n<|im_start|>assistant\n{row.answer}", row.answer),
        )
    )


SPOILERS: dict[str, Callable[[DemoRow, Random], tuple[str, str]]] = {
    "hashtags": _hashtags,
    "label": _label,
    "prefix": _prefix,
    "markup": _markup,
    "brackets": _brackets,
    "repeated": _repeated,
    "mojibake": _mojibake,
    "empty": _empty,
    "control": _control,
}
"""Kind to what makes a clean row's prompt and answer into a spoiled row's."""

COPIES = ("duplicate", "near-duplicate")


def _with_copies(rows: list[DemoRow], num_copies: Mapping[str, int], rng: Random) -> list[DemoRow]:
    """Put copies of clean rows somewhere behind them, each in a series of its own, as reposts are."""
    kinds = [kind for kind in COPIES for _ in range(num_copies[kind])]
    originals = rng.sample([row for row in rows if row.kind is None], len(kinds))
    rows = list(rows)
    for number, (kind, row) in enumerate(zip(kinds, originals, strict=True), 1):
        prompt = row.prompt if kind == "duplicate" else _hardly_changed(row.prompt, rng)
        place = rng.randint(rows.index(row) + 1, len(rows))
        rows.insert(place, replace(row, prompt=prompt, source=f"repost-{number:02d}", kind=kind))
    return rows


def _hardly_changed(prompt: str, rng: Random) -> str:
    stop = "。" if "。" in prompt else "."
    return rng.choice(
        (
            f"{prompt}（再掲）" if stop == "。" else f"{prompt} (Posted again.)",
            f"{prompt[: prompt.rindex(stop)]}！" if stop == "。" else f"{prompt[: prompt.rindex(stop)]}!",
        )
    )
