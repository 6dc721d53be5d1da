"""Groups stay whole, labels give their share, and held-out rows stay held out when data grows."""

from collections import Counter
from random import Random

import numpy as np
import pytest

from jobs.logic.rows import keys as row_keys, split
from jobs.logic.rows.keys import Keys, hashed
from jobs.logic.rows.near import Pair
from jobs.logic.rows.split import Split, SplitOptions, held_out


def options(fraction: float = 0.2, max_rows: int = 10_000, by_label: bool = True, seed: int = 1) -> SplitOptions:
    return SplitOptions(fraction, max_rows, by_label, seed)


def keys(rows: list[tuple[str | None, str, str | None]]) -> Keys:
    """(source, prompt, label) of each row."""
    found = np.zeros(len(rows), row_keys.dtype(1.0))
    for number, (source, prompt, label) in enumerate(rows):
        found["source"][number] = hashed(source) if source else 0
        found["prompt"][number] = hashed(prompt)
        found["label"][number] = hashed(label) if label else 0
        found["sketch"]["bands"][number] = number
    return found


def single(num_rows: int) -> Keys:
    return keys([(None, f"question {number}", None) for number in range(num_rows)])


def draw(
    found: Keys, pairs: list[Pair] | None = None, previous: frozenset[int] = frozenset(), **kind: float
) -> list[bool]:
    out: list[bool] = held_out(found, pairs or [], previous, options(**kind)).is_out.tolist()  # type: ignore[arg-type]
    return out


def test_rows_of_a_source_a_prompt_or_near_each_other_go_together() -> None:
    rows = [(f"s{number // 3}", f"question {number}", None) for number in range(300)]
    rows += [(None, f"question {number}", None) for number in range(0, 300, 7)]
    pairs = [Pair(number, number + 150, 0.9) for number in range(30)]
    out = draw(keys(rows), pairs)
    assert all(out[number] == out[number // 3 * 3] for number in range(300))
    assert all(out[300 + place] == out[number] for place, number in enumerate(range(0, 300, 7)))
    assert all(out[pair.first] == out[pair.second] for pair in pairs)
    assert 0.1 < sum(out) / len(out) < 0.35


SOURCES, ROWS, BRIDGES = 60, 480, 70


def bridged(order: str, seed: int) -> tuple[Keys, list[Pair], list[bool]]:
    """Sources of eight rows, and rows of theirs that are each near a row of the next source; which rows those are."""
    rng = Random(seed)
    rows = [((f"s{number // 8}", f"question {number}", None), number, -1) for number in range(ROWS)]
    ends = [(number % SOURCES, ((number + 1) % SOURCES) * 8 + rng.randrange(8)) for number in range(BRIDGES)]
    bridges = [((f"s{source}", f"b {place}", None), -1, end) for place, (source, end) in enumerate(ends)]
    found = {"behind": [*rows, *bridges], "before": [*bridges, *rows], "mixed": [*rows, *bridges]}[order]
    if order == "mixed":
        rng.shuffle(found)
    places = {number: place for place, (_, number, _) in enumerate(found) if number >= 0}
    pairs = [Pair(*sorted((place, places[end])), 0.9) for place, (_, _, end) in enumerate(found) if end >= 0]
    return keys([key for key, _, _ in found]), sorted(pairs), [end >= 0 for _, _, end in found]


def parted(pairs: list[Pair], found: Split) -> list[Pair]:
    """Pairs of rows that are kept on two sides."""
    return [
        pair
        for pair in pairs
        if found.is_out[pair.first] != found.is_out[pair.second] and not found.between.keys() & set(pair[:2])
    ]


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("order", ["behind", "before", "mixed"])
def test_rows_that_tie_sources_together_do_not_turn_the_split_over(order: str, seed: int) -> None:
    found, pairs, _ = bridged(order, seed)
    split_ = held_out(found, pairs, frozenset(), options(seed=seed))
    kept = np.delete(split_.is_out, list(split_.between))
    assert abs(kept.sum() - 0.2 * len(kept)) <= 16
    assert not parted(pairs, split_)
    assert len(split_.between) <= BRIDGES // 2
    assert all(split_.is_out[other] != split_.is_out[row] for row, (other, _) in split_.between.items())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rows_that_are_appended_change_no_draw(seed: int) -> None:
    found, pairs, is_bridge = bridged("behind", seed)
    before = held_out(found[:ROWS], [], frozenset(), options(seed=seed))
    after = held_out(found, pairs, frozenset(), options(seed=seed))
    assert is_bridge[ROWS:] == [True] * BRIDGES
    assert after.is_out[:ROWS].tolist() == before.is_out.tolist()
    lost = set(after.between) & set(np.flatnonzero(before.is_out).tolist())
    assert len(lost) <= 2


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_chain_of_rows_is_cut_at_one_place(shuffled: bool) -> None:
    order = Random(5).sample(range(550), 550) if shuffled else list(range(550))
    pairs = [Pair(*sorted((order[place], order[place + 1])), 0.9 - place % 7 / 100) for place in range(549)]
    found = held_out(single(550), sorted(pairs), frozenset(), options())
    assert len(found.between) <= 2
    assert abs(found.is_out.sum() - 110) <= 12
    assert not parted(pairs, found)


def test_a_large_set_of_near_copies_is_trained_on_whole() -> None:
    crowd = sorted(Random(2).sample(range(550), 300))
    pairs = [Pair(first, second, 0.9) for place, first in enumerate(crowd) for second in crowd[place + 1 :]]
    found = held_out(single(550), pairs, frozenset(), options())
    assert not found.between
    assert not found.is_out[crowd].any()
    assert abs(found.is_out.sum() - 110) <= 8


def test_of_near_copies_in_many_sources_the_fewer_go() -> None:
    rows = [(f"s{number // 8}", f"question {number}", None) for number in range(400)]
    crowd = list(range(0, 400, 2))
    pairs = [Pair(first, second, 0.9) for place, first in enumerate(crowd) for second in crowd[place + 1 :]]
    pairs = [pair for pair in pairs if pair.first // 8 != pair.second // 8]
    found = held_out(keys(rows), pairs, frozenset(), options())
    assert not parted(pairs, found)
    assert found.is_out[list(found.between)].all()
    assert len(found.between) < 0.4 * len(crowd)


def test_rows_held_out_before_never_go() -> None:
    rows = [(f"s{number // 8}", f"question {number}", None) for number in range(400)]
    first = held_out(keys(rows), [], frozenset(), options())
    old = [number for number, is_out in enumerate(first.is_out) if is_out]
    new = [number for number, is_out in enumerate(first.is_out) if not is_out]
    pairs = [Pair(*sorted((old[place % 5], row)), 0.9) for place, row in enumerate(new[:40])]
    previous = frozenset(keys(rows)["prompt"][old].tolist())
    found = held_out(keys(rows), sorted(pairs), previous, options(seed=9))
    assert found.is_out[old].all()
    assert not set(old) & set(found.between)
    assert not parted(pairs, found)


def test_share_of_many_groups() -> None:
    assert abs(sum(draw(single(5000), seed=3407)) / 5000 - 0.2) < 0.02


def test_of_a_large_set_a_smaller_share_is_held_out() -> None:
    out = draw(single(20_000), max_rows=500)
    assert 500 <= sum(out) < 500 * 4
    assert sum(out[10_000:]) > 100


@pytest.mark.parametrize("max_rows", [50, 10_000])
def test_grown_data_keeps_its_held_out_rows(max_rows: int) -> None:
    rng = Random(4)
    rows = [
        (f"s{rng.randrange(80)}" if number % 3 else None, f"question {rng.randrange(3000)}", f"label {number % 4}")
        for number in range(400)
    ]
    pairs = [Pair(*sorted(rng.sample(range(400), 2)), 0.9) for _ in range(25)]
    for border in (100, 200, 399):
        before = draw(keys(rows[:border]), [pair for pair in pairs if pair.second < border], max_rows=max_rows)
        after = draw(keys(rows), pairs, max_rows=max_rows)
        assert all(now for now, then in zip(after, before, strict=False) if then)


def test_held_out_rows_of_an_earlier_run_stay_so_in_any_order() -> None:
    rows = [(None, f"question {number}", None) for number in range(200)]
    first = keys(rows)
    before = {prompt for prompt, out in zip(first["prompt"].tolist(), draw(first), strict=True) if out}
    mixed = [(f"source {number % 50}", prompt, label) for number, (_, prompt, label) in enumerate(rows)]
    Random(1).shuffle(mixed)
    second = keys(mixed)
    out = draw(second, previous=frozenset(before), seed=2)
    assert before <= {prompt for prompt, is_out in zip(second["prompt"].tolist(), out, strict=True) if is_out}


@pytest.mark.parametrize("seed", range(5))
def test_every_label_gives_its_share(seed: int) -> None:
    sizes = {"common": 500, "rare": 25, "rarest": 5}
    rows = [(None, f"{label} {number}", label) for label, size in sizes.items() for number in range(size)]
    Random(seed).shuffle(rows)
    out = draw(keys(rows), seed=seed)
    counts = Counter(label for (_, _, label), is_out in zip(rows, out, strict=True) if is_out)
    assert {label: abs(counts[label] - size / 5) <= 1 for label, size in sizes.items()} == dict.fromkeys(sizes, True)
    blind = draw(keys(rows), seed=seed, by_label=False)
    assert blind != out


def test_seed_decides() -> None:
    assert draw(single(100)) == draw(single(100)) != draw(single(100), seed=2)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("fraction", [0.01, 0.2, 0.99])
def test_both_sides_have_a_row(seed: int, fraction: float) -> None:
    rows = [(f"s{number % 2}", f"question {number}", None) for number in range(4)]
    assert 0 < sum(draw(keys(rows), fraction=fraction, seed=seed)) < 4


@pytest.mark.parametrize("seed", range(20))
def test_most_of_the_rows_are_never_held_out(seed: int) -> None:
    rows = [("large", f"question {number}", None) for number in range(8)] + [(None, "a", None), (None, "b", None)]
    out = draw(keys(rows), fraction=0.5, seed=seed)
    assert not out[0]
    assert any(out)


def test_one_group_cannot_be_split() -> None:
    with pytest.raises(ValueError, match="one source"):
        draw(keys([("s", "a", None), ("s", "b", None)]))


def test_rows_by_label() -> None:
    labels = ["b", None, "a", "a", "b"]
    assert split.by_label(labels, [True, True, False, True, False]) == {"a": [1, 1], "b": [1, 1]}
