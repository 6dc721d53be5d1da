#!/usr/bin/env bash
# A text with an escaped `${...}` in an OmegaConf config that is resolved, saved or assigned, as training programs do with
# their config to say what they ran with.
#
# Version:  omegaconf 2.4.0; the same with 2.3.1, which Hydra 1.3 takes.
# Expected: `\${price}` is the text "${price}", and stays it: a config that is resolved holds the values that reading it gave
#           before.
# Seen:     resolving takes the escape away and puts nothing in its place, so the text is an interpolation from then on.
#           After `OmegaConf.resolve`, in what `save(resolve=True)` wrote once it is loaded, in a config made of
#           `to_container(resolve=True)`, and after `config.prompt = config.prompt` the same key reads "5" where it read
#           "${price}"; without a key of that name it raises, at a place that had worked. A prompt or a template that shows
#           shell or JavaScript is another one when the run is repeated from its record. Unresolved, all of it is right.
#           omry/omegaconf issue 1112 has a remark that configs behave differently once resolved.
# Exit 0 while that is so, 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check omegaconf==2.4.0
cat > "$folder/check.py" <<'PY'
import sys
from pathlib import Path

from omegaconf import OmegaConf

folder = Path(sys.argv[1])


def config():
    return OmegaConf.create({"price": 5, "prompt": r"Write ${price} into the row: \${price}"})


def resolved():
    made = config()
    OmegaConf.resolve(made)
    return made


def saved(resolve):
    OmegaConf.save(config(), folder / "config.yaml", resolve=resolve)
    return OmegaConf.load(folder / "config.yaml")


def assigned():
    made = config()
    made.prompt = made.prompt
    return made


found = {
    "read": config().prompt,
    "saved and loaded": saved(False).prompt,
    "resolved": resolved().prompt,
    "saved resolved and loaded": saved(True).prompt,
    "of a resolved container": OmegaConf.create(OmegaConf.to_container(config(), resolve=True)).prompt,
    "assigned to itself": assigned().prompt,
}
for name, text in found.items():
    print(f"{name}: {text}")
right, wrong = "Write 5 into the row: ${price}", "Write 5 into the row: 5"
sys.exit(list(found.values()) != [right] * 2 + [wrong] * 4)
PY
"$folder/venv/bin/python" "$folder/check.py" "$folder"
