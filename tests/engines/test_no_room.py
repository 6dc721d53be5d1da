"""Whatever a library that writes files raises where one cannot grow, `core/room.py` tells it as the machine's lack."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.core.provenance import ROOT

MOST_BYTES = 65_536
CODE = """
import json, resource, sys
from pathlib import Path
import numpy as np, pyarrow, pyarrow.parquet, safetensors.torch, torch, tokenizers
from jobs.core import room
folder = Path(sys.argv[1])
words = tokenizers.Tokenizer(tokenizers.models.WordLevel({f"word {n}": n for n in range(20_000)}, unk_token="word 0"))
data = np.arange(1 << 18, dtype=np.float32)

writers = {
    "safetensors": lambda path: safetensors.torch.save_file({"data": torch.from_numpy(data)}, path),
    "tokenizers": lambda path: words.save(str(path)),
    "torch": lambda path: torch.save(torch.from_numpy(data), path),
    "numpy": lambda path: np.save(path, data),
    "pyarrow": lambda path: pyarrow.parquet.write_table(pyarrow.table({"data": data}), path),
    "text": lambda path: path.write_text("x" * (1 << 20)),
}
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), hard))
said = {}
for name, write in writers.items():
    try:
        write(folder / name)
    except Exception as error:
        said[name] = [room.told(error), f"{type(error).__name__}: {error}"]
print(json.dumps(said))
"""


@pytest.mark.parametrize("name", ["safetensors", "tokenizers", "torch", "numpy", "pyarrow", "text"])
def test_a_file_that_cannot_grow_is_the_machines_problem(name: str, said: dict[str, list[str]]) -> None:
    told, error = said[name]
    assert told, error


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    folder: Path = tmp_path_factory.mktemp("no_room")
    words = [sys.executable, "-c", CODE, str(folder), str(MOST_BYTES)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=True)
    found: dict[str, list[str]] = json.loads(done.stdout)
    assert max(path.stat().st_size for path in folder.iterdir()) <= MOST_BYTES
    return found
