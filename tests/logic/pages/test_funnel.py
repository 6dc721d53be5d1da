"""The funnel: groups in their order, a staircase that ends at the rows kept, columns that line up in any script."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.logic.pages.funnel import ELSE, GROUPS, fitted, groups, lines, width
from jobs.logic.rows.reasons import BAD_REASONS, DUPLICATE, NEAR_DUPLICATE

FACTS: dict[str, Any] = {
    "files": [{"label": "data/題名.jsonl", "num_rows": 60}, {"label": "more.csv", "num_rows": 40}],
    "num_read": 100,
    "dropped": {"near-duplicate": 5, "duplicate": 15, "bad-json": 10, "in-evaluation": 1, "hashtags": 19},
    "num_train": 40,
    "num_val": 10,
}


def facts(**changed: Any) -> dict[str, Any]:
    return FACTS | changed


def test_groups_keep_their_order_and_rank_their_reasons() -> None:
    found = groups({"duplicate": 2, "near-duplicate": 7, "no-answer": 1, "hashtags": 0, "never-heard-of": 3})
    assert [(group.label, group.count) for group in found] == [("not a conversation", 1), ("duplicate", 9), (ELSE, 3)]
    assert found[1].reasons == [("near-duplicate", 7), ("duplicate", 2)]


def test_no_reason_is_without_a_group() -> None:
    every = {reason for reasons in GROUPS.values() for reason in reasons}
    assert {*BAD_REASONS, DUPLICATE, NEAR_DUPLICATE} <= every


def test_the_staircase_ends_at_the_rows_kept() -> None:
    assert lines(facts(files=[]), 60, plain=True) == [
        "rows read             100   100%  ##########################",
        "- not a conversation   10  10.0%                         ###",
        "    bad-json           10  10.0%                         ---",
        "- unfit                19  19.0%                    #####",
        "    hashtags           19  19.0%                    -----",
        "- duplicate            20  20.0%               #####",
        "    duplicate          15  15.0%               ----",
        "    near-duplicate      5   5.0%               --",
        "- in evaluation         1   1.0%               #",
        "rows kept              50  50.0%  #############",
        "    train              40  40.0%  ----------",
        "    validation         10  10.0%  ---",
    ]


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 100])
@pytest.mark.parametrize("plain", [True, False])
def test_columns_line_up_and_fit(columns: int, plain: bool) -> None:
    long = [{"label": f"hf://データ/{'長い' * 40}-{i}.parquet", "num_rows": 10} for i in range(9)]
    found = lines(facts(files=long, dropped={"x" * 90: 25, "未知": 25}), columns, plain)
    assert max(map(width, found)) <= max(columns, 28)
    assert all(line.isascii() for line in found) == plain
    starts = {width(line[: line.index("%")]) for line in found}
    assert len(starts) == 1


def test_many_files_are_told_of_together() -> None:
    many = [{"label": f"part-{i}.jsonl", "num_rows": 10 + i} for i in range(9)]
    found = [line.split("  ")[2] for line in lines(facts(files=many), 80, plain=False)]
    assert found[1:8] == [*(f"part-{i}.jsonl" for i in range(8, 2, -1)), "3 more files"]


def test_bars_go_where_there_is_no_room_for_them() -> None:
    assert "#" in lines(facts(), 56, plain=True)[0]
    assert "#" not in lines(facts(), 36, plain=True)[0]


def test_a_few_rows_of_many_leave_a_mark() -> None:
    found = lines(facts(num_read=1_000_000, dropped={"no-answer": 1}, num_train=799_999, num_val=200_000), 80, False)
    lost = next(line for line in found if "no-answer" in line)
    assert " 0.0001%" in lost
    assert lost.endswith("▏")


@pytest.mark.parametrize(
    "changed",
    [
        {"num_read": 0, "dropped": {}, "num_train": 0, "num_val": 0},
        {"num_read": 1, "dropped": {}, "num_train": 1, "num_val": 0},
        {"num_read": 3, "dropped": {"bad-json": 9}, "num_train": 9, "num_val": 9},
        {"dropped": {f"reason-{i}": 0 for i in range(300)}},
    ],
)
def test_odd_counts_are_drawn_as_they_are(changed: dict[str, Any]) -> None:
    found = lines(facts(files=[], **changed), 80, plain=False)
    assert found[0].split()[2] == str(facts(**changed)["num_read"])
    assert max(map(width, found)) <= 80
    assert len(found) <= 6


def test_a_file_name_cannot_move_the_cursor() -> None:
    found = lines(facts(files=[{"label": "a\x1b[2J\nb", "num_rows": 1}, FACTS["files"][1]]), 80, plain=False)
    assert "\x1b" not in "".join(found)
    assert any("‹U+001B›[2J b" in line for line in found)


@pytest.mark.parametrize(
    ("text", "columns", "plain", "expected"),
    [
        ("題名", 6, False, "題名  "),
        ("題名題名題名", 9, False, "題名…題名"),
        ("題名題名題名", 8, False, "題…題名 "),
        ("train-00001.jsonl", 9, False, "tra…jsonl"),
        ("train-00001.jsonl", 9, True, "tr...sonl"),
        ("か\u3099", 3, False, "か\u3099 "),
        ("exact", 5, True, "exact"),
    ],
)
def test_text_takes_the_columns_it_is_given(text: str, columns: int, plain: bool, expected: str) -> None:
    assert fitted(text, columns, plain) == expected
    assert width(expected) == columns
