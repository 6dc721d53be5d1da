"""The preview as one self-contained HTML page: nothing is loaded from anywhere, every text is escaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from jobs.logic.chat.delimiters import Delimiter
from jobs.logic.chat.preview import INVISIBLE, Chunk, Shown
from jobs.logic.pages.amounts import part

STYLE = """
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --ink: #1d2127; --soft: #697180; --line: #dde1e7;
  --answer: #bfe8c6; --template: #c4dcfb; --chip: #eceef2; --edge: #b9c0ca; --mark: #b4371f; }
@media (prefers-color-scheme: dark) { :root { --page: #14171b; --card: #1c2026; --ink: #e2e5ea; --soft: #949dab;
  --line: #30363f; --answer: #1f5a2d; --template: #24477a; --chip: #2b313a; --edge: #4a525e; --mark: #ff9d85; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 66rem; background: var(--page); color: var(--ink);
  font: 16px/1.6 system-ui, "Hiragino Sans", "Noto Sans CJK JP", "Noto Sans JP", sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.05rem; margin: 2.25rem 0 .75rem; }
p { margin: .25rem 0; } .soft { color: var(--soft); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1rem 1.1rem; margin: 0 0 1rem; }
.card > header { display: flex; flex-wrap: wrap; gap: .15rem 1rem; align-items: baseline; border-bottom: 1px solid
  var(--line); padding-bottom: .5rem; margin-bottom: .7rem; font-size: .9rem; }
.card > header b { font-size: 1rem; overflow-wrap: anywhere; } .why { color: var(--soft); margin-right: auto; }
.row, code, .legend { font-family: ui-monospace, SFMono-Regular, Menlo,
  "Noto Sans Mono CJK JP", "Noto Sans CJK JP", monospace; }
.row { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .92rem; line-height: 1.85; }
.legend { font-size: .88rem; line-height: 2.1; } .legend > span { margin-right: 1.6rem; white-space: nowrap; }
.t, .c, .p { padding: .12em 0; } .c { background: var(--answer); } .t { background: var(--template); }
.row > .c, .row > .t, .row > .p { box-shadow: inset 1px 0 0 color-mix(in srgb, var(--ink) 13%, transparent); }
.chip { border: 1px solid var(--edge); border-radius: 6px; padding: .05em .35em; font-size: .86em; margin: 0 1px; }
.p.chip { background: var(--chip); color: var(--soft); }
i { font-style: normal; opacity: .42; } u { text-decoration: none; color: var(--mark); font-size: .85em; }
.ask { color: var(--mark); font-weight: 700; cursor: help; padding: 0 .1em; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
td, th { text-align: left; padding: .4rem .9rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 500; } tr:last-child > * { border-bottom: 0; }
.no { color: var(--mark); font-weight: 600; }
"""

LEGEND = (
    ("c", "", "graded: the answer"),
    ("t", "", "graded: written by the template, taught so that the model writes it itself"),
    ("p", "", "not graded: read, never taught"),
    ("p", " chip", "a control token: one id, never text that somebody typed"),
)

GLYPHS = {" ": "·", "\n": "⏎", "\t": "⇥", "\r": "␍", "\u3000": "□", "\u00a0": "⍽"}
LINE_END = "<i>⏎</i><wbr>"


def page(title: str, counts: Sequence[tuple[str, str]], delimiters: Sequence[Delimiter], rows: Sequence[Shown]) -> str:
    """The whole page; `counts` are (what, value) lines for its head."""
    head = "".join(f"<tr><th>{escape(what)}</th><td>{escape(value)}</td></tr>" for what, value in counts)
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>\n<style>{STYLE}</style></head>\n<body>",
            f"<h1>{escape(title)}</h1>",
            '<p class="soft">What training sees, token by token. Only what is coloured is graded by the loss.</p>',
            f'<h2>Legend</h2><div class="card legend">{"".join(_legend())}</div>',
            f'<h2>The set</h2><div class="card"><table>{head}</table></div>' if head else "",
            f'<h2>Delimiters of the chat template</h2><div class="card">{_delimiters(delimiters)}</div>',
            "<h2>Rows</h2>",
            *(_card(row) for row in rows),
            "</body>\n</html>\n",
        ]
    )


def _legend() -> Iterator[str]:
    for kind, chip, words in LEGEND:
        sample = "&lt;|…|&gt;" if chip else "token"
        yield f'<span><span class="{kind}{chip}">{sample}</span> {words}</span> '
    yield '<span><b class="ask">▸</b> a generation prompt ends: the model goes on from here</span> '
    yield "<span><i>⏎</i> line end <i>·</i> space <i>□</i> wide space <i>⇥</i> tab <u>‹U+200B›</u> invisible</span>"


def _delimiters(delimiters: Sequence[Delimiter]) -> str:
    lines = "".join(
        f"<tr><td>{escape(one.name)}</td><td>{_code(one.found)}</td><td>{_code(one.ours)}</td>"
        + ("<td>same</td></tr>" if one.matches else '<td class="no">differs</td></tr>')
        for one in delimiters
    )
    return f"<table><tr><th>where</th><th>the template</th><th>the rows</th><th></th></tr>{lines}</table>"


def _code(text: str | None) -> str:
    if text is None:
        return '<span class="soft">not found</span>'
    return f"<code>{_marked(text, breaks=False) or '(nothing)'}</code>"


def _card(row: Shown) -> str:
    counts = row.counts
    total, graded = sum(counts.values()), counts["t"] + counts["c"]
    share = part(graded, total) or "none"
    return (
        f'<section class="card"><header><b>{escape(row.id)}</b><span class="why">{escape(row.why)}</span>'
        f"<span>{total:,} tokens</span><span>{graded:,} graded ({share})</span>"
        f"<span>{counts['c']:,} of the answer</span></header>"
        f'<div class="row">{"".join(_tokens(row))}</div></section>'
    )


def _tokens(row: Shown) -> Iterator[str]:
    place = 0
    for chunk in row.chunks:
        for number, end in enumerate(row.prompts):
            if end == place:
                words = "enable_thinking=False" if number else "no flag passed"
                yield f'<b class="ask" title="the generation prompt ends here: {words}">▸</b>'
        yield _token(chunk)
        place += len(chunk.ids)


def _token(chunk: Chunk) -> str:
    ids = " ".join(map(str, chunk.ids))
    words = "graded" if chunk.kind != "p" else "not graded"
    chip = " chip" if chunk.control else ""
    # The template's own line ends, where they are graded, are no lines to read.
    text = _marked(chunk.text, breaks=chunk.kind != "t")
    return f'<span class="{chunk.kind}{chip}" title="{ids}: {words}">{text}</span>'


def _marked(text: str, breaks: bool) -> str:
    """Escaped, with blanks and invisible characters made visible; `breaks`: a line end also ends the line."""
    shown = "".join(map(_letter, text))
    return shown.replace(LINE_END, LINE_END + "\n") if breaks else shown


def _letter(letter: str) -> str:
    if letter in GLYPHS:
        return f"<i>{GLYPHS[letter]}</i><wbr>"
    return f"<u>‹U+{ord(letter):04X}›</u>" if INVISIBLE.match(letter) else escape(letter)
