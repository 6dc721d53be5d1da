"""Pairs of rows of which it is known, by how they were made, whether one is a near duplicate of the other.

A near duplicate is a row that teaches nothing the other does not: the same text but for slips of the pen (up to one in
60 characters), case, punctuation or spacing; particles or articles; a word in 25 for its like; two sentences that
changed places; a sentence left out or put in where there are eight or more; a note before or behind; the instruction
in other words. The question and what is answered are the same.

It is no near duplicate if another question is asked of the same passage, if the same sentences are said of another
thing, town, person and year, if the same problem is set in other numbers and has another result, if the same things
are told in other words, or if only a long instruction is shared.

Between the two lies what people would argue about, such as every tenth word changed: of that there are no pairs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from tests.spoilage.clean_rows import JOINTS, CleanRow, clean_rows
from tests.spoilage.copies import wide
from tests.spoilage.grammar import Scene, vocabulary

SENTENCE = re.compile(r"[^。！？.!?]+[。！？.!?」”]*\s*")


@dataclass(frozen=True)
class LabelledPair:
    """Two rows, and whether the second is a near duplicate of the first."""

    kind: str
    near: bool
    first: CleanRow
    second: CleanRow


@dataclass
class Found:
    """Pairs of one kind; `taken` are those that the search took for near duplicates."""

    near: bool
    total: int = 0
    taken: int = 0


def slips(every: int) -> Callable[[CleanRow, Random], CleanRow]:
    """One slip of the pen in so many characters of the prompt: two letters swapped, one left out, one twice."""

    def edit(row: CleanRow, rng: Random) -> CleanRow:
        letters = list(row.prompt)
        for place in sorted(rng.sample(range(1, len(letters) - 1), max(1, len(letters) // every)), reverse=True):
            letters[place : place + 1] = rng.choice(([], [letters[place]] * 2, [letters[place], letters[place - 1]]))
        return row.asked("".join(letters))

    return edit


def case(row: CleanRow, rng: Random) -> CleanRow:
    """Another case, or another width where there is no case."""
    change = rng.choice((str.upper, str.title, str.lower)) if row.language == "en" else wide
    return row.asked(change(row.prompt)).answered(change(row.answer))


def spacing(row: CleanRow, rng: Random) -> CleanRow:
    """Line breaks and spaces elsewhere."""
    joint = rng.choice(("\n", "\n\n", "  ", " \n"))
    return row.asked(joint.join(part.strip() for part in SENTENCE.findall(row.prompt)))


def stops(row: CleanRow, rng: Random) -> CleanRow:
    """Every full stop, or every comma, another sign or none."""
    old, new = rng.choice((("。", "．"), ("。", "！"), ("、", ""), ("、", "，")) if row.language == "ja" else
                          ((".", "!"), (".", ";"), (",", ""), (", ", " - ")))  # fmt: skip
    return row.asked(row.prompt.replace(old, new))


def particles(row: CleanRow, rng: Random) -> CleanRow:
    """A particle, an article or a small word in 80 characters is another."""
    text = row.prompt
    for _ in range(max(1, len(text) // 80)):
        old, new = rng.choice([pair for pair in vocabulary("pairs")[row.language]["particles"] if pair[0] in text])
        place = rng.choice([match.start() for match in re.finditer(re.escape(old), text)])
        text = text[:place] + new + text[place + len(old) :]
    return row.asked(text)


def words(row: CleanRow, rng: Random) -> CleanRow:
    """A word in 25 (a word is 6 characters in English, 2.5 in Japanese) for its like."""
    lists = vocabulary(row.language)["words"]
    likes = [lists[name] for name in ("adj", "adverb", "group", "tool", "place", "season", "span")]
    text = row.prompt
    present = [(word, like) for like in likes for word in like if word in text]
    every = 150 if row.language == "en" else 62
    for word, like in rng.sample(present, min(len(present), max(1, len(text) // every))):
        text = text.replace(word, rng.choice(like), 1)
    return row.asked(text)


def swapped(row: CleanRow, rng: Random) -> CleanRow:
    """Two neighbouring sentences change places."""
    parts = sentences(row)
    place = rng.randrange(1, len(parts) - 1)
    parts[place], parts[place + 1] = parts[place + 1], parts[place]
    return row.asked(rejoined(row, parts))


def shortened(row: CleanRow, rng: Random) -> CleanRow:
    """A sentence is left out, of eight or more."""
    parts = sentences(row)
    parts.pop(rng.randrange(1, len(parts)))
    return row.asked(rejoined(row, parts))


def lengthened(row: CleanRow, rng: Random) -> CleanRow:
    """A sentence is put in, to eight or more."""
    parts = sentences(row)
    more = row.scene.fill(rng.choice(vocabulary(row.language)["article"]["closers"]))
    parts.insert(rng.randrange(1, len(parts) + 1), more)
    return row.asked(rejoined(row, parts))


def noted(row: CleanRow, rng: Random) -> CleanRow:
    """A note behind."""
    return row.asked(row.prompt + rng.choice(vocabulary("pairs")[row.language]["notes"]))


def instructed(row: CleanRow, rng: Random) -> CleanRow:
    """The instruction in other words."""
    others = [text for text in vocabulary(row.language)["tasks"]["title"]["instructions"] if text not in row.prompt]
    return row.asked(f"{rng.choice(others)}\n\n{row.body}")


EDITS: dict[str, Callable[[CleanRow, Random], CleanRow]] = {
    "slips, 1 in 200": slips(200), "slips, 1 in 100": slips(100), "slips, 1 in 60": slips(60), "case": case,
    "spacing": spacing, "stops": stops, "particles": particles, "words": words, "sentences swapped": swapped,
    "sentence left out": shortened, "sentence put in": lengthened, "note": noted, "instruction": instructed,
}  # fmt: skip
"""What makes a near duplicate."""


def labelled_pairs(language: str, num: int, seed: int) -> list[LabelledPair]:
    """`num` pairs of every kind but those of `boilerplate_pairs`: rows of one set."""
    rng = Random(f"pairs {language} {seed}")
    found = []
    long = (row for row in _endless(language, "title", rng) if len(sentences(row)) >= 8)
    for name, edit in EDITS.items():
        found += [LabelledPair(name, True, row, edit(row, rng)) for row in (next(long) for _ in range(num))]
    asked = _endless(language, "question", rng)
    edits = (slips(100), noted, case, spacing)
    for row in (next(asked) for _ in range(num)):
        found.append(LabelledPair("question and answer", True, row, rng.choice(edits)(row, rng)))
    found += [_two_questions(next(long), next(long), asked) for _ in range(num)]
    found += [_other_values(next(long), rng) for _ in range(num)]
    found += [_retold(next(long), rng) for _ in range(num)]
    found += [_other_numbers(next(long), rng) for _ in range(num)]
    return found


def boilerplate_pairs(language: str, num: int, seed: int) -> list[LabelledPair]:
    """Rows with a long instruction in common and little text of their own: half of the pairs share that as well."""
    rng = Random(f"boilerplate {language} {seed}")
    rows = _endless(language, "title", rng)
    instruction = vocabulary("pairs")[language]["instruction"]
    found = []
    for place in range(2 * num):
        first, second = (row.asked(f"{instruction}\n\n{_short(row)}") for row in (next(rows), next(rows)))
        if place % 2:
            found.append(LabelledPair("boilerplate shared", False, first, second))
        else:
            found.append(LabelledPair("boilerplate, a note behind", True, first, noted(first, rng)))
    return found


def tally(pairs: Iterable[tuple[LabelledPair, str, str]], gone: Container[str]) -> dict[str, Found]:
    """By kind; a pair counts as taken for near duplicates where one of its two ids is in `gone`."""
    found: dict[str, Found] = {}
    for pair, first, second in pairs:
        kind = found.setdefault(pair.kind, Found(pair.near))
        kind.total += 1
        kind.taken += first in gone or second in gone
    return found


def scores(found: Iterable[Found]) -> tuple[float, float, float]:
    """(precision, recall, F1) over all pairs; NaN where nothing was taken."""
    kinds = list(found)
    right = sum(kind.taken for kind in kinds if kind.near)
    taken, near = sum(kind.taken for kind in kinds), sum(kind.total for kind in kinds if kind.near)
    if not right:
        return float("nan"), 0.0, 0.0
    precision, recall = right / taken, right / near
    return precision, recall, 2 * precision * recall / (precision + recall)


def sentences(row: CleanRow) -> list[str]:
    """Of the body."""
    return [part.strip() for part in SENTENCE.findall(row.body) if part.strip()]


def rejoined(row: CleanRow, parts: Sequence[str]) -> str:
    """The prompt with other sentences."""
    return row.prompt.replace(row.body, JOINTS[row.language].join(parts))


def _endless(language: str, task: str, rng: Random) -> Iterator[CleanRow]:
    while True:
        yield from clean_rows(language, task, 100, rng.getrandbits(32), 0)


def _short(row: CleanRow) -> str:
    return JOINTS[row.language].join(sentences(row)[:2])


def _two_questions(row: CleanRow, more: CleanRow, asked: Iterator[CleanRow]) -> LabelledPair:
    """Two short questions on one long passage, with answers that do not even begin alike."""
    first = next(asked)
    second = next(other for other in asked if other.answer[:8] != first.answer[:8])
    rows = [
        row.asked(f"{row.body}\n\n{more.body}\n\n{one.prompt}").answered(SENTENCE.findall(one.answer)[0].strip())
        for one in (first, second)
    ]
    return LabelledPair("two questions on one passage", False, *rows)


def _other_values(row: CleanRow, rng: Random) -> LabelledPair:
    """The same sentences of another thing, town, person and year."""
    words = vocabulary(row.language)
    texts = []
    for _ in range(2):
        domain = rng.choice(list(words["domains"]))
        texts.append(Scene(words["words"], rng.choice(words["domains"][domain]["things"]), rng))
    patterns = [*words["article"]["openers"][:3], *words["article"]["middle"][:3], *words["article"]["closers"][:2]]
    rows = [
        row.asked(JOINTS[row.language].join(map(scene.fill, patterns))).answered(scene.fill("{thing} {town} {year}"))
        for scene in texts
    ]
    return LabelledPair("other values", False, *rows)


def _retold(row: CleanRow, rng: Random) -> LabelledPair:
    """The same thing, town, person and year in other sentences."""
    other = next(iter(clean_rows(row.language, "title", 1, rng.getrandbits(32), 0)))
    text = other.body
    for name in ("thing", "town", "person", "year"):
        if name in other.scene.settled and name in row.scene.settled:
            text = text.replace(other.scene.settled[name], row.scene.settled[name])
    return LabelledPair("told in other words", False, row, other.asked(other.prompt.replace(other.body, text)))


def _other_numbers(row: CleanRow, rng: Random) -> LabelledPair:
    """The same problem in other numbers."""
    own = vocabulary("pairs")[row.language]
    text = row.scene.fill(re.sub(r"\{([nmkr])\}", r"<\1>", own["problem"]))
    rows = []
    for _ in range(2):
        n, m, k = rng.randint(3, 40), rng.randint(11, 60), rng.randint(10, 30)
        numbers = {"<n>": n, "<m>": m, "<k>": k}
        asked = re.sub(r"<[nmk]>", lambda match, numbers=numbers: str(numbers[match[0]]), text)  # type: ignore[misc]
        rows.append(row.asked(asked).answered(own["result"].format(r=n * m + k)))
    return LabelledPair("other numbers", False, *rows)
