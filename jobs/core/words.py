"""Words of a command line, `key=value`, as a shell left them: put together again where it took them apart.

`make` gives ARGS to a shell, which cuts at blanks, takes quotes off and expands braces. Any Python 3.9, nothing
installed: the host that only starts a container reads words too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

MAPS = ("prepare.columns", "prepare.roles")
"""Values that are `{name:name,...}` with a person's own words in them."""
TEXTS = ("run.name", "run.folder", "report.title", "report.sign_with", "fetch.source.folder", "train.adapter",
         "chat.template", "prepare.split.previous", "compare.a", "compare.b", "compare.out", "compare.key",
         "compare.sheet.title", "compare.use", "diagnose.out")  # fmt: skip
"""Values that are text in which a blank may stand; the reasons in `waivers.` are too."""
PATHS = ("files", "folder", "adapter", "template", "previous", "sign_with", "cache", "a", "b", "out", "use",
         "rows", "votes", "key")  # fmt: skip
"""Last words of keys whose values are paths, or lists of them: `~` is the home folder there, as in a shell."""
SECRET_KEY = re.compile(
    r"(^|[._])(hf_?token|api_?key|secret|secret_?key|password|passwd|credentials?|(access|auth|bearer)_?token|token)$",
    re.IGNORECASE,
)
SECRET_VALUE = re.compile(
    r"\b(hf_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{16,}|rpa_[A-Za-z0-9]{16,}|gh[pousr]_[A-Za-z0-9]{16,}"
    r"|github_pat_\w{16,}|xox[abp]-[A-Za-z0-9-]{16,}|AKIA[0-9A-Z]{16})"
    r"|://[^/\s:@]+:[^/\s@]+@|-----BEGIN [A-Z ]*PRIVATE KEY"
)
PAIRS = {"[": "]", "{": "}"}
HOME = re.compile(r"(?:(?<=\A)|(?<=[\[,'\"])|(?<=[\[,] ))~(?=/|\Z)")
KEY = re.compile(r"[A-Za-z_][\w]*(\.[^=\s]*)?\Z")


def key(word: str) -> str:
    """What a word sets."""
    return word.partition("=")[0]


def is_secret(word: str) -> bool:
    """Whether a word looks like one that belongs into the environment, and on no screen."""
    return bool(SECRET_KEY.search(key(word)) or SECRET_VALUE.search(word))


def whole(words: Sequence[str]) -> list[str]:
    """The words that a person meant: cut ones joined, `{a:b,c:d}` that a shell has expanded put together, `~` read."""
    found: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        taken = _continued(word, waiting)
        found.append(" ".join([word, *waiting[:taken]]))
        del waiting[:taken]
    return [_at_home(word) for word in _maps(found)]


def _continued(word: str, following: Sequence[str]) -> int:
    """How many of the following words belong to this one's value."""
    name, equals, value = word.partition("=")
    if not equals:
        return 0
    if is_open(value):
        ends = [n for n in range(1, len(following) + 1) if not is_open(" ".join([value, *following[:n]]))]
        return ends[0] if ends else 0
    if name not in TEXTS and not name.startswith("waivers."):
        return 0
    bare = (n for n, other in enumerate(following) if "=" in other or (KEY.match(other) and "." in other))
    return next(bare, len(following))


def is_open(value: str) -> bool:
    """Whether a list or a map has begun that does not end."""
    if value[:1] not in PAIRS:
        return False
    depth, quote, before = 0, "", ""
    for sign in value:
        if quote:
            quote = "" if sign == quote and before != "\\" else quote
        elif sign in "'\"" and before in ("[", "{", ",", ":", ""):
            quote = sign
        elif sign in "[{":
            depth += 1
        elif sign in "]}":
            depth -= 1
        before = sign if sign != " " else before
    return depth > 0 or bool(quote)


def _maps(words: Sequence[str]) -> list[str]:
    """`prepare.columns=prompt:Q prepare.columns=completion:A` is what a shell makes of one word with braces."""
    found: list[str] = []
    for word in words:
        name, _, value = word.partition("=")
        if name not in MAPS or ":" not in value or value[:1] in ("{", "'", '"', ":"):
            found.append(word)
        elif found and key(found[-1]) == name and found[-1].endswith("}"):
            found[-1] = f"{found[-1][:-1]},{value}}}"
        else:
            found.append(f"{name}={{{value}}}")
    return found


def _at_home(word: str) -> str:
    name, equals, value = word.partition("=")
    if name.rpartition(".")[2] not in PATHS or "~" not in value:
        return word
    return f"{name}{equals}{HOME.sub(lambda _: str(Path.home()), value)}"


def with_words(words: Sequence[str], new: Iterable[str]) -> list[str]:
    """`words` with others set: what is said twice is said last, and a whole map replaces its parts."""
    found = list(words)
    for word in new:
        ended = [place for place, other in enumerate(found) if replaces(word, other)]
        found = [other for place, other in enumerate(found) if place not in ended]
        found.insert(ended[0] if ended else len(found), word)
    return found


def replaces(word: str, other: str) -> bool:
    """Whether nothing is left of `other` where `word` is said after it."""
    return key(other) == key(word) or key(other).startswith(f"{key(word)}.")
