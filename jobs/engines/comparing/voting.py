"""Files of votes read with the key of their sheet, and told: `compare-votes`, and what `judge` is calibrated by."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.core import terminal
from jobs.core.errors import Exit, Refusal
from jobs.core.names import spelled
from jobs.core.provenance import file_digest
from jobs.engines.comparing.places import COMPARISONS
from jobs.engines.comparing.sheet_page import KEY
from jobs.logic.comparing import votes as voted, words
from jobs.logic.comparing.live import shown
from jobs.logic.comparing.options import Options
from jobs.logic.comparing.sheet import BadKey, Key, is_of, read_key
from jobs.logic.comparing.tallies import Resampling, counted, held_against
from jobs.logic.comparing.votes import BadVotes, Choice, Votes
from jobs.logic.judging.pairs import Pair
from jobs.logic.pages.amounts import count

JUDGED = "judged.json"
"""Beside a key: what a judge said of the pairs, by id."""
MOST_OF_A_COMMENT = 300
"""Signs on a terminal."""


@dataclass(frozen=True)
class Ballots:
    """Votes of several people on one sheet, and its key."""

    key: Key
    key_file: Path
    votes: list[Votes]


def read(
    files: Sequence[str], key_file: str | None, runs: Path, partly: bool, word: str, pairs: Sequence[Pair] | None = None
) -> Ballots:
    """Raises Refusal, with `word` for the key of the config, for a file that cannot be counted and what mends it; where
    `pairs` are given, also for votes on other answers than theirs."""
    if not files:
        raise Refusal(f"{word}: no votes; name the files that the raters saved", words=[f"{word}=[VOTES.json]"])
    found = [(Path(name), _votes(spelled(Path(name).expanduser()), word)) for name in files]
    path, data, key = _key(found, key_file, runs, word)
    if pairs is not None and not is_of(key, pairs):
        raise Refusal(
            f"{word}: {found[0][0]} is of a sheet of other answers; make a new one and have people vote on it"
        )
    for file, votes in found:
        try:
            voted.require_of(votes, key, data, partly)
        except BadVotes as bad:
            raise Refusal(f"{word}: {file} {bad}") from None
    try:
        voted.require_apart([(str(file), votes) for file, votes in found])
    except BadVotes as bad:
        raise Refusal(f"{word}: {bad}") from None
    return Ballots(key, path, [votes for _, votes in found])


def told(files: Sequence[str], runs: Path, word: str, pairs: Sequence[Pair] | None) -> str:
    """JSON of what people chose of each pair, and how many they are. Raises Refusal as `read` does."""
    ballots = read(files, None, runs, False, word, pairs)
    chosen = voted.by_pair(ballots.votes, ballots.key)
    return json.dumps({"raters": len(ballots.votes), "chosen": chosen}, indent=1, sort_keys=True) + "\n"


def digests(files: Sequence[str], word: str) -> dict[str, str]:
    """What is in each file that is there, under its place in the list: two folders may have files of one name."""
    places = ((place, spelled(Path(name).expanduser())) for place, name in enumerate(files, start=1))
    return {f"{word} {place} {path.name}": file_digest(path) for place, path in places if path.is_file()}


def compare_votes(asked: Options) -> int:
    """Tell the votes of any number of raters on one sheet."""
    ballots = read(asked.votes, asked.key, Path(asked.runs), asked.partly, "compare.votes")
    judged = _judged(ballots.key_file)
    key, how = ballots.key, Resampling(asked.num_resamples, asked.seed, asked.level)
    found = counted(ballots.votes, key, how)
    heads = tuple(name.replace("first", key.first).replace("second", key.second) for name in words.HEADS)
    terminal.table(f"votes on {key.first} (first) and {key.second} (second)", heads, words.votes_table(found))
    for rater, pair, comment in found.comments:
        terminal.say(f"{rater} on {shown(pair)}: {shown(' '.join(comment.split()), MOST_OF_A_COMMENT)}")
    terminal.say(
        f"{count(key.num_asked, 'prompt')}, {count(key.num_differing)} with two different answers, "
        f"{count(len(key.pairs))} of them on the sheet"
    )
    alphas = [words.agreed(found.alpha, "between raters")]
    if judged is not None:
        alphas.append(words.agreed(held_against(voted.by_pair(ballots.votes, key), judged, how), "with the judge"))
    for line in filter(None, alphas):
        terminal.say(line)
    print(words.preference(found.pooled, key.first, key.second), flush=True)
    return Exit.PASSED


def _votes(path: Path, word: str) -> Votes:
    try:
        with path.open("rb") as file:
            return voted.read(file.read(voted.MOST_BYTES + 1))
    except OSError as error:
        raise Refusal(f"{word}: {path}: {(error.strerror or str(error)).lower()}") from None
    except BadVotes as bad:
        raise Refusal(f"{word}: {path} {bad}") from None


def _key(found: Sequence[tuple[Path, Votes]], key_file: str | None, runs: Path, word: str) -> tuple[Path, bytes, Key]:
    """The key that is named, or the one of the first file's sheet that lies where keys do."""
    if key_file is not None:
        path = spelled(Path(key_file).expanduser())
        try:
            data = path.read_bytes()
            return path, data, read_key(data)
        except OSError as error:
            raise Refusal(f"compare.key: {path}: {(error.strerror or str(error)).lower()}") from None
        except BadKey as bad:
            raise Refusal(f"compare.key: {path} {bad}; give the file that was written with the sheet") from None
    sheet, problems = found[0][1].sheet, []
    for path in _keys([file for file, _ in found], runs):
        try:
            data = path.read_bytes()
            key = read_key(data)
        except OSError as error:
            problems.append(f"{path}: {(error.strerror or str(error)).lower()}")
            continue
        except BadKey as bad:
            problems.append(f"{path} {bad}")
            continue
        if key.sheet == sheet:
            return path, data, key
    told = f"; {problems[0]}" if problems else ""
    names = word.startswith("compare.")  # a judge has no word for it
    raise Refusal(
        f"{word}: {found[0][0]} is of the sheet {sheet[:12]}, and no key of it lies beside it or in "
        f"{runs / COMPARISONS}{told}; " + (f"name it with compare.key={KEY}" if names else f"put {KEY} beside it"),
        words=[f"compare.key={KEY}"] if names else [],
    )


def _keys(files: Sequence[Path], runs: Path) -> Iterator[Path]:
    """Files that may be keys, each once."""
    beside = [file.expanduser().parent / KEY for file in files]
    yield from dict.fromkeys(
        path for path in (*beside, *sorted((runs / COMPARISONS).glob(f"*/{KEY}"))) if path.is_file()
    )


def _judged(key_file: Path) -> dict[str, Choice | None] | None:
    """What a judge said of the sheet's pairs, where one was asked. Raises Refusal for a file that is damaged."""
    path = key_file.parent / JUDGED
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise Refusal(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(one in (*voted.WORTH, None) for one in found.values()):
        raise Refusal(
            f"{path}: is not what a judge said of the sheet's pairs; move it away, or make the comparison again"
        )
    return found
