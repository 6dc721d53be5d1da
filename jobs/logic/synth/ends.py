"""Why no further candidate is tried."""

from __future__ import annotations

from typing import Literal

Ended = Literal["enough", "candidates", "acceptance", "seeds"]
ENDED: dict[Ended, str] = {
    "enough": "all rows that were wanted are there",
    "candidates": "as many candidates were tried as synth.candidates.most_per_row allows",
    "acceptance": "fewer candidates were taken than synth.candidates.min_acceptance",
    "seeds": "nothing was left to make candidates from",
}
