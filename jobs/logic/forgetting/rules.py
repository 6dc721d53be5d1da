"""The rules that an answer is checked by: each is given a plain answer and what the item says, and says right or wrong.

Generous about form that nobody asked for (width, markup, a frame such as "The answer is ..."), strict about the rest.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from jobs.logic.forgetting import declining
from jobs.logic.forgetting.numerals import first_sentence, has_own_number, hedged, in_words, numbers
from jobs.logic.forgetting.plain import (
    BULLET,
    COLON_FRAME,
    EDGES,
    affirmed,
    announced,
    announces,
    bare,
    claimed,
    items,
    lines,
    plain,
    spelled_out,
    unframed,
)

SCRIPTS = {
    "hiragana": re.compile(r"[ぁ-ゖー]+"),
    "katakana": re.compile(r"[ァ-ヺー]+"),
    "japanese": re.compile(r"[ぁ-ゖァ-ヺー一-鿿々〆ヶ0-9]+"),
    "english": re.compile(r"[A-Za-z0-9]+"),
    "upper": re.compile(r"[A-Z0-9]+"),
    "lower": re.compile(r"[a-z0-9]+"),
    "digits": re.compile(r"[0-9]+"),
}
OPENING = re.compile(r"\W{0,3}\d[\d.,]*(?!\s*[-+*/x×÷=^]|\d)")
"""A number that no sum begins with."""
SENTENCE_END = re.compile(r"(?<![.!?])[.!?]++(?=\s|$|[\"'])|(?<![。!?])[。!?]++(?![」』]と)")
CELLS_END = re.compile(r"^\||\|$")
ZEROS = re.compile(r"(?<![\d.])(\d+\.\d*[1-9])0+(?!\d)")
CURRENCY = re.compile(r"[$€¥円]")
ABBREVIATED = re.compile(r"\b(?:mr|mrs|ms|dr|st|e\.g|i\.e|etc|vs)\.", re.IGNORECASE)


def exact(text: str, said: Mapping[str, Any]) -> bool:
    """The answer is one of `is`, whatever polite frame is around it; with `case`, letter by letter. A sign that parts
    its elements does not end it."""
    if said.get("case") and not any(wanted in plain(text) for wanted in said["is"]):
        return False
    end = plain(text).rstrip(" \n.。\"'」")[-1:]
    if end in tuple(",;/、") and any(end in plain(wanted) for wanted in said["is"]):
        return False
    return bool(unframed(text) & {bare(plain(wanted)) for wanted in said["is"]})


def number(text: str, said: Mapping[str, Any]) -> bool:
    """The answer comes to the number `is`: it opens the answer, or is the last, or the only one that the prompt
    (`given`) has not, with its reasons or without them; `42 or 43` comes to nothing."""
    if hedged(text):
        return False
    return any(_comes_to(one, said) for one in (plain(text), claimed(text), first_sentence(text)))


def _comes_to(text: str, said: Mapping[str, Any]) -> bool:
    wanted, found = Decimal(str(said["is"])), numbers(text)
    opens = OPENING.match(text)
    given = {Decimal(str(one)) for one in said.get("given", ())}
    if found and given.issuperset(found):  # `7 plus 5 equals twelve`
        found = in_words(text.casefold()) or found
    new = set(found) - given
    return bool(found) and (found[-1] == wanted or (opens is not None and found[0] == wanted) or new == {wanted})


def contains(text: str, said: Mapping[str, Any]) -> bool:
    """All of `all`, one of `any`, and none of `none` but in a reason, as whole words where they are ASCII; at most
    `most` letters. What is denied (`not copper`) is not said."""
    found, affirms, claims = (one.casefold() for one in (plain(text), affirmed(text), affirmed(claimed(text))))
    return (
        bool(found)
        and all(stands_in(affirms, one) for one in said.get("all", ()))
        and (not said.get("any") or any(stands_in(affirms, one) for one in said["any"]))
        and not any(stands_in(claims, one) for one in said.get("none", ()))
        and len(found) <= said.get("most", len(found))
    )


def times(text: str, said: Mapping[str, Any]) -> bool:
    """`text` stands in it exactly `count` times."""
    found: bool = len(re.findall(_pattern(said["text"]), plain(text).casefold())) == said["count"]
    return found


def choice(text: str, said: Mapping[str, Any]) -> bool:
    """Of the options `of`, the answer takes `is`: it opens with it, or with it behind a frame and names no other, or
    names it and no other."""
    wanted, whole = bare(said["is"]), bare(ZEROS.sub(r"\1", affirmed(text)))
    opens = re.compile(rf"{re.escape(wanted)}(?![a-z0-9])")
    if opens.match(whole) or any(opens.match(one) and _named(one, said) == [wanted] for one in unframed(text)):
        return True
    return _named(whole, said) == [wanted]


def _named(text: str, said: Mapping[str, Any]) -> list[str]:
    """The options that stand in a text."""
    return [bare(option) for option in said["of"] if stands_in(text, option)]


def ordered(text: str, said: Mapping[str, Any]) -> bool:
    """A list of exactly the elements `is`, in that order; in any with `any_order`."""
    found, wanted = items(text), [bare(plain(one)) for one in said["is"]]
    return sorted(found) == sorted(wanted) if said.get("any_order") else found == wanted


def num_lines(text: str, said: Mapping[str, Any]) -> bool:
    """`count` lines, without one that announces them; each begins with `begin`, is numbered, is of `each` (a pattern),
    or differs from the others, where that is said."""
    found = lines(text)
    bodies = [bare(BULLET.sub("", line, count=1)) for line in found]
    return (
        len(found) == said["count"]
        and all(line.startswith(said.get("begin", "")) for line in found)
        and (not said.get("numbered") or all(re.match(rf"\(?{n}[.):、 ]", line) for n, line in enumerate(found, 1)))
        and all(re.fullmatch(said.get("each", ".*"), body) for body in bodies)
        and (not said.get("different") or len(set(bodies)) == len(bodies))
        and all(bodies)
    )


def as_json(text: str, said: Mapping[str, Any]) -> bool:
    """JSON and nothing beside it: an object with exactly `keys` and the values in `values`, or the list `list`."""
    value = _parsed(text)
    if "list" in said:
        return isinstance(value, list) and [_value(one) for one in value] == [_value(one) for one in said["list"]]
    if not isinstance(value, dict) or set(value) != set(said["keys"]):
        return False
    return all(_value(value[key]) == _value(wanted) for key, wanted in said.get("values", {}).items())


def length(text: str, said: Mapping[str, Any]) -> bool:
    """From `least` to `most` of `unit`: words, characters (without blanks and marks at the ends) or sentences."""
    found = plain(text)
    if said["unit"] == "words":
        many = len(re.findall(r"[\w'’-]*\w[\w'’-]*", found))
    elif said["unit"] == "characters":
        many = len(re.sub(r"\s", "", found.strip(EDGES)))
    else:
        numbered = "\n".join(BULLET.sub("", line, count=1) for line in found.split("\n"))
        parts = SENTENCE_END.split(ABBREVIATED.sub("", numbered))
        many = sum(bool(part.strip(EDGES)) for part in parts)
    return bool(found) and said.get("least", 1) <= many <= said.get("most", many)


def script(text: str, said: Mapping[str, Any]) -> bool:
    """Letters of `only` and no others, marks aside."""
    kept = "".join(sign for sign in plain(text) if unicodedata.category(sign)[0] in "LN" or sign == "ー")
    return SCRIPTS[said["only"]].fullmatch(kept) is not None


def starts(text: str, said: Mapping[str, Any]) -> bool:
    """It begins with `with`."""
    wanted = plain(said["with"]).casefold()
    return any(one.lstrip(EDGES).casefold().startswith(wanted) for one in (plain(text), announced(text)))


def ends(text: str, said: Mapping[str, Any]) -> bool:
    """It ends with `with`, as a whole word where that is ASCII, whatever marks come after."""
    found = plain(text).rstrip(EDGES).casefold()
    return re.search(_pattern(said["with"].rstrip(EDGES)) + r"\Z", found) is not None


def without(text: str, said: Mapping[str, Any]) -> bool:
    """It says something, and has none of the signs in `signs`."""
    found = plain(text).casefold()
    return bool(found) and not any(sign.casefold() in found for sign in said["signs"])


def declines(text: str, said: Mapping[str, Any]) -> bool:
    """It says that it does not know, cannot or will not, and none of `none`, spelled out neither; with `no_number` no
    number of its own."""
    found = plain(text)
    made_up = bool(said.get("no_number")) and has_own_number(found)
    spelled = f"{found}\n{spelled_out(found)}".casefold()
    return declining.says_no(found) and not made_up and not any(stands_in(spelled, one) for one in said.get("none", ()))


def table(text: str, said: Mapping[str, Any]) -> bool:
    """A Markdown table of exactly `rows`, the first of them its head, and nothing beside it; cells may be padded,
    aligned, and have a currency."""
    found = [CELLS_END.sub("", line.strip()).split("|") for line in lines(text, ruled=True)]
    if len(found) < 2 or not all(re.fullmatch(r"\s*:?-+:?\s*", cell) for cell in found[1]):
        return False
    cells = [[bare(CURRENCY.sub("", cell)) for cell in row] for row in (found[0], *found[2:])]
    return cells == [[bare(plain(one)) for one in row] for row in said["rows"]] and len(found[1]) == len(found[0])


RULES: dict[str, Callable[[str, Mapping[str, Any]], bool]] = {
    "exact": exact, "number": number, "contains": contains, "times": times, "choice": choice, "list": ordered,
    "lines": num_lines, "json": as_json, "length": length, "script": script, "starts": starts, "ends": ends,
    "without": without, "declines": declines, "table": table,
}  # fmt: skip


def is_right(text: str, checks: Sequence[Mapping[str, Any]]) -> bool:
    """Whether an answer keeps every check of its item."""
    return all(RULES[check["rule"]](text, check) for check in checks)


def stands_in(text: str, wanted: str) -> bool:
    """Whether `text`, in small letters, has `wanted`: as whole words and whole numbers where it is ASCII; a number also
    in words, where the text has none in digits."""
    if re.search(_pattern(wanted), text) is not None:
        return True
    return wanted.isdigit() and len(wanted) > 1 and Decimal(wanted) in numbers(text)


def _pattern(wanted: str) -> str:
    folded = unicodedata.normalize("NFKC", wanted).casefold()
    letters = "0-9" if folded.isdigit() else "a-z0-9"  # `200g` has the number 200, and `2003` has not
    before = rf"(?<![{letters}])(?<!\d[.,])" if re.match(r"[a-z0-9]", folded) else ""
    after = rf"(?![{letters}])(?![.,]\d)" if re.search(r"[a-z0-9]\Z", folded) else ""
    return f"{before}{re.escape(folded)}{after}"


def _parsed(text: str) -> Any:
    """What JSON there is, alone or behind a line that announces it; None where there is none, or more beside it."""
    found = plain(text)
    match = re.search(r"[\[{]", found)
    if match is None:
        return None
    before = found[: match.start()].strip()
    last = before.splitlines()[-1].strip() if before else ""
    if before and not (COLON_FRAME.fullmatch(f"{last} ") or announces(last)):
        return None
    try:
        return json.loads(found[match.start() :])
    except ValueError:
        return None


def _value(value: Any) -> Any:
    """Values that are equal where nobody asked for a type: 3, 3.0 and "3"; but 1 is not true."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value), type(value)
    if isinstance(value, list):
        return [_value(one) for one in value]
    text = bare(plain(str(value)))
    try:
        return Decimal(text)
    except ArithmeticError:
        return text
