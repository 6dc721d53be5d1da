"""Votes of people on a blind sheet: read, held against the key, counted for each rater and for all together."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from jobs.logic.comparing.live import shown
from jobs.logic.comparing.sheet import Key

FORMAT = "kiwame-votes-1"
SIDES = ("left", "right")
BOTH = ("both_good", "both_bad")
Choice = Literal["first", "second", "tie"]
WORTH: Mapping[Choice, int] = {"first": 1, "second": -1, "tie": 0}
MOST_BYTES = 64 * 2**20
"""Of one rater's file: thousands of pairs with a long comment each."""
MOST_OF_A_NAME = 60
"""Signs, as many as the page takes."""


class BadVotes(ValueError):
    """What cannot be counted; the message is one line and says why."""


@dataclass(frozen=True)
class Votes:
    """One rater's file."""

    sheet: str
    key_sha256: str
    rater: str
    """Drawn by the page, so that one person's two files are known."""
    name: str
    """What the rater calls themselves, fit for a terminal; may be empty."""
    choices: tuple[str | None, ...]
    """By place in the sheet: left, right, both_good, both_bad, or None where nothing was chosen."""
    comments: tuple[str, ...]

    @property
    def label(self) -> str:
        """How a table calls the rater."""
        return self.name or f"rater {self.rater[:8]}"

    @property
    def num_given(self) -> int:
        return sum(choice is not None for choice in self.choices)


def read(data: bytes) -> Votes:
    """Raises BadVotes for anything that the sheet has not written."""
    if len(data) > MOST_BYTES:
        raise BadVotes(f"has {len(data):,} bytes; votes have at most {MOST_BYTES:,}")
    try:
        found = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, RecursionError):
        raise BadVotes("is no JSON in UTF-8; give the file that the sheet saved") from None
    except ValueError as error:
        raise BadVotes(f"is no JSON ({error}); give the file that the sheet saved") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise BadVotes(f'holds no votes of a sheet (no "format": "{FORMAT}"); give the file that the sheet saved')
    for name in ("sheet", "key_sha256", "rater", "name"):
        if not isinstance(found.get(name), str):
            raise BadVotes(f"{name}: expected a text, got {_short(found.get(name))}")
        if name != "name" and not found[name].isprintable():
            raise BadVotes(f"{name}: expected what the sheet writes, got {_short(found[name])}")
    if not found["rater"]:
        raise BadVotes("rater: is empty; the sheet writes one")
    votes = found.get("votes")
    if not isinstance(votes, list) or not votes:
        raise BadVotes(f"votes: expected a list, got {_short(votes)}")
    given = [_vote(place, one) for place, one in enumerate(votes, start=1)]
    name = shown(" ".join(unicodedata.normalize("NFC", found["name"]).split()), MOST_OF_A_NAME)
    return Votes(
        found["sheet"], found["key_sha256"], found["rater"], name,
        tuple(choice for choice, _ in given), tuple(comment for _, comment in given),
    )  # fmt: skip


def _vote(place: int, one: Any) -> tuple[str | None, str]:
    if not isinstance(one, dict) or type(one.get("pair")) is not int or one["pair"] != place:
        raise BadVotes(f"votes: number {place} is {_short(one)}, expected the vote on pair {place}")
    choice, comment = one.get("vote"), one.get("comment", "")
    if choice is not None and choice not in (*SIDES, *BOTH):
        raise BadVotes(f"pair {place}: the vote is {_short(choice)}, expected one of {', '.join((*SIDES, *BOTH))}")
    if not isinstance(comment, str):
        raise BadVotes(f"pair {place}: the comment is {_short(comment)}, expected a text")
    return choice, comment


def require_of(votes: Votes, key: Key, key_bytes: bytes, partly: bool) -> None:
    """Raises BadVotes for votes of another sheet, against another key, or on a part of the pairs unless `partly`."""
    if votes.sheet != key.sheet:
        raise BadVotes(f"are votes of another sheet ({votes.sheet[:12]}), the key is of {key.sheet[:12]}")
    digest = hashlib.sha256(key_bytes).hexdigest()
    if votes.key_sha256 != digest:
        raise BadVotes(
            f"were given to a sheet whose key has the digest {votes.key_sha256[:12]}, this one has {digest[:12]}: the "
            "key was changed, or is another one"
        )
    if len(votes.choices) != len(key.pairs):
        raise BadVotes(f"has {len(votes.choices):,} pairs, the sheet has {len(key.pairs):,}")
    if votes.num_given < len(key.pairs) and not (partly and votes.num_given):
        way = "" if not votes.num_given else "; or count what there is with compare.partly=true"
        raise BadVotes(
            f"has votes on {votes.num_given:,} of {len(key.pairs):,} pairs; open the sheet, go on from this file and "
            f"save it again{way}"
        )


def require_apart(found: Sequence[tuple[str, Votes]]) -> None:
    """Raises BadVotes where one rater comes twice; each is a file's name and its votes."""
    for place, (file, votes) in enumerate(found):
        for other, earlier in found[:place]:
            if votes.rater == earlier.rater:
                raise BadVotes(f"{file} and {other} are of one rater (one browser); give the later one alone")
            if votes.name and votes.name.casefold() == earlier.name.casefold():
                raise BadVotes(f"{file} and {other} are of one name ({votes.name}); give the later one alone")


def chosen(votes: Votes, key: Key) -> list[Choice | None]:
    """By place in the sheet: which of the two the rater would rather have; both good and both bad are ties."""
    return [_chosen(choice, entry.left) for choice, entry in zip(votes.choices, key.pairs, strict=True)]


def _chosen(choice: str | None, left: str) -> Choice | None:
    if choice is None:
        return None
    if choice in BOTH:
        return "tie"
    return "first" if (choice == "left") == (left == "first") else "second"


def by_pair(raters: Sequence[Votes], key: Key) -> dict[str, Choice]:
    """What people together think of each pair that has a vote: what more of them chose, a tie where they part.

    This is what a judge's verdicts are held against.
    """
    found: dict[str, Choice] = {}
    columns = [chosen(votes, key) for votes in raters]
    for place, entry in enumerate(key.pairs):
        given = [column[place] for column in columns]
        worth = [WORTH[choice] for choice in given if choice is not None]
        if worth:
            total = sum(worth)
            found[entry.id] = "first" if total > 0 else "second" if total < 0 else "tie"
    return found


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
