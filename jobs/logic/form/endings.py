"""Whether an answer comes to an end: closed by a mark, left open, or broken off before a word that must follow.

No list can say of a last word that it ends a sentence, but some cannot: `the`, `を`. Of texts that were cut at a random
place 14 % or more end on one of those, of texts that are merely written without a full stop under 2 %.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from jobs.logic.form import open_ended
from jobs.logic.form.signs import SENTENCE_ENDS
from jobs.logic.text import program

Forms = NDArray[np.void]
Mask = NDArray[np.bool_]
TASK_SIDES = ("opening", "closing")
"""Fields of a form that stand for the words at either end of its prompt."""

NOT_COMPARED, CLOSED, OPEN, DANGLING, STRAY, BRIEF, BRIEF_DANGLING, WHOLE = range(8)
"""Of a few words or laid out; with a closing mark; on a word; on a word that something must follow; on another sign;
short and without a mark, as titles are; short, and on a word that something must follow; without a closed sentence, and
on a word that the prompt has as well, so that it is a whole one, as titles of a text end; or asked for as a title, a
label or code."""
SEVERAL = 8
"""Added where earlier sentences of the same answer are closed: it is known to use full stops."""
CLOSING = frozenset(f".!?。！？…‥．｡{SENTENCE_ENDS}")
AFTER_CLOSING = "\"'”’」』)）］】]*_ \u3000"
"""May stand behind the closing mark."""
LEAST, LEAST_WIDE = 40, 20
"""Characters of an answer that is compared, in letters and in Han or kana; a shorter one is brief."""
LEAST_BRIEF, BRIEF_WORDS = 12, 3
"""Characters and, in letters, words of what may be a piece of a sentence; a name or a label has fewer."""
WORDS = (
    "a an the of to in on at by for from with and or but as is are was were be been has have had his her their its "
    "this that these those which who whose when where than then if so not into about over under between he she they "
    "we you i my your our per each der das dem den und mit von zu im ein eine einer nicht le la les de des du et un "
    "une que qui dans pour par sur el los las y en para con del il lo gli di che o da"
)
FUNCTION_WORDS = frozenset(WORDS.split())
"""English, German, French, Spanish and Italian words that something must follow."""
PARTICLES = frozenset("をはがにとへのもっ、,")
UNFINISHED = frozenset(";:(-–—=+*/<&・：；（「『【[{")
INNER, INNER_WIDE = (". ", ".\n", "! ", "? "), ("。", "！", "？", ". ", "! ", "? ")
LAID_OUT = re.compile(r"\s*(?:[-*+•#>|・`]|\d+[.)）])|\s|.*(?:[_{}\\]|[a-z]\(|==)")
"""A last line that is an item, a heading, a row of a table or code."""
RESULT = re.compile(r"\d[^=]*=\s*[^\w\s=]{0,2}\d[\d.,/]*%?(?:\s?[^\W\d_][\w'/-]*)?(?:\s[\w'/-]+){0,5}\Z")
"""The end of a sum: its result, which may have a unit of a few words. Nothing follows it."""
SIGNATURE = re.compile(r"[,、，\n]\n(?:[A-Z][\w.'’-]*|[\u3041-\u30fe\u4e00-\u9fff]{1,12})(?: [A-Z][\w.'’-]*){0,3}\Z")
ADDRESS = re.compile(r"[^\s/]*\.[a-z]{2,8}/|[^\s@]+@[^\s@.]+\.[a-z]")
HASHTAG = re.compile(r"(?:^|[\s、,])[#＃][^\s#＃]+\Z")
VALUE = re.compile(r"[^\s:：。.][^:：。.\n]{0,11}[:：]\s?\S")
LINE_APART = 80
"""Characters of a last line that may be code, or a value behind its name."""
GIVEN_END = 12
"""Characters at the end of an answer that its prompt may say it ends with."""
SIGNED = 32
"""Characters of a last line that may be the name under a letter."""
RESULT_PART = 96
"""Characters at the end of an answer in which a result is looked for."""
WORD_LENGTH = 24
Cut = Literal["none", "dangling", "all", "pieces"]
"""Which answers without a mark are cut off: none; those that dangle; all but brief ones; brief ones as well."""
CUT_KINDS: dict[Cut, tuple[int, ...]] = {
    "none": (),
    "dangling": (DANGLING,),
    "all": (OPEN, DANGLING, STRAY, BRIEF_DANGLING),
    "pieces": (OPEN, DANGLING, STRAY, BRIEF, BRIEF_DANGLING),
}

LEAST_COMPARED = 20
"""Answers under which nothing is said about how a set's answers end."""
DANGLE_IF_CUT, DANGLE_IF_STYLE = 0.14, 0.03
"""Of texts that were cut at random, and of titles and texts that are written without a mark."""
CLEARLY, HARDLY = 2.5, -2.0
"""Logarithm of how many times as likely the dangling ones are if the open ones were cut: it settles the matter where
many are open, and must not speak against it where few are."""
NEARLY_ALL, USUALLY, MOSTLY, OFTEN = 0.93, 0.8, 0.5, 0.4
"""Closed ones of the answers that are compared: others are cut if nothing speaks against it; dangling ones are; others
may be; and the same for answers of one sentence, for what was cut may have had several."""
OWN_SHARE = 0.85
"""Closed ones of the answers of one sentence, where those of the whole set decide."""
BRIEF_SHARE = 0.3
"""Brief ones for each other open answer, at the most, where answers were cut at random; more are titles."""
TASK_SHARE, TASK_ROWS, TASK_CLOSED = 0.01, 10, 0.3
"""Prompts with the same words that want answers without a mark: a share of the set, and how few answers are closed."""


@dataclass(frozen=True)
class Manner:
    """How the answers of a set end."""

    cut: list[Cut]
    """What counts as cut off among answers of one sentence and of several."""
    closed_shares: list[float]
    """Closed ones of each."""
    open_tasks: list[int]
    """Openings and closings of prompts that want answers without a mark, such as titles."""


def endings(answers: Sequence[str], prompts: Sequence[str]) -> NDArray[np.uint8]:
    """How each answer ends."""
    found = np.fromiter(map(_ending, answers), np.uint8, len(answers))
    for place in np.flatnonzero(~np.isin(found % SEVERAL, (NOT_COMPARED, CLOSED))).tolist():
        is_single = found[place] in (OPEN, BRIEF)
        is_whole = (is_single and _is_whole(answers[place], prompts[place])) or _is_given(
            answers[place], prompts[place]
        )
        if is_whole or open_ended.is_open_ended(prompts[place]):
            found[place] = WHOLE
    return found


def manner(forms: Forms) -> Manner:
    """How the answers of a set end, and what counts as cut off among them."""
    open_tasks = _open_tasks(forms)
    found = forms["ending"][~is_of(forms, open_tasks)]
    counts = np.bincount(found, minlength=2 * SEVERAL).reshape(2, SEVERAL)
    shares = [_closed_share(kinds) for kinds in counts]
    return Manner(_cuts(counts), shares, open_tasks if counts[:, CLOSED].any() else [])


def is_cut(forms: Forms, found: Manner) -> Mask:
    """Answers that break off, in a set that ends its answers as was found."""
    cut = np.zeros(len(forms), bool)
    for several, mode in zip((0, SEVERAL), found.cut, strict=True):
        cut |= np.isin(forms["ending"], [kind + several for kind in CUT_KINDS[mode]])
    return np.asarray(cut & ~is_of(forms, found.open_tasks))


def _cuts(counts: NDArray[np.int64]) -> list[Cut]:
    """`counts`: [one sentence or several, kinds]."""
    together = counts.sum(axis=0)
    if together[CLOSED : STRAY + 1].sum() < LEAST_COMPARED:
        return ["none", "none"]
    single, several = (kinds if kinds[CLOSED] >= LEAST_COMPARED else together for kinds in counts)
    weights = _weight(counts[0]), _weight(several)
    is_known = max(weights) >= CLEARLY and min(weights) >= HARDLY
    share = _closed_share(several)
    of_several: Cut = "dangling" if share >= USUALLY else "none"
    if (share >= MOSTLY and (is_known or weights[1] >= CLEARLY)) or (share >= NEARLY_ALL and weights[1] >= HARDLY):
        of_several = "all"
    share, brief = _closed_share(single), int(together[BRIEF] + together[BRIEF_DANGLING])
    are_pieces = brief <= BRIEF_SHARE * int(together[[OPEN, DANGLING, STRAY]].sum())
    if share >= OFTEN and are_pieces and (is_known or weights[0] >= CLEARLY):
        return ["pieces", "pieces" if of_several == "all" else of_several]
    if _closed_share(together) >= NEARLY_ALL and share >= OWN_SHARE and weights[0] >= HARDLY:
        return ["all", of_several]
    return ["dangling" if share >= USUALLY else "none", of_several]


def _closed_share(kinds: NDArray[np.int64]) -> float:
    total = int(kinds[CLOSED:].sum())
    return int(kinds[CLOSED]) / total if total else 0.0


def _weight(kinds: NDArray[np.int64]) -> float:
    """Logarithm of how many times as likely it is that the open answers were cut as that they are written so."""
    dangling = int(kinds[DANGLING] + kinds[BRIEF_DANGLING])
    others = int(kinds[[OPEN, STRAY, BRIEF, WHOLE]].sum())
    return dangling * log(DANGLE_IF_CUT / DANGLE_IF_STYLE) + others * log((1 - DANGLE_IF_CUT) / (1 - DANGLE_IF_STYLE))


def _open_tasks(forms: Forms) -> list[int]:
    kinds = forms["ending"] % SEVERAL
    compared = forms[kinds != NOT_COMPARED]
    is_open = compared["ending"] % SEVERAL != CLOSED
    return tasks_of(compared, is_open, 1 - TASK_CLOSED, TASK_SHARE * len(forms))


def tasks_of(forms: Forms, mask: Mask, share: float, least: float = 0.0) -> list[int]:
    """Openings and closings of prompts of whose answers more than `share` are in `mask`."""
    found: set[int] = set()
    least = max(TASK_ROWS, least, TASK_SHARE * len(forms))
    for side in TASK_SIDES:
        tasks, which, nums = np.unique(forms[side], return_inverse=True, return_counts=True)
        held = np.bincount(which, weights=mask, minlength=len(tasks))
        found.update(tasks[(nums >= least) & (held > share * nums)].tolist())
    return sorted(found)


def is_of(forms: Forms, tasks: Sequence[int]) -> Mask:
    """Answers to prompts with the words of one of the tasks."""
    wanted = np.array(tasks, np.uint32)
    of_one: Mask = np.isin(forms[TASK_SIDES[0]], wanted) | np.isin(forms[TASK_SIDES[1]], wanted)
    return of_one


def _ending(text: str) -> int:
    is_narrow = text.isascii()
    if len(text) < (LEAST if is_narrow else LEAST_WIDE):
        return _brief_ending(text, is_narrow) if len(text) >= LEAST_BRIEF else NOT_COMPARED
    several = 0
    for mark in INNER if is_narrow else INNER_WIDE:
        if text.find(mark, 0, -1) >= 0:
            several = SEVERAL
            break
    if text[-1] in CLOSING:
        return CLOSED + several
    said = text.rstrip(AFTER_CLOSING)
    if said and said[-1] in CLOSING:
        return CLOSED + several
    last_line = text[text.rfind("\n") + 1 :]
    if not said or said != text or LAID_OUT.match(last_line) or _is_address(last_line) or _has_open_line(text):
        return NOT_COMPARED
    if len(last_line) <= SIGNED and SIGNATURE.search(text, len(text) - len(last_line) - 2):
        return NOT_COMPARED
    kind = _open_ending(said)
    if kind in (OPEN, STRAY) and _is_apart(last_line, text):
        return NOT_COMPARED
    return kind + several if kind else NOT_COMPARED


def _brief_ending(text: str, is_narrow: bool) -> int:
    last = text[-1]
    if not (last.isalpha() or last in PARTICLES) or "\n" in text or (is_narrow and text.count(" ") < BRIEF_WORDS - 1):
        return NOT_COMPARED
    return BRIEF_DANGLING if _open_ending(text) == DANGLING else BRIEF


def _is_whole(answer: str, prompt: str) -> bool:
    """Whether the prompt has the last word, or the last three characters where there are no spaces, as an end."""
    last = answer[-WORD_LENGTH:].split()[-1] if answer.isascii() else answer[-3:]
    place = prompt.find(last) if len(last) > 2 else -1
    after = prompt[place + len(last) : place + len(last) + 1]
    return place >= 0 and (not after.isalnum() or (after in PARTICLES and not answer.isascii()))


def _is_given(answer: str, prompt: str) -> bool:
    """Whether the prompt has the end of the answer as an end that it quotes."""
    end = answer[-GIVEN_END:]
    place = prompt.find(end)
    return place >= 0 and prompt[place + len(end) : place + len(end) + 1] in '"”」』'


def _is_apart(last_line: str, text: str) -> bool:
    """Whether the end is none of a sentence: a result, a hashtag, a line of code, a value behind its name."""
    if "=" in last_line and RESULT.search(last_line[-RESULT_PART:]):
        return True
    if HASHTAG.search(text, max(0, len(text) - WORD_LENGTH)):
        return True
    if "\n" not in text or len(last_line) > LINE_APART:
        return False
    return VALUE.match(last_line) is not None or program.lines_of(last_line).is_code


def _is_address(line: str) -> bool:
    """Whether the line ends with one."""
    last = line.split()[-1]
    return ("://" in last and line.isascii()) or ADDRESS.match(last) is not None


def _has_open_line(text: str) -> bool:
    """Whether the answer leaves other lines without a mark as well."""
    return "\n" in text and any(line[-1:].isalnum() for line in text.split("\n")[:-1])


def _open_ending(said: str) -> int:
    last = said[-1]
    if last in PARTICLES:
        return DANGLING
    if not last.isalpha():
        return STRAY if last.isdigit() or last in UNFINISHED else NOT_COMPARED
    word = said[-WORD_LENGTH:].split()[-1].lower()
    return DANGLING if word in FUNCTION_WORDS else OPEN
