"""Every pattern that sees a row's text takes steps in proportion to its length: one row must not cost hours.

The steps are counted (`regex_steps`), on texts made of each pattern's own characters, for sizes that double. A pattern
is found by importing the modules, so that a new one is asked as well. A search is counted from every place on.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from jobs.logic.rows import strict_json
from jobs.logic.text import markup, repetition
from jobs.logic.text.vocabulary import Vocabulary
from tests.logic.regex_attacks import Attacks
from tests.logic.regex_steps import Counter

PACKAGES = ("logic.text", "logic.form", "logic.rows", "logic.chat", "logic.parity", "logic.endpoints", "logic.synth")
MODULES = ("logic.row", "engines.rows.cuts")
ROOT = Path(inspect.getfile(markup)).parents[3]
MATCHED = {
    "repetition.RULED", "repetition.NUMBERED", "markup.PREAMBLE", "markup.SUBJECT", "markup.SPEAKER", "markup.LABEL",
    "markup.STARTS_LIKE_ONE", "refusals.JSON_OPENING", "refusals.REFUSED",
    "refusals.REFUSED_JA", "private.ISSUER", "private.NOBODYS_NUMBER", "endings.LAID_OUT",
    "layouts.NUMBERED", "layouts.SET_APART", "layouts.SNAKE", "layouts.BLOB", "layouts.PATH", "layouts.MARKED",
    "layouts.JSON_OPENING", "raw_bytes.FOREIGN", "raw_bytes.PACKINGS", "behaviour.THINK", "cuts.WITHIN_ROW",
    "cuts.BETWEEN_ROWS", "cuts.IN_STRING", "program.NEUTRAL", "program.STATEMENT", "program.FULL_STOP",
    "drafting.DECLINED", "forms.OPENING_LINE", "forms.LINE_LABEL", "comparable.QUANTITY", "endings.ADDRESS",
    "passages.SETEXT",
    "asked_code.DRESSED", "explained.DATA_LINE", "explained.CONFIG_LINE", "explained.SELECTOR", "explained.OUTPUT",
}  # fmt: skip
"""Patterns that are only asked whether the text begins with them; bound methods in `layouts.PATTERNS` are others."""
CUT = {
    "refusals.REFUSED": 300, "refusals.REFUSED_JA": 300, "endings.RESULT": 96, "layouts.DATE_BEHIND": 16,
    "program.NEUTRAL": 300, "program.STATEMENT": 300, "program.FULL_STOP": 300, "program.ODD": 300,
}  # fmt: skip
"""Patterns that never see more than so many characters, whatever the row has."""
MADE = {
    "strict_json.quoted_id": strict_json.id_pattern("id"),
    "markup._is_named": markup.name_pattern("GPT-4"),
    "repetition._runs": repetition._runs(4, 12),
}
"""Patterns that are made where they are needed, by the function."""
TEXTS_BETWEEN = {
    "mojibake.BARE_JIS": 60, "declines.NOT_IN_TEXT": 12, "program.ODD": 4,
    **{f"cues.KINDS[{kind}]": 15 for kind in ("code", "check", "given", "desk", "plain", "chant", "drawing")},
}  # fmt: skip
"""So much is counted up to the limit of 300 pairs of signs, or for so many words side by side, that not every text is
tried."""
MOST_STEPS = 4_000_000
"""On one text."""
DOUBLED = 2.3
"""Times the steps for a text twice as long; a quadratic pattern takes 4 times as many."""
FEW = 600


def modules() -> Iterator[ModuleType]:
    for name in PACKAGES:
        package = importlib.import_module(f"jobs.{name}")
        for found in pkgutil.iter_modules(package.__path__):
            yield importlib.import_module(f"{package.__name__}.{found.name}")
    yield from (importlib.import_module(f"jobs.{name}") for name in MODULES)


def held(name: str, value: object) -> Iterator[tuple[str, str, re.Pattern[Any]]]:
    """(name, `match` or `finditer`, pattern) for each pattern in a value."""
    if isinstance(value, re.Pattern):
        yield name, "match" if name.partition("[")[0] in MATCHED else "finditer", value
    elif isinstance(getattr(value, "__self__", None), re.Pattern):
        yield name, "match", value.__self__  # type: ignore[attr-defined]
    elif isinstance(value, Vocabulary):
        yield from held(name, value.pattern)
    elif isinstance(value, tuple | list):
        for number, one in enumerate(value):
            yield from held(f"{name}[{number}]", one)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from held(f"{name}[{key}]", one)


def patterns() -> dict[str, tuple[str, re.Pattern[Any]]]:
    seen: dict[tuple[Any, int, str], str] = {}
    found: dict[str, tuple[str, re.Pattern[Any]]] = {}
    for module in modules():
        here = module.__name__.rpartition(".")[2]
        for variable, value in vars(module).items():
            for name, use, pattern in held(f"{here}.{variable}", value):
                if seen.setdefault((pattern.pattern, pattern.flags, use), name) == name:
                    found[name] = use, pattern
    return found | {name: ("finditer", pattern) for name, pattern in MADE.items()}


PATTERNS = patterns()


def reach(pattern: re.Pattern[Any]) -> int:
    """How far a repeat with a limit may go: up to there its cost looks like one that grows."""
    limits = re.findall(r"\{(?:\d+,)?(\d+)\}", pattern.pattern if isinstance(pattern.pattern, str) else "")
    return max((int(limit) for limit in limits if int(limit) <= 1000), default=0) * 2


def growth(count: Callable[[str, int], int], text: Callable[[int], str], longest: int) -> float:
    """How many times as many steps the text of the last size took for each time it was longer; 0 where they are few."""
    size, last, before = 48, 0.0, ""
    while True:
        now = text(size)
        steps = count(now, MOST_STEPS)
        rate = 2 * steps * len(before) / (last * len(now)) if last else DOUBLED + 1
        if steps < FEW and last:
            return 0.0
        if rate <= DOUBLED or size > longest:
            return rate
        size, last, before = size * 2, steps, now


@pytest.fixture(autouse=True)
def _deep() -> Iterator[None]:
    """The counter goes down a level for each repetition of a group."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.parametrize("name", PATTERNS)
def test_steps_grow_as_the_text_does(name: str) -> None:
    use, pattern = PATTERNS[name]
    counter = Counter(pattern)
    count = getattr(counter, use)
    attacks = list(Attacks(counter))
    assert attacks
    if name in CUT:
        for text in attacks[:: TEXTS_BETWEEN.get(name, 1)]:
            assert count(text(CUT[name])[: CUT[name]], MOST_STEPS) <= MOST_STEPS, text(40)
        return
    longest = max(400, 4 * reach(pattern))
    for text in attacks[:: TEXTS_BETWEEN.get(name, 1)]:
        assert growth(count, text, longest) <= DOUBLED, (use, text(40))


@pytest.mark.parametrize(
    ("pattern", "use"),
    [
        (r"^\s*```", "finditer"),
        (r"\n\s*-\s", "finditer"),
        (r"[-*]\s+\S(?!.*\n\s*[-*]\s)", "match"),
        (r'"(?:[^"\\\n]|\\.)*"', "finditer"),
        (r"#+\s*(?:end)?\s*\Z", "match"),
        (r"(?<![a-z])eyJ[\w-]{8,}\.eyJ", "finditer"),
        (r"a+a+c", "match"),
    ],
)
def test_a_slow_pattern_is_told(pattern: str, use: str) -> None:
    counter = Counter(re.compile(pattern, re.MULTILINE | re.DOTALL))
    assert any(growth(getattr(counter, use), text, 100) > DOUBLED for text in Attacks(counter))


@pytest.mark.parametrize("name", sorted(MATCHED))
def test_what_is_only_matched_is_never_searched(name: str) -> None:
    variable = name.partition(".")[2]
    sources = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "jobs").rglob("*.py"))]
    uses = {use for source in sources for use in re.findall(rf"\b{variable}\.(\w+)\(", source)}
    assert uses <= {"match", "fullmatch"}


def test_no_pattern_is_made_where_it_is_not_asked() -> None:
    made = set()
    for module in modules():
        for function in (node for node in ast.walk(ast.parse(inspect.getsource(module))) if is_function(node)):
            calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and is_of_re(node.func)]
            if any(not isinstance(call.args[0], ast.Constant) for call in calls):
                made.add(f"{module.__name__.rpartition('.')[2]}.{function.name}")  # type: ignore[attr-defined]
    assert made == {
        "cues._any", "vocabulary.__init__",  # all of them are held by the module
        "strict_json.id_pattern", "markup.name_pattern", "repetition._runs",
        "cuts.__init__", "mojibake._offensive",  # one character, and two characters, of classes that ftfy gives
        "private._accounts", "private._is_random", "private._secret_words",  # a number of 34 characters; a value of 200
    }  # fmt: skip


def is_function(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef)


def is_of_re(node: ast.expr) -> bool:
    if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "re"):
        return False
    return node.attr not in ("escape", "Pattern", "Match")
