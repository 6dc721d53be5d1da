#!/usr/bin/env bash
# What transformers reads of a Qwen3 config.json that has `rope_parameters`, as version 5 saves it, and `rope_scaling`, as
# model cards tell people to add it for longer contexts (YaRN).
#
# Version:  transformers 5.17.0, no torch needed.
# Expected: the scaling that was added, with the theta that stands in `rope_parameters`; or a word that two are given.
# Seen:     `rope_scaling` takes the place of all of `rope_parameters`: theta becomes the default of 10,000 where the file
#           says 1,000,000, and nothing is said. A config of version 4, where `rope_theta` stands at the top level, keeps its
#           theta beside the same `rope_scaling`. So the recipe that worked with files of version 4 makes another model of
#           those of version 5.
# Exit 0 while that is so, 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check transformers==5.17.0
cat > "$folder/check.py" <<'PY'
import json
import sys
from pathlib import Path

from transformers import AutoConfig

YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}


def read(name, values):
    folder = Path(sys.argv[1]) / name
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "qwen3", **values}))
    found = AutoConfig.from_pretrained(folder).rope_parameters
    print(f"{name}: theta {found['rope_theta']:,.0f}, {found['rope_type']}")
    return found["rope_theta"], found["rope_type"]


new = {"rope_theta": 1_000_000.0, "rope_type": "default"}
seen = [
    read("of version 5", {"rope_parameters": new}),
    read("of version 5 and rope_scaling", {"rope_parameters": new, "rope_scaling": YARN}),
    read("of version 4 and rope_scaling", {"rope_theta": 1_000_000.0, "rope_scaling": YARN}),
]
sys.exit(seen != [(1_000_000.0, "default"), (10_000.0, "yarn"), (1_000_000.0, "yarn")])
PY
"$folder/venv/bin/python" "$folder/check.py" "$folder" 2> "$folder/said" || { cat "$folder/said" >&2; exit 1; }
! grep -iE "rope" "$folder/said" || { echo "a word about it is said now" >&2; exit 1; }
