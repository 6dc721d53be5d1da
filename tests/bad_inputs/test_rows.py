"""Section B of the list of bad inputs: what `prepare` answers to rows, roles and conversations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobs.checks.prepare import GATE
from tests.bad_inputs.conftest import Prepare
from tests.bad_inputs.good_rows import (
    ROWS,
    TEXT,
    answer,
    assistant,
    line,
    lines,
    prompt,
    system,
    user,
    with_answer,
    with_line,
    with_messages,
    with_prompt,
    with_row,
)  # fmt: skip

SECOND = ROWS[1]["id"]
TWO = f"(id {SECOND})"
IMAGE = {"type": "image_url", "image_url": {"url": "x"}}
CALL = {"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]}
TOOL = {"role": "tool", "content": "42"}
KEY = "sk-" + "proj-A1b2C3d4E5f6G7h8I9j0K1l2"
MAIL = "taro.yamada@yamada-kogyo.co.jp"


def raw(columns: str) -> bytes:
    """The file with a second row of these columns, written as JSON already."""
    return with_line(2, f'{{"id": "two", {columns}}}'.encode())


def said(text: str) -> str:
    return f'{{"role": "assistant", "content": "{text}"}}'


GOOD_TURNS = '"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]'

REFUSED: dict[str, tuple[bytes, list[str]]] = {
    "B34-key-twice": (raw('"messages": [], "messages": []'), ["rows.jsonl:2 (id two)", "duplicate-key", "'messages'"]),
    "B34-key-twice-in-a-turn": (
        raw('"messages": [{"role": "user", "role": "system", "content": "q"}]'), ["duplicate-key", "'role'"],
    ),
    "B35-no-messages": (with_line(2, b'{"id": "two", "note": "x"}'), ["(id two)", "column-missing", "`messages`"]),
    "B37-messages-are-text": (with_row(2, messages="hello"), [TWO, "column-type", "text", "a list"]),
    "B38-no-turns": (with_messages(2), [TWO, "empty-conversation"]),
    "B39-null": (with_answer(2, None), [TWO, "content-null", "message 2"]),
    "B40-number": (with_answer(2, 5), [TWO, "content-type", "a number", "text"]),
    "B41-image": (with_prompt(2, ["look", IMAGE]), [TWO, "content-type", "message 1"]),
    "B44-only-system": (with_messages(2, system("s")), [TWO, "no-answer", "only system"]),
    "B45-only-user": (with_messages(2, user("q")), [TWO, "no-answer", "only user"]),
    "B46-ends-with-user": (
        with_messages(2, user("q"), assistant("a"), user("q")), [TWO, "ends-without-answer"],
    ),
    "B47-two-users": (with_messages(2, user("q"), user("r"), assistant("a")), ["role-order", "message 2"]),
    "B47-two-answers": (with_messages(2, user("q"), assistant("a"), assistant("b")), ["role-order", "message 3"]),
    "B48-unknown-role": (
        with_messages(2, {"role": "usr", "content": "q"}, assistant("a")),
        [TWO, "unknown-role", "'usr'", "system, user, assistant"],
    ),
    "B48-no-role": (with_messages(2, {"content": "q"}, assistant("a")), [TWO, "role-missing", "message 1"]),
    "B50-system-in-the-middle": (
        with_messages(2, user("q"), system("s"), assistant("a")), [TWO, "role-order", "the system's"],
    ),
    "B51-tool-without-a-call": (with_messages(2, user("q"), TOOL, assistant("a")), [TWO, "tool"]),
    "B51-call": (with_messages(2, user("q"), CALL, TOOL, assistant("a")), [TWO, "tool-call"]),
    "B58-id-twice": (
        with_row(2, id=ROWS[0]["id"]), [f"rows.jsonl:2 (id {ROWS[0]['id']})", "duplicate-id", "rows.jsonl:1"],
    ),
    "B59-id-is-a-list": (with_row(2, id=["two"]), ["rows.jsonl:2", "id-type", "a list"]),
    "B60-nan": (raw(f'"score": NaN, {GOOD_TURNS}'), ["(id two)", "not-a-number", "NaN"]),
    "B60-infinity": (raw(f'"score": -Infinity, {GOOD_TURNS}'), ["(id two)", "not-a-number", "-Infinity"]),
    "B60-1e400": (raw(f'"score": 1e400, {GOOD_TURNS}'), ["(id two)", "not-a-number", "1e400"]),
    "B61-all-alike": (
        lines([{**ROWS[0], "id": f"r{number}", "source": None} for number in range(40)]), ["duplicate 39"],
    ),
    "B65-nothing-left": (
        lines([{**row, "messages": [row["messages"][0], assistant("")]} for row in ROWS]),
        ["no row is left", "empty-answer 40"],
    ),
    "B66-one-row": (lines(ROWS[:1]), ["rows"]),
}  # fmt: skip


@pytest.mark.parametrize(("data", "parts"), REFUSED.values(), ids=REFUSED)
def test_refused(prepare: Prepare, data: bytes, parts: list[str]) -> None:
    prepare({"rows.jsonl": data}).refused(*parts)


DROPPED: dict[str, tuple[bytes, str]] = {
    "B42-empty-answer": (with_answer(2, ""), "empty-answer"),
    "B42-empty-prompt": (with_prompt(2, ""), "empty-prompt"),
    "B43-white-space": (with_answer(2, " \n\t　"), "empty-answer"),
    "B43-invisible": (with_answer(2, "\u200b\ufeff"), "empty-answer"),
    "B53-end-of-turn-in-a-prompt": (with_prompt(2, "q<|im_end|>\n<|im_start|>system\nx"), "control-token"),
    "B53-end-of-turn-in-an-answer": (with_answer(2, answer(2) + "<|im_end|>"), "control-token"),
    "B54-end-of-text": (with_prompt(2, "q<|endoftext|>"), "control-token"),
    "B55-think-not-closed": (with_answer(2, "<think>" + answer(2)), "think-tag"),
    "B55-think-not-opened": (with_answer(2, "x</think>" + answer(2)), "think-tag"),
    "B55-think-in-a-prompt": (with_prompt(2, "<think>x</think>" + prompt(2)), "think-tag"),
    "B56-header-in-an-answer": (with_answer(2, "<|im_start|>assistant\n" + answer(2)), "control-token"),
    "B57-hidden-by-an-override": (with_prompt(2, prompt(2) + "<|im_\u202eend|>"), "control-token"),
    "B57-hidden-by-a-zero-width-sign": (with_answer(2, answer(2) + "<|im_\u200bend|>"), "control-token"),
    "B57-in-full-width": (with_answer(2, answer(2) + "＜｜im_end｜＞"), "control-token"),
    "B70-key": (with_prompt(2, f"{prompt(2)} {KEY}"), "secret"),
}


@pytest.mark.parametrize(("data", "reason"), DROPPED.values(), ids=DROPPED)
def test_dropped_and_counted(prepare: Prepare, data: bytes, reason: str) -> None:
    found = prepare({"rows.jsonl": data})
    found.passed(reason)
    assert found.dropped == {SECOND: reason}
    assert found.facts["dropped"] == {reason: 1}
    assert SECOND not in found.kept
    assert len(found.kept) == len(ROWS) - 1


PUT_RIGHT: dict[str, tuple[bytes, list[str], str, list[dict[str, Any]]]] = {
    "B41-parts": (
        with_prompt(2, [{"type": "text", "text": prompt(2)}, "。それと"]), [], "parts",
        [user(prompt(2) + "。それと"), assistant(answer(2))],
    ),
    "B46-trimmed": (
        with_messages(2, user(prompt(2)), assistant(answer(2)), user("ありがとう")), ["prepare.turns.last_user=trim"],
        "last-user", [user(prompt(2)), assistant(answer(2))],
    ),
    "B47-joined": (
        with_messages(2, user(prompt(2)), user("短く。"), assistant(answer(2))), ["prepare.turns.same_role=join"],
        "same-role", [user(prompt(2) + "\n\n短く。"), assistant(answer(2))],
    ),
    "B49-case-and-space": (
        with_messages(2, {"role": "User ", "content": prompt(2)}, {"role": "ASSISTANT", "content": answer(2)}), [],
        "role", [user(prompt(2)), assistant(answer(2))],
    ),
    "B55-thoughts-first": (
        with_answer(2, f"<think>\nええと。\n</think>\n\n{answer(2)}"), [], "",
        [user(prompt(2)), assistant(f"<think>\nええと。\n</think>\n\n{answer(2)}")],
    ),
    "B70-key-redacted": (
        with_prompt(2, f"{prompt(2)} {KEY}"), ["prepare.clean.secrets=redact"], "redacted", [],
    ),
    "B70-mail-redacted": (
        with_prompt(2, f"{prompt(2)} {MAIL}"), ["prepare.clean.personal=redact"], "redacted", [],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "words", "change", "messages"), PUT_RIGHT.values(), ids=PUT_RIGHT)
def test_put_right_and_counted(
    prepare: Prepare, data: bytes, words: list[str], change: str, messages: list[dict[str, Any]]
) -> None:
    found = prepare({"rows.jsonl": data}, *words)
    found.passed(change)
    if messages:
        assert found.kept[SECOND] == messages
    assert found.changed == ({SECOND: [change]} if change else {})
    assert found.dropped == {}


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        pytest.param(KEY, [], id="B70-key-dropped"),
        pytest.param(KEY, ["prepare.clean.secrets=redact"], id="B70-key-redacted"),
        pytest.param(MAIL, ["prepare.clean.personal=drop"], id="B70-mail-dropped"),
        pytest.param(MAIL, ["prepare.clean.personal=redact"], id="B70-mail-redacted"),
    ],
)
def test_b70_what_is_private_is_nowhere(prepare: Prepare, secret: str, words: list[str]) -> None:
    found = prepare({"rows.jsonl": with_prompt(2, f"{prompt(2)} {secret}")}, *words)
    found.passed()
    assert secret not in found.said
    for path in (found.run / "prepare").iterdir():
        assert secret.encode() not in path.read_bytes(), path.name


def test_b70_personal_data_is_counted_and_not_shown(prepare: Prepare) -> None:
    found = prepare({"rows.jsonl": with_prompt(2, f"{prompt(2)} {MAIL}")})
    found.passed("email 1")
    assert MAIL not in found.said
    assert MAIL in found.kept[SECOND][0]["content"]


def test_b36_unknown_columns_are_named_once(prepare: Prepare) -> None:
    found = prepare({"rows.jsonl": lines([{**row, "score": 1, "note": "x"} for row in ROWS])})
    found.passed("columns not read note, score")
    assert found.facts["ignored_columns"] == {"rows.jsonl": ["note", "score"]}


def test_b42_many_empty_answers_are_named(prepare: Prepare) -> None:
    rows = [{**row, "messages": [row["messages"][0], assistant("")]} for row in ROWS[:4]]
    prepare({"rows.jsonl": lines([*rows, *ROWS[4:]])}).passed("DAT009", "4 of 40 rows (10.0%)", "empty-answer 4")


def test_b52_a_dialogue_in_a_text(prepare: Prepare) -> None:
    text = "User: 題名は？\nAssistant: 急須の手入れ\nUser: もう一つ\nAssistant: 土鍋の話"
    found = prepare({"rows.jsonl": with_answer(2, text)})
    found.passed()
    seen = {**found.facts["seen"], **found.facts["dropped"]}
    assert seen.get("nested-dialog", 0) + seen.get("role-label", 0) == 1


IDS = {
    "B59-missing": ('"note": 1', "rows.jsonl:2"),
    "B59-null": ('"id": null', "rows.jsonl:2"),
    "B59-number": ('"id": 12', "12"),
    "B59-30-digits": ('"id": 123456789012345678901234567890', "123456789012345678901234567890"),
    "B59-exponent": ('"id": 1e30', "1e30"),
    "B59-leading-text": ('"id": " two "', "two"),
}


@pytest.mark.parametrize(("column", "identity"), IDS.values(), ids=IDS)
def test_b59_ids_are_text(prepare: Prepare, column: str, identity: str) -> None:
    messages = line(ROWS[1]["messages"]).decode()
    found = prepare({"rows.jsonl": with_line(2, f'{{{column}, "messages": {messages}}}'.encode())})
    found.passed()
    assert found.kept[identity] == ROWS[1]["messages"]


def test_b61_one_answer_to_all(prepare: Prepare) -> None:
    rows = [{**row, "messages": [row["messages"][0], assistant("庭の木に来る鳥を数えた一年の記録")]} for row in ROWS]
    prepare({"rows.jsonl": lines(rows)}).failed("DAT011", "1 different answer, the least is 2")


def test_b62_copies_are_on_one_side(prepare: Prepare) -> None:
    copies = [{**row, "id": f"{row['id']}-copy", "source": None} for row in ROWS[:10]]
    found = prepare({"train.jsonl": TEXT, "more.jsonl": lines(copies)})
    found.passed("held out and in train id 0, conversation 0, prompt 0, near 0, source 0")
    assert found.dropped == {row["id"]: "duplicate" for row in copies}


def test_b63_near_copies_are_on_one_side(prepare: Prepare) -> None:
    copies = [
        {"id": f"{row['id']}-near", "source": None, "messages": [user(prompt(number) + "。"), row["messages"][1]]}
        for number, row in enumerate(ROWS[:10], 1)
    ]
    found = prepare({"rows.jsonl": lines([*ROWS, *copies])}, "prepare.duplicates.near=keep")
    found.passed("held out and in train id 0, conversation 0, prompt 0, near 0, source 0")
    assert found.dropped == {}
    sides = [{row["id"] for row in found.lines(name)} for name in ("train.jsonl", "val.jsonl")]
    for row in ROWS[:10]:
        assert any({row["id"], f"{row['id']}-near"} <= side for side in sides)
    assert found.facts["num_near"] >= 10


def test_b64_rows_of_an_evaluation(prepare: Prepare, tmp_path: Path) -> None:
    exam = tmp_path / "exam.jsonl"
    exam.write_bytes(line({"id": "e1", "messages": [user(prompt(2)), assistant(answer(2))]}) + b"\n")
    found = prepare({"rows.jsonl": TEXT}, f"prepare.evaluation.files=['{exam}']")
    found.passed("in evaluation 1")
    assert found.dropped == {SECOND: "in-evaluation"}
    assert found.facts["dropped"] == {"in-evaluation": 1}


def test_b64_rows_of_an_evaluation_that_are_kept_are_no_good(prepare: Prepare, tmp_path: Path) -> None:
    exam = tmp_path / "exam.jsonl"
    exam.write_bytes(line({"id": "e1", "messages": [user(prompt(2)), assistant(answer(2))]}) + b"\n")
    words = [f"prepare.evaluation.files=['{exam}']", "prepare.evaluation.overlap=keep"]
    prepare({"rows.jsonl": TEXT}, *words).failed("exam.jsonl", "1 of 40")


def test_b66_few_rows(prepare: Prepare) -> None:
    prepare({"rows.jsonl": lines(ROWS[:4])}).failed("DAT004", "4 rows kept, the least is 10")


def test_b66_fewer_rows_than_advised(prepare: Prepare) -> None:
    prepare({"rows.jsonl": TEXT}).passed("DAT005", "40 rows kept, at least 50 are advised")


def test_b67_a_share_of_less_than_a_row(prepare: Prepare) -> None:
    found = prepare({"rows.jsonl": TEXT}, "prepare.split.val_fraction=0.001")
    found.passed("DAT007")
    assert len(found.lines("val.jsonl")) >= 1


def test_b68_contradictory_answers(prepare: Prepare) -> None:
    rivals = [
        {"id": f"rival{number}", "messages": [user(prompt(number)), assistant("庭の木に来る鳥を数えた一年の記録")]}
        for number in range(1, 5)
    ]
    found = prepare({"rows.jsonl": lines([*ROWS, *rivals])})
    found.passed("DAT013")
    assert found.dropped == {}
    assert found.facts["num_contradictory"] == 8


def test_b69_another_language(prepare: Prepare) -> None:
    text = "This is an answer in English, which none of the other rows of this set has, and it is not a short one."
    found = prepare({"rows.jsonl": with_answer(2, text)})
    found.passed("other-language 1")
    assert found.dropped == {SECOND: "other-language"}


def test_every_rule_named_here_is_there() -> None:
    assert {"DAT004", "DAT005", "DAT007", "DAT009", "DAT010", "DAT013"} <= {rule.code for rule in GATE.rules}
