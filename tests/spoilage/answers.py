"""Answers that are whole text and still not what was asked for: refused, copied, cut, foreign, too long, too short."""

from __future__ import annotations

from random import Random

from tests.spoilage.clean_rows import JOINTS, CleanRow, Writer, clean_rows
from tests.spoilage.grammar import Scene, vocabulary
from tests.spoilage.spoiled import Spoiled, dresses, of_answer

ENDS = '。．.！!？?」』”"）)…'


def refusal(row: CleanRow, rng: Random) -> Spoiled:
    """An assistant's refusal; one in ten in the other language, as assistants fall into English."""
    language = row.language if rng.random() < 0.9 else {"ja": "en", "en": "ja"}[row.language]
    return of_answer(row, row.scene.fill(rng.choice(dresses("refusal", language))))


def copied(row: CleanRow, rng: Random) -> Spoiled:
    """The prompt, its text, or the prompt with the answer behind it."""
    body = row.body if len(row.turns) < 4 else row.prompt
    flat = JOINTS[row.language].join(body.split("\n\n"))
    answers = [row.prompt, body, flat, f"{row.prompt}\n\n{row.answer}", f"{body}\n{row.answer}"]
    if row.task in ("title", "label") and len(body) > 100:
        answers.append(body[: len(body) // 2])
    return of_answer(row, rng.choice(answers))


def foreign(row: CleanRow, rng: Random) -> Spoiled:
    """The answer in another language, about as long as answers are."""
    name = rng.choice([*vocabulary("foreign"), "ja" if row.language == "en" else "en"])
    if name in ("ja", "en"):
        return of_answer(row, clean_rows(name, row.task, 1, rng.getrandbits(32), 0)[0].answer)
    table = vocabulary("foreign")[name]
    scene = Scene({}, rng.choice(table["things"]), rng)
    if row.task == "title":
        return of_answer(row, scene.fill(rng.choice(table["titles"])))
    sentences = rng.sample(table["sentences"], rng.randint(1, 2) if row.task == "summary" else rng.randint(2, 5))
    return of_answer(row, ("" if name == "zh" else " ").join(scene.fill(sentence) for sentence in sentences))


def wrong_length(row: CleanRow, rng: Random) -> Spoiled:
    """A title of 600 characters, an essay of three."""
    if row.task in ("question", "chat", "summary") and rng.random() < 0.5:
        return of_answer(row, row.answer[: rng.randint(1, 3)])
    least = {"title": 400, "label": 100}.get(row.task, 5 * max(len(row.answer), 500))
    writer = Writer(row.language, row.task, vocabulary(row.language), rng)
    text = ""
    while len(text) < least:
        domain = rng.choice(list(writer.words["domains"]))
        scene = Scene(writer.words["words"], rng.choice(writer.words["domains"][domain]["things"]), rng)
        text += JOINTS[row.language] * bool(text) + writer.article(scene, domain).replace("\n\n", JOINTS[row.language])
    return of_answer(row, text)


def cut_off(row: CleanRow, rng: Random) -> Spoiled:
    """Ends in the middle of a sentence, or of the JSON."""
    if row.task == "extraction":
        return of_answer(row, row.answer[: rng.randint(len(row.answer) // 3, len(row.answer) - 1)])
    places = [
        place
        for place in range(max(12, len(row.answer) // 3), len(row.answer) - 1)
        if row.answer[:place].rstrip()[-1] not in ENDS and not row.answer[place:].lstrip().startswith(tuple(ENDS))
    ]
    return of_answer(row, row.answer[: rng.choice(places)].rstrip())
