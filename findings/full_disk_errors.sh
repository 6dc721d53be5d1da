#!/usr/bin/env bash
# What five libraries raise where a file cannot grow, under RLIMIT_FSIZE of 64 KiB, CPU, Linux, Python 3.11.
#
# Versions: safetensors 0.8.0, tokenizers 0.23.3, torch 2.13.0, numpy 2.4.6, pyarrow 26.0.1.
# Expected: an OSError with errno EFBIG (27), as open().write() raises, so that a program can tell "the machine has no
#           room" from "the program is wrong".
# Seen:     only pyarrow does so. safetensors and tokenizers raise classes that are no OSError and have no errno, the
#           number stands in the text ("os error 27"). numpy.save raises an OSError without errno ("... requested and ...
#           written"). torch.save raises a RuntimeError that names neither disk nor limit ("unexpected pos ... vs ..."). On
#           a disk that is full they do the same, with 28 in the place of 27. A handler for OSError alone, or for errno
#           alone, takes a full disk for a bug in three of five.
# Exit 0 while that is so, 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  safetensors==0.8.0 tokenizers==0.23.3 torch==2.13.0 numpy==2.4.6 pyarrow==26.0.1 packaging
cat > "$folder/check.py" <<'PY'
import resource, sys
from pathlib import Path

import numpy as np, pyarrow as pa, pyarrow.parquet as pq, tokenizers, torch
from safetensors.numpy import save_file

folder, data = Path(sys.argv[1]), np.arange(1 << 18, dtype=np.float32)
words = tokenizers.Tokenizer(tokenizers.models.WordLevel({f"word {n}": n for n in range(20_000)}, unk_token="word 0"))
writers = {
    "safetensors.save_file": lambda path: save_file({"data": data}, path),
    "tokenizers.Tokenizer.save": lambda path: words.save(str(path)),
    "torch.save": lambda path: torch.save(torch.from_numpy(data), path),
    "numpy.save": lambda path: np.save(path, data),
    "pyarrow.parquet.write_table": lambda path: pq.write_table(pa.table({"data": data}), path),
}
seen = {
    "safetensors.save_file": ("SafetensorError", False, None, "os error 27"),
    "tokenizers.Tokenizer.save": ("Exception", False, None, "os error 27"),
    "torch.save": ("RuntimeError", False, None, "unexpected pos"),
    "numpy.save": ("OSError", True, None, "requested and"),
    "pyarrow.parquet.write_table": ("OSError", True, 27, "File too large"),
}
resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
changed = False
for name, write in writers.items():
    try:
        write(folder / name)
        found, text = ("no error", False, None), ""
    except Exception as error:
        found, text = (type(error).__name__, isinstance(error, OSError), getattr(error, "errno", None)), str(error)
    same = found == seen[name][:3] and seen[name][3] in text
    changed |= not same
    print(f"{name}: {found[0]}, is an OSError: {found[1]}, errno {found[2]}: {text.splitlines()[0] if text else ''}"
          + ("" if same else f"   CHANGED, was {seen[name]}"))
sys.exit(1 if changed else 0)
PY
mkdir "$folder/files"
"$folder/venv/bin/python" "$folder/check.py" "$folder/files"
