"""Sample answers in the forms that people have, whose they are, and what they show."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobs.core.compose import compose
from jobs.engines.diagnosing import answer_files
from jobs.engines.diagnosing.answer_files import AnswerFilesSeen
from jobs.engines.diagnosing.looking import look
from jobs.logic.diagnosing.answers_seen import AnswersSeen
from jobs.logic.rows.clean import CleanOptions
from jobs.prepare import surveyor


@pytest.fixture(scope="module")
def options() -> CleanOptions:
    return surveyor(compose([]))[1]


def read(path: Path, text: str | bytes, options: CleanOptions) -> AnswerFilesSeen:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return answer_files.read(look([f"answers:{path}"]), options)


def only(found: AnswerFilesSeen) -> AnswersSeen:
    (seen,) = found.answers
    return seen


def texts(seen: AnswersSeen) -> list[str]:
    return [text for _, text in seen.examples]


@pytest.mark.parametrize("name", answer_files.ANSWER)
def test_json_lines_in_several_namings(tmp_path: Path, options: CleanOptions, name: str) -> None:
    lines = [json.dumps({"prompt": "?", name: text}, ensure_ascii=False) for text in ("One.", "", "三つ。")]
    seen = only(read(tmp_path / "said.jsonl", "\n\n".join(lines) + "\n", options))
    assert (seen.num, seen.num_empty, texts(seen)) == (3, 1, ["One.", "", "三つ。"])


FORMS = {
    "list.json": '[{"answer": "One."},\n {"answer": "Two."}]',
    "lines.json": '{"answer": "One."}\n{"answer": "Two."}',
    "marked.jsonl": b'\xef\xbb\xbf{"answer": "One."}\r\n{"answer": "Two."}\r\n',
    "broken.jsonl": '{"answer": "One."}\n{"answer": "Tw\n3\n{"answer": null}\n{"question": "?"}\n{"answer": "Two."}\n',
    "plain.txt": "One.\n\n\nTwo.\n",
    "windows.txt": "One.\r\n \t\r\nTwo.\r\n",
    "plain": "\n\nOne.\n\nTwo.",
}


@pytest.mark.parametrize("name", FORMS)
def test_two_answers_in_many_forms(tmp_path: Path, options: CleanOptions, name: str) -> None:
    assert texts(only(read(tmp_path / name, FORMS[name], options))) == ["One.", "Two."]


@pytest.mark.parametrize("text", ["a\u2028b", "a\u0085b", "a\u2029b"])
def test_what_other_programs_take_for_ends_of_lines_ends_no_answer(
    tmp_path: Path, options: CleanOptions, text: str
) -> None:
    line = json.dumps({"answer": text}, ensure_ascii=False)
    assert texts(only(read(tmp_path / "said.jsonl", f"{line}\n{line}\n", options))) == [text, text]


@pytest.mark.parametrize("first", ["[INST] Where? [/INST]", '{"place": "here",', "[1, 2"])
def test_plain_text_may_begin_as_json_does(tmp_path: Path, options: CleanOptions, first: str) -> None:
    assert texts(only(read(tmp_path / "said.txt", f"{first}\n\nTwo.\n", options))) == [first, "Two."]


UNREADABLE = {
    "empty.jsonl": (b"", "is empty"), "blank.txt": (b"\n \n\t\n", "has no answer in it"),
    "other.txt": ("\u9759か".encode("utf-16"), "is not UTF-8 (invalid start byte at byte 0)"),
    "cut.json": (b'[{"answer": "a"}, {"ans', "has no answer in it"),
    "deep.json": (b"[" * 100_000, "has no answer in it"), "unnamed.jsonl": (b'{"x": "a"}\n', "has no answer in it"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_has_no_answers_is_a_line(tmp_path: Path, options: CleanOptions, name: str) -> None:
    data, why = UNREADABLE[name]
    found = read(tmp_path / name, data, options)
    assert found.answers == ()
    assert [(one.kind, one.why) for one in found.looked.taken] == [("unreadable", why)]


def test_a_bad_file_costs_no_other(tmp_path: Path, options: CleanOptions) -> None:
    (tmp_path / "a.txt").write_text("One.")
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\xff")
    (tmp_path / "c.txt").write_text("Two.")
    found = answer_files.read(look([f"answers:{tmp_path / name}.txt" for name in "abc"]), options)
    assert [texts(seen) for seen in found.answers] == [["One."], ["Two."]]


@pytest.mark.parametrize(
    ("stem", "of"),
    [
        ("answers-F16", "f16"), ("model-bf16", "f16"), ("model-Q4_K_M", "quant"), ("said.iq3_xs", "quant"),
        ("base", "base"), ("Base-said", "base"), ("base-f16", "base"), ("database", "unknown"), ("hf", "hf"),
        ("merged_said", "hf"), ("answers", "unknown"),
    ],
)  # fmt: skip
def test_whose_answers_they_are_by_the_name_of_the_file(
    tmp_path: Path, options: CleanOptions, stem: str, of: str
) -> None:
    assert only(read(tmp_path / f"{stem}.jsonl", '{"answer": "One."}', options)).of == of


def test_answers_of_several_models_in_one_file(tmp_path: Path, options: CleanOptions) -> None:
    lines = [json.dumps({"model": model, "answer": "One."}) for model in ("base", "out-F16", "base", "out-Q8_0")]
    found = read(tmp_path / "said.jsonl", "\n".join(lines), options)
    assert [(seen.of, seen.num) for seen in found.answers] == [("base", 2), ("f16", 1), ("quant", 1)]


@pytest.mark.parametrize(
    ("ends", "num_unended"),
    [
        ([{"stopped": True}, {"stopped": False}], 1),
        ([{"finish_reason": "stop"}, {"finish_reason": "length"}], 1),
        ([{"stop_reason": "end_turn"}, {"stop_reason": "max_tokens"}], 1),
        ([{"stopped": True}, {"finish_reason": None}], None),
        ([{}, {}], None),
    ],
)
def test_whether_answers_end_is_said_only_where_each_says_it(
    tmp_path: Path, options: CleanOptions, ends: list[dict[str, object]], num_unended: int | None
) -> None:
    lines = [json.dumps({"answer": "One.", **end}) for end in ends]
    assert only(read(tmp_path / "said.jsonl", "\n".join(lines), options)).num_unended == num_unended


def test_what_answers_show(tmp_path: Path, options: CleanOptions) -> None:
    good = "A quiet evening by the sea."
    said = ["、" * 40, "#tag #tag2 #tag3", "<|im_start|>user", "", "I went home, " * 12, "<think>So", good]
    lines = [json.dumps({"answer": text, "reference": good}, ensure_ascii=False) for text in said]
    seen = only(read(tmp_path / "answers.jsonl", "\n".join(lines), options))
    counts = (
        seen.num_punctuation,
        seen.num_tags,
        seen.num_control,
        seen.num_empty,
        seen.num_loops,
        seen.num_think_leaks,
    )
    assert counts == (1, 1, 1, 1, 1, 1)
    assert seen.agreement is not None
    assert 0 < seen.agreement < 1


def test_tags_that_were_asked_for_are_no_fault(tmp_path: Path, options: CleanOptions) -> None:
    tags = json.dumps({"answer": "#sea #evening #home", "reference": "#sea #quiet #home"})
    assert only(read(tmp_path / "said.jsonl", tags, options)).num_tags == 0


def test_copies_are_counted_where_answers_of_rows_are_known(tmp_path: Path, options: CleanOptions) -> None:
    learnt = "The old bridge leads over the river to the market."
    path = tmp_path / "said.jsonl"
    text = json.dumps({"answer": learnt, "reference": "No."})
    assert only(read(path, text, options)).num_copies is None
    assert only(answer_files.read(look([f"answers:{path}"]), options, [learnt])).num_copies == 1
    assert only(answer_files.read(look([f"answers:{path}"]), options, ["Something else."])).num_copies == 0
