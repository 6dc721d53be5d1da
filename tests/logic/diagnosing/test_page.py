"""The page loads nothing, escapes everything, runs nothing, and says the answer first."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from jobs.logic.diagnosing.cause import Link, Place, consistent, not_checked, proven, ruled_out
from jobs.logic.diagnosing.evidence import Taken
from jobs.logic.diagnosing.page import page
from tests.logic.diagnosing.made_causes import cause, told

BAD = "<script>alert('1')</script><img src=\"https://example.org/x\" onerror=alert(1)> & more"
EVIL = told(
    cause(
        "A", Link.ROWS, proven(BAD, against=[BAD], places=[Place(BAD)]), ("B",),
        name=BAD, title=BAD, why=BAD, fix=BAD, seen_in=BAD, shows=BAD,
    ),
    cause("B", Link.ROWS, consistent(BAD, decides=[BAD])),
    cause("C", Link.ROWS, consistent(BAD, decides=[BAD]), separates=BAD),
    cause("D", Link.ROWS, ruled_out(BAD), name=BAD),
    cause("E", Link.ROWS, not_checked(BAD), name=BAD),
)  # fmt: skip
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "b", "ul", "li", "section", "span", "div",
    "table", "thead", "tbody", "tr", "th", "td", "code",
}  # fmt: skip
WITHOUT_END = {"meta"}


class Tags(HTMLParser):
    """Every tag with its attributes, and those that are open when it ends."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names, self.attributes, self.open = list[str](), set[str](), list[str]()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.open += [] if tag in WITHOUT_END else [tag]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_text_is_escaped_and_nothing_is_loaded_or_run() -> None:
    tags = Tags(page(BAD, EVIL, [Taken(BAD, "pickle", BAD)], BAD))
    assert set(tags.names) <= ALLOWED
    assert tags.attributes <= {"lang", "charset", "name", "content", "class"}
    assert not tags.open


def test_the_style_loads_nothing() -> None:
    html = page("Diagnosis", told(cause("A", Link.ROWS, proven("a"))), [], "")
    style = html.partition("<style>")[2].partition("</style>")[0]
    assert style
    assert not re.search(r"@import|url\(|https?:", html)


def test_the_answer_is_first_and_what_was_read_is_last() -> None:
    found = told(
        cause("A", Link.ROWS, proven("sign of a"), ("C",)), cause("B", Link.ROWS, ruled_out("b")),
        cause("C", Link.MERGE, consistent("c", decides=["a longer log"])), cause("N", Link.ROWS, not_checked("log")),
        cause("O", Link.MERGE, consistent("o", decides=["log"]), separates="smoke"),
    )  # fmt: skip
    html = page("Diagnosis: mine", found, [Taken("rows.jsonl", "rows", "JSON lines")], "files beyond the first 5,000")
    order = [
        '<p class="first">proven: Title of A. (A name-a)</p>', "<h2>Causes</h2>", "証明済み", "sign of a",
        'class="cause under"', "Would decide: a longer log", "Follows from A.", "To tell the open ones apart",
        "O or not: make smoke", "Ruled out", "Not checked", "What was read", "rows.jsonl",
        "Not looked at: files beyond the first 5,000",
    ]  # fmt: skip
    places = [html.find(one) for one in order]
    assert -1 not in places
    assert places == sorted(places)


def test_where_nothing_was_found_there_are_no_causes_and_no_alarm() -> None:
    html = page("Diagnosis", told(cause("B", Link.ROWS, ruled_out("b"))), [], "")
    assert (
        '<p class="first none">no cause was found among what could be checked (1 cause ruled out, 0 not checked)</p>'
        in html
    )
    assert "<h2>Causes</h2>" not in html
    assert "What was read" not in html
    assert "Not looked at" not in html
