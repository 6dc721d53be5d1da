#!/usr/bin/env bash
# pytest-xdist's `--dist loadgroup` and the mark `xdist_group`, under the pytest that is current.
#
# Versions: pytest 9.2.0, pytest-xdist 3.8.0, Linux, Python 3.11.
# Expected: six tests that are marked with one group are run by one process, as the documentation of `loadgroup` says.
# Seen:     two processes run three each, and nothing is said. The group is put behind the node's private `_nodeid`, which
#           pytest 9.2 reads no more, so the scheduler never sees it. Fixtures of a session that cost minutes, and were made
#           once because of the mark, are made in every process. `--dist loadfile` is not touched.
# Exit 0 while that is so, 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pytest==9.2.0 pytest-xdist==3.8.0
mkdir "$folder/tests"
cat > "$folder/tests/test_group.py" <<'PY'
import os, time
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("one")


@pytest.mark.parametrize("number", range(6))
def test_where(number):
    Path(__file__).with_name(f"{number}.seen").write_text(os.environ["PYTEST_XDIST_WORKER"])
    time.sleep(0.2)
PY
for way in loadgroup loadfile; do
  rm -f "$folder"/tests/*.seen
  (cd "$folder/tests" && "$folder/venv/bin/python" -m pytest -q -p no:cacheprovider -n 2 --dist "$way" > /dev/null)
  declare "$way=$(cat "$folder"/tests/*.seen | sed 's/gw/\n/g' | sort -u | grep -c .)"
done
echo "processes that ran the tests of one group: loadgroup $loadgroup, of one file: loadfile $loadfile"
[ "$loadgroup" = 2 ] && [ "$loadfile" = 1 ]
