"""The verdict on two models: behaviour first, taste second, and no more sure than all its tests together are.

Up to three tests decide: sound answers, agreement with the references, a judge. Each is asked at a level at which two
equal models pass for different in no more than 1 - level of all comparisons (Bonferroni). What else is measured is
shown and decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from jobs.logic.comparing.judgement import Judgement
from jobs.logic.comparing.measures import AGREEMENT, Fact, Seen, facts
from jobs.logic.comparing.tallies import Resampling
from jobs.logic.comparing.words import interval
from jobs.logic.pages.amounts import count, percent, score
from jobs.logic.stats.interval import Interval

Word = Literal["better", "worse", "no difference shown", "cannot say"]
SOUND, JUDGE = "sound", "judge"


@dataclass(frozen=True)
class Verdict:
    """Of the first model against the second."""

    word: Word
    sentence: str


def split(how: Resampling, num_tests: int) -> Resampling:
    """The level of each of so many tests that are to hold together."""
    return replace(how, level=1 - (1 - how.level) / num_tests)


def verdict(
    seen: Sequence[Seen], names: tuple[str, str], how: Resampling, judgement: Judgement | None, same_file: bool
) -> Verdict:
    """`judgement` was made at `split(how, 3)`, where there is a judge."""
    if same_file:
        return Verdict("no difference shown", f"{names[0]} and {names[1]} are one file: what differs is chance")
    deciding = split(how, 2 if judgement is None else 3)
    found = {fact.name: fact for fact in facts(seen, deciding, (SOUND, AGREEMENT))}
    tests: dict[str, Interval] = {name: found[name].difference for name in (SOUND, AGREEMENT)}
    if judgement is not None and judgement.usable:
        tests[JUDGE] = judgement.net
    signs = {name: _sign(test) for name, test in tests.items()}
    liked = [signs[name] for name in (JUDGE, AGREEMENT) if signs.get(name)]
    if signs[SOUND]:
        return _by_behaviour(names, signs[SOUND], liked, found[SOUND])
    if len(set(liked)) > 1:
        return Verdict("cannot say", f"the judge and the references part: {_told(tests)}")
    if liked:
        better, other = names if liked[0] > 0 else names[::-1]
        word: Word = "better" if liked[0] > 0 else "worse"
        return Verdict(word, f"{better} is better than {other}: {_told({n: t for n, t in tests.items() if signs[n]})}")
    if not any(test.can_say for test in tests.values()):
        return Verdict("cannot say", f"{count(len(seen), 'row')} are too few to say anything of")
    return Verdict("no difference shown", _nothing(names, found, judgement, len(seen)))


def _sign(test: Interval) -> int:
    if not test.excludes(0):
        return 0
    return 1 if test.value > 0 else -1


def _by_behaviour(names: tuple[str, str], sign: int, liked: Sequence[int], sound: Fact) -> Verdict:
    """Who answers more soundly; what is liked of the other does not make up for it."""
    better, other = names if sign > 0 else names[::-1]
    shares = (sound.first, sound.second) if sign > 0 else (sound.second, sound.first)
    said = (
        f"{better} is better than {other} by behaviour: {percent(shares[0])} of its answers end and have no fault, of "
        f"{other}'s {percent(shares[1])}, a difference of {interval(sound.difference)}"
    )
    if liked and liked[0] != sign:
        said += f"; what {other} says is liked better, which does not make up for it"
    return Verdict("better" if sign > 0 else "worse", said)


def _told(tests: Mapping[str, Interval]) -> str:
    """What speaks for a difference of taste."""
    what = {AGREEMENT: ("agreement with the references", score), JUDGE: ("net wins by the judge", percent)}
    return ", ".join(f"{what[name][0]} {interval(test, what[name][1])}" for name, test in tests.items() if name in what)


def _nothing(names: tuple[str, str], found: Mapping[str, Fact], judgement: Judgement | None, num_rows: int) -> str:
    """What such a comparison could have shown."""
    least = [f"sound answers {percent(found[SOUND].least)}", f"agreement {score(found[AGREEMENT].least)}"]
    if judgement is not None and judgement.usable:
        least.append(f"net wins {percent(judgement.least)}")
    return (
        f"no difference shown between {names[0]} and {names[1]}; {count(num_rows, 'row')} show one of about "
        f"{', '.join(least)} or more"
    )
