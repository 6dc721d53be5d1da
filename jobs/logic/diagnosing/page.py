"""A diagnosis as one self-contained HTML page: nothing is loaded from anywhere, every text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from jobs.logic.diagnosing import words
from jobs.logic.diagnosing.evidence import Taken
from jobs.logic.diagnosing.ranking import Diagnosis, Told
from jobs.logic.diagnosing.symptoms import SYMPTOMS
from jobs.logic.pages.preview_page import STYLE
from jobs.logic.pages.tables import table

OWN_STYLE = """
.first{border-left:.4rem solid #b42318;padding:.6rem 1rem;margin:1rem 0;font-size:1.1rem}
.first.none{border-color:#2b7a3d}
.cause{border:1px solid #8884;border-radius:.5rem;padding:.2rem 1rem .6rem;margin:.8rem 0}
.cause.under{margin-left:1.6rem}
.cause h3{margin:.6rem 0 .2rem}
.badge{display:inline-block;border-radius:.4rem;padding:.05rem .5rem;font-size:.85rem;color:#fff;background:#667085}
.badge.proven{background:#b42318}.badge.measured{background:#b54708}.badge.ruled-out{background:#2b7a3d}
td,th{vertical-align:top;overflow-wrap:anywhere}
.scroll{overflow-x:auto}
"""


def page(title: str, found: Diagnosis, taken: Sequence[Taken], left_out: str) -> str:
    """The whole page: the answer, the causes with what to do, what is ruled out, what was not given, what was read."""
    none = "" if found.found or found.symptoms else " none"
    parts = [
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>\n<style>{STYLE}{OWN_STYLE}</style></head>\n<body>",
        f"<h1>{escape(title)}</h1>",
        f'<p class="first{none}">{escape(words.headline(found))}</p>',
        *_list("What the answers show", words.symptoms(found)),
        *_causes(found),
        *_list("To tell the open ones apart", words.experiments(found)),
        *_table("Ruled out", words.RULED_OUT_HEADS, words.ruled_out(found)),
        *_table("Not checked", words.NOT_SEEN_HEADS, words.not_seen(found)),
        *_table("What was read", words.TAKEN_HEADS, words.taken(taken)),
        *([f"<p>Not looked at: {escape(left_out)}</p>"] if left_out else []),
        "<p>How certain a cause is, is a class of evidence and never a percentage: <b>proven</b> by bytes, ids or "
        "weights; <b>measured</b> by a run or a test; <b>consistent with</b> what was seen, which decides nothing; "
        "<b>ruled out</b> by an argument that is told; <b>not checked</b> for want of a file.</p>",
    ]
    return "\n".join([*parts, "</body></html>\n"])


def _causes(found: Diagnosis) -> Iterable[str]:
    if found.roots:
        yield "<h2>Causes</h2>"
    for root in found.roots:
        yield _cause(root)
        for one in found.following(root.cause.code):
            yield _cause(one)


def _cause(told: Told) -> str:
    cause, outcome = told.cause, told.outcome
    kind = told.certainty.value.replace(" ", "-")
    badge = f'<span class="badge {kind}">{escape(words.certainty(told.certainty))}</span>'
    lines = [f"<li>{escape(sign)}</li>" for sign in outcome.signs]
    lines += [f"<li>Against it: {escape(sign)}</li>" for sign in outcome.against]
    lines += [f"<li>Would decide: {escape(name)}</li>" for name in outcome.decides]
    seen = "; ".join(f"{SYMPTOMS[name].english} ({SYMPTOMS[name].japanese})" for name in cause.symptoms)
    follows = f"<p>Follows from {escape(told.under)}.</p>" if told.under else ""
    return (
        f'<section class="cause{" under" if told.under else ""}"><h3>{badge} {escape(cause.title)}</h3>'
        f"<p>{escape(words.name(told))}. {escape(_sentence(cause.why))}</p><ul>{''.join(lines)}</ul>{follows}"
        f"<p><b>What to do.</b> {escape(_sentence(cause.fix))} Shown by <code>make {escape(cause.shows)}</code>.</p>"
        f"<p>What one sees of it: {escape(seen)}. Seen in: {escape(cause.seen_in)}</p></section>"
    )


def _sentence(text: str) -> str:
    """With a capital letter in front."""
    return text[:1].upper() + text[1:]


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f'<h2>{escape(title)}</h2><div class="scroll">{table(heads, rows)}</div>'] if rows else []


def _list(title: str, lines: Sequence[str]) -> list[str]:
    return [f"<h2>{escape(title)}</h2><ul>{''.join(f'<li>{escape(one)}</li>' for one in lines)}</ul>"] if lines else []
