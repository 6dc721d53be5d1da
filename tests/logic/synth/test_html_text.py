import pytest

from jobs.logic.synth.html_text import blocks, encoding_of

PAGE = """<!doctype html><html><head><title>土鍋の本</title><style>p{color:red}</style>
<script>if (a < b) { document.write("<p>no</p>") }</script></head><body>
<nav><ul><li>Menu<li>Other</ul></nav>
<h2>手入れ</h2><p>土鍋は弱い火で
使います。<ruby>漢字<rt>かんじ</rt></ruby>も<b>読め</b>ます。<p>Second &amp; last<br>line<img src=x>
<table><tr><td>one</td><td>two</td></tr></table><div hidden>secret <div>inner</div> text</div>
<pre>a  b
  c</pre><footer>imprint</footer></body></html>"""


def test_what_is_read_on_a_page() -> None:
    assert [(block.text, block.is_heading) for block in blocks(PAGE)] == [
        ("土鍋の本", True),
        ("手入れ", True),
        ("土鍋は弱い火で使います。漢字も読めます。", False),
        ("Second & last\nline", False),
        ("one two", False),
        ("a  b\n  c", False),
    ]


def test_places_are_those_of_the_source() -> None:
    second = blocks(PAGE)[2]
    assert PAGE[second.start : second.end].startswith("土鍋は弱い火で\n使います。<ruby>")
    assert PAGE[second.start : second.end].endswith("ます。")


@pytest.mark.parametrize("page", ["", "<script>x", "<nav>only", "<p> \n </p>", "<!-- only -->"])
def test_a_page_without_text(page: str) -> None:
    assert blocks(page) == []


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'<meta charset="Shift_JIS">', "Shift_JIS"),
        (b'<META http-equiv=Content-Type content="text/html; charset=euc-jp">', "euc-jp"),
        (b"<p>charset=utf-16</p>", "utf-8"),
    ],
)
def test_a_page_says_its_encoding(data: bytes, expected: str) -> None:
    assert encoding_of(data) == expected
