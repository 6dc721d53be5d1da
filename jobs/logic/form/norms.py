"""The language and the length of a set's answers, and which answers are outside of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jobs.logic.form import endings as ends, features
from jobs.logic.form.shape import distinct
from jobs.logic.text import language
from jobs.logic.text.language import GROUPS, HAN, LANGUAGES, LATIN

Forms = NDArray[np.void]
Mask = NDArray[np.bool_]

LEAST_SAID, MOSTLY_SAID = 0.2, 0.5
"""Share of the answers whose language is known, names and labels having none: the least to go by at all, and where it
counts for more than the language of the prompts."""
MAJORITY = 0.55
"""Of the answers, that nothing may speak against where the set's language is that of its prompts."""
PRESENT_SHARE, PRESENT_ROWS = 0.001, 2
"""Answers that are surely in a language of the set's own script, for others to be believed to be in it as well."""
ALONE = 60
"""Characters of an answer that is believed to be in a language that no other is in, where that is certain."""

LEAST_COMPARED = 20
"""Answers under which nothing is said about their language and length."""
CLUSTERS_APART = 4.5
"""Standard deviations between two kinds of length (Ashman's D), the spread of each taken together."""
LARGE_MINORITY, LARGEST_MINORITY, FEW_CONTENTS = 0.1, 0.45, 0.2
"""A minority of more than 10 % that has fewer contents a row than this is `yes` and `no`, which are answers too; one of
more than 45 % is none."""
MOST_KINDS = 3
LEAST_SPREAD, LABEL_SPREAD = 0.35, 0.5
"""Of the logarithm of the length, for answers and for labels: what counts as usual never gets narrower."""
TAIL_SHARE, TAIL_DENSITY, NEARER = 0.02, 0.25, 1.5
"""Of the answers outside of a fence, and of them just inside, within so many standard deviations: the set runs out."""
GAP, WIDE_GAP = 3.0, 4.0
"""Times as long or short as the next one: there a tail has ended, and there a kind may end, however many there are."""
LONGEST = 2**32 - 1


@dataclass(frozen=True)
class Speech:
    """The language of a set."""

    language: str | None
    """None where there are several, or any will do."""
    script: int
    """Index into `language.SCRIPTS`; 0 where there are several."""
    others: list[str]
    """Further languages of the same script that occur."""
    by_prompt: bool
    """Only answers to prompts in the set's language count: the set is less than plainly in one language."""
    answered: list[str]
    """Languages whose prompts are answered in the same; none where the configuration names the set's."""


def speech_of(forms: Forms, wanted: str, main_share: float) -> Speech:
    """`wanted`: a code, `auto` or `any`. Raises ValueError for a code that is no language's."""
    if wanted not in ("auto", "any", *LANGUAGES[1:]):
        raise ValueError(f"{wanted!r} is no language that can be told; give auto, any or a code such as ja, en, zh, de")
    if wanted == "any" or not len(forms):
        return Speech(None, 0, [], False, [])
    main, by_prompt = (language.index(wanted), False) if wanted != "auto" else _main(forms, main_share)
    if not main:
        return Speech(None, _main_script(forms, main_share), [], False, _answered(forms))
    scripts = np.bincount(forms["script"][forms["language"] == main], minlength=len(GROUPS))
    script = int(scripts.argmax()) if scripts.any() else language.script_of(LANGUAGES[main])
    counts = _counts(forms["language"][(forms["flags"] & features.SURE) > 0])
    counts[main] = 0
    least = max(PRESENT_ROWS, PRESENT_SHARE * len(forms))
    certain = _counts(forms["language"][((forms["flags"] & features.CERTAIN) > 0) & (forms["script"] == script)])
    certain[main] = 0
    others = np.flatnonzero((counts >= least) | ((certain > 0) & (certain.sum() >= least)))
    answered = _answered(forms) if wanted == "auto" else []
    return Speech(LANGUAGES[main], script, [LANGUAGES[other] for other in others], by_prompt, answered)


def _main(forms: Forms, main_share: float) -> tuple[int, bool]:
    """(index of the set's language or 0, whether only the prompts say so)."""
    if len(forms) < LEAST_COMPARED:
        return 0, False
    said, asked = _counts(forms["language"]), _counts(forms["asked_in"])
    total = int(said.sum())
    main = int(said.argmax()) if said.max() >= main_share * max(1, total) else 0
    if main and total >= MOSTLY_SAID * len(forms):
        return main, False
    spoken = int(asked.argmax()) if asked.max() >= main_share * max(1, int(asked.sum())) else 0
    if spoken and asked.sum() >= LEAST_SAID * len(forms):
        return (spoken, True) if _may_be_spoken(forms, spoken, main) else (0, False)
    return (main if total >= LEAST_SAID * len(forms) else 0), False


def _may_be_spoken(forms: Forms, spoken: int, main: int) -> bool:
    """Whether the prompts' language may be that of the answers, most of which do not say, though some say `main`."""
    group = GROUPS[language.script_of(LANGUAGES[spoken])]
    unsaid: Mask = np.isin(GROUPS[forms["script"]], (0, LATIN, group)) & (forms["language"] == 0)
    if unsaid.sum() + (forms["language"] == spoken).sum() < MAJORITY * len(forms):
        return False
    if main in (0, spoken) or GROUPS[language.script_of(LANGUAGES[main])] != group:
        return True
    num_contents = len(distinct(forms["core"][unsaid]))
    return num_contents < FEW_CONTENTS * int(unsaid.sum())  # labels, and not short translations


def _counts(languages: NDArray[np.uint8]) -> NDArray[np.int64]:
    counts = np.bincount(languages, minlength=len(LANGUAGES))
    counts[0] = 0
    return counts


def _main_script(forms: Forms, main_share: float) -> int:
    """The script of a set of names, labels or numbers; 0 where its answers are in several languages or scripts."""
    if len(forms) < LEAST_COMPARED:
        return 0
    known = GROUPS[forms["script"][forms["script"] > 0]]
    counts = np.bincount(known, minlength=len(GROUPS))
    several = _counts(forms["language"]).sum() >= LEAST_SAID * len(forms)
    return 0 if several or counts.max() < main_share * max(1, len(known)) else int(counts.argmax())


def is_elsewhere(forms: Forms, asked: NDArray[np.uint8]) -> Mask:
    """Answers in another language than their prompt, whose script is `asked`."""
    other: Mask = (forms["language"] > 0) & (forms["language"] != forms["asked_in"])
    return np.asarray(other | ((GROUPS[forms["script"]] != GROUPS[asked]) & (forms["script"] > LATIN)))


def is_foreign(forms: Forms, speech: Speech) -> Mask:
    """Answers that are in another language than the set, were not asked to be, and are not taken from the prompt.

    An answer in its prompt's language is none of them, where prompts in that language are answered in it.
    """
    if not speech.script:
        return np.zeros(len(forms), bool)
    group = GROUPS[forms["script"]]
    elsewhere = (group != GROUPS[speech.script]) & (group > 0)
    names = np.isin(forms["script"], (LATIN, HAN)) & (forms["language"] == 0)
    foreign: Mask = elsewhere & ~(names & (speech.script != LATIN)) & (forms["script"] != 0)
    if speech.language is not None:
        main = language.index(speech.language)
        others = [language.index(code) for code in speech.others]
        told = np.isin(forms["language"], others) | ((forms["language"] > 0) & (group == GROUPS[HAN]))
        told |= ((forms["flags"] & features.CERTAIN) > 0) & (forms["language"] > 0) & (forms["length"] >= ALONE)
        foreign |= ~elsewhere & told
        foreign &= forms["language"] != main
    if speech.by_prompt:
        foreign &= forms["asked_in"] == language.index(speech.language or "")
    at_home = np.isin(forms["asked_in"], [language.index(code) for code in speech.answered]) & _is_at_home(forms)
    if speech.language is None:  # names, labels or code: a sentence is in its prompt's language, if in any
        at_home |= (forms["language"] > 0) & (forms["language"] == forms["asked_in"])
    foreign &= ~at_home
    return np.asarray(foreign & ((forms["flags"] & (features.COPIED | features.ASKED)) == 0))


def _answered(forms: Forms) -> list[str]:
    """Languages whose prompts are mostly answered in the same, but for code and names, which are in none."""
    says = (forms["language"] > 0) & ((forms["flags"] & features.COPIED) == 0)
    asked = _counts(forms["asked_in"][says | _is_at_home(forms)])
    at_home = _counts(forms["asked_in"][_is_at_home(forms)])
    return [LANGUAGES[code] for code in np.flatnonzero((at_home > 0) & (at_home >= MAJORITY * asked)).tolist()]


def _is_at_home(forms: Forms) -> Mask:
    """Answers that are in the language of their own prompts, or say nothing and are in letters of that."""
    asked = forms["asked_in"]
    scripts = np.array([0, *(language.script_of(code) for code in LANGUAGES[1:])], np.uint8)[asked]
    unsaid = (forms["language"] == 0) & (GROUPS[forms["script"]] == GROUPS[scripts])
    return np.asarray((asked > 0) & (unsaid | (forms["language"] == asked)))


def usual_lengths(lengths: NDArray[np.uint32], cores: NDArray[np.uint32], spread: float) -> tuple[int, int]:
    """(shortest, longest) that is usual: within `spread` standard deviations of the logarithm, robustly.

    Where lengths fall into two kinds that are far apart, the larger kind is the set's.
    """
    if len(lengths) < LEAST_COMPARED:
        return 0, LONGEST
    order = np.argsort(lengths)  # sums of floating-point numbers depend on the order
    cores = cores[order]
    logs = np.log(np.maximum(lengths[order], 1).astype(np.float64))
    is_labels = len(distinct(cores)) < FEW_CONTENTS * len(cores)
    least = LABEL_SPREAD if is_labels else LEAST_SPREAD
    main, wanted = _largest_kind(logs, cores, least)
    for _ in range(4):
        low, high = _fences(main, spread, least)
        main = main[(main >= low) & (main <= high)]
    nearer_low, nearer_high = _fences(main, spread - NEARER, least)
    shortest, longest = -_limit(-logs[::-1], -low, -nearer_low), _limit(logs, high, nearer_high)
    if "short" in wanted or _are_answers(cores[logs < shortest], len(logs)):
        shortest = -np.inf
    if "long" in wanted or _are_answers(cores[logs > longest], len(logs)):
        longest = np.inf
    return int(np.exp(shortest)), LONGEST if longest == np.inf else int(min(np.ceil(np.exp(longest)), LONGEST))


def brief_tasks(forms: Forms, shortest: int) -> list[int]:
    """Openings and closings of prompts most of whose answers are shorter than is usual: they want such answers."""
    is_short = forms["length"] < shortest
    return ends.tasks_of(forms, is_short, 1 - ends.TASK_CLOSED) if is_short.any() else []


def is_too_short(forms: Forms, shortest: int, tasks: Sequence[int] | None) -> Mask:
    """Answers under the shortest that is usual; not those that are to be brief, unless `tasks` is None."""
    found: Mask = forms["length"] < shortest
    if tasks is not None:
        found &= ~ends.is_of(forms, tasks) & ((forms["flags"] & features.BRIEF_ASKED) == 0)
    return found


def _fences(logs: NDArray[np.float64], spread: float, least: float) -> tuple[float, float]:
    below, middle, above = np.quantile(logs, (0.16, 0.5, 0.84))
    return float(middle - spread * max(middle - below, least)), float(middle + spread * max(above - middle, least))


def _limit(logs: NDArray[np.float64], fence: float, nearer: float) -> float:
    """The most that is usual, of sorted `logs`: the fence, or where the tail ends that goes on from many just inside
    of it; infinity where that has no end.
    """
    outside, before = logs > fence, (logs <= fence) & (logs > nearer)
    if outside.mean() <= TAIL_SHARE or before.sum() <= TAIL_DENSITY * outside.sum():
        return fence
    tail = logs[before.argmax() :]
    ends = np.flatnonzero((np.diff(tail) >= np.log(GAP)) & (tail[1:] > fence))
    return max(fence, float(tail[ends[0]]) + np.log(GAP) / 2) if len(ends) else np.inf


def _largest_kind(
    logs: NDArray[np.float64], cores: NDArray[np.uint32], least: float
) -> tuple[NDArray[np.float64], set[str]]:
    """The lengths of the largest kind, and the sides, `short` or `long`, on which others are wanted all the same.

    A kind that is large and says few things over and over is one of answers, such as yes and no among explanations.
    """
    wanted: set[str] = set()
    num_rows = len(logs)
    for _ in range(MOST_KINDS):
        minor = _smaller_kind(logs, least)
        if minor is None:
            break
        if _are_answers(cores[minor], num_rows):
            wanted.add("short" if logs[minor].mean() < logs[~minor].mean() else "long")
        logs, cores = logs[~minor], cores[~minor]
    return logs, wanted


def _are_answers(cores: NDArray[np.uint32], num_rows: int) -> bool:
    """Whether the answers of an unusual length are so many, or so many and few contents, that they are wanted."""
    repeats = len(distinct(cores)) < FEW_CONTENTS * len(cores)
    return len(cores) > (LARGE_MINORITY if repeats else LARGEST_MINORITY) * num_rows


def _smaller_kind(logs: NDArray[np.float64], least: float) -> Mask | None:
    """The rows of the smaller kind where there are two that are far apart (Otsu's threshold, Ashman's D), or have
    nothing between them.
    """
    counts, edges = np.histogram(logs, bins=256)
    middles = (edges[1:] + edges[:-1]) / 2
    below, total = np.cumsum(counts), counts.sum()
    first = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = (first[-1] * below / total - first) ** 2 / (below * (total - below))
    low = logs < edges[1 + int(np.nan_to_num(apart[:-1]).argmax())]
    if low.all() or not low.any():
        return None
    a, b = logs[low], logs[~low]
    distance = abs(a.mean() - b.mean()) / np.sqrt((max(a.std(), least) ** 2 + max(b.std(), least) ** 2) / 2)
    if distance < CLUSTERS_APART:
        low = logs <= logs[np.diff(logs).argmax()]
        if np.diff(logs).max() < np.log(WIDE_GAP) or min(low.mean(), 1 - low.mean()) <= TAIL_SHARE:
            return None
    return np.asarray(low if low.mean() < 0.5 else ~low)
