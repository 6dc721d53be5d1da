"""Make more rows to train on. (being built)"""

from __future__ import annotations

import sys
from pathlib import Path

from jobs.checks.synth import GATE, SynthFacts
from jobs.checks.synth_config import SynthConfig
from jobs.core.artifact import Inputs
from jobs.core.stage import stage_main


def run(cfg: SynthConfig, inputs: Inputs, out: Path) -> SynthFacts:
    raise NotImplementedError


main = stage_main("synth", SynthConfig, run, GATE)

if __name__ == "__main__":
    sys.exit(main())
