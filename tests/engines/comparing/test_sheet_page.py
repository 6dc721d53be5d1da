"""The sheet as a file, and in a browser where there is one: voted by keyboard, closed in the middle, saved, read."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from pathlib import Path

import pytest

from jobs.engines.comparing import sheet_page
from jobs.logic.comparing import votes as voted
from jobs.logic.comparing.sheet import Sheet, drawn, read_key
from jobs.logic.judging.pairs import Pair
from jobs.logic.row import Message
from tests.engines.comparing import browser

HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    "{{ 7 }} {% raw %}",
    "𠮷野家 👩\u200d👩\u200d👧 ﷽",
    "a\u2028b\x00c",
    "\ud83d",
]


def sheet(number: int = 20, language: str = "en") -> Sheet:
    first = [HOSTILE[n % len(HOSTILE)] + f" {n}" for n in range(number)]
    found = [
        Pair(
            f"r{n}",
            None,
            (Message("system", "簡潔に"), Message("user", f"問い {n}")),
            first[n],
            "def f():\n\treturn 1\n" * (1 + n % 9),
        )
        for n in range(number)
    ]
    return drawn(found, "seed", "<b>Which & why?</b>", language, ("meteor Q4_K_M", "comet"), number)


def test_the_policy_lets_the_page_s_own_script_and_style_run_and_nothing_else() -> None:
    html = sheet_page.html(sheet())
    policy = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', html)
    assert len(policy) == 1
    assert policy[0].startswith("default-src 'none'; ")
    assert "unsafe" not in policy[0]
    for element in ("script", "style"):
        (inside,) = re.findall(rf"<{element}>(.*?)</{element}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy[0]
    assert not re.search(
        r"(?:src|href|action)=|url\(|https?:|@import", re.sub(r'<script type="application/json".*?</script>', "", html)
    )


def test_the_files_are_the_page_without_names_and_its_key(tmp_path: Path) -> None:
    made = sheet()
    sheet_page.write(made, tmp_path)
    html = (tmp_path / sheet_page.SHEET).read_bytes().decode()
    assert read_key((tmp_path / sheet_page.KEY).read_bytes()) == made.key
    assert hashlib.sha256((tmp_path / sheet_page.KEY).read_bytes()).hexdigest() in html
    assert "&lt;b&gt;Which &amp; why?" in html
    for name in ("meteor", "comet", "Q4_K_M", "r0"):
        assert name.lower() not in html.lower()
    assert html.count("<script") == 2


def test_thousands_of_pairs_are_one_file(tmp_path: Path) -> None:
    made = sheet(5000)
    sheet_page.write(made, tmp_path)
    assert len(made.key.pairs) == 5000
    assert (tmp_path / sheet_page.SHEET).stat().st_size < 5_000_000


STORED_SECONDS = 6.0
"""Chromium writes what a page stores every five seconds; told to close at once it may not write the rest."""


@pytest.mark.skipif(browser.PROGRAM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize(("language", "width", "height"), [("en", 1280, 800), ("ja", 390, 844)])
def test_twenty_pairs_are_voted_by_keyboard_and_the_page_goes_on_where_it_was_closed(
    tmp_path: Path, language: str, width: int, height: int
) -> None:
    made = sheet(20, language)
    sheet_page.write(made, tmp_path)
    url, profile, saved = (tmp_path / sheet_page.SHEET).as_uri(), tmp_path / "profile", tmp_path / "saved"
    wanted = [voted_for for voted_for in ("left", "right", "both_good", "both_bad") for _ in range(5)]
    keys = {"left": "1", "right": "2", "both_good": "3", "both_bad": "4"}
    with browser.opened(profile, saved) as page:
        page.go(url, width, height)
        assert page.value("document.querySelectorAll('#pair img').length") == 0
        for choice in [*wanted[:9], "left"]:
            page.press(keys[choice])
        page.press("u")
        page.press("c")
        page.call("Input.insertText", text="12 よい")
        assert page.value("numVotes()") == 9
        assert page.value("document.documentElement.scrollWidth <= innerWidth")
        assert page.complaints == []
        time.sleep(STORED_SECONDS)
    with browser.opened(profile, saved) as page:
        page.go(url, width, height)
        assert (page.value("numVotes()"), page.value("state.place")) == (9, 9)
        assert page.value("document.getElementById('comment').value") == "12 よい"
        for choice in wanted[9:]:
            page.press(keys[choice])
        assert page.value("document.getElementById('done').hidden") is False
        page.value("document.getElementById('save').click()")
        until = time.monotonic() + browser.WAIT_SECONDS
        while not list(saved.glob("*.json")):
            assert time.monotonic() < until
            page.value("1")
        assert page.complaints == []
    votes = voted.read(next(saved.glob("*.json")).read_bytes())
    voted.require_of(votes, made.key, made.key.as_bytes(), partly=False)
    assert list(votes.choices) == wanted
    assert votes.comments[9] == "12 よい"
