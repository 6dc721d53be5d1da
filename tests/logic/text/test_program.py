"""Code is told by the form of its lines."""

import pytest

from jobs.logic.text.program import lines_of, without_strings


@pytest.mark.parametrize(
    ("text", "code", "other"),
    [
        ("x = 1", 1, 0),
        ("def add(a, b):\n    return a + b", 2, 0),
        ("SELECT name FROM users", 1, 0),
        ("ls -la", 1, 0),
        ("#nav a {\n  color: red;\n}", 3, 0),
        ("<p>Rain</p>", 1, 0),
        (r"^\d{3}-\d{4}$", 1, 0),
        (r"x = \frac{1}{2}", 1, 0),
        ("The net was dry.", 0, 1),
        ("網は乾いた。", 0, 1),
        ("# a comment", 0, 0),
        ("- one\n- two", 0, 0),
        ("Use it so:\n\nprint(1)", 1, 1),
        ("", 0, 0),
    ],
)
def test_lines(text: str, code: int, other: int) -> None:
    assert lines_of(text) == (code, other)


@pytest.mark.parametrize(
    ("code", "bare"), [('f("(a")', 'f("")'), ("f('x', \"y\")", 'f("", "")'), ('f("open', 'f("open'), ("a / b", "a / b")]
)
def test_strings_are_taken_out(code: str, bare: str) -> None:
    assert without_strings(code) == bare
