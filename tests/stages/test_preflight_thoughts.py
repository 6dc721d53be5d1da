"""Thoughts and marks on their way from a file through `prepare` to the tokens that are graded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from jobs import preflight, prepare
from jobs.checks.preflight import GATE
from jobs.checks.prepare import PrepareFacts
from tests.stages import prepare_run
from tests.stages.test_preflight import build, config, read
from tests.stages.test_preflight_opening import opened

THOUGHT = "これは記事の題名を問う。"


def rows(*turns: dict[str, Any], first: int = 0) -> list[dict[str, Any]]:
    """Rows like no other, each with these turns behind its question; `{}` in a text stands for the row's topic."""
    found = []
    for number, row in enumerate(prepare_run.rows()[first : first + 20]):
        said = [{key: _filled(value, number) for key, value in turn.items()} for turn in turns]
        found.append({**row, "messages": [row["messages"][0], *said]})
    return found


def _filled(value: Any, number: int) -> Any:
    return value.replace("{}", prepare_run.TOPICS[number]) if isinstance(value, str) else value


def prepared(folder: Path, found: list[dict[str, Any]]) -> tuple[PrepareFacts, list[list[dict[str, Any]]]]:
    (folder / "prepared").mkdir()
    cfg = prepare_run.config([prepare_run.written(folder / "rows.jsonl", found)])
    facts = prepare.run(cfg, {}, folder / "prepared")
    return facts, [prepare_run.entries(folder / f"prepared/{side}.jsonl") for side in ("train", "val")]


def graded(tokenizer: Path, out: Path) -> list[list[str]]:
    """For each row the graded stretches, decoded token by token from what is written."""
    known = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    found = []
    for row in read(out / "train.jsonl"):
        stretches: list[list[int]] = [[]]
        for label in row["labels"]:
            if label == -100:
                stretches += [[]] if stretches[-1] else []
            else:
                stretches[-1].append(label)
        found.append([known.decode(ids, skip_special_tokens=False) for ids in stretches if ids])
    return found


def made(cfg: preflight.PreflightConfig, inputs: Any, out: Path) -> tuple[preflight.PreflightFacts, dict[str, str]]:
    out.mkdir()
    preflight.make(cfg, inputs, out)
    return judged(cfg, inputs, out)


def judged(cfg: preflight.PreflightConfig, inputs: Any, out: Path) -> tuple[preflight.PreflightFacts, dict[str, str]]:
    facts = preflight.measure(cfg, inputs, out)
    return facts, dict(GATE.judge(facts, cfg.limits, {}).statuses)


def failing(statuses: dict[str, str]) -> list[str]:
    return [code for code, status in statuses.items() if status == "fail"]


def thinking(
    tmp_path: Path, tokenizer: Path, sides: list[list[dict[str, Any]]]
) -> tuple[preflight.PreflightFacts, dict[str, str]]:
    """The stage, in the folder `o`, under the chat that keeps thoughts."""
    return made(config(chat__thinking_block="keep"), build(tmp_path, tokenizer, *sides), tmp_path / "o")


ANSWER = {"role": "assistant", "content": "{}の話"}
THINKING = {**ANSWER, "reasoning_content": THOUGHT}
KEPT = f"<think>\n{THOUGHT}\n</think>\n\n"


def test_thoughts_from_a_field_are_graded_in_their_block(qwen3_tokenizer_folder: Path, tmp_path: Path) -> None:
    facts, sides = prepared(tmp_path, rows(THINKING))
    assert (facts.num_kept, facts.seen, facts.changed) == (20, {"thoughts": 20}, {"thoughts": 20})
    assert sides[0][0]["messages"][1] == {**sides[0][0]["messages"][1], "reasoning_content": THOUGHT}
    found, statuses = thinking(tmp_path, qwen3_tokenizer_folder, sides)
    assert failing(statuses) == []
    assert found.brought.model_dump() == {"num_rows": 20, "thoughts": 20, "kept": 20, "earlier": 0, "unlearnt": 0}
    assert statuses["TOK034"] == "pass"
    answers = [row["messages"][1]["content"] for row in sides[0]]
    assert graded(qwen3_tokenizer_folder, tmp_path / "o") == [[f"{KEPT}{answer}<|im_end|>"] for answer in answers]


def test_the_prompt_that_opens_the_block_has_its_part_of_it(qwen3_tokenizer_folder: Path, tmp_path: Path) -> None:
    sides = prepared(tmp_path, rows(THINKING))[1]
    inputs = build(tmp_path, opened(qwen3_tokenizer_folder, tmp_path / "opened"), *sides)
    cfg, out = config(chat__thinking_block="keep"), tmp_path / "o"
    assert failing(made(cfg, inputs, out)[1]) == []
    answers = [row["messages"][1]["content"] for row in sides[0]]
    wanted = [[f"{KEPT.removeprefix('<think>' + chr(10))}{answer}<|im_end|>"] for answer in answers]
    assert graded(qwen3_tokenizer_folder, out) == wanted


def test_another_chat_teaches_nothing_of_them_and_says_so(qwen3_tokenizer_folder: Path, tmp_path: Path) -> None:
    sides = prepared(tmp_path, rows(THINKING))[1]
    inputs, cfg, out = build(tmp_path, qwen3_tokenizer_folder, *sides), config(), tmp_path / "o"
    found, statuses = made(cfg, inputs, out)
    assert failing(statuses) == []
    assert (found.brought.thoughts, found.brought.kept, statuses["TOK032"]) == (20, 0, "warn")
    answers = [row["messages"][1]["content"] for row in sides[0]]
    assert graded(qwen3_tokenizer_folder, out) == [[f"<think>\n\n</think>\n\n{answer}<|im_end|>"] for answer in answers]


@pytest.mark.parametrize(("with_thoughts", "without", "codes"), [(0, 20, ["TOK033"]), (20, 20, [])])
def test_rows_without_thoughts(
    qwen3_tokenizer_folder: Path, tmp_path: Path, with_thoughts: int, without: int, codes: list[str]
) -> None:
    sides = prepared(tmp_path, rows(THINKING)[:with_thoughts] + rows(ANSWER, first=20)[:without])[1]
    found, statuses = thinking(tmp_path, qwen3_tokenizer_folder, sides)
    assert failing(statuses) == codes
    assert (found.brought.num_rows, found.brought.kept) == (with_thoughts + without, with_thoughts)
    assert statuses["TOK034"] == ("pass" if codes else "warn")


def test_thoughts_of_earlier_answers_go_as_in_the_template(qwen3_tokenizer_folder: Path, tmp_path: Path) -> None:
    again = {"role": "user", "content": "{}の別の題名は？"}
    sides = prepared(tmp_path, rows(THINKING, again, {**THINKING, "content": "{}の新しい話"}))[1]
    found, statuses = thinking(tmp_path, qwen3_tokenizer_folder, sides)
    assert failing(statuses) == []
    assert (found.brought.kept, found.brought.earlier) == (20, 20)
    answers = [row["messages"][3]["content"] for row in sides[0]]
    assert graded(qwen3_tokenizer_folder, tmp_path / "o") == [[f"{KEPT}{answer}<|im_end|>"] for answer in answers]


DRAFT = [{**ANSWER, "content": "{}の下書き"}, {"role": "user", "content": "もう一度。"}]
PLAIN = "conf/chat/templates/plain.jinja"


def test_a_marked_answer_is_read_and_never_graded(qwen3_tokenizer_folder: Path, tmp_path: Path) -> None:
    marked = rows({**DRAFT[0], "train": False}, DRAFT[1], ANSWER)[:10]
    masked = [{**row, "loss_mask": [0, 0, 0, 1]} for row in rows(*DRAFT, ANSWER)[10:]]
    facts, sides = prepared(tmp_path, marked + masked)
    assert (facts.seen, facts.ignored_columns) == ({"turn-not-to-learn": 20}, {})
    inputs = build(tmp_path, qwen3_tokenizer_folder, *sides)
    cfg, out = config(chat__thinking_block="none", chat__graded_turns="all", chat__template=PLAIN), tmp_path / "o"
    found, statuses = made(cfg, inputs, out)
    assert failing(statuses) == []
    assert found.brought.unlearnt == 20
    answers = [row["messages"][3]["content"] for row in sides[0]]
    assert graded(qwen3_tokenizer_folder, out) == [[f"{answer}<|im_end|>"] for answer in answers]
    assert found.update is not None
    weighed = found.update.model_copy(update={"prompt_loss_weight": 0.1})  # it would learn what is marked
    statuses = dict(GATE.judge(found.model_copy(update={"update": weighed}), cfg.limits, {}).statuses)
    assert failing(statuses) == ["TOK035"]


def test_a_mask_that_was_taken_out_is_noticed(qwen3_tokenizer_folder: Path, tmp_path: Path) -> None:
    """The rows are graded as without the mark; the gate holds them against what `prepare` wrote."""
    sides = prepared(tmp_path, rows({**DRAFT[0], "train": False}, DRAFT[1], ANSWER))[1]
    cfg = config(chat__thinking_block="none", chat__graded_turns="all", chat__template=PLAIN)
    (tmp_path / "bare").mkdir()
    bare = [[{**row, "messages": [_unmarked(turn) for turn in row["messages"]]} for row in side] for side in sides]
    inputs = [
        build(folder, qwen3_tokenizer_folder, *some) for folder, some in ((tmp_path, sides), (tmp_path / "bare", bare))
    ]
    out = tmp_path / "o"
    out.mkdir()
    preflight.make(cfg, inputs[1], out)
    texts = [[f"{row['messages'][place]['content']}<|im_end|>" for place in (1, 3)] for row in sides[0]]
    assert graded(qwen3_tokenizer_folder, out) == texts
    found, statuses = judged(cfg, inputs[0], out)
    assert statuses["TOK005"] == "fail"
    assert found.offences.graded_elsewhere.num == 20


def _unmarked(turn: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in turn.items() if key != "weight"}


def test_rows_that_are_not_to_be_learnt_are_counted_by_name(tmp_path: Path) -> None:
    given = rows(ANSWER) + [{**row, "train": False} for row in rows(ANSWER, first=20)]
    facts = prepared(tmp_path, given)[0]
    assert (facts.num_read, facts.num_kept, facts.dropped, facts.num_bad) == (40, 20, {"not-to-learn": 20}, 0)
