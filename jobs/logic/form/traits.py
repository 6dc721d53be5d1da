"""Which traits of the answers of a set belong to a minority that is not of the set's make.

Nothing here depends on the order of the rows or on chance, only on how many rows have what. What a set is written
like by nature stays: traits that more than `max_share` have, that the prompts ask for, that are usual in Markdown and
code where other rows are laid out so, and separators that stand once as often as several times.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jobs.logic.form import as_asked, features, tasks
from jobs.logic.form.features import EXPLAINED, FAMILY_BITS, PAYLOAD
from jobs.logic.form.shape import FRAMES, JSON, LIST, LONG_SHARE, MARKED, SetShape, distinct, is_plain, shape_of
from jobs.logic.form.signs import BARS, PROSE_SEPARATORS, SIGNS

Forms = NDArray[np.void]
Mask = NDArray[np.bool_]

EXPLAINED_SHARE = 0.6
"""Of the rows with a trait; where so many prompts ask for it, it is no contamination."""
FRAME_SHARE = 0.45
"""Of the rows with such a part; where so many have it of their prompts, titles of the set are made like that."""
PAIRED, PAIRED_IN_PROSE = 1.0, 2.0
"""Times as many answers have a separator several times as have it once: it was put there by rule. In titles and in
prose the ratio is under 0.5; for commas and colons it must be clearer."""
MIN_CONTENTS, MIN_LABELS = 3, 2
"""Contents that rows with a trait must have between them, or it is one answer that was given often."""
LEAST_ASKED = 5
"""Prompts with the same words that show what these ask for."""
LARGEST_TASK, BOUND = 0.6, 6.0
"""Share of the set that one kind of prompts has at most, and the logarithm of how unlikely it is that all rows of a
trait have such prompts by chance, for it to be that kind's."""
SETTLED = 40
"""Rows with no trait at all that a single JSON object must stand against."""
NEARLY_ALL = 0.95
"""Of the rows; what so many have is the form that is asked for."""
LEAST_ROWS = 20
"""Answers under which nothing is said about a set's form."""
WEAK_FAMILIES = (features.OPENING, features.ENDING, features.WRAP)
WEAK_LAYOUTS = (features.layout_code("latin"), features.layout_code("quoted"))
WEAK = 3
"""Times the share that others need: titles that begin with one word and a colon do occur."""
IN_LABELS, LABEL_LAYOUTS = "_/:,、・+>&", frozenset(map(features.layout_code, ("snake", "capitals", "path")))
"""Marks and layouts of labels: not_spam, sci/tech, sports: ski."""
FAMILIAR_SHARE = 0.9
"""Of the rows with such a mark, whose content is a label without it."""
AROUND_FAMILIES = (features.HEAD, features.TAIL, features.WRAP, features.OPENING, features.ENDING)
"""What stands around a content."""
POOLED_FAMILIES = (features.HEAD, features.OPENING, features.WRAP)
"""Many traits of one family make one form: emoji in front, a speaker's name and a colon."""
MARKDOWN_HEADS, RARE_DOUBLES = "#-*+>|`[!<{($/\\@_~", "@({~"
"""Marks that open an answer in Markdown or code, and those of them that do not where they are doubled."""
MARKDOWN = frozenset(map(features.layout_code, ("heading", "fence", "bullet", "numbered", "emphasis", "marked")))


class Counted(NamedTuple):
    """One trait of a set, by rows."""

    trait: int
    num: int
    explained: int
    rich: int
    """Rows that are laid out in Markdown or code."""
    contents: int
    """Contents: answers that differ in letters or digits."""
    familiar: int
    """Rows whose content other rows have without the trait."""

    @property
    def family(self) -> int:
        return self.trait >> FAMILY_BITS

    @property
    def payload(self) -> int:
        return self.trait & PAYLOAD

    @property
    def is_code(self) -> bool:
        """Whether the mark is one of code and markup, and most answers that have it are written so."""
        return (
            self.family in (features.HEAD, features.TAIL, features.DOUBLE, features.MANY) and self.rich * 2 > self.num
        )

    @property
    def is_prose(self) -> bool:
        """Whether it is a separator that any sentence may have."""
        return self.family == features.MANY and chr(self.payload) in PROSE_SEPARATORS

    @property
    def is_bar(self) -> bool:
        """Whether it is a separator that is always one: a single one tells as much, where many answers have several."""
        return self.family == features.MANY and chr(self.payload) in BARS

    @property
    def once(self) -> int:
        """The trait of answers that have the separator once."""
        return features.code(features.ONCE, self.payload) if self.family == features.MANY else 0


class Least(NamedTuple):
    """Rows that a trait must have."""

    rows: float
    weak: float
    """If it is of WEAK_FAMILIES."""


def odd_traits(
    forms: Forms, min_share: float, min_rows: int, max_share: float
) -> tuple[dict[int, int], dict[int, int]]:
    """(traits of a minority that is not of the set's make, traits of a share too large for that), each with its rows.

    JSON, which a single row tells, and lists among titles go first: they would make the rest look laid out.
    """
    odd: dict[int, int] = {}
    mixed: dict[int, int] = {}
    left = forms
    if len(forms) < LEAST_ROWS:
        return odd, mixed
    for is_first in (True, False):
        shape = shape_of(left)
        share = min_share * shape.num_rows
        least = Least(max(min_rows, share), max(min_rows * 2, share * WEAK))
        every = counted(left, least.rows)
        once = {each.trait: each.num for each in every if each.family == features.ONCE}
        wanted = [each for each in every if (each.trait in (LIST, JSON)) == is_first]
        kinds = tasks.groups(left)
        found = {
            trait: num
            for each in wanted
            for trait, num in _departing(each, shape, least, once)
            if not _is_of_its_task(each, left, kinds)
        }
        totals = _pooled(left, found)
        for trait, num in found.items():
            together = max(num, totals.get(trait >> FAMILY_BITS, 0)) + _num_before_numbers(left, trait)
            share = together / shape.num_rows
            if share <= (max_share if trait in FRAMES else 1 - max_share / 2):
                (odd if share <= max_share else mixed)[trait] = num
        left = forms[~has_any(forms, odd)]
    return odd, mixed


def required_traits(forms: Forms) -> dict[int, int]:
    """Traits that nearly every answer has, each with its rows: an answer without is the odd one."""
    if len(forms) < LEAST_ROWS:
        return {}
    least = NEARLY_ALL * len(forms)
    return {
        each.trait: each.num
        for each in counted(forms, least)
        if each.num >= least and (each.trait == JSON or each.family in (features.HEAD, features.WRAP, features.OPENING))
    }


def lacks_any(forms: Forms, traits: dict[int, int]) -> Mask:
    """Rows without one of the traits, but for answers that are copied from the prompt as they are."""
    lacking = np.zeros(len(forms), bool)
    for trait in traits:
        lacking |= ~((forms["traits"] & ~EXPLAINED) == trait).any(axis=1)
    return lacking & ~_is_copied(forms)


def has_any(forms: Forms, traits: dict[int, int]) -> Mask:
    """Rows with one of the traits, but for answers that are copied from the prompt as they are."""
    every = [code | bit for code in traits for bit in ((0,) if code in FRAMES else (0, int(EXPLAINED)))]
    held: Mask = np.isin(forms["traits"], np.array(every, np.uint32)) & ~as_asked.holds(forms)
    return np.asarray(held.any(axis=1) & ~_is_copied(forms))


def _is_copied(forms: Forms) -> Mask:
    return np.asarray((forms["flags"] & features.COPIED) > 0)


def counted(forms: Forms, least: float) -> list[Counted]:
    """The traits of a set that at least so many rows have, JSON and separators that stand once in any case."""
    table = forms["traits"]
    rows, places = np.nonzero(table)
    marked = table[rows, places]
    codes, nums = np.unique_counts(marked & ~EXPLAINED)
    kept = (nums >= least) | (codes == JSON) | (codes == MARKED) | (codes >> np.uint32(FAMILY_BITS) == features.ONCE)
    codes, nums, size = codes[kept], nums[kept], int(kept.sum())
    held = np.isin(marked & ~EXPLAINED, codes)
    rows, places, marked = rows[held], places[held], marked[held]
    which = np.searchsorted(codes, marked & ~EXPLAINED)
    cores, flags = forms["core"][rows].astype(np.int64), forms["flags"][rows]
    explained = ((marked & EXPLAINED) > 0) | ((flags & features.COPIED) > 0) | as_asked.holds(forms)[rows, places]
    for side in ("opening", "closing"):
        explained |= _of_one_task(which, forms[side][rows], forms[side])
    familiar = _familiar(forms, rows, marked)
    columns = (
        codes,
        nums,
        np.bincount(which[explained], minlength=size),
        np.bincount(which[(flags & features.RICH) > 0], minlength=size),
        np.bincount(distinct(which << 32 | cores) >> 32, minlength=size),
        np.bincount(which[familiar], minlength=size),
    )
    return [Counted(*values) for values in zip(*(column.tolist() for column in columns), strict=True)]


def _familiar(forms: Forms, rows: NDArray[np.int64], marked: NDArray[np.uint32]) -> Mask:
    """Whether the content of `rows` is that of other rows without any trait; what stands between literal words may also
    be that of rows without such words."""
    families = (forms["traits"] & ~EXPLAINED) >> np.uint32(FAMILY_BITS)
    plain = forms["core"][is_plain(forms)]
    bare = forms["core"][~np.isin(families, AROUND_FAMILIES).any(axis=1)]
    is_literal = np.isin((marked & ~EXPLAINED) >> np.uint32(FAMILY_BITS), (features.OPENING, features.ENDING))
    return np.where(is_literal, np.isin(forms["inner"][rows], bare), np.isin(forms["core"][rows], plain))


def _of_one_task(which: NDArray[np.int64], tasks: NDArray[np.uint32], every: NDArray[np.uint32]) -> Mask:
    """Rows with a trait that nearly all answers to prompts with the same words have: these prompts want it."""
    pairs, back, nums = np.unique(which << 32 | tasks.astype(np.int64), return_inverse=True, return_counts=True)
    known, totals = np.unique(every, return_counts=True)
    asked = totals[np.searchsorted(known, (pairs & 0xFFFFFFFF).astype(np.uint32))]
    return np.asarray(((asked >= LEAST_ASKED) & (nums >= NEARLY_ALL * asked))[back])


def _departing(each: Counted, shape: SetShape, least: Least, once: dict[int, int]) -> Iterator[tuple[int, int]]:
    """The trait with its rows where it is no natural one of the set; with it the same separator standing once."""
    if each.family == features.ONCE or _is_own(each, shape.without(each.num, each.rich)):
        return
    is_weak = each.family in WEAK_FAMILIES or each.trait in WEAK_LAYOUTS
    if each.num < (least.weak if is_weak else least.rows) and not _tells_alone(each, shape):
        return
    if _is_explained(each, shape) or not _is_varied(each, shape):
        return
    num_once = once.get(each.once, 0)
    if num_once * (PAIRED if each.is_bar else PAIRED_IN_PROSE) > each.num:
        return
    yield each.trait, each.num
    if num_once and each.is_bar:
        yield each.once, num_once


def _is_of_its_task(each: Counted, forms: Forms, groups: NDArray[np.uint32]) -> bool:
    """Whether a trait keeps to one kind of prompts as chance would not have it, and is natural there.

    It is where half of their answers have it, or where it would be their own if they were a set.
    """
    held = has_any(forms, {each.trait: each.num})
    kinds, nums = np.unique(groups[held], return_counts=True)
    if not len(kinds):
        return False
    most = int(nums.argmax())
    same = groups == kinds[most]
    share, num = float(same.mean()), int(nums[most])
    if share > LARGEST_TASK or num < NEARLY_ALL * int(held.sum()) or num * -log(share) < BOUND:
        return False
    return bool(kinds[most] and num >= int(same.sum()) / 2) or _is_own(
        each, shape_of(forms[same]).without(num, each.rich)
    )


def _tells_alone(each: Counted, shape: SetShape) -> bool:
    return each.trait in (JSON, MARKED) and shape.num_plain >= SETTLED


def _is_explained(each: Counted, shape: SetShape) -> bool:
    """Whether the prompts of the rows have the mark, and not because nearly all prompts have it."""
    usual = 0.0
    if each.family in (features.HEAD, features.TAIL, features.MANY):
        usual = shape.prompt_marks.get(features.mark_of(each.payload), 0.0)
    share = FRAME_SHARE if each.trait in FRAMES else EXPLAINED_SHARE
    return each.explained >= (usual + (1 - usual) * share) * each.num


def _is_varied(each: Counted, shape: SetShape) -> bool:
    """Whether contents that have nothing in common share the trait."""
    if each.trait in (JSON, MARKED):
        return True
    if not shape.is_labels:
        return each.contents >= MIN_CONTENTS
    if _is_label_like(each) and each.familiar < FAMILIAR_SHARE * each.num:
        return False
    return each.contents >= MIN_LABELS


def _is_label_like(each: Counted) -> bool:
    """Whether labels may be made like that."""
    if each.family in (features.MANY, features.DOUBLE):
        return features.mark_of(each.payload)[0] in IN_LABELS
    return each.family == features.OPENING or each.trait in LABEL_LAYOUTS


def _is_own(each: Counted, others: SetShape) -> bool:
    """Whether the trait is natural where the other rows are like that."""
    if each.trait in FRAMES:
        return not others.is_of_names
    if each.trait == LIST:
        return not others.is_short or others.long_share >= LONG_SHARE
    if each.family == features.LAYOUT:
        return others.is_rich and each.trait in MARKDOWN
    if each.is_prose:
        return others.is_rich or not others.is_short
    if not others.is_rich and not each.is_code:
        return False
    if each.family in (features.WRAP, features.ENDING, features.DOUBLE):
        return True
    if each.family == features.OPENING:
        return not each.payload & features.ASSIGNED
    mark = features.mark_of(each.payload)
    if each.family == features.HEAD:
        return mark[0] in MARKDOWN_HEADS and not (len(mark) > 1 and mark[0] in RARE_DOUBLES)
    return mark.isascii()


def _num_before_numbers(forms: Forms, trait: int) -> int:
    """Rows that open with the mark of a trait as a sign before a number, which is none: #5 beside #A."""
    is_head = trait >> FAMILY_BITS == features.HEAD
    mark = features.mark_of(trait & PAYLOAD) if is_head else ""
    if len(mark) != 1 or mark not in SIGNS:
        return 0
    return int((forms["sign"] == SIGNS.index(mark) + 1).sum())


def _pooled(forms: Forms, traits: dict[int, int]) -> dict[int, int]:
    """Rows with any of the traits, by family."""
    table = forms["traits"] & ~EXPLAINED
    families = np.where(np.isin(table, np.fromiter(traits, np.uint32, len(traits))), table >> np.uint32(FAMILY_BITS), 0)
    return {family: int((families == family).any(axis=1).sum()) for family in POOLED_FAMILIES}
