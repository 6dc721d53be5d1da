"""An answer that breaks off is told from a title and from a way of writing, by how the rest of the set ends."""

from collections.abc import Sequence

import numpy as np
import pytest

from jobs.logic.form import departures, endings as ends
from jobs.logic.form.endings import (
    BRIEF,
    BRIEF_DANGLING,
    CLOSED,
    DANGLING,
    NOT_COMPARED,
    OPEN,
    SEVERAL,
    STRAY,
    WHOLE,
    Manner,
)


def forms(counts: dict[int, int], openings: Sequence[int] = ()) -> departures.Forms:
    """So many answers of each ending; prompts have nothing in common unless `openings` are given."""
    table = np.zeros(sum(counts.values()), departures.FORM)
    table["ending"] = np.repeat(list(counts), list(counts.values()))
    table["opening"] = openings or np.arange(1, len(table) + 1)
    table["closing"] = np.arange(len(table)) + 10**6
    return table


@pytest.mark.parametrize(
    ("answer", "prompt", "ending"),
    [
        ("The harbour of Oslo was built for the tea trade.", "", CLOSED),
        ("The harbour of Oslo was built for the tea tra", "", OPEN),
        ("The harbour of Oslo was built for the tea and", "", DANGLING),
        ("The harbour of Oslo was built for 12 years in 18", "", STRAY),
        ("Her total income from both of the shops is $500 + $200 = $700", "", NOT_COMPARED),
        ("In 80 days of a semester, he drives for 80*20 = 1,600 miles", "", NOT_COMPARED),
        ("The two have 9 bars. Together they are worth 8 bars * $2/bar = $16 a day", "", NOT_COMPARED),
        ("Each side of the equation is divided by 5, so that x = 12 peaches and", "", DANGLING),
        ("The harbour of Oslo has 3*4 = 12 piers that were built for the tea and the rope tra", "", OPEN),
        ("It is old. The harbour of Oslo was built for the tra", "", OPEN + SEVERAL),
        ("The harbour of Os", "", BRIEF),
        ("The harbour of", "", BRIEF_DANGLING),
        ("Oslo Harbour", "", NOT_COMPARED),
        ("The harbour of Oslo was built for the tea trade", "Of the tea trade, and more", WHOLE),
        ("The harbour of Oslo", "Oslo is old", WHOLE),
        ("The harbour of Oslo was built for the tea tra", "Of the tea trade", OPEN),
        ("石見銀山の坑道から海辺の港町まで歩く古い道と市場", "古い道と市場を歩く", WHOLE),
        ("石見銀山の坑道から海辺の港町まで歩く古い道と市", "古い道と市場を歩く", OPEN),
        ("鎌倉の歴史を歩いて学ぶ本", "", BRIEF),
        ("鎌倉の歴史を歩いて学ぶ人は", "", BRIEF_DANGLING),
        ("一覧は https://example.org/list にある。港から市場まで歩いた人の話を", "", DANGLING + SEVERAL),
        ("You will find all of it in full at https://example.org/list", "", NOT_COMPARED),
    ],
)
def test_endings(answer: str, prompt: str, ending: int) -> None:
    assert ends.endings([answer], [prompt]).tolist() == [ending]


def test_results_of_sums_are_not_cut_off_in_a_small_set() -> None:
    closed = [f"She sold {num} cups of tea. So she earned {num}*2 = {num * 2} dollars that day." for num in range(90)]
    results = [f"She sold {num} cups of tea. So she earned {num} * $2 = ${num * 2}" for num in range(5)]
    answers = [*closed, *results, "She sold 7 cups of tea. She was at the harb"]
    found = forms({CLOSED: len(answers)})
    found["ending"] = ends.endings(answers, [""] * len(answers))
    assert np.flatnonzero(ends.is_cut(found, ends.manner(found))).tolist() == [95]


@pytest.mark.parametrize(
    ("counts", "cut"),
    [
        # nearly all are closed and nothing speaks against it: what is open is cut, but for brief ones
        ({CLOSED: 60, OPEN: 1, CLOSED + SEVERAL: 140, OPEN + SEVERAL: 5, BRIEF: 1}, ["all", "all"]),
        # many are open and enough of them dangle: cut at random, brief ones as well
        (
            {CLOSED: 48, OPEN: 16, DANGLING: 4, BRIEF: 9, CLOSED + SEVERAL: 96, OPEN + SEVERAL: 21},
            ["pieces", "dangling"],
        ),
        # the ones of several sentences know it, the ones of one sentence are too few to tell
        ({CLOSED: 40, OPEN: 6, CLOSED + SEVERAL: 96, OPEN + SEVERAL: 21, DANGLING + SEVERAL: 6}, ["pieces", "pieces"]),
        # as many are open and none dangles: a way of writing
        ({CLOSED: 60, OPEN: 20, CLOSED + SEVERAL: 90, OPEN + SEVERAL: 30}, ["none", "none"]),
        ({CLOSED: 200, OPEN: 20, CLOSED + SEVERAL: 200, OPEN + SEVERAL: 20}, ["dangling", "dangling"]),
        # none dangles of those that end on numbers either, so that these are ends
        ({CLOSED: 20, CLOSED + SEVERAL: 380, STRAY + SEVERAL: 24}, ["all", "dangling"]),
        # more brief ones than a cut leaves: titles
        ({CLOSED: 60, OPEN: 20, DANGLING: 4, BRIEF: 40, CLOSED + SEVERAL: 90, DANGLING + SEVERAL: 6}, ["none", "all"]),
        ({BRIEF: 100, OPEN: 30, CLOSED + SEVERAL: 50}, ["none", "all"]),
        ({CLOSED: 5, DANGLING: 5}, ["none", "none"]),
        ({}, ["none", "none"]),
    ],
)
def test_what_counts_as_cut(counts: dict[int, int], cut: list[str]) -> None:
    assert ends.manner(forms(counts)).cut == cut


def test_what_is_whole_is_never_cut() -> None:
    kinds = (CLOSED, OPEN, DANGLING, STRAY, BRIEF, BRIEF_DANGLING, WHOLE)
    found = forms(dict.fromkeys(kinds, 1))
    dropped = {
        mode: ends.is_cut(found, Manner([mode, "none"], [0.9, 0.9], [])).tolist()  # type: ignore[list-item]
        for mode in ends.CUT_KINDS
    }
    assert dropped == {
        "none": [False] * 7,
        "dangling": [False, False, True, False, False, False, False],
        "all": [False, True, True, True, False, True, False],
        "pieces": [False, True, True, True, True, True, False],
    }


def test_answers_to_prompts_that_want_titles_are_no_pieces() -> None:
    counts = {CLOSED: 120, DANGLING: 6, OPEN: 20, BRIEF: 10}
    titles = [*range(1, 127), *[7**9] * 30]
    found = forms(counts, titles)
    manner = ends.manner(found)
    assert manner.open_tasks == [7**9]
    assert np.flatnonzero(ends.is_cut(found, manner)).tolist() == list(range(120, 126))
