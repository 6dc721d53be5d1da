"""Whether a text is written in a language for machines, by its form: statements, brackets, tags, commands.

No language is named: a line counts as code if it has a form that sentences do not have. Comments, headings and bullets
tell nothing, since documents have them too.
"""

from __future__ import annotations

import re
from typing import NamedTuple

LONGEST_LINE = 300
"""Characters of a line that are looked at."""
MOST_LINES = 400
"""Lines that are looked at."""

NEUTRAL = re.compile(r"(?:#|//|/\*|\*|--|%|;|>|[-+=_~]{3})|[)\]}>,;]*\Z|\|.*\|\Z|[-+*・] |\d+[.)] ")
"""A comment, a heading, a bullet, a bracket alone, a row of a table."""
_NAME = r"[\w$@.:\[\]'\"*&-]{1,80}"
_BLOCK = (
    r"(?:if|elif|else|elsif|for|while|switch|foreach|until|unless|case|def|class|try|except|finally|with|match|function"
    r"|func|fn|fun|sub|proc|async|await|lambda|do|begin|then|catch|loop|unless|when)"
)
_DECLARES = (
    r"(?:public|private|protected|internal|static|final|const|let|var|val|mut|int|float|double|char|bool|boolean"
    r"|string|void"
    r"|long|short|unsigned|struct|enum|interface|impl|trait|typedef|namespace|module|package|import|export|from|require"
    r"|require_relative|include|using|use|extern|return|yield|throw|raise|echo|print|puts|printf|local|global|declare)"
)
_SQL = (
    r"(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE|ALTER TABLE|DROP|TRUNCATE|WHERE|FROM|(?:INNER |LEFT |RIGHT "
    r"|FULL |CROSS |OUTER )*JOIN"
    r"|GROUP BY|ORDER BY|HAVING|LIMIT|OFFSET|VALUES|SET|UNION|GRANT|REVOKE|BEGIN|COMMIT|DECLARE|EXEC|END|AND|ON|WITH"
    r"|CASE|WHEN|RETURNING)"
)
_SHELL = (
    r"(?:\$|sudo|cd|ls|git|npm|npx|yarn|pnpm|pip3?|conda|docker|kubectl|helm|grep|find|curl|wget|chmod|chown|mkdir|rm"
    r"|cp|mv|apt(?:-get)?"
    r"|brew|tar|cat|sed|awk|ssh|scp|rsync|systemctl|service|make|cargo|python3?|node|composer|php|artisan|rails"
    r"|bundle|gem|psql|mysql|export|source)"
)
STATEMENT = re.compile(
    r"[^\n]*[;{}]\s*(?:(?://|/\*|#|--|<!--)[^\n]*)?\Z"  # ends as a statement or a block does
    rf"|{_NAME}(?:\s{{1,4}}{_NAME}){{0,2}}\s{{0,20}}(?:[-+*/%|&^.?<>:]{{0,2}}=(?!=)|:=|<-)\s{{0,4}}\S"  # is assigned to
    rf"|(?:{_BLOCK}\b[^\n]*(?::|\{{|\bdo|\bthen|\)|=|\|)|(?:else|try|finally|begin|do|then|loop|end|esac|fi|done|pass"
    rf"|break|continue|return)[;,)]{{0,2}}"
    r"|end\b[^\w\s]?[^\n]{0,12})\Z"
    rf"|{_DECLARES}\b(?:[^\n]*[;(){{}}=<>\"'\[\]*]|(?: [\w.*/:@+%<>-]+){{1,6}}\Z)"
    rf"|{_SQL}\b(?: [^.!?\n]*)?[;,(]?\Z"
    rf"|{_SHELL} [^\n]*(?:[-/|=.$~*]|\w+\Z)"
    r"|[\w$@.:>\[\]'\"!?~-]{1,80}\([^\n]*\)?[;,{})\s\]]*\Z"  # is a call
    r"|<[/!?]?[A-Za-z][^\n]*>?\Z|[^\n]*(?:</[\w:.-]+>|/>|\?>|-->)\Z"  # a tag
    r"|#\s?(?:include|define|ifn?def|if|else|endif|pragma|undef)\b"
    r"|[.#*@&:]?[\w.#:*>~\[\]=\"'()@ ,-]{1,120}\{"  # a rule of a style sheet
    r"|@[\w.]+(?:\([^\n]*\))?\Z|:[\w-]+ |[\"'][\w-]+[\"']\s?(?::|=>)"  # a decorator, a key
    r"|\\(?:begin|end|documentclass|usepackage|section|item|frac|sum|int|left|right|text|math\w*|\[|\(|\])",
    re.ASCII,
)
"""For the beginning of a line."""
ODD = re.compile(
    r"=>|\s-->\s|\bdo \||===|!==|[^\s=]==[^\s=]|&&|\|\||\+\+|::\w|[-+*]=|<\?|\?>|->\w|\w->|#\{|\$\{|\$\w|\{\{|\{%"
    r"|\\[dwsbDWSB]\b|\\[dwsbDWSB][+*{\])]"
    r"|\[\^?[a-zA-Z0-9]-[a-zA-Z0-9]|\(\?[:=!<P]|\][+*{?]|\.\*|\w\(\)|\\[a-zA-Z]{2,20}[{\[_^]"
    r"|\$[^$\n]{1,80}[\\^_{][^$\n]{0,80}\$"
    r"|[\w\])][.]\w+\([^()\n]*\)|</\w|\w/>|\w=[\"']",
    re.ASCII,
)
"""What sentences do not have, anywhere in a line."""
FULL_STOP = re.compile(r"[^\W_][^\n]*(?:[a-z]{2}[.!?]|[。！？])[)\"'”」]?\Z")
"""A sentence that begins with a letter and ends with a full stop."""
TAG = re.compile(r"<[^<>\n]*>")
LONGEST_TOLD = 40
"""Characters that a line may tell beside its tags: a longer one is what it tells."""
STRING = re.compile(
    r"\"(?:[^\"\\\n]|\\.)*+\"?|'(?:[^'\\\n]|\\.)*+'?|`(?:[^`\\]|\\.)*+`?"
    r"|/(?![/*\s])(?:[^/\\\n]|\\.){1,80}+/[gimsuy]{0,4}|\\[()\[\]{}]"
)
"""A string of code, or a pattern."""


class Lines(NamedTuple):
    """How many lines have the form of code, and how many the form of sentences or anything else."""

    code: int
    other: int

    @property
    def has_code(self) -> bool:
        """A quarter or more: code with an explanation."""
        return self.code > 0 and 3 * self.code >= self.other

    @property
    def is_code(self) -> bool:
        """Nearly all."""
        return self.code > 0 and self.code >= 4 * self.other


def lines_of(text: str) -> Lines:
    """Its lines by their form; lines in another one than the last, as comments have it, are left out."""
    code = other = 0
    for whole in text.split("\n", MOST_LINES)[:MOST_LINES]:
        line = whole[:LONGEST_LINE].strip()
        if "<" in line:
            told = TAG.sub("", line).strip()
            line = told if len(told) > LONGEST_TOLD else line
        if not line:
            continue
        if ODD.search(line) or (STATEMENT.match(line) and not FULL_STOP.match(line)):
            code += 1
        elif not NEUTRAL.match(line):
            other += 1
    return Lines(code, other)


def without_strings(text: str) -> str:
    """The code without what stands in its strings; one that is not closed is left as it is."""
    return STRING.sub(lambda found: '""' if _is_closed(found[0]) else found[0], text)


def _is_closed(string: str) -> bool:
    return string[0] in "/\\" or (len(string) > 1 and string[0] == string[-1])
