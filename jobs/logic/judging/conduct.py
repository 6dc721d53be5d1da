"""How a judge behaved over some pairs: what it chose, how often it changed its mind, which place it likes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.logic.judging.pairs import Judged
from jobs.logic.stats.exact import position_bias

SERVERS_FAULT = "call-failed"


@dataclass(frozen=True)
class Conduct:
    """Counts of pairs, but for the last two."""

    num_pairs: int
    wins: int
    """Of the first answer."""
    losses: int
    ties: int
    flips: int
    unread: int
    unanswered: int
    """Of the unread: those that no server answered, of which the judge is not at fault."""
    first_place: int
    """Flips where it chose answer A both times."""
    second_place: int
    calls: int
    unparsable: int
    """Calls that it answered with no verdict."""

    @property
    def num_read(self) -> int:
        """Pairs with a verdict in both orders."""
        return self.num_pairs - self.unread

    @property
    def net(self) -> float:
        """Wins less losses, of the pairs that were read; NaN where there are none."""
        return (self.wins - self.losses) / self.num_read if self.num_read else math.nan

    @property
    def position_gap(self) -> float:
        """How much more of the pairs the first place won than the second, both orders alike."""
        return (self.first_place - self.second_place) / self.num_pairs

    @property
    def position_p(self) -> float:
        """That both places are as likely; NaN where no verdict changed with the order.

        Only flips can tell: of two verdicts that agree, one was for each place.
        """
        return position_bias(self.first_place, self.second_place)


def conduct(judged: Sequence[Judged]) -> Conduct:
    """Count what was said of these pairs."""
    ends = Counter(one.outcome for one in judged)
    places = Counter(one.orders for one in judged)
    calls = [call for one in judged for call in one.verdicts if call.failure != SERVERS_FAULT]
    return Conduct(
        len(judged),
        ends["win"],
        ends["loss"],
        ends["tie"],
        ends["flip"],
        ends["unread"],
        sum(one.outcome == "unread" and servers_fault(one) for one in judged),
        places["first", "second"],
        places["second", "first"],
        len(calls),
        sum(call.choice is None for call in calls),
    )


def servers_fault(judged: Judged) -> bool:
    """Whether each order without a verdict has a call that no server answered."""
    orders = [order for order in (0, 1) if judged.orders[order] is None]
    failed = {call.order for call in judged.verdicts if call.failure == SERVERS_FAULT}
    return set(orders) <= failed
