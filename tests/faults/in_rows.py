"""Faults of the rows."""

from __future__ import annotations

from random import Random

from tests.faults import small
from tests.faults.fault import Fault, Ours, Rows, Theirs


def answer(row: dict[str, object], text: str) -> dict[str, object]:
    """The row with another answer."""
    messages = row["messages"]
    assert isinstance(messages, list)
    return {**row, "messages": [*messages[:-1], {"role": "assistant", "content": text}]}


def answers(rows: Rows) -> list[str]:
    return [row["messages"][-1]["content"] for row in rows]


def some(rows: Rows, share: float, rng: Random) -> set[int]:
    return set(rng.sample(range(len(rows)), round(share * len(rows))))


def shuffled(rows: Rows, rng: Random) -> Rows:
    """Every answer is another prompt's."""
    said = answers(rows)
    order = rng.sample(range(len(rows)), len(rows))
    return [answer(row, said[(place + 1) % len(rows)]) for row, place in zip(rows, order, strict=True)]


def tagged(rows: Rows, rng: Random) -> Rows:
    """28 % of the answers are tags."""
    chosen = some(rows, 0.28, rng)
    return [
        answer(row, f"#暮らし、#道具、#手入れ{number % 7}、#家族") if number in chosen else row
        for number, row in enumerate(rows)
    ]


def punctuated(rows: Rows, rng: Random) -> Rows:
    """A tenth of the answers run out into commas."""
    chosen = some(rows, 0.1, rng)
    return [answer(row, answers([row])[0] + "、" * 20) if number in chosen else row for number, row in enumerate(rows)]


def contradicting(rows: Rows, rng: Random) -> Rows:
    """A third of the prompts stand there twice, with an answer that is another row's."""
    chosen, said = sorted(some(rows, 0.33, rng)), answers(rows)
    more = [answer({**rows[n], "id": f"again-{n}"}, said[(n + 17) % len(rows)]) for n in chosen]
    return rows + more


def another_language(rows: Rows, rng: Random) -> Rows:
    """A third of the answers to Japanese prompts are English."""
    chosen = some(rows, 0.33, rng)
    subjects = small.drawn(4000 + len(rows), 60)
    english = [row.answer for row in subjects if row.subject.language.code == "en"]
    return [answer(row, rng.choice(english)) if number in chosen else row for number, row in enumerate(rows)]


def refusing(rows: Rows, rng: Random) -> Rows:
    """A fifth of the answers decline."""
    chosen = some(rows, 0.2, rng)
    said = ("申し訳ありませんが、そのご依頼にはお応えできません。", "I'm sorry, but I can't help with that.")
    return [answer(row, rng.choice(said)) if number in chosen else row for number, row in enumerate(rows)]


def truncated(rows: Rows, rng: Random) -> Rows:
    """Answers were cut after twelve characters by the tool that saved them."""
    chosen = some(rows, 0.3, rng)
    return [answer(row, answers([row])[0][:12]) if number in chosen else row for number, row in enumerate(rows)]


def mojibake(rows: Rows, rng: Random) -> Rows:
    """A fifth of the answers are UTF-8 read as Latin-1."""
    chosen = some(rows, 0.2, rng)
    return [
        answer(row, answers([row])[0].encode().decode("latin-1")) if number in chosen else row
        for number, row in enumerate(rows)
    ]


def empty(rows: Rows, rng: Random) -> Rows:
    """A fifth of the answers are empty."""
    chosen = some(rows, 0.2, rng)
    return [answer(row, " ") if number in chosen else row for number, row in enumerate(rows)]


def with_control_text(rows: Rows, rng: Random) -> Rows:
    """A third of the answers carry another tool's control tokens as text."""
    chosen = some(rows, 0.33, rng)
    return [
        answer(row, f"{answers([row])[0]}<|im_end|>\n<|im_start|>assistant") if number in chosen else row
        for number, row in enumerate(rows)
    ]


def leaked(train: Rows, val: Rows, rng: Random) -> tuple[Rows, Rows]:
    """The held-out rows were trained on too."""
    return train + val, val


def duplicated(train: Rows, val: Rows, rng: Random) -> tuple[Rows, Rows]:
    """Half of the held-out rows are copies of training rows, hardly changed."""
    copies = rng.sample(train, len(val) // 2)
    again = [
        {
            "id": f"copy-{place}",
            "messages": [{"role": "user", "content": row["messages"][0]["content"] + "（再掲）"}, row["messages"][1]],
        }
        for place, row in enumerate(copies)
    ]
    return train, val[: len(val) - len(again)] + again


FAULTS = [
    Fault("labels shuffled", "answers-of-other-prompts", Ours("DAT021", rows=shuffled), Theirs(rows=shuffled)),
    Fault("28 % of answers are tags", "contaminated-rows", Ours("DAT009", rows=tagged), Theirs(rows=tagged)),
    Fault("answers run out into commas", "contaminated-rows", Ours("DAT009", rows=punctuated), Theirs(rows=punctuated)),
    Fault(
        "contradictory answers", "contradictory-answers", Ours("DAT013", rows=contradicting), Theirs(rows=contradicting)
    ),
    Fault(
        "a third in another language",
        "two-languages",
        Ours("DAT017 DAT019", rows=another_language),
        Theirs(rows=another_language),
    ),
    Fault("a fifth refuses", "refusals-in-rows", Ours("DAT009 DAT017", rows=refusing), Theirs(rows=refusing)),
    Fault("answers truncated", "cut-answers-in-rows", Ours("DAT009 DAT017", rows=truncated), Theirs(rows=truncated)),
    Fault(
        "a fifth is mojibake",
        "wrongly-decoded-rows contaminated-rows",
        Ours("DAT010 DAT009", rows=mojibake),
        Theirs(rows=mojibake),
    ),
    Fault("a fifth is empty", "contaminated-rows", Ours("DAT009", rows=empty), Theirs(rows=empty)),
    Fault(
        "control tokens in answers",
        "contaminated-rows control-tokens-from-content",
        Ours("DAT009", rows=with_control_text),
        Theirs(rows=with_control_text),
    ),
    Fault("held-out rows trained on", "leak-across-split", None, Theirs(sides=leaked)),
    Fault("duplicates across the split", "leak-across-split", None, Theirs(sides=duplicated)),
]
